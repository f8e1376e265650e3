"""Steps 8 to 14 for a message whose layout is known (layout.py): accepted here, or left to the whole procedure.

Every rule that depends on what differs between two messages of one layout stands here once more, mostly as a call of
the function that has it for every message. Nothing is rejected here: `None` means that the whole procedure decides.

Of one message there is decided anew: that each Reference names the element that it named, by an id that stands nowhere
else (threat rules 8, 9); the signature value against the keys that are trusted now (17 to 22); every digest; what the
Body holds (7, 13, 16); the Timestamp (23) and the binding to the request (25).

A small message is parsed without its header, of which every octet is known but for values that no parser reads
otherwise (template.py): what is left is as deep and has the same namespaces in scope. In a large one the header costs
little, and a tree of the whole serves the whole procedure too, should it come to that.
"""

import re
from binascii import b2a_base64
from datetime import datetime
from typing import Final

from gateway.verify.algorithms import Canonicalization
from gateway.verify.binding import compare_with_request
from gateway.verify.budget import WorkBudget
from gateway.verify.c14n import canonicalize
from gateway.verify.coverage import unprotected_in
from gateway.verify.keys import KeyTrial, try_trusted_keys
from gateway.verify.layout import KnownHead, Layout, SignedElement
from gateway.verify.names import XENC, XOP, XSI
from gateway.verify.parsing import Document, holds_instructions, parse_admitted
from gateway.verify.policy import Policy
from gateway.verify.reason import Rejection
from gateway.verify.request import Expectation
from gateway.verify.signature_value import SignedValue
from gateway.verify.template import is_plain
from gateway.verify.text import decode_base64, printable
from gateway.verify.timestamp import check_timestamp, instant
from gateway.verify.verdict import (
    UNBOUND,
    Outcome,
    SignatureReport,
    SignedPart,
    TimestampReport,
    Verdict,
    replay_key,
)
from keystore import TrustSnapshot

_SMALL: Final = 32 * 1024
"""Octets of a message up to which its header is left out. So few cannot come to too many elements under any policy that
admits ordinary messages, nor to too long declarations in a canonical form (parsing.py)."""
_UNREADABLE: Final = frozenset({XENC.encode(), XOP.encode()})
_NAMESPACES: Final = _UNREADABLE | {XSI.encode()}
# The fragments that the grammar admits, as far as they are ASCII.
_FRAGMENT: Final = re.compile(rb"[A-Za-z0-9_.:\-]{1,256}")


class _Unfamiliar(Exception):  # noqa: N818 - no error: the whole procedure decides
    """Something is not as it was in the message that the layout was made from."""


def verify_familiar(
    message: bytes,
    head: KnownHead,
    document: Document | None,
    trust: TrustSnapshot,
    policy: Policy,
    at: datetime,
    expects: Expectation | None,
) -> Verdict | None:
    """The verdict that accepts `message`, or None where the whole procedure has to decide.

    Args:
        message: in UTF-8, without a byte order mark.
        head: its head, recognised under `policy`.
        document: the message, parsed, known up to the end of its head; None where `is_parsed_in_part`.
        trust: as for `verify`.
        policy: the one that the layout was made under.
        at: as for `verify`.
        expects: as for `verify`.
    """
    try:
        return _accept(message, head, document, trust, policy, at, expects)
    except (_Unfamiliar, Rejection):
        return None


def is_parsed_in_part(message: bytes, policy: Policy) -> bool:
    """Whether a familiar `message` is small enough to be parsed without its header."""
    size = len(message)
    return size <= _SMALL and size // 4 <= policy.max_elements


def _accept(
    message: bytes,
    head: KnownHead,
    document: Document | None,
    trust: TrustSnapshot,
    policy: Policy,
    at: datetime,
    expects: Expectation | None,
) -> Verdict:
    layout, values = head.layout, head.values
    ids = _ids(layout, values)
    # 8
    octets = layout.signed_info.filled(values)
    trial = _trial(layout, values, octets, trust, policy, at)
    # 9; 10 needs no second look: what was covered is covered.
    document = _strange_text_refused(document, message, head, policy)
    root = document.root
    declares_xsi = layout.declares_xsi
    if document.may_quote(ids | _NAMESPACES):
        if document.may_quote(ids | _UNREADABLE):
            raise _Unfamiliar
        declares_xsi = True
    # There are no comments nor instructions, so that the first child is the first element.
    body = root[-1]
    operation = str(body[0].tag) if len(body) else None
    budget = WorkBudget(len(message), document.count_elements)
    budget.spend_namespaces(layout.namespace_work)
    parts = [_digested(known, document, values, budget, declares_xsi=declares_xsi) for known in layout.references]
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
    if expects is not None and not _is_bound(expects, layout, values):
        warnings = (UNBOUND,)
    # 14
    signed_by = layout.signed_by(trust, trial)
    return Verdict(
        outcome=Outcome.ACCEPTED,
        reason=None,
        detail=signed_by.detail,
        verified_by=signed_by.verified_by,
        signatures=(
            SignatureReport(
                id=None if layout.signature_id is None else printable(values[layout.signature_id].decode()),
                signature_algorithm=layout.algorithm.uri,
                canonicalization=layout.canonicalization,
                hint=signed_by.hint,
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


def _ids(layout: Layout, values: list[bytes]) -> set[bytes]:
    """The ids of the head, all different, where each fragment is the id that it was, and every value is plain."""
    ids = {values[position] for position in layout.ids}
    if len(ids) != len(layout.ids):
        raise _Unfamiliar
    for fragment, named in layout.links:
        value = values[fragment]
        if value != values[named] or _FRAGMENT.fullmatch(value) is None:
            raise _Unfamiliar
    if not is_plain([values[p] for p in layout.attributes], [values[p] for p in layout.texts]):
        raise _Unfamiliar
    return ids


def _trial(
    layout: Layout, values: list[bytes], octets: bytes, trust: TrustSnapshot, policy: Policy, at: datetime
) -> KeyTrial:
    """Which of the keys that are trusted now made the SignatureValue of the SignedInfo `octets`."""
    text = values[layout.signature_value]
    if not text.isascii():
        raise _Unfamiliar
    signed = SignedValue(decode_base64(text.decode(), "SignatureValue"), octets, layout.algorithm)
    trial = try_trusted_keys(layout.candidates(trust, at), signed, layout.key_info.hint, trust, policy, at)
    if trial is None or not trial.verified_by or trial.warnings:
        raise _Unfamiliar
    return trial


def _strange_text_refused(document: Document | None, message: bytes, head: KnownHead, policy: Policy) -> Document:
    """The document, where no comments, CDATA sections and processing instructions may split texts in it, and no
    character references spell an id otherwise: an Envelope that ends with the Body.
    """
    if document is None:
        text, known = head.layout.without_header(head, message)
        children = 1
    else:
        text, known = message, head.end
        children = 2
    # Single characters are found much faster, and many messages hold none of them.
    if (b"!" in text and b"<!" in text) or holds_instructions(text) or (b"&" in text and b"&#" in text):
        raise _Unfamiliar
    if document is None:
        document = parse_admitted(text, policy, known, len(message))
    if len(document.root) != children:
        raise _Unfamiliar
    return document


def _digested(
    known: SignedElement, document: Document, values: list[bytes], budget: WorkBudget, *, declares_xsi: bool
) -> SignedPart:
    """The part that a Reference names, whose digest agrees."""
    grammar = known.grammar
    method, algorithm = grammar.canonicalization, grammar.digest_algorithm
    form = known.template.filled(values)
    written = None
    if known.body is not None:
        body, start = document.root[-1], form
        written = known.body.form(document, document.known, start)
        form = written or canonicalize(body, method.method, method.prefixes, budget, start=start)
        if declares_xsi and unprotected_in(body, form, method.method):
            raise _Unfamiliar
    budget.spend_form(form, copied=method.method is not Canonicalization.EXCLUSIVE)
    digest = algorithm.digest(form)
    if values[known.digest].strip() != b2a_base64(digest, newline=False):
        raise _Unfamiliar
    if known.body is not None and written is None:
        known.body.learn(document, document.known)
    uri = printable("#" + values[known.fragment].decode())
    return SignedPart(known.name, known.shown_path, uri, algorithm.uri, digest.hex(), intact=True)


def _is_bound(expects: Expectation, layout: Layout, values: list[bytes]) -> bool:
    return compare_with_request(
        expects,
        [values[position].decode().strip() for position in layout.relations],
        ["" if position is None else values[position].decode() for position in layout.confirmations],
    )


def _instant(values: list[bytes], position: int | None) -> datetime | None:
    return None if position is None else instant(values[position].decode().strip())


def _text(values: list[bytes], position: int | None) -> str | None:
    return None if position is None else printable(values[position].decode().strip(), 300)
