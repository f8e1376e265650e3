"""What was found at each step of the procedure, in sentences for a person. Names from messages are made printable."""

from collections import Counter
from datetime import UTC, datetime
from typing import NamedTuple

from lxml import etree

from gateway.verify.conditions import Conditions
from gateway.verify.findings import Examination, Findings
from gateway.verify.printable_text import printable
from gateway.verify.verdict import CheckResult, EmbeddedCertificate, SignatureReport, SignedPart, Verdict
from gateway.verify.xml_names import local_name

_LISTED = 12
"""Names in one sentence."""


class _Walk(NamedTuple):
    """What the sentences are made of."""

    message: bytes
    verdict: Verdict
    findings: Findings
    conditions: Conditions


def found_at(message: bytes, conditions: Conditions, examination: Examination) -> dict[int, tuple[str, ...]]:
    """The sentences by the number of the step; of a step that was not reached there may be none."""
    it = _Walk(message, examination.verdict, examination.findings, conditions)
    signatures = it.verdict.signatures
    return {
        1: _size(it),
        2: () if it.findings.document is None else ("well-formed XML, parsed once; nothing was fetched",),
        3: _limits(it),
        4: _soap(it),
        5: _security(it),
        6: _ids(it),
        7: tuple(_grammar(name, report) for name, report in _named(signatures)),
        8: _keys(it),
        9: tuple(f"{name}: {_part(part)}" for name, report in _named(signatures) for part in report.parts),
        10: _coverage(it),
        11: _certificates(it),
        12: _timestamp(it),
        13: tuple(warning for warning in it.verdict.warnings if warning.startswith("unbound"))
        or ("what is signed answers the request",),
        14: (f"{it.verdict.outcome}: {it.verdict.detail}",) if it.verdict.accepted else (),
    }


def _size(it: _Walk) -> tuple[str, ...]:
    size = f"{len(it.message):,} bytes"
    if it.findings.text is None:
        return (size,)
    encoding = "in UTF-8" if it.message.endswith(it.findings.text) else "brought into UTF-8"
    return (f"{size}, {encoding}, without a document type declaration",)


def _limits(it: _Walk) -> tuple[str, ...]:
    if it.findings.document is None:
        return ()
    count = sum(1 for _ in it.findings.document.root.iter(etree.Element))
    return (f"{count:,} elements of at most {it.conditions.policy.max_elements:,}",)


def _soap(it: _Walk) -> tuple[str, ...]:
    envelope = it.findings.envelope
    if envelope is None:
        return ()
    blocks = _listed([local_name(str(block.tag)) for block in envelope.blocks]) or "none"
    operation = "empty" if envelope.operation is None else printable(envelope.operation, 160)
    return (f"an Envelope of SOAP {envelope.version}; header blocks: {blocks}; Body: {operation}",)


def _security(it: _Walk) -> tuple[str, ...]:
    security = it.findings.security
    if security is None:
        return ()
    actor = it.conditions.policy.actor
    whose = "names no actor" if actor is None else f"is for the actor {printable(actor)}"
    foreign = [warning for warning in it.verdict.warnings if warning.startswith("foreign-security-header")]
    children = _listed([local_name(str(child.tag)) for child in security.children])
    return (f"the Security header {whose}; it holds: {children}", *foreign)


def _ids(it: _Walk) -> tuple[str, ...]:
    signatures = it.verdict.signatures
    uris = list(dict.fromkeys(part.uri for report in signatures for part in report.parts))
    if uris:
        return (f"each names one element: {_listed(uris)}",)
    if it.verdict.signers:
        return ()
    return ("not looked up: no key of the keystore made a signature",) if signatures else ()


def _grammar(name: str, report: SignatureReport) -> str:
    if not report.signature_algorithm:
        return f"{name}: {report.reason}, {report.detail}"
    algorithm, method = _short(report.signature_algorithm), _short(report.canonicalization)
    return f"{name}: {algorithm}, SignedInfo canonicalized by {method}, key named by {report.hint.kind}"


def _keys(it: _Walk) -> tuple[str, ...]:
    found = []
    for number, (name, report) in enumerate(_named(it.verdict.signatures)):
        if not report.signature_algorithm:
            continue
        if report.receipt is not None and not any(one.trial for one in it.findings.checked[number : number + 1]):
            found.append(f"{name} was looked at afterwards, to tell who signed: that changes nothing about the verdict")
        if report.hint.named:
            agreed = {True: "which is right", False: "which is wrong", None: "which the keystore does not hold"}
            found.append(f"{name} says it was made by: {report.hint.named}, {agreed[report.hint.agreed]}")
        results = Counter(check.result for check in report.checks)
        counted = ", ".join(f"{count} {result}" for result, count in results.items()) or "the keystore holds none"
        found.append(f"{name}, keys of the keystore tried: {counted}")
        for check in report.checks:
            if check.result in {CheckResult.VERIFIED, CheckResult.REFUSED}:
                refused = "" if check.refusal is None else f", refused as {check.refusal}"
                found.append(f"{name} is good under {check.entry.alias} ({check.state}{refused})")
        tried = {check.entry for check in report.checks}
        found += [
            f"{name} is good under {signer.entry.alias} ({signer.state}), another certificate over that key"
            for signer in it.verdict.signers
            if signer.signature == number and signer.entry not in tried
        ]
        if report.reason is not None and len(it.verdict.signatures) > 1:
            found.append(f"{name} does not count: {report.reason}, {report.detail}")
    if it.verdict.embedded is not None:
        found.append(_embedded(it.verdict.embedded))
    return tuple(found)


def _embedded(certificate: EmbeddedCertificate) -> str:
    good = "good" if certificate.signature_good else "NOT good"
    return (
        f"the message carries a certificate, under which the signature is {good}: "
        f"{printable(certificate.subject, 200)}, issued by {printable(certificate.issuer, 200)}, "
        f"{_validity(certificate.not_before, certificate.not_after)}, "
        f"SHA-256 {certificate.thumbprint}, SHA-1 {certificate.thumbprint_sha1}"
    )


def _part(part: SignedPart) -> str:
    result = "as it was signed" if part.intact else "ALTERED after signing"
    return f"{part.name} (at {part.path}, referenced as {part.uri}), {_short(part.digest_algorithm)}: {result}"


def _coverage(it: _Walk) -> tuple[str, ...]:
    good = [report for report in it.verdict.signatures if report.reason is None]
    signed = _listed(dict.fromkeys(part.name for report in good for part in report.parts)) or "nothing"
    return (f"required: {', '.join(it.conditions.policy.required_parts)}; signed by a trusted key: {signed}",)


def _certificates(it: _Walk) -> tuple[str, ...]:
    signers = {
        check.entry.thumbprint
        for report in it.verdict.signatures
        for check in report.checks
        if check.result in {CheckResult.VERIFIED, CheckResult.REFUSED}
    }
    return tuple(
        f"{entry.alias} is {_validity(entry.not_before, entry.not_after)}; the instant is {_instant(it.conditions.at)}"
        for entry in it.conditions.trust.entries
        if entry.thumbprint in signers
    )


def _timestamp(it: _Walk) -> tuple[str, ...]:
    report = it.verdict.timestamp
    if report is None:
        return () if it.findings.security is None or it.findings.security.timestamp is not None else ("there is none",)
    signed = "signed" if report.signed else "NOT signed, and so no evidence"
    created = "not said" if report.created is None else _instant(report.created)
    expires = "not said" if report.expires is None else _instant(report.expires)
    return (f"created {created}, expires {expires}, {signed}; the instant is {_instant(it.conditions.at)}",)


def _named(signatures: tuple[SignatureReport, ...]) -> list[tuple[str, SignatureReport]]:
    if len(signatures) == 1:
        return [("the signature", signatures[0])]
    return [(f"signature {number}", report) for number, report in enumerate(signatures, 1)]


def _listed(names: list[str] | dict[str, None]) -> str:
    shown = [printable(name, 80) for name in list(names)[:_LISTED]]
    return ", ".join(shown) + (f" and {len(names) - _LISTED} more" if len(names) > _LISTED else "")


def _short(uri: str) -> str:
    return printable(uri.rstrip("#").rpartition("#")[2].rpartition("/")[2], 60)


def _validity(not_before: datetime, not_after: datetime) -> str:
    return f"valid from {_instant(not_before)} until {_instant(not_after)}"


def _instant(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
