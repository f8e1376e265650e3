"""A verdict as a walk through the procedure's numbered steps, for a person: what was found at each, and where it ended.

Nothing of this happens on the way of a message. The walk is made from the verdict, and from single steps taken once
more where the verdict alone does not tell in which of them it was decided.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from gateway.verify.explain.step_sentences import Findings, found_at
from gateway.verify.policy import Policy
from gateway.verify.procedure import verify
from gateway.verify.reading import Reading, read_again
from gateway.verify.reason import Reason, Rejection
from gateway.verify.request import Expectation
from gateway.verify.timestamp import check_timestamp, read_timestamp
from gateway.verify.verdict import CheckResult, SignatureReport, Verdict
from keystore import TrustSnapshot

STEPS: Final = (
    ("size, encoding and prolog", "XML 1.0 4.3.3, RFC 7303"),
    ("parse", "XML 1.0"),
    ("limits", "the policy"),
    ("SOAP structure", "SOAP 1.1 4, SOAP 1.2 5"),
    ("our Security header", "WSS-Core 5"),
    ("ids that references name", "WSS-Core 4"),
    ("grammar and algorithms of the signatures", "XMLDSIG 4, RFC 9231"),
    ("signature value under each known key", "XMLDSIG 3.2.2, RFC 8017"),
    ("digests of the referenced parts", "XMLDSIG 3.2.1, WSS-Core 8"),
    ("coverage of the required parts", "the policy"),
    ("certificate at the instant", "RFC 5280 4.1.2.5"),
    ("Timestamp", "WSS-Core 10"),
    ("binding to the request", "WS-Addressing 1.0 Core 3.4, WSS 1.1 8.5"),
    ("verdict", ""),
)
"""Title and specification of each step, in the order and with the numbers of `gateway.verify.procedure`."""
_KEY_REASONS: Final = {
    Reason.UNKNOWN_KEY,
    Reason.SIGNATURE_INVALID,
    Reason.RETIRED_KEY,
    Reason.STAGED_KEY,
    Reason.WEAK_KEY,
}
_CERTIFICATE_REASONS: Final = {Reason.CERTIFICATE_EXPIRED, Reason.CERTIFICATE_REVOKED}


class StepState(StrEnum):
    """How one step ended."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_REACHED = "not-reached"
    """The verification ended before it, or without deciding it."""
    NOT_ASKED = "not-asked"
    """There was nothing to compare with."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the procedure."""

    number: int
    """As in `gateway.verify.procedure`, from 1 on."""
    title: str
    specification: str
    """The clause that it rests on."""
    state: StepState
    found: tuple[str, ...]
    """What was found, in safe sentences; in the step that failed the last one is the reason of the rejection."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """A verdict, explained."""

    verdict: Verdict
    steps: tuple[Step, ...]
    consequence: str
    """What follows from it, in a sentence."""
    advice: str | None
    """What to do next; None where there is nothing to do."""

    @property
    def failed(self) -> Step | None:
        """The step that decided the rejection."""
        return next((step for step in self.steps if step.state is StepState.FAILED), None)


def explain(
    message: bytes,
    trust: TrustSnapshot,
    policy: Policy,
    at: datetime,
    *,
    content_type: str | None = None,
    expects: Expectation | None = None,
) -> Explanation:
    """Verify `message` as `verify` does, and say what was found at each step.

    It takes a multiple of the time of a verification.

    Raises:
        ValueError: `at` has no time zone.
    """
    verdict = verify(message, trust, policy, at, content_type=content_type, expects=expects)
    reading = read_again(message, policy, content_type)
    failed: int | None = None
    if not verdict.accepted:
        bound = expects is not None and verify(message, trust, policy, at, content_type=content_type).accepted
        failed = 13 if bound else _failed_step(verdict, reading, policy, at)
    found = found_at(Findings(message, verdict, reading, trust, policy, at))
    steps = tuple(
        _step(number, failed, found[number], verdict, asked=expects is not None) for number in range(1, len(STEPS) + 1)
    )
    return Explanation(verdict, steps, _consequence(failed), verdict.advice)


def _step(number: int, failed: int | None, found: tuple[str, ...], verdict: Verdict, *, asked: bool) -> Step:
    title, specification = STEPS[number - 1]
    # Certificates are weighed together with the keys that verified, before anything is asked of the coverage.
    if failed is not None and (number > failed or (number == 10 and failed == 11)):
        state = StepState.NOT_REACHED
        # Each signature is taken through these three, whatever became of another one.
        found = found if number in {7, 8, 9} else ()
    elif number == failed:
        state, found = StepState.FAILED, (*found, f"{verdict.reason}: {verdict.detail}")
    elif number == 13 and not asked:
        state, found = StepState.NOT_ASKED, ("there is no request to compare with",)
    else:
        state = StepState.PASSED
    return Step(number, title, specification, state, found)


def _failed_step(verdict: Verdict, reading: Reading, policy: Policy, at: datetime) -> int:
    if reading.security is None or not verdict.signatures:
        return reading.ended_at or 5  # with more signatures than are looked at, it ends at the header all the same
    failed = [report for report in verdict.signatures if report.reason is not None]
    if failed and (policy.signatures == "all" or len(failed) == len(verdict.signatures)):
        deciding = next(report for report in failed if report.reason is verdict.reason)
        return _signature_step(deciding)
    timestamp = reading.security.timestamp
    if timestamp is not None:
        if verdict.reason is Reason.TIMESTAMP_MISSING:
            return 12
        try:
            check_timestamp(read_timestamp(timestamp, signed=False), policy, at)
        except Rejection as rejection:
            if rejection.detail == verdict.detail:
                return 12
    return 10


def _signature_step(report: SignatureReport) -> int:
    """The step in which a signature failed."""
    if report.reason is Reason.DUPLICATE_ID:
        return 6
    if not report.signature_algorithm:
        return 7
    if report.reason in _CERTIFICATE_REASONS:
        return 11
    # References are looked at only where some key of the keystore made the value.
    was_made = any(check.result in {CheckResult.VERIFIED, CheckResult.REFUSED} for check in report.checks)
    return 9 if was_made and report.reason not in _KEY_REASONS else 8


def _consequence(failed: int | None) -> str:
    if failed is None:
        return "The message passes, and the record names the keys that verified it."
    return (
        f"Step {failed} decides: nothing that the message says counts. In mode enforce the client gets a SOAP Fault "
        "and not one byte of the message; in mode observe it gets the message, and the record says that it was "
        "rejected."
    )
