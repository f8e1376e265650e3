"""Whether a certificate is near its end, in a word."""

from datetime import datetime, timedelta
from typing import Final

EXPIRED: Final = "EXPIRED"
SOON: Final = "soon"

_SOON: Final = timedelta(days=30)
"""Time enough to get a new certificate and to announce it."""


def expiry_word(not_after: datetime, at: datetime) -> str:
    """`EXPIRED`, or `soon`, or nothing where `not_after` is far from `at`."""
    if not_after < at:
        return EXPIRED
    return SOON if not_after < at + _SOON else ""
