"""A file that is no XML is called by its name, and the sentence says what reads it."""

import gzip
import io
import zipfile

import pytest

from fixtures.manifest import own_case
from gateway.verify import Reason
from tests.gateway.verify.judging import GOOD

MESSAGE = own_case(GOOD).message


def archive() -> bytes:
    found = io.BytesIO()
    with zipfile.ZipFile(found, "w") as made:
        made.writestr("response.xml", MESSAGE)
    return found.getvalue()


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (gzip.compress(MESSAGE), "gzip data, not XML"),
        (archive(), "a zip archive, not XML"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n\r\n" + MESSAGE, "a complete HTTP response with its head"),
        (b"\r\nHTTP/2 200\r\ncontent-type: text/xml\r\n\r\n" + MESSAGE, "a complete HTTP response with its head"),
        (b"POST /orders HTTP/1.1\r\nHost: a\r\n\r\n" + MESSAGE, "an HTTP request with its head"),
        (b"--uuid:1\r\nContent-Type: text/xml\r\n\r\n" + MESSAGE + b"\r\n--uuid:1--", "a MIME body (multipart)"),
        (b"MIME-Version: 1.0\r\nContent-Type: multipart/related\r\n\r\n", "a MIME body (multipart)"),
        (b'{"log": {"version": "1.2", "entries": []}}', "an HTTP archive (HAR), not XML"),
        (b'{"log": {"version": "1.2", "creator": {"name": "x"}}}', "an HTTP archive (HAR), not XML"),
        (b'{"a": 1}', "JSON, not XML"),
        (b"[1]", "JSON, not XML"),
        (b"-----BEGIN CERTIFICATE-----\nMII", "a PEM file"),
        (b"PD94bWwgdmVyc2lvbj0", "base64 of XML"),
        (b"\xd4\xc3\xb2\xa1\x02\x00\x04\x00", "a network capture, not XML"),
        (b"\n\r\r\n\x1c\x00\x00\x00", "a network capture, not XML"),
    ],
)
def test_what_it_is_and_what_reads_it(data: bytes, name: str) -> None:
    verdict = own_case(GOOD).verdict(data)

    assert verdict.reason is Reason.MALFORMED
    assert name in verdict.detail
    assert "wssgate replay reads" in verdict.detail
    assert "SOAP message itself" in str(verdict.advice)


@pytest.mark.parametrize(
    ("data", "reason", "detail"),
    [
        (b"text", Reason.MALFORMED, "not well-formed XML"),
        (b"<a>", Reason.MALFORMED, "not well-formed XML"),
        (b"<!DOCTYPE html>", Reason.DTD, "HTML"),
        (b"\0<\0a", Reason.ENCODING, "byte order mark"),
        (b"", Reason.MALFORMED, "empty"),
        (b"--", Reason.MALFORMED, "not well-formed XML"),
    ],
)
def test_of_other_things_it_says_what_is_wrong(data: bytes, reason: Reason, detail: str) -> None:
    verdict = own_case(GOOD).verdict(data)

    assert verdict.reason is reason
    assert detail in verdict.detail
    assert "replay" not in verdict.detail
