"""Shapes: a Body with the tags of one that was parsed needs no parser, and any other gets one."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from lxml import etree

from gateway.verify.algorithms import Canonicalization
from gateway.verify.c14n import canonicalize
from gateway.verify.fastpath.body_tags import (
    _AGAIN,
    _TRIAL,
    LONGEST,
    MOST_OCTETS,
    Shape,
    Shapes,
    are_characters,
    shape_of,
)

SHAPE = Shape("{urn:o}op", 1, frozenset())


@pytest.mark.parametrize(
    ("content", "shape"),
    [
        (b"><a>1</a>", b"><a></a>"),
        (b">\n <a>1<b>2</b> </a>\n", b"><a><b></b></a>\n"),
        (b'><a>it\'s "so"</a>', b"><a></a>"),
        (b"><a>1 > 0</a>", b"><a>1 ></a>"),
        (b"><a>&amp;</a>", b"><a>&amp;</a>"),
        (b"><a></a>behind", b"><a></a>behind"),
        (b"><a><![CDATA[x]]></a>", b"><a><![CDATA[x]]></a>"),
    ],
)
def test_a_shape_is_what_is_left_without_plain_texts(content: bytes, shape: bytes) -> None:
    assert shape_of(content) == shape


@pytest.mark.parametrize(
    "text",
    [
        *(bytes([octet]) for octet in range(1, 128) if octet not in b"<>&"),
        *(character.encode() for character in "\x80\x85\xa0é\u2028\ud7ff\ue000\ufeff\ufffd\U00010000\U0010ffff"),
        b"\xef\xbf\xbe",
        b"\xef\xbf\xbf",
        b"\xff",
        b"\x80",
        b"\xc0\x80",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\xe2\x82",
    ],
)
def test_what_counts_as_characters_is_what_the_parser_admits_and_c14n_leaves_alone(text: bytes) -> None:
    document = b"<a>x" + text + b"</a>"
    try:
        same = canonicalize(etree.fromstring(document), Canonicalization.EXCLUSIVE) == document
    except etree.XMLSyntaxError:
        same = False

    assert are_characters(text) is same


def test_other_texts_between_the_same_tags_are_found() -> None:
    shapes = Shapes()
    shapes.learn(b"><a>1</a></b></e>", SHAPE)

    assert shapes.find("><a>zwei €</a></b></e>".encode()) is SHAPE
    assert shapes.find(b"><a></a></b></e>") is SHAPE
    for other in (b"><a>\x01</a></b></e>", b"><a>1</a></b></e>x", b"><c>1</c></b></e>", b"><a>>1</a></b></e>", b""):
        assert shapes.find(other) is None


def test_few_shapes_are_kept_and_no_large_ones() -> None:
    def tags(number: int, size: int) -> bytes:
        return b"><a%0*d></a>" % (size - 8, number)

    shapes, largest = Shapes(), LONGEST - SHAPE.size
    shapes.learn(tags(0, largest + 1), SHAPE)
    assert shapes.find(tags(0, largest + 1)) is None

    for number in range(MOST_OCTETS // LONGEST + 1):
        shapes.learn(tags(number, largest), SHAPE)
        shapes.learn(tags(number, largest), SHAPE)

    assert shapes.find(tags(0, largest)) is None
    assert all(shapes.find(tags(number, largest)) for number in range(1, MOST_OCTETS // LONGEST + 1))


def test_what_is_known_of_a_shape_counts() -> None:
    shapes = Shapes()
    shapes.learn(b"><a></a>", Shape("o" * LONGEST, 1, frozenset()))
    shapes.learn(b"><a></a>", Shape("o", 1, frozenset({b"x" * LONGEST})))

    assert shapes.find(b"><a></a>") is None


def test_what_is_never_repeated_is_not_looked_for_for_ever() -> None:
    shapes = Shapes()

    asked = [shapes.is_worth_asking() for _ in range(_AGAIN + _TRIAL)]

    assert sum(asked) == 2 * _TRIAL
    assert asked[:_TRIAL] == asked[_AGAIN : _AGAIN + _TRIAL] == [True] * _TRIAL


def test_threads_learn_in_vain_at_worst() -> None:
    shapes = Shapes()

    def learn(number: int) -> None:
        for turn in range(60):
            content = b"><a%d>" % (number * 100 + turn) + b"<b></b>" * 800 + b"</a>"
            shapes.learn(content, SHAPE)
            shapes.find(content)

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(learn, range(8))) == [None] * 8
    assert sum(len(octets) + shape.size for octets, shape in shapes._known.items()) <= MOST_OCTETS


def test_what_is_repeated_is_looked_for_on_and_on() -> None:
    shapes = Shapes()
    shapes.learn(b"><a></a>", SHAPE)

    for _ in range(2 * _AGAIN):
        assert shapes.is_worth_asking()
        assert shapes.find(b"><a>1</a>") is SHAPE
