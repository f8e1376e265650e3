"""How far the switch to the new key has got: the model behind `report cutover`.

Per endpoint the goal is its newest certificate (by start of validity) among those trusted or staged; each of its cells
is judged by which keys were seen in it. A cell that is known but had no traffic is named, for silence is no evidence.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from gateway.ledger import How, Succession, UsageRow, seen_after, start_of_hour, usage
from gateway.renewal.cutover.cells import Cell, CellState, Goal, goal_of, judge_cell
from keystore import State, Thumbprint, TrustedCertificate, TrustSnapshot


@dataclass(frozen=True, slots=True)
class EndpointCutover:
    """One endpoint: where it is going, and where each of its operations stands."""

    endpoint: str
    goal: Goal
    newest_state: State | None
    """Whether the newest certificate is trusted yet."""
    cells: tuple[Cell, ...]

    @property
    def newest(self) -> TrustedCertificate | None:
        """The newest certificate that is trusted or staged."""
        return self.goal.newest

    def cells_in(self, *states: CellState) -> tuple[Cell, ...]:
        """The cells that are in one of the given states."""
        return tuple(cell for cell in self.cells if cell.state in states)

    @property
    def laggards(self) -> tuple[Cell, ...]:
        """The cells with traffic that have not switched; the one whose old key was seen last stands first."""
        late = self.cells_in(CellState.OLD_ONLY, CellState.EARLY, CellState.MIXED)
        with_old = sorted((c for c in late if c.last_old is not None), key=_last_old, reverse=True)
        return (*with_old, *(c for c in late if c.last_old is None))

    @property
    def switched(self) -> bool:
        """Whether every known cell has switched; a silent one has not."""
        return bool(self.cells) and len(self.cells_in(CellState.SWITCHED)) == len(self.cells)

    @property
    def switched_since(self) -> datetime | None:
        """Since when only the new key has been seen, everywhere; None where that is not so."""
        if not self.switched:
            return None
        return max(since for cell in self.cells if (since := cell.new_since or cell.first_new) is not None)


@dataclass(frozen=True, slots=True)
class CutoverReport:
    """The endpoints, in the order of their names."""

    generated: datetime
    since: datetime | None
    """The beginning of the hour from which on messages are counted; None means all."""
    keystore_revision: int
    endpoints: tuple[EndpointCutover, ...]


def cutover_report(
    engine: Engine,
    trust: TrustSnapshot,
    *,
    now: datetime,
    endpoints: Collection[str] = (),
    endpoint: str | None = None,
    since: datetime | None = None,
    operations: Mapping[str, Collection[str]] | None = None,
) -> CutoverReport:
    """Judge the cutover from what was measured since the beginning of the hour in which `since` lies.

    Args:
        engine: The ledger's database.
        trust: The whole present keystore.
        now: The instant of the report.
        endpoints: Names of the configured endpoints, so that those without traffic show up too.
        endpoint: Judge this one only.
        since: Count from here on; None counts everything.
        operations: Operations that are known to exist (from a WSDL, for instance), by endpoint, in Clark notation.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    found = _by_cell([row for how in How for row in usage(engine, endpoint, since, how=how)])
    ever = found if since is None else _by_cell([row for how in How for row in usage(engine, endpoint, how=how)])
    known = {*ever, *((name, operation) for name, listed in (operations or {}).items() for operation in listed)}
    names = {*(name for name, _ in known), *endpoints}
    if endpoint is not None:
        names = {endpoint}
    judged = []
    for name in sorted(names):
        goal = goal_of(trust.for_endpoint(name).entries, now)
        cells = [
            _cell(engine, name, operation, found.get((name, operation), []), ever.get((name, operation), []), goal, now)
            for operation in sorted((o for n, o in known if n == name), key=lambda o: o or "")
        ]
        state = None if goal.newest is None else goal.newest.state_at(now)
        judged.append(EndpointCutover(name, goal, state, tuple(cells)))
    return CutoverReport(now, None if since is None else start_of_hour(since), trust.revision, tuple(judged))


def _cell(
    engine: Engine,
    endpoint: str,
    operation: str | None,
    rows: Sequence[UsageRow],
    ever: Sequence[UsageRow],
    goal: Goal,
    now: datetime,
) -> Cell:
    if not rows:
        last = max((row.last_seen for row in ever), default=None)
        return Cell(endpoint=endpoint, operation=operation, state=CellState.SILENT, last_traffic=last)

    def count(thumbprints: Sequence[Thumbprint], after: datetime, how: How) -> Succession:
        return seen_after(engine, endpoint, operation, thumbprints, after, how)

    return judge_cell(endpoint, operation, rows, goal, now, count)


def _by_cell(rows: Sequence[UsageRow]) -> dict[tuple[str, str | None], list[UsageRow]]:
    cells: dict[tuple[str, str | None], list[UsageRow]] = {}
    for row in rows:
        cells.setdefault((row.endpoint, row.operation), []).append(row)
    return cells


def _last_old(cell: Cell) -> float:
    return 0.0 if cell.last_old is None else cell.last_old.timestamp()
