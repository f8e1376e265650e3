"""The gates before an old key is retired, and before it is purged.

Retiring, for each endpoint at which the certificate is trusted, unless its public key stays trusted there through
another certificate for as long as messages may be under way:

1. Another key is trusted, so that not every response is rejected from then on.
2. That other key carries the traffic: in every operation that needed the old key, a message was accepted by another
   trusted key after the last one that needed it. No traffic is no evidence. Cells that were waived by name in an open
   renewal are not asked (`waived_cells`).
3. It is not declared to replace a key that is trusted there still: its messages are to come.
4. The guaranteed delivery time has passed since the last message that needed the old key, whatever became of it; since
   it was trusted there, where none ever came. What counts is watched time alone: time in which a gateway told that it
   served the endpoint and could reach its receiver.

Endpoints are those that gateways served within 90 days, whether or not they are configured at present, and those that
are configured; delivery times are the longest that were in use since that last message. What was lost, or does not hold
together, keeps every gate shut.

Purging: the time for which old keys are kept (`gateway.config.MINIMUM_RETENTION`), or the longer retention of an
endpoint, has passed since it was exchanged, that is since it was retired, and since it was seen last.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Engine

from gateway.config import MINIMUM_RETENTION, Settings
from gateway.present import duration_text, instant_text
from gateway.renewal.delays import Delays, delays_of
from gateway.renewal.evidence import REMEMBERED, Evidence, KeyUse, RecordedPolicy, measure
from gateway.renewal.gate_figures import EndpointFigures, GateFigures
from gateway.renewal.lost_records import disturbances_of_histories, disturbances_of_kept_ends
from gateway.renewal.plan import read_renewals
from gateway.renewal.process_files import untold_uses
from gateway.renewal.waived_cells import WaivedCell, waived_cells
from gateway.vocabulary import RecordedOutcome
from keystore import Blocker, State
from keystore.store import GateAnswer, StoredEntry, TrustedSince

_OPERATIONS_SHOWN: Final = 3
_SILENT: Final = timedelta(minutes=5)
"""Nobody watches an endpoint of which nobody has told for so long."""
_NOT_RECORDED_YET: Final = timedelta(minutes=2)
"""How long ago a gateway may have met what it keeps beside the signing key."""
_NOT_TOLD_YET: Final = timedelta(minutes=1)
"""A gateway that started within this time need not have told yet that it watches."""


@dataclass(frozen=True, slots=True)
class MeasuredGates:
    """The gates of `keystore.store.Gates`, answered from evidence."""

    evidence: Evidence
    delays: Mapping[str, Delays]
    """Of every endpoint that is configured at present: they can only add to what the gateways recorded."""
    asked_at: datetime
    """When whoever asks believes it is: a later instant is a plan for the future, and nothing else depends on it."""
    waived: frozenset[WaivedCell] = frozenset()
    """Cells whose old-key messages keep no certificate from going, once the delivery time has passed since."""
    under_way: Sequence[KeyUse] = ()
    """What processes on this machine have met, and may not have recorded yet."""

    def before_retiring(
        self,
        entry: StoredEntry,
        others: Sequence[StoredEntry],
        *,
        at: datetime,
        since: TrustedSince,
        kept: frozenset[str] | None = frozenset(),
    ) -> GateAnswer:
        """What speaks for and against ending the trust in `entry` at the instant `at`. See `keystore.store.Gates`."""
        planned = at if at > self.asked_at else None
        names = () if kept is None else [name for name in self._endpoints(entry) if name not in kept]
        figures = tuple(
            self._at_endpoint(name, entry, others, at, self._since(name, entry, since), planned) for name in names
        )
        blockers = list(self._disturbances()) if any(one.asked for one in figures) else []
        return GateFigures("retire", entry, at, self.evidence, figures, tuple(blockers)).answer()

    def before_purging(self, entry: StoredEntry, *, at: datetime, since: datetime) -> GateAnswer:
        """What speaks for and against forgetting `entry`, retired at `since`. See `keystore.store.Gates`."""
        evidence = self.evidence
        names = [name for name in self._names() if self._is_meant_for(entry, name)]
        retentions = [
            *(self.delays[name].retention for name in names if name in self.delays),
            *(policy.retention for name in names for policy in evidence.policies_since(name, since)),
        ]
        kept_for = max([MINIMUM_RETENTION, *retentions])
        used = [*evidence.uses_of(entry.key_id), *self._under_way.uses_of(entry.key_id)]
        seen = max((use.last_seen for use in used if use.thumbprint == entry.thumbprint), default=None)
        exchanged = since if seen is None else max(since, seen)
        safe_at = _next_second(exchanged + kept_for)
        blockers = list(self._disturbances())
        if evidence.taken_at is None or evidence.taken_at < safe_at:
            what = "it was retired" if exchanged == since else "a message signed with it came as late as"
            sentence = (
                f"old keys are kept for {duration_text(kept_for)} after they were exchanged, and {what} "
                f"{instant_text(exchanged)}; it may be purged from {instant_text(safe_at)} on"
                f"{self._behind(safe_at)}"
            )
            blockers.append(Blocker(sentence, safe_at=safe_at))
        return GateFigures("purge", entry, at, evidence, (), tuple(blockers)).answer()

    @property
    def _under_way(self) -> Evidence:
        return replace(self.evidence, uses=self.under_way)

    def _behind(self, safe_at: datetime) -> str:
        """Why an instant that has passed by the clock of whoever asks has not come yet."""
        if self.asked_at < safe_at:
            return ""
        if self.evidence.taken_at is None:
            return ", and no gateway has told yet what time it is"
        return f", by the ledger's clock, which a gateway told last at {instant_text(self.evidence.taken_at)}"

    def _disturbances(self) -> Iterator[Blocker]:
        for disturbance in self.evidence.disturbances:
            if disturbance.at is None:
                yield Blocker(disturbance.sentence)

    def _names(self) -> list[str]:
        """Every endpoint that counts, by its present name."""
        evidence, taken_at = self.evidence, self.evidence.taken_at
        recorded = {
            name
            for name, found in evidence.recorded().items()
            if found.closing is None and taken_at is not None and found.served_since(taken_at - REMEMBERED)
        }
        return sorted({*self.delays, *recorded})

    def _endpoints(self, entry: StoredEntry) -> list[str]:
        closed = {name for name, found in self.evidence.recorded().items() if found.closing is not None}
        used = {use.endpoint for use in self.evidence.uses_of(entry.key_id)} - closed
        return sorted(name for name in {*self._names(), *used} if self._is_meant_for(entry, name))

    def _is_meant_for(self, entry: StoredEntry, endpoint: str) -> bool:
        """Whether it was trusted there under whichever name: what was signed with it then counts."""
        return entry.endpoints is None or not entry.endpoints.isdisjoint(self.evidence.names_of(endpoint))

    def _since(self, endpoint: str, entry: StoredEntry, since: TrustedSince) -> datetime:
        """Since when the entry has been trusted at the endpoint, under whichever of its names."""
        names = self.evidence.names_of(endpoint)
        return min(since(name) for name in (names if entry.endpoints is None else names & entry.endpoints))

    def _at_endpoint(
        self,
        endpoint: str,
        entry: StoredEntry,
        others: Sequence[StoredEntry],
        at: datetime,
        since: datetime,
        planned: datetime | None,
    ) -> EndpointFigures:
        evidence = self.evidence
        compromised = {other.key_id for other in others if other.revoked}
        if entry.key_id in compromised:
            # Withdrawn through another certificate, it verifies nothing any more.
            return EndpointFigures.unasked(endpoint, since, "its key is withdrawn through another certificate")
        asked = entry.key_id, endpoint, since
        uses = [*evidence.needed_uses(*asked), *self._under_way.needed_uses(*asked)]
        latest = max(uses, key=lambda use: use.last_seen, default=None)
        last = None if latest is None else latest.last_seen
        lost = max((d.at for d in evidence.disturbances if d.at is not None), default=None)
        begin = max(instant for instant in (since, last, lost) if instant is not None)
        delivery = self._delivery_time(endpoint, begin)
        watched = evidence.watched_since(endpoint, begin)
        # A message may have come after the last word of a gateway: time since then is watched by nobody yet.
        now = begin if evidence.taken_at is None else max(begin, evidence.taken_at)
        safe_at = _next_second(now + max(timedelta(0), delivery - watched))
        trusted = [o for o in others if o.key_id not in compromised and self._is_trusted(o, endpoint, at)]
        if any(other.key_id == entry.key_id and self._is_trusted(other, endpoint, safe_at) for other in trusted):
            return EndpointFigures.unasked(endpoint, since, "its key stays trusted through another certificate")
        blockers: list[Blocker] = []
        if endpoint in self.delays or endpoint in evidence.recorded():
            blockers += self._without_successor(
                endpoint, entry, trusted, since, self._not_waived(endpoint, entry, uses)
            )
        if planned is None:
            blockers += _of_a_successor(endpoint, entry, trusted)
        is_over = watched >= delivery if planned is None else safe_at <= planned
        if not is_over:
            blockers.append(self._too_early(endpoint, since, _told(latest, uses), lost, delivery, watched, safe_at))
        return EndpointFigures(
            endpoint=endpoint,
            asked=True,
            trusted_since=since,
            last_use=last,
            uses=tuple(uses),
            guaranteed_delivery_time=delivery,
            watched_from=begin,
            watched=watched,
            gaps=tuple(evidence.gaps_since(endpoint, begin)),
            waived=tuple(cell.text for cell in self._waived_at(endpoint, entry)),
            blockers=tuple(blockers),
        )

    def _waived_at(self, endpoint: str, entry: StoredEntry) -> list[WaivedCell]:
        names = self.evidence.names_of(endpoint)
        return sorted(one for one in self.waived if one.thumbprint == entry.thumbprint and one.endpoint in names)

    def _not_waived(self, endpoint: str, entry: StoredEntry, uses: Iterable[KeyUse]) -> list[KeyUse]:
        waived = self._waived_at(endpoint, entry)
        return [use for use in uses if not any(cell.covers(use) for cell in waived)]

    def _too_early(
        self,
        endpoint: str,
        since: datetime,
        latest: KeyUse | None,
        lost: datetime | None,
        delivery: timedelta,
        watched: timedelta,
        safe_at: datetime,
    ) -> Blocker:
        evidence = self.evidence
        last = None if latest is None else latest.last_seen
        if lost is not None and lost == max(i for i in (since, last, lost) if i is not None):
            came = (
                f"the database was put back to an older state at {instant_text(lost)}, so that nobody knows what was "
                "signed with it before, and nothing is certain until"
            )
        elif latest is None or latest.last_seen < since:
            came = (
                f"no message needed it since it was trusted at {instant_text(since)}, which tells something only once"
            )
        elif latest.is_under_way:
            came = (
                "a gateway has met messages that needed it within the last minute or two, which may not all be "
                "recorded yet, and others may be under way until"
            )
        elif latest.outcome is RecordedOutcome.FAILED and not latest.messages:
            came = (
                "a gateway process was killed, and messages that needed it may have come that were never recorded, as "
                f"was told at {instant_text(latest.last_seen)}; others may be under way until"
            )
        elif latest.outcome is RecordedOutcome.FAILED:
            came = (
                f"messages that needed it could not be recorded, as was told at {instant_text(latest.last_seen)}, "
                "and others may be under way until"
            )
        else:
            came = (
                f"the last message that needed it came at {instant_text(latest.last_seen)}, and others may be under "
                "way until"
            )
        if evidence.taken_at is None:
            seen = "no gateway has told that it watches: start it with wssgate serve"
        else:
            spans = [s for name in evidence.names_of(endpoint) for s in (evidence.watched or {}).get(name, ())]
            watching = any(span.end >= evidence.taken_at - _SILENT for span in spans)
            started = max((p.during.start for p in evidence.policies_since(endpoint, evidence.taken_at)), default=None)
            seen = f"watched so far: {_length(watched)}, "
            if watching:
                seen += f"so earliest {instant_text(safe_at)} if that goes on without a gap"
            elif started is not None and started >= evidence.taken_at - _NOT_TOLD_YET:
                seen += f"for the gateway that serves it since {instant_text(started)} tells it only every half minute"
            else:
                seen += "and nobody watches it now: no gateway serves it, or its receiver cannot be reached"
        return Blocker(
            f"{endpoint}: {came} the guaranteed delivery time of {duration_text(delivery)} has passed while somebody "
            f"watched; {seen}",
            endpoint,
            safe_at,
        )

    def _without_successor(
        self,
        endpoint: str,
        entry: StoredEntry,
        trusted: Sequence[StoredEntry],
        since: datetime,
        needed: Sequence[KeyUse],
    ) -> Iterator[Blocker]:
        successors = {other.key_id for other in trusted if other.key_id != entry.key_id}
        if not successors:
            yield Blocker(
                f"{endpoint}: no other key is trusted, so every response would be rejected; trust its successor first",
                endpoint,
            )
            return
        old = _last_by_operation(needed)
        accepted = (
            use
            for key_id in successors
            for use in self.evidence.uses_of(key_id, endpoint)
            if use.outcome is RecordedOutcome.ACCEPTED
        )
        new = _last_by_operation(accepted)
        if not old and not any(seen >= since for seen in new.values()):
            yield Blocker(
                f"{endpoint}: no message was verified by another trusted key since this one was trusted at "
                f"{instant_text(since)}, and silence is no evidence",
                endpoint,
            )
        alone = [operation for operation, seen in old.items() if operation not in new or new[operation] <= seen]
        if alone:
            yield Blocker(
                f"{endpoint}: it is the key that carries {_listed(alone)}: no other trusted key has verified a message "
                f"there since its last one at {instant_text(max(old[operation] for operation in alone))}",
                endpoint,
            )

    def _delivery_time(self, endpoint: str, since: datetime) -> timedelta:
        """The longest that was in use from `since` on; of an endpoint of which none is known the longest of all."""
        known = [policy.guaranteed_delivery_time for policy in self.evidence.policies_since(endpoint, since)]
        if endpoint in self.delays:
            known.append(self.delays[endpoint].guaranteed_delivery_time)
        if not known:
            policies: Iterable[RecordedPolicy] = (p for one in self.evidence.recorded().values() for p in one.policies)
            known = [policy.guaranteed_delivery_time for policy in policies]
            known += [delays.guaranteed_delivery_time for delays in self.delays.values()]
        return max(known)

    def _is_trusted(self, entry: StoredEntry, endpoint: str, at: datetime) -> bool:
        """Whether `entry` verifies messages of `endpoint` at the instant `at`."""
        trusted = entry.trusted()
        return (
            trusted is not None
            # By its present name alone: a gateway takes no other entry for it.
            and (entry.endpoints is None or endpoint in entry.endpoints)
            and trusted.state_at(at) is State.TRUSTED
            and (entry.trusted_until is None or at < entry.trusted_until)
            and trusted.public_key is not None
            and trusted.is_valid_at(at)
        )


def _of_a_successor(endpoint: str, entry: StoredEntry, trusted: Sequence[StoredEntry]) -> Iterator[Blocker]:
    """Whoever retires the successor while its predecessor is trusted has mistaken the one for the other, or gives up
    the renewal: then messages signed with it are about to come, and that they were not needed yet says nothing.
    """
    replaced = [str(one.alias) for one in trusted if one.thumbprint in entry.replaces and one.key_id != entry.key_id]
    if replaced:
        yield Blocker(
            f"{endpoint}: it is declared to replace {_listed(replaced)}, which is trusted there still, so that "
            f"messages signed with it are to come; if they are not, say so first: wssgate keystore set {entry.alias} "
            "--no-replaces",
            endpoint,
        )


def gates_now(
    engine: Engine, settings: Settings, asked_at: datetime, *, since: datetime | None = None
) -> MeasuredGates:
    """The gates on what the gateways have told until now, on what the database has lost of it, and on what was waived.

    Args:
        engine: The ledger's database.
        settings: The configuration of whoever asks.
        asked_at: When whoever asks believes it is.
        since: From when on the evidence is wanted, where that is longer ago than the gates need.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    delays = delays_of(settings)
    times = [time for one in delays.values() for time in (one.guaranteed_delivery_time, one.retention)]
    times += [] if since is None else [asked_at - since]
    signing_key = settings.gateway.signing_key
    # All of it before the events: what a gateway records or tells meanwhile is then in both, and not in neither.
    untold = untold_uses(signing_key)
    under_way = untold.uses(engine)
    lost = [*untold.disturbances, *disturbances_of_kept_ends(engine, signing_key)]
    evidence = measure(engine, longest=max(times, default=timedelta(0)))
    lost += disturbances_of_histories(engine)
    return MeasuredGates(
        replace(evidence, disturbances=(*evidence.disturbances, *lost)),
        delays,
        asked_at,
        waived_cells(read_renewals(engine)),
        under_way,
    )


def _told(latest: KeyUse | None, uses: Iterable[KeyUse]) -> KeyUse | None:
    """The use to tell people of: a record, where there is one of the time in which others may not be recorded yet."""
    if latest is None or not latest.is_under_way:
        return latest
    recorded = (use for use in uses if not use.is_under_way and use.last_seen >= latest.last_seen - _NOT_RECORDED_YET)
    return max(recorded, key=lambda use: use.last_seen, default=latest)


def _last_by_operation(uses: Iterable[KeyUse]) -> dict[str | None, datetime]:
    found: dict[str | None, datetime] = {}
    for use in uses:
        found[use.operation] = max(use.last_seen, found.get(use.operation, use.last_seen))
    return found


def _listed(operations: Sequence[str | None]) -> str:
    names = sorted(operation or "messages without an operation" for operation in operations)
    more = f" and {len(names) - _OPERATIONS_SHOWN} more" if len(names) > _OPERATIONS_SHOWN else ""
    return ", ".join(names[:_OPERATIONS_SHOWN]) + more


def _next_second(instant: datetime) -> datetime:
    """`instant` rounded up, so that what is shown to the second is never too early."""
    whole = instant.replace(microsecond=0)
    return whole if whole == instant else whole + timedelta(seconds=1)


def _length(time: timedelta) -> str:
    """A length for people, rounded down."""
    if time < timedelta(minutes=1):
        return f"{int(time.total_seconds())} s"
    if time < timedelta(hours=1):
        return f"{time // timedelta(minutes=1)} min"
    hours = time // timedelta(hours=1)
    return f"{hours} h" if hours < 48 else f"{hours // 24} d {hours % 24} h"
