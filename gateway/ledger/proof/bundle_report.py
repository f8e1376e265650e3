"""What the verification of a bundle of evidence found."""

from dataclasses import dataclass
from datetime import datetime

from gateway.ledger.proof.signer_proofs import SignerProof
from gateway.ledger.record import MessageRecord
from keystore.store import HistoryAnchor


@dataclass(frozen=True, slots=True)
class SignedEnd:
    """Where a piece of a chain ends, and who signed that."""

    what: str
    """`event 5 (heartbeat)`, or `head`."""
    writer: str
    sequence: int
    hash: str
    at: datetime
    """By the ledger's clock."""
    instance: str
    public_key: str
    pinned_as: str | None
    """The instance that the pinned key is of, as whoever pinned it says; None where it is only named by the bundle."""


@dataclass(frozen=True, slots=True)
class RecordProof:
    """One record that was asked for."""

    record: MessageRecord
    writer: str
    sequence: int
    hash: str
    signers: tuple[SignerProof, ...]
    end: SignedEnd | None
    """None where nothing that is signed stands behind it."""
    records_between: int
    """Records from it to the end, itself included."""


@dataclass(frozen=True, slots=True)
class BundleReport:
    """A bundle, verified."""

    findings: tuple[str, ...]
    """What does not hold, a sentence each; empty where everything does."""
    proofs: tuple[RecordProof, ...]
    """In the order in which they were asked for."""
    history_end: HistoryAnchor | None
    """The end of the keystore's history in it, to be compared with an anchor from elsewhere."""

    @property
    def holds(self) -> bool:
        """Whether everything holds."""
        return not self.findings
