"""A verdict as a walk through the procedure's numbered steps, for a person: what was found at each, and where it ended.

Nothing of this happens on the way of a message. The procedure has noted what it found, and in which step it ended.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from gateway.verify.conditions import Conditions
from gateway.verify.explain.step_sentences import found_at
from gateway.verify.findings import Examination
from gateway.verify.verdict import Verdict

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


def explanation_of(message: bytes, conditions: Conditions, examination: Examination) -> Explanation:
    """What was found at each step of the `examination` of `message` under `conditions`."""
    verdict = examination.verdict
    failed = None if verdict.accepted else examination.findings.step
    found = found_at(message, conditions, examination)
    asked = conditions.expects is not None
    steps = tuple(_step(number, failed, found[number], verdict, asked=asked) for number in range(1, len(STEPS) + 1))
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


def _consequence(failed: int | None) -> str:
    if failed is None:
        return "The message passes, and the record names the keys that verified it."
    return (
        f"Step {failed} decides: nothing that the message says counts. In mode enforce the client gets a SOAP Fault "
        "and not one byte of the message; in mode observe it gets the message, and the record says that it was "
        "rejected."
    )
