"""A sign-off or a retirement certificate, checked: each figure recomputed, and those named that do not hold."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, BinaryIO, Final

from sqlalchemy import Engine

from gateway.ledger import read_statements, verify_bundle
from gateway.renewal.plan import StatementKind
from gateway.renewal.signoff.answers import Answered, BundleSource, LedgerSource, Source, gate_json
from gateway.renewal.signoff.document_errors import DocumentUnreadable
from gateway.renewal.signoff.expected_figures import findings_of_questions
from gateway.renewal.signoff.figures import Figure, canonical, read_document, read_figures, read_window, sha256_of
from gateway.renewal.signoff.retirement import RETIREMENT_SCHEMA
from gateway.renewal.signoff.signing_off import SIGNOFF_SCHEMA, retirement_certificates
from keystore.store import KeystoreStore

_ADDED_LATER: Final = frozenset[str]()
"""Names in values of figures that documents of the first version do not have: whoever adds one lists it here."""


class FigureState(StrEnum):
    """What became of one figure."""

    HOLDS = "holds"
    DIFFERS = "differs"
    NOT_TOLD = "not-told"
    """What was asked holds nothing of it."""


@dataclass(frozen=True, slots=True)
class CheckedFigure:
    """One figure, checked."""

    name: str
    state: FigureState
    said: Any
    """What the document says."""
    found: Any
    """What comes out; None where nothing does."""
    detail: str = ""
    """Where the two differ, or why nothing can be told, without its full stop."""


@dataclass(frozen=True, slots=True)
class CheckedDocument:
    """A document, checked."""

    schema: str
    renewal: str
    sha256: str
    figures: tuple[CheckedFigure, ...]
    findings: tuple[str, ...]
    """What else does not hold, a sentence each without its full stop."""

    @property
    def holds(self) -> bool:
        """Whether nothing differs, and at least one figure could be told."""
        states = {one.state for one in self.figures}
        return not self.findings and FigureState.DIFFERS not in states and FigureState.HOLDS in states


def verify_signoff(text: bytes, source: Engine | BinaryIO, pinned: Mapping[str, str] | None = None) -> CheckedDocument:
    """Recompute each figure of a document.

    Args:
        text: The document, as it was written: a sign-off or a retirement certificate in JSON.
        source: The database; or a bundle of evidence, which tells of some figures only.
        pinned: Public keys that came from elsewhere, for a bundle (`gateway.ledger.verify_bundle`).

    Raises:
        DocumentUnreadable: It is no such document.
        BundleRefused: The bundle is none, or cannot be read.
        DatabaseUnavailable: The database cannot be read.
    """
    content = read_document(text, (SIGNOFF_SCHEMA, RETIREMENT_SCHEMA))
    figures, window = read_figures(content), read_window(content)
    renewal, question = _about(content)
    answering: Source
    if isinstance(source, Engine):
        answering = LedgerSource(source, window)
    else:
        answering = BundleSource(verify_bundle(source, pinned), window)
    answers = answering.answers([one.question for one in figures])
    checked = tuple(_checked(figure, answer) for figure, answer in zip(figures, answers, strict=True))
    findings = [*_of_itself(text, content, renewal), *answering.findings]
    findings += findings_of_questions(renewal, question, figures, window)
    findings += _of_retirements(content, figures)
    if isinstance(source, Engine):
        findings += _of_its_place(source, content)
    return CheckedDocument(content["schema"], renewal, sha256_of(content), checked, tuple(dict.fromkeys(findings)))


def _about(content: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Of which renewal a document is, and what a retirement certificate asked."""
    match content:
        case {"schema": schema, "renewal": str(name)} if schema == SIGNOFF_SCHEMA:
            return name, {}
        case {"schema": schema, "question": {"renewal": str(name)} as question} if schema == RETIREMENT_SCHEMA:
            return name, question
        case _:
            raise DocumentUnreadable("it does not say of which renewal it is")


def _checked(figure: Figure, answer: Answered) -> CheckedFigure:
    if answer.unknown:
        return CheckedFigure(figure.name, FigureState.NOT_TOLD, figure.value, None, answer.unknown)
    detail = difference(figure.value, answer.value, is_whole=True)
    state = FigureState.DIFFERS if detail else FigureState.HOLDS
    return CheckedFigure(figure.name, state, figure.value, answer.value, detail)


def difference(said: Any, found: Any, where: str = "", *, is_whole: bool = False) -> str:
    """Where `found` is not what was `said`, in words; empty where it is.

    Only what it says is compared; with `is_whole` it must not leave out a name of an object either. Whoever does claims
    something else: that nothing was waived, or that no message was rejected.
    """
    place = f"{where}: " if where else ""
    if isinstance(said, dict) and isinstance(found, dict):
        for name, value in said.items():
            if name not in found:
                return f"{place}{name} is not there any more"
            inner = difference(value, found[name], f"{where}.{name}" if where else name, is_whole=is_whole)
            if inner:
                return inner
        left = [name for name in found if is_whole and name not in said and name not in _ADDED_LATER]
        return f"{place}it leaves out {left[0]}" if left else ""
    if isinstance(said, list) and isinstance(found, list):
        for number, (one, other) in enumerate(zip(said, found, strict=False)):
            inner = difference(one, other, f"{where}[{number}]", is_whole=is_whole)
            if inner:
                return inner
        if len(said) != len(found):
            return f"{place}it says {len(said)}, and there are {len(found)}"
        return ""
    if said == found and isinstance(said, bool) == isinstance(found, bool):
        return ""
    return f"{place}it says {_shown(said)}, and what comes out is {_shown(found)}"


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    text = value if isinstance(value, str) else canonical({"": value})[4:-1]
    return text if len(text) <= 100 else f"{text[:99]}…"


def _of_itself(text: bytes, content: Mapping[str, Any], renewal: str) -> Iterator[str]:
    """What can be seen of the document alone."""
    if hashlib.sha256(text).hexdigest() != sha256_of(content):
        yield (
            "the file is not spelled as it was written: its figures can be right, and its SHA-256 is not the one that "
            "was recorded"
        )
    for one in retirement_certificates(content):
        certificate = one.get("certificate")
        if not isinstance(certificate, dict) or sha256_of(certificate) != one.get("sha256"):
            yield f"the retirement certificate {one.get('sha256')} does not have that SHA-256"
        else:
            yield from _of_certificate(certificate, one["sha256"], renewal)


def _of_retirements(content: Mapping[str, Any], figures: Sequence[Figure]) -> Iterator[str]:
    """Whether a sign-off holds the retirement certificates of which people said that they were written."""
    said = next((one.value for one in figures if one.name == "said"), None)
    if content["schema"] != SIGNOFF_SCHEMA or not isinstance(said, dict):
        return
    if said.get("retirement_certificates") != [one.get("sha256") for one in retirement_certificates(content)]:
        yield "the retirement certificates in it are not those of which was said that they were written"


def _of_certificate(certificate: Mapping[str, Any], digest: str, renewal: str) -> Iterator[str]:
    """What can be seen of a retirement certificate within the sign-off of `renewal`."""
    try:
        name, question = _about(certificate)
        figures, window = read_figures(certificate), read_window(certificate)
    except DocumentUnreadable as error:
        yield f"the retirement certificate {digest} cannot be read: {error}"
        return
    if not question or name != renewal:
        yield f"the retirement certificate {digest} is none of this renewal"
    for finding in findings_of_questions(name, question, figures, window):
        yield f"the retirement certificate {digest}: {finding}"


def _of_its_place(engine: Engine, content: Mapping[str, Any]) -> Iterator[str]:
    """Whether it was recorded when it was made: by statements, and in the keystore's history."""
    digest = sha256_of(content)
    if content["schema"] == SIGNOFF_SCHEMA:
        recorded = {
            one.content.get("sha256") for one in read_statements(engine) if one.kind == StatementKind.SIGNED_OFF
        }
        if digest not in recorded:
            yield f"no sign-off with the SHA-256 {digest} was recorded here: it was made elsewhere, or changed since"
        wanted = [str(one.get("sha256")) for one in retirement_certificates(content)]
    else:
        wanted = [digest]
    history = KeystoreStore(engine).history() if wanted else ()
    named = [gate["retirement_certificate"] for item in history for gate in gate_json(item.gate) or ()]
    for one in wanted:
        if one not in named:
            yield f"the retirement certificate {one} does not stand in the keystore's history"
