"""Certificates of unknown signers are kept, so that they can be looked at, compared and added from a record."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision: str | None = "0009"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "unknown_certificates",
        sa.Column("endpoint", sa.Text, primary_key=True),
        sa.Column("thumbprint", sa.String(64), primary_key=True),
        sa.Column("messages", sa.BigInteger, nullable=False),
        sa.Column("good_messages", sa.BigInteger, nullable=False),
        sa.Column("first_seen", sa.BigInteger, nullable=False),
        sa.Column("last_seen", sa.BigInteger, nullable=False),
        sa.Column("record", sa.String(36), nullable=False),
        sa.Column("certificate", sa.LargeBinary, nullable=False),
    )
