"""What a renewal is judged by: everything that was measured of it, gathered once, so that the judging is pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Engine

from gateway.config import Settings
from gateway.ledger import (
    InstanceState,
    Role,
    UsageRow,
    UseHour,
    known_instances,
    start_of_hour,
    usage,
    use_hours,
)
from gateway.renewal.cutover import (
    BINDING_USES,
    USES,
    CellState,
    EndpointCutover,
    Goal,
    SwitchCriteria,
    judge_endpoint,
    known_operations,
    switch_criteria,
)
from gateway.renewal.delays import Delays, delays_of
from gateway.renewal.evidence import Evidence, Span
from gateway.renewal.gates import MeasuredGates, gates_now
from gateway.renewal.plan import Renewal, SitePolicy
from gateway.renewal.progress.relapses import CellHours, relapses_in
from gateway.renewal.progress.renewal_status import Relapse
from keystore import KeyId, State, Thumbprint, TrustedCertificate
from keystore.store import Asked, HistoryItem, KeystoreStore, StoredEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What was measured of one renewal."""

    evidence: Evidence
    asked_at: datetime
    """By the clock of whoever asks: it decides which entries are trusted by then, and nothing else."""
    cutovers: tuple[EndpointCutover, ...]
    """By endpoint, judged by what this renewal calls new and old; of a closed one as of its end."""
    relapses: tuple[Relapse, ...] = ()
    """Those of a closed renewal included that came after its end."""
    entries: tuple[StoredEntry, ...] = ()
    """The keystore at present."""
    history: tuple[HistoryItem, ...] = ()
    """Every change to the keystore, oldest first."""
    asked: tuple[Asked, ...] = ()
    """The old certificates that are not retired yet, with what the gates answer."""
    instances: tuple[InstanceState, ...] = ()
    keystore_revision: int = 0
    delays: Mapping[str, Delays] | None = None
    """Of every endpoint that is configured at present."""
    policies: Mapping[str, SitePolicy] | None = None
    """What people decided, by endpoint."""

    def configured(self) -> Mapping[str, Delays]:
        """The delays of every endpoint that is configured at present."""
        return self.delays or {}

    @property
    def now(self) -> datetime:
        """The latest event; where no gateway has ever told anything the clock of whoever asks."""
        return self.asked_at if self.evidence.taken_at is None else self.evidence.taken_at

    def entry(self, thumbprint: Thumbprint) -> StoredEntry | None:
        """The entry of that certificate at present; None where it is not in the keystore."""
        return next((entry for entry in self.entries if entry.thumbprint == thumbprint), None)


def measured_now(
    engine: Engine,
    keystore: KeystoreStore,
    settings: Settings,
    renewals: Sequence[Renewal],
    policies: Mapping[str, SitePolicy],
    asked_at: datetime,
    *,
    from_start: bool = True,
) -> list[Measured]:
    """Gather what the renewals are judged by, in their order.

    Args:
        engine: The ledger's database.
        keystore: The keystore in it.
        settings: The configuration of whoever asks.
        renewals: Which ones.
        policies: The decisions of the site, by endpoint.
        asked_at: When whoever asks believes it is.
        from_start: Read what was watched since the first of them began; else no further back than the gates need,
            which is quicker.

    Raises:
        DatabaseUnavailable: The database cannot be read.
        SQLAlchemyError: The keystore cannot be read.
    """
    if not renewals:
        return []
    started = min(renewal.started_at for renewal in renewals)
    gates = gates_now(engine, settings, asked_at, since=started if from_start else None)
    history, entries, revision = keystore.history(), keystore.entries(), keystore.revision()
    instances, operations = known_instances(engine), known_operations(engine, settings)
    criteria, delays = switch_criteria(settings), delays_of(settings)
    found = []
    for renewal in renewals:
        changes = [item for item in history if item.thumbprint in _thumbprints(renewal)]
        cells = _Cells(engine, renewal, gates.evidence, entries, changes, delays, asked_at)
        cutovers, relapses = cells.judged(operations, criteria)
        found.append(
            Measured(
                evidence=gates.evidence,
                asked_at=asked_at,
                cutovers=cutovers,
                relapses=relapses,
                entries=entries,
                history=tuple(changes),
                asked=_asked(keystore, renewal, gates, asked_at),
                instances=instances,
                keystore_revision=revision,
                delays=delays,
                policies=policies,
            )
        )
    return found


def names_now(endpoints: Iterable[str], evidence: Evidence) -> list[str]:
    """What the endpoints are called at present, without those that have ended; sorted."""
    return sorted({name for name in map(evidence.last_name_of, endpoints) if not evidence.has_ended(name)})


def delivery_time(endpoint: str, since: datetime, evidence: Evidence, delays: Mapping[str, Delays]) -> timedelta:
    """The longest guaranteed delivery time that was in use from `since` on; 0 where none is known."""
    times = [policy.guaranteed_delivery_time for policy in evidence.policies_since(endpoint, since)]
    if endpoint in delays:
        times.append(delays[endpoint].guaranteed_delivery_time)
    return max(times, default=timedelta(0))


def retired_at(renewal: Renewal, changes: Sequence[HistoryItem]) -> datetime | None:
    """Since when none of the old certificates has been trusted; None where one is.

    What the keystore's history says, by the clock of whoever changed it.
    """
    ends = []
    for old in renewal.old:
        since: datetime | None = None
        for item in changes:
            if item.thumbprint == old.thumbprint:
                is_retired = item.entry.state in {State.RETIRED, State.PURGED}
                since = (since or item.time) if is_retired else None
        if since is None:
            return None
        ends.append(since)
    return max(ends)


def goal_of_renewal(renewal: Renewal, entries: Sequence[StoredEntry], at: datetime) -> Goal:
    """What the renewal calls new and old, whatever the entries declare meanwhile."""
    found = [entry.trusted() for entry in entries if entry.thumbprint in _thumbprints(renewal)]
    known = tuple(entry for entry in found if entry is not None)
    present = tuple(entry for entry in known if _is_present(entry, at))
    new_keys = frozenset({renewal.new.key_id})
    old_keys: frozenset[KeyId] = frozenset(old.key_id for old in renewal.old)
    return Goal(
        successors=tuple(entry for entry in present if entry.thumbprint == renewal.new.thumbprint),
        rivals=(),
        present=present,
        known=known,
        new_keys=new_keys,
        old_keys=old_keys - new_keys,
        involved=new_keys | old_keys,
    )


def _is_present(entry: TrustedCertificate, at: datetime) -> bool:
    return entry.state_at(at) in {State.TRUSTED, State.STAGED} and not entry.revoked


def _thumbprints(renewal: Renewal) -> frozenset[Thumbprint]:
    return frozenset({renewal.new.thumbprint, *(old.thumbprint for old in renewal.old)})


def _asked(keystore: KeystoreStore, renewal: Renewal, gates: MeasuredGates, at: datetime) -> tuple[Asked, ...]:
    if not renewal.is_open:
        return ()
    return keystore.before_retiring([old.thumbprint for old in renewal.old], at=at, gates=gates)


@dataclass(frozen=True, slots=True)
class _Cells:
    """The cells of one renewal in the roll-ups."""

    engine: Engine
    renewal: Renewal
    evidence: Evidence
    entries: Sequence[StoredEntry]
    changes: Sequence[HistoryItem]
    delays: Mapping[str, Delays]
    at: datetime

    @property
    def until(self) -> datetime | None:
        return None if self.renewal.closed is None else self.renewal.closed.at

    def judged(
        self, operations: Mapping[str, Collection[str]], criteria: Mapping[str, SwitchCriteria]
    ) -> tuple[tuple[EndpointCutover, ...], tuple[Relapse, ...]]:
        """How far each endpoint has switched, and where the old key came back."""
        cutovers: list[EndpointCutover] = []
        relapses: list[Relapse] = []
        goal = goal_of_renewal(self.renewal, self.entries, self.at)
        for name in names_now(self.renewal.endpoints, self.evidence):
            names = sorted(self.evidence.names_of(name))
            ever = self._rows(names, name, self.until)
            asked_for = next((criteria[one] for one in (name, *names) if one in criteria), SwitchCriteria())
            cutover = judge_endpoint(
                self.engine,
                name,
                goal,
                self.at,
                ever,
                ever,
                {operation for one in names for operation in operations.get(one, ())},
                asked_for,
                names=names,
                until=self.until,
            )
            cutovers.append(cutover)
            if goal.is_declared:
                later = ever if self.until is None else self._rows(names, name, None)
                relapses += self._relapses(cutover, names, later, asked_for)
        return tuple(cutovers), tuple(sorted(relapses, key=lambda one: (one.first, one.operation or "", one.server)))

    def _rows(self, names: Iterable[str], name: str, until: datetime | None) -> list[UsageRow]:
        return [replace(row, endpoint=name) for one in names for row in usage(self.engine, one, until=until)]

    def _relapses(
        self, cutover: EndpointCutover, names: Sequence[str], seen: Sequence[UsageRow], criteria: SwitchCriteria
    ) -> list[Relapse]:
        renewal = self.renewal
        gone = None if renewal.compromised else retired_at(renewal, self.changes)
        delivery = delivery_time(cutover.endpoint, renewal.started_at, self.evidence, self.delays)
        # What is known of the cells of a closed renewal ends with it.
        counted = cutover.cells_in(CellState.SWITCHED) if renewal.is_open else ()
        switched = {(cell.operation, cell.server) for cell in counted}
        found: list[Relapse] = []
        of_new = [row.first_seen for row in seen if row.key_id == renewal.new.key_id and row.role in USES]
        together_since = start_of_hour(min(of_new, default=self.at))
        by_cell: dict[tuple[str | None, str], list[UsageRow]] = {}
        for row in seen:
            by_cell.setdefault((row.operation, row.server), []).append(row)
        for (operation, server), rows in by_cell.items():
            news = [row for row in rows if row.key_id == renewal.new.key_id and row.role in USES]
            olds = [row for row in rows if row.key_id in cutover.goal.old_keys and row.role in BINDING_USES]
            last_old = max((row.last_seen for row in olds), default=None)
            first_new = min((row.first_seen for row in news), default=None)
            last_new = max((row.last_seen for row in news), default=None)
            if last_old is not None and any(then is not None and last_old > then for then in (first_new, gone)):
                is_gone = last_new is not None and delivery > timedelta(0) and last_new - last_old >= delivery
                cell = CellHours(
                    endpoint=cutover.endpoint,
                    operation=operation,
                    server=server,
                    old=self._hours(rows, names, operation, server, cutover.goal.old_keys, BINDING_USES),
                    new=self._hours(rows, names, operation, server, cutover.goal.new_keys, USES),
                    together_since=together_since,
                    delivery=delivery,
                    retired_at=gone,
                )
                found += relapses_in(cell, criteria, is_switched=is_gone or (operation, server) in switched)
        return found

    def _hours(
        self,
        rows: Sequence[UsageRow],
        names: Sequence[str],
        operation: str | None,
        server: str,
        keys: Collection[KeyId],
        roles: Collection[Role],
    ) -> list[UseHour]:
        thumbprints = sorted({str(row.thumbprint) for row in rows if row.key_id in keys})
        found = [hour for name in names for hour in use_hours(self.engine, name, operation, server, thumbprints, roles)]
        return sorted(found, key=lambda hour: hour.first_seen)


def evidence_until(evidence: Evidence, until: datetime) -> Evidence:
    """What was watched until then; the uses of keys, which are sums, stay as they are."""
    watched = {
        name: tuple(Span(span.start, min(span.end, until)) for span in spans if span.start < until)
        for name, spans in (evidence.watched or {}).items()
    }
    taken_at = None if evidence.taken_at is None else min(evidence.taken_at, until)
    return replace(evidence, watched=watched, taken_at=taken_at)
