"""A database that is put back to an older state is noticed: each gateway process keeps the ends of its chains beside
the signing key, and compares what is kept there with the database before it serves.

Whether the folder takes them is told here, and so is whether it takes the uses of keys that the process has not told
yet, which the ledger's writer keeps in it.
"""

import asyncio
import socket
import threading
from datetime import UTC, datetime
from typing import Any, Final

import structlog
from sqlalchemy import Engine

from gateway.alerts import AlertDesk, AlertEvent
from gateway.config import Settings
from gateway.ledger import (
    KEPT_MICROSECONDS,
    EventKind,
    KeptEnds,
    KeptEndsUnusable,
    KeptUses,
    LedgerError,
    LedgerWriter,
    LostEnd,
    SignedHead,
    SigningKey,
    lost_ends,
    shown_url,
)
from keystore import to_microseconds

_log = structlog.get_logger("wssgate.evidence")

MOST_TOLD: Final = 50
"""Lost ends that are told one by one; they are about the same loss."""
_SECONDS: Final = 10.0
"""How long the start waits for another process that compares, and for each event."""


def kept_seconds(settings: Settings) -> float:
    """How long uses of keys may be kept: they must not look like uses of this moment for a whole delivery time."""
    shortest = min(endpoint.guaranteed_delivery_time for endpoint in settings.endpoints.values())
    return shortest.total_seconds() / 4


class EndKeeping:
    """Keeps the ends of one process's chains, and finds what the database has lost of all that are kept."""

    def __init__(
        self,
        engine: Engine,
        writer: LedgerWriter,
        key: SigningKey | None,
        ends: KeptEnds,
        instance: str,
        desk: AlertDesk | None = None,
        uses: KeptUses | None = None,
    ) -> None:
        """Keep in `ends` what `writer` wrote.

        Args:
            engine: The ledger's database.
            writer: Whose chains they are; it also tells what was lost.
            key: What the ends are signed with.
            ends: The folder.
            instance: Which process this is.
            desk: Takes what people should know.
            uses: What the writer keeps in the same folder.
        """
        self._desk = desk
        self._engine = engine
        self._writer = writer
        self._key = key
        self._ends = ends
        self._about = f"{instance}, {shown_url(engine.url.render_as_string(hide_password=False))}"
        self._kept_writer: str | None = None
        self._busy = threading.Lock()
        self._is_compared = False
        self._problem: str | None = None
        self._uses = uses
        self._uses_problem: str | None = None
        self._lost: tuple[str, ...] = ()

    def status(self) -> dict[str, Any]:
        """For the operator: what the database has lost, as this process found it, and whether the next loss would be
        noticed.
        """
        return {
            "lost": list(self._lost),
            "kept_ends": str(self._ends.folder),
            "kept_ends_problem": self._problem,
            "kept_uses_problem": None if self._uses is None else self._uses.problem,
        }

    async def start(self) -> None:
        """Compare what is kept with the database, and tell what is lost; before any traffic is served."""
        await asyncio.to_thread(self._begin)

    async def keep(self) -> None:
        """Keep the ends as they are now: after each heartbeat, and when the writer has been closed."""
        await asyncio.to_thread(self._keep)
        await asyncio.to_thread(self._watch_uses)

    def _begin(self) -> None:
        try:
            self._compare()
        except KeptEndsUnusable as error:
            self._complain(str(error))

    def _compare(self) -> None:
        """Tell what the database has lost, each once: to the ledger and to the log.

        Raises:
            KeptEndsUnusable: The folder cannot be read or written.
        """
        try:
            with self._ends.alone(_SECONDS):
                kept, damaged = self._ends.read()
                for problem in damaged:
                    _log.error("a kept end of a chain cannot be compared", error=problem)
                lost = lost_ends(self._engine, kept)
                for one in lost[:MOST_TOLD]:
                    self._tell(one)
                if len(lost) > MOST_TOLD:
                    _log.error("more chains are not what they were", chains=len(lost) - MOST_TOLD)
                for one in lost[MOST_TOLD:]:
                    self._ends.set_aside(one.kept.signed.head.writer)
        except KeptEndsUnusable:
            raise
        except (LedgerError, TimeoutError) as error:
            # It is not waited for: it is tried again after the next heartbeat, and until then the gates see it as well.
            _log.error("what the database has lost could not be written down yet", error=str(error))
            return
        self._is_compared = True

    def _tell(self, lost: LostEnd) -> None:
        if lost.sentence not in self._lost:
            self._lost = (*self._lost, lost.sentence)[-MOST_TOLD:]
            _log.error(
                "the database was put back to an older state, or is another one: records are lost",
                lost=lost.sentence,
                advice="put the newer database back if there is one; else no old key is retired before the guaranteed "
                "delivery time has passed anew. A configuration with another database needs a signing_key of its own",
            )
            if self._desk is not None:
                what = f"The database was put back to an older state, or is another one: {lost.sentence}"
                self._desk.alarm(AlertEvent.LEDGER, ("lost", lost.kept.signed.head.writer), what, "ledger verify")
        self._writer.tell(EventKind.RECOVERED, lost.content).result(_SECONDS)
        self._ends.set_aside(lost.kept.signed.head.writer)

    def _keep(self) -> None:
        with self._busy:
            writer, head = self._writer, self._writer.head
            if not head.event_number:
                return  # nothing is written yet
            try:
                if self._kept_writer is not None and self._kept_writer != head.writer:
                    if writer.state.recovered is not None:
                        self._lost = (*self._lost, writer.state.recovered)[-MOST_TOLD:]
                    self._ends.set_aside(self._kept_writer)  # the writer has told of it, in an event and in the log
                    self._is_compared = False  # whoever wrote before has lost something as well
                if not self._is_compared:
                    self._compare()
                self._ends.keep(SignedHead.of(head, self._key), self._about)
                self._kept_writer = head.writer
                # By the earlier clock: whoever moves the ledger's, in the database, must not empty the folder.
                self._ends.forget(min(head.time, to_microseconds(datetime.now(UTC))) - KEPT_MICROSECONDS)
            except KeptEndsUnusable as error:
                self._complain(str(error))
                return
            if self._problem is not None:
                _log.info("the ends of the chains are kept again", folder=str(self._ends.folder))
                if self._desk is not None:
                    self._desk.over(AlertEvent.LEDGER, self._kept_where, "The ends of the chains are kept again")
            self._problem = None

    def _watch_uses(self) -> None:
        problem = None if self._uses is None else self._uses.problem
        if problem == self._uses_problem:
            return
        where = ("kept uses", *self._kept_where[1:])
        if problem is None:
            _log.info("the uses of keys are kept again", folder=str(self._ends.folder))
            if self._desk is not None:
                self._desk.over(AlertEvent.LEDGER, where, "The uses of keys that are not told yet are kept again")
        else:
            _log.error("which keys signed what a killed process could not record would not be told", error=problem)
            if self._desk is not None:
                what = f"Which keys signed what a killed process could not record would not be told: {problem}"
                self._desk.alarm(AlertEvent.LEDGER, where, what, "status", lasts=True)
        self._uses_problem = problem

    @property
    def _kept_where(self) -> tuple[str, ...]:
        return ("kept ends", socket.gethostname(), str(self._ends.folder))

    def _complain(self, problem: str) -> None:
        if problem != self._problem:
            _log.error("a database that is put back to an older state would not be noticed", error=problem)
            if self._desk is not None:
                what = f"A database that is put back to an older state would not be noticed: {problem}"
                self._desk.alarm(AlertEvent.LEDGER, self._kept_where, what, "status", lasts=True)
        self._problem = problem
