"""What each kind of change does to the entries, inside an open revision."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from keystore.admission import examine
from keystore.certificate import State, TrustedCertificate
from keystore.errors import (
    AliasInUse,
    AlreadyThere,
    GateClosed,
    NotAdmitted,
    Refused,
    StateUnchanged,
    UnknownAlias,
)
from keystore.identity import Alias, Thumbprint
from keystore.store.change_gates import GateAnswer, blockers_of
from keystore.store.outcome import Action, Added, Changed
from keystore.store.revision import Revision
from keystore.store.stored_entry import StoredEntry

_ADDED_AS = {State.STAGED: Action.STAGED, State.TRUSTED: Action.ADDED, State.RETIRED: Action.RETIRED}
_NAMES_SHOWN = 10
"""How many aliases a message lists."""


def add_entry(revision: Revision, present: Sequence[StoredEntry], new: TrustedCertificate, *, force: bool) -> Added:
    """Add `new` beside the entries `present`, in the state that it has.

    Raises:
        AliasInUse: One of them has its alias.
        AlreadyThere: One of them is the same certificate.
        NotAdmitted: The certificate itself speaks against it; of one that is retired already nothing does.
        Refused: It would replace itself, directly or by way of others.
    """
    for entry in present:
        if entry.thumbprint == new.thumbprint:
            raise AlreadyThere(_already_there(entry, new.endpoints, revision.at))
    _refuse_alias_in_use(present, new.alias)
    _refuse_circle(present, new.alias, new.thumbprint, new.replaces)
    action = Action.REVOKED if new.revoked else _ADDED_AS[new.state]
    noted = replace(new, note=revision.note(str(action)))
    admitted = _NOTHING if new.state is State.RETIRED else _admit(noted, present, revision.at, force=force)
    warnings = admitted.warnings + _shared_key_warning(new, present, revision.at)
    entry = StoredEntry.of_certificate(noted, at=revision.at, who=revision.who)
    return Added(revision.add(entry, action, admitted.overrode), revision.number, warnings)


def trust_entry(
    revision: Revision, present: Sequence[StoredEntry], entry: StoredEntry, action: Action, *, force: bool
) -> Changed:
    """Make `entry` trusted. One that was revoked is trusted again only by force, which is for the caller to ask.

    Raises:
        NotAdmitted: The certificate itself speaks against it, or is damaged.
        Refused: The end of its trust has passed.
    """
    if entry.trusted_until is not None and entry.trusted_until <= revision.at:
        raise Refused(
            f"{entry.alias} is not trusted: its trust was to end at {entry.trusted_until:%Y-%m-%d %H:%M:%S}Z; take "
            f"that away first: keystore set {entry.alias} --until never"
        )
    withdrawn = ("it was revoked because its key is compromised",) if entry.revoked else ()
    made = replace(entry, state=State.TRUSTED, revoked=False, note=revision.note(str(action)))
    trusted = made.trusted()
    if trusted is None:
        raise NotAdmitted(f"{entry.alias} cannot be trusted: {entry.problem}")
    others = [other for other in present if other.id != entry.id]
    admitted = _admit(trusted, others, revision.at, force=force)
    overrode = (*withdrawn, *admitted.overrode)
    warnings = admitted.warnings + _shared_key_warning(trusted, others, revision.at)
    return Changed(revision.change(made, action, overrode), revision.number, warnings)


def retire_entry(
    revision: Revision,
    present: Sequence[StoredEntry],
    entry: StoredEntry,
    *,
    revoked: bool,
    gate: tuple[GateAnswer, ...],
    force: bool,
) -> Changed:
    """Retire `entry`, and say what stays trusted. A key in wrong hands does not wait for a gate.

    Raises:
        GateClosed: There are blockers in `gate`, and neither `force` nor `revoked`.
    """
    overrode = _pass(f"{entry.alias} is not retired", gate, force=force or revoked)
    action = Action.REVOKED if revoked else Action.RETIRED
    changed = revision.change(
        replace(entry, state=State.RETIRED, revoked=revoked, note=revision.note(str(action))), action, overrode, gate
    )
    left = [other for other in present if other.id != entry.id and other.state_at(revision.at) is State.TRUSTED]
    through = tuple(other.alias for other in left if other.key_id == entry.key_id)
    warnings = [f"overridden: {sentence}" for sentence in overrode]
    if through and revoked:
        warnings.append(
            f"the same public key is in {', '.join(through)}: a compromised key is accepted through no certificate, "
            "so nothing that it signed passes any more"
        )
    elif through:
        warnings.append(
            f"the same public key stays trusted through {', '.join(through)}: signatures of it are still accepted"
        )
    if not left:
        warnings.append("no trusted certificate is left: every message will be rejected")
    return Changed(changed, revision.number, tuple(warnings), () if revoked else through, gate)


def purge_entry(revision: Revision, entry: StoredEntry, *, gate: tuple[GateAnswer, ...], force: bool) -> Changed:
    """Take the certificate of `entry` out of the keystore; its history stays.

    Raises:
        StateUnchanged: It is not retired.
        GateClosed: There are blockers in `gate`, and no `force`.
    """
    state = entry.state_at(revision.at)
    if state is not State.RETIRED:
        raise StateUnchanged(f"{entry.alias} is {state} and cannot be purged: retire it first")
    if entry.revoked:
        raise StateUnchanged(
            f"{entry.alias} cannot be purged: its key is compromised, and no other certificate makes it good again "
            "only as long as the keystore knows it"
        )
    overrode = _pass(f"{entry.alias} is not purged", gate, force=force)
    made = replace(
        entry, state=State.PURGED, der=None, certificate=None, problem=None, note=revision.note(str(Action.PURGED))
    )
    changed = revision.change(made, Action.PURGED, overrode, gate)
    return Changed(changed, revision.number, tuple(f"overridden: {sentence}" for sentence in overrode), gate=gate)


def adjust_entry(
    revision: Revision,
    present: Sequence[StoredEntry],
    entry: StoredEntry,
    made: StoredEntry,
    *,
    gate: tuple[GateAnswer, ...],
    force: bool,
) -> Changed:
    """Write `made`, which is `entry` with another name or other terms; an end of its trust that is due retires it.

    Raises:
        AliasInUse: Another entry has the new name.
        StateUnchanged: It is the same.
        GateClosed: There are blockers in `gate`, and no `force`.
        Refused: It would replace itself, directly or by way of others.
    """
    if made == entry:
        raise StateUnchanged(f"{entry.alias} is so already: nothing to do")
    others = [other for other in present if other.id != entry.id]
    _refuse_alias_in_use(others, made.alias)
    _refuse_circle(others, made.alias, made.thumbprint, made.replaces)
    if made.trusted_until != entry.trusted_until and made.end_is_due(revision.at):
        return retire_entry(revision, present, made, revoked=False, gate=gate, force=force)
    overrode = _pass(f"{entry.alias} is not changed", gate, force=force)
    warnings = [f"overridden: {sentence}" for sentence in overrode]
    if made.state is not State.RETIRED and made.trusted_until is not None and made.trusted_until > revision.at:
        warnings.append(end_sentence(made.trusted_until))
    changed = revision.change(made, Action.CHANGED, overrode, gate)
    return Changed(changed, revision.number, tuple(warnings), gate=gate)


def end_sentence(end: datetime) -> str:
    """What becomes of an end of trust that is scheduled."""
    return (
        f"a gateway ends its trust at {end:%Y-%m-%d %H:%M:%S}Z if that is safe then; else the trust goes on, and an "
        "alarm is raised"
    )


def _pass(what: str, gate: Sequence[GateAnswer], *, force: bool) -> tuple[str, ...]:
    """The sentences that are overridden.

    Raises:
        GateClosed: There are some, and no `force`.
    """
    blockers = blockers_of(gate)
    if blockers and not force:
        raise GateClosed(what, blockers)
    return tuple(blocker.sentence for blocker in blockers)


def _refuse_alias_in_use(present: Iterable[StoredEntry], alias: str) -> None:
    for entry in present:
        if entry.alias.lower() == alias.lower():
            raise AliasInUse(
                f"the alias {entry.alias} is in use for another certificate (SHA-256 {entry.thumbprint[:16]}…): "
                "choose another alias"
            )


def _refuse_circle(
    present: Iterable[StoredEntry], alias: str, thumbprint: Thumbprint, replaces: Iterable[Thumbprint]
) -> None:
    """Refuse a successor of itself: then nobody could tell which of the two is the new one."""
    known = {entry.thumbprint: entry for entry in present}
    left: list[tuple[Thumbprint, tuple[Alias, ...]]] = [(old, ()) for old in replaces]
    seen: set[Thumbprint] = set()
    while left:
        old, way = left.pop()
        if old == thumbprint and not way:
            raise Refused(f"{alias} cannot replace itself: name the entry whose successor it is")
        if old == thumbprint:
            raise Refused(
                f"{alias} cannot replace {way[0]}, which replaces {' and so '.join([*way[1:], alias])} itself: "
                f"take that back first: keystore set {way[-1]} --no-replaces"
            )
        if old in known and old not in seen:
            seen.add(old)
            left += [(older, (*way, known[old].alias)) for older in known[old].replaces]


def _already_there(entry: StoredEntry, wanted: frozenset[str] | None, at: datetime) -> str:
    state = entry.state_at(at)
    is_narrower = entry.endpoints is not None and (wanted is None or not wanted <= entry.endpoints)
    if state is not State.RETIRED and entry.endpoints is not None and is_narrower:
        widen = "--all-endpoints"
        if wanted is not None:
            widen = " ".join(f"--endpoint {name}" for name in sorted(entry.endpoints | wanted))
        return (
            f"this certificate is in the keystore already, as {entry.alias} ({state}), for "
            f"{', '.join(sorted(entry.endpoints))} alone: keystore set {entry.alias} {widen} lets it count for more"
        )
    advice = {
        State.STAGED: "trust it instead of adding it",
        State.RETIRED: "restore it if it shall be trusted again",
    }.get(state, "nothing to do")
    return f"this certificate is in the keystore already, as {entry.alias} ({state}): {advice}"


def find(present: Sequence[StoredEntry], alias: str) -> StoredEntry:
    """The entry of that name, to be changed.

    Raises:
        UnknownAlias: There is none.
        StateUnchanged: Its row is damaged and cannot be written again.
    """
    entry = named(present, alias)
    if entry.der is None:
        raise StateUnchanged(f"{entry.alias} cannot be changed: {entry.problem}")
    return entry


def named(present: Sequence[StoredEntry], alias: str) -> StoredEntry:
    """The entry of that name, in whatever case it is spelled.

    Raises:
        UnknownAlias: There is none; the message names those that there are.
    """
    for entry in present:
        if entry.alias.lower() == alias.lower():
            return entry
    known = ", ".join(entry.alias for entry in present[:_NAMES_SHOWN]) or "none yet"
    more = f" and {len(present) - _NAMES_SHOWN} more" if len(present) > _NAMES_SHOWN else ""
    raise UnknownAlias(f"there is no entry {alias!r} in the keystore; there are: {known}{more}")


class _Admitted(NamedTuple):
    warnings: tuple[str, ...] = ()
    overrode: tuple[str, ...] = ()
    """Those of the warnings that would have been refusals without force."""


_NOTHING = _Admitted()


def _admit(entry: TrustedCertificate, others: Sequence[StoredEntry], at: datetime, *, force: bool) -> _Admitted:
    """What is to be said of the certificate of `entry`, which comes beside `others`.

    Raises:
        NotAdmitted: Something speaks against it that `force` does not override, or `force` is not set.
    """
    withdrawn = [other.alias for other in others if other.revoked and other.key_id == entry.key_id]
    if withdrawn:
        raise NotAdmitted(
            f"{entry.alias} is not admitted: its public key was withdrawn as compromised with {withdrawn[0]}, and no "
            "other certificate makes it good again; ask the partner for a new key"
        )
    beside = [other.certificate for other in others if other.certificate is not None]
    found = examine(entry.certificate, at, beside)
    admission = found.forced() if force else found
    if not admission.admitted:
        reasons = "; ".join(finding.sentence for finding in admission.refusals)
        raise NotAdmitted(f"{entry.alias} is not admitted: {reasons}")
    return _Admitted(
        tuple(finding.sentence for finding in admission.warnings),
        tuple(finding.fact for finding in found.refusals),
    )


def _shared_key_warning(entry: TrustedCertificate, others: Iterable[StoredEntry], at: datetime) -> tuple[str, ...]:
    """What to know where another entry holds the same public key: every message will then name both."""
    sharing = [(other.alias, other.state_at(at)) for other in others if other.key_id == entry.key_id]
    if not sharing:
        return ()
    named = ", ".join(f"{alias} ({state})" for alias, state in sharing)
    warning = f"it has the same public key as {named}: a renewed certificate, not a new key; messages will name both"
    if entry.state is State.RETIRED or any(state is State.TRUSTED for _, state in sharing):
        return (warning,)
    retired = ", ".join(alias for alias, state in sharing if state is State.RETIRED)
    if not retired:
        return (warning,)
    begins = "are accepted again" if entry.state is State.TRUSTED else "will be accepted again as soon as it is trusted"
    return (warning, f"the key of {retired} was retired: signatures of it {begins}")
