"""The ledger's clock: one time for all writers, which never runs backwards.

On PostgreSQL it is the server's clock, on SQLite that of the machine. A clock can be set back, and a second instance
can be days behind: so no writer is ever earlier than the latest instant that a head of any chain told when it looked,
and between two looks the time goes on with a clock that nobody can set. What is measured in it are lengths of time; the
instants by which certificates and Timestamps are judged are those of the gateway's own clock, and each record and event
says how far that one was off.
"""

import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Final

from sqlalchemy import Connection, func, select

from gateway.ledger.database.connections import is_postgresql
from gateway.ledger.database.ledger_tables import chains

SYNC_SECONDS: Final = 10.0
"""How often a writer asks the database again."""
CLOCK_ALARM: Final = timedelta(seconds=5)
"""A clock that is off by more against the ledger's is an alarm."""
CLOCK_FAR_OFF: Final = timedelta(seconds=60)
"""A clock that is off by more makes its instance not ready."""
_SLEW: Final = 5_000_000
"""Microseconds by which a clock may be behind, and the ledger's waits for it instead of leaving it behind."""
_GRAIN: Final = 1000
"""Microseconds: smaller changes of an offset are no news."""
_SECOND: Final = 1_000_000
_BOOT_TIME: Final[int | None] = getattr(time, "CLOCK_BOOTTIME", None)
"""Only Linux has it."""
_CLOSE: Final = 0.0002
"""Seconds: two clocks that were read within this are of the same moment."""
_READINGS: Final = 5
"""A busy machine may stop a thread between two readings: so they are tried again, so often at most."""


def own_clock() -> int:
    """Now by the clock of this machine, in microseconds."""
    return _nanoseconds() // 1000


def _nanoseconds() -> int:
    return time.time_ns()


def steady_clock() -> float:
    """Seconds, from whatever beginning, by a clock that nobody can set and that goes on while the machine sleeps."""
    return time.monotonic() if _BOOT_TIME is None else time.clock_gettime(_BOOT_TIME)


def microseconds(seconds: float) -> int:
    """A length by the steady clock, whose fractions are not exact: the nearest microsecond, not the one before it."""
    return round(seconds * _SECOND)


def server_clock(connection: Connection) -> int | None:
    """Now by the clock of the database's server, in microseconds; None on SQLite, which has none."""
    if is_postgresql(connection):
        return int(connection.execute(select(func.extract("epoch", func.clock_timestamp()) * _SECOND)).scalar_one())
    return None


def latest_instant(connection: Connection) -> int:
    """The latest instant of the ledger's clock that the head of any chain tells; 0 where there is none."""
    return int(connection.execute(select(func.coalesce(func.max(chains.c.time), 0))).scalar_one())


def server_or_latest(connection: Connection) -> int:
    """The clock of the database's server; without one the latest instant that any chain tells.

    For whoever adds a word and measures no time: its own machine's clock then moves the ledger's by nothing.
    """
    found = server_clock(connection)
    return latest_instant(connection) if found is None else found


class LedgerClock:
    """The ledger's clock as one writer has it, by the thread of that writer alone, but for `lead`."""

    def __init__(
        self,
        own: Callable[[], int] = own_clock,
        steady: Callable[[], float] = steady_clock,
        server: Callable[[Connection], int | None] = server_clock,
    ) -> None:
        """Know nothing of the time yet.

        Args:
            own: The clock of this machine, in microseconds.
            steady: Seconds, from whatever beginning, by a clock that nobody can set.
            server: That of the database's server, in microseconds; None where it has none of its own.
        """
        self._server = server
        self._own = own
        self._steady = steady
        self._base = 0
        """The ledger's time when it was compared last, and `_since` the steady clock at that moment."""
        self._since = 0.0
        self._next_sync: float | None = None
        """By the steady clock; None before the first time."""
        self._lead = 0
        """How far this machine's clock was ahead of the steady one then."""
        self._offset = 0
        self._last = 0

    def sync(self, connection: Connection) -> None:
        """Compare with the database where it is time to, or this machine's clock was set: before anything is written
        in the transaction.
        """
        lead, asked = self.lead(), self._steady()
        if self._next_sync is not None and asked < self._next_sync and abs(lead - self._lead) < _SLEW:
            return
        found = self._server(connection)
        shared = self._own() if found is None else found
        own, moment = self._together()
        # The answer took its time: what lies within it is no difference between the clocks.
        if shared - _GRAIN <= own <= shared + microseconds(moment - asked) + _GRAIN:
            shared = own
        mark = latest_instant(connection)
        reached = mark if self._next_sync is None else max(self._advanced(moment), mark)
        # A little behind: the ledger stands still until the clock has come up. Far behind: somebody set the clock back.
        self._base = shared if shared >= reached - _SLEW else reached
        self._last = max(self._last, mark)
        self._since, self._lead = moment, lead
        self._next_sync = moment + SYNC_SECONDS

    def now(self) -> int:
        """The ledger's time in microseconds; never earlier than what was given before."""
        self._last = max(self._last, self._advanced(self._steady()))
        return self._last

    def lead(self) -> int:
        """How far this machine's clock is ahead of the steady one, in microseconds: it changes where the clock is set.

        May be asked by any thread.
        """
        own, steady = self._together()
        return own - microseconds(steady)

    def offset(self) -> int:
        """How far the ledger's clock is ahead of this machine's, in microseconds, at this moment."""
        return self.offsets([self.lead()])[0]

    def offsets(self, leads: Iterable[int]) -> list[int]:
        """How far it was ahead at earlier moments, as is known now; `leads` is what `lead` gave at each of them."""
        moment = self._steady()
        self._last = max(self._last, self._advanced(moment))
        ahead = self._last - microseconds(moment)
        known = self._offset
        found = []
        for lead in leads:
            if not -_GRAIN < ahead - lead - known < _GRAIN:
                known = ahead - lead
            found.append(known)
        self._offset = known
        return found

    def seconds(self) -> float:
        """The steady clock, for lengths of time."""
        return self._steady()

    def _together(self) -> tuple[int, float]:
        """This machine's clock and the steady one, of the same moment: not one before and one after a pause."""
        before = self._steady()
        for _ in range(_READINGS):
            own, after = self._own(), self._steady()
            if after - before <= _CLOSE:
                break
            before = after
        return own, after

    def _advanced(self, moment: float) -> int:
        return self._base + microseconds(moment - self._since)


def followed_clock() -> LedgerClock:
    """A clock that only follows the ledger's, for a command that tells it something."""
    return LedgerClock(server=server_or_latest)
