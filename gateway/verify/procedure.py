"""The verification procedure.

 1. size and encoding; prolog scan (DOCTYPE, byte order mark, declaration) document_encoding.py XML 1.0 4.3.3, RFC 7303
 2. one hardened parse                                                           parsing.py
 3. limits                                                                       document_limits.py
 4. SOAP structure                                                               envelope.py   SOAP 1.1 4, SOAP 1.2 5
 5. our Security header                                                          envelope.py   WSS-Core 5
 6. id index                                                                     ids.py        WSS-Core 4
 7. signatures' grammar and algorithms                                           grammar.py    XMLDSIG 4, RFC 9231
 8. SignedInfo once canonicalized, signature value against each candidate key    key_trial.py  XMLDSIG 3.2.2, RFC 8017
 9. references -> element objects -> transforms -> digests                       references.py XMLDSIG 3.2.1, WSS-Core 8
10. coverage of the required parts                                               coverage.py
11. certificate status at the instant                                            key_trial.py  RFC 5280 4.1.2.5
12. Timestamp                                                                    timestamp.py  WSS-Core 10
13. binding to the request                                                       binding.py    WSA 3.4, WSS 1.1 8.5
14. Verdict                                                                      verdict.py

Everything but the signature value is done once, however many keys are trusted. The first finding that makes the rest
meaningless ends the procedure; among several signatures the reason of the highest rank is reported.

The step under way is noted in the findings, so that whoever explains a verdict reads there where it was decided. A rule
that is asked in another step than its own says itself to which it belongs (`Rejection.step`): a limit that the parser
meets (3), an id that two elements have (6), the status of a certificate (11).

Nothing here knows of earlier messages: what is remembered of them is the fast path's (`gateway.verify.fastpath`).
"""

from functools import partial

from gateway.verify.attachment_coverage import (
    covered_attachments,
    refuse_moved,
    refuse_unsigned,
    signed_heads,
)
from gateway.verify.binding import check_binding
from gateway.verify.conditions import Conditions
from gateway.verify.content_type import unusual_type
from gateway.verify.coverage import refuse_misplaced, refuse_unsigned_markup, required_elements
from gateway.verify.document import Document
from gateway.verify.document_encoding import as_utf8
from gateway.verify.envelope import Envelope, SecurityHeader, find_security_header, read_envelope, soap_version
from gateway.verify.findings import Acceptance, Examination, Findings
from gateway.verify.grammar import MAX_SIGNATURES
from gateway.verify.ids import IdIndex
from gateway.verify.other_formats import named
from gateway.verify.parsing import parse_decoded
from gateway.verify.policy import Policy
from gateway.verify.reason import Reason, Rejection
from gateway.verify.references import Places
from gateway.verify.signature_check import CheckedSignature, SignedMessage, check_signature
from gateway.verify.signer_search import note_signers, note_signers_of_rejected
from gateway.verify.unreadable import unreadable_content
from gateway.verify.unsigned import instead_of_signature
from gateway.verify.verdict import UNBOUND
from gateway.verify.weighing import carrying_signatures, weigh, weigh_freshness, weigh_prefixes
from keystore import KeyId


def examine(message: bytes, conditions: Conditions, parsed: Document | None = None) -> Examination:
    """Take `message` through the procedure, as far as it goes.

    `parsed` is the message where steps 1 to 3 have passed it already.
    """
    findings = Findings(attachments=conditions.attachments)
    try:
        acceptance = _examine(message, conditions, parsed, findings)
    except Rejection as rejection:
        findings.step = rejection.step or findings.step
        note_signers_of_rejected(findings, conditions, rejection)
        return Examination(findings.rejected(rejection), findings, None)
    note_signers(findings, conditions, acceptance, partial(_passes_without, acceptance, conditions))
    return Examination(findings.accepted(acceptance), findings, acceptance)


def _examine(message: bytes, conditions: Conditions, parsed: Document | None, findings: Findings) -> Acceptance:
    policy, content_type = conditions.policy, conditions.content_type
    # 1
    if conditions.attachments.problem is not None:
        raise conditions.attachments.problem
    findings.about_type = unusual_type(content_type)
    # 2, 3
    document = _read(message, conditions, findings) if parsed is None else parsed
    findings.text, findings.document, findings.encoding = document.text, document, document.encoding
    root = document.root
    findings.step = 4
    findings.soap_version = soap_version(root)
    envelope = findings.envelope = read_envelope(root)
    findings.step = 5
    unreadable = unreadable_content(envelope, document, by_name=policy.attachments == "references")
    security, warnings = _security_header(envelope, document, policy, unreadable)
    findings.security = security
    findings.warnings.extend(warnings)
    if len(security.signatures) > MAX_SIGNATURES:
        raise Rejection(Reason.LIMITS, f"the Security header holds more than {MAX_SIGNATURES} signatures")
    findings.step = 6
    ids = IdIndex(document, (*root, *security.children, *envelope.blocks))
    # 7, 8, 9: each finding about a signature names the one of them in which it was made.
    findings.step = 7
    signed_message = SignedMessage.of(document, ids, _places(envelope, security), conditions, unreadable)
    checked = [check_signature(element, signed_message, conditions) for element in security.signatures]
    findings.signed_message, findings.checked = signed_message, tuple(checked)
    good = weigh(checked, policy, findings)
    carrying = _carrying(good, document, envelope, security, conditions, findings)
    findings.step = 14
    in_place = {envelope.body, security.timestamp, *envelope.blocks}
    covered = dict.fromkeys(r.part.name for one in carrying for r in one.references if r.element in in_place)
    is_remarkable = any(warning != UNBOUND for warning in findings.warnings)
    return Acceptance(document, envelope, security, signed_message, good, carrying, tuple(covered), is_remarkable)


def _carrying(
    good: list[CheckedSignature],
    document: Document,
    envelope: Envelope,
    security: SecurityHeader,
    conditions: Conditions,
    findings: Findings,
) -> list[CheckedSignature]:
    """Steps 10 to 13 for the signatures that verify: those on which the required parts rest.

    Raises:
        Rejection: The message does not pass.
    """
    policy, at, expects = conditions.policy, conditions.at, conditions.expects
    findings.step = 10
    required = required_elements(policy, envelope, security)
    for one in good:
        refuse_misplaced(one.references, envelope, security, policy)
    refuse_unsigned_markup([reference for one in good for reference in one.references], envelope, document, policy)
    carrying = carrying_signatures(good, required, policy)
    if conditions.attachments.parts:
        covered = covered_attachments(carrying, conditions.attachments)
        findings.covered_attachments, findings.signed_heads = covered, signed_heads(carrying)
        refuse_moved(carrying, conditions.attachments)
        findings.warnings.extend(refuse_unsigned(carrying, conditions.attachments, covered, policy))
    weigh_prefixes(carrying, document, policy, findings)
    # 11: certificates out of their validity were refused in step 8, at the same instant.
    findings.step = 12
    weigh_freshness(carrying, security, policy, at, findings)
    findings.step = 13
    if expects is not None:
        signed = [reference.element for one in carrying for reference in one.references]
        if not check_binding(expects, envelope, security.element, signed):
            findings.warnings.append(UNBOUND)
    return carrying


def _passes_without(accepted: Acceptance, conditions: Conditions, key: KeyId) -> bool:
    """Whether the message would be accepted if signatures of `key` counted for nothing, where any one is enough."""
    left = [one for one in accepted.good if any(by.key_id != key for by in one.report.verified_by)]
    if not left or len(left) == len(accepted.good):
        return bool(left)
    try:
        _carrying(left, accepted.document, accepted.envelope, accepted.security, conditions, Findings())
    except Rejection:
        return False
    return True


def _read(message: bytes, conditions: Conditions, findings: Findings) -> Document:
    """Steps 1 to 3."""
    try:
        decoded = as_utf8(message, conditions.policy, conditions.content_type)
        findings.text = decoded.text
        findings.step = 2
        return parse_decoded(decoded, conditions.policy)
    except Rejection as rejection:
        raise named(message, rejection) from None


def _places(envelope: Envelope, security: SecurityHeader) -> Places:
    """The names of the parts that are usually signed."""
    places = {envelope.body: ("Body", "/Envelope/Body")}
    if security.timestamp is not None:
        places[security.timestamp] = ("Timestamp", "/Envelope/Header/Security/Timestamp")
    return places


def _security_header(
    envelope: Envelope, document: Document, policy: Policy, unreadable: Rejection | None
) -> tuple[SecurityHeader, tuple[str, ...]]:
    try:
        return find_security_header(envelope, policy.actor)
    except Rejection as rejection:
        if rejection.reason is not Reason.UNSIGNED:
            raise
        raise unreadable or instead_of_signature(rejection, envelope, document) from None
