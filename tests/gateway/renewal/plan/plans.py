"""Certificates and renewals to plan with."""

from datetime import timedelta
from typing import Any, Final

from gateway.renewal import Author, NewRenewal, PlannedCertificate, planned
from keystore import Alias, TrustedCertificate
from tests.keystore.issuing import NOON, issue

BOB: Final = Author("bob", NOON)
DAY: Final = timedelta(days=1)


def certificate(alias: str, key: str = "") -> PlannedCertificate:
    """A certificate of that alias, over the key of another one where that is named."""
    return planned(TrustedCertificate(Alias(alias), issue(alias, key=key)))


OLD: Final = certificate("acme-2024")
NEW: Final = certificate("acme-2026")
RENEWED: Final = certificate("acme-2025", key="acme-2024")


def plan(**fields: Any) -> NewRenewal:
    """A renewal of `OLD` to `NEW` at the endpoint `orders`."""
    return NewRenewal(**{"name": "acme-2026", "endpoints": ["orders"], "old": (OLD,), "new": NEW, **fields})
