"""Gateways that tell the ledger at instants of a test's own: days pass in a moment.

The clock of each, and the step between its heartbeats, are the test's; everything else is the real writer.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from sqlalchemy import Engine

from gateway.ledger import EventKind, KeptUses, LedgerWriter, MessageRecord, SigningKey
from gateway.ledger.clock import LedgerClock
from keystore import from_microseconds, to_microseconds

MICROSECOND = timedelta(microseconds=1)
FORTNIGHT = timedelta(days=14)


def served(
    delivery: timedelta = FORTNIGHT, *, retention: timedelta = timedelta(days=90), signatures: str = "all", **more: Any
) -> dict[str, Any]:
    """An endpoint as an event of the configuration holds it, as far as the evidence reads it."""
    return {
        "guaranteed_delivery_time": delivery // MICROSECOND,
        "retention": retention // MICROSECOND,
        "signatures": signatures,
        **more,
    }


@contextmanager
def long_steps(longest: timedelta = timedelta(hours=2)) -> Iterator[None]:
    """Let heartbeats be as far from each other, which saves writing a hundred of them for each hour."""
    with patch("gateway.ledger.event.LONGEST_STEP", longest // MICROSECOND):
        yield


class Watcher:
    """One gateway process with clocks of its own."""

    def __init__(
        self,
        engine: Engine,
        at: datetime,
        endpoints: Mapping[str, Mapping[str, Any]] | None = None,
        *,
        instance: str = "host/1",
        key: SigningKey | None = None,
        off: timedelta = timedelta(0),
        kept: Path | None = None,
    ) -> None:
        """Start at the true instant `at`, with a clock that is off by `off`; keep uses of keys in the folder `kept`."""
        self.true = to_microseconds(at)
        """The true time, in microseconds."""
        self.off = off // MICROSECOND
        self.endpoints = dict(endpoints if endpoints is not None else {"orders": served()})
        self.reachable = dict.fromkeys(self.endpoints, True)
        clock = LedgerClock(lambda: self.true + self.off, lambda: self.true / 1e6, lambda _: None)
        self._kept_uses = KeptUses(kept, instance)
        self.writer = LedgerWriter(
            engine, instance, key=key, started={"version": "test"}, clock=clock, kept_uses=self._kept_uses
        )
        self.configure(self.endpoints)

    def configure(self, endpoints: Mapping[str, Mapping[str, Any]]) -> None:
        """Serve `endpoints` from now on."""
        self.endpoints = dict(endpoints)
        self.reachable = {name: self.reachable.get(name, True) for name in self.endpoints}
        self.writer.tell(EventKind.CONFIGURATION, {"endpoints": self.endpoints}).result(10)

    def beat(self) -> None:
        """Tell that it watches."""
        states = {name: {"serving": True, "reachable": self.reachable[name], "since": None} for name in self.endpoints}
        self.writer.tell(EventKind.HEARTBEAT, {"endpoints": states, "keystore_revision": 1}).result(10)

    def watch(self, length: timedelta, step: timedelta = timedelta(hours=1)) -> None:
        """Let `length` pass, with a heartbeat after each `step`; longer ones than 45 s want `long_steps`."""
        end = self.true + length // MICROSECOND
        while self.true < end:
            self.true = min(end, self.true + step // MICROSECOND)
            self.beat()

    def sleep(self, length: timedelta) -> None:
        """Let `length` pass without a word."""
        self.true += length // MICROSECOND

    def record(self, *records: MessageRecord) -> list[MessageRecord]:
        """Write records, and give them as they were written."""
        return [future.result(10).record for future in [self.writer.submit(record) for record in records]]

    def instant(self) -> datetime:
        """The true instant."""
        return from_microseconds(self.true)

    def kill(self) -> None:
        """End as a killed process does whose database is away: nothing more is told, and what it kept is left."""
        with patch.object(self.writer._unrecorded, "close", lambda: self._kept_uses.close(all_told=False)):
            self.writer.close()

    def stop(self) -> None:
        """End in order."""
        self.writer.close()
