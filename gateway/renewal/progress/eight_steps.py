"""The eight steps of a renewal, each judged by what was measured or said of it.

What is measured settles a step (3, 4, 5, 7, 8); what is only said settles those of which nothing can be measured:
2 and 6. Where both are there, the measurement counts, and a word that it contradicts is shown as contradicted. Silence
settles nothing: a cell without traffic holds steps 5 and 7 open until somebody waives it by name.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

from gateway.ledger import InstanceState
from gateway.present import instant_text
from gateway.renewal.plan import Closure, Confirmation, PlannedCertificate, Renewal
from gateway.renewal.progress.measured import Measured, names_now, retired_at
from gateway.renewal.progress.renewal_coverage import cell_title, cells_text
from gateway.renewal.progress.renewal_sentences import (
    because,
    counted_cells,
    relapse_sentence,
    trusted_before,
    waived_too,
    words_of,
)
from gateway.renewal.progress.renewal_status import Actor, CoveredCell, Mark, Relapse, Step
from keystore import State
from keystore.store import HistoryItem, StoredEntry, gate_sentences

TITLES = (
    (Actor.RECEIVER, "create the new key and its certificate"),
    (Actor.RECEIVER, "hand over the new certificate"),
    (Actor.TENANT, "trust the new certificate beside the old one"),
    (Actor.TENANT, "tell that the new key may be used"),
    (Actor.RECEIVER, "sign with the new key"),
    (Actor.RECEIVER, "remove the old key"),
    (Actor.RECEIVER, "tell that everything is signed with the new key"),
    (Actor.TENANT, "retire the old certificate"),
)
"""Who does what, in the order of the steps."""
_SHOWN = 5
"""Cells that a step names, each with its sentence."""
_SAME_KEY = "the certificates share one key: each verifies every message, so nothing has to switch"


@dataclass(frozen=True)
class EightSteps:
    """The judging of one renewal's steps."""

    renewal: Renewal
    measured: Measured
    judged_at: datetime
    coverage: Sequence[CoveredCell]
    relapses: Sequence[Relapse]

    def steps(self) -> tuple[Step, ...]:
        """All of them, as of `judged_at`."""
        found = (self.created, self.handed_over, self.trusted, self.told, self.used, self.removed, self.switched)
        steps = (*found, self.retired)
        closed = self.renewal.closed
        if closed is None:
            return steps
        if closed.how is Closure.FINISHED:
            # Nobody waits for them any more, and what is not certain is not called needless either.
            open_marks = {Mark.WAITING, Mark.LATER}
            return tuple(replace(one, mark=Mark.LEFT_OPEN) if one.mark in open_marks else one for one in steps)
        given_up = f"{closed.how} by {closed.who} at {instant_text(closed.at)}: {closed.reason}"
        return tuple(
            step if step.mark.is_settled else replace(step, mark=Mark.NOT_NEEDED, evidence=(given_up, *step.evidence))
            for step in steps
        )

    # what the steps rest on

    @cached_property
    def changes(self) -> list[HistoryItem]:
        """What the keystore's history says of the renewal's certificates, by its end."""
        closed, history = self.renewal.closed, self.measured.history
        if closed is None:
            return list(history)
        last = next((n for n in range(len(history), 0, -1) if history[n - 1].time <= closed.at), 0)
        if closed.how is Closure.FINISHED:
            # The history goes by the clock of whoever changed the keystore: where that is ahead, the retirement with
            # which the renewal was finished seems to come after its end.
            ends = (n for n in range(last, len(history) + 1) if retired_at(self.renewal, history[:n]) is not None)
            last = next(ends, last)
        return list(history[:last])

    def changes_of(self, certificate: PlannedCertificate) -> list[HistoryItem]:
        """What became of one of them."""
        return [item for item in self.changes if item.thumbprint == certificate.thumbprint]

    @cached_property
    def new_entry(self) -> StoredEntry | None:
        """The new certificate's entry; of a closed renewal as it was then."""
        if self.renewal.is_open:
            return self.measured.entry(self.renewal.new.thumbprint)
        changes = self.changes_of(self.renewal.new)
        return changes[-1].entry if changes else None

    @cached_property
    def first_accepted(self) -> datetime | None:
        """The first message that was accepted by the new key."""
        return min((cell.first_new for cell in self.coverage if cell.first_new is not None), default=None)

    @cached_property
    def last_old(self) -> datetime | None:
        """The last message that needed an old key, in cells that nobody waived."""
        return max((c.last_old for c in self.coverage if c.waiver is None and c.last_old is not None), default=None)

    @cached_property
    def came_back(self) -> list[Relapse]:
        """The relapses that are not over; of a closed renewal those before its end."""
        waived = {(c.endpoint, c.operation, c.server) for c in self.coverage if c.waiver is not None}
        return [
            one
            for one in self.relapses
            if not one.is_over
            and one.first <= self.judged_at
            and (one.endpoint, one.operation, one.server) not in waived
        ]

    def said(self, number: int) -> Confirmation | None:
        """The last word on a step."""
        found = [one for one in self.renewal.confirmations if one.step == number]
        return found[-1] if found else None

    # the steps

    @cached_property
    def created(self) -> Step:
        new, changes = self.renewal.new, self.changes_of(self.renewal.new)
        at = changes[0].time if changes else self.renewal.started_at
        return self._step(
            1,
            Mark.DONE,
            at,
            evidence=(
                f"{new.alias}: serial {new.serial}, valid from {instant_text(new.not_before)} until "
                f"{instant_text(new.not_after)}",
                *((_SAME_KEY,) if self.renewal.keeps_every_key else ()),
            ),
        )

    @cached_property
    def handed_over(self) -> Step:
        said, new = self.said(2), self.renewal.new
        # A word without a fingerprint compares nothing, and takes none back that was read out before.
        read_out = [one for one in self.renewal.confirmations if one.step == 2 and one.fingerprint]
        compared = read_out[-1] if read_out else None
        rehearsed = [one for one in self.renewal.rehearsals if one.accepted]
        failed = [one for one in self.renewal.rehearsals if not one.accepted]
        told = [words_of(one) for one in dict.fromkeys((compared, said)) if one is not None]
        told += [
            f"rehearsed at {instant_text(one.at)} with {one.file}: accepted at {one.endpoint}" for one in rehearsed
        ]
        told += [f"rehearsed at {instant_text(one.at)} with {one.file}: {one.sentence}" for one in failed]
        if compared is not None and compared.fingerprint != new.thumbprint:
            told.append(f"that is not the certificate that is here, whose fingerprint is {new.thumbprint}")
            return self._step(2, Mark.CONTRADICTED, compared.at, compared.by, told)
        if compared is not None:
            told.append("its fingerprint is that of the certificate here")
            return self._step(2, Mark.DONE, compared.at, compared.by, told)
        if rehearsed:
            return self._step(2, Mark.DONE, rehearsed[0].at, rehearsed[0].who, told)
        if self.first_accepted is not None and not self.renewal.has_same_key:
            told.append(f"a message that its key signed was accepted at {instant_text(self.first_accepted)}")
            return self._step(2, Mark.DONE, self.first_accepted, "", told)
        if said is not None:
            return self._step(2, Mark.SAID, said.at, said.by, told)
        told.append(f"nobody has compared its fingerprint yet: {new.thumbprint}")
        return self._step(2, Mark.WAITING, self.created.at, "", told)

    @cached_property
    def trusted(self) -> Step:
        said, entry, made = self.said(3), self.new_entry, self.trusted_by
        told = [] if said is None else [words_of(said)]
        if made is not None:
            at = made.time if made.entry.trusted_from is None else max(made.time, made.entry.trusted_from)
            told.append(f"keystore revision {made.revision}: {made.action} by {made.who}" + because(made.why))
            return self._step(3, Mark.DONE, at, made.who, told)
        told += [self._not_trusted(entry), *trusted_before(self.changes_of(self.renewal.new), self.is_trusted)]
        return self._step(3, Mark.WAITING if said is None else Mark.CONTRADICTED, self.handed_over.at, "", told)

    @cached_property
    def trusted_by(self) -> HistoryItem | None:
        """The change by which the new certificate came to be trusted at every endpoint; None where it is not."""
        entry = self.new_entry
        at = self.measured.asked_at if self.renewal.closed is None else self.renewal.closed.at
        if entry is None or entry.state_at(at) is not State.TRUSTED or self.untrusted_at(entry):
            return None
        if self.withdrawn_through is not None:
            return None
        made: HistoryItem | None = None
        for item in self.changes_of(self.renewal.new):
            made = (made or item) if self.is_trusted(item.entry) else None
        return made

    @cached_property
    def withdrawn_through(self) -> StoredEntry | None:
        """The entry through which the new key was withdrawn, while its own certificate looks trusted; None mostly."""
        if not self.renewal.is_open:
            return None
        new = self.renewal.new
        revoked = (one for one in self.measured.entries if one.revoked and one.key_id == new.key_id)
        return next((one for one in revoked if one.thumbprint != new.thumbprint), None)

    def is_trusted(self, entry: StoredEntry) -> bool:
        """Whether the entry is trusted at every endpoint of the renewal, once its time has come."""
        return entry.state is State.TRUSTED and not self.untrusted_at(entry)

    def untrusted_at(self, entry: StoredEntry) -> list[str]:
        """The endpoints of the renewal for which the entry is not meant, by their present names as gateways go."""
        if entry.endpoints is None:
            return []
        return [n for n in names_now(self.renewal.endpoints, self.measured.evidence) if n not in entry.endpoints]

    def _not_trusted(self, entry: StoredEntry | None) -> str:
        alias = self.renewal.new.alias
        if entry is None:
            return f"{alias} is not in the keystore"
        if entry.state is State.TRUSTED and entry.trusted_from is not None and entry.trusted_from > self.judged_at:
            return f"{entry.alias} is to be trusted only from {instant_text(entry.trusted_from)} on"
        if entry.state is State.TRUSTED and self.withdrawn_through is not None:
            through = self.withdrawn_through.alias
            return f"the key of {entry.alias} is withdrawn: {through}, which has it too, is compromised"
        if entry.state is State.TRUSTED and self.untrusted_at(entry):
            return f"{entry.alias} is not trusted for {', '.join(self.untrusted_at(entry))}"
        return f"{entry.alias} is {'compromised' if entry.revoked else entry.state}"

    @cached_property
    def told(self) -> Step:
        said, made = self.said(4), self.trusted_by
        words = [] if said is None else [words_of(said)]
        words += [
            f"a notice was written at {instant_text(n.at)} by {n.who}" for n in self.renewal.notices if n.step == 4
        ]
        if made is None:
            words += [] if said is None else ["the new certificate is not trusted, so the new key must not be used"]
            at = None if said is None else said.at
            return self._step(4, Mark.LATER if said is None else Mark.CONTRADICTED, at, "", words)
        if self.first_accepted is not None and not self.renewal.has_same_key:
            words.append(f"the new key is in use: accepted first at {instant_text(self.first_accepted)}")
            at = self.first_accepted if said is None else min(said.at, self.first_accepted)
            return self._step(4, Mark.DONE, at, "" if said is None else said.by, words)
        words.append(self.loaded(made.revision))
        if said is None:
            return self._step(4, Mark.WAITING, self.trusted.at, "", words)
        if not self.live or not self.renewal.is_open:
            return self._step(4, Mark.SAID, said.at, said.by, words)
        mark = Mark.CONTRADICTED if self.behind(made.revision) else Mark.DONE
        return self._step(4, mark, said.at, said.by, words)

    @cached_property
    def live(self) -> list[InstanceState]:
        """The gateways that run at present."""
        return [one for one in self.measured.instances if not one.is_gone]

    def behind(self, revision: int) -> list[InstanceState]:
        """Those of them that do not serve with that revision of the keystore, or a later one."""
        return [one for one in self.live if one.keystore_revision < revision]

    def loaded(self, revision: int) -> str:
        """Whether every gateway serves with that revision of the keystore."""
        if not self.live:
            return "no gateway is running, so nobody knows whether each has loaded it"
        behind = self.behind(revision)
        if not behind:
            return f"every gateway ({len(self.live)}) serves with keystore revision {revision} or a later one"
        first = behind[0]
        more = f", and {len(behind) - 1} more" if len(behind) > 1 else ""
        return (
            f"{first.identity.instance} serves with keystore revision {first.keystore_revision}, and not yet with "
            f"{revision}{more}"
        )

    @cached_property
    def used(self) -> Step:
        if self.renewal.keeps_every_key:
            return self._step(5, Mark.NOT_NEEDED, evidence=[_SAME_KEY])
        held = [cell for cell in self.coverage if cell.waiver is None]
        missing = [cell for cell in held if not (cell.has_moved or cell.is_switched)]
        words = self._words_on_use(5, missing)
        if self.coverage and not missing:
            moved = [cell.new_since or cell.first_new for cell in held]
            mark = Mark.DONE if held else Mark.NOT_NEEDED
            return self._step(5, mark, max((at for at in moved if at is not None), default=None), "", words)
        return self._open_step(5, words, begun=self.told.mark.is_settled, since=self.told.at, missing=missing)

    @cached_property
    def removed(self) -> Step:
        if self.renewal.keeps_every_key:
            return self._step(6, Mark.NOT_NEEDED, evidence=["the old certificate's key is the new one's"])
        said = self.said(6)
        if said is not None:
            words, last = [words_of(said)], self.last_old
            if last is not None and last > said.at:
                words.append(f"the old key signed after that: last seen at {instant_text(last)}")
                return self._step(6, Mark.CONTRADICTED, said.at, said.by, words)
            return self._step(6, Mark.SAID, said.at, said.by, words)
        if self.renewal.downtime and self.used.mark is Mark.DONE and not self.came_back:
            words = ["it can hold one key only, as was said at the start, so the old one went when the new one came"]
            return self._step(6, Mark.SAID, self.used.at, self.renewal.started_by, words)
        mark = Mark.WAITING if self.used.mark.is_settled else Mark.LATER
        return self._step(6, mark, self.used.at if mark is Mark.WAITING else None, "", ["nobody has said so"])

    @cached_property
    def switched(self) -> Step:
        if self.renewal.keeps_every_key:
            return self._step(7, Mark.NOT_NEEDED, evidence=[_SAME_KEY])
        held = [cell for cell in self.coverage if cell.waiver is None]
        missing = [cell for cell in held if cell.holds_up]
        words = self._words_on_use(7, missing)
        if self.coverage and not missing:
            since = [cell.new_since for cell in held if cell.new_since is not None]
            mark = Mark.DONE if held else Mark.NOT_NEEDED
            return self._step(7, mark, max(since, default=None), "", words)
        return self._open_step(7, words, begun=self.used.mark.is_settled, since=self.used.at, missing=missing)

    def _words_on_use(self, number: int, missing: Sequence[CoveredCell]) -> list[str]:
        """What was said and measured of a step that the traffic shows."""
        said = self.said(number)
        words = [] if said is None else [words_of(said)]
        if not self.coverage:
            return [*words, "no message is on record, and silence is no evidence"]
        done = len(self.coverage) - len(missing)
        waived = [cell for cell in self.coverage if cell.waiver is not None]
        what = "signed with the new key" if number == 5 else "switched"
        words.append(f"{done} of {counted_cells(self.coverage)} {what}" + waived_too(len(waived)))
        several = len(self.renewal.endpoints) > 1
        words += [f"{cell_title(cell, with_endpoint=several)}: {cell.sentence}" for cell in missing[:_SHOWN]]
        if len(missing) > _SHOWN:
            words.append(f"and {len(missing) - _SHOWN} more")
        return [*words, *map(relapse_sentence, self.came_back[:_SHOWN])]

    def _open_step(
        self,
        number: int,
        words: list[str],
        *,
        begun: bool,
        since: datetime | None,
        missing: Sequence[CoveredCell],
    ) -> Step:
        """Step 5 or 7, while cells are missing."""
        said = self.said(number)
        against = [] if said is None else [c for c in missing if c.last_old is not None and c.last_old > said.at]
        if said is not None and against:
            words.append(f"the old key was needed after that: {cells_text(against)}")
            return self._step(number, Mark.CONTRADICTED, said.at, said.by, words)
        if self.came_back:
            return self._step(number, Mark.REOPENED, max(one.first for one in self.came_back), "", words)
        has_begun = begun or (self.first_accepted is not None and number == 5)
        return self._step(number, Mark.WAITING if has_begun else Mark.LATER, since if has_begun else None, "", words)

    @cached_property
    def retired(self) -> Step:
        said = self.said(8)
        words = [] if said is None else [words_of(said)]
        gone = retired_at(self.renewal, self.changes)
        if gone is not None:
            ended = [item for old in self.renewal.old for item in _ends(self.changes_of(old))]
            for item in ended:
                words.append(
                    f"{item.alias} {item.action} by {item.who} at {instant_text(item.time)}{because(item.why)}"
                )
                words += gate_sentences(item.gate)
                words += [f"by force, against: {item.overrode}"] if item.overrode else []
            words += [f"retirement certificate {sha256}" for sha256 in self.renewal.retirement_certificates]
            return self._step(8, Mark.DONE, gone, ended[-1].who if ended else "", words)
        asked = self.measured.asked
        blockers = [blocker for one in asked for blocker in one.answer.blockers]
        words += list(dict.fromkeys(blocker.sentence for blocker in blockers))
        if asked and not blockers:
            words.append("the gate is open")
        if said is not None:
            return self._step(8, Mark.CONTRADICTED, said.at, said.by, [*words, "it is trusted still"])
        begun = (self.switched.mark.is_settled and self.trusted.mark.is_settled) or (bool(asked) and not blockers)
        at = self.switched.at or self.trusted.at
        return self._step(8, Mark.WAITING if begun else Mark.LATER, at if begun else None, "", words)

    def _step(
        self, number: int, mark: Mark, at: datetime | None = None, who: str = "", evidence: Sequence[str] = ()
    ) -> Step:
        actor, title = TITLES[number - 1]
        if mark is Mark.WAITING and at is not None:
            # Nobody waited before the renewal began; and what the keystore dates by another clock is no later than now.
            at = min(max(at, self.renewal.started_at), self.judged_at)
        return Step(number, actor, title, mark, at, who, tuple(evidence))


def _ends(changes: Sequence[HistoryItem]) -> list[HistoryItem]:
    """The change by which a certificate came to be retired for good."""
    ended: HistoryItem | None = None
    for item in changes:
        is_retired = item.entry.state in {State.RETIRED, State.PURGED}
        ended = (ended or item) if is_retired else None
    return [] if ended is None else [ended]
