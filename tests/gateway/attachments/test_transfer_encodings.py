"""Each transfer encoding: what is written as encoders write it is decoded, all else is refused."""

import base64
import quopri

import pytest

from gateway.attachments.transfer_encodings import encoding_named
from gateway.verify import MAX_PIECE, Reason, Rejection


def decoded(name: str | None, text: bytes) -> bytes:
    """Decoded where it stands in the middle of other octets."""
    body = b"YQ==\r\n" + text + b"\r\nYQ=="
    encoding = encoding_named(name, "part 1")
    pieces = list(encoding.pieces(body, 6, 6 + len(text)))
    octets = b"".join(pieces)
    assert max(map(len, pieces), default=0) <= MAX_PIECE
    assert len(octets) == encoding.size(body, 6, 6 + len(text), "part 1")
    return octets


def refused(name: str, text: bytes) -> str:
    with pytest.raises(Rejection, match="as its Content-Transfer-Encoding says") as found:
        encoding_named(name, "part 1").size(b"YQ==\r\n" + text + b"\r\nYQ==", 6, 6 + len(text), "part 1")
    assert found.value.reason is Reason.STRUCTURE
    return found.value.detail


@pytest.mark.parametrize("name", [None, "binary", "8bit", "7bit", "BINARY"])
def test_as_it_is(name: str | None) -> None:
    assert decoded(name, b"a\r\nb\r\n") == b"a\r\nb\r\n"
    assert decoded(name, b"") == b""


def test_without_the_field_octets_stand_as_they_are() -> None:
    """Over HTTP; 7bit is the default of mail."""
    assert decoded(None, bytes(range(256))) == decoded("binary", bytes(range(256))) == bytes(range(256))
    assert decoded("8bit", "ä".encode()) == "ä".encode()


def test_a_large_part_comes_in_pieces() -> None:
    octets = bytes(range(256)) * 10_000
    lines = base64.encodebytes(octets).replace(b"\n", b"\r\n")
    assert (
        decoded("binary", octets) == decoded("base64", lines) == decoded("base64", base64.b64encode(octets)) == octets
    )
    assert decoded("7bit", b"a" * 3_000_000) == b"a" * 3_000_000
    text = b"abc=\r\n" * 400_000 + b"d"
    assert decoded("quoted-printable", text) == quopri.decodestring(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"", b""),
        (b"\r\n", b""),
        (b"YQ==", b"a"),
        (b"YQ==\r\n", b"a"),
        (b"YWI=", b"ab"),
        (b"YWJj\r\nYWJj", b"abcabc"),
        (b"YWJj\r\nYWJj\r\n", b"abcabc"),
        (b"YWJjYWJj\r\nYQ==\r\n", b"abcabca"),
        (b"+/+/", b"\xfb\xff\xbf"),
    ],
)
def test_base64_as_encoders_write_it(text: bytes, expected: bytes) -> None:
    assert decoded("base64", text) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"YQ", "groups of four"),
        (b"YQ=", "groups of four"),
        (b"YWJj ", "groups of four"),
        (b"YW!j", "groups of four"),
        (b"YW\0j", "groups of four"),
        (b"-_-_", "groups of four"),
        (b"YWJj\nYWJj", "of one length"),
        (b"YWJj\rYWJj", "of one length"),
        (b"\r\nYWJj", "of one length"),
        (b"YWJj\r\n\r\n", "of one length"),
        (b"YWJj\r\n\r\nYWJj", "of one length"),
        (b"YWJj\r\nYWJjYWJj", "of one length"),
        (b"YWJjYWJj\r\nYWJj\r\nYWJj", "of one length"),
        (b"YWJjY\r\nWJj", "of one length"),
        (b"YWJj\r\nYWJj\nYWJj", "of one length"),
        (b"YWJj\r\nYWJj\r", "of one length"),
        (b"YWJjYWJj\r\nYW\nJjYW\r\n", "of one length"),
        (b"YWJjYWJj\r\nYW\r\n", "groups of four"),
        (b"YQ==YWJj", "at its end alone"),
        (b"YQ==\r\nYQ==", "at its end alone"),
        (b"Y===", "twice at most"),
        (b"====", "twice at most"),
        (b"Y=Jj", "at its end alone"),
        (b"YR==", "bits that belong to no octet"),
        (b"YWJ=", "bits that belong to no octet"),
    ],
)
def test_base64_that_decoders_read_differently(text: bytes, words: str) -> None:
    assert words in refused("base64", text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"", b""),
        (b"a=3Db=E4\r\n c\td =\r\nd", b"a=b\xe4\r\n c\td d"),
        (b"a\r\n\r\n", b"a\r\n\r\n"),
        (b"a_b=5F", b"a_b_"),
        (b"=20\r\n" + b"x" * 75 + b"=\r\n" + b"x" * 76, b" \r\n" + b"x" * 151),
    ],
)
def test_quoted_printable_as_encoders_write_it(text: bytes, expected: bytes) -> None:
    assert decoded("quoted-printable", text) == expected


@pytest.mark.parametrize(
    "text",
    [
        b"a=3d",
        b"a=3",
        b"a=",
        b"a=zz",
        b"a \r\nb",
        b"a ",
        b"a\t\r\n",
        b"a= \r\nb",
        b"a\nb",
        b"a\rb",
        b"a=\nb",
        b"\xe4",
        b"\x00",
        b"x" * 77,
        b"x" * 76 + b"=\r\nx",
    ],
)
def test_quoted_printable_that_decoders_read_differently(text: bytes) -> None:
    assert "is not quoted-printable" in refused("quoted-printable", text)


def test_quoted_printable_that_goes_on_nowhere() -> None:
    assert "nothing follows" in refused("quoted-printable", b"a=\r\n")


def test_what_is_no_text_is_called_binary() -> None:
    assert "octets above 127" in refused("7bit", "ä".encode())
    assert "octets above 127" in refused("7bit", b"a" * MAX_PIECE + b"\x80")
    assert "holds a NUL" in refused("7bit", b"a\0")
    assert "holds a NUL" in refused("8bit", b"\xe4\0")
