"""The messages that every verifier of the comparison gets: the same bytes, signed by an independent signer."""

from datetime import UTC, datetime
from functools import cache
from typing import Final

from fixtures.generator.signing import sign
from fixtures.generator.soap import BODY, TIMESTAMP, Envelope, direct, signature, timestamp, token

AT: Final = datetime(2026, 6, 1, 12, 0, 30, tzinfo=UTC)
"""The instant of verification: half a minute after the Timestamp of the messages."""
SIZES: Final = {"5 KB": 5 * 1024, "50 KB": 50 * 1024, "1 MB": 1024 * 1024}
_LINE: Final = (
    "<ord:line><ord:number>{0:06d}</ord:number><ord:article>Hinge, left, galvanised</ord:article>"
    "<ord:amount>10.00</ord:amount></ord:line>"
)


@cache
def signed_message(size: int) -> bytes:
    """A response of about `size` bytes: Body and Timestamp signed with RSA-SHA256, the certificate sent along."""
    return _signed(max(0, (size - len(_signed(0))) // len(_LINE.format(0))))


def _signed(lines: int) -> bytes:
    content = "".join(_LINE.format(number) for number in range(lines))
    envelope = Envelope(
        token("old") + timestamp() + signature(BODY, TIMESTAMP, key_info=direct()),
        body=f'<ord:listOrdersResponse xmlns:ord="urn:example:orders">{content}</ord:listOrdersResponse>',
    )
    return sign(envelope.text(), "old")
