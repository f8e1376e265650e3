"""The messages that every verifier of the comparison gets: the same bytes, signed by an independent signer."""

import hashlib
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from lxml import etree

from fixtures.generator import uris
from fixtures.generator.keys import private_key
from fixtures.generator.signing import sign
from fixtures.generator.soap import BODY, TIMESTAMP, Envelope, direct, signature, timestamp, token

CREATED: Final = datetime.now(UTC).replace(microsecond=0)
AT: Final = CREATED + timedelta(seconds=30)
"""The instant of verification. Not a fixed one: some verifiers know no other instant than the present."""
EXPIRES: Final = CREATED + timedelta(hours=1)
SIZES: Final = {"5 KB": 5 * 1024, "50 KB": 50 * 1024, "1 MB": 1024 * 1024, "10 MB": 10 * 1024 * 1024}
_LINE: Final = (
    "<ord:{1}><ord:number>{0:06d}</ord:number><ord:article>Hinge, left, galvanised</ord:article>"
    "<ord:amount>10.00</ord:amount></ord:{1}>"
)
_NAME: Final = "line"
_FIRST_NUMBER: Final = b"000000"


@cache
def signed_message(size: int, *, hint: bool = True, name: str = _NAME) -> bytes:
    """A response of about `size` bytes: Body and Timestamp signed with RSA-SHA256.

    Its certificate is sent along and referred to; without `hint` there is no KeyInfo at all. Its elements are called
    `name`.
    """
    around = len(_signed(0, hint, name))
    return _signed(max(0, (size - around) // len(_LINE.format(0, name))), hint, name)


def with_other_tags(size: int, count: int) -> list[bytes]:
    """So many responses of the same length, each with other tags in its Body."""
    return [signed_message(size, name=f"l{number:03d}") for number in range(count)]


@cache
def body_signed(size: int) -> bytes:
    """The same without a Timestamp, so that it may be delivered again and again."""
    around = len(_body_signed(0))
    return _body_signed(max(0, (size - around) // len(_LINE.format(0, _NAME))))


def body_signed_anew(size: int, count: int) -> list[bytes]:
    """So many of them, of one length and each with another number in its Body and a signature of its own.

    Signed by putting new values into the first one: the signer of the fixtures takes its time for each message.
    """
    first = body_signed(size)
    root = etree.fromstring(first)
    body, info = (_canonical(next(root.iter(name))) for name in (f"{{{uris.SOAP11}}}Body", f"{{{uris.DS}}}SignedInfo"))
    digest, value = (
        b64encode(_sha256(body)),
        "".join(next(root.iter(f"{{{uris.DS}}}SignatureValue")).itertext()).encode(),
    )
    key = private_key("old")
    assert isinstance(key, rsa.RSAPrivateKey)
    assert first.count(digest) == first.count(value) == 1
    made = []
    for number in range(count):
        place = b"%06d" % number
        new_digest = b64encode(_sha256(body.replace(_FIRST_NUMBER, place, 1)))
        new_value = b64encode(key.sign(info.replace(digest, new_digest), padding.PKCS1v15(), hashes.SHA256()))
        # The Body comes last, and the first number in it stands nowhere else.
        head, mark, rest = first.partition(b"<ord:number>" + _FIRST_NUMBER)
        head = head.replace(digest, new_digest).replace(value, new_value)
        made.append(head + mark.replace(_FIRST_NUMBER, place) + rest)
    return made


def _sha256(octets: bytes) -> bytes:
    return hashlib.sha256(octets).digest()


def _canonical(element: etree._Element) -> bytes:
    return etree.tostring(element, method="c14n", exclusive=True)


def _body_signed(lines: int) -> bytes:
    return sign(Envelope(token("old") + signature(BODY, key_info=direct()), body=_content(lines)).text(), "old")


def _content(lines: int, name: str = _NAME) -> str:
    content = "".join(_LINE.format(number, name) for number in range(lines))
    return f'<ord:listOrdersResponse xmlns:ord="urn:example:orders">{content}</ord:listOrdersResponse>'


def _signed(lines: int, hint: bool, name: str) -> bytes:
    seal = signature(BODY, TIMESTAMP, key_info=direct() if hint else "")
    envelope = Envelope(
        (token("old") if hint else "")
        + timestamp(f"{CREATED:%Y-%m-%dT%H:%M:%SZ}", f"{EXPIRES:%Y-%m-%dT%H:%M:%SZ}")
        + seal,
        body=_content(lines, name),
    )
    return sign(envelope.text(), "old")
