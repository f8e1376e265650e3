"""What people are told of: the events, how heavy each weighs, and its heading."""

from enum import StrEnum
from typing import Final


class Severity(StrEnum):
    """How soon somebody should look."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class AlertEvent(StrEnum):
    """The kinds of things that people are told of."""

    UNKNOWN_KEY = "unknown-key"
    STAGED_KEY = "staged-key"
    NEW_KEY = "new-key"
    SWITCHED = "switched"
    RELAPSE = "relapse"
    GATE_OPEN = "gate-open"
    SWITCH_EARLY = "switch-early"
    SWITCH_LATE = "switch-late"
    EXPIRY = "expiry"
    NO_LONGER_SIGNED = "no-longer-signed"
    RECEIVER = "receiver-failing"
    CROSS_CHECK = "cross-check"
    LEDGER = "ledger"
    KEYSTORE = "keystore"
    DATABASE = "database"
    DISK = "disk"
    CLOCK = "clock"
    CHANNEL = "channel"
    TEST = "test"

    @property
    def heading(self) -> str:
        """In a few words."""
        return _TITLES[self][0]

    @property
    def severity(self) -> Severity:
        """How heavy it weighs while it is so; that it is over is `info`."""
        return _TITLES[self][1]


_TITLES: Final = {
    AlertEvent.UNKNOWN_KEY: ("signed with an unknown key", Severity.ERROR),
    AlertEvent.STAGED_KEY: ("signed with a key that is not trusted yet", Severity.ERROR),
    AlertEvent.NEW_KEY: ("first message with the new key", Severity.INFO),
    AlertEvent.SWITCHED: ("switched to the new key", Severity.INFO),
    AlertEvent.RELAPSE: ("the old key came back", Severity.ERROR),
    AlertEvent.GATE_OPEN: ("the old certificate may be retired", Severity.INFO),
    AlertEvent.SWITCH_EARLY: ("switched before the announced time", Severity.WARNING),
    AlertEvent.SWITCH_LATE: ("announced time passed, not switched", Severity.ERROR),
    AlertEvent.EXPIRY: ("a certificate expires", Severity.WARNING),
    AlertEvent.NO_LONGER_SIGNED: ("responses are not signed any more", Severity.ERROR),
    AlertEvent.RECEIVER: ("the receiver cannot be reached", Severity.ERROR),
    AlertEvent.CROSS_CHECK: ("the cross-check disagrees", Severity.ERROR),
    AlertEvent.LEDGER: ("alarm of the ledger", Severity.ERROR),
    AlertEvent.KEYSTORE: ("alarm of the keystore", Severity.ERROR),
    AlertEvent.DATABASE: ("the database cannot be used", Severity.ERROR),
    AlertEvent.DISK: ("a disk is nearly full", Severity.ERROR),
    AlertEvent.CLOCK: ("a clock is off", Severity.ERROR),
    AlertEvent.CHANNEL: ("alerts do not arrive", Severity.ERROR),
    AlertEvent.TEST: ("a test", Severity.INFO),
}


def known_event(text: str) -> AlertEvent | None:
    """The event of that name; None where a newer version wrote it."""
    return AlertEvent(text) if text in set(AlertEvent) else None
