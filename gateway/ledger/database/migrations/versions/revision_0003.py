"""Was about the keystore alone: what was done here is `keystore_0002` of `keystore.store` now."""

revision = "0003"
down_revision: str | None = "0002"


def upgrade() -> None:
    """Leave the ledger as it is."""
