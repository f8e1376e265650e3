"""One entry of the keystore as the verifier sees it: a certificate under an alias, with its state."""

import hashlib
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding

from keystore.certificate_decoding import extensions_of, issuer_of, load_certificate, subject_of, without_warnings
from keystore.distinguished_names import distinguished_name_matches
from keystore.errors import UnreadableKeyFile
from keystore.hint import KeyHint
from keystore.identity import Alias, KeyId, Thumbprint

SigningKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey
SIGNING_CURVES = (
    ec.SECP256R1,
    ec.SECP384R1,
    ec.SECP521R1,
    ec.BrainpoolP256R1,
    ec.BrainpoolP384R1,
    ec.BrainpoolP512R1,
)
"""The curves whose keys are trusted: those of NIST (FIPS 186-5), and those of Brainpool, as strong (RFC 5639)."""


class State(StrEnum):
    """How far an entry is trusted."""

    STAGED = "staged"
    """Known, not trusted yet: what signs with it switched too early."""
    TRUSTED = "trusted"
    RETIRED = "retired"
    """Not trusted any more, still recognised."""
    PURGED = "purged"
    """The certificate is gone; the history stays."""


@dataclass(frozen=True)
class TrustedCertificate:
    """A certificate under an alias. Despite the name, only the state `trusted` grants trust.

    Equality is by value; everything else is derived from `certificate` once and kept.
    """

    alias: Alias
    certificate: x509.Certificate = field(repr=False)
    state: State = State.TRUSTED
    endpoints: frozenset[str] | None = None
    """Names of the endpoints that it is meant for; None means every endpoint."""
    trusted_from: datetime | None = None
    """Before this instant the entry counts as staged."""
    trusted_until: datetime | None = None
    """From this instant on the entry counts as retired, by itself: of an entry of the keystore's store only an end from
    before its schema 0005 does."""
    revoked: bool = False
    """It was withdrawn because the key is compromised; the diagnosis then says so."""
    note: str = ""
    """For people: when and by whom it was retired, for instance. Shown in a diagnosis."""
    replaces: tuple[Thumbprint, ...] = ()
    """The certificates whose successor it was declared to be, sorted. Nothing is ever derived from dates or names."""

    @classmethod
    def from_pem(cls, alias: str, pem: bytes | str) -> Self:
        """Make a trusted entry from the first certificate in `pem`.

        Raises:
            AliasInvalid: `alias` is no plain name.
            UnreadableKeyFile: `pem` holds no readable certificate.
        """
        try:
            with without_warnings():
                certificate = x509.load_pem_x509_certificate(pem.encode() if isinstance(pem, str) else pem)
        except (ValueError, x509.InvalidVersion) as error:
            raise UnreadableKeyFile(f"no PEM certificate can be read for {alias}: {error}") from error
        return cls(Alias(alias), certificate)

    @classmethod
    def from_der(cls, alias: str, der: bytes) -> Self:
        """Make a trusted entry from the certificate encoded in `der`.

        Raises:
            AliasInvalid: `alias` is no plain name.
            UnreadableKeyFile: `der` is no readable certificate.
        """
        try:
            certificate = load_certificate(der)
        except ValueError as error:
            raise UnreadableKeyFile(f"no DER certificate can be read for {alias}: {error}") from error
        return cls(Alias(alias), certificate)

    def with_state(self, state: State) -> Self:
        """The same entry in another state."""
        return replace(self, state=state)

    @cached_property
    def der(self) -> bytes:
        """The certificate in DER."""
        return self.certificate.public_bytes(Encoding.DER)

    @cached_property
    def public_key(self) -> SigningKey | None:
        """The public key; None where its family signs no message here (DSA, X25519, ...) or it cannot be decoded."""
        return self._decoded_key if isinstance(self._decoded_key, SigningKey) else None

    @cached_property
    def key_id(self) -> KeyId:
        """SHA-256 of the SubjectPublicKeyInfo; of the certificate's own bytes where the key cannot be decoded."""
        key = self._decoded_key
        return KeyId(hashlib.sha256(self.der).hexdigest()) if key is None else KeyId.of(key)

    @cached_property
    def _decoded_key(self) -> CertificatePublicKeyTypes | None:
        try:
            with without_warnings():
                return self.certificate.public_key()
        except Exception:  # noqa: BLE001 - whatever the decoder says of a foreign key, the entry just verifies nothing
            return None

    @cached_property
    def thumbprint(self) -> Thumbprint:
        """SHA-256 of the certificate."""
        return Thumbprint.of(self.der)

    @cached_property
    def thumbprint_sha1(self) -> bytes:
        """SHA-1 of the certificate, 20 bytes: the thumbprint that WS-Security messages carry (WSS 1.1, 7.3)."""
        return hashlib.sha1(self.der, usedforsecurity=False).digest()

    @cached_property
    def subject_key_identifier(self) -> bytes:
        """The SubjectKeyIdentifier extension; where there is none, SHA-1 of the key (RFC 5280, 4.2.1.2, method 1)."""
        try:
            extensions = extensions_of(self.certificate) or x509.Extensions([])
            return extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
        except x509.ExtensionNotFound:
            return (
                b""
                if self._decoded_key is None
                else x509.SubjectKeyIdentifier.from_public_key(self._decoded_key).digest
            )

    @cached_property
    def subject_name(self) -> x509.Name | None:
        """The subject; None where it cannot be decoded."""
        return subject_of(self.certificate)

    @cached_property
    def issuer_name(self) -> x509.Name | None:
        """The issuer; None where it cannot be decoded."""
        return issuer_of(self.certificate)

    @cached_property
    def subject(self) -> str:
        """The subject in RFC 4514 form, for people."""
        return _readable(self.subject_name)

    @cached_property
    def issuer(self) -> str:
        """The issuer in RFC 4514 form, for people."""
        return _readable(self.issuer_name)

    @cached_property
    def serial(self) -> int:
        """The serial number; not positive in certificates that break RFC 5280, 4.1.2.2."""
        with without_warnings():
            return self.certificate.serial_number

    @cached_property
    def not_before(self) -> datetime:
        """Start of validity, in UTC."""
        return self.certificate.not_valid_before_utc

    @cached_property
    def not_after(self) -> datetime:
        """End of validity, in UTC."""
        return self.certificate.not_valid_after_utc

    def state_at(self, at: datetime) -> State:
        """The state at the instant `at`: a trusted entry outside its trust window counts as staged or retired."""
        if self.state is State.TRUSTED:
            if self.trusted_from is not None and at < self.trusted_from:
                return State.STAGED
            if self.trusted_until is not None and at >= self.trusted_until:
                return State.RETIRED
        return self.state

    def is_valid_at(self, at: datetime) -> bool:
        """Whether `at` lies within the certificate's validity, both ends included (RFC 5280, 4.1.2.5)."""
        return self.not_before <= at <= self.not_after

    def agrees_with(self, hint: KeyHint) -> bool:
        """Whether `hint` names this certificate or its key, by whichever identity it uses."""
        return (
            self.thumbprint in hint.thumbprints
            or hint.thumbprint_sha1 == self.thumbprint_sha1
            or (hint.subject_key_identifier is not None and hint.subject_key_identifier == self.subject_key_identifier)
            or hint.key_id == self.key_id
            or (hint.serial == self.serial and hint.issuer is not None and _is_name(hint.issuer, self.issuer_name))
            or (hint.subject is not None and _is_name(hint.subject, self.subject_name))
            or (hint.name is not None and self._is_named(hint.name))
        )

    def _is_named(self, name: str) -> bool:
        return name.lower() == self.alias.lower() or _is_name(name, self.subject_name)


def _is_name(spelled: str, name: x509.Name | None) -> bool:
    return name is not None and distinguished_name_matches(spelled, name)


def _readable(name: x509.Name | None) -> str:
    return "(unreadable)" if name is None else name.rfc4514_string()
