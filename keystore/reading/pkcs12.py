"""PKCS#12 (RFC 7292), with or without a private key."""

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs12 import (
    PKCS12Certificate,
    PKCS12KeyAndCertificates,
    load_pkcs12,
)

from keystore.certificate_decoding import without_warnings
from keystore.errors import UnreadableKeyFile, WrongPassword
from keystore.reading.pkcs12_cost import refuse_costly
from keystore.reading.result import Collection, KeyFileFormat, ReadResult


def read_pkcs12(data: bytes, password: str | None) -> ReadResult:
    """The certificates in `data`; a private key in it is noted and dropped.

    Raises:
        UnreadableKeyFile: it is damaged or cut off, or asks for more work than any honest file.
        WrongPassword: the password does not fit, or one is needed.
    """
    refuse_costly(data)
    contents = _open(data, password)
    found = Collection(KeyFileFormat.PKCS12)
    found.holds_private_key = contents.key is not None
    if contents.cert is not None:
        _add(found, "the key's certificate", contents.cert, in_chain=False)
    for position, certificate in enumerate(contents.additional_certs, 1):
        _add(found, f"certificate {position}", certificate, in_chain=contents.cert is not None)
    return found.result()


def _open(data: bytes, password: str | None) -> PKCS12KeyAndCertificates:
    # "No password" is written in two ways (RFC 7292, B.1: an empty string is not the same as none at all).
    attempts = (None, b"") if not password else (password.encode(),)
    wrong = False
    for attempt in attempts:
        try:
            with without_warnings():
                return load_pkcs12(data, attempt)
        except Exception as error:  # noqa: BLE001 - the decoder raises several kinds for damaged files and foreign keys
            wrong = wrong or "password" in str(error)
    if not wrong:
        raise UnreadableKeyFile(
            "this PKCS#12 file is damaged, cut off or protected in an unknown way: ask its owner for a fresh copy, "
            "or for the certificate as PEM"
        )
    if password:
        raise WrongPassword(
            "the password does not open this PKCS#12 file: check it with whoever made the file, "
            "or ask for the certificate as PEM, which needs none"
        )
    raise WrongPassword("this PKCS#12 file is protected: give its password, or ask for the certificate as PEM")


def _add(found: Collection, what: str, entry: PKCS12Certificate, *, in_chain: bool) -> None:
    name = entry.friendly_name.decode(errors="replace") if entry.friendly_name else None
    shown = f"{what} ({name!r})" if name else what
    found.add(shown, entry.certificate.public_bytes(Encoding.DER), name=name, in_chain=in_chain)
