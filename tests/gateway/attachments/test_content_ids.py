"""Content-IDs and the addresses that name them."""

import pytest

from gateway.attachments.content_ids import address_of, named_by, read_content_id
from gateway.verify import Rejection


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("<a@x>", ("a@x", "a@x")),
        ("a@x", ("a@x", "a@x")),
        ("<http://tempuri.org/0>", ("http://tempuri.org/0",) * 2),
        ("<rootpart*8d07@example.jaxws.sun.com>", ("rootpart*8d07@example.jaxws.sun.com",) * 2),
        ("<0.urn:uuid:A3A2@apache.org>", ("0.urn:uuid:A3A2@apache.org",) * 2),
        ("<d-2@http%3A%2F%2Fcxf.apache.org%2F>", ("d-2@http%3A%2F%2Fcxf.apache.org%2F", "d-2@http://cxf.apache.org/")),
        ("<a&b{c}>", ("a&b{c}", "a&b{c}")),
    ],
)
def test_a_content_id_is_read_without_brackets_and_escapes(value: str, expected: tuple[str, str]) -> None:
    assert read_content_id(value, "it") == expected
    assert named_by(address_of(expected[0]), "it") == expected[1]


@pytest.mark.parametrize(
    "value",
    [
        *("", "<>", "<a", "a>", "<<a>>", "< a>", "<a> x", "a b", '"a"', "<a(b)>", "<a\\b>", "<a,b>", "<a#b>", "<ä>"),
        *("<a%>", "<a%4>", "<a%zz>", "<a%2540x>", "<a%20x>", "<a%00>", "<a%C3%A4>", "<a%3Cx>"),
        *("<cid:a>", "<CID:a>", "<%63id:a>", "<=?q?x?=>", f"<{'a' * 256}>"),
    ],
)
def test_what_readers_compare_differently_is_refused(value: str) -> None:
    with pytest.raises(Rejection, match="no Content-ID"):
        read_content_id(value, "it")


@pytest.mark.parametrize(
    "address",
    ["", "a", "CID:a", "cid:", "http://x/a", "file:///a", "#a", " cid:a", "cid:a#b", "cid:a?b", "cid:<a>", "cid:cid:a"],
)
def test_an_address_of_something_else_is_refused(address: str) -> None:
    with pytest.raises(Rejection, match="it "):
        named_by(address, "it")
