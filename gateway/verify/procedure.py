"""The verification procedure.

 1. size and encoding; prolog scan (DOCTYPE, byte order mark, declaration)      encoding.py   XML 1.0 4.3.3, RFC 7303
 2. one hardened parse                                                           parsing.py
 3. limits                                                                       parsing.py
 4. SOAP structure                                                               envelope.py   SOAP 1.1 4, SOAP 1.2 5
 5. our Security header                                                          envelope.py   WSS-Core 5
 6. id index                                                                     ids.py        WSS-Core 4
 7. signatures' grammar and algorithms                                           grammar.py    XMLDSIG 4, RFC 9231
 8. SignedInfo once canonicalized, signature value against each candidate key    keys.py       XMLDSIG 3.2.2, RFC 8017
 9. references -> element objects -> transforms -> digests                       references.py XMLDSIG 3.2.1, WSS-Core 8
10. coverage of the required parts                                               coverage.py
11. certificate status at the instant                                            keys.py       RFC 5280 4.1.2.5
12. Timestamp                                                                    timestamp.py  WSS-Core 10
13. binding to the request                                                       binding.py    WSA 3.4, WSS 1.1 8.5
14. Verdict                                                                      verdict.py

Everything but the signature value is done once, however many keys are trusted. The first finding that makes the rest
meaningless ends the procedure; among several signatures the reason of the highest rank is reported.

What steps 4 to 7 conclude from the way a partner writes its messages is remembered (familiar/): a message that is
written the same way is accepted without concluding it again, or goes through the whole procedure. The memory changes
how long a verdict takes, and nothing else.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from lxml import etree

from gateway.verify.binding import check_binding
from gateway.verify.budget import WorkBudget
from gateway.verify.content_type import unusual_type
from gateway.verify.coverage import (
    missing_parts,
    refuse_misplaced,
    refuse_unsigned_markup,
    required_elements,
    unprotected_prefixes,
)
from gateway.verify.element_content import printable
from gateway.verify.envelope import Envelope, SecurityHeader, find_security_header, read_envelope, soap_version
from gateway.verify.fastpath import LayoutMemory, is_parsed_in_part, make_layout, verify_familiar
from gateway.verify.grammar import MAX_SIGNATURES
from gateway.verify.ids import IdIndex
from gateway.verify.other_formats import named
from gateway.verify.parsing import Document, parse_admitted, read_document
from gateway.verify.policy import Policy
from gateway.verify.reason import Reason, Rejection
from gateway.verify.references import CanonicalForms
from gateway.verify.request import Expectation
from gateway.verify.signature_check import CheckedSignature, check_signature
from gateway.verify.timestamp import check_timestamp, read_timestamp
from gateway.verify.unreadable import unreadable_content
from gateway.verify.unsigned import instead_of_signature
from gateway.verify.verdict import (
    UNBOUND,
    EmbeddedCertificate,
    Outcome,
    SignatureReport,
    TimestampReport,
    Verdict,
    VerifiedBy,
    accepted_detail,
    replay_key,
)
from keystore import TrustSnapshot


class Verifier:
    """Verifies the messages of one partner under one policy, and owns what is remembered of how they are written.

    Safe to share between threads.
    """

    __slots__ = ("_memory", "policy")

    def __init__(self, policy: Policy) -> None:
        """Demand `policy`; nothing is remembered yet."""
        self.policy = policy
        self._memory = LayoutMemory()

    def verify(
        self,
        message: bytes,
        trust: TrustSnapshot,
        at: datetime,
        *,
        content_type: str | None = None,
        expects: Expectation | None = None,
    ) -> Verdict:
        """Verify `message` as the function `verify` does.

        Raises:
            ValueError: `at` has no time zone.
        """
        return _verify(message, trust, self.policy, at, content_type, expects, self._memory)


def verify(
    message: bytes,
    trust: TrustSnapshot,
    policy: Policy,
    at: datetime,
    *,
    content_type: str | None = None,
    expects: Expectation | None = None,
) -> Verdict:
    """Verify the signed SOAP message `message`.

    Args:
        message: the decoded body, byte for byte as it would be passed on.
        trust: the entries of the endpoint; every trusted one is tried.
        policy: what is demanded. What is remembered of how messages are written is shared by all that are judged under
            an equal policy: for many partners, have a `Verifier` for each.
        at: the one instant that decides validity and freshness, with a time zone.
        content_type: the Content-Type header that came with it; empty where it came without one, None where that is
            not known.
        expects: what the request lets be expected.

    Returns:
        The verdict. A bad message is a value, never an exception.

    Raises:
        ValueError: `at` has no time zone: a broken call, not a bad message.
    """
    return _verify(message, trust, policy, at, content_type, expects, _LAYOUTS)


def verify_anew(
    message: bytes,
    trust: TrustSnapshot,
    policy: Policy,
    at: datetime,
    *,
    content_type: str | None = None,
    expects: Expectation | None = None,
) -> Verdict:
    """The same verdict as that of `verify`, by the whole procedure, whatever is remembered.

    Raises:
        ValueError: `at` has no time zone.
    """
    return _verify(message, trust, policy, at, content_type, expects, None)


_LAYOUTS: Final = LayoutMemory()


def _verify(
    message: bytes,
    trust: TrustSnapshot,
    policy: Policy,
    at: datetime,
    content_type: str | None,
    expects: Expectation | None,
    memory: LayoutMemory | None,
) -> Verdict:
    if at.tzinfo is None:
        raise ValueError("the instant of verification needs a time zone")
    findings: _Findings | None = None
    about_type: str | None = None
    try:
        # 1
        about_type = unusual_type(content_type)
        head, document = None, None
        if memory is not None and len(message) <= policy.max_message_bytes:
            head = memory.recognise(message, policy, content_type)
        if head is not None:
            if not is_parsed_in_part(message, policy):
                # What step 1 would look at is in the head, and was found good there.
                document = parse_admitted(message, policy, known=head.end)
            verdict = verify_familiar(message, head, document, trust, policy, at, expects)
            if verdict is not None:
                # A familiar message is accepted whatever its Content-Type is, as long as step 1 lets it pass.
                return verdict if about_type is None else replace(verdict, warnings=(about_type, *verdict.warnings))
        document = _read(message, policy, content_type) if document is None else Document(document.root, message)
        findings = _Findings(about_type, document.encoding)
        accepted = _verify_document(document, trust, policy, at, expects, findings)
    except Rejection as rejection:
        return (findings or _Findings(about_type)).rejected(rejection)
    if memory is not None and head is None and document.as_it_came:
        _remember(memory, policy, content_type, document, accepted)
    return findings.accepted(accepted)


def _read(message: bytes, policy: Policy, content_type: str | None) -> Document:
    """Steps 1 to 3."""
    try:
        return read_document(message, policy, content_type)
    except Rejection as rejection:
        raise named(message, rejection) from None


def _remember(
    memory: LayoutMemory, policy: Policy, content_type: str | None, document: Document, accepted: "_Accepted"
) -> None:
    one = accepted.carrying[0]
    # What an unsigned Body holds would have to be looked at again.
    if all(reference.element is not accepted.envelope.body for reference in one.references):
        return
    # Messages with several signatures are rare, and what the others come to would have to be remembered as well.
    if len(accepted.security.signatures) > 1 or one.signature is None or accepted.remarkable:
        return
    if not memory.wants(policy):
        return
    grammar, key_info = one.signature
    layout = make_layout(
        document,
        accepted.envelope,
        accepted.security,
        grammar,
        one.octets,
        key_info,
        one.references,
        accepted.covered,
    )
    if layout is not None:
        memory.add(layout, policy, content_type)


@dataclass(slots=True)
class _Accepted:
    """What the acceptance of a message rests on."""

    envelope: Envelope
    security: SecurityHeader
    carrying: list[CheckedSignature]
    covered: tuple[str, ...]
    remarkable: bool
    """Something about the message itself, not about its request, was worth a warning."""


@dataclass(slots=True)
class _Findings:
    """What has been found so far: a verdict in the making, complete at whatever step the procedure ends."""

    about_type: str | None = None
    """A warning about the Content-Type; None where there is nothing to say."""
    encoding: str | None = None
    soap_version: str | None = None
    envelope: Envelope | None = None
    signatures: list[SignatureReport] = field(default_factory=list)
    recognised: dict[VerifiedBy, None] = field(default_factory=dict)
    embedded: EmbeddedCertificate | None = None
    timestamp: TimestampReport | None = None
    warnings: list[str] = field(default_factory=list)
    replay_keys: tuple[str, ...] = ()
    fresh_until: datetime | None = None

    def accepted(self, accepted: _Accepted) -> Verdict:
        verified_by = tuple(dict.fromkeys(by for one in accepted.carrying for by in one.report.verified_by))
        return self._verdict(
            Outcome.ACCEPTED,
            None,
            accepted_detail(verified_by, accepted.covered),
            verified_by=verified_by,
            replay_keys=self.replay_keys,
            fresh_until=self.fresh_until,
        )

    def rejected(self, rejection: Rejection) -> Verdict:
        return self._verdict(Outcome.REJECTED, rejection.reason, rejection.detail, special_advice=rejection.advice)

    def _verdict(
        self,
        outcome: Outcome,
        reason: Reason | None,
        detail: str,
        *,
        verified_by: tuple[VerifiedBy, ...] = (),
        replay_keys: tuple[str, ...] = (),
        fresh_until: datetime | None = None,
        special_advice: str | None = None,
    ) -> Verdict:
        envelope = self.envelope
        return Verdict(
            outcome=outcome,
            reason=reason,
            detail=detail,
            verified_by=verified_by,
            recognised=tuple(self.recognised),
            embedded=self.embedded,
            signatures=tuple(self.signatures),
            timestamp=self.timestamp,
            soap_version=self.soap_version,
            encoding=self.encoding,
            operation=None if envelope is None or envelope.operation is None else printable(envelope.operation, 300),
            is_fault=envelope is not None and envelope.is_fault,
            message_id=_addressed(envelope, "MessageID"),
            relates_to=_addressed(envelope, "RelatesTo"),
            warnings=(*(() if self.about_type is None else (self.about_type,)), *self.warnings),
            replay_keys=replay_keys,
            fresh_until=fresh_until,
            special_advice=special_advice,
        )


def _addressed(envelope: Envelope | None, name: str) -> str | None:
    element = None if envelope is None else envelope.addressing(name)
    return None if element is None else printable((element.text or "").strip(), 300)


def _verify_document(
    document: Document,
    trust: TrustSnapshot,
    policy: Policy,
    at: datetime,
    expects: Expectation | None,
    findings: _Findings,
) -> _Accepted:
    root = document.root
    # 4
    findings.soap_version = soap_version(root)
    envelope = read_envelope(root)
    findings.envelope = envelope
    # 5
    unreadable = unreadable_content(envelope, document)
    security, warnings = _security_header(envelope, document, policy, unreadable)
    findings.warnings.extend(warnings)
    if len(security.signatures) > MAX_SIGNATURES:
        raise Rejection(Reason.LIMITS, f"the Security header holds more than {MAX_SIGNATURES} signatures")
    # 6
    ids = IdIndex(document, (*root, *security.children, *envelope.blocks))
    # 7, 8, 9
    budget = WorkBudget(len(document.text), document.count_elements)
    canonical = CanonicalForms(budget)
    places = {envelope.body: ("Body", "/Envelope/Body")}
    if security.timestamp is not None:
        places[security.timestamp] = ("Timestamp", "/Envelope/Header/Security/Timestamp")
    checked = [
        check_signature(element, ids, trust, policy, at, budget, canonical, places, document, unreadable)
        for element in security.signatures
    ]
    good = _weigh(checked, policy, findings)
    # 10
    required = required_elements(policy, envelope, security)
    for one in good:
        refuse_misplaced(one.references, envelope, security, policy)
    refuse_unsigned_markup([reference for one in good for reference in one.references], envelope, document, policy)
    carrying = _carrying(good, required, policy)
    _check_prefixes(carrying, document, policy, findings)
    # 11: certificates out of their validity were refused in step 8, at the same instant.
    # 12
    _check_freshness(carrying, security, policy, at, findings)
    remarkable = bool(findings.warnings)
    # 13
    if expects is not None:
        signed = [reference.element for one in carrying for reference in one.references]
        if not check_binding(expects, envelope, security.element, signed):
            findings.warnings.append(UNBOUND)
    # 14
    in_place = {envelope.body, security.timestamp, *envelope.blocks}
    covered = dict.fromkeys(r.part.name for one in carrying for r in one.references if r.element in in_place)
    return _Accepted(envelope, security, carrying, tuple(covered), remarkable)


def _security_header(
    envelope: Envelope, document: Document, policy: Policy, unreadable: Rejection | None
) -> tuple[SecurityHeader, tuple[str, ...]]:
    try:
        return find_security_header(envelope, policy.actor)
    except Rejection as rejection:
        if rejection.reason is not Reason.UNSIGNED:
            raise
        raise unreadable or instead_of_signature(rejection, envelope, document) from None


def _carrying(
    good: list[CheckedSignature], required: dict[str, tuple[etree._Element, ...]], policy: Policy
) -> list[CheckedSignature]:
    """The signatures on which the required parts rest.

    Raises:
        Rejection: `part-not-signed`.
    """
    carrying = [one for one in good if not missing_parts(required, one.references)]
    if carrying:
        return carrying
    if policy.coverage == "together":
        missing = missing_parts(required, [reference for one in good for reference in one.references])
        if not missing:
            return [one for one in good if len(missing_parts(required, one.references)) < len(required)]
        raise Rejection(Reason.PART_NOT_SIGNED, f"no trusted signature covers {' and '.join(missing)}")
    # Parts that only several signatures together cover are not covered: each vouches for a message of its own.
    missing = missing_parts(required, max(good, key=_references).references)
    together = not missing_parts(required, [reference for one in good for reference in one.references])
    how = "; several signatures cover the parts between them (the policy may admit that: coverage)" if together else ""
    raise Rejection(
        Reason.PART_NOT_SIGNED, f"no single trusted signature covers {' and '.join(missing or required)}{how}"
    )


def _references(one: CheckedSignature) -> int:
    return len(one.references)


def _weigh(checked: list[CheckedSignature], policy: Policy, findings: _Findings) -> list[CheckedSignature]:
    """The signatures that verify.

    Raises:
        Rejection: the reason of the highest rank, where one failed and the policy wants all, or where none verifies.
    """
    failed: list[Rejection] = []
    for one in checked:
        findings.signatures.append(one.report)
        if one.finding is not None:
            failed.append(one.finding)
        if one.trial is not None:
            intact = one.report.reason is None or one.report.reason is one.trial.reason
            if intact:
                # Who signed is evidence only where what was signed is what arrived.
                findings.recognised.update((by, None) for by in one.trial.recognised)
                findings.warnings.extend(one.trial.warnings)
            findings.embedded = findings.embedded or one.trial.embedded
    if failed and (policy.signatures == "all" or len(failed) == len(checked)):
        raise min(failed, key=lambda rejection: rejection.reason.rank)
    return [one for one in checked if one.report.reason is None]


def _check_prefixes(carrying: list[CheckedSignature], document: Document, policy: Policy, findings: _Findings) -> None:
    for prefix in dict.fromkeys(p for one in carrying for p in unprotected_prefixes(one.references, document)):
        if policy.unprotected_prefix == "reject":
            raise Rejection(
                Reason.STRUCTURE, f"the prefix {prefix} of an xsi:type value is declared outside what is signed"
            )
        findings.warnings.append(f"unprotected-prefix: {prefix}")


def _check_freshness(
    carrying: list[CheckedSignature], security: SecurityHeader, policy: Policy, at: datetime, findings: _Findings
) -> None:
    timestamp = security.timestamp
    if timestamp is None:
        return
    signing = [one for one in carrying if any(reference.element is timestamp for reference in one.references)]
    findings.timestamp = read_timestamp(timestamp, signed=bool(signing))
    if findings.timestamp.created is None and "Timestamp" in policy.required_parts:
        raise Rejection(
            Reason.TIMESTAMP_MISSING, "the policy requires a Timestamp, and this one says not when it was made"
        )
    fresh_until = check_timestamp(findings.timestamp, policy, at)
    if not signing:
        findings.warnings.append("timestamp-unsigned: the Timestamp is no evidence of freshness, it is not signed")
    elif fresh_until is not None:
        findings.fresh_until = fresh_until
        # One for each signature: whoever replays a message may leave one of two out.
        findings.replay_keys = tuple(replay_key(one.octets, one.report.verified_by) for one in signing)
