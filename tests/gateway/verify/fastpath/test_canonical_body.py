"""A Body that is written in canonical form is seen to be, and any other is left to C14N."""

import random
from functools import partial
from typing import Final

import pytest

from gateway.verify import Policy
from gateway.verify.algorithms import Canonicalization
from gateway.verify.c14n import canonicalize
from gateway.verify.fastpath.canonical_body import LONGEST_OPERATION, MOST_OPERATIONS, CanonicalBodies
from gateway.verify.parsing import parse_admitted, parse_own
from gateway.verify.reason import Rejection
from gateway.verify.xml_names import SOAP11
from tests.conftest import Count

EXCLUSIVE: Final = Canonicalization.EXCLUSIVE
PLAIN: Final = (f'<s:Envelope xmlns:s="{SOAP11}" xmlns:w="urn:w">', "<s:Body>")


class Bodies:
    """What is known of Bodies of one template, and documents of it."""

    def __init__(
        self, envelope: str, body: str, method: Canonicalization = EXCLUSIVE, prefixes: tuple[str, ...] = ()
    ) -> None:
        self.opening = (envelope + body).encode()
        name = body.partition(" ")[0].strip("<>").encode()
        self.end, self.closing = b"</%b>" % name, b"</%b></s:Envelope>" % name
        self.canonicalize = partial(canonicalize, method=method, prefix_list=prefixes)
        self.start = self.canonicalize(parse_own(self.opening + self.closing)[-1]).removesuffix(self.end)
        self.known = CanonicalBodies(self.opening, self.closing, self.end, self.start, self.canonicalize)

    def seen(self, content: str, closing: bytes | None = None) -> bytes | None:
        """The canonical form, if it is seen without canonicalizing the second time; it is the one that C14N makes."""
        text = self.opening + content.encode() + (closing or self.closing)
        document, begin = parse_admitted(text, Policy()), len(self.opening)
        first = self.known.form(document, begin, self.start)
        self.known.learn(document, begin)
        form = self.known.form(document, begin, self.start)
        canonical = self.canonicalize(document.root[-1])
        assert (first, form) in {(None, None), (None, canonical), (canonical, canonical)}
        return form


@pytest.mark.parametrize(
    "content",
    [
        '<o:op xmlns:o="urn:o"></o:op>',
        '<o:op xmlns:o="urn:o">text</o:op>',
        '\n\t <o:op xmlns:o="urn:o">\n  <o:a>1</o:a>\n</o:op>\n',
        '<o:op xmlns:o="urn:o" a="1" b="2"><o:a><o:b>ü 🔑</o:b></o:a></o:op>',
        '<o:op xmlns:o="urn:o"><o:a>1 &lt; 2 &amp;&amp; 2 &gt; 1</o:a></o:op>',
        '<op xmlns="urn:o"><a>1</a><a></a></op>',
        "<op><a>1</a></op>",
        '<s:Fault xmlns:s="urn:mine"><s:a></s:a></s:Fault>',
        "<s:Fault><faultcode>s:Server</faultcode></s:Fault>",
        '<w:op xmlns:w="urn:w"><w:a></w:a></w:op>',
    ],
)
def test_what_is_written_in_canonical_form_is_seen(content: str) -> None:
    assert (
        Bodies(*PLAIN).seen(content) == b'<s:Body xmlns:s="' + SOAP11.encode() + b'">' + content.encode() + b"</s:Body>"
    )


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("", id="no operation"),
        pytest.param("text", id="text alone"),
        pytest.param("text<op></op>", id="text before it"),
        pytest.param("<op></op><op></op>", id="two"),
        pytest.param("<op/>", id="an empty one"),
        pytest.param("<op><a/></op>", id="an empty element"),
        pytest.param("<op><a ></a></op>", id="a space in a start tag"),
        pytest.param("<op><a\n></a></op>", id="a line feed in a start tag"),
        pytest.param("<op><a></a\t></op>", id="a tab in an end tag"),
        pytest.param("<op></op >", id="a space in its own end tag"),
        pytest.param("<op >1</op>", id="a space in its start tag"),
        pytest.param("<op>1 > 0</op>", id="a bare >"),
        pytest.param("<op>&quot;</op>", id="a reference that C14N resolves"),
        pytest.param("<op>a\rb</op>", id="a carriage return"),
        pytest.param('<op><a b="1"></a></op>', id="an attribute"),
        pytest.param("<op><a b='1'></a></op>", id="an attribute in apostrophes"),
        pytest.param("<op>it's</op>", id="what could be an attribute"),
        pytest.param('<op b="1" a="2"></op>', id="attributes out of order"),
        pytest.param("<op  a='1'></op>", id="apostrophes in its start tag"),
        pytest.param('<op  a="1"></op>', id="two spaces in its start tag"),
        pytest.param('<op a="a&#10;b"></op>', id="a reference in its start tag"),
        pytest.param('<op xmlns:n="urn:n"></op>', id="a declaration that nobody uses"),
        pytest.param("<w:op></w:op>", id="its own prefix declared outside"),
        pytest.param("<op><w:a></w:a></op>", id="a prefix further in declared outside"),
        pytest.param('<o:op xmlns:o="urn:o" xmlns:p="urn:p"><p:a></p:a></o:op>', id="a prefix declared too early"),
        pytest.param('<op xmlns=""></op>', id="a declaration of nothing"),
        pytest.param("<größe></größe>", id="a name beyond ASCII"),
        pytest.param("<op><!-- c --></op>", id="a comment"),
        pytest.param("<op><![CDATA[1]]></op>", id="a section"),
        pytest.param("<op><?p?></op>", id="an instruction"),
        pytest.param("<op>&#49;</op>", id="a character reference"),
    ],
)
def test_what_is_written_otherwise_is_left_to_c14n(content: str) -> None:
    assert Bodies(*PLAIN).seen(content) is None


def test_the_end_tag_of_the_body_counts() -> None:
    assert Bodies(*PLAIN).seen("<op></op>", b"</s:Body></s:Envelope >") is not None
    assert Bodies(*PLAIN).seen("<op></op>", b"</s:Body ></s:Envelope>") is None


def test_a_default_namespace_that_is_not_declared_inside_is_left_to_c14n() -> None:
    """Within it `<op>` is another element than outside, and would have to say so."""
    envelope = f'<s:Envelope xmlns:s="{SOAP11}" xmlns="urn:default">'

    assert Bodies(envelope, "<s:Body>").seen("<op></op>") is None
    assert Bodies(envelope, "<s:Body>").seen('<o:op xmlns:o="urn:o"><a></a></o:op>') is None
    assert Bodies(envelope, "<s:Body>").seen('<op xmlns="urn:default"><a></a></op>') is not None
    # It would be right, and is too rare to be worth a rule.
    assert Bodies(envelope, '<s:Body xmlns="">').seen("<op></op>") is None


def test_so_many_prefixes_that_are_not_declared_are_searched_for_and_no_more() -> None:
    def declared(count: int) -> str:
        return f'<s:Envelope xmlns:s="{SOAP11}" ' + " ".join(f'xmlns:p{n}="urn:{n}"' for n in range(count)) + ">"

    assert Bodies(declared(4), "<s:Body>").seen("<op><a></a></op>") is not None
    assert Bodies(declared(4), "<s:Body>").seen("<op><p3:a></p3:a></op>") is None
    assert Bodies(declared(5), "<s:Body>").seen("<op><a></a></op>") is None


def test_few_operations_are_remembered() -> None:
    bodies = Bodies(*PLAIN)

    for number in range(MOST_OPERATIONS):
        assert bodies.seen(f"<op{number}></op{number}>") is not None
    assert bodies.seen("<late></late>") is None
    for number in range(MOST_OPERATIONS):
        assert bodies.seen(f"<op{number}></op{number}>") is not None


def test_a_long_start_tag_is_not_remembered() -> None:
    assert Bodies(*PLAIN).seen(f'<op a="{"x" * (LONGEST_OPERATION - 9)}"></op>') is not None
    assert Bodies(*PLAIN).seen(f'<op a="{"x" * (LONGEST_OPERATION - 8)}"></op>') is None


CONTEXTS: Final = [
    PLAIN,
    (f'<s:Envelope xmlns:s="{SOAP11}" xmlns="urn:o">', '<s:Body Id="b">'),
    (f'<s:Envelope xmlns:s="{SOAP11}" xml:lang="de" xmlns:o="urn:o">', '<s:Body xmlns:w="urn:w" w:Id="b">'),
    (f'<s:Envelope xmlns:s="{SOAP11}" xmlns:o="urn:o">', f'<Body xmlns="{SOAP11}" xml:space="preserve">'),
    (f'<s:Envelope xmlns:s="{SOAP11}" xmlns:o="urn:other" xmlns:p="urn:p">', '<s:Body xmlns:o="urn:o">'),
]
METHODS: Final[list[tuple[Canonicalization, tuple[str, ...]]]] = [
    (EXCLUSIVE, ()),
    (EXCLUSIVE, ("o", "#default")),
    (Canonicalization.INCLUSIVE_1_0, ()),
    (Canonicalization.INCLUSIVE_1_1, ()),
]
OPERATIONS: Final = (
    "op",
    "o:op",
    'o:op xmlns:o="urn:o"',
    'op xmlns="urn:o"',
    'p:op xmlns:p="urn:p"',
    'op xmlns=""',
    'op b="1"',
)
NAMES: Final = ("a", "o:a", "p:a", "s:a")
TEXTS: Final = ("", "", "1", "\n  ", "&amp;", "&lt;", "é")
RARE: Final = (
    "<a/>",
    ">",
    "\r",
    "&apos;",
    '<a b="1"></a>',
    '"',
    "<a ></a>",
    "<a></a\n>",
    '<o:a xmlns:o="urn:x"></o:a>',
)


def drawn(draw: random.Random) -> str:
    """The content of a Body, odd in one place of eight."""

    def inside(depth: int) -> str:
        parts = [draw.choice(TEXTS)]
        for _ in range(draw.randrange(3) if depth < 3 else 0):
            name = draw.choice(NAMES)
            parts += [f"<{name}>{inside(depth + 1)}</{name}>", draw.choice(TEXTS)]
        return "".join(parts) + (draw.choice(RARE) if draw.randrange(8) == 0 else "")

    operation = draw.choice(OPERATIONS)
    return f"{draw.choice(('', chr(10)))}<{operation}>{inside(0)}</{operation.partition(' ')[0]}>"


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize(("method", "prefixes"), METHODS)
def test_drawn_bodies_have_the_form_that_c14n_makes(
    context: tuple[str, str], method: Canonicalization, prefixes: tuple[str, ...], count: Count
) -> None:
    draw = random.Random(f"{context} {method} {prefixes}")  # noqa: S311 - the same Bodies every time, no secrets
    seen: list[bool] = []
    for _ in range(300):
        bodies, content = Bodies(*context, method, prefixes), drawn(draw)
        try:
            seen.append(bodies.seen(content) is not None)
        except Rejection:  # a prefix that is not declared at all
            continue

    assert 0 < sum(seen) < len(seen)
    count("Bodies drawn", "seen to be canonical", sum(seen))
    count("Bodies drawn", "canonicalized", len(seen) - sum(seen))
