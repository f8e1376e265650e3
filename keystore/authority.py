"""Which certificates are an authority's, and which are a signer's own although they are marked as one.

basicConstraints with cA (RFC 5280, 4.2.1.9) marks a certificate that may issue others. `openssl req -x509` sets it on
every certificate that it makes, so most self-signed certificates of signers carry it; responses are verified with them
like with any other. What is an authority all the same:

- a certificate that is marked and was issued by another one: whoever did that meant it,
- one that issued a certificate of somebody else that is at hand,
- one whose keyUsage (4.2.1.3) is for signing certificates, and not for signing anything else.
"""

from collections.abc import Iterable

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from keystore.certificate_decoding import extensions_of, issuer_of, subject_of


def is_authority(certificate: x509.Certificate, others: Iterable[x509.Certificate] = ()) -> bool:
    """Whether `certificate` is that of an authority, and so of nobody who signs messages.

    Args:
        certificate: The one to be judged.
        others: Certificates that it may have issued; itself among them does no harm.
    """
    return is_marked_as_authority(certificate) and not (
        _issued(certificate, certificate)
        and _may_sign_messages(certificate)
        and not any(_is_another(other, certificate) and _issued(certificate, other) for other in others)
    )


def is_marked_as_authority(certificate: x509.Certificate) -> bool:
    """Whether basicConstraints say that `certificate` may issue others; False where the extensions cannot be read."""
    extensions = extensions_of(certificate) or x509.Extensions([])
    return any(isinstance(found.value, x509.BasicConstraints) and found.value.ca for found in extensions)


def _may_sign_messages(certificate: x509.Certificate) -> bool:
    """Whether keyUsage leaves room for signatures of messages; without that extension everything is allowed."""
    extensions = extensions_of(certificate) or x509.Extensions([])
    usages = [found.value for found in extensions if isinstance(found.value, x509.KeyUsage)]
    return all(usage.digital_signature or usage.content_commitment for usage in usages)


def _is_another(other: x509.Certificate, certificate: x509.Certificate) -> bool:
    """Whether `other` names somebody else: a renewed certificate that the old key signed is the same signer's."""
    return subject_of(other) != subject_of(certificate)


def _issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    """Whether the key of `issuer` signed `certificate`; False where that cannot be found out."""
    name = subject_of(issuer)
    if name is None or issuer_of(certificate) != name:
        return False
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        return False
    return True
