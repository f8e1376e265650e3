"""Random histories of gateways, receivers, clocks and databases, against a reference that knows the truth.

The ledger, its writers and the gates are the real ones; time is the test's. The reference is a few lists: when who
watched in truth, and when a message last needed the old key in truth, whether or not anybody could record it.
"""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from gateway.ledger import EventKind, KeptEnds, LedgerError
from gateway.renewal import Delays, MeasuredGates, measure
from gateway.renewal.process_files import untold_uses
from gateway.verify import Signer, VerifiedBy
from keystore import State, from_microseconds, to_microseconds
from keystore.store import StoredEntry
from tests.gateway.ledger.load import NOON, OPERATIONS, accepted, rejected
from tests.gateway.ledger.watched_time import Watcher, long_steps, served
from tests.gateway.renewal.database_place import Place
from tests.gateway.report.scene import NEW, OLD

STEP: Final = timedelta(minutes=30)
"""From one heartbeat to the next; `long_steps` admits it."""
DELIVERY: Final = 6 * STEP
_US: Final = timedelta(microseconds=1)
_FAST: Final = Path("/dev/shm")  # noqa: S108 - a folder in memory, where there is one
_DAYS: Final = st.sampled_from([-6, -1, 1, 20]).map(lambda days: timedelta(days=days))


def _entry(certificate: Any, row: int) -> StoredEntry:
    return StoredEntry.of_certificate(certificate, at=NOON - timedelta(days=90), who="eva")


OLD_ENTRY, NEW_ENTRY = _entry(OLD, 1), _entry(NEW, 2)
OLD_BY, NEW_BY = (VerifiedBy(one.alias, one.key_id, one.thumbprint) for one in (OLD, NEW))


_HAPPENINGS: Final = (
    *("start", "start", "start late", "end", "kill", "clock", "receiver", "receiver", "database", "database"),
    *("back up", "restore", "rename", "policy", "trust"),
)
KINDS: Final = ("old", "new", "both", "beside", "stale", "altered", "again")


class Truth:
    """What happened, whoever may know it."""

    def __init__(self) -> None:
        self.watched: list[tuple[int, int]] = []
        """From and until, in true microseconds: somebody served, told so, and the receiver was there."""
        self.last_needed: int | None = None
        """When a message was signed last that could not pass without the old key."""
        self.carried: dict[str, int] = {}
        """By operation, when the new key carried a message last."""
        self.needed: dict[str, int] = {}
        self.trusted_since = to_microseconds(NOON)
        self.steps_of_clocks = 0
        self.is_disturbed = False

    def watched_since(self, since: int) -> timedelta:
        total, reached = 0, since
        for start, end in sorted(self.watched):
            total += max(0, end - max(start, reached))
            reached = max(reached, end)
        return total * _US


class Histories(RuleBasedStateMachine):
    """One history. Every rule is something that happens in a year of operation."""

    place: Place
    """Where the database of each history lies."""

    def __init__(self) -> None:
        super().__init__()
        self.path = self.place.path
        self.key_file = self.place.folder / "wssgate-signing.key"
        self.kept = KeptEnds.beside(self.key_file)
        self.place.lay_out()
        self.true = to_microseconds(NOON)
        self.gateways: dict[int, Watcher] = {}
        self.truth = Truth()
        self.name = "orders"
        self.signatures = "all"
        self.is_down = False
        self.is_away = False
        self.has_backup = False
        self.sent: list[Signer] = []
        self.patched = ExitStack()
        self.patched.enter_context(long_steps(STEP * 1.2))
        self.patched.enter_context(patch("gateway.ledger.write.writer.PROBE_SECONDS", 0.01))
        # What is told is kept no longer than for a group: a process that is killed leaves little beside.
        self.patched.enter_context(patch("gateway.ledger.write.kept_uses.ROTATION_SECONDS", 0))

    def teardown(self) -> None:
        if self.is_away:
            self.database_goes_or_comes()
        for number in list(self.gateways):
            self.end(number)
        self.patched.close()
        self.place.clear()

    def endpoints(self) -> dict[str, dict[str, Any]]:
        return {self.name: served(DELIVERY, signatures=self.signatures)}

    @initialize()
    def first_gateway(self) -> None:
        self.start(0, timedelta(0))

    @rule(
        what=st.sampled_from(_HAPPENINGS),
        number=st.sampled_from([0, 1]),
        by=_DAYS,
    )
    def something_happens(self, what: str, number: int, by: timedelta) -> None:
        """One of the things that happen now and then, while messages come and time passes most of the time."""
        happenings: dict[str, Callable[[], None]] = {
            "start": lambda: self.start(number, timedelta(0)),
            "start late": lambda: self.start(number, timedelta(days=-5)),
            "end": lambda: self.end(number),
            "kill": lambda: self.kill(number),
            "clock": lambda: self.set_clock(number, by),
            "receiver": self.receiver_goes_or_comes,
            "database": self.database_goes_or_comes,
            "back up": self.back_up,
            "restore": self.restore,
            "rename": self.rename_endpoint,
            "policy": self.change_policy,
            "trust": self.trust_anew,
        }
        happenings[what]()

    # gateways

    def start(self, number: int, off: timedelta) -> None:
        """A gateway starts, perhaps with a clock that is behind."""
        if number not in self.gateways and not self.is_away:
            at = from_microseconds(self.true)
            if off:
                self.truth.steps_of_clocks += 1
            self.gateways[number] = Watcher(
                self.place.engine(), at, self.endpoints(), instance=f"host/{number}", off=off, kept=self.kept.folder
            )

    def end(self, number: int) -> None:
        """A gateway stops in order."""
        if number in self.gateways and not self.is_away:
            self.gateways.pop(number).stop()

    def kill(self, number: int) -> None:
        """A gateway is killed, perhaps while the database is away: its last words are never written."""
        if number in self.gateways:
            if self.is_away:
                self.gateways.pop(number).kill()
            else:
                self.without_database(self.gateways.pop(number).kill)

    @rule(steps=st.integers(1, 8))
    def wait(self, steps: int) -> None:
        """Time passes."""
        self.pass_time(steps)

    @rule()
    def wait_long_enough(self) -> None:
        """As much time passes as the gate asks for."""
        self.pass_time(6)

    def pass_time(self, steps: int) -> None:
        """Let time pass; who lives tells that it watches."""
        for _ in range(steps):
            before, self.true = self.true, self.true + STEP // _US
            for gateway in self.gateways.values():
                gateway.true = self.true
                gateway.reachable = dict.fromkeys(gateway.endpoints, not self.is_down)
                try:
                    gateway.beat()
                except LedgerError:
                    continue
                if not self.is_down:
                    self.truth.watched.append((before, self.true))

    def set_clock(self, number: int, by: timedelta) -> None:
        """Somebody sets the clock of a machine."""
        if number in self.gateways:
            self.gateways[number].off += by // _US
            self.truth.steps_of_clocks += 1

    # the surroundings

    def receiver_goes_or_comes(self) -> None:
        """The receiver is down, or back."""
        self.is_down = not self.is_down

    def database_goes_or_comes(self) -> None:
        """The database cannot be reached, or can again."""
        away = self.path.with_suffix(".away")
        if self.is_away:
            away.rename(self.path)
        else:
            self.path.rename(away)
        self.is_away = not self.is_away

    @rule(kind=st.sampled_from(KINDS), killed=st.sampled_from([(), (), (0,), (1,), (0, 1)]))
    def messages_while_the_database_is_away(self, kind: str, killed: tuple[int, ...]) -> None:
        """An outage so short that no heartbeat misses the database; or that some gateways do not survive."""
        if not self.is_away:
            self.database_goes_or_comes()
            self.use_all(kind)
            for number in killed:
                self.kill(number)
            self.database_goes_or_comes()

    def back_up(self) -> None:
        """Somebody copies the database."""
        if self.is_away:
            return
        with sqlite3.connect(self.path) as source, sqlite3.connect(self.place.folder / "backup.db") as target:
            source.backup(target)
        source.close()
        target.close()
        self.has_backup = True

    def restore(self) -> None:
        """An older database is put in the place of the present one, while gateways run: they notice what they lost."""
        if self.is_away or not self.has_backup or not self.gateways:
            return
        restored = self.place.folder / "restored.db"
        shutil.copy(self.place.folder / "backup.db", restored)
        for suffix in ("-wal", "-shm"):
            Path(f"{self.path}{suffix}").unlink(missing_ok=True)
        restored.rename(self.path)
        self.truth.is_disturbed = True
        for gateway in self.gateways.values():
            gateway.beat()

    # messages

    @rule(operation=st.sampled_from(OPERATIONS[:2]), kind=st.sampled_from(KINDS))
    def a_message(self, operation: str, kind: str) -> None:
        """The receiver answers."""
        self.message(operation, kind)

    @rule(kind=st.sampled_from(KINDS))
    def the_same_to_all(self, kind: str) -> None:
        """Every operation is used."""
        self.use_all(kind)

    def use_all(self, kind: str) -> None:
        """Every operation is answered alike."""
        for operation in OPERATIONS[:2]:
            self.message(operation or "", kind)

    @rule()
    def the_new_key(self) -> None:
        """Every operation is answered with the new key."""
        self.use_all("new")

    @rule(before=st.integers(0, 7))
    def all_have_switched(self, before: int) -> None:
        """What people wait for: only the new key, for long enough; then they ask."""
        self.use_all("new")
        self.pass_time(before)
        self.ask()

    def message(self, operation: str, kind: str) -> None:
        """A gateway records what it made of an answer."""
        if not self.gateways or self.is_down:
            return
        number = min(self.gateways) if self.true % 3 else max(self.gateways)
        old = self.signer(OLD_BY, 0)
        new = self.signer(NEW_BY, 1)
        beside = self.signer(OLD_BY, 0, needed=self.signatures == "all")
        again = tuple(self.sent[-1:]) or (old,)
        kinds: dict[str, tuple[str | None, tuple[Signer, ...], bool, bool]] = {
            "old": (None, (old,), True, False),
            "new": (None, (new,), False, True),
            # A key over the Body, another one over the Timestamp: the message needs both.
            "both": (None, (new, old), True, True),
            "beside": (None, (new, beside), beside.needed, True),
            "stale": ("timestamp-stale", (old,), True, False),
            "altered": ("digest-mismatch", (old,), True, False),
            "again": ("replayed", again, not self.sent, False),
        }
        reason, signers, needs_old, carries_new = kinds[kind]
        gateway = self.gateways[number]
        values: dict[str, Any] = {"endpoint": self.name, "operation": operation, "signers": signers}
        time = from_microseconds(gateway.true + gateway.off)
        if needs_old:
            # It was signed, and came: whether it can be recorded is another matter.
            self.truth.last_needed = self.true
            self.truth.needed[operation] = self.true
        try:
            made = accepted(time=time, **values) if reason is None else rejected(reason, time=time, **values)
            gateway.record(made)
        except LedgerError:
            self.truth.is_disturbed = True  # the client was told to come again, and the reference knows better
            return
        if old in signers:
            self.sent.append(old)
        if carries_new:
            self.truth.carried[operation] = self.true

    def signer(self, by: VerifiedBy, place: int, *, needed: bool = True) -> Signer:
        return Signer(by, State.TRUSTED, place, os.urandom(32).hex(), ("Body",), needed=needed)

    # people

    def rename_endpoint(self) -> None:
        """The endpoint gets another name in the configuration, and somebody says so, as he has to."""
        former, self.name = self.name, "purchase" if self.name == "orders" else "orders"
        self.tell_all(lambda gateway: gateway.configure(self.endpoints()))
        self.tell_all(
            lambda gateway: gateway.writer.tell(
                EventKind.RENAMED, {"endpoint": former, "new_name": self.name, "reason": "", "who": "eva"}
            ).result(10),
            once=True,
        )

    def change_policy(self) -> None:
        """Every signature has to verify, or one suffices."""
        self.signatures = "any" if self.signatures == "all" else "all"
        self.tell_all(lambda gateway: gateway.configure(self.endpoints()))

    def trust_anew(self) -> None:
        """The old key is restored, or trusted for more endpoints."""
        self.truth.trusted_since = self.true

    def tell_all(self, tell: Callable[[Watcher], object], *, once: bool = False) -> None:
        for gateway in self.gateways.values():
            try:
                tell(gateway)
            except LedgerError:
                continue
            if once:
                return

    # the question

    @rule()
    def ask(self) -> None:
        """May the old key go?"""
        if self.is_away:
            return
        engine, untold = self.place.engine(), untold_uses(self.key_file)
        under_way = untold.uses(engine)  # in this order, as `gates_now` does: a writer tells meanwhile
        measured = measure(engine)
        evidence = replace(measured, disturbances=(*measured.disturbances, *untold.disturbances))
        since = from_microseconds(self.truth.trusted_since)
        gates = MeasuredGates(
            evidence,
            {self.name: Delays(DELIVERY)},
            from_microseconds(self.true),
            under_way=under_way,
        )
        at = gates.asked_at
        blockers = gates.before_retiring(OLD_ENTRY, [NEW_ENTRY], at=at, since=lambda _: since).blockers
        truth = self.truth
        begin = max(truth.trusted_since, truth.last_needed or 0)
        watched = truth.watched_since(begin)
        if not blockers:
            slack = truth.steps_of_clocks * STEP
            assert watched >= DELIVERY - slack, f"open after {watched} since the last message that needed the old key"
            late = [
                one for one, at in truth.needed.items() if truth.carried.get(one, 0) < at and not truth.is_disturbed
            ]
            assert not late, f"open while only the old key carried {late}"

    def without_database(self, act: Callable[[], None]) -> None:
        away = self.path.with_suffix(".away")
        self.path.rename(away)
        try:
            act()
        finally:
            away.rename(self.path)
