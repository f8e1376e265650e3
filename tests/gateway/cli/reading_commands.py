"""Every command that only reads the database, as it is typed; RECORD stands for the id of a record."""

from typing import Final

READING: Final = (
    "status",
    "tail --count 1",
    "keystore list",
    "keystore show acme-2024",
    "keystore history",
    "keystore at 1",
    "keystore export acme-2024",
    "endpoint list",
    "renewal list",
    "renewal infer",
    "renewal policy list",
    "report usage",
    "report cutover",
    "report expiry",
    "report rejections",
    "report failures",
    "report unknown-keys",
    "alerts list",
    "alerts history",
    "ledger list",
    "ledger show RECORD",
    "ledger export",
    "ledger verify",
)
"""But for those that need an open renewal, and `ledger prove`, which writes its bundle."""

CHANGING: Final = "keystore retire acme-2024 --reason x --force"
"""One that changes something."""

NOT_READING: Final = frozenset(
    {
        *("init", "serve", "demo", "migrate", "verify", "replay"),
        *(f"keystore {name}" for name in ("add", "import", "trust", "set", "retire", "restore", "purge")),
        *(
            "endpoint end",
            "endpoint rename",
            "renewal policy set",
            "ledger prune",
            "ledger verify-bundle",
            "alerts test",
        ),
        *(f"renewal {name}" for name in ("start", "change", "confirm", "waive", "retire", "withdraw", "abandon")),
        "alerts test",
        # Of an open renewal.
        *(f"renewal {name}" for name in ("status", "rehearse", "notice", "signoff", "verify-signoff")),
        "ledger prove",
        # Its plan is tried out in a transaction that is rolled back.
        "keystore sync",
    }
)
"""The other ones: they change something, need no database, or need more than is here."""
