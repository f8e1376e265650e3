"""PEM (RFC 7468): any number of blocks, with any text around them."""

import base64
import re
from collections.abc import Iterator
from typing import NamedTuple

from keystore.reading.pkcs7 import read_pkcs7
from keystore.reading.result import Collection, KeyFileFormat, ReadResult

MAX_BLOCKS = 10_000
"""Far beyond any bundle (the public web's has 150); bounds the work that a hostile file can ask for."""

_BOUNDARY = re.compile(r"-----(BEGIN|END) ([A-Z0-9#. ]{1,64})-----")

_CERTIFICATE_LABELS = {"CERTIFICATE", "X509 CERTIFICATE"}
_PKCS7_LABELS = {"PKCS7", "CMS", "PKCS #7 SIGNED DATA"}
_REASONS = {
    "TRUSTED CERTIFICATE": (
        "It carries OpenSSL's own trust settings, which would be lost silently; "
        "convert it with `openssl x509 -in FILE -out certificate.pem`."
    ),
    "CERTIFICATE REQUEST": (
        "It is a certificate signing request, not a certificate; ask for the certificate that was issued for it."
    ),
    "PUBLIC KEY": "It is a bare public key without a certificate; ask its owner for the certificate.",
    "X509 CRL": "It is a revocation list, not a certificate.",
}
_REASONS["NEW CERTIFICATE REQUEST"] = _REASONS["CERTIFICATE REQUEST"]
_REASONS["RSA PUBLIC KEY"] = _REASONS["PUBLIC KEY"]


class _Block(NamedTuple):
    label: str
    body: str
    complete: bool


def read_pem(text: str) -> ReadResult:
    """Everything that the PEM blocks in `text` hold; a private key is noted and skipped."""
    found = Collection(KeyFileFormat.PEM)
    for position, block in enumerate(_blocks(text), 1):
        what = f"block {position} ({block.label})"
        if position > MAX_BLOCKS:
            found.leave_out(what, f"The file has more than {MAX_BLOCKS} blocks; split it.")
            break
        if block.label.endswith("PRIVATE KEY"):
            found.holds_private_key = True
            found.leave_out(what, "It is a private key, which has no place here.")
        elif block.label not in _CERTIFICATE_LABELS | _PKCS7_LABELS:
            found.leave_out(what, _REASONS.get(block.label, "It is no certificate."))
        elif not block.complete:
            found.leave_out(what, "Its END line is missing: the file was cut off; ask its owner for a fresh copy.")
        else:
            _read_block(found, what, block)
    return found.result()


def _read_block(found: Collection, what: str, block: _Block) -> None:
    try:
        der = base64.b64decode("".join(block.body.split()), validate=True)
    except ValueError:
        found.leave_out(what, "It is damaged (no valid base64); ask its owner for a fresh copy.")
        return
    if block.label in _CERTIFICATE_LABELS:
        found.add(what, der)
    else:
        read_pkcs7(found, der, f"{what}, ")


def _blocks(text: str) -> Iterator[_Block]:
    """The blocks in `text`, in one pass whatever it holds."""
    opened: re.Match[str] | None = None
    for boundary in _BOUNDARY.finditer(text):
        if boundary[1] == "BEGIN":
            if opened:
                yield _Block(opened[2], "", complete=False)
            opened = boundary
        elif opened:
            complete = opened[2] == boundary[2]
            yield _Block(opened[2], text[opened.end() : boundary.start()] if complete else "", complete)
            opened = None
    if opened:
        yield _Block(opened[2], "", complete=False)
