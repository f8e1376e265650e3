"""What a message says about the key that signed it.

A key hint is an unauthenticated claim (XMLDSIG 4.5): it orders the candidates and helps to explain a failure; it
never grants trust and never limits which keys are tried.
"""

from dataclasses import dataclass
from enum import StrEnum

from keystore.identity import KeyId, Thumbprint


class HintKind(StrEnum):
    """The form in which KeyInfo names a key (WSS-X509 3.2, WSS-Core 7, XMLDSIG 4.5)."""

    BINARY_SECURITY_TOKEN = "binary-security-token"  # noqa: S105 - a token type, not a secret
    """A Reference to a BinarySecurityToken of type X509v3."""
    PKI_PATH = "pki-path"
    """A Reference to a BinarySecurityToken of type X509PKIPathv1, or PKCS7."""
    ISSUER_SERIAL = "issuer-serial"
    SUBJECT_KEY_IDENTIFIER = "subject-key-identifier"
    THUMBPRINT_SHA1 = "thumbprint-sha1"
    EMBEDDED_CERTIFICATE = "embedded-certificate"
    """A KeyIdentifier of type X509v3: the certificate itself inside the SecurityTokenReference."""
    X509_DATA = "x509-data"
    """ds:X509Data with a certificate, directly in KeyInfo or in a SecurityTokenReference."""
    SAML_ASSERTION = "saml-assertion"
    """A SAML assertion of the message, whose subject is confirmed by the key (WSS-SAML 3.5.1)."""
    SUBJECT_NAME = "subject-name"
    KEY_VALUE = "key-value"
    KEY_NAME = "key-name"
    UNRESOLVED = "unresolved"
    """KeyInfo names something that the message does not hold, or that cannot be read."""
    NONE = "none"
    """No KeyInfo at all."""


@dataclass(frozen=True, slots=True)
class KeyHint:
    """A claim about the signing key; every field that is set is one more thing by which an entry can agree with it."""

    kind: HintKind
    named: str = ""
    """What it named, on one line, for people."""
    certificates: tuple[bytes, ...] = ()
    """Certificates in DER that the message carries, the end entity first."""
    thumbprints: frozenset[Thumbprint] = frozenset()
    thumbprint_sha1: bytes | None = None
    """20 bytes."""
    subject_key_identifier: bytes | None = None
    issuer: str | None = None
    """The issuer's distinguished name as spelled in the message; compared by structure, never as a string."""
    serial: int | None = None
    subject: str | None = None
    """The subject's distinguished name as spelled in the message."""
    key_id: KeyId | None = None
    name: str | None = None
    """A KeyName: compared with alias and subject."""


NO_HINT = KeyHint(HintKind.NONE)
