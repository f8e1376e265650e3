"""The judgement on one renewal: its steps, what it waits for, and when its old certificates may go. Pure."""

import shlex
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from gateway.present import instant_text
from gateway.renewal.plan import Renewal
from gateway.renewal.progress.eight_steps import EightSteps
from gateway.renewal.progress.measured import Measured
from gateway.renewal.progress.renewal_coverage import cells_text, covered_cells, watched_times
from gateway.renewal.progress.renewal_status import (
    CoverageState,
    CoveredCell,
    Mark,
    RenewalStatus,
    Step,
    current_step,
)
from gateway.renewal.progress.renewal_warnings import countdown_of, early_at, is_late, warnings_of
from gateway.renewal.waived_cells import cell_text
from keystore import Blocker, State
from keystore.store import Asked

_SILENT = {CoverageState.SILENT, CoverageState.NEVER_SEEN}


def judge_renewal(renewal: Renewal, measured: Measured) -> RenewalStatus:
    """Where `renewal` stands, by what was said of it and what was measured.

    A closed one is judged as of its end; but relapses that came later are told as well.
    """
    judged_at = _latest(renewal, measured) if renewal.closed is None else min(measured.now, renewal.closed.at)
    coverage = covered_cells(renewal, measured, judged_at)
    steps = EightSteps(renewal, measured, judged_at, coverage, measured.relapses)
    found = steps.steps()
    blockers = tuple(dict.fromkeys(blocker for one in measured.asked for blocker in one.answer.blockers))
    waits = _waits(renewal, steps, found, blockers, measured.asked)
    return RenewalStatus(
        renewal=renewal,
        judged_at=judged_at,
        steps=found,
        coverage=coverage,
        watched=watched_times(renewal, measured, min(judged_at, measured.now)),
        waiting_for=waits.whom,
        since=waits.since,
        next_possible=_opens_at(blockers),
        may_retire=bool(measured.asked) and not blockers,
        run=waits.run,
        blockers=blockers,
        relapses=measured.relapses,
        warnings=warnings_of(steps, measured),
        countdown=countdown_of(steps),
        early_at=early_at(steps),
        is_late=is_late(steps),
        keystore_revision=measured.keystore_revision,
        heads=tuple(writer.head.text for writer in measured.evidence.writers),
    )


def _latest(renewal: Renewal, measured: Measured) -> datetime:
    """The latest instant of the ledger's clock that is judged: messages are counted after the last event as well, and
    people say something between two of them.
    """
    words = (renewal.confirmations, renewal.rehearsals, renewal.waivers, renewal.notices)
    said = [word.at for of_kind in words for word in of_kind]
    uses = [use.last_seen for use in measured.evidence.uses]
    return max(measured.now, renewal.started_at, *said, *uses)


def _opens_at(blockers: Sequence[Blocker]) -> datetime | None:
    """When the gate opens by itself; None where it is open, or something has to happen first."""
    times = [blocker.safe_at for blocker in blockers if blocker.safe_at is not None]
    return max(times) if times and len(times) == len(blockers) else None


class _Waits(NamedTuple):
    """What a renewal waits for."""

    whom: str
    since: datetime | None
    run: tuple[str, ...]


def _waits(
    renewal: Renewal, steps: EightSteps, found: Sequence[Step], blockers: Sequence[Blocker], asked: Sequence[Asked]
) -> _Waits:
    step = current_step(found)
    if step is None or not renewal.is_open:
        return _Waits("", None, ())
    name, alias = shlex.quote(renewal.name), shlex.quote(str(renewal.new.alias))
    run: tuple[str, ...]
    match step.number:
        case 2 if step.mark is Mark.CONTRADICTED:
            whom = f"the right certificate: the fingerprint that was read out is not that of {renewal.new.alias}"
            run = (f"wssgate renewal withdraw {name} --reason TEXT",)
        case 2:
            whom = f"the receiver administrator, to read out the fingerprint of {renewal.new.alias}"
            run = (f"wssgate renewal confirm 2 {name} --by NAME --fingerprint HEX",)
        case 3:
            whom, run = _trusting(steps, step, alias)
        case 4:
            whom, run = _telling(steps, name)
        case 5 | 7:
            whom, run = _switching(renewal, steps, step, name)
        case 6:
            whom = "the receiver administrator, to say that the old key is removed"
            run = (f"wssgate renewal confirm 6 {name} --by NAME",)
        case _:  # the eighth
            whom, run = _retiring(blockers, asked, name)
    if asked and not blockers and step.number not in {2, 8}:
        run = (*run, f"wssgate renewal retire {name} --reason TEXT")
    return _Waits(whom, _since(steps, step), run)


def _since(steps: EightSteps, step: Step) -> datetime | None:
    """Since when it is waited for: of what was said and is not so since that showed, not since it was said."""
    announced = steps.renewal.announced
    if step.number == 3 and (rejected := _rejected_already(steps)):
        return min((cell.first_new_seen for cell in rejected if cell.first_new_seen is not None), default=step.at)
    if step.number not in {5, 7}:
        return step.at
    if step.mark is Mark.CONTRADICTED:
        back = [one.first for one in steps.came_back]
        if step.number == 7 and steps.used.mark.is_settled:
            return steps.used.at
        return max(back) if back else steps.told.at
    if step.at is not None and announced is not None and step.at < announced <= steps.judged_at:
        return announced
    return step.at


def _rejected_already(steps: EightSteps) -> list[CoveredCell]:
    """The cells that do not work, for the receiver signs with the new key before that is trusted."""
    return [cell for cell in steps.coverage if cell.new_rejected and cell.first_new is None]


def _trusting(steps: EightSteps, step: Step, alias: str) -> tuple[str, tuple[str, ...]]:
    new, rejected = steps.renewal.new.alias, _rejected_already(steps)
    run = (_to_trust(steps, alias),)
    if rejected:
        return (
            f"the tenant administrator, to trust {new} now: the receiver signs with it already, and its messages are "
            f"rejected: {cells_text(rejected)}; {step.evidence[-1]}",
            run,
        )
    return f"the tenant administrator, to trust {new}: {step.evidence[-1]}", run


def _to_trust(steps: EightSteps, alias: str) -> str:
    entry = steps.new_entry
    if entry is None:
        return f"wssgate keystore add {alias} FILE"
    if entry.state is State.RETIRED:
        return f"wssgate keystore restore {alias} --reason TEXT"
    if entry.state is State.TRUSTED and steps.withdrawn_through is not None:
        return f"wssgate renewal withdraw {shlex.quote(steps.renewal.name)} --reason TEXT"
    missing = steps.untrusted_at(entry)
    if missing and entry.endpoints is not None:
        wanted = sorted({*entry.endpoints, *missing})
        return " ".join([f"wssgate keystore set {alias}", *(f"-e {shlex.quote(one)}" for one in wanted)])
    return f"wssgate keystore trust {alias}"


def _telling(steps: EightSteps, name: str) -> tuple[str, tuple[str, ...]]:
    made = steps.trusted_by
    if made is not None and not steps.live:
        return "a gateway to run: nobody serves with the new certificate", ("wssgate serve",)
    if made is not None and steps.behind(made.revision):
        return steps.loaded(made.revision), ("wssgate status",)
    return (
        "the tenant administrator, to tell the receiver administrator that the new key may be used",
        (f"wssgate renewal notice 4 {name}", f"wssgate renewal confirm 4 {name}"),
    )


def _switching(renewal: Renewal, steps: EightSteps, step: Step, name: str) -> tuple[str, tuple[str, ...]]:
    held = [cell for cell in steps.coverage if cell.waiver is None]
    silent = [cell for cell in held if cell.state in _SILENT]
    late = [cell for cell in held if cell.holds_up and cell not in silent]
    unmoved = [cell for cell in late if not cell.has_moved]
    notice = f"wssgate renewal notice 7 {name}"
    if unmoved and step.mark is Mark.REOPENED:
        return f"the receiver administrator: the old key came back: {cells_text(unmoved)}", (notice,)
    if renewal.announced is not None and renewal.announced > steps.judged_at and unmoved:
        return f"the receiver administrator, to switch at the announced time {instant_text(renewal.announced)}", ()
    if unmoved:
        when = "" if renewal.announced is None else f", as was announced for {instant_text(renewal.announced)}"
        return f"the receiver administrator, to sign with the new key{when}: {cells_text(unmoved)}", (notice,)
    if late:
        # A quiet time is measured up to the last message: where there are enough of them, they have to go on.
        few = any(cell.messages_since < cell.messages_needed for cell in late)
        more = "more messages" if few else "messages for some time more"
        return f"{more}, before it is certain that the switch is complete: {cells_text(late)}", ()
    if silent:
        return (
            f"traffic, for silence is no evidence: {cells_text(silent)}",
            tuple(
                f"wssgate renewal waive {_cell_argument(cell)} {name} --reason TEXT --by NAME" for cell in silent[:3]
            ),
        )
    return "a message that the receiver signed: none is on record", ()


def _cell_argument(cell: CoveredCell) -> str:
    return shlex.quote(cell_text(cell.endpoint, cell.operation or "", cell.server))


def _retiring(blockers: Sequence[Blocker], asked: Sequence[Asked], name: str) -> tuple[str, tuple[str, ...]]:
    olds = " and ".join(str(one.entry.alias) for one in asked)
    if not blockers:
        return (
            f"the tenant administrator, to retire {olds}",
            (f"wssgate renewal notice 8 {name}", f"wssgate renewal retire {name} --reason TEXT"),
        )
    if _opens_at(blockers) is not None:
        return "the guaranteed delivery time to pass, watched: messages with the old key may be under way", ()
    return blockers[0].sentence, ()
