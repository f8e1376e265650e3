"""Who signed a message that was judged, whatever came of it.

A key was used where a signature value is good under it, also where the message is rejected for another reason: stale,
altered, misplaced. The procedure has tried the keys on most signatures. Where it ended before, a look is taken here
afterwards: at the signatures that break a rule of grammar or policy, and at those in a Security header, or several,
that the SOAP structure speaks against.

That look changes nothing about the verdict, and finds what it can cheaply. It stays within the same budget as the
procedure, it reads no more signatures, and none where a limit is what was broken. Digests are compared only under a
signature value that is good.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import chain, islice
from typing import Final, NamedTuple

from lxml import etree

from gateway.verify.attachment_references import ResolvedAttachment
from gateway.verify.c14n import canonicalize, count_elements
from gateway.verify.conditions import Conditions
from gateway.verify.coverage import missing_parts, required_elements
from gateway.verify.document import Document
from gateway.verify.envelope import MAX_SECURITY_HEADERS, headers_for
from gateway.verify.findings import Acceptance, Findings
from gateway.verify.grammar import MAX_SIGNATURES, ReferenceGrammar, SignatureGrammar, read_what_was_signed
from gateway.verify.ids import IdIndex
from gateway.verify.key_trial import KeyTrial, report_hint, try_known_keys
from gateway.verify.keyinfo import read_key_info
from gateway.verify.policy import Policy
from gateway.verify.reason import Reason, Rejection
from gateway.verify.references import ResolvedReference
from gateway.verify.signature_check import CheckedSignature, SignedMessage
from gateway.verify.signature_value import SignedValue
from gateway.verify.signers import signers_of, signing_entries
from gateway.verify.timestamp import read_timestamp
from gateway.verify.verdict import HintReport, SignatureReceipt, SignatureReport
from gateway.verify.xml_names import SIGNATURE, SIGNED_INFO, SOAP11, SOAP12, TIMESTAMP
from keystore import NO_HINT, HintKind, KeyId

MOST_ELEMENTS: Final = 512
"""Elements of a SignedInfo that is looked at afterwards: more than those of one that the grammar admits."""
MOST_OCTETS: Final = 65_536
"""Octets of its canonical form."""


class _Good(NamedTuple):
    """What was found out about a signature whose value is good under a known key."""

    grammar: SignatureGrammar
    trial: KeyTrial
    resolved: Sequence[ResolvedReference | ResolvedAttachment]
    report: SignatureReport


def note_signers(
    findings: Findings, conditions: Conditions, acceptance: Acceptance, passes_without: Callable[[KeyId], bool]
) -> None:
    """Set the signers of a message that is accepted; `passes_without` says whether it also is without some key."""
    needed: dict[KeyId, bool] = {}

    def is_needed(key: KeyId) -> bool:
        if key not in needed:
            needed[key] = conditions.policy.signatures == "all" or not passes_without(key)
        return needed[key]

    _note(findings, acceptance.message, conditions, is_needed)


def note_signers_of_rejected(findings: Findings, conditions: Conditions, rejection: Rejection) -> None:
    """Set the signers of a message that is rejected for `rejection`."""
    if findings.signed_message is not None:
        _note(findings, findings.signed_message, conditions, _is_needed_though_rejected(findings, conditions.policy))
    elif findings.document is not None and rejection.reason is Reason.STRUCTURE:
        _note_despite_structure(findings, findings.document, conditions, rejection)


def _is_needed_though_rejected(findings: Findings, policy: Policy) -> Callable[[KeyId], bool]:
    """Whether a key was needed, as far as the signatures tell.

    That is not so where one is enough and another key's covers all that is required. Else nobody knows better.
    """
    covering: list[CheckedSignature] = []
    if policy.signatures == "any" and findings.envelope is not None and findings.security is not None:
        try:
            required = required_elements(policy, findings.envelope, findings.security)
        except Rejection:
            pass
        else:
            good = [one for one in findings.checked if one.report.reason is None]
            covering = [one for one in good if not missing_parts(required, one.references)]
    keys = {by.key_id for one in covering for by in one.report.verified_by}
    return lambda key: not keys - {key}


def _note(
    findings: Findings, message: SignedMessage, conditions: Conditions, is_needed: Callable[[KeyId], bool]
) -> None:
    """Set the signers that the checked signatures have, and those of the ones that were refused before."""
    found = []
    for number, one in enumerate(findings.checked):
        good = _checked(one, message, conditions)
        if good is not None:
            findings.signatures[number] = good.report
            found.append((number, good))
    _set(findings, conditions, found, is_needed)


def _set(
    findings: Findings,
    conditions: Conditions,
    found: Iterable[tuple[int, _Good]],
    is_needed: Callable[[KeyId], bool],
) -> None:
    findings.signers = tuple(
        signer
        for number, good in found
        for signer in signers_of(
            number,
            good.grammar.value,
            _covers(good),
            _signed_at(good),
            [
                (entry, is_needed(entry.by.key_id))
                for entry in signing_entries(good.trial.signers, conditions.trust, conditions.at)
            ],
        )
    )


def _covers(good: _Good) -> tuple[str, ...]:
    """The names of the intact parts."""
    return tuple(dict.fromkeys(one.part.covered_as for one in good.resolved if one.part.intact))


def _signed_at(good: _Good) -> datetime | None:
    """Created of the Timestamp beside the Signature, where it covers one that is intact."""
    header = good.grammar.element.getparent()
    covered = {
        one.element
        for one in good.resolved
        if isinstance(one, ResolvedReference)
        and one.part.intact
        and one.element.tag == TIMESTAMP
        and one.element.getparent() is header
    }
    if len(covered) != 1:
        return None
    try:
        return read_timestamp(covered.pop(), signed=True).created
    except Rejection:
        return None


def _checked(one: CheckedSignature, message: SignedMessage, conditions: Conditions) -> _Good | None:
    """What is known of a signature that the procedure has checked as far as it went."""
    if one.signature is None:
        is_over = one.report.reason is Reason.LIMITS
        return None if is_over else _refused(one.element, one.report, message, conditions)
    grammar, trial = one.signature[0], one.trial
    if trial is None or not trial.signers:
        return None
    # Where the procedure ended at a Reference that leads nowhere, or before them all, others may still be told.
    rest = grammar.references[len(one.references) + len(one.attachments) :]
    if rest and message.unreadable is None and not _leads_nowhere(rest[0], message):
        rest = ()
    more = _resolved(grammar, rest, message, conditions)
    return _Good(grammar, trial, (*one.references, *one.attachments, *more), one.report)


def _refused(
    element: etree._Element, report: SignatureReport, message: SignedMessage, conditions: Conditions
) -> _Good | None:
    """What is known of a signature on which no key was tried, since it breaks a rule; None where nothing is."""
    signed_info = element.find(SIGNED_INFO)
    if signed_info is None or count_elements(signed_info) > MOST_ELEMENTS:
        return None
    try:
        grammar = read_what_was_signed(element)
        method = grammar.canonicalization
        octets = canonicalize(grammar.signed_info, method.method, method.prefixes, message.budget)
    except Rejection:
        return None
    if len(octets) > MOST_OCTETS:
        return None
    try:
        hint = read_key_info(grammar.key_info, message.ids).hint
    except Rejection:
        hint = NO_HINT
    trial = try_known_keys(SignedValue(grammar.value, octets, grammar.algorithm), hint, conditions)
    if not trial.signers:
        return None
    resolved = _resolved(grammar, grammar.references, message, conditions)
    told = replace(
        report,
        id=grammar.id,
        signature_algorithm=grammar.algorithm.uri,
        canonicalization=method.uri,
        hint=report_hint(hint, conditions.trust, trial),
        parts=tuple(one.part for one in resolved),
        checks=trial.checks,
        receipt=SignatureReceipt(octets, grammar.value),
    )
    return _Good(grammar, trial, resolved, told)


def _resolved(
    grammar: SignatureGrammar,
    references: Iterable[ReferenceGrammar],
    message: SignedMessage,
    conditions: Conditions,
) -> list[ResolvedReference | ResolvedAttachment]:
    """Those of the `references` that lead to an element or an attachment, up to the first that breaks a rule.

    To find a rule broken is not paid for from the budget, so that it may happen once to each signature.
    """
    found: list[ResolvedReference | ResolvedAttachment] = []
    for reference in references:
        if _leads_nowhere(reference, message):
            continue
        try:
            found.append(message.resolve(reference, grammar, conditions))
        except Rejection:
            break
    return found


def _leads_nowhere(reference: ReferenceGrammar, message: SignedMessage) -> bool:
    """Whether no element, or more than one, has the id that `reference` names, or no attachment the Content-ID."""
    if reference.attachment is not None:
        return not message.attachments.holds(reference.attachment)
    try:
        return reference.id is None or message.ids.find(reference.id) is None
    except Rejection:
        return True


def _note_despite_structure(
    findings: Findings, document: Document, conditions: Conditions, rejection: Rejection
) -> None:
    """Set the signers in whatever may be our Security header, where the structure of the message speaks against it."""
    root = document.root
    headers = list(islice(headers_for(conditions.policy.actor, root), MAX_SECURITY_HEADERS))
    elements = list(islice(chain.from_iterable([header.iterchildren(SIGNATURE) for header in headers]), MAX_SIGNATURES))
    if not elements:
        return
    near = chain(root.iterchildren(), *[header.iterchildren() for header in headers])
    message = SignedMessage.of(document, IdIndex(document, near), _places(root, headers), conditions, None)
    nothing = SignatureReport(
        None, "", "", HintReport(HintKind.NONE, "", None), (), (), (), rejection.reason, rejection.detail
    )
    looked_at = [_refused(element, nothing, message, conditions) for element in elements]
    found = [(number, good) for number, good in enumerate(looked_at) if good is not None]
    if found:
        findings.signatures = [nothing if good is None else good.report for good in looked_at]
        _set(findings, conditions, found, lambda _: True)


def _places(root: etree._Element, headers: Iterable[etree._Element]) -> dict[etree._Element, tuple[str, str]]:
    """The names of the parts that are usually signed, where it is certain which those are."""
    places = {}
    bodies = list(islice(root.iterchildren(f"{{{SOAP11}}}Body", f"{{{SOAP12}}}Body"), 2))
    if len(bodies) == 1:
        places[bodies[0]] = ("Body", "/Envelope/Body")
    for header in headers:
        timestamps = list(islice(header.iterchildren(TIMESTAMP), 2))
        if len(timestamps) == 1:
            places[timestamps[0]] = ("Timestamp", "/Envelope/Header/Security/Timestamp")
    return places
