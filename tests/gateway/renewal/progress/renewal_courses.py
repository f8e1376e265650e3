"""Random courses of renewals against a reference that knows the truth: a few lists, and the rules in one line each.

Ledger, keystore, gates and judgement are the real ones; time is the test's.
"""

import shutil
import tempfile
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import event

from gateway.ledger import open_database
from gateway.renewal import Closure, Mark, RenewalStatus
from tests.gateway.ledger.load import NOON
from tests.gateway.ledger.watched_time import long_steps
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
)
from tests.gateway.report.scene import RENEWED

VARIANTS: Final = ("plain", "plain", "announced", "downtime", "same key", "emergency")
CELLS: Final = ((GET, ""), (GET, "b"), (PLACE, ""))
_FAST: Final = Path("/dev/shm")  # noqa: S108 - a folder in memory, where there is one
_WAIT: Final = st.sampled_from([HOUR, 5 * HOUR, 20 * HOUR])
Cell = tuple[str, str]
_NEVER: Final = NOON - 1000 * DAY


class RenewalCourses(RuleBasedStateMachine):
    """One renewal. Every rule is something that happens while one is under way."""

    template: Path
    """A migrated, empty database."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(dir=_FAST if _FAST.is_dir() else None, prefix="wssgate-course-"))
        shutil.copy(self.template, self.folder / "wssgate.db")
        self.engine = open_database(f"sqlite:///{self.folder}/wssgate.db", create=False)
        event.listen(self.engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous = OFF"))
        self.steps = long_steps(STEP * 1.2)
        self.steps.__enter__()
        self.scene = RenewalScene(self.engine, self.folder)
        # The reference.
        self.variant = "plain"
        self.new = NEW
        self.is_trusted = self.is_retired = False
        self.watched: list[tuple[datetime, datetime]] = [(self.scene.now - STEP, self.scene.now)]
        self.last_old: dict[Cell, datetime] = {}
        self.last_new: dict[Cell, datetime] = {}
        self.new_since: dict[Cell, int] = {}
        """Accepted messages with the new key since the last one that needed the old one."""
        self.first_new_since: dict[Cell, datetime] = {}
        self.waived: set[Cell] = set()

    def teardown(self) -> None:
        self.scene.close()
        self.engine.dispose()
        self.steps.__exit__(None, None, None)
        shutil.rmtree(self.folder)

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
        if self.status().may_retire:
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
        watched = sum((max(timedelta(0), end - max(start, begin)) for start, end in self.watched), timedelta(0))
        left = max(timedelta(0), DELIVERY - watched)
        return is_carried and not left, self.scene.now + left if is_carried and left else None

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
