"""What somebody should look at in a renewal, and what has to be ready before an announced switch."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final

from gateway.present import count_text, duration_text, instant_text
from gateway.renewal.plan import policy_warnings
from gateway.renewal.progress.eight_steps import EightSteps
from gateway.renewal.progress.measured import Measured, names_now
from gateway.renewal.progress.renewal_coverage import cell_title, cells_text
from gateway.renewal.progress.renewal_sentences import relapse_sentence
from gateway.renewal.progress.renewal_status import CoverageState, Mark, Preparation
from keystore import State

_UNHEARD: Final = timedelta(minutes=5)
"""A gateway tells each half minute that it watches."""
_NOT_TOLD_YET: Final = timedelta(minutes=1)
"""One that started within this time need not have told yet."""


def warnings_of(steps: EightSteps, measured: Measured) -> tuple[str, ...]:
    """Sentences without their full stop, the most pressing first."""
    found = (
        *_relapses(steps),
        *_broken(steps),
        *_announcement(steps),
        *_trust(steps, measured),
        *_contradictions(steps),
        *_delivery_times(steps, measured),
        *_forced(steps),
        *_gate(steps, measured),
        *_endpoints(steps, measured),
        *_watching(steps, measured),
        *(one.sentence for one in measured.evidence.disturbances if steps.renewal.is_open),
    )
    return tuple(dict.fromkeys(found))


def _relapses(steps: EightSteps) -> Iterator[str]:
    for relapse in steps.relapses:
        if not relapse.is_over:
            yield relapse_sentence(relapse)


def _broken(steps: EightSteps) -> Iterator[str]:
    """In an emergency: which cells do not work, since the old key was stopped."""
    if not steps.renewal.compromised:
        return
    since = steps.retired.at
    for cell in steps.coverage:
        if cell.old_rejected and not cell.has_moved:
            when = "" if since is None else f" since {instant_text(since)}"
            yield (
                f"{cell_title(cell, with_endpoint=True)} does not work{when}: its messages are signed with the "
                f"compromised key, {count_text(cell.old_rejected, 'message')} rejected"
                + ("" if cell.last_old is None else f", the last at {instant_text(cell.last_old)}")
            )


def _announcement(steps: EightSteps) -> Iterator[str]:
    announced = steps.renewal.announced
    if announced is None:
        return
    said, early = instant_text(announced), early_at(steps)
    if early is not None:
        rejected = [cell for cell in steps.coverage if cell.first_new is None and cell.new_rejected]
        but = f", and rejected: {cells_text(rejected)}" if rejected else ""
        yield f"the switch came early: announced for {said}, the new key was used first at {instant_text(early)}{but}"
    if is_late(steps):
        missing = [cell for cell in steps.coverage if cell.waiver is None and not cell.has_moved]
        yield f"the switch is late: announced for {said}, and not on the new key: {cells_text(missing) or 'anything'}"


def early_at(steps: EightSteps) -> datetime | None:
    """When the new key was used first, where that was before the announced switch."""
    announced = steps.renewal.announced
    if announced is None:
        return None
    seen = (cell.first_new_seen for cell in steps.coverage)
    return min((first for first in seen if first is not None and first < announced), default=None)


def is_late(steps: EightSteps) -> bool:
    """Whether the announced time has passed, and not every cell is on the new key."""
    announced = steps.renewal.announced
    return (
        announced is not None
        and steps.renewal.is_open
        and steps.judged_at >= announced
        and not steps.used.mark.is_settled
    )


def _trust(steps: EightSteps, measured: Measured) -> Iterator[str]:
    renewal, entry = steps.renewal, steps.new_entry
    if not renewal.is_open:
        return
    if entry is not None and entry.trusted_from is not None and entry.trusted_from > measured.asked_at:
        yield (
            f"{entry.alias} is trusted only from {instant_text(entry.trusted_from)} on: a switch before that is "
            f"rejected; trust it now: wssgate keystore trust {entry.alias}"
        )
    if renewal.new.not_after <= steps.judged_at:
        yield f"{renewal.new.alias} has expired: it was valid until {instant_text(renewal.new.not_after)}"
    if renewal.new.not_before > measured.asked_at:
        yield f"{renewal.new.alias} is not valid before {instant_text(renewal.new.not_before)}"
    for old in renewal.old:
        kept = measured.entry(old.thumbprint)
        is_trusted = kept is not None and kept.state_at(measured.asked_at) is State.TRUSTED
        if not is_trusted and not renewal.compromised and not steps.used.mark.is_settled:
            yield f"{old.alias} is not trusted any more, and the receiver has not switched everywhere"
        if is_trusted and old.not_after <= steps.judged_at:
            yield f"{old.alias} has expired: it was valid until {instant_text(old.not_after)}"
    mixed = [cell for cell in steps.coverage if cell.state is CoverageState.BOTH]
    if renewal.downtime and mixed:
        yield f"both keys are in use, although the receiver can hold one only: {cells_text(mixed)}"


def _contradictions(steps: EightSteps) -> Iterator[str]:
    for step in steps.steps():
        if step.mark is Mark.CONTRADICTED:
            yield f"step {step.number} was confirmed, and that is not so: {step.evidence[-1]}"
        said = steps.said(step.number)
        if step.number in {5, 7} and said is not None and step.mark is Mark.DONE:
            late = [cell for cell in steps.coverage if cell.last_old is not None and cell.last_old > said.at]
            if late:
                yield f"step {step.number} was confirmed before it was so: the old key was needed by {cells_text(late)}"


def _delivery_times(steps: EightSteps, measured: Measured) -> Iterator[str]:
    policies, evidence = measured.policies or {}, measured.evidence
    for name in names_now(steps.renewal.endpoints, evidence):
        policy, delays = policies.get(name), measured.configured().get(name)
        if steps.renewal.is_open and delays is not None:
            yield from policy_warnings(name, delays.guaranteed_delivery_time, policy)
        before: tuple[timedelta, timedelta] | None = None
        for recorded in evidence.policies_since(name, steps.renewal.started_at):
            times = (recorded.guaranteed_delivery_time, recorded.retention)
            began = recorded.during.start
            is_during = steps.renewal.started_at < began <= steps.judged_at
            if before is not None and before != times and is_during:
                yield (
                    f"{name}: the configuration changed at {instant_text(began)}, told by {recorded.instance}: "
                    f"guaranteed delivery time {_changed(before[0], times[0])}, "
                    f"retention {_changed(before[1], times[1])}"
                )
            before = times
        if policy is not None and steps.renewal.started_at < policy.at <= steps.judged_at:
            yield (
                f"{name}: the guaranteed delivery time was decided at {instant_text(policy.at)} by {policy.owner} "
                f"(typed by {policy.who}): {duration_text(policy.guaranteed_delivery_time)}, because {policy.reason}"
            )


def _forced(steps: EightSteps) -> Iterator[str]:
    for item in steps.changes:
        if item.overrode and item.time >= steps.renewal.started_at:
            yield (
                f"{item.alias} {item.action} by force at {instant_text(item.time)} by {item.who}, against: "
                f"{item.overrode}"
            )


def _gate(steps: EightSteps, measured: Measured) -> Iterator[str]:
    is_open = measured.asked and not any(one.answer.blockers for one in measured.asked)
    missing = [cell for cell in steps.coverage if cell.holds_up]
    if is_open and missing and not steps.switched.mark.is_settled:
        yield (
            "the gate for step 8 is open, and by the stricter rule of step 7 the switch is not certain: "
            f"{cells_text(missing)}"
        )


def _endpoints(steps: EightSteps, measured: Measured) -> Iterator[str]:
    recorded = measured.evidence.recorded()
    for name in steps.renewal.endpoints:
        closing = recorded[name].closing if name in recorded else None
        if closing is not None:
            became = "ended" if closing.new_name is None else f"is called {closing.new_name}"
            yield f"{name} {became} since {instant_text(closing.at)}, as {closing.who} said"


def _watching(steps: EightSteps, measured: Measured) -> Iterator[str]:
    taken_at = measured.evidence.taken_at
    if steps.renewal.is_open and (taken_at is None or measured.asked_at - taken_at > _UNHEARD):
        since = (
            "no gateway has ever told" if taken_at is None else f"no gateway has told since {instant_text(taken_at)}"
        )
        yield f"{since} that it watches: what is possible next moves on until one does"
    elif steps.renewal.is_open and taken_at is not None:
        yield from _unwatched(steps, measured, taken_at)


def _unwatched(steps: EightSteps, measured: Measured, now: datetime) -> Iterator[str]:
    """Endpoints of which a gateway tells, but not that it can see the receiver's messages."""
    evidence = measured.evidence
    for name in names_now(steps.renewal.endpoints, evidence):
        started = max((one.during.start for one in evidence.policies_since(name, now)), default=None)
        if started is not None and now - started < _NOT_TOLD_YET:
            continue
        spans = [span for one in evidence.names_of(name) for span in (evidence.watched or {}).get(one, ())]
        until = max((span.end for span in spans), default=None)
        if until is None or now - until > _UNHEARD:
            since = "" if until is None else f" since {instant_text(until)}"
            yield (
                f"nobody watches {name}{since}: its receiver cannot be reached, or no gateway serves it; this time "
                "does not count, and what is possible next moves on"
            )


def countdown_of(steps: EightSteps) -> tuple[Preparation, ...]:
    """What has to be ready before the announced switch; empty where none was announced or it has passed."""
    renewal = steps.renewal
    if renewal.announced is None or not renewal.is_open or steps.judged_at >= renewal.announced:
        return ()
    entry, made = steps.new_entry, steps.trusted_by
    rehearsed = [one for one in renewal.rehearsals if one.accepted]
    loaded = "the new certificate is not trusted yet" if made is None else steps.loaded(made.revision)
    is_loaded = made is not None and bool(steps.live) and not steps.behind(made.revision)
    return (
        Preparation(
            "known",
            entry is not None,
            f"{renewal.new.alias} is {'not in the keystore' if entry is None else 'in the keystore'}",
        ),
        Preparation("trusted everywhere", is_loaded, loaded),
        Preparation(
            "compared",
            steps.handed_over.mark is Mark.DONE,  # a word without a fingerprint compares nothing
            steps.handed_over.evidence[-1],
        ),
        Preparation(
            "rehearsed",
            bool(rehearsed),
            f"{rehearsed[-1].file} was accepted at {instant_text(rehearsed[-1].at)}"
            if rehearsed
            else "no sample that the receiver signed with its new key was tried; wssgate renewal rehearse FILE",
        ),
        Preparation(
            "on call",
            bool(renewal.contacts),
            _listed(renewal.contacts) or "nobody is named; wssgate renewal change --contact 'NAME <ADDRESS>'",
        ),
    )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)


def _changed(before: timedelta, after: timedelta) -> str:
    if before == after:
        return f"{duration_text(after)} as before"
    return f"{duration_text(before)} -> {duration_text(after)}"
