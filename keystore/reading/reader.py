"""One way in: bytes of a key file to certificates."""

import base64
import codecs
import re

from keystore.errors import HoldsPrivateKey, UnreadableKeyFile, WrongPassword
from keystore.reading.der import SEQUENCE, read_der
from keystore.reading.java import JCEKS_MAGIC, JKS_MAGIC, read_java_keystore
from keystore.reading.pem import read_pem
from keystore.reading.pkcs7 import SIGNED_DATA, read_pkcs7
from keystore.reading.pkcs12 import read_pkcs12
from keystore.reading.result import Collection, KeyFileFormat, ReadResult

MAX_KEY_FILE_BYTES = 16 * 1024 * 1024
"""Larger files are refused unread: the largest truststores in use (all public CAs of the world) stay below 1 MiB."""

_PKCS12 = re.compile(rb"0(?:[\x00-\x80]|\x81.|\x82..|\x83...|\x84....)\x02\x01\x03", re.DOTALL)
"""A SEQUENCE that begins with the INTEGER 3: version 3, the only one (RFC 7292, 4)."""
_PEM_BEGIN = b"-----BEGIN "
_BASE64_CHARACTERS = re.compile(rb"[A-Za-z0-9+/=\s]+")

_OTHER_FILES: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "a ZIP archive: unpack it and give the certificate inside"),
    (b"PK\x05\x06", "an empty ZIP archive: ask for the certificate itself"),
    (b"\x1f\x8b", "a gzip archive: unpack it and give the certificate inside"),
    (b"%PDF", "a PDF document: ask for the certificate itself, as PEM"),
    (b"SSH PRIVATE KEY FILE", "an SSH key: ask for the X.509 certificate"),
    (b"ssh-", "an SSH public key: ask for the X.509 certificate"),
    (b"ecdsa-", "an SSH public key: ask for the X.509 certificate"),
    (b"PuTTY-", "a PuTTY key: ask for the X.509 certificate"),
    (b"<!doctype html", "a web page: the download probably answered with a login or error page; fetch it anew"),
    (b"<html", "a web page: the download probably answered with a login or error page; fetch it anew"),
    (b"<", "an XML document: ask for the certificate itself, as PEM"),
)


def read_certificates(data: bytes, password: str | None = None, *, allow_private_key: bool = False) -> ReadResult:
    """Every certificate in the key file `data`: PEM (also bundles), DER, PKCS#7, PKCS#12, JKS or JCEKS.

    The format is told from the content. Each entry stands alone: what cannot be read is listed in `left_out`.
    With `allow_private_key` a file that also holds a private key is read; the key itself is dropped even then.

    Raises:
        HoldsPrivateKey: a private key stands in the file, and `allow_private_key` is not set.
        UnreadableKeyFile: not a single certificate can be read; the message says what the file is and what to do.
        WrongPassword: the file is protected, and the password given (or none) does not open it.
    """
    result = _read(data, _checked(password))
    if result.holds_private_key and not allow_private_key:
        raise HoldsPrivateKey(
            "this file holds a private key, which must stay with its owner: ask for the certificate alone, "
            "or take only the certificate from it with --allow-private-key"
        )
    if not result.certificates:
        if not result.left_out:
            raise UnreadableKeyFile(f"this {result.format} file holds no certificate: check that it is the right file")
        first = result.left_out[0]
        raise UnreadableKeyFile(f"no certificate can be read from this {result.format} file; {first.what}: {first.why}")
    return result


def _checked(password: str | None) -> str | None:
    try:
        (password or "").encode()
    except UnicodeEncodeError as error:
        raise WrongPassword("the password is not valid text: type it anew, in UTF-8") from error
    return password


def _read(data: bytes, password: str | None) -> ReadResult:
    if len(data) > MAX_KEY_FILE_BYTES:
        raise UnreadableKeyFile(
            f"the file has {len(data)} bytes, more than the {MAX_KEY_FILE_BYTES} allowed: it is hardly a key file"
        )
    if not data.strip():
        raise UnreadableKeyFile("the file is empty: ask its owner to send it again")
    if data.startswith((JKS_MAGIC, JCEKS_MAGIC)):
        return read_java_keystore(data, password)
    # The tag of a SEQUENCE is also the digit 0, with which text around PEM blocks may begin.
    if data[0] == SEQUENCE and (data[1:2] >= b"\x80" or _PEM_BEGIN not in data):
        return _read_asn1(data, password, KeyFileFormat.DER)
    return _read_text(data, password)


def _read_asn1(data: bytes, password: str | None, file_format: KeyFileFormat) -> ReadResult:
    if SIGNED_DATA in data[:32]:
        found = Collection(KeyFileFormat.PKCS7)
        read_pkcs7(found, data)
        return found.result()
    if _PKCS12.match(data):
        return read_pkcs12(data, password)
    return read_der(data, file_format)


def _read_text(data: bytes, password: str | None) -> ReadResult:
    plain = _without_bom(data)
    if _PEM_BEGIN in plain:
        # Latin-1 reads any bytes: what stands around the blocks is not ours to judge, and the blocks are ASCII.
        return read_pem(plain.decode("latin-1"))
    start = plain.lstrip()
    for magic, sentence in _OTHER_FILES:
        if start[: len(magic)].lower() == magic.lower():
            raise UnreadableKeyFile(f"this is {sentence}")
    if _BASE64_CHARACTERS.fullmatch(plain):
        try:
            decoded = base64.b64decode(b"".join(plain.split()), validate=True)
        except ValueError:
            decoded = b""
        if decoded[:1] == bytes((SEQUENCE,)):
            return _read_asn1(decoded, password, KeyFileFormat.BASE64)
    raise UnreadableKeyFile(
        "this is no key file that can be read here: give the certificate as PEM, DER, PKCS#7, PKCS#12, JKS or JCEKS"
    )


def _without_bom(data: bytes) -> bytes:
    """The text without its byte order mark; UTF-16, as Windows editors save it, becomes UTF-8."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", errors="replace").encode(errors="replace")
    return data.removeprefix(codecs.BOM_UTF8)
