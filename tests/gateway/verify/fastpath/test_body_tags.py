"""Known tags: a Body with the tags of one that was parsed needs no parser, and any other gets one."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from lxml import etree

from gateway.verify.algorithms import Canonicalization
from gateway.verify.c14n import canonicalize
from gateway.verify.document_limits import MAX_NAMESPACE_NAME
from gateway.verify.fastpath.body_tags import (
    AGAIN,
    LONGEST,
    MOST_OCTETS,
    TRIAL,
    BodyContent,
    TagSequences,
    are_characters,
    body_content,
    tags_of,
)
from gateway.verify.fastpath.header_prefix import Differs
from gateway.verify.xml_names import SOAP11, XENC, XOP, XSI

OPENING = f'<s:Envelope xmlns:s="{SOAP11}" xmlns:t="urn:t"><s:Body>'.encode()
END, CLOSING = b"</s:Body>", b"</s:Body></s:Envelope>"


def content(inside: bytes, closing: bytes = CLOSING) -> BodyContent:
    return body_content(OPENING + inside + closing, len(OPENING), END, CLOSING)


def learnt(*bodies: bytes) -> TagSequences:
    """Tags that know these Bodies, if they are fit to be known."""
    known = TagSequences()
    for inside in bodies:
        known.learn(content(inside), etree.fromstring(OPENING + inside + CLOSING)[-1])
    return known


@pytest.mark.parametrize(
    ("octets", "tags"),
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
def test_the_tags_are_what_is_left_without_plain_texts(octets: bytes, tags: bytes) -> None:
    assert tags_of(octets) == tags


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
    known = learnt(b"<a><b>1</b></a>")

    found = known.find(content("<a><b>zwei €</b></a>".encode()))
    assert found is not None
    assert (found.operation, found.children, found.quoted) == ("a", 1, frozenset())
    assert known.find(content(b'<a><b></b>it\'s "so"</a>')) is found
    for other in (b"<a><b>\x01</b></a>", b"<c><b>1</b></c>", b"<a><b>>1</b></a>", b"<a><b>1\r</b></a>", b"<a/>", b""):
        assert known.find(content(other)) is None


@pytest.mark.parametrize(
    "inside",
    [
        pytest.param(b"<a><b/></a>", id="an empty element: not in canonical form"),
        pytest.param(b'<a ><b c="1"></b></a>', id="a space in a tag"),
        pytest.param(b'<a><b c="1"></b></a>', id="an attribute further in"),
        pytest.param(b"<a c='1'></a>", id="apostrophes"),
        pytest.param(b'<a c="1" b="2"></a>', id="attributes out of order"),
        pytest.param(b"<a>1 &amp; 2</a>", id="a reference"),
        pytest.param(b"<a>1 > 2</a>", id="a bare >"),
        pytest.param(b"<a>1\r</a>", id="a carriage return"),
        pytest.param(b"<a><!-- c --></a>", id="a comment"),
        pytest.param(b"<a><![CDATA[1]]></a>", id="a section"),
        pytest.param(b"<a><?p?></a>", id="an instruction"),
        pytest.param(b"<t:a></t:a>", id="a prefix that is declared outside"),
        pytest.param(b'<a xmlns:u="urn:u"></a>', id="a declaration that nobody uses"),
        pytest.param(f'<x:a xmlns:x="{XENC}"></x:a>'.encode(), id="encryption"),
        pytest.param(f'<x:a xmlns:x="{XOP}"></x:a>'.encode(), id="an attachment"),
        pytest.param(f'<a xmlns:x="{XSI}" x:type="t:T"></a>'.encode(), id="a type whose prefix is not protected"),
        pytest.param(b'<x:a xmlns:x="urn:' + b"n" * MAX_NAMESPACE_NAME + b'"></x:a>', id="a long namespace name"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"text", id="text alone"),
    ],
)
def test_tags_that_the_conclusion_does_not_hold_for_are_not_learnt(inside: bytes) -> None:
    """Whoever calls, and whatever other modules have seen to."""
    assert learnt(inside).octets == 0


@pytest.mark.parametrize(
    ("closing", "admitted"),
    [
        (b"</s:Body> \n</s:Envelope>\n", True),
        (b"</s:Body></s:Envelope >", True),
        (b"</s:Body>text</s:Envelope>", False),
        (b"</s:Body>\xc2\xa0</s:Envelope>", False),
        (b"</s:Body ></s:Envelope>", False),
        (b"</s:Body><x></x></s:Envelope>", False),
        (b"</s:Body>", False),
        (b"", False),
    ],
)
def test_what_stands_behind_the_body_is_looked_at(closing: bytes, *, admitted: bool) -> None:
    if not admitted:
        with pytest.raises(Differs):
            content(b"<a></a>", closing)
        return
    assert content(b"<a></a>", closing).form(b"<s:Body>", END) == b"<s:Body><a></a></s:Body>"


def test_few_sequences_are_kept_and_no_large_ones() -> None:
    def body(number: int, size: int) -> bytes:
        name = b"a%0*d" % (size, number)
        return b"<%b></%b>" % (name, name)

    largest = 2000
    while learnt(body(0, largest + 1)).octets:
        largest += 1
    assert learnt(body(0, largest)).octets in range(LONGEST - 4, LONGEST + 1)

    many = MOST_OCTETS // LONGEST + 1
    known = learnt(*[body(number, largest) for number in range(many) for _ in range(2)])

    assert known.octets <= MOST_OCTETS
    assert known.find(content(body(0, largest))) is None
    assert all(known.find(content(body(number, largest))) for number in range(1, many))


def test_what_is_known_of_a_sequence_counts() -> None:
    quoted = b'<a b="%b"></a>' % (b"x" * (LONGEST // 2))
    assert learnt(quoted).octets == 0
    assert learnt(b"<a>" + b"<b></b>" * (LONGEST // 9) + b"</a>").octets > LONGEST // 2


def test_what_is_never_repeated_is_not_looked_for_for_ever() -> None:
    known = TagSequences()

    asked = [known.is_worth_asking() for _ in range(AGAIN + TRIAL)]

    assert sum(asked) == 2 * TRIAL
    assert asked[:TRIAL] == asked[AGAIN : AGAIN + TRIAL] == [True] * TRIAL


def test_threads_learn_in_vain_at_worst() -> None:
    known = TagSequences()

    def learn(number: int) -> None:
        for turn in range(60):
            name = b"a%d" % (number * 100 + turn)
            inside = b"<%b>%b</%b>" % (name, b"<b></b>" * 800, name)
            known.learn(content(inside), etree.fromstring(OPENING + inside + CLOSING)[-1])
            known.find(content(inside))

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(learn, range(8))) == [None] * 8
    assert 0 < known.octets <= MOST_OCTETS


def test_what_is_repeated_is_looked_for_on_and_on() -> None:
    known = learnt(b"<a></a>")

    for _ in range(2 * AGAIN):
        assert known.is_worth_asking()
        assert known.find(content(b"<a>1</a>")) is not None
