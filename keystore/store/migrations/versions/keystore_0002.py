"""The history of the keystore says what was overridden by force, and its head is there from the beginning."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision: str | None = "0001"


def upgrade() -> None:
    """Add the column, empty for what was changed before, and the row in whose lock the writers stand in a row."""
    op.add_column("keystore_history", sa.Column("overrode", sa.Text))
    # Where the row is made by the first change, two first changes at once both try to make it.
    op.execute(
        "INSERT INTO keystore_head (id, revision) SELECT 1, 0 "
        "WHERE NOT EXISTS (SELECT 1 FROM keystore_head WHERE id = 1)"
    )
