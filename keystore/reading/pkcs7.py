"""PKCS#7 SignedData (RFC 2315, 9; RFC 5652, 5): a bag of certificates."""

from cryptography.hazmat.primitives.serialization import Encoding

from keystore.certificate_decoding import without_warnings
from keystore.reading.result import Collection

SIGNED_DATA = bytes.fromhex("06092a864886f70d010702")
"""The object identifier 1.2.840.113549.1.7.2 in DER, with which a PKCS#7 file of certificates begins."""


def read_pkcs7(found: Collection, der: bytes, prefix: str = "") -> None:
    """Add the certificates in `der` to `found`; `prefix` says where in the file it stands."""
    # Imported here because it loads the e-mail package of the standard library, and few key files are of this kind.
    from cryptography.hazmat.primitives.serialization.pkcs7 import load_der_pkcs7_certificates

    try:
        with without_warnings():
            certificates = load_der_pkcs7_certificates(der)
    except Exception:  # noqa: BLE001 - the decoder raises several kinds for damaged, encrypted and empty files
        found.leave_out(
            f"{prefix}PKCS#7",
            "No certificates can be taken from it: it is damaged, holds none, or holds something else; "
            "ask for the certificate as PEM.",
        )
        return
    for position, certificate in enumerate(certificates, 1):
        found.add(f"{prefix}certificate {position}", certificate.public_bytes(Encoding.DER))
