"""What changes take and give back, and what the history says."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from cryptography import x509

from keystore.hash_chain import Content
from keystore.identity import Alias, Thumbprint
from keystore.store.change_gates import GateAnswer
from keystore.store.stored_entry import StoredEntry


class Action(StrEnum):
    """What a change did to an entry."""

    ADDED = "added"
    STAGED = "staged"
    TRUSTED = "trusted"
    RETIRED = "retired"
    REVOKED = "revoked"
    RESTORED = "restored"
    CHANGED = "changed"
    """Its name or its terms, not its state."""
    PURGED = "purged"


@dataclass(frozen=True, slots=True)
class NewCertificate:
    """A certificate to be added, and the alias that it shall have."""

    alias: str
    certificate: x509.Certificate


@dataclass(frozen=True, slots=True)
class Added:
    """A certificate that was added."""

    entry: StoredEntry
    revision: int
    warnings: tuple[str, ...]
    """What the administrator should know, one sentence each."""


@dataclass(frozen=True, slots=True)
class Changed:
    """An entry whose state was changed."""

    entry: StoredEntry
    revision: int
    warnings: tuple[str, ...]
    """What the administrator should know, one sentence each."""
    still_trusted_through: tuple[Alias, ...] = ()
    """Entries over the same public key that stay trusted: signatures of that key go on being accepted."""
    gate: tuple[GateAnswer, ...] = ()
    """What the gates answered; empty where none was asked."""


@dataclass(frozen=True, slots=True)
class HistoryItem:
    """What one revision did to one entry."""

    revision: int
    time: datetime
    who: str
    why: str
    action: Action
    alias: Alias
    thumbprint: Thumbprint
    entry: StoredEntry
    """The entry as it was after the change."""
    overrode: str = ""
    """What spoke against the change and was overridden by force; empty where nothing did."""
    gate: str = ""
    """What the gates answered (`keystore.store.change_gates.gate_text`); empty where none was asked."""
    hash: str | None = None
    """The hash of the revision; None where it is gone."""
    hashed_revision: Content = field(default_factory=dict)
    """The row of the revision, as it is hashed."""
    hashed_change: Content = field(default_factory=dict)
    """The row of this change, as it is hashed."""


@dataclass(frozen=True, slots=True)
class PastRevision:
    """One revision, read back."""

    number: int
    """0 is the empty keystore, before the first change."""
    time: datetime | None
    """When it was made, and by whom and why; None and empty for revision 0."""
    who: str
    why: str
    entries: tuple[StoredEntry, ...]
    """The entries as they were, those purged by then left out."""
