"""What gates saw stands in the history, entries name whom they replace, and a scheduled end is carried out by somebody.

`trusted_until` keeps what it always meant: trust that ends by itself. Ends that are set from now on go into
`scheduled_end`, so that a process of the former version that is still running ends no trust past the gate.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision: str | None = "0004"


def upgrade() -> None:
    """Add the columns, empty for everything from before."""
    op.add_column("keystore_history", sa.Column("gate", sa.Text))
    op.add_column("keystore_entries", sa.Column("scheduled_end", sa.BigInteger))
    op.add_column("keystore_entries", sa.Column("replaces", sa.Text))
