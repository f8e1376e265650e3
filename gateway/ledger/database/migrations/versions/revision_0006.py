"""Was about the keystore alone: what was done here is `keystore_0003` of `keystore.store` now."""

revision = "0006"
down_revision: str | None = "0005"


def upgrade() -> None:
    """Leave the ledger as it is."""
