"""Heads and contents of parts."""

import re

import pytest

from gateway.attachments.body_parts import BodyPart, read_part
from gateway.verify import Reason, Rejection


def read(text: bytes, max_part_bytes: int = 100) -> BodyPart:
    around = b"--b\r\n" + text + b"\r\n--b--"
    return read_part(around, 5, 5 + len(text), 2, max_part_bytes)


def octets(part: BodyPart) -> bytes:
    return b"".join(part.octets())


def test_a_part_is_its_head_and_its_content() -> None:
    part = read(b'Content-ID: <a@x>\r\ncontent-type:text/plain;\r\n\tcharset="utf-8" \r\nX:\r\n  y\r\n\r\na\r\n\r\nb')

    assert part.content_id == "a@x"
    assert part.content_type == 'text/plain;\tcharset="utf-8"'
    assert part.fields == (("Content-ID", "<a@x>"), ("content-type", 'text/plain;\tcharset="utf-8"'), ("X", "y"))
    assert (part.size, octets(part), octets(part)) == (6, b"a\r\n\r\nb", b"a\r\n\r\nb")
    assert "--b" not in repr(part)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"\r\n", b""),
        (b"\r\na", b"a"),
        (b"\r\n\r\n\r\n", b"\r\n\r\n"),
        (b"X: y\r\n\r\n", b""),
        (b"Content-Length: 1\r\n\r\na", b"a"),
        (b"Content-Transfer-Encoding: BASE64\r\n\r\nYQ==\r\n", b"a"),
    ],
)
def test_short_parts(text: bytes, expected: bytes) -> None:
    part = read(text)
    assert (octets(part), part.size) == (expected, len(expected))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "no empty line"),
        (b"a", "no empty line"),
        (b"Content-ID: <a>", "no empty line"),
        (b"Content-ID: <a>\r\n", "no empty line"),
        (b"Content-ID: <a>\n\na", "no empty line"),
        (b"Content-ID: <a>\n\r\n\r\na", "neither printable ASCII nor a tab"),
        (b"Content-ID: <a>\r\r\n\r\na", "neither printable ASCII nor a tab"),
        (b"X: \0\r\n\r\na", "neither printable ASCII nor a tab"),
        (b"X: \xc3\xa4\r\n\r\na", "neither printable ASCII nor a tab"),
        (b"X: \x7f\r\n\r\na", "neither printable ASCII nor a tab"),
        (b" X: y\r\n\r\na", "continues no field"),
        (b"X: y\r\n \t\r\n\r\na", "continues no field"),
        (b"X : y\r\n\r\na", "no header field: X : y"),
        (b": y\r\n\r\na", "no header field: : y"),
        (b"X\r\n\r\na", "no header field: X"),
        (b"From x\r\n\r\na", "no header field"),
        (b"(X): y\r\n\r\na", "no header field"),
        (b"X: y\r\nx: y\r\n\r\na", "the header field x twice"),
        (b"Content-Type: text/plain; a=b; A=c\r\n\r\na", "the parameter a twice"),
        (b"Content-Type: text/plain; charset*=utf-8''x\r\n\r\na", "RFC 2231"),
        (b"Content-Type: plain\r\n\r\na", "begin with a type and a subtype"),
        (b"Content-Type: Multipart/Mixed; boundary=c\r\n\r\na", "is of the type Multipart/Mixed"),
        (b"Content-Type: message/rfc822\r\n\r\na", "is not read"),
        (b"Content-Transfer-Encoding: x-uuencode\r\n\r\na", "Content-Transfer-Encoding x-uuencode"),
        (b"Content-Transfer-Encoding:\r\n\r\na", "Content-Transfer-Encoding (none)"),
        (b"Content-Transfer-Encoding:\r\n base64\r\n\r\nYQ==", "stand alone on its line"),
        (b"Content-Transfer-Encoding: base64 \r\n\r\nYQ==", "stand alone on its line"),
        (b"Content-ID: <a>\t\r\n\r\na", "stand alone on its line"),
        (b"Content-Encoding: gzip\r\n\r\na", "header field content-encoding"),
        (b"Transfer-Encoding: chunked\r\n\r\na", "header field transfer-encoding"),
        (b"Content-Length: 2\r\n\r\na", "Content-Length of 2, and 1 octets"),
        (b"Content-Length: 01\r\n\r\na", "Content-Length of 01"),
        (b"Content-ID: a b\r\n\r\na", "no Content-ID"),
    ],
)
def test_what_readers_take_differently_is_refused(text: bytes, words: str) -> None:
    with pytest.raises(Rejection, match=re.escape(words)) as found:
        read(text)
    assert found.value.reason is Reason.STRUCTURE
    assert "part 2 of the multipart message" in found.value.detail


def test_a_file_name_may_be_written_as_rfc_2231_has_it() -> None:
    assert read(b"Content-Type: text/plain; name*=utf-8''%C3%A4\r\n\r\na").size == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"X: " + b"y" * 9000 + b"\r\n\r\na", "a head of more than 8192 octets"),
        (b"X: " + b"y" * 9000, "a head of more than 8192 octets"),
        (b"".join(b"X%d:\r\n" % number for number in range(101)) + b"\r\na", "more than 100 lines"),
        (b"X: y" + b"\r\n y" * 100 + b"\r\n\r\na", "more than 100 lines"),
        (b"\r\n" + b"a" * 101, "101 octets, more than the 100"),
        (b"Content-Transfer-Encoding: base64\r\n\r\n" + b"YWJj" * 34, "102 octets, more than the 100"),
    ],
)
def test_limits(text: bytes, words: str) -> None:
    with pytest.raises(Rejection, match=re.escape(words)) as found:
        read(text)
    assert found.value.reason is Reason.LIMITS
