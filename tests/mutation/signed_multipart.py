"""Multipart messages that other stacks signed, and what of their mutants would leave the gateway."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from typing import Final

from lxml import etree

from fixtures.generator import uris
from fixtures.interop.multipart.cases import MultipartCase, multipart_cases
from fixtures.interop.multipart.received import Received, received
from fixtures.manifest import entry
from gateway.attachments import Leaving, OpenedBody, open_body, what_leaves
from gateway.verify import Policy, Verdict, Verifier
from keystore import TrustSnapshot
from tests.mutation.mime_reader import readings_by_email
from tests.mutation.mime_source import MimeMessage, split

SIGNED: Final = (
    "cxf/mtom-one-token-soap12",
    "cxf/mtom-lines",
    "cxf/mtom-and-swa",
    "cxf/swa-content-several",
    "axiom/one",
    "axiom/tokens-and-three-soap12",
    "jaxws_ri/mtom-and-swa",
    "wss4j/mail-quoted-printable",
    "wss4j/mail-base64-complete",
    "phase4/user-several",
    "node_soap/attached",
)
"""Small ones: MTOM and SwA, with tokens in parts and without, in several transfer encodings, of every signer but gSOAP,
whose signatures cover no attachment."""
FORMS: Final = ("inline", "rebuild")
UNSIGNED: Final = ("refuse", "drop")
_SECURITY: Final = f"{{{uris.WSSE}}}Security"
_TIMESTAMP: Final = f"{{{uris.WSU}}}Timestamp"
_XML: Final = re.compile(r"text/xml|application/xml|.*\+xml")

Verify = Callable[[OpenedBody, Policy], Verdict]
Named = frozenset[tuple[str, bytes]]
"""Content-IDs, and of each what a signature over it covers: `signed_form`."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a client gets that reads what leaves."""

    message: tuple[bytes, ...]
    """What of the SOAP message, with what it includes, a client acts on: header blocks, Timestamp and Body, canonical.
    The rest of the Security header nobody need have signed: a token is only a hint to a key that is trusted."""
    included: tuple[tuple[str, bytes], ...] = ()
    """Content-ID and octets of the parts that the root includes."""
    attachments: tuple[tuple[str, bytes], ...] = ()
    """The other parts beside it."""


@dataclass(frozen=True, slots=True)
class Released:
    """A body that would leave."""

    form: str
    unsigned: str
    """Of the policy: unsigned_attachments."""
    content_type: str
    body: bytes

    @property
    def content(self) -> Content:
        """What it says, read by `email` where it is multipart, and by lxml."""
        return _content_of(self.content_type, self.body)


class SignedMessage:
    """A message of another stack, and how what leaves of its mutants is held against it."""

    def __init__(self, case_id: str) -> None:
        """Read it."""
        self.case = next(case for case in multipart_cases() if case.id == case_id)
        self.source: MimeMessage = split(case_id.replace("/", "-"), content_type_of(self.case), self.case.body)
        self._types = {part.content_id: part.content_type for part in self.case.attachments}
        covered = {part.content_id for part in self.case.attachments if part.covered}
        read: Received = received(self.case.content_type, self.case.body)
        self.signed: Named = self._named(
            (part.content_id, part.octets) for part in read.parts if part.content_id in covered
        )
        """All that a signature covers."""
        self._policies = [
            [
                Policy.model_validate({**self.case.policy, "attachments": form, "unsigned_attachments": unsigned})
                for form in FORMS
            ]
            for unsigned in UNSIGNED
        ]
        found = self.released(self.source.content_type, self.source.body(), self.verifying())
        self.honest = {one.form: one.content for one in found if one.unsigned == "drop"}
        """What leaves of the message itself, in each form, without what is not signed."""

    def verifying(self) -> Verify:
        """The verification under the conditions of the case: its trust and its instant."""
        trust = TrustSnapshot.of(*[entry(alias) for alias in self.case.trust])
        at = datetime.fromisoformat(self.case.at)
        verifiers: dict[Policy, Verifier] = {}

        def verify(opened: OpenedBody, policy: Policy) -> Verdict:
            verifier = verifiers.setdefault(policy, Verifier(policy))
            return verifier.verify(
                opened.message, trust, at, content_type=opened.content_type, attachments=opened.attachments
            )

        return verify

    def released(self, content_type: str, body: bytes, verify: Verify) -> Iterator[Released]:
        """What leaves of a body, in each form and by each rule for what is not signed; nothing where it is rejected."""
        for policies in self._policies:
            opened = open_body(body, content_type, policies[0])
            verdict = verify(opened, policies[0])
            for policy in policies if verdict.accepted else ():
                leaving = what_leaves(opened, verdict, policy)
                yield Released(policy.attachments, policy.unsigned_attachments, _type(leaving, verdict), leaving.body)

    def difference(self, found: Released) -> str | None:
        """What `found` says that the message does not say, or leaves out; None where there is nothing."""
        honest, content = self.honest[found.form], found.content
        if content.message != honest.message:
            return "another SOAP message"
        # What was included may stand in the message now, and is an attachment then: where it is signed for itself.
        if not self._named(content.included) <= self.signed:
            return "another part is included"
        if not self._named(honest.attachments) <= self._named(content.attachments) <= self.signed:
            return "other attachments"
        return None

    def _named(self, parts: Iterator[tuple[str, bytes]] | tuple[tuple[str, bytes], ...]) -> Named:
        return frozenset((name, signed_form(self._types.get(name, ""), octets)) for name, octets in parts)


def content_type_of(case: MultipartCase) -> str:
    """Its Content-Type, unfolded as it is taken from the wire."""
    return re.sub(r"\r\n(?=[ \t])", "", case.content_type)


def signed_form(content_type: str, octets: bytes) -> bytes:
    """What the SwA profile signs of the octets (5.4.2, 5.4.3): nobody can tell apart what has the same form.

    `content_type` is that of the message that was signed, for the head of a part need not be.
    """
    media_type = content_type.partition(";")[0].strip().lower()
    if _XML.fullmatch(media_type):
        try:
            return _canonical(etree.fromstring(octets, _parser()))
        except etree.XMLSyntaxError:
            return octets
    if media_type.startswith("text/"):
        return b"\r\n".join(re.split(rb"\r\n|\r|\n", octets))
    return octets


@cache
def signed_message(case_id: str) -> SignedMessage:
    """The message of that id."""
    return SignedMessage(case_id)


@lru_cache(maxsize=256)
def _content_of(content_type: str, body: bytes) -> Content:
    if not content_type.startswith("multipart/"):
        return Content(_acted_on(body))
    first, second = readings_by_email(body, content_type)
    assert first == second
    assert first.infoset is not None
    named = received(content_type, body).included
    parts = [(content_id, octets) for content_id, _, octets in first.parts]
    return Content(
        _acted_on(first.infoset),
        tuple(part for part in parts if part[0] in named),
        tuple(part for part in parts if part[0] not in named),
    )


def _type(leaving: Leaving, verdict: Verdict) -> str:
    if leaving.content_type is not None:
        return leaving.content_type.decode("ascii")
    return f"{'text/xml' if verdict.soap_version == '1.1' else 'application/soap+xml'}; charset={verdict.encoding}"


def _acted_on(message: bytes) -> tuple[bytes, ...]:
    header, body = etree.fromstring(message, _parser())
    blocks = [block for child in header for block in (child.iter(_TIMESTAMP) if child.tag == _SECURITY else (child,))]
    return tuple(_canonical(found) for found in (*blocks, body))


def _canonical(element: etree._Element) -> bytes:
    return bytes(etree.tostring(element, method="c14n", exclusive=True, with_comments=False))


def _parser() -> etree.XMLParser:
    return etree.XMLParser(resolve_entities=False, huge_tree=True, no_network=True)
