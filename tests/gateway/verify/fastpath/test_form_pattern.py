"""Canonical forms that are filled in are those that C14N makes."""

import string

import pytest
from lxml import etree

from gateway.verify.algorithms import Canonicalization
from gateway.verify.c14n import canonicalize
from gateway.verify.fastpath.form_pattern import Markers, is_plain

TEXT = '<d:e xmlns:d="urn:100%25" a="{0}"><d:f>{1}</d:f> 100 % %b <g b="{0}"/></d:e>'


def form(*values: str) -> bytes:
    return canonicalize(etree.fromstring(TEXT.format(*values)), Canonicalization.EXCLUSIVE)


def test_a_filled_pattern_is_the_canonical_form() -> None:
    markers = Markers("0", 2)

    pattern = markers.pattern(form(*(marker.decode() for marker in markers.all)))

    assert pattern.positions == (0, 1, 0)
    assert pattern.filled([b"one", b"two"]) == form("one", "two")
    assert pattern.filled([b"%b", b""]) == form("%b", "")


def test_a_form_without_values_is_filled_with_nothing() -> None:
    assert Markers("0", 1).pattern(b"<a>100 %</a>").filled([b"x"]) == b"<a>100 %</a>"


@pytest.mark.parametrize("octet", sorted({*range(256)} - {0}))
def test_what_is_plain_stands_in_the_canonical_form_as_it_is_written(octet: int) -> None:
    """And nothing that a document can hold is taken for plain that does not."""
    value = bytes([octet])
    for template, plain in (
        (b'<a b="%b"></a>', is_plain([value], [])),
        (b"<a>x%bx</a>", is_plain([], [value])),
    ):
        text = template % value
        try:
            same = canonicalize(etree.fromstring(text), Canonicalization.EXCLUSIVE) == text
        except etree.XMLSyntaxError:
            same = False
        assert same or not plain


def test_what_values_are_made_of_is_plain() -> None:
    assert is_plain([b"id-1_2.3:4", b"urn:uuid:1", b"a+/="], [string.printable[:62].encode() + b"+/=\n", b"two words"])
    assert not is_plain([b"two words"], [])
    assert not is_plain([], ["é".encode()])
    assert is_plain([], [])
