"""How far the switch to the new key has got: the model behind `report cutover`.

Per endpoint the goal is what its entries declare (`declared_goal`); each of its cells is judged by which keys were seen
in it (`cells`). A cell that is known but had no traffic is named, for silence is no evidence.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from sqlalchemy import Engine

from gateway.ledger import Role, Succession, UsageRow, end_of_hours, exact_beginning, last_before, seen_after, usage
from gateway.renewal.cutover.cells import Cell, CellState, CellUsage, judge_cell, uses_of
from gateway.renewal.cutover.declared_goal import Goal, RenewalRole, goal_of
from gateway.renewal.cutover.silent_operations import without_traffic
from gateway.renewal.cutover.switch_rule import SwitchCriteria
from keystore import Thumbprint, TrustedCertificate, TrustSnapshot

_LATE = (CellState.OLD_ONLY, CellState.EARLY, CellState.REJECTED, CellState.MIXED, CellState.PENDING)


@dataclass(frozen=True, slots=True)
class EndpointCutover:
    """One endpoint: where it is going, and where each of its operations stands."""

    endpoint: str
    goal: Goal
    cells: tuple[Cell, ...]
    criteria: SwitchCriteria = field(default_factory=SwitchCriteria)
    """What an operation needs to count as switched."""

    @property
    def newest(self) -> TrustedCertificate | None:
        """The declared successor, or the only certificate that there is."""
        return self.goal.newest

    @property
    def undeclared(self) -> bool:
        """Whether there are several keys, and nobody can tell which of them is the new one."""
        return not self.goal.is_declared and (bool(self.goal.rivals) or len(self.goal.involved) > 1)

    def cells_in(self, *states: CellState) -> tuple[Cell, ...]:
        """The cells that are in one of the given states."""
        return tuple(cell for cell in self.cells if cell.state in states)

    @property
    def laggards(self) -> tuple[Cell, ...]:
        """The cells with traffic that have not switched; the one whose old key was seen last stands first."""
        late = self.cells_in(*_LATE)
        with_old = sorted((c for c in late if c.last_old is not None), key=_last_old, reverse=True)
        return (*with_old, *(c for c in late if c.last_old is None))

    @property
    def never_seen(self) -> tuple[Cell, ...]:
        """The operations that are expected, and of which no message ever came."""
        return tuple(cell for cell in self.cells_in(CellState.SILENT) if cell.last_traffic is None)

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
    """By the clock of whoever asked, or the end of the past time. It decides which entries are trusted by then; what
    has switched it does not."""
    since: datetime | None
    """From when on traffic is shown: as was asked for, or the beginning of its hour; None means all."""
    keystore_revision: int
    endpoints: tuple[EndpointCutover, ...]
    first_use: datetime | None = None
    """The first use of a key on record, by the ledger's clock: from here on the roll-ups were read."""
    last_use: datetime | None = None
    """The last one."""
    heads: tuple[str, ...] = ()
    """The ends of the ledger's hash chains when the roll-ups had been read: what was judged lies before them."""
    operations: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By endpoint which operations were known to exist, whatever was on record."""
    until: datetime | None = None
    """Until when it was judged by: the end of an hour; None means everything on record."""


def cutover_report(
    engine: Engine,
    trust: TrustSnapshot,
    *,
    now: datetime,
    endpoints: Collection[str] = (),
    endpoint: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    operations: Mapping[str, Collection[str]] | None = None,
    criteria: Mapping[str, SwitchCriteria] | None = None,
    heads: Callable[[], Sequence[str]] = tuple,
) -> CutoverReport:
    """Judge the cutover by everything on record, or all until `until`, and show the traffic since `since`.

    Args:
        engine: The ledger's database.
        trust: The whole present keystore; with `until` as it was then.
        now: The instant of the report; with `until` not later than the end of its hour.
        endpoints: Names of the configured endpoints, so that those without traffic show up too.
        endpoint: Judge this one only.
        since: Show traffic from here on, and call silent what had none; None shows everything. From the beginning of
            its hour on, where not all records of that are there any more.
        until: Judge by what was there to the end of the hour that ends then, or in which it lies; None by everything.
        operations: Operations that are known to exist (from a WSDL, for instance), by endpoint, in Clark notation; one
            without a namespace stands for its local name in any.
        criteria: What an endpoint asks for before an operation counts as switched, where it is not the default.
        heads: Gives the ends of the ledger's hash chains, for the report to name them.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    end = None if until is None else end_of_hours(until)
    last = last_before(end)
    begin = None if since is None else exact_beginning(engine, since, endpoint)
    ever = usage(engine, endpoint, until=last)
    shown = ever if begin is None else usage(engine, endpoint, begin, last, exact=True)
    names = {*(row.endpoint for row in uses_of(ever)), *endpoints, *(operations or {})}
    if endpoint is not None:
        names = {endpoint}
    judged = [
        _endpoint(
            engine,
            name,
            trust,
            now,
            [row for row in ever if row.endpoint == name],
            [row for row in shown if row.endpoint == name],
            (operations or {}).get(name, ()),
            (criteria or {}).get(name, SwitchCriteria()),
            last,
        )
        for name in sorted(names)
    ]
    return CutoverReport(
        generated=now,
        since=begin,
        until=end,
        keystore_revision=trust.revision,
        endpoints=tuple(judged),
        first_use=min((row.first_seen for row in uses_of(ever)), default=None),
        last_use=max((row.last_seen for row in uses_of(ever)), default=None),
        heads=tuple(heads()),
        operations={name: tuple(sorted((operations or {}).get(name, ()))) for name in sorted(names)},
    )


def _endpoint(
    engine: Engine,
    name: str,
    trust: TrustSnapshot,
    now: datetime,
    ever: Sequence[UsageRow],
    shown: Sequence[UsageRow],
    expected: Collection[str],
    criteria: SwitchCriteria,
    until: datetime | None,
) -> EndpointCutover:
    meant = trust.for_endpoint(name)
    goal = goal_of(
        meant.entries,
        now,
        compromised=meant.compromised,
        seen={row.thumbprint: row.key_id for row in uses_of(ever)},
    )
    return judge_endpoint(engine, name, goal, now, ever, shown, expected, criteria, until=until)


def judge_endpoint(
    engine: Engine,
    name: str,
    goal: Goal,
    now: datetime,
    ever: Sequence[UsageRow],
    shown: Sequence[UsageRow],
    expected: Collection[str],
    criteria: SwitchCriteria,
    *,
    names: Collection[str] = (),
    until: datetime | None = None,
) -> EndpointCutover:
    """Judge the cells of one endpoint by `goal`.

    Args:
        engine: The ledger's database.
        name: The endpoint.
        goal: What is new, and what is old.
        now: For the states of the keystore's entries.
        ever: Everything on record of it, until the hour of `until`.
        shown: Of the time that is asked for.
        expected: Operations that are known to exist.
        criteria: What the endpoint asks for before an operation counts as switched.
        names: Every name that it had, where that is not `name` alone.
        until: The hour in which it lies is the last one that counts; None counts everything.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    ever, shown = _certain(ever, goal), _certain(shown, goal)
    used = uses_of(ever)
    called = sorted(names) or [name]
    new = [row.first_seen for row in used if goal.role_of(row.key_id) is RenewalRole.NEW]
    together: list[UsageRow] = []
    if goal.is_declared:
        # Gaps cost more than sums, and only those of the old key are asked for.
        others = [row for row in ever if row.key_id not in goal.old_keys]
        old = (usage(engine, one, until=until, keys=goal.old_keys, gaps=True) for one in called)
        ever = [*others, *(row for rows in old for row in rows)]
        if new:
            together = [row for one in called for row in usage(engine, one, min(new), until, gaps=True)]
    # Who repeats what is on record already makes no cell: the server's name is as he likes.
    cells = {(row.operation, row.server) for row in used}
    cells |= {(operation, "") for operation in without_traffic(expected, [known for known, _ in cells])}
    judged = []
    for operation, server in sorted(cells, key=lambda cell: (cell[0] or "", cell[1])):
        measured = CellUsage(
            endpoint=name,
            operation=operation,
            server=server,
            rows=_of(ever, operation, server),
            shown=_of(shown, operation, server),
            together=_of(together, operation, server),
        )
        count = partial(_count, engine, called, operation, server, until)
        judged.append(judge_cell(measured, goal, now, count, criteria))
    return EndpointCutover(name, goal, tuple(judged), criteria)


def _certain(rows: Sequence[UsageRow], goal: Goal) -> list[UsageRow]:
    """Without what nobody knows to have come, unless it is of the old key: that may have, and then it was needed."""
    return [row for row in rows if row.messages or goal.role_of(row.key_id) is RenewalRole.OLD]


def _count(
    engine: Engine,
    endpoints: Sequence[str],
    operation: str | None,
    server: str,
    until: datetime | None,
    thumbprints: Sequence[Thumbprint],
    after: datetime,
    roles: Collection[Role],
) -> Succession:
    found = [seen_after(engine, one, operation, server, thumbprints, after, roles, until=until) for one in endpoints]
    firsts = [one.first for one in found if one.first is not None]
    return Succession(
        messages=sum(one.messages for one in found),
        first=min(firsts, default=None),
        exact=all(one.exact for one in found),
    )


def _of(rows: Sequence[UsageRow], operation: str | None, server: str) -> list[UsageRow]:
    return [row for row in rows if (row.operation, row.server) == (operation, server)]


def _last_old(cell: Cell) -> float:
    return 0.0 if cell.last_old is None else cell.last_old.timestamp()
