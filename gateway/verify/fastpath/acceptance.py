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

from gateway.verify.algorithms import Canonicalization
from gateway.verify.binding import compare_with_request
from gateway.verify.budget import WorkBudget
from gateway.verify.element_content import decode_base64, printable
from gateway.verify.fastpath.form_pattern import is_plain
from gateway.verify.fastpath.known_body import FamiliarBody, Unfamiliar, familiar_body
from gateway.verify.fastpath.template import KnownHead, Layout, SignedElement
from gateway.verify.key_trial import KeyTrial, try_trusted_keys
from gateway.verify.parsing import Document
from gateway.verify.policy import Policy
from gateway.verify.reason import Rejection
from gateway.verify.request import Expectation
from gateway.verify.signature_value import SignedValue
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

# The fragments that the grammar admits, as far as they are ASCII and stand in a canonical form as they are written.
_FRAGMENT: Final = re.compile(rb"[!$%*+,\-./0-9:;=?@A-Z\[\\\]^_`a-z{|}~]{1,1024}")


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
    except (Unfamiliar, Rejection):
        return None


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
    body = familiar_body(document, message, head, ids, policy)
    budget = WorkBudget(len(message), int if document is None else document.count_elements)
    budget.spend_namespaces(layout.namespace_work)
    parts = [_digested(known, body, values, budget) for known in layout.references]
    body.learn()
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
    operation = body.operation
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
        encoding="utf-8",
        operation=None if operation is None else printable(operation, 300),
        is_fault=operation == layout.fault and body.children == 1,
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
        raise Unfamiliar
    for fragment, named in layout.links:
        value = values[fragment]
        if value != values[named] or _FRAGMENT.fullmatch(value) is None:
            raise Unfamiliar
    if not is_plain([values[p] for p in layout.attributes], [values[p] for p in layout.texts]):
        raise Unfamiliar
    return ids


def _trial(
    layout: Layout, values: list[bytes], octets: bytes, trust: TrustSnapshot, policy: Policy, at: datetime
) -> KeyTrial:
    """Which of the keys that are trusted now made the SignatureValue of the SignedInfo `octets`."""
    text = values[layout.signature_value]
    if not text.isascii():
        raise Unfamiliar
    signed = SignedValue(decode_base64(text.decode(), "SignatureValue"), octets, layout.algorithm)
    trial = try_trusted_keys(layout.candidates(trust, at), signed, layout.key_info.hint, trust, policy, at)
    if trial is None or not trial.verified_by or trial.warnings:
        raise Unfamiliar
    return trial


def _digested(known: SignedElement, body: FamiliarBody, values: list[bytes], budget: WorkBudget) -> SignedPart:
    """The part that a Reference names, whose digest agrees."""
    grammar = known.grammar
    method, algorithm = grammar.canonicalization, grammar.digest_algorithm
    form = known.template.filled(values)
    if known.body is not None:
        form = body.form(known.body, method, form, budget)
    budget.spend_form(form, copied=method.method is not Canonicalization.EXCLUSIVE)
    digest = algorithm.digest(form)
    if values[known.digest].strip() != b2a_base64(digest, newline=False):
        raise Unfamiliar
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
