"""The certificates that a captured message carries, and what the message proves about them."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from gateway.replay.run import replay_file
from gateway.replay.verification_instant import Instant
from gateway.verify import MAX_SIGNATURES, EmbeddedCertificate, Policy, Verdict, Verifier
from keystore import TrustedCertificate, TrustSnapshot


@dataclass(frozen=True, slots=True)
class EmbeddedCertificates:
    """What a message brought along."""

    certificates: tuple[EmbeddedCertificate, ...]
    """The signers' certificates, each once: of a path the one that made the signature. Empty where there is none."""
    verdict: Verdict
    """What the verification would say of the message, if all of them were trusted."""
    instant: Instant


def embedded_certificates(
    file: Path, policy: Policy, *, at: datetime | None = None, content_type: str | None = None
) -> EmbeddedCertificates:
    """Look for certificates in the message captured in `file`, a bare body or a complete HTTP response.

    Nothing is trusted to begin with, so that what the message says of itself is all there is to go by.

    Raises:
        CaptureUnreadable: `file` cannot be read, or holds a broken HTTP response.
    """
    verifier = Verifier(policy, fast_path=False)
    found: dict[str, EmbeddedCertificate] = {}
    trusted: list[TrustedCertificate] = []
    while True:
        replayed = replay_file(file, TrustSnapshot.of(*trusted), verifier, at=at, content_type=content_type)
        embedded = replayed.verdict.embedded
        # A verdict names one unknown signer; with that one trusted, the next signature's is named.
        if embedded is None or embedded.thumbprint in found or len(found) == MAX_SIGNATURES:
            return EmbeddedCertificates(tuple(found.values()), replayed.verdict, replayed.instant)
        found[embedded.thumbprint] = embedded
        trusted.append(TrustedCertificate.from_der(f"carried-{len(found)}", embedded.der))
