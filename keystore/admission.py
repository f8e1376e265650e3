"""Whether a certificate should be trusted at all: asked once, before it enters the keystore.

The rules, and why:

- A key that signs no message here (DSA, X25519, an unknown family or curve, RSA below 1024 bits) is refused for good:
  the entry could never verify anything.
- RSA below 2048 bits is admitted with a warning: the default policy rejects it per message, an endpoint may allow it.
- An expired certificate is refused unless forced: it is nearly always the wrong file of two, yet partners that let
  theirs lapse exist, and an endpoint's policy may accept them. One not yet valid gets a warning: adding it early is
  what a renewal asks for.
- One that expires within 60 days gets a warning: the next renewal is due already, or it is the old one of two.
- A certificate of an authority (`keystore.authority`) is refused unless forced: responses are verified with the
  signer's own certificate, and trusting a CA's key here trusts nothing that the CA issued. A self-signed certificate
  that is only marked as a CA, as OpenSSL does it by default, is a signer's own and gets a warning.
- A keyUsage without digitalSignature and nonRepudiation (RFC 5280, 4.2.1.3) gets a warning: many stacks ignore it.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from keystore.authority import is_authority, is_marked_as_authority
from keystore.certificate import SIGNING_CURVES, TrustedCertificate
from keystore.certificate_decoding import extensions_of
from keystore.identity import Alias

REFUSED_RSA_BITS = 1024
"""RSA keys below this are refused: 768 bits were factored in 2009."""
WEAK_RSA_BITS = 2048
"""RSA keys below this get a warning (NIST SP 800-131A)."""
EXPIRES_SOON = timedelta(days=60)
"""A certificate that expires within this time gets a warning: a renewal takes weeks, and nobody begins one twice."""


class AdmissionCode(StrEnum):
    """One thing that speaks against a certificate."""

    KEY_NOT_USABLE = "key-not-usable"
    RSA_TOO_SHORT = "rsa-too-short"
    CURVE_NOT_ALLOWED = "curve-not-allowed"
    EXPIRED = "expired"
    EXPIRES_SOON = "expires-soon"
    CA_CERTIFICATE = "ca-certificate"
    MARKED_AS_CA = "marked-as-ca"
    WEAK_KEY = "weak-key"
    NOT_YET_VALID = "not-yet-valid"
    NO_SIGNING_USAGE = "no-signing-usage"
    EXTENSIONS_UNREADABLE = "extensions-unreadable"


@dataclass(frozen=True, slots=True)
class Finding:
    """A code for machines and a sentence for people."""

    code: AdmissionCode
    fact: str
    """What is the matter."""
    advice: str = ""
    """What to do about it; empty where the fact says all."""
    can_be_forced: bool = False
    """A refusal that an explicit `force` overrides; it then counts as a warning."""

    @property
    def sentence(self) -> str:
        """The fact and what to do about it, without the full stop."""
        return f"{self.fact}: {self.advice}" if self.advice else self.fact


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
        """The same with every refusal that may be overridden turned into a warning, without the advice against it."""
        kept = tuple(finding for finding in self.refusals if not finding.can_be_forced)
        overridden = tuple(replace(finding, advice="") for finding in self.refusals if finding.can_be_forced)
        return Admission(kept, overridden + self.warnings)


def examine(certificate: x509.Certificate, at: datetime, others: Collection[x509.Certificate] = ()) -> Admission:
    """What speaks against trusting `certificate` at the instant `at` (with a time zone), beside the `others`."""
    entry = TrustedCertificate(Alias("candidate"), certificate)
    found = [
        *_key_findings(entry),
        *_validity_findings(entry, at),
        *_authority_findings(certificate, others),
        *_usage_findings(certificate),
    ]
    return Admission(
        refusals=tuple(finding for finding, refuses in found if refuses),
        warnings=tuple(finding for finding, refuses in found if not refuses),
    )


_Found = list[tuple[Finding, bool]]


def _key_findings(entry: TrustedCertificate) -> _Found:
    key = entry.public_key
    if key is None:
        fact = "its public key is of a kind that signs no message here"
        advice = "ask the partner for a certificate with an RSA (2048 bits or more), P-256, P-384, P-521 or Ed25519 key"
        return [(Finding(AdmissionCode.KEY_NOT_USABLE, fact, advice), True)]
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < REFUSED_RSA_BITS:
        fact = f"its RSA key has only {key.key_size} bits and can be broken"
        advice = f"ask the partner for a key of {WEAK_RSA_BITS} bits or more"
        return [(Finding(AdmissionCode.RSA_TOO_SHORT, fact, advice), True)]
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < WEAK_RSA_BITS:
        fact = f"weak key: an RSA key of {key.key_size} bits is rejected by the default policy"
        advice = f"ask the partner for {WEAK_RSA_BITS} bits or more, or lower minimum_rsa_bits for the endpoint"
        return [(Finding(AdmissionCode.WEAK_KEY, fact, advice), False)]
    if isinstance(key, ec.EllipticCurvePublicKey) and not isinstance(key.curve, SIGNING_CURVES):
        fact = f"its key is on the curve {key.curve.name}"
        advice = "ask the partner for a key on P-256, P-384 or P-521, or on a brainpool curve of that size"
        return [(Finding(AdmissionCode.CURVE_NOT_ALLOWED, fact, advice), True)]
    return []


def _validity_findings(entry: TrustedCertificate, at: datetime) -> _Found:
    if at > entry.not_after:
        fact = f"it expired on {entry.not_after:%Y-%m-%d}"
        advice = (
            "ask the partner for its successor, or use --force if that partner lets its certificates lapse (an "
            'endpoint then also needs expired_certificate = "accept")'
        )
        return [(Finding(AdmissionCode.EXPIRED, fact, advice, can_be_forced=True), True)]
    if at < entry.not_before:
        fact = f"it is valid only from {entry.not_before:%Y-%m-%d %H:%M} UTC on: until then its signatures are rejected"
        return [(Finding(AdmissionCode.NOT_YET_VALID, fact), False)]
    if at + EXPIRES_SOON > entry.not_after:
        days = (entry.not_after - at).days
        when = "within a day" if days == 0 else "in 1 day" if days == 1 else f"in {days} days"
        fact = f"it expires on {entry.not_after:%Y-%m-%d}, {when}"
        advice = "ask the partner whether it is the right one, and when its successor comes"
        return [(Finding(AdmissionCode.EXPIRES_SOON, fact, advice), False)]
    return []


def _authority_findings(certificate: x509.Certificate, others: Collection[x509.Certificate]) -> _Found:
    if is_authority(certificate, others):
        fact = "it is the certificate of an authority, and responses are verified with the signer's own certificate"
        advice = "ask the partner for that one, or use --force if this key signs the responses itself"
        return [(Finding(AdmissionCode.CA_CERTIFICATE, fact, advice, can_be_forced=True), True)]
    if is_marked_as_authority(certificate):
        fact = (
            "it is marked as a CA certificate, as OpenSSL does by default with self-signed ones, and is taken for the "
            "signer's own; what its key issues is not trusted"
        )
        return [(Finding(AdmissionCode.MARKED_AS_CA, fact), False)]
    return []


def _usage_findings(certificate: x509.Certificate) -> _Found:
    extensions = extensions_of(certificate)
    if extensions is None:
        fact = "its extensions cannot be read, so nobody can tell what it may be used for"
        return [(Finding(AdmissionCode.EXTENSIONS_UNREADABLE, fact, "ask the partner about it"), False)]
    usages = [extension.value for extension in extensions if isinstance(extension.value, x509.KeyUsage)]
    if all(usage.digital_signature or usage.content_commitment for usage in usages):
        return []
    fact = "its key usage does not include digital signatures"
    return [(Finding(AdmissionCode.NO_SIGNING_USAGE, fact, "make sure that it is the signing certificate"), False)]
