"""Which header fields cross, and what is remembered of their names."""

import pytest

from gateway.wire import header_fields as forwarding
from gateway.wire.header_fields import is_field_value, passing, request_headers, single, unforwardable_field


@pytest.fixture(autouse=True)
def _nothing_is_known() -> None:
    forwarding._NAMES.clear()


def _names(fields: list[tuple[str, str]]) -> list[str]:
    return [name for name, _ in fields]


@pytest.mark.parametrize("again", [False, True], ids=["a name that is new", "a name that is known"])
def test_a_field_crosses_by_its_name_in_any_spelling(again: bool) -> None:
    fields = [
        (b"X-Kept", b"1"),
        (b"x-kept", b"2"),
        (b"Keep-Alive", b"9"),
        (b"TE", b"trailers"),
        (b"WSSGate-Verdict", b"accepted"),
        (b"wssgate_key", b"new"),
        (b"not a name", b"x"),
        (b"X-Broken", b"a\nb"),
    ]
    if again:
        request_headers(fields)
    assert request_headers(fields) == [("x-kept", "1"), ("x-kept", "2"), ("accept-encoding", "gzip, deflate")]
    allowed = {b"x-kept", b"x-broken"}
    assert passing(fields, allowed) == [(b"x-kept", b"1"), (b"x-kept", b"2")]


@pytest.mark.parametrize(
    "name",
    [
        b"X_Forwarded_For",
        b"x_forwarded-for",
        b"Content_Length",
        b"Transfer_Encoding",
        b"Host_",
        b"WSSGate_Verdict",
        b"wssgate_key",
        b"X.Forwarded.For",
        b"WSSGate.Verdict",
        b"Content!Length",
    ],
)
def test_a_field_that_a_cgi_would_take_for_another_does_not_cross(name: bytes) -> None:
    assert _names(request_headers([(name, b"1"), (b"X-Kept", b"2")])) == ["x-kept", "accept-encoding"]


def test_what_connection_names_ends_here_wherever_it_stands() -> None:
    fields = [(b"X-A", b"1"), (b"Connection", b"close, X-A"), (b"x-b", b"2"), (b"connection", b"X-B"), (b"x-c", b"3")]
    assert _names(request_headers(fields)) == ["x-c", "accept-encoding"]
    assert passing(fields, {b"x-a", b"x-b", b"x-c"}) == [(b"x-c", b"3")]


def test_fields_made_anew_do_not_cross() -> None:
    fields = [(b"Host", b"a"), (b"Content-Length", b"4"), (b"Content-Type", b"text/xml"), (b"Accept-Encoding", b"br")]
    assert request_headers(fields) == [("content-type", "text/xml"), ("accept-encoding", "gzip, deflate")]


@pytest.mark.parametrize(("value", "expected"), [(b"text/xml\r\nX: y", False), (b"a\x00", False), (b"\xe9\t", True)])
def test_a_value_that_would_make_two_fields_is_none(value: bytes, expected: bool) -> None:
    assert is_field_value(value) is expected


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ([(b"X-A", b"1"), (b"X-B", b"\xe9\t2")], None),
        ([(b"X-A", b"1\x00")], "X-A"),
        ([(b"Connection", b"\x01")], None),
        ([(b"X A", b"1")], "with a name that is none"),
        ([(b"", b"1")], "with a name that is none"),
    ],
)
def test_a_field_that_cannot_be_passed_on_is_named_as_it_came(
    fields: list[tuple[bytes, bytes]], found: str | None
) -> None:
    assert unforwardable_field(fields) == found


def test_the_first_of_several_is_taken() -> None:
    fields = [(b"X-A", b"1"), (b"HOST", b"a"), (b"Host", b"b")]
    assert single(fields, b"host") == b"a"
    assert single(fields, b"content-type") is None


def test_strangers_fill_no_memory_with_names() -> None:
    long = b"x" * 65
    assert request_headers([(long, b"1")])[0] == (long.decode(), "1")
    assert long not in forwarding._NAMES
    many = [(b"x-%d" % number, b"1") for number in range(2000)]
    assert len(request_headers(many)) == 2001
    assert len(forwarding._NAMES) <= 512
    assert b"x-1999" in forwarding._NAMES, "the names of a stranger do not keep others out"
