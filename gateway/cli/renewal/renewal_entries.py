"""The entries of the keystore that a renewal is about, whatever they are called by now."""

from collections.abc import Sequence

from gateway.renewal import PlannedCertificate
from keystore.store import StoredEntry


def entry_of(entries: Sequence[StoredEntry], certificate: PlannedCertificate) -> StoredEntry | None:
    """The entry with that certificate; None where it is not in the keystore any more."""
    return next((entry for entry in entries if entry.thumbprint == certificate.thumbprint), None)
