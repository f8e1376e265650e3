"""Taking in a whole key file: what becomes of each certificate in it, and under which name."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from cryptography import x509
from cryptography.x509.oid import NameOID

from keystore.authority import is_authority
from keystore.certificate import State
from keystore.certificate_decoding import subject_of
from keystore.errors import NotAdmitted
from keystore.identity import Alias, Thumbprint
from keystore.reading import ReadCertificate, ReadResult
from keystore.reading.result import alias_from
from keystore.store.draft import Draft
from keystore.store.outcome import NewCertificate
from keystore.store.stored_entry import StoredEntry
from keystore.terms import Terms

_NAMELESS = Alias("certificate")
_LONGEST_STEM = 58
"""Characters of an alias that leave room for a number."""


class Fate(StrEnum):
    """What became of one certificate of a key file."""

    ADDED = "added"
    KEPT = "kept"
    """It was there already, and stays in the state that it has."""
    SKIPPED = "skipped"
    """It is nothing that signs messages: an authority, a secret key, something unreadable."""
    REFUSED = "refused"
    """Something speaks against it."""


@dataclass(frozen=True, slots=True)
class Imported:
    """One certificate, or another part, of a key file."""

    what: str
    """Its subject, or where it stands in the file."""
    fate: Fate
    entry: StoredEntry | None
    """As it is in the keystore; None where it is not there."""
    remarks: tuple[str, ...]
    """Why, and what to know, one sentence each."""


def import_bundle(
    draft: Draft, read: ReadResult, terms: Terms, *, stage: bool = False, force: bool = False
) -> tuple[Imported, ...]:
    """Add every certificate of `read` that may sign messages and is not there yet, in the revision of `draft`.

    Each stands alone: one that is refused takes no other down. The aliases are those of the file made valid, else the
    common names of the subjects, with a number where they are in use. With `force` authorities and expired
    certificates are added as well.
    """
    others = [one.certificate for one in read.certificates]
    imported = [_import(draft, one, others, terms, stage=stage, force=force) for one in read.certificates]
    left_out = (Imported(part.what, Fate.SKIPPED, None, (part.why,)) for part in read.left_out)
    return (*imported, *left_out)


def _import(
    draft: Draft, one: ReadCertificate, others: Sequence[x509.Certificate], terms: Terms, *, stage: bool, force: bool
) -> Imported:
    subject = subject_of(one.certificate)
    what = "(unreadable)" if subject is None else subject.rfc4514_string()
    thumbprint = Thumbprint.of(one.der)
    for entry in draft.entries:
        if entry.thumbprint == thumbprint:
            return Imported(what, Fate.KEPT, entry, (f"It is there already, as {entry.alias}.",))
    if one.in_chain:
        return Imported(what, Fate.SKIPPED, None, ("It stands in the file as an issuer, and signs no message.",))
    if not force and is_authority(one.certificate, others):
        return Imported(
            what, Fate.SKIPPED, None, ("It is a certification authority, and signs no message; --force adds it.",)
        )
    alias = _free_alias(one.suggested_alias or _named_after(subject), {e.alias.lower() for e in draft.entries})
    state = State.STAGED if stage else State.TRUSTED
    try:
        added = draft.add(NewCertificate(alias, one.certificate), terms, state=state, force=force)
    except NotAdmitted as refusal:
        return Imported(what, Fate.REFUSED, None, (str(refusal),))
    return Imported(what, Fate.ADDED, added.entry, added.warnings)


def _named_after(subject: x509.Name | None) -> Alias:
    names = () if subject is None else subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    found = (alias_from(str(name.value)) for name in names)
    return next((alias for alias in found if alias is not None), _NAMELESS)


def _free_alias(wanted: Alias, taken: Collection[str]) -> Alias:
    return next(alias for alias in _spellings(wanted) if alias.lower() not in taken)


def _spellings(wanted: Alias) -> Iterator[Alias]:
    yield wanted
    number = 2
    while True:
        yield Alias(f"{wanted[:_LONGEST_STEM]}-{number}")
        number += 1
