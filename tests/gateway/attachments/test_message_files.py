"""Multipart messages as people save them: with the header fields that they came with, or without."""

import pytest

from gateway.attachments import open_body, saved_message
from gateway.verify import Policy
from tests.mutation.mime_source import MimeMessage, mime_sources

SOURCES = mime_sources()
BODY = b"--b\r\nContent-Type: text/xml\r\n\r\n<a/>\r\n--b--\r\n"


@pytest.mark.parametrize("made", SOURCES, ids=lambda made: made.name)
@pytest.mark.parametrize("before", [b"", b"MIME-Version: 1.0\r\n", b"Server: x\r\n"])
def test_a_file_with_header_fields(made: MimeMessage, before: bytes) -> None:
    head = before + b"Content-Type: " + made.content_type.encode() + b"\r\n\r\n"
    assert saved_message(head + made.body()) == (made.body(), made.content_type)


def test_folded_fields_are_unfolded() -> None:
    data = b'Content-Type: multipart/related;\r\n\ttype="text/xml"; boundary=b\r\n\r\n' + BODY
    assert saved_message(data) == (BODY, 'multipart/related;\ttype="text/xml"; boundary=b')
    opened = open_body(BODY, 'multipart/related;\ttype="text/xml"; boundary=b', Policy())
    assert opened.message == b"<a/>"


@pytest.mark.parametrize(
    ("head", "content_type"),
    [
        (b"text/xml", 'multipart/related; type="text/xml"; boundary="b"'),
        (b"text/xml; charset=utf-8", 'multipart/related; type="text/xml"; boundary="b"'),
        (
            b'application/xop+xml; type="application/soap+xml"',
            'multipart/related; type="application/xop+xml"; boundary="b"; start-info="application/soap+xml"',
        ),
        (
            b'application/xop+xml; type="application/soap+xml; action=x"',
            'multipart/related; type="application/xop+xml"; boundary="b"; start-info="application/soap+xml"',
        ),
        (
            b"application/xop+xml",
            'multipart/related; type="application/xop+xml"; boundary="b"; start-info="text/xml"',
        ),
    ],
)
def test_without_header_fields_the_type_is_told_by_the_first_part(head: bytes, content_type: str) -> None:
    for before in (b"", b"\r\n"):  # Apache CXF begins with an empty line
        data = before + BODY.replace(b"text/xml", head)
        assert saved_message(data) == (data, content_type)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<a/>",
        b"--b",
        b"--b\n" + BODY,
        b"--b\r\n\r\n<a/>",
        b"--b\r\nContent-Type: nothing\r\n\r\n<a/>",
        b"--b\r\nno field\r\n\r\n<a/>",
        b"Content-Type: text/xml",
        b"Content-Length: 5\r\n\r\n<a/>",
        b"Content-Type: text/xml\r\nno field\r\n\r\n<a/>",
    ],
)
def test_what_does_not_look_like_one(data: bytes) -> None:
    assert saved_message(data) is None
