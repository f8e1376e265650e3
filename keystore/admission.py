"""Whether a certificate should be trusted at all: asked once, before it enters the keystore.

The rules, and why:

- A key that signs no message here (DSA, X25519, an unknown family or curve, RSA below 1024 bits) is refused for good:
  the entry could never verify anything.
- RSA below 2048 bits is admitted with a warning: the default policy rejects it per message, an endpoint may allow it.
- An expired certificate is refused unless forced: it is nearly always the wrong file of two, yet partners that let
  theirs lapse exist, and an endpoint's policy may accept them. One not yet valid gets a warning: adding it early is
  what a renewal asks for.
- A CA certificate (basicConstraints cA, RFC 5280, 4.2.1.9) is refused unless forced, self-signed or not: responses
  are verified with the signer's own certificate, and trusting a CA's key here trusts nothing that the CA issued.
- A keyUsage without digitalSignature and nonRepudiation (RFC 5280, 4.2.1.3) gets a warning: many stacks ignore it.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from keystore.certificate import SIGNING_CURVES, TrustedCertificate
from keystore.certificate_decoding import extensions_of
from keystore.identity import Alias

REFUSED_RSA_BITS = 1024
"""RSA keys below this are refused: 768 bits were factored in 2009."""
WEAK_RSA_BITS = 2048
"""RSA keys below this get a warning (NIST SP 800-131A)."""


class AdmissionCode(StrEnum):
    """One thing that speaks against a certificate."""

    KEY_NOT_USABLE = "key-not-usable"
    RSA_TOO_SHORT = "rsa-too-short"
    CURVE_NOT_ALLOWED = "curve-not-allowed"
    EXPIRED = "expired"
    CA_CERTIFICATE = "ca-certificate"
    WEAK_KEY = "weak-key"
    NOT_YET_VALID = "not-yet-valid"
    NO_SIGNING_USAGE = "no-signing-usage"
    EXTENSIONS_UNREADABLE = "extensions-unreadable"


@dataclass(frozen=True, slots=True)
class Finding:
    """A code for machines and a sentence for people."""

    code: AdmissionCode
    sentence: str
    can_be_forced: bool = False
    """A refusal that an explicit `force` overrides; it then counts as a warning."""


@dataclass(frozen=True, slots=True)
class Admission:
    """What `examine` found."""

    refusals: tuple[Finding, ...]
    warnings: tuple[Finding, ...]

    @property
    def admitted(self) -> bool:
        """Nothing refuses the certificate."""
        return not self.refusals

    def forced(self) -> "Admission":
        """The same with every refusal that may be overridden turned into a warning."""
        kept = tuple(finding for finding in self.refusals if not finding.can_be_forced)
        overridden = tuple(finding for finding in self.refusals if finding.can_be_forced)
        return Admission(kept, overridden + self.warnings)


def examine(certificate: x509.Certificate, at: datetime) -> Admission:
    """What speaks against trusting `certificate` at the instant `at` (with a time zone)."""
    entry = TrustedCertificate(Alias("candidate"), certificate)
    found = [*_key_findings(entry), *_validity_findings(entry, at), *_usage_findings(certificate)]
    return Admission(
        refusals=tuple(finding for finding, refuses in found if refuses),
        warnings=tuple(finding for finding, refuses in found if not refuses),
    )


_Found = list[tuple[Finding, bool]]


def _key_findings(entry: TrustedCertificate) -> _Found:
    key = entry.public_key
    if key is None:
        sentence = (
            "its public key is of a kind that signs no message here: ask the partner for a certificate with an RSA "
            "(2048 bits or more), P-256, P-384, P-521 or Ed25519 key"
        )
        return [(Finding(AdmissionCode.KEY_NOT_USABLE, sentence), True)]
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < REFUSED_RSA_BITS:
        sentence = (
            f"its RSA key has only {key.key_size} bits and can be broken: ask the partner for a key of "
            f"{WEAK_RSA_BITS} bits or more"
        )
        return [(Finding(AdmissionCode.RSA_TOO_SHORT, sentence), True)]
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < WEAK_RSA_BITS:
        sentence = (
            f"weak key: an RSA key of {key.key_size} bits is rejected by the default policy; ask the partner for "
            f"{WEAK_RSA_BITS} bits or more, or lower minimum_rsa_bits for the endpoint"
        )
        return [(Finding(AdmissionCode.WEAK_KEY, sentence), False)]
    if isinstance(key, ec.EllipticCurvePublicKey) and not isinstance(key.curve, SIGNING_CURVES):
        sentence = (
            f"its key is on the curve {key.curve.name}: ask the partner for a key on P-256, P-384 or P-521, or on a "
            "brainpool curve of that size"
        )
        return [(Finding(AdmissionCode.CURVE_NOT_ALLOWED, sentence), True)]
    return []


def _validity_findings(entry: TrustedCertificate, at: datetime) -> _Found:
    if at > entry.not_after:
        sentence = (
            f"it expired on {entry.not_after:%Y-%m-%d}: ask the partner for its successor, or add it all the same with "
            '--force (an endpoint then also needs expired_certificate = "accept")'
        )
        return [(Finding(AdmissionCode.EXPIRED, sentence, can_be_forced=True), True)]
    if at < entry.not_before:
        sentence = (
            f"it is valid only from {entry.not_before:%Y-%m-%d %H:%M} UTC on: until then its signatures are rejected"
        )
        return [(Finding(AdmissionCode.NOT_YET_VALID, sentence), False)]
    return []


def _usage_findings(certificate: x509.Certificate) -> _Found:
    extensions = extensions_of(certificate)
    if extensions is None:
        sentence = "its extensions cannot be read, so nobody can tell what it may be used for: ask the partner about it"
        return [(Finding(AdmissionCode.EXTENSIONS_UNREADABLE, sentence), False)]
    found: _Found = []
    for extension in extensions:
        value = extension.value
        if isinstance(value, x509.BasicConstraints) and value.ca:
            sentence = (
                "it is a CA certificate, and responses are verified with the signer's own certificate: ask the partner "
                "for that one, or add this one all the same with --force"
            )
            found.append((Finding(AdmissionCode.CA_CERTIFICATE, sentence, can_be_forced=True), True))
        elif isinstance(value, x509.KeyUsage) and not (value.digital_signature or value.content_commitment):
            sentence = "its key usage does not include digital signatures: make sure that it is the signing certificate"
            found.append((Finding(AdmissionCode.NO_SIGNING_USAGE, sentence), False))
    return found
