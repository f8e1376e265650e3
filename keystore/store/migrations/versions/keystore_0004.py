"""The triggers call a function of the keystore's own.

Tables that were taken over from the gateway, which made them until its schema 0006, call one of the gateway's.
"""

from keystore.store.migrations.append_only import refuse_changes

revision = "0004"
down_revision: str | None = "0003"


def upgrade() -> None:
    """Make function and triggers anew where there are others."""
    refuse_changes("keystore_revisions", "keystore_history", "keystore_chain")
