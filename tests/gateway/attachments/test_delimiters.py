"""Where parts begin and end."""

import re

import pytest

from gateway.attachments.delimiters import MAX_PARTS, part_ranges
from gateway.verify import Reason, Rejection


def parts_of(body: bytes) -> list[bytes]:
    return [body[begin:end] for begin, end in part_ranges(body, "b")]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"--b\r\na\r\n--b--", [b"a"]),
        (b"--b\r\na\r\n--b--\r\n", [b"a"]),
        (b"\r\n--b\r\na\r\n--b-- \t\r\n\n", [b"a"]),
        (b" \r\n\r\n--b\r\n\r\n\r\n--b\r\na\n\r\r\n--b--", [b"\r\n", b"a\n\r"]),
        (b"--b\r\n--\r\n-b\r\n\n-b\r\n--b--", [b"--\r\n-b\r\n\n-b"]),
        (b"--b\r\n\r\n--b--", [b""]),
    ],
)
def test_parts_are_what_stands_between(body: bytes, expected: list[bytes]) -> None:
    assert parts_of(body) == expected


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "does not occur in the body"),
        (b"-b\r\na\r\n--B--", "does not occur in the body"),
        (b"text\r\n--b\r\na\r\n--b--", "text before its first part"),
        (b" " * 1023 + b"\r\n--b\r\na\r\n--b--", "text before its first part"),
        (b"\n--b\r\na\r\n--b--", "not at the begin of a line"),
        (b" --b\r\na\r\n--b--", "not at the begin of a line"),
        (b"--b\na\r\n--b--", "at the begin"),
        (b"--b \r\na\r\n--b--", "at the begin"),
        (b"--b", "at the begin"),
        (b"--b-\r\na\r\n--b--", "at the begin"),
        (b"--b\r\na", "part 1 of the multipart message has no end"),
        (b"--b\r\na\r\n--b\r\nc", "part 2 of the multipart message has no end"),
        (b"--b\r\na\r\n--b", "in part 1"),
        (b"--b\r\na\r\n--bc\r\n--b--", "in part 1"),
        (b"--b\r\na\r\n--b \r\n--b--", "in part 1"),
        (b"--b\r\na\r\n--b\n--b--", "in part 1"),
        (b"--b\r\na\n--b--", "in part 1"),
        (b"--b\r\na\r--b--", "in part 1"),
        (b"--b\r\na--b--", "in part 1"),
        (b"--b\r\na\r\n---b--", "in part 1"),
        (b"--b\r\n--b--", "in part 1"),
        (b"--b\r\na\r\n--b\r\nc --b c\r\n--b--", "in part 2"),
        (b"--b--", "has no parts"),
        (b"--b--\r\na\r\n--b--", "has no parts"),
        (b"--b\r\na\r\n--b--x", "text behind its last part"),
        (b"--b\r\na\r\n--b--\0", "text behind its last part"),
        (b"--b\r\na\r\n--b--\r\n--b\r\na\r\n--b--", "text behind its last part"),
        (b"--b\r\na\r\n--b--" + b" " * 1025, "text behind its last part"),
    ],
)
def test_what_readers_could_take_for_another_place_is_refused(body: bytes, words: str) -> None:
    with pytest.raises(Rejection, match=re.escape(words)) as found:
        parts_of(body)
    assert found.value.reason is Reason.STRUCTURE


def test_a_hundred_parts_are_read_and_no_more() -> None:
    body = b"--b\r\na\r\n" * MAX_PARTS
    assert len(parts_of(body + b"--b--")) == MAX_PARTS
    with pytest.raises(Rejection, match="more than 100 parts") as found:
        parts_of(body + b"--b\r\na\r\n--b--")
    assert found.value.reason is Reason.LIMITS
