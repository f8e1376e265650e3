"""The words that configuration, records and exchanges share, and the rule that hangs on them.

Settings, records and JSON hold their values, which are published.
"""

from enum import StrEnum


class Mode(StrEnum):
    """What becomes of a response that is rejected."""

    ENFORCE = "enforce"
    """It is answered with a SOAP Fault; not one byte of it passes."""
    OBSERVE = "observe"
    """It passes, and the record says what would have happened."""


class MessageKind(StrEnum):
    """What a record is about."""

    MESSAGE = "message"
    EMPTY = "empty"
    """A response without a body."""
    FAULT = "fault"
    """An unsigned fault that the configuration lets pass."""
    WSDL = "wsdl"
    """A WSDL or a schema."""
    ERROR = "error"
    """The receiver gave no usable response."""


class RecordedOutcome(StrEnum):
    """What came of it. The first two are a verdict's (`gateway.verify.Outcome`)."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    PASSED = "passed"
    """An exception that the configuration admits without a signature."""
    FAILED = "failed"
    """The receiver gave no usable response, or the gateway itself broke down."""


def may_leave(outcome: RecordedOutcome, mode: Mode, *, is_whole: bool = True) -> bool:
    """Whether a response with this outcome is delivered.

    Args:
        outcome: What came of it.
        mode: Of its endpoint. `observe` delivers everything that there is to deliver.
        is_whole: Whether all of it was read and can be delivered.
    """
    if outcome in {RecordedOutcome.ACCEPTED, RecordedOutcome.PASSED}:
        return True
    return mode is Mode.OBSERVE and is_whole
