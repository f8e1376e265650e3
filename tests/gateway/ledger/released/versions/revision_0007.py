"""The keystore's tables have a version of their own from here on.

Nothing changes in the ledger. A program that knows revisions up to 0006 only reads this one, and would not see that the
keystore's tables are newer than it knows: the number keeps it from opening such a database.
"""

revision = "0007"
down_revision: str | None = "0006"


def upgrade() -> None:
    """Leave the ledger as it is."""
