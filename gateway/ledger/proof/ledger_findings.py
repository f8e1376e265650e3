"""What the verification of the ledger finds: of each writer's chains, and of what belongs to no chain."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gateway.ledger.proof.chain import Link
from keystore.store import HistoryAnchor


class ChainState(StrEnum):
    """What the verification of a chain, or of something beside the chains, found."""

    INTACT = "intact"
    ALTERED = "altered"
    """Something is not what was written: it does not match its hash, does not continue what is before it, differs from
    an anchor, or from what it was counted from."""
    MISSING = "missing"
    """What was written is gone from the beginning or the middle, and was not pruned."""
    TRUNCATED = "truncated"
    """What was written last is gone."""
    FOREIGN = "foreign"
    """Nothing shows that a gateway wrote it: no event introduces its writer, or no key that is known signed it."""


class Signing(StrEnum):
    """By whom the end of a writer's chains is signed."""

    PINNED = "pinned"
    """By a key that the verifier was given from elsewhere."""
    NAMED = "named"
    """By the key that the database itself names."""
    UNSIGNED = "unsigned"
    EARLIER = "earlier"
    """The chain is from before there were events and signatures."""


class Refuted(Exception):  # noqa: N818 - not an error: what the verification is there to find
    """The first thing that is wrong with a writer's chains."""

    def __init__(
        self, state: ChainState, sequence: int, detail: str, record_id: str | None = None, *, event: int | None = None
    ) -> None:
        """Hold the finding, at the place `sequence` among the records or at the event of this number."""
        super().__init__(detail)
        self.state, self.sequence, self.detail, self.record_id, self.event = state, sequence, detail, record_id, event


@dataclass(frozen=True, slots=True)
class ChainReport:
    """One writer's chains, of records and of events, verified."""

    writer: str
    instance: str
    """Which gateway wrote it; empty where only an anchor knows of the chain."""
    state: ChainState
    rows: int
    """Records that were found good, up to the first finding."""
    sequence: int | None
    """Where the first finding is among the records; None in an intact chain."""
    record_id: str | None
    """The record that is altered, or the first one behind the gap; None where there is none."""
    detail: str
    """The finding, or what rests on what, in half a sentence."""
    pruned: int
    """Records that were pruned before the first one that is left."""
    pruned_until: datetime | None
    """The instant of the last one pruned; None where none was."""
    end: Link
    """The last record that is good; the end of the chain where it is intact."""
    keystore_revision: int
    """The highest revision of the keystore that a record or event that was found good tells of; 0 without any."""
    relied_on: frozenset[tuple[int, str]] = frozenset()
    """By the records that were found good: thumbprints that verified a message, each with the keystore's revision."""
    events: int = 0
    """Events that were found good."""
    event: int | None = None
    """The number of the event at which the first finding is; None where it is not about an event."""
    signing: Signing = Signing.UNSIGNED
    public_key: str = ""
    """What signs the chain as it says itself: base64 of the raw Ed25519 key; empty where nothing does."""

    @property
    def is_intact(self) -> bool:
        """Whether nothing was found."""
        return self.state is ChainState.INTACT


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong beside the chains."""

    about: str
    """What kind of thing: roll-up, checkpoint, trigger, signing key."""
    state: ChainState
    detail: str
    """The finding, naming the thing."""


@dataclass(frozen=True, slots=True)
class LedgerReport:
    """The whole ledger, verified."""

    chains: Sequence[ChainReport]
    findings: Sequence[Finding]
    unproven: Sequence[str]
    """What could not be held against anything, in half a sentence each."""
    keystore_ends: Sequence[HistoryAnchor] = ()
    """Where the keystore's history ended by events that were found good: anchors for its own verification."""

    @property
    def is_intact(self) -> bool:
        """Whether nothing was found."""
        return not self.findings and all(report.is_intact for report in self.chains)

    def signed_by(self, signing: Signing) -> int:
        """How many chains end in a signature of that kind."""
        return sum(report.signing is signing for report in self.chains)
