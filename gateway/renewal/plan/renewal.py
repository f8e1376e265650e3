"""A renewal as people planned it, and what they said of it since.

Nothing here was measured. Each word is a *statement* (`gateway.ledger.Statement`): appended, hashed into one chain, and
never changed; a renewal is what its statements add up to.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from keystore import Alias, KeyId, Thumbprint


class StatementKind(StrEnum):
    """What a statement says."""

    STARTED = "started"
    CHANGED = "changed"
    """Of an open renewal: another announced date, further endpoints or contacts, or that it is an emergency now."""
    CONFIRMED = "confirmed"
    REHEARSED = "rehearsed"
    WAIVED = "waived"
    NOTICED = "noticed"
    """A notice to the receiver administrator was written."""
    RETIRED = "retired"
    """An old certificate was retired; holds the retirement certificate."""
    SIGNED_OFF = "signed-off"
    """A sign-off was written."""
    CLOSED = "closed"
    POLICY = "policy"
    """Of no renewal: how long the guaranteed delivery time of an endpoint is, who owns that, and why."""


class Closure(StrEnum):
    """How a renewal ended."""

    FINISHED = "finished"
    """The old certificates are retired."""
    WITHDRAWN = "withdrawn"
    """The new key did not work: it went, and the old one stays."""
    ABANDONED = "abandoned"
    """Nobody follows it any further; the keystore was not changed by that."""


@dataclass(frozen=True, slots=True)
class PlannedCertificate:
    """A certificate of a renewal, in full: it is still told when its entry has been purged."""

    alias: Alias
    thumbprint: Thumbprint
    key_id: KeyId
    subject: str
    issuer: str
    serial: str
    """In hexadecimal, without separators."""
    not_before: datetime
    not_after: datetime
    pem: str


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What a person said of one of the eight steps."""

    step: int
    at: datetime
    by: str
    """Who said it; often not who typed it."""
    who: str
    """Who typed it."""
    note: str = ""
    fingerprint: str = ""
    """SHA-256 of the new certificate as it was read out over the phone, 64 hexadecimal digits; of step 2."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A sample that the receiver signed with its new key, verified before it is sent in earnest."""

    at: datetime
    who: str
    endpoint: str
    file: str
    """Its name, without folders."""
    sha256: str
    accepted: bool
    """With the new certificate trusted, under the endpoint's policy."""
    reason: str
    """Why it would have been rejected; empty where it would not."""
    sentence: str


@dataclass(frozen=True, slots=True)
class Waiver:
    """One cell that need not switch: by name, with a reason, by somebody."""

    at: datetime
    by: str
    who: str
    reason: str
    endpoint: str
    operation: str
    """As in records."""
    server: str = ""
    """Empty: at whichever server."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A message to the receiver administrator that was written."""

    step: int
    at: datetime
    who: str
    sha256: str
    """Of the file, or of what was printed."""


@dataclass(frozen=True, slots=True)
class Closed:
    """The end of a renewal."""

    how: Closure
    at: datetime
    who: str
    reason: str


@dataclass(frozen=True, slots=True)
class SitePolicy:
    """The guaranteed delivery time of an endpoint as a decision of the site."""

    endpoint: str
    guaranteed_delivery_time: timedelta
    owner: str
    reason: str
    at: datetime
    who: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """What its statements add up to, in the order in which they were made."""

    name: str
    started_at: datetime
    """By the ledger's clock, like every `at` here."""
    started_by: str
    reason: str
    endpoints: tuple[str, ...]
    """Sorted; at least one."""
    old: tuple[PlannedCertificate, ...]
    """At least one."""
    new: PlannedCertificate
    announced: datetime | None = None
    """When the receiver administrator said that it would switch."""
    announced_text: str = ""
    """The same as it was given, with its offset from UTC."""
    downtime: bool = False
    """The receiver can hold one key only, and switches in a downtime that was agreed on."""
    compromised: bool = False
    """An emergency: the old key is in wrong hands, and was revoked when that was said."""
    contacts: tuple[str, ...] = ()
    """`NAME <ADDRESS>` of receiver administrators."""
    confirmations: tuple[Confirmation, ...] = ()
    rehearsals: tuple[Rehearsal, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    notices: tuple[Notice, ...] = ()
    retirement_certificates: tuple[str, ...] = ()
    """SHA-256 of each, as it stands in the keystore's history."""
    sign_offs: tuple[str, ...] = ()
    """SHA-256 of each document that was written."""
    closed: Closed | None = None

    @property
    def is_open(self) -> bool:
        """Whether anybody still follows it."""
        return self.closed is None

    @property
    def has_same_key(self) -> bool:
        """Whether it is a renewal in PKIX words: a new certificate over a key that is in use already."""
        return any(old.key_id == self.new.key_id for old in self.old)

    @property
    def keeps_every_key(self) -> bool:
        """Whether no key goes with any of the old certificates, so that nothing has to switch."""
        return all(old.key_id == self.new.key_id for old in self.old)
