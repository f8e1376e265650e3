"""What a rejected message carried, and what a second implementation said of an accepted one."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision: str | None = "0001"


def upgrade() -> None:
    """Add two columns that may be NULL: records made before say nothing about them."""
    op.add_column("messages", sa.Column("embedded", sa.Text))
    op.add_column("messages", sa.Column("second_opinion", sa.Text))
