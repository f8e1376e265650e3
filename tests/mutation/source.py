"""A message that is accepted, with everything a mutation wants to know about it."""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

from fixtures.manifest import Case, field_cases, interop_cases, own_cases, public_cases
from gateway.verify import Verdict
from gateway.verify.xml_names import SIGNATURE, SOAP_NAMESPACES, TIMESTAMP
from tests.mutation.scanning import Edit, Node, edited, scan

_MOST_REQUIRED: Final = 16


@dataclass(frozen=True, eq=False)
class Source:
    """The message of a case, scanned; judged with every part required that it signs where a consumer reads it."""

    case: Case
    verdict: Verdict
    text: str
    encoding: str
    mark: bytes
    """The byte order mark."""
    envelope: Node
    header: Node
    body: Node
    security: Node
    signatures: tuple[Node, ...]
    """Those of our Security header that count, in document order."""
    targets: tuple[Node, ...]
    """The signed elements that a consumer reads: the Body, the Timestamp, header blocks."""
    signed: tuple[Node, ...]
    """Every element that a Reference names."""

    @property
    def id(self) -> str:
        """Of the case."""
        return self.case.id

    @property
    def soap(self) -> str:
        """The namespace of the SOAP version."""
        return self.envelope.namespaces[self.envelope.name.rpartition(":")[0]]

    @property
    def timestamp(self) -> Node | None:
        """The Timestamp of our Security header, where it is signed."""
        return next((node for node in self.targets if node.tag == TIMESTAMP), None)

    def encoded(self, text: str) -> bytes:
        """A mutated text, in the bytes that the message would have had."""
        return self.mark + text.encode(self.encoding, "xmlcharrefreplace")

    def edited(self, *edits: Edit) -> bytes:
        """The message after edits of its text."""
        return self.encoded(edited(self.text, edits))

    def inside(self, offset: int, nodes: tuple[Node, ...] | None = None) -> bool:
        """Whether something put at `offset` would be inside one of the signed elements."""
        return any(node.inner <= offset <= node.outer for node in (self.signed if nodes is None else nodes))


_NO_SOURCES: Final = {
    "id-long": "a report shortens its id",
    "id-umlaut": "a report escapes its id",
    "section-splits-text-admitted": "the policy lets consumers differ",
    "mtom-no-attachment": "attachments are not read",
    "swa-signed-attachment": "attachments are not read",
}
"""Accepted messages from which no mutants are made, and why."""


@cache
def sources() -> tuple[Source, ...]:
    """Every accepted message that is at hand, in the order of the manifests."""
    return tuple(source_of(case) for case in accepted_cases())


def accepted_cases() -> Iterator[Case]:
    """Every case whose message is to be accepted, once for each file."""
    seen = set()
    for case in (*own_cases(), *interop_cases(), *public_cases(), *field_cases()):
        if case.accepted and case.file not in seen and case.id not in _NO_SOURCES:
            seen.add(case.file)
            yield case


@cache
def source(identifier: str) -> Source:
    """The source made from the case of that id."""
    cases = (*own_cases(), *interop_cases(), *public_cases(), *field_cases())
    return source_of(next(case for case in cases if case.id == identifier))


def source_of(case: Case) -> Source:
    """Scan the message of `case`."""
    mark, encoding, text = _decoded(case)
    envelope = scan(text)
    verdict = case.verdict()
    assert verdict.accepted, f"{case.id}: {verdict.detail}"
    namespace = SOAP_NAMESPACES[verdict.soap_version or ""]
    header, body = envelope.child(f"{{{namespace}}}Header"), envelope.child(f"{{{namespace}}}Body")
    assert header is not None
    assert body is not None
    reports = [report for report in verdict.signatures if report.verified_by]
    names = {part.uri.removeprefix("#") for report in reports for part in report.parts}
    signed = tuple(node for node in envelope.walk() if names.intersection(node.ids))
    security = _ours(header, verdict, {report.id for report in reports})
    seals = [child for child in security.children if child.tag == SIGNATURE]
    targets = tuple(
        node
        for node in signed
        if node is body or node.parent is header or (node.parent is security and node.tag == TIMESTAMP)
    )
    return Source(
        case=_demanding(case, targets, body),
        verdict=verdict,
        text=text,
        encoding=encoding,
        mark=mark,
        envelope=envelope,
        header=header,
        body=body,
        security=security,
        signatures=tuple(seal for seal, report in zip(seals, verdict.signatures, strict=True) if report.verified_by),
        targets=targets,
        signed=signed,
    )


def _decoded(case: Case) -> tuple[bytes, str, str]:
    message = case.message
    for mark, encoding in ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le")):
        if message.startswith(mark):
            return mark, encoding, message[len(mark) :].decode(encoding)
    encodings = ("utf-8", *(name for name in case.policy.encodings if name not in {"UTF-8", "UTF-16"}))
    for encoding in encodings:
        try:
            return b"", encoding, message.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise AssertionError(f"{case.id}: in none of {encodings}")


def _ours(header: Node, verdict: Verdict, identifiers: set[str | None]) -> Node:
    """The Security header whose Signatures are those that the verdict is about."""
    found = [
        block
        for block in header.children
        if block.local == "Security"
        and len([child for child in block.children if child.tag == SIGNATURE]) == len(verdict.signatures)
        and identifiers <= {child.attributes.get("Id") for child in block.children if child.tag == SIGNATURE}
    ]
    assert len(found) == 1
    return found[0]


def _demanding(case: Case, targets: tuple[Node, ...], body: Node) -> Case:
    """The case, with every part required that one signature covers in its place: the more required, the more to steal.

    A part stays out where the message would not be accepted with it: a second, unsigned block of the same name.
    """
    for node in targets:
        part = "Body" if node is body else "Timestamp" if node.tag == TIMESTAMP else node.tag
        if part in case.policy.required_parts or (part == node.tag and "{" not in part):
            continue
        policy = case.policy.model_copy(update={"required_parts": (*case.policy.required_parts, part)})
        more = replace(case, policy=policy)
        if len(policy.required_parts) <= _MOST_REQUIRED and more.verdict().accepted:
            case = more
    return case
