"""Random courses of renewals against a reference that knows the truth: a few lists, and the rules in one line each.

Ledger, keystore, gates and judgement are the real ones; time is the test's.
"""

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final
from unittest.mock import patch

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import Engine, text

from gateway.cli import main
from gateway.cli.renewal import renewal_options
from gateway.ledger import open_database
from gateway.renewal import Author, Closure, Mark, NewRenewal, RenewalStatus, read_renewals, start_renewal
from keystore import State
from keystore.store import KeystoreStore
from tests.gateway.ledger.load import NOON
from tests.gateway.ledger.watched_time import long_steps
from tests.gateway.renewal.database_place import Place
from tests.gateway.renewal.progress.renewal_scene import (
    DAY,
    DELIVERY,
    GET,
    HOUR,
    MINUTE,
    NEW,
    OLD,
    PLACE,
    STEP,
    RenewalScene,
    renewal_of,
    settings_of,
)
from tests.gateway.report.scene import RENEWED

VARIANTS: Final = ("plain", "plain", "announced", "downtime", "same key", "emergency")
CELLS: Final = ((GET, ""), (GET, "b"), (PLACE, ""))
_WAIT: Final = st.sampled_from([HOUR, 5 * HOUR, 20 * HOUR])
_SUMMER: Final = st.sampled_from([-HOUR, timedelta(0), HOUR, 2 * HOUR, 25 * HOUR])
"""A clock that somebody sets: by an hour in spring and in autumn, where it goes by local time; or to the wrong day."""
Cell = tuple[str, str]
_NEVER: Final = NOON - 1000 * DAY


class RenewalCourses(RuleBasedStateMachine):
    """One renewal. Every rule is something that happens while one is under way."""

    place: Place
    """Where the database of each course lies."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = self.place.folder
        self.place.lay_out()
        self.engine = self.place.engine()
        self.steps = long_steps(STEP * 1.2)
        self.steps.__enter__()
        self.scene = RenewalScene(self.engine, self.folder)
        # The reference.
        self.variant = "plain"
        self.new = NEW
        self.is_trusted = self.is_retired = False
        self.trusted_at = _NEVER
        self.tries = 0
        """How often it was tried to withdraw the new key: that takes as long as a dozen other rules."""
        self.watched: list[tuple[datetime, datetime]] = [(self.scene.now - STEP, self.scene.now)]
        self.last_old: dict[Cell, datetime] = {}
        self.last_new: dict[Cell, datetime] = {}
        self.new_since: dict[Cell, int] = {}
        """Accepted messages with the new key since the last one that needed the old one."""
        self.first_new_since: dict[Cell, datetime] = {}
        self.waived: set[Cell] = set()

    def teardown(self) -> None:
        self.scene.close()
        self.steps.__exit__(None, None, None)
        self.place.clear()

    @initialize(variant=st.sampled_from(VARIANTS), ahead=st.sampled_from([0, 1, 2, 2]))
    def begin(self, variant: str, ahead: int) -> None:
        """Somebody starts the renewal; in most courses it is some steps ahead already."""
        self.variant = variant
        self.new = RENEWED if variant == "same key" else NEW
        kinds: dict[str, dict[str, Any]] = {
            "announced": {"announced": self.scene.now + DAY},
            "downtime": {"downtime": True},
            "emergency": {"compromised": True},
        }
        fields = kinds.get(variant, {})
        self.scene.renewal = renewal_of(new=self.new, **fields)
        plan = self.scene.renewal
        said = NewRenewal(name="acme", endpoints=("orders",), old=plan.old, new=plan.new, **fields)
        start_renewal(self.engine, said, Author("eva", NOON))
        self.scene.stage(self.new)
        if variant == "emergency":
            self.scene.retire(revoked=True)
            self.is_retired = True
        if ahead:
            self.trust()
        if ahead == 2:
            for old in (True, False):
                for cell in CELLS:
                    self.send(cell, 1, old=old)

    # time

    @rule(length=_WAIT)
    def wait(self, length: timedelta) -> None:
        """Time passes, and a gateway watches."""
        self.pass_time(length)

    @rule(length=_WAIT)
    def outage(self, length: timedelta) -> None:
        """Time passes, and nobody watches."""
        self.scene.watcher.sleep(2 * HOUR + length)
        self.scene.watcher.beat()

    @rule(off=_SUMMER)
    def the_clock_of_the_gateway_is_set(self, off: timedelta) -> None:
        """Forwards the ledger follows, and nobody watched what was left out; backwards it waits for nobody."""
        self.scene.set_gateway_clock(off)

    @rule(off=_SUMMER)
    def the_clock_of_the_administrator_is_set(self, off: timedelta) -> None:
        """It moves nothing; where it is far behind nothing is retired (`wssgate renewal retire` says so)."""
        self.scene.administrator = off

    def pass_time(self, length: timedelta) -> None:
        begin = self.scene.now
        self.scene.wait(length)
        self.watched.append((begin, self.scene.now))

    # messages

    @rule(cell=st.sampled_from(CELLS), count=st.integers(1, 3))
    def the_old_key(self, cell: Cell, count: int) -> None:
        """Answers are signed with the old key; once it is retired they are rejected."""
        self.send(cell, count, old=True)

    @rule(cells=st.sets(st.sampled_from(CELLS), min_size=1), count=st.sampled_from([1, 5, 20]))
    def the_new_key(self, cells: set[Cell], count: int) -> None:
        """Answers are signed with the new key; before it is trusted they are rejected."""
        for cell in sorted(cells):
            self.send(cell, count, old=False)

    def send(self, cell: Cell, count: int, *, old: bool) -> None:
        same = self.variant == "same key"
        accepted = not self.is_retired or same if old else self.is_trusted or (same and not self.is_retired)
        reason = None if accepted else "retired-key" if old else "staged-key"
        begin = self.scene.now
        self.scene.messages(count, OLD if old else self.new, operations=(cell[0],), server=cell[1], reason=reason)
        self.watched.append((begin, self.scene.now))
        if old or same:
            self.last_old[cell] = self.scene.now
        if old:
            self.new_since[cell] = 0
        elif accepted:
            if not self.new_since.get(cell):
                self.first_new_since[cell] = begin + 10 * MINUTE
            self.new_since[cell] = self.new_since.get(cell, 0) + count
            self.last_new[cell] = self.scene.now

    # people

    @precondition(lambda self: not self.is_trusted)
    @rule()
    def trust(self) -> None:
        """The new certificate is trusted."""
        self.scene.trust(str(self.new.alias))
        self.is_trusted = True
        self.trusted_at = self.scene.typed_at

    @rule(number=st.integers(2, 8))
    def somebody_says(self, number: int) -> None:
        """Somebody confirms a step, whether or not it is so: of what is measured that settles nothing."""
        before = self.scene.marks()
        self.scene.confirm(number)
        after = self.scene.marks()
        settled = {"done", "said", "not-needed"}
        for measured in (3, 5, 7, 8):
            assert (before[measured] in settled) == (after[measured] in settled), f"{number} was said: {after}"

    @rule(cell=st.sampled_from(CELLS))
    def somebody_waives(self, cell: Cell) -> None:
        """Somebody says that a cell need not switch. The gate is told in another way, so that it asks all the same."""
        self.scene.waive(cell[0], server=cell[1])
        # A waiver without a server is one for every server.
        self.waived |= {one for one in CELLS if one[0] == cell[0] and cell[1] in {"", one[1]}}

    @precondition(lambda self: not self.is_retired)
    @rule()
    def retire(self) -> None:
        """Somebody retires the old certificate: refused unless the gate is open, by its own word."""
        if self.status().may_retire and self.scene.administrator >= timedelta(0):
            self.scene.retire()
            self.is_retired = True

    @precondition(lambda self: self.variant in {"plain", "announced", "downtime"} and self.is_trusted)
    @rule()
    def the_switch_and_a_relapse(self) -> None:
        """All switch; hours later the old key comes back in one cell: that reopens it."""
        self.pass_time(HOUR)
        for _ in range(4):
            for cell in CELLS:
                self.send(cell, 20, old=False)
        self.pass_time(2 * HOUR)
        status = self.status()
        (covered,) = (one for one in status.coverage if (one.operation, one.server) == CELLS[1])
        if not covered.is_switched:
            return
        self.send(CELLS[1], 1, old=True)
        after = self.status()
        told = [one for one in after.relapses if (one.operation, one.server) == CELLS[1] and not one.is_over]
        assert told, "a relapse is not told"
        if CELLS[1] not in self.waived:
            assert after.steps[6].mark in {Mark.REOPENED, Mark.CONTRADICTED}

    @rule()
    def wait_until_it_is_possible(self) -> None:
        """What is told as the next possible instant is neither later nor earlier than the gate really opens."""
        status = self.status()
        if status.next_possible is None:
            return
        self.pass_time(status.next_possible - self.scene.now - timedelta(seconds=1))
        assert not self.status().may_retire, "told too late"
        self.pass_time(timedelta(seconds=1))
        assert self.status().may_retire, "told too early"

    @rule(how=st.sampled_from([Closure.WITHDRAWN, Closure.ABANDONED]))
    def given_up(self, how: Closure) -> None:
        """As it would be told if somebody gave it up now."""
        closed = self.scene.renewal
        self.scene.end(how)
        status = self.status()
        assert (status.waiting_for, status.step, status.next_possible, status.may_retire) == ("", None, None, False)
        self.scene.renewal = replace(closed)

    @precondition(lambda self: self.tries < 2)
    @rule()
    def withdrawn(self) -> None:
        """As it would be if somebody withdrew the new key now: on a copy, with the command."""
        self.tries += 1
        scene, folder = self.scene, self.folder / "copy"
        folder.mkdir(exist_ok=True)
        settings_of(folder, "orders")
        with (
            closing(sqlite3.connect(self.folder / "wssgate.db")) as source,
            closing(sqlite3.connect(folder / "wssgate.db")) as target,
        ):
            source.backup(target)
        command = ["renewal", "withdraw", "acme", "--reason", "it does not work", "--config", f"{folder}/gateway.toml"]
        with patch.object(renewal_options, "now", lambda: scene.typed_at):
            code = main(command)
        engine = open_database(f"sqlite:///{folder}/wssgate.db", create=False)
        try:
            self.check_withdrawal(code, engine)
        finally:
            engine.dispose()

    def check_withdrawal(self, code: int, engine: Engine) -> None:
        scene, store = self.scene, KeystoreStore(engine)
        closed = read_renewals(engine).by_name["acme"].closed
        old, new = store.get("acme-2024"), store.get(str(self.new.alias))
        assert (old.state, old.revoked) == (
            State.RETIRED if self.is_retired else State.TRUSTED,
            self.variant == "emergency",
        )
        counted = [text(f"SELECT count(*) FROM {table}") for table in ("messages", "key_uses_hourly")]  # noqa: S608
        for query in counted:
            with engine.connect() as there, self.engine.connect() as here:
                assert there.execute(query).scalar_one() == here.execute(query).scalar_one(), "something is lost"
        is_behind = self.is_trusted and scene.administrator < timedelta(0)
        if self.is_retired and self.variant != "emergency":
            assert code == 1, "there is nothing to go back to"
        elif is_behind:
            assert code == 3
        elif not self.is_trusted:
            assert code == 0
        if code:
            assert closed is None
            assert (new.state is State.TRUSTED, store.revision()) == (self.is_trusted, scene.store.revision())
            return
        assert closed is not None
        assert (closed.how, new.state, list(new.replaces)) == (Closure.WITHDRAWN, State.RETIRED, [])
        if self.is_trusted and self.variant != "same key":
            since = max([self.trusted_at, *self.last_new.values()])
            assert self.watched_since(since) >= DELIVERY, "messages that it signed may be under way"

    # the question

    def status(self) -> RenewalStatus:
        return self.scene.status()

    def gate(self) -> tuple[bool, datetime | None]:
        """Whether the old certificate may go, and when it may where time alone decides: by the truth."""
        if self.is_retired:
            return False, None
        if self.variant == "same key":
            # Its key stays trusted through the new certificate, or there is no other key at all.
            return self.is_trusted, None
        needed, carried = (
            {one: max(last.get(cell, _NEVER) for cell in CELLS if cell[0] == one) for one in (GET, PLACE)}
            for last in (self.last_old, self.last_new)
        )
        used = {operation for operation, last in needed.items() if last > _NEVER}
        is_carried = self.is_trusted and (
            all(carried[one] > needed[one] for one in used) if used else max(carried.values()) > _NEVER
        )
        begin = max(needed.values())
        left = max(timedelta(0), DELIVERY - self.watched_since(begin))
        return is_carried and not left, self.scene.now + left if is_carried and left else None

    def watched_since(self, begin: datetime) -> timedelta:
        return sum((max(timedelta(0), end - max(start, begin)) for start, end in self.watched), timedelta(0))

    @invariant()
    def what_is_told_is_true(self) -> None:
        """The status against the reference."""
        status = self.status()
        marks = {step.number: step.mark for step in status.steps}
        may_retire, possible = self.gate()
        assert status.may_retire == may_retire
        assert status.next_possible == possible
        assert marks[3].is_settled == self.is_trusted
        assert marks[8].is_settled == self.is_retired
        assert marks[1] is Mark.DONE
        if not self.is_trusted:
            assert not marks[4].is_settled
        if self.variant == "same key":
            return
        seen = {*self.last_old, *((cell.operation or "", cell.server) for cell in status.coverage)}
        held = seen - self.waived
        if marks[5].is_settled:
            assert seen
            assert all(self.last_new.get(cell, _NEVER) > self.last_old.get(cell, _NEVER) for cell in held)
        if marks[7].is_settled:
            assert seen
            for cell in held:
                quiet_from = self.last_old.get(cell, self.first_new_since.get(cell, _NEVER))
                assert self.new_since.get(cell, 0) >= 16, "silence, or too few messages"
                assert self.last_new[cell] - quiet_from >= HOUR
