"""DER (X.690): certificates one after the other, or another kind of key file that starts like one."""

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from keystore.certificate_decoding import load_certificate, without_warnings
from keystore.errors import UnreadableKeyFile
from keystore.reading.result import Collection, KeyFileFormat, ReadResult

SEQUENCE = 0x30
"""Tag of the outermost value of everything that is read here."""

_SHORT_FORM_LIMIT = 0x80
_MAX_LENGTH_OCTETS = 4


def read_der(data: bytes, file_format: KeyFileFormat = KeyFileFormat.DER) -> ReadResult:
    """The certificates in `data`, which begins with a SEQUENCE.

    Raises:
        UnreadableKeyFile: the first value is no certificate; the message says what it is, where that can be told.
    """
    first = _first_value(data)
    try:
        load_certificate(first)
    except ValueError as error:
        if _is_private_key(first):
            found = Collection(file_format)
            found.holds_private_key = True
            found.leave_out("the file", "It is a private key, which has no place here.")
            return found.result()
        raise UnreadableKeyFile(_other_kind(first)) from error
    found = Collection(file_format)
    position, rest = 1, data
    while rest[:1] == bytes((SEQUENCE,)):
        value = _first_value(rest)
        found.add(f"certificate {position}", value)
        position, rest = position + 1, rest[len(value) :]
    if rest.strip():
        found.leave_out(f"{len(rest)} bytes at the end", "They are no certificate.")
    return found.result()


def _first_value(data: bytes) -> bytes:
    """The first value in `data` with its tag and length (X.690, 8.1.3)."""
    size = data[1] if len(data) > 1 else 0
    start = 2
    if size > _SHORT_FORM_LIMIT:
        octets = min(size - _SHORT_FORM_LIMIT, _MAX_LENGTH_OCTETS)
        start += octets
        size = int.from_bytes(data[2:start])
    if start + size > len(data):
        raise UnreadableKeyFile("the file was cut off: ask its owner for a fresh copy, and compare its size")
    return data[: start + size]


def _is_private_key(der: bytes) -> bool:
    try:
        with without_warnings():
            serialization.load_der_private_key(der, None)
    except TypeError:  # the decoder's way of saying that it wants a password
        return True
    except Exception:  # noqa: BLE001 - whatever else it says: it reads no private key
        return False
    return True


def _other_kind(der: bytes) -> str:
    kinds = (
        (
            x509.load_der_x509_csr,
            "this is a certificate signing request, not a certificate: ask for the certificate that was issued for it",
        ),
        (x509.load_der_x509_crl, "this is a revocation list, not a certificate: ask for the certificate itself"),
        (
            serialization.load_der_public_key,
            "this is a bare public key without a certificate: ask its owner for the certificate",
        ),
    )
    for load, sentence in kinds:
        try:
            with without_warnings():
                load(der)
        except Exception:  # noqa: BLE001, S112 - the question is only whether it can be read as this kind
            continue
        return sentence
    return (
        "no certificate can be read from this file: it is damaged or of an unknown kind; ask for the certificate as PEM"
    )
