"""What a serving gateway does beside the traffic: anchors go into the log, old records out, trust to its end."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from gateway.alerts import AlertDesk, AlertEvent
from gateway.anchoring import AnchorDelivery, anchor_words
from gateway.config import Settings
from gateway.ledger import (
    LedgerError,
    StatementsAnchor,
    Tell,
    anchors,
    explain,
    forget_signatures,
    make_partitions,
    reading,
    statements_anchor,
    writing,
)
from gateway.service.daily_pruning import kept_records, prune_once
from gateway.service.due_ends import LOOK_SECONDS as LOOK_FOR_ENDS_SECONDS
from gateway.service.due_ends import carry_out_due_ends
from gateway.service.renewal_alarms import LOOK_SECONDS as LOOK_AT_RENEWALS_SECONDS
from gateway.service.renewal_alarms import RenewalAlarms
from gateway.service.renewal_metrics import RenewalMetrics
from keystore.store import (
    HistoryAnchor,
    HistoryReport,
    HistoryState,
    KeystoreStore,
    history_anchor,
    verify_history,
)

_log = structlog.get_logger("wssgate.upkeep")

LOOK_SECONDS: Final = 600.0
"""How often a gateway looks whether it is time to prune; whichever comes first does it."""
FIRST_LOOK_SECONDS: Final = 60.0
"""After the start, which has other work to do."""
PRUNE_EVERY: Final = timedelta(hours=24)
PRUNE_AT_MOST: Final = timedelta(minutes=30)
"""At some thousand records a second; the rest goes after a pause."""
_LOOK_BACK: Final = timedelta(hours=24)
"""The first anchors tell also of the chains that others left behind by then, killed ones among them."""
_LATE: Final = timedelta(minutes=10)
"""A record may be committed that long after its instant."""


class Maintenance:
    """The tasks of one gateway process."""

    def __init__(
        self,
        engine: Engine,
        instance: str,
        settings: Callable[[], Settings],
        tell: Tell,
        renewal_metrics: RenewalMetrics | None = None,
        desk: AlertDesk | None = None,
    ) -> None:
        """Work on the ledger behind `engine`, by the settings that are in use at the time.

        `tell` writes events; `renewal_metrics` show where the renewals stand; `desk` takes what people should know.
        """
        self._desk = desk or AlertDesk(settings)
        self._renewals = RenewalAlarms(engine, instance, renewal_metrics, self._desk)
        self._engine = engine
        self._tell = tell
        self._instance = instance
        self._settings = settings
        self._written: dict[str, int] = {}
        """By writer, the place of its last anchor."""
        self._written_of_keystore: HistoryAnchor | None = None
        self._written_of_statements: StatementsAnchor | None = None
        self._finding: HistoryReport | None = None
        """What the last verification of the keystore's history found."""
        self._writing_of_keystore = threading.Lock()
        self._keystore_changed = asyncio.Event()
        self._since: datetime | None = None
        self.delivery = AnchorDelivery(lambda: settings().gateway)
        """Where anchors go beside the log."""
        self._delivering = threading.Lock()
        self._delivered: frozenset[str] = frozenset()
        """What there was to deliver the last time."""
        self._stop = threading.Event()
        self._stopping = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin, in tasks of their own."""
        self._tasks = [
            asyncio.create_task(self._anchor_time_and_again()),
            asyncio.create_task(self._anchor_each_change_of_keystore()),
            asyncio.create_task(self._prune_daily()),
            asyncio.create_task(self._make_months_ahead()),
            asyncio.create_task(self._carry_out_ends()),
            asyncio.create_task(self._look_at_renewals()),
        ]

    async def close(self) -> None:
        """Stop pruning at its next step, and write the last anchors; to be called when no more records are written."""
        self._stop.set()
        self._stopping.set()
        self._keystore_changed.set()
        for task in self._tasks:  # not cancelled: a thread that is at the database would outlive its task
            await task
        if self._tasks:
            await asyncio.to_thread(self._renewals.close)
            await asyncio.to_thread(self.anchor)
            await asyncio.to_thread(self.anchor_keystore)
            await asyncio.to_thread(self.delivery.close)

    def notice_keystore(self) -> None:
        """Anchor the keystore's history soon, for there is a new revision. To be called in the event loop."""
        self._keystore_changed.set()

    def anchor_keystore(self) -> None:
        """Write the end of the keystore's history to the log, unless that was done; or what is wrong with it. Blocks.

        The traffic goes on with a history that is not intact: what is trusted is for people to decide, and an alarm
        that stops it would be an easy way to stop it.
        """
        with self._writing_of_keystore:
            noted = () if self._written_of_keystore is None else (self._written_of_keystore,)
            try:
                with reading(self._engine) as connection:
                    end = history_anchor(connection)
                    report = verify_history(connection, noted)
            except Exception as error:  # noqa: BLE001 - whatever the database says, the traffic goes on, and so do later anchors
                _log.warning("no anchor of the keystore could be written", error=str(error))
                return
            if report.state is not HistoryState.INTACT:
                if report != self._finding:
                    _log.error(
                        "keystore is not what its history says",
                        state=str(report.state),
                        revision=report.revision,
                        detail=report.detail,
                    )
                    what = f"The keystore is not what its history says: {report.state}, {report.detail}"
                    self._desk.alarm(AlertEvent.KEYSTORE, (), what, "ledger verify", lasts=True)
            elif end is not None and end != self._written_of_keystore:
                _log.info("keystore anchor", anchor=str(end))
                self._written_of_keystore = end
                self.deliver_anchors()
            if report.state is HistoryState.INTACT:
                self._desk.over(AlertEvent.KEYSTORE, (), "The keystore is what its history says again")
            self._finding = report

    def anchor(self) -> None:
        """Write the ends of all chains that grew since the last time to the log, and deliver them. Blocks."""
        self._anchor_in_log()
        self.deliver_anchors()

    def deliver_anchors(self) -> None:
        """Send the signed ends of the chains, as far as they are new, to where the configuration says. Blocks for as
        long as the database does; the delivery itself is waited for by nobody.
        """
        if not self.delivery.is_wanted:
            return
        with self._delivering:
            try:
                words = anchor_words(self._engine, _LOOK_BACK)
            except Exception as error:  # noqa: BLE001 - whatever the database says, the traffic goes on, and so do later anchors
                _log.warning("no anchors of the ledger could be delivered", error=str(error))
                return
            self.delivery.send([word for word in words if word not in self._delivered])
            self._delivered = frozenset(words)

    def _anchor_in_log(self) -> None:
        now = datetime.now(UTC)
        since = now - _LOOK_BACK if self._since is None else self._since - _LATE
        try:
            found = anchors(self._engine, since)
            with reading(self._engine) as connection:
                statements = statements_anchor(connection)
        except Exception as error:  # noqa: BLE001 - whatever the database says, the traffic goes on, and so do later anchors
            _log.warning("no anchors of the ledger could be written", error=str(error))
            return
        for anchor in found:
            if self._written.get(anchor.writer) != anchor.sequence:
                _log.info("anchor", anchor=str(anchor))
        self._written = {anchor.writer: anchor.sequence for anchor in found}
        if statements is not None and statements != self._written_of_statements:
            _log.info("renewals anchor", anchor=str(statements))
        self._written_of_statements = statements
        self._since = now

    def prune(self) -> None:
        """Remove old records, where the configuration wants that and it is time to. Blocks."""
        settings, at = self._settings(), datetime.now(UTC)
        if settings.gateway.prune == "off":
            return
        try:
            kept = kept_records(settings, KeystoreStore(self._engine).entries(), at)
            pruned = prune_once(
                self._engine,
                kept,
                at,
                self._instance,
                tell=self._tell,
                longest=PRUNE_AT_MOST,
                every=PRUNE_EVERY,
                should_stop=self._stop.is_set,
            )
        except Exception as error:  # noqa: BLE001 - whatever the database says, the traffic goes on, and so do later attempts
            _log.warning("old records could not be removed", error=str(error))
            return
        if pruned is not None:
            until = None if pruned.until is None else pruned.until.isoformat(timespec="seconds")
            _log.info("old records removed", records=pruned.total, until=until, complete=pruned.complete)

    def carry_out_ends(self) -> None:
        """Retire what shall not be trusted any more, where it is safe. Blocks."""
        try:
            carry_out_due_ends(self._engine, self._settings(), self._instance, datetime.now(UTC))
        except Exception as error:  # noqa: BLE001 - whatever the database says, the trust goes on, and so do later attempts
            _log.warning("scheduled ends could not be looked after", error=str(error))

    def look_at_renewals(self) -> None:
        """Say in the log and in the metrics where the renewals stand. Blocks."""
        try:
            self._renewals.look(self._settings(), datetime.now(UTC))
        except Exception as error:  # noqa: BLE001 - whatever the database says, the traffic goes on, and so do later attempts
            _log.warning("renewals could not be looked after", error=str(error))

    def forget_signatures(self) -> None:
        """Forget the signatures that are older than anybody asks for, in small steps. Blocks."""
        forgotten, before = 0, -1
        try:
            while forgotten != before and not self._stop.is_set():
                before = forgotten
                forgotten += forget_signatures(self._engine)
        except LedgerError as error:
            _log.warning("old signatures could not be forgotten", error=str(error))
        if forgotten:
            _log.info("old signatures forgotten", signatures=forgotten)

    def make_months(self) -> None:
        """Make the partitions of the months ahead, where the database has any. Blocks."""
        try:
            with writing(self._engine) as connection:
                made = make_partitions(connection, datetime.now(UTC))
        except SQLAlchemyError as error:
            why = explain(error, self._engine)
            _log.warning("the months ahead have no partitions yet; records are kept all the same", error=why)
            return
        if made:
            _log.info("partitions made", months=", ".join(month.partition for month in made))

    async def _anchor_each_change_of_keystore(self) -> None:
        """At once: an hour in which who, when and why could be changed unnoticed would be an hour too long."""
        while not self._stopping.is_set():
            self._keystore_changed.clear()
            await asyncio.to_thread(self.anchor_keystore)
            if not self._stopping.is_set():
                await self._keystore_changed.wait()

    async def _make_months_ahead(self) -> None:
        while not self._stopping.is_set():
            await asyncio.to_thread(self.make_months)
            await self._rest(LOOK_SECONDS)

    async def _carry_out_ends(self) -> None:
        while not self._stopping.is_set():
            await asyncio.to_thread(self.carry_out_ends)
            await self._rest(LOOK_FOR_ENDS_SECONDS)

    async def _look_at_renewals(self) -> None:
        while not self._stopping.is_set():
            await asyncio.to_thread(self.look_at_renewals)
            await self._rest(LOOK_AT_RENEWALS_SECONDS)

    async def _anchor_time_and_again(self) -> None:
        while not self._stopping.is_set():
            await asyncio.to_thread(self.anchor)
            self.notice_keystore()  # in case that the last time the database could not be asked
            await self._rest(self._settings().gateway.anchor_interval.total_seconds())

    async def _prune_daily(self) -> None:
        await self._rest(FIRST_LOOK_SECONDS)
        while not self._stopping.is_set():
            await asyncio.to_thread(self.prune)
            await asyncio.to_thread(self.forget_signatures)
            await self._rest(LOOK_SECONDS)

    async def _rest(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)
