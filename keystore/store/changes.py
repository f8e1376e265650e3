"""What each kind of change does to the entries, inside an open revision."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from keystore.admission import examine
from keystore.certificate import State, TrustedCertificate
from keystore.errors import AliasInUse, AlreadyThere, NotAdmitted, StateUnchanged, UnknownAlias
from keystore.store.entry import StoredEntry
from keystore.store.outcome import Action, Added, Changed
from keystore.store.revision import Revision

_NAMES_SHOWN = 10
"""How many aliases a message lists."""


def add_entry(revision: Revision, present: Sequence[StoredEntry], new: TrustedCertificate, *, force: bool) -> Added:
    """Add `new` beside the entries `present`.

    Raises:
        AliasInUse: One of them has its alias.
        AlreadyThere: One of them is the same certificate.
        NotAdmitted: The certificate itself speaks against it.
    """
    for entry in present:
        if entry.thumbprint == new.thumbprint:
            raise AlreadyThere(_already_there(entry, revision.at))
    for entry in present:
        if entry.alias.lower() == new.alias.lower():
            raise AliasInUse(
                f"the alias {entry.alias} is in use for another certificate (SHA-256 {entry.thumbprint[:16]}…): "
                "choose another alias"
            )
    warnings = _admit(new, revision.at, force=force) + _shared_key_warning(new, present, revision.at)
    noted = replace(new, note=revision.note("staged" if new.state is State.STAGED else "added"))
    stored = revision.add(
        StoredEntry.of_certificate(noted, at=revision.at, who=revision.who),
        Action.STAGED if new.state is State.STAGED else Action.ADDED,
    )
    return Added(stored, revision.number, warnings)


def trust_entry(
    revision: Revision, present: Sequence[StoredEntry], entry: StoredEntry, action: Action, *, force: bool
) -> Changed:
    """Make `entry` trusted.

    Raises:
        NotAdmitted: The certificate itself speaks against it, or is damaged.
    """
    made = replace(entry, state=State.TRUSTED, note=revision.note(str(action)))
    trusted = made.trusted()
    if trusted is None:
        raise NotAdmitted(f"{entry.alias} cannot be trusted: {entry.problem}")
    others = [other for other in present if other.id != entry.id]
    warnings = _admit(trusted, revision.at, force=force) + _shared_key_warning(trusted, others, revision.at)
    return Changed(revision.change(made, action), revision.number, warnings)


def retire_entry(revision: Revision, present: Sequence[StoredEntry], entry: StoredEntry, *, revoked: bool) -> Changed:
    """Retire `entry`, and say what stays trusted."""
    action = Action.REVOKED if revoked else Action.RETIRED
    changed = revision.change(
        replace(entry, state=State.RETIRED, revoked=revoked, note=revision.note(str(action))), action
    )
    left = [other for other in present if other.id != entry.id and other.state_at(revision.at) is State.TRUSTED]
    through = tuple(other.alias for other in left if other.key_id == entry.key_id)
    warnings = []
    if through:
        warnings.append(
            f"the same public key stays trusted through {', '.join(through)}: signatures of it are still accepted"
        )
    if not left:
        warnings.append("no trusted certificate is left: every message will be rejected")
    return Changed(changed, revision.number, tuple(warnings), through)


def _already_there(entry: StoredEntry, at: datetime) -> str:
    state = entry.state_at(at)
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


def _admit(entry: TrustedCertificate, at: datetime, *, force: bool) -> tuple[str, ...]:
    """The warnings about the certificate of `entry`.

    Raises:
        NotAdmitted: Something speaks against it that `force` does not override, or `force` is not set.
    """
    admission = examine(entry.certificate, at)
    if force:
        admission = admission.forced()
    if not admission.admitted:
        reasons = "; ".join(finding.sentence for finding in admission.refusals)
        raise NotAdmitted(f"{entry.alias} is not admitted: {reasons}")
    return tuple(finding.sentence for finding in admission.warnings)


def _shared_key_warning(entry: TrustedCertificate, others: Iterable[StoredEntry], at: datetime) -> tuple[str, ...]:
    """What to know where another entry holds the same public key: every message will then name both."""
    sharing = ", ".join(f"{other.alias} ({other.state_at(at)})" for other in others if other.key_id == entry.key_id)
    if not sharing:
        return ()
    return (f"it has the same public key as {sharing}: a renewed certificate, not a new key; messages will name both",)
