"""A multipart body becomes a SOAP message and its attachments."""

import re
from dataclasses import replace

import pytest

from gateway.attachments import unpack
from gateway.verify import Reason, Rejection
from tests.mutation.mime_source import MimeMessage, envelope, include, mime_sources

BY_NAME = {source.name: source for source in mime_sources()}
CXF = BY_NAME["cxf-mtom"]
SAAJ = BY_NAME["saaj-attachments"]


def refused(message: MimeMessage, words: str, max_part_bytes: int = 1 << 20) -> Reason:
    with pytest.raises(Rejection, match=re.escape(words)) as found:
        unpack(message.body(), message.content_type, max_part_bytes=max_part_bytes)
    return found.value.reason


def with_root(message: MimeMessage, text: str) -> MimeMessage:
    return message.with_part(message.root, replace(message.parts[message.root], content=envelope(text)))


def test_what_is_not_multipart_is_left_alone() -> None:
    assert unpack(b"--b\r\n", "text/xml", max_part_bytes=100) is None
    with pytest.raises(Rejection, match="could take for multipart"):
        unpack(b"<a/>", 'text/xml; x="multipart/related"', max_part_bytes=100)


def test_the_parts_of_a_message() -> None:
    found = unpack(SAAJ.body(), SAAJ.content_type, max_part_bytes=1 << 20)

    assert found is not None
    assert found.root is found.attachments.by_name
    assert found.root == SAAJ.parts[0].content
    assert found.content_type == "text/xml; charset=utf-8"
    assert [(part.content_id, part.content_type) for part in found.attachments.parts] == [
        ("one", "image/png"),
        ("two@acme.example", "text/plain; charset=utf-8"),
        ("three", "text/plain"),
        ("", "text/plain"),
    ]
    assert found.attachments.included == frozenset()
    assert found.includes == ()


def test_the_root_is_the_part_that_start_names() -> None:
    message = BY_NAME["old-cxf-escaped-ids"]
    found = unpack(message.body(), message.content_type, max_part_bytes=1 << 20)

    assert found is not None
    assert message.root == 1
    assert found.attachments.by_name == message.parts[1].content
    assert [part.content_id for part in found.attachments.parts] == [
        "dddbf7e4-2@http://cxf.apache.org/",
        "second@acme.example",
    ]
    assert found.attachments.included == {"dddbf7e4-2@http://cxf.apache.org/"}
    assert [found.attachments.by_name[i.begin : i.end] for i in found.includes] == [
        include("cid:dddbf7e4-2@http%3A%2F%2Fcxf.apache.org%2F").encode()
    ]


def test_a_response_whose_only_part_is_the_root() -> None:
    alone = replace(with_root(CXF, "<m:a/>"), parts=with_root(CXF, "<m:a/>").parts[:1])
    found = unpack(alone.body(), alone.content_type, max_part_bytes=1 << 20)

    assert found is not None
    assert (found.root, found.attachments.parts) == (envelope("<m:a/>"), ())


@pytest.mark.parametrize("other", ["<a-2@cxf.apache.org>", "A-2@CXF.apache.org", "a-2%40cxf.apache.org"])
def test_two_parts_with_one_id_are_refused(other: str) -> None:
    twice = CXF.with_part(1, CXF.parts[1].with_field("Content-ID", other))
    assert refused(twice, "parts 2 and 3 of the multipart message have the same Content-ID") is Reason.STRUCTURE


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("cid:missing@x", "names cid:missing@x, which is no part"),
        ("cid:root.message@cxf.apache.org", "no part of the message beside the root"),
        ("cid:A-1@cxf.apache.org", "no part of the message"),
        ("cid:a-1@cxf.apache.org%2F", "no part of the message"),
    ],
)
def test_an_include_names_a_part_of_this_message(text: str, words: str) -> None:
    assert refused(with_root(CXF, f"<m:a>{include(text)}</m:a>"), words) is Reason.STRUCTURE


def test_each_part_is_included_once() -> None:
    one = include("cid:a-1@cxf.apache.org")
    assert refused(with_root(CXF, f"<m:a>{one}</m:a><m:b>{one}</m:b>"), "each part may be included once")


def test_an_include_in_what_is_not_sent_as_xop_is_refused() -> None:
    message = with_root(SAAJ, f"<m:a>{include('cid:one')}</m:a>")
    assert refused(message, "it must be sent as application/xop+xml") is Reason.STRUCTURE


def test_a_start_that_names_no_part_is_refused() -> None:
    other = replace(CXF, content_type=CXF.content_type.replace("root.message", "other"))
    assert (
        refused(other, "no part of the multipart message has the Content-ID other@cxf.apache.org") is Reason.STRUCTURE
    )


def test_a_part_over_the_limit_is_refused() -> None:
    assert refused(CXF, "more than the 100 that a part may have", 100) is Reason.LIMITS


def test_a_root_of_no_type_is_refused() -> None:
    bare = CXF.with_part(0, CXF.parts[0].with_field("Content-Type", None))
    assert refused(bare, "the Content-Type of the root part does not begin") is Reason.STRUCTURE
