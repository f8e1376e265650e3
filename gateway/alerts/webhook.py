"""A notice goes to a webhook: JSON, with a signature that says who sent it and when."""

import hashlib
import hmac
import time
from typing import Final

from gateway.posting import PostFailed, post

TIMESTAMP_FIELD: Final = "Wssgate-Timestamp"
"""Seconds since the epoch at which it was sent, in decimal."""
SIGNATURE_FIELD: Final = "Wssgate-Signature"
"""`sha256=` and the HMAC-SHA256 over the timestamp, a dot and the body, hexadecimal."""
ID_FIELD: Final = "Idempotency-Key"
"""The id of the notice: the same at each attempt to deliver it."""


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """What the field of the signature holds."""
    return "sha256=" + hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def post_notice(url: str, secret: str, body: bytes, notice_id: str) -> str | None:
    """Send it; why that failed, without the URL, which may hold a secret; or None. Blocks for ten seconds at most."""
    timestamp = str(int(time.time()))
    fields = {
        "Content-Type": "application/json",
        "User-Agent": "wssgate",
        TIMESTAMP_FIELD: timestamp,
        SIGNATURE_FIELD: signature(secret, timestamp, body),
        ID_FIELD: notice_id,
    }
    try:
        post(url, body, fields, called="the webhook")
    except PostFailed as error:
        return str(error)
    return None
