"""Making the keystore what a folder says: the folder is the truth, and its changes pass the gates as all others do."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import partial

from keystore.certificate import State
from keystore.errors import GateClosed, Refused, UnknownAlias
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
    before: FolderEntry | None = None
    """The entry as it is; None where it is not there, or its certificate cannot be read."""
    after: FolderEntry | None = None
    """As it is after the step; of a refused one, as it was to be."""
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
    draft: Draft,
    wanted: Sequence[FolderEntry],
    purged: Mapping[Thumbprint, datetime],
    *,
    force: Collection[str] = (),
) -> tuple[Step, ...]:
    """Bring the entries of `draft` to what `wanted` says; an entry that is not there is retired.

    A step that is refused is left out, and says why; whether the others shall then be kept is for the caller to decide.
    What was retired and is not in the folder stays as it is, and nothing is ever purged. What is in trusted/, with an
    end that has passed and was carried out, is what the folder wants.

    Args:
        draft: The revision that the steps go into.
        wanted: Every entry that there shall be.
        purged: When each certificate that is gone was purged, as `KeystoreStore.purged` tells.
        force: The aliases, in the folder or in the keystore, for which to override what can be overridden; for no
            other.

    Raises:
        UnknownAlias: One of those has an entry neither here nor there.
    """
    forced = _forced(force, [*(entry.alias for entry in draft.entries), *(want.alias for want in wanted)])
    steps: list[Step] = []
    by_thumbprint = {entry.thumbprint: entry for entry in draft.entries}
    meant = {want.thumbprint for want in wanted}
    known = [(by_thumbprint[want.thumbprint], want) for want in wanted if want.thumbprint in by_thumbprint]
    # Trust is given before it is taken away: what is retired then sees its successor.
    for entry, want in known:
        if want.state is not State.RETIRED or entry.state is State.RETIRED:
            steps += _bring(draft, entry, want, force=_is_forced(forced, entry, want))
    for want in wanted:
        if want.thumbprint not in by_thumbprint:
            steps.append(_add(draft, want, purged, force=want.alias.lower() in forced))
    for entry, want in known:
        if want.state is State.RETIRED and entry.state is not State.RETIRED:
            steps += _bring(draft, entry, want, force=_is_forced(forced, entry, want))
    for entry in by_thumbprint.values():
        if entry.thumbprint not in meant and entry.state is not State.RETIRED:
            steps.append(_drop(draft, entry, force=entry.alias.lower() in forced))
    return tuple(steps)


def _forced(force: Collection[str], known: Sequence[Alias]) -> frozenset[str]:
    names = {alias.lower() for alias in known}
    for alias in force:
        if alias.lower() not in names:
            raise UnknownAlias(
                f"there is no entry {alias!r} in the folder or in the keystore: name one of those that are to be forced"
            )
    return frozenset(alias.lower() for alias in force)


def _is_forced(forced: frozenset[str], entry: StoredEntry, want: FolderEntry) -> bool:
    return not forced.isdisjoint((entry.alias.lower(), want.alias.lower()))


def _drop(draft: Draft, entry: StoredEntry, *, force: bool) -> Step:
    """Retire an entry whose file is gone."""
    before = folder_entry(entry)
    after = None if before is None else replace(before, state=State.RETIRED)
    return _step(Move.RETIRE, before, after, entry.alias, lambda: draft.retire(entry.alias, force=force))


def _bring(draft: Draft, entry: StoredEntry, want: FolderEntry, *, force: bool) -> list[Step]:
    """The steps for an entry that is there: first its name, then its state together with its terms."""
    steps = []
    before = folder_entry(entry)
    if want.alias != entry.alias:
        renamed = _step(
            Move.CHANGE,
            before,
            None if before is None else replace(before, alias=want.alias),
            want.alias,
            lambda: draft.adjust(entry.alias, terms_of(entry), new_alias=want.alias, force=force),
            f"{entry.alias} is now named {want.alias}",
        )
        steps.append(renamed)
        if renamed.refusal is not None:
            return steps
        before = renamed.after
    name = want.alias
    if _is_over(draft, want) and entry.state is State.RETIRED:
        pass
    elif want.state is State.RETIRED and (entry.state is not State.RETIRED or want.compromised > entry.revoked):
        retired = None if before is None else replace(before, state=State.RETIRED, compromised=want.compromised)
        made = _step(
            Move.RETIRE, before, retired, name, lambda: draft.retire(name, revoked=want.compromised, force=force)
        )
        steps.append(made)
        before = made.after
    elif want.state is State.TRUSTED and entry.state is State.STAGED:
        trust = partial(draft.trust, name, terms=want.terms, force=force)
        return [*steps, _step(Move.TRUST, before, want, name, trust)]
    elif want.state is State.TRUSTED and entry.state is State.RETIRED:
        restore = partial(draft.restore, name, terms=want.terms, force=force)
        return [*steps, _step(Move.RESTORE, before, want, name, restore)]
    elif want.state is State.STAGED and entry.state is not State.STAGED:
        sentence = f"{name} is {entry.state} and cannot be staged again: move its file to trusted/ or retired/"
        return [*steps, Step(Move.NONE, name, before, want, refusal=Refused(sentence))]
    if want.terms != terms_of(entry):
        after = None if before is None else replace(before, terms=want.terms)
        steps.append(
            _step(Move.CHANGE, before, after, name, lambda: draft.adjust(name, want.terms, force=force), "other terms")
        )
    return steps


def _add(draft: Draft, want: FolderEntry, purged: Mapping[Thumbprint, datetime], *, force: bool) -> Step:
    gone = purged.get(want.thumbprint)
    state = State.RETIRED if _is_over(draft, want) else want.state
    if gone is not None and state is State.RETIRED:
        remark = f"it was purged on {gone:%Y-%m-%d}: remove its file"
        return Step(Move.NONE, want.alias, None, want, (remark,))
    new = NewCertificate(want.alias, want.certificate)
    add = partial(draft.add, new, want.terms, state=want.state, revoked=want.compromised, force=force)
    return _step(Move.ADD, None, replace(want, state=state), want.alias, add, str(state))


def _is_over(draft: Draft, want: FolderEntry) -> bool:
    """Whether it shall be trusted until an instant that has passed."""
    end = want.terms.trusted_until
    return want.state is State.TRUSTED and end is not None and end <= draft.at


def _step(
    move: Move,
    before: FolderEntry | None,
    after: FolderEntry | None,
    alias: Alias,
    make: Callable[[], Added | Changed],
    *remarks: str,
) -> Step:
    try:
        made = make()
    except (GateClosed, Refused) as refusal:
        return Step(move, alias, before, after, remarks, refusal)
    gate = made.gate if isinstance(made, Changed) else ()
    seen = (answer.sentence for answer in gate if answer.sentence)
    return Step(move, alias, before, folder_entry(made.entry), (*remarks, *seen, *made.warnings))
