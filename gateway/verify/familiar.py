"""Steps 8 to 14 for a message whose layout is known (layout.py): accepted here, or left to the whole procedure.

Every rule that depends on what differs between two messages of one layout stands here once more, mostly as a call of
the function that has it for every message. Nothing is rejected here: `None` means that the whole procedure decides.

Of one message there is decided anew: that each Reference names the element that it named, by an id that stands nowhere
else (threat rules 8, 9); the signature value against the keys that are trusted now (17 to 22); every digest; what the
Body holds (7, 13, 16); the Timestamp (23) and the binding to the request (25).
"""

import re
from binascii import b2a_base64
from datetime import datetime
from typing import Final

from lxml import etree

from gateway.verify.algorithms import Canonicalization
from gateway.verify.binding import check_binding
from gateway.verify.budget import WorkBudget
from gateway.verify.c14n import canonicalize
from gateway.verify.coverage import unprotected_in
from gateway.verify.cutting import BODY, element_at
from gateway.verify.envelope import Envelope
from gateway.verify.keys import try_trusted_keys
from gateway.verify.layout import Layout, SignedElement
from gateway.verify.names import XENC, XOP, XSI
from gateway.verify.parsing import Document, holds_instructions
from gateway.verify.policy import Policy
from gateway.verify.reason import Rejection
from gateway.verify.request import Expectation
from gateway.verify.signature_value import SignedValue
from gateway.verify.text import decode_base64, printable
from gateway.verify.timestamp import check_timestamp, instant
from gateway.verify.verdict import (
    UNBOUND,
    Outcome,
    SignatureReport,
    SignedPart,
    TimestampReport,
    Verdict,
    accepted_detail,
    replay_key,
)
from keystore import TrustSnapshot

_UNREADABLE: Final = frozenset({XENC.encode(), XOP.encode()})
_NAMESPACES: Final = _UNREADABLE | {XSI.encode()}
# The fragments that the grammar admits, as far as they are ASCII.
_FRAGMENT: Final = re.compile(rb"[A-Za-z0-9_.:\-]{1,256}")


class _Unfamiliar(Exception):  # noqa: N818 - no error: the whole procedure decides
    """Something is not as it was in the message that the layout was made from."""


def verify_familiar(
    document: Document,
    layout: Layout,
    values: list[bytes],
    trust: TrustSnapshot,
    policy: Policy,
    at: datetime,
    expects: Expectation | None,
) -> Verdict | None:
    """The verdict that accepts `document`, or None where the whole procedure has to decide.

    Args:
        document: with a head of this layout, known up to its end.
        layout: what is known of it.
        values: what stands at the layout's values.
        trust: as for `verify`.
        policy: the one that the layout was made under.
        at: as for `verify`.
        expects: as for `verify`.
    """
    try:
        return _accept(document, layout, values, trust, policy, at, expects)
    except (_Unfamiliar, Rejection):
        return None


def _accept(
    document: Document,
    layout: Layout,
    values: list[bytes],
    trust: TrustSnapshot,
    policy: Policy,
    at: datetime,
    expects: Expectation | None,
) -> Verdict:
    root, text = document.root, document.text
    _refuse_strange_text(text)
    ids = _ids(layout, values)
    declares_xsi = layout.declares_xsi
    if document.may_quote(ids | _NAMESPACES):
        if document.may_quote(ids | _UNREADABLE):
            raise _Unfamiliar
        declares_xsi = True
    if len(root) != 2:
        raise _Unfamiliar
    body, signature = root[1], element_at(root, layout.signature)
    # There are no comments nor instructions, so that the first child is the first element.
    operation = str(body[0].tag) if len(body) else None
    # 8
    budget = WorkBudget(len(text), document.count_elements)
    method = layout.canonicalization
    octets = canonicalize(signature[0], method.method, method.prefixes, budget, start=layout.start)
    value = decode_base64(values[layout.signature_value].decode(), "SignatureValue")
    signed = SignedValue(value, octets, layout.algorithm)
    trial = try_trusted_keys(layout.candidates(trust, at), signed, layout.key_info.hint, trust, policy, at)
    if trial is None or not trial.verified_by or trial.warnings:
        raise _Unfamiliar
    # 9; 10 needs no second look: what was covered is covered.
    parts = []
    forms = []
    for known in layout.references:
        element = body if known.path == BODY else element_at(root, known.path)
        part, form = _digested(known, element, values, budget)
        parts.append(part)
        forms.append((element, form))
    if declares_xsi:
        for known, (element, form) in zip(layout.references, forms, strict=True):
            if unprotected_in(element, form, known.grammar.canonicalization.method):
                raise _Unfamiliar
    # 12
    report, fresh_until = None, None
    replay_keys: tuple[str, ...] = ()
    if layout.has_timestamp:
        report = TimestampReport(_instant(values, layout.created), _instant(values, layout.expires), signed=True)
        fresh_until = check_timestamp(report, policy, at)
        if fresh_until is not None:
            replay_keys = (replay_key(octets, trial.verified_by),)
    # 13
    warnings: tuple[str, ...] = ()
    if expects is not None:
        envelope = Envelope(root, layout.version, root[0], body, tuple(root[0]), operation)
        if not check_binding(expects, envelope, element_at(root, layout.security), [element for element, _ in forms]):
            warnings = (UNBOUND,)
    # 14
    verified_by = tuple(dict.fromkeys(trial.verified_by))
    return Verdict(
        outcome=Outcome.ACCEPTED,
        reason=None,
        detail=accepted_detail(verified_by, layout.covered),
        verified_by=verified_by,
        signatures=(
            SignatureReport(
                id=None if layout.signature_id is None else printable(_plain(values[layout.signature_id])),
                signature_algorithm=layout.algorithm.uri,
                canonicalization=method.method.value,
                hint=layout.report_hint(trust, trial),
                parts=tuple(parts),
                checks=trial.checks,
                verified_by=trial.verified_by,
                reason=None,
                detail="",
            ),
        ),
        timestamp=report,
        soap_version=layout.version,
        operation=None if operation is None else printable(operation, 300),
        is_fault=operation == layout.fault and len(body) == 1,
        message_id=_text(values, layout.message_id),
        relates_to=_text(values, layout.relates_to),
        warnings=warnings,
        replay_keys=replay_keys,
        fresh_until=fresh_until,
    )


def _refuse_strange_text(text: bytes) -> None:
    """Comments, CDATA sections and processing instructions may split texts, references may spell an id otherwise."""
    # Single characters are found much faster, and many messages hold none of them.
    if (b"!" in text and b"<!" in text) or holds_instructions(text) or (b"&" in text and b"&#" in text):
        raise _Unfamiliar


def _ids(layout: Layout, values: list[bytes]) -> set[bytes]:
    """The ids of the head, all different, where each fragment is the id that it was."""
    ids = {values[position] for position in layout.ids}
    if len(ids) != len(layout.ids):
        raise _Unfamiliar
    for fragment, named in layout.links:
        value = values[fragment]
        if value != values[named] or _FRAGMENT.fullmatch(value) is None:
            raise _Unfamiliar
    return ids


def _digested(
    known: SignedElement, element: etree._Element, values: list[bytes], budget: WorkBudget
) -> tuple[SignedPart, bytes]:
    """The part that a Reference names, whose digest agrees, and its canonical form."""
    grammar = known.grammar
    method, algorithm = grammar.canonicalization, grammar.digest_algorithm
    form = canonicalize(element, method.method, method.prefixes, budget, start=known.start)
    budget.spend_form(form, copied=method.method is not Canonicalization.EXCLUSIVE)
    digest = algorithm.digest(form)
    if values[known.digest].strip() != b2a_base64(digest, newline=False):
        raise _Unfamiliar
    uri = printable("#" + values[known.fragment].decode())
    return SignedPart(known.name, known.shown_path, uri, algorithm.uri, digest.hex(), intact=True), form


def _instant(values: list[bytes], position: int | None) -> datetime | None:
    return None if position is None else instant(values[position].decode())


def _text(values: list[bytes], position: int | None) -> str | None:
    return None if position is None else printable(_plain(values[position]).strip(), 300)


def _plain(value: bytes) -> str:
    """The text that a parser makes of `value`, where it makes no other."""
    if b"\r" in value or b"\n" in value or b"\t" in value:
        raise _Unfamiliar
    return value.decode()
