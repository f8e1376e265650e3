"""What the signatures of a message come to together (steps 9 to 12): which count, and which carry the message."""

from datetime import datetime

from lxml import etree

from gateway.verify.coverage import missing_parts, unprotected_prefixes
from gateway.verify.document import Document
from gateway.verify.envelope import SecurityHeader
from gateway.verify.findings import Findings
from gateway.verify.policy import Policy
from gateway.verify.reason import Reason, Rejection
from gateway.verify.signature_check import CheckedSignature
from gateway.verify.timestamp import check_freshness, read_timestamp
from gateway.verify.verdict import replay_key

RequiredParts = dict[str, tuple[etree._Element, ...]]  # noqa: SLF001 - lxml's only name for its type
"""The element objects of each required part."""


def weigh(checked: list[CheckedSignature], policy: Policy, findings: Findings) -> list[CheckedSignature]:
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


def carrying_signatures(
    good: list[CheckedSignature], required: RequiredParts, policy: Policy
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


def weigh_prefixes(carrying: list[CheckedSignature], document: Document, policy: Policy, findings: Findings) -> None:
    """Warn of prefixes in values that the signature does not protect, or refuse them, as the policy says.

    Raises:
        Rejection: `structure`.
    """
    found = [prefix for one in carrying for prefix in unprotected_prefixes(one.references, document)]
    found += [prefix for one in carrying for attachment in one.attachments for prefix in attachment.unprotected]
    for prefix in dict.fromkeys(found):
        if policy.unprotected_prefix == "reject":
            raise Rejection(
                Reason.STRUCTURE, f"the prefix {prefix} of an xsi:type value is declared outside what is signed"
            )
        findings.warnings.append(f"unprotected-prefix: {prefix}")


def weigh_freshness(
    carrying: list[CheckedSignature], security: SecurityHeader, policy: Policy, at: datetime, findings: Findings
) -> None:
    """Read the Timestamp and check it; set what bounds a replay attack where a signature covers it.

    Raises:
        Rejection: `timestamp-missing`, `timestamp-stale`, `structure`.
    """
    timestamp = security.timestamp
    if timestamp is None:
        return
    signing = [one for one in carrying if any(reference.element is timestamp for reference in one.references)]
    findings.timestamp = read_timestamp(timestamp, signed=bool(signing))
    fresh_until = check_freshness(findings.timestamp, policy, at)
    if not signing:
        findings.warnings.append("timestamp-unsigned: the Timestamp is no evidence of freshness, it is not signed")
    elif fresh_until is not None:
        findings.fresh_until = fresh_until
        # One for each signature: whoever replays a message may leave one of two out.
        findings.replay_keys = tuple(replay_key(one.octets, one.report.verified_by) for one in signing)
