"""Making the keystore what a folder says: the folder is the truth, and its changes pass the gates as all others do."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial

from keystore.certificate import State
from keystore.errors import GateClosed, Refused
from keystore.identity import Alias, Thumbprint
from keystore.reading.folder import FolderEntry
from keystore.store.draft import Draft, terms_of
from keystore.store.outcome import Added, Changed, NewCertificate
from keystore.store.stored_entry import StoredEntry


class Move(StrEnum):
    """What brings one entry to where the folder has it."""

    ADD = "add"
    TRUST = "trust"
    RESTORE = "restore"
    CHANGE = "change"
    """Its name, its endpoints, or when it is trusted."""
    RETIRE = "retire"
    NONE = "none"
    """Nothing is done, and the remark says why."""


@dataclass(frozen=True, slots=True)
class Step:
    """One entry that is not as the folder has it."""

    move: Move
    alias: Alias
    remarks: tuple[str, ...] = ()
    """What to know about it, one sentence each."""
    refusal: Refused | None = None
    """Why it cannot be done."""


def folder_entry(entry: StoredEntry) -> FolderEntry | None:
    """`entry` as it stands in a folder; None where there is no certificate to write."""
    if entry.certificate is None:
        return None
    return FolderEntry(
        alias=entry.alias,
        state=entry.state,
        terms=terms_of(entry),
        compromised=entry.revoked,
        certificate=entry.certificate,
        thumbprint=entry.thumbprint,
    )


def synchronise(
    draft: Draft, wanted: Sequence[FolderEntry], purged: Mapping[Thumbprint, datetime], *, force: bool = False
) -> tuple[Step, ...]:
    """Bring the entries of `draft` to what `wanted` says; an entry that is not there is retired.

    A step that is refused is left out, and says why; whether the others shall then be kept is for the caller to decide.
    What was retired and is not in the folder stays as it is, and nothing is ever purged. What is in trusted/, with an
    end that has passed and was carried out, is what the folder wants.

    Args:
        draft: The revision that the steps go into.
        wanted: Every entry that there shall be.
        purged: When each certificate that is gone was purged, as `KeystoreStore.purged` tells.
        force: Override what can be overridden.
    """
    steps: list[Step] = []
    by_thumbprint = {entry.thumbprint: entry for entry in draft.entries}
    meant = {want.thumbprint for want in wanted}
    known = [(by_thumbprint[want.thumbprint], want) for want in wanted if want.thumbprint in by_thumbprint]
    # Trust is given before it is taken away: what is retired then sees its successor.
    for entry, want in known:
        if want.state is not State.RETIRED or entry.state is State.RETIRED:
            steps += _bring(draft, entry, want, force=force)
    for want in wanted:
        if want.thumbprint not in by_thumbprint:
            steps.append(_add(draft, want, purged, force=force))
    for entry, want in known:
        if want.state is State.RETIRED and entry.state is not State.RETIRED:
            steps += _bring(draft, entry, want, force=force)
    for entry in by_thumbprint.values():
        if entry.thumbprint not in meant and entry.state is not State.RETIRED:
            steps.append(_step(Move.RETIRE, entry.alias, partial(draft.retire, entry.alias, force=force)))
    return tuple(steps)


def _bring(draft: Draft, entry: StoredEntry, want: FolderEntry, *, force: bool) -> list[Step]:
    """The steps for an entry that is there: first its name, then its state together with its terms."""
    steps = []
    alias = entry.alias
    if want.alias != alias:
        renamed = _step(
            Move.CHANGE,
            want.alias,
            lambda: draft.adjust(alias, terms_of(entry), new_alias=want.alias, force=force),
            f"{alias} is now named {want.alias}",
        )
        if renamed.refusal is not None:
            return [renamed]
        steps.append(renamed)
    name = want.alias
    if _is_over(draft, want) and entry.state is State.RETIRED:
        pass
    elif want.state is State.RETIRED and (entry.state is not State.RETIRED or want.compromised > entry.revoked):
        steps.append(_step(Move.RETIRE, name, lambda: draft.retire(name, revoked=want.compromised, force=force)))
    elif want.state is State.TRUSTED and entry.state is State.STAGED:
        return [*steps, _step(Move.TRUST, name, lambda: draft.trust(name, terms=want.terms, force=force))]
    elif want.state is State.TRUSTED and entry.state is State.RETIRED:
        return [*steps, _step(Move.RESTORE, name, lambda: draft.restore(name, terms=want.terms, force=force))]
    elif want.state is State.STAGED and entry.state is not State.STAGED:
        sentence = f"{name} is {entry.state} and cannot be staged again: move its file to trusted/ or retired/"
        return [*steps, Step(Move.NONE, name, refusal=Refused(sentence))]
    if want.terms != terms_of(entry):
        change = _step(Move.CHANGE, name, lambda: draft.adjust(name, want.terms, force=force), "other terms")
        steps.append(change)
    return steps


def _add(draft: Draft, want: FolderEntry, purged: Mapping[Thumbprint, datetime], *, force: bool) -> Step:
    gone = purged.get(want.thumbprint)
    state = State.RETIRED if _is_over(draft, want) else want.state
    if gone is not None and state is State.RETIRED:
        remark = f"it was purged on {gone:%Y-%m-%d}: remove its file"
        return Step(Move.NONE, want.alias, (remark,))
    new = NewCertificate(want.alias, want.certificate)
    return _step(
        Move.ADD,
        want.alias,
        lambda: draft.add(new, want.terms, state=want.state, revoked=want.compromised, force=force),
        str(state),
    )


def _is_over(draft: Draft, want: FolderEntry) -> bool:
    """Whether it shall be trusted until an instant that has passed."""
    end = want.terms.trusted_until
    return want.state is State.TRUSTED and end is not None and end <= draft.at


def _step(move: Move, alias: Alias, make: Callable[[], Added | Changed], *remarks: str) -> Step:
    try:
        made = make()
    except (GateClosed, Refused) as refusal:
        return Step(move, alias, remarks, refusal)
    gate = made.gate if isinstance(made, Changed) else ()
    seen = (answer.sentence for answer in gate if answer.sentence)
    return Step(move, alias, (*remarks, *seen, *made.warnings))
