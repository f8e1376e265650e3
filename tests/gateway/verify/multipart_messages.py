"""Messages with attachments for the tests of the verification, which is handed them taken apart."""

import hashlib
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from fixtures.generator.signing import sign
from fixtures.generator.soap import BODY, Envelope, Reference, direct, signature, timestamp, token
from fixtures.manifest import own_case, trust
from gateway.verify import Attachment, Attachments, Policy, Verdict, verify
from gateway.verify.algorithms import AttachmentTransform
from keystore import TrustedCertificate, TrustSnapshot

CASE: Final = own_case("bst-x509v3")
CONTENT: Final = str(AttachmentTransform.CONTENT)
COMPLETE: Final = str(AttachmentTransform.COMPLETE)
XOP: Final = "http://www.w3.org/2004/08/xop/include"


@dataclass(frozen=True)
class Part:
    """An attachment whose octets come in the pieces that the test wants."""

    content_id: str
    pieces: tuple[bytes, ...] = (b"octets",)
    content_type: str = "application/octet-stream"
    more_fields: tuple[tuple[str, str], ...] = ()

    @property
    def fields(self) -> tuple[tuple[str, str], ...]:
        """Its head."""
        return (("Content-Type", self.content_type), ("content-id", f"<{self.content_id}>"), *self.more_fields)

    @property
    def size(self) -> int:
        """Octets of its content."""
        return len(b"".join(self.pieces))

    def octets(self) -> Iterator[bytes]:
        """Its content."""
        return iter(self.pieces)


def digest_of(*octets: bytes) -> str:
    """As a DigestValue has it."""
    return b64encode(hashlib.sha256(b"".join(octets)).digest()).decode()


def signed_part(part: Part, *signed: bytes, transform: str = CONTENT, uri: str | None = None) -> Reference:
    """A Reference to `part` with the digest of `signed`; of its octets, where nothing is given."""
    return Reference(uri or f"cid:{part.content_id}", (transform,), digest=digest_of(*(signed or part.pieces)))


def made(*references: Reference, body: str | None = None, **envelope: str) -> bytes:
    """A message whose signature is over Body and `references`."""
    security = token("old") + timestamp() + signature(BODY, *references, key_info=direct())
    around = Envelope(security, **envelope)  # type: ignore[arg-type] # fields of Envelope
    return sign((around if body is None else replace(around, body=body)).text(), "old")


def named(*parts: Part, references: Sequence[Reference] = ()) -> tuple[bytes, Attachments]:
    """A message that is signed over the base64 of `parts`, and that names them instead."""
    texts = {part.content_id: b64encode(b"".join(part.pieces)).decode() for part in parts}
    content = "".join(f"<o:d>{text}</o:d>" for text in texts.values())
    whole = made(*references, body=f'<o:Documents xmlns:o="urn:orders">{content}</o:Documents>').decode()
    message = by_name = whole
    stand_ins: dict[bytes, Attachment] = {}
    for number, part in enumerate(parts):
        stand_in = f"standin{number:064x}"
        stand_ins[stand_in.encode()] = part
        message = message.replace(f"<o:d>{texts[part.content_id]}</o:d>", f"<o:d>{stand_in}</o:d>", 1)
        include = f'<x:Include xmlns:x="{XOP}" href="cid:{part.content_id}"/>'
        by_name = by_name.replace(f"<o:d>{texts[part.content_id]}</o:d>", f"<o:d>{include}</o:d>", 1)
    included = frozenset(part.content_id for part in parts)
    return message.encode(), Attachments(parts, included, stand_ins, frozenset(), by_name.encode())


def by_name_alone(*parts: Part) -> tuple[bytes, Attachments]:
    """A message whose signature is over the `xop:Include` elements themselves."""
    includes = "".join(f'<o:d><x:Include xmlns:x="{XOP}" href="cid:{part.content_id}"/></o:d>' for part in parts)
    by_name = made(body=f'<o:Documents xmlns:o="urn:orders">{includes}</o:Documents>')
    message = by_name
    stand_ins: dict[bytes, Attachment] = {}
    for number, part in enumerate(parts):
        stand_in = f"standin{number:064x}".encode()
        stand_ins[stand_in] = part
        include = f'<x:Include xmlns:x="{XOP}" href="cid:{part.content_id}"/>'.encode()
        message = message.replace(include, stand_in, 1)
    return message, Attachments(parts, frozenset(p.content_id for p in parts), stand_ins, frozenset(), by_name)


def judged(
    message: bytes,
    attachments: Attachments | Sequence[Part],
    policy: Policy | None = None,
    entries: Sequence[TrustedCertificate] | None = None,
) -> Verdict:
    """The verdict on it."""
    came = attachments if isinstance(attachments, Attachments) else Attachments(tuple(attachments))
    snapshot = TrustSnapshot.of(*(trust("old", "new") if entries is None else entries))
    return verify(message, snapshot, policy or Policy(), CASE.at, attachments=came)
