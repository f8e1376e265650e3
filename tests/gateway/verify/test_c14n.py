"""Canonical forms: against libxmlsec on random documents, against the vectors of others, and against the clauses."""

import base64
import hashlib
import re
import threading
from pathlib import Path

import pytest
import xmlsec
from lxml import etree

from fixtures.manifest import SHARED
from gateway.verify import c14n
from gateway.verify.algorithms import Canonicalization
from gateway.verify.budget import WorkBudget
from gateway.verify.c14n import canonicalize, join_uri_references
from gateway.verify.reason import Reason, Rejection
from tests.conftest import Count
from tests.gateway.verify.documents import element, parsed
from tests.gateway.verify.random_documents import RandomDocument

EXCLUSIVE, INCLUSIVE_1_0, INCLUSIVE_1_1 = Canonicalization
VECTORS = SHARED / "corpus" / "vectors" / "c14n"
vectors = pytest.mark.skipif(
    not VECTORS.is_dir(), reason="the vectors are not beside this repository; TESTING_SHARED may name their folder"
)

DS = "http://www.w3.org/2000/09/xmldsig#"
HMAC = "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"
SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
ROUNDS = 8
DOCUMENTS_A_ROUND = 40
APEXES = 5
FORMS_AT_LEAST = 500
"""Canonical forms compared in a round."""

Form = tuple[str, Canonicalization, tuple[str, ...]]
"""Id of the apex, method, PrefixList."""


# libxmlsec as the judge


def libxmlsec_digests(text: str, mark: str, forms: list[Form]) -> list[bytes]:
    """SHA-256 of the canonical forms as libxmlsec computes them: one Signature with a Reference to each."""
    references = "".join(
        f'<ds:Reference URI="#{identifier}"><ds:Transforms><ds:Transform Algorithm="{method}">'
        + (f'<ec:InclusiveNamespaces xmlns:ec="{EXCLUSIVE}" PrefixList="{" ".join(prefixes)}"/>' if prefixes else "")
        + f'</ds:Transform></ds:Transforms><ds:DigestMethod Algorithm="{SHA256}"/><ds:DigestValue/></ds:Reference>'
        for identifier, method, prefixes in forms
    )
    template = (
        f'<ds:Signature xmlns:ds="{DS}"><ds:SignedInfo><ds:CanonicalizationMethod Algorithm="{EXCLUSIVE}"/>'
        f'<ds:SignatureMethod Algorithm="{HMAC}"/>{references}</ds:SignedInfo><ds:SignatureValue/></ds:Signature>'
    )
    root = parsed(text.replace(mark, template))
    signature = root.find(f"{{{DS}}}Signature")
    assert signature is not None
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_binary_data(xmlsec.constants.KeyDataHmac, bytes(32))
    for node in root.iter(etree.Element):
        if node.get("Id") is not None:
            context.register_id(node, "Id")
    context.sign(signature)
    return [base64.b64decode(value.text or "") for value in signature.iter(f"{{{DS}}}DigestValue")]


@pytest.mark.parametrize("number", range(ROUNDS))
def test_random_subtrees_have_the_form_that_libxmlsec_finds(number: int, count: Count) -> None:
    compared = 0
    for seed in range(number * DOCUMENTS_A_ROUND, (number + 1) * DOCUMENTS_A_ROUND):
        document = RandomDocument(seed)
        text = document.text()
        # Not the root: it holds the judge's Signature.
        forms: list[Form] = []
        for identifier in document.apexes(APEXES):
            forms += [(identifier, method, ()) for method in Canonicalization]
            forms.append((identifier, EXCLUSIVE, tuple(document.prefix_list().split())))
        nodes = {node.get("Id"): node for node in parsed(text.replace(document.mark, "")).iter(etree.Element)}
        for form, digest in zip(forms, libxmlsec_digests(text, document.mark, forms), strict=True):
            identifier, method, prefixes = form
            ours = canonicalize(nodes[identifier], method, prefixes)
            assert hashlib.sha256(ours).digest() == digest, f"seed {seed}: {form}: {ours!r}"
            compared += 1

    assert compared > FORMS_AT_LEAST
    count("canonical forms of random documents, compared with libxmlsec", "agree", compared)


def test_the_judge_tells_documents_apart() -> None:
    """The control: one character more is another digest."""
    text = '<r>@s@<x Id="x">1</x></r>'
    (one,) = libxmlsec_digests(text, "@s@", [("x", EXCLUSIVE, ())])
    (other,) = libxmlsec_digests(text.replace("1", "11"), "@s@", [("x", EXCLUSIVE, ())])

    assert one == hashlib.sha256(b'<x Id="x">1</x>').digest()
    assert one != other


# The clauses, case by case


@pytest.mark.parametrize(
    ("method", "text", "form"),
    [
        # Exclusive: what is visibly used, where it is first used (XML-EXC-C14N, 2 and 3).
        (EXCLUSIVE, '<a xmlns="urn:1" xmlns:p="urn:2"><x Id="x"/></a>', '<x xmlns="urn:1" Id="x"></x>'),
        (EXCLUSIVE, '<a xmlns:p="urn:2"><x Id="x" p:b="1"/></a>', '<x xmlns:p="urn:2" Id="x" p:b="1"></x>'),
        (EXCLUSIVE, '<a xml:lang="de"><x Id="x"/></a>', '<x Id="x"></x>'),
        # Inclusive: every namespace in scope, and the xml:* attributes of ancestors (C14N 1.0, 2.3 and 2.4).
        (
            INCLUSIVE_1_0,
            '<a xmlns:p="urn:2" xmlns="urn:1"><x Id="x"/></a>',
            '<x xmlns="urn:1" xmlns:p="urn:2" Id="x"></x>',
        ),
        (INCLUSIVE_1_0, '<a xmlns="urn:1"><b xmlns=""><x Id="x"/></b></a>', '<x Id="x"></x>'),
        (
            INCLUSIVE_1_0,
            '<a xml:lang="de" xml:id="a" xml:base="b/"><x Id="x"/></a>',
            '<x Id="x" xml:base="b/" xml:id="a" xml:lang="de"></x>',
        ),
        (
            INCLUSIVE_1_0,
            '<a xml:lang="de" xml:space="preserve"><b xml:lang="en"><x Id="x" xml:space="default"/></b></a>',
            '<x Id="x" xml:lang="en" xml:space="default"></x>',
        ),
        (INCLUSIVE_1_0, '<a xml:base="c/"><x Id="x" xml:base="d"/></a>', '<x Id="x" xml:base="d"></x>'),
        # C14N 1.1, 2.4: xml:id is not inherited, xml:base is joined.
        (INCLUSIVE_1_1, '<a xml:lang="de" xml:id="a"><x Id="x"/></a>', '<x Id="x" xml:lang="de"></x>'),
        (INCLUSIVE_1_1, '<a xml:base="c/"><x Id="x" xml:base="d"/></a>', '<x Id="x" xml:base="c/d"></x>'),
        (INCLUSIVE_1_1, '<a xml:base="c/"><b xml:base="d/"><x Id="x"/></b></a>', '<x Id="x" xml:base="c/d/"></x>'),
        (INCLUSIVE_1_1, '<a xml:base=""><x Id="x"/></a>', '<x Id="x"></x>'),
        (INCLUSIVE_1_1, '<a><x Id="x" xml:base="d" xml:id="i"/></a>', '<x Id="x" xml:base="d" xml:id="i"></x>'),
        # Text and nodes (C14N 1.0, 2.3): the same for all.
        *(
            (method, f'<a><x Id="x">{text}</x></a>', f'<x Id="x">{form}</x>')
            for method in Canonicalization
            for text, form in (
                ("a<!-- c -->b", "ab"),
                ("<![CDATA[<&]]>", "&lt;&amp;"),
                ("a\r\nb&#13;", "a\nb&#xD;"),
                ("<?target  data?>", "<?target data?>"),
                ("<b z='1' a=\"'\"/>", '<b a="\'" z="1"></b>'),
                ('<b a="&#9;&#10;&#13;&quot;&lt;>"/>', '<b a="&#x9;&#xA;&#xD;&quot;&lt;>"></b>'),
                ("&#128273;", "\U0001f511"),
                ("<größe 豈='1' \U00010000='2' é='3'/>", '<größe é="3" 豈="1" \U00010000="2"></größe>'),
            )
        ),
    ],
)
def test_form(method: Canonicalization, text: str, form: str) -> None:
    assert canonicalize(element(text), method).decode() == form


@pytest.mark.parametrize("method", Canonicalization)
@pytest.mark.parametrize("text", ['<x Id="x"/>tail', '<p:x xmlns:p="urn:p" Id="x"/>tail'])
def test_what_follows_the_element_is_not_part_of_it(method: Canonicalization, text: str) -> None:
    form = canonicalize(element(f"<a>{text}</a>"), method)

    assert form.endswith(b"x>")


@pytest.mark.parametrize(
    ("prefixes", "form"),
    [
        ((), '<p:x xmlns:p="urn:p" Id="x"></p:x>'),
        (("q",), '<p:x xmlns:p="urn:p" xmlns:q="urn:q" Id="x"></p:x>'),
        (("#default",), '<p:x xmlns="urn:d" xmlns:p="urn:p" Id="x"></p:x>'),
        (("q", "#default", "unknown"), '<p:x xmlns="urn:d" xmlns:p="urn:p" xmlns:q="urn:q" Id="x"></p:x>'),
    ],
)
def test_a_prefix_list_keeps_declarations(prefixes: tuple[str, ...], form: str) -> None:
    node = element('<a xmlns="urn:d" xmlns:p="urn:p" xmlns:q="urn:q"><p:x Id="x"/></a>')

    assert canonicalize(node, EXCLUSIVE, prefixes).decode() == form


def test_the_default_prefix_works_in_every_thread() -> None:
    """lxml interns names by thread; each must know `#default` before it is asked for."""
    found: list[bytes] = []

    def run() -> None:
        node = element('<a xmlns="urn:d" xmlns:p="urn:p"><p:x Id="x"/></a>')
        found.append(canonicalize(node, EXCLUSIVE, ["#default"]))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [b'<p:x xmlns="urn:d" xmlns:p="urn:p" Id="x"></p:x>'] * len(threads)


@pytest.mark.parametrize("method", Canonicalization)
def test_a_relative_namespace_has_no_canonical_form(method: Canonicalization) -> None:
    with pytest.raises(Rejection, match="no canonical form") as caught:
        canonicalize(element('<a><x Id="x"><p:y xmlns:p="relative"/></x></a>'), method)

    assert caught.value.reason is Reason.STRUCTURE


@pytest.mark.parametrize("form", [b"", b"<y></y>", b"text", b"<x"[:1]])
def test_a_form_of_something_else_is_refused(form: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """What canonicalizers have done when they failed: returned nothing, or another element."""
    x = element('<x Id="x"/>')
    monkeypatch.setattr(etree, "tostring", lambda *_, **__: form)

    with pytest.raises(Rejection, match="not that part") as caught:
        canonicalize(x, EXCLUSIVE)

    assert caught.value.reason is Reason.STRUCTURE


# What it may cost


def crowded(namespaces: int, elements: int) -> etree._Element:
    declared = " ".join(f'xmlns:n{number}="urn:{number}"' for number in range(namespaces))
    return element(f'<x Id="x" {declared}>{"<b/>" * elements}</x>')


@pytest.mark.parametrize(
    ("method", "prefixes", "namespaces", "elements", "refused"),
    [
        (INCLUSIVE_1_0, (), 200, 3_000, True),
        (INCLUSIVE_1_1, (), 200, 3_000, True),
        (INCLUSIVE_1_0, (), 20, 3_000, False),
        (INCLUSIVE_1_0, (), 60, 1_000, False),
        (EXCLUSIVE, (), 200, 3_000, False),
        (EXCLUSIVE, ("n1",), 200, 3_000, False),
        (EXCLUSIVE, tuple(f"n{number}" for number in range(64)), 200, 9_000, True),
    ],
)
def test_namespaces_times_elements_are_bounded(
    method: Canonicalization, prefixes: tuple[str, ...], namespaces: int, elements: int, refused: bool
) -> None:
    apex = crowded(namespaces, elements)
    if not refused:
        assert canonicalize(apex, method, prefixes, WorkBudget(0)).count(b"<b>") == elements
        return
    with pytest.raises(Rejection, match="too many namespaces") as caught:
        canonicalize(apex, method, prefixes, WorkBudget(0))
    assert caught.value.reason is Reason.LIMITS


def test_namespaces_below_the_apex_count() -> None:
    inner = " ".join(f'xmlns:n{number}="urn:{number}"' for number in range(200))

    with pytest.raises(Rejection, match="too many namespaces"):
        canonicalize(element(f'<x Id="x"><y/><y {inner}>{"<b/>" * 3_000}</y></x>'), INCLUSIVE_1_0, (), WorkBudget(0))


# xml:base (C14N 1.1, 2.4 and appendix A)


@pytest.mark.parametrize(
    ("base", "reference", "joined"),
    [
        # RFC 3986, 5.4, with the fragment dropped.
        ("http://a/b/c/d;p?q", "g:h", "g:h"),
        ("http://a/b/c/d;p?q", "g", "http://a/b/c/g"),
        ("http://a/b/c/d;p?q", "./g", "http://a/b/c/g"),
        ("http://a/b/c/d;p?q", "g/", "http://a/b/c/g/"),
        ("http://a/b/c/d;p?q", "/g", "http://a/g"),
        ("http://a/b/c/d;p?q", "//g", "http://g"),
        ("http://a/b/c/d;p?q", "?y", "http://a/b/c/d;p?y"),
        ("http://a/b/c/d;p?q", "g?y", "http://a/b/c/g?y"),
        ("http://a/b/c/d;p?q", "g#s", "http://a/b/c/g"),
        ("http://a/b/c/d;p?q", "", "http://a/b/c/d;p?q"),
        ("http://a/b/c/d;p?q", ".", "http://a/b/c/"),
        ("http://a/b/c/d;p?q", "..", "http://a/b/"),
        ("http://a/b/c/d;p?q", "../../g", "http://a/g"),
        ("http://a/b/c/d;p?q", "../../../g", "http://a/g"),
        ("http://a/b/c/d;p?q", "/./g", "http://a/g"),
        ("http://a/b/c/d;p?q", "g;x=1/../y", "http://a/b/c/y"),
        ("http://a", "g", "http://a/g"),
        # Relative bases, and a base that ends in ".." (C14N 1.1, 2.4).
        ("", "a", "a"),
        ("a", "b", "b"),
        ("a/b", "c", "a/c"),
        ("a/", "../", ""),
        ("../", "../", "../../"),
        ("../a", "../b", "../../b"),
        ("..", "a", "../a"),
        ("a/..", "b", "b"),
        ("a/b/..", "c", "a/c"),
        ("a..", "b", "b"),
        ("foo/bar", "..", ""),
        ("/a/b", "../../../c", "/c"),
    ],
)
def test_join(base: str, reference: str, joined: str) -> None:
    assert join_uri_references(base, reference) == joined


def test_a_base_that_joins_to_nothing_is_not_inherited() -> None:
    text = '<a xml:base="c/"><b xml:base="../"><x Id="x"/></b></a>'

    assert canonicalize(element(text), INCLUSIVE_1_1) == b'<x Id="x"></x>'


def test_a_base_that_joins_to_nothing_is_not_shown() -> None:
    """The result may be empty, in which case xml:base must not be rendered (C14N 1.1, 2.4)."""
    text = '<a xml:base="c/"><x Id="x" xml:base="../"/></a>'

    assert canonicalize(element(text), INCLUSIVE_1_1) == b'<x Id="x"></x>'


@vectors
def test_appendix_a() -> None:
    folder = VECTORS / "w3c-c14n11" / "appendixa"
    inputs = (folder / "inputs.txt").read_text(encoding="utf-8").split("\n")
    outputs = (folder / "outputs.txt").read_text(encoding="utf-8").split("\n")

    assert [c14n._without_dots(path) for path in inputs] == outputs
    assert len(inputs) > 60


# Vectors of others, where they are about whole subtrees

_SUBTREE = re.compile(r"\(//\. \| //@\* \| //namespace::\*\) ?\[ancestor-or-self::ietf:(\w+)\]")
W3C = [
    (path.stem, found[1])
    for path in sorted((VECTORS / "w3c-c14n11").glob("*.xpath"))
    if (found := _SUBTREE.fullmatch(path.read_text(encoding="utf-8").strip()))
]
W3C_AT_LEAST = 10


@vectors
def test_w3c_vectors_are_there() -> None:
    assert len(W3C) >= W3C_AT_LEAST


@vectors
@pytest.mark.parametrize(("name", "apex"), W3C)
def test_w3c_vector(name: str, apex: str, count: Count) -> None:
    folder = VECTORS / "w3c-c14n11"
    root = parsed((folder / f"{name.rpartition('-')[0]}-input.xml").read_bytes())
    node = next(root.iter(f"{{http://www.ietf.org}}{apex}"))

    assert canonicalize(node, INCLUSIVE_1_1) == (folder / f"{name}.output").read_bytes()
    count("C14N vectors", "subtrees", 1)


SANTUARIO = (
    ("santuario-exc-c14n/example2_2_1.xml", INCLUSIVE_1_0, "elem2", "santuario-exc-c14n/example2_2_1_c14nized.xml"),
    ("santuario-exc-c14n/example2_2_2.xml", INCLUSIVE_1_0, "elem2", "santuario-exc-c14n/example2_2_2_c14nized.xml"),
    ("santuario-exc-c14n/example2_2_1.xml", EXCLUSIVE, "elem2", "santuario-exc-c14n/example2_2_c14nized_exclusive.xml"),
    ("santuario-exc-c14n/example2_2_2.xml", EXCLUSIVE, "elem2", "santuario-exc-c14n/example2_2_c14nized_exclusive.xml"),
    ("santuario-exc-c14n/example2_2_3.xml", EXCLUSIVE, "p", "santuario-exc-c14n/example2_2_3_c14nized_exclusive.xml"),
    ("santuario-exc-c14n/example2_4.xml", EXCLUSIVE, "elem2", "santuario-exc-c14n/example2_4_c14nized.xml"),
    ("santuario-exc-c14n/plain-soap-1.1.xml", EXCLUSIVE, "Body", "santuario-exc-c14n/plain-soap-c14nized.xml"),
)


@vectors
@pytest.mark.parametrize(("source", "method", "apex", "expected"), SANTUARIO)
def test_santuario_vector(source: str, method: Canonicalization, apex: str, expected: str, count: Count) -> None:
    node = next(parsed((VECTORS / source).read_bytes()).iter("{*}" + apex))

    assert canonicalize(node, method) == (VECTORS / expected).read_bytes()
    count("C14N vectors", "subtrees", 1)


@vectors
@pytest.mark.parametrize("folder", ["interop-exc/Y1", "merlin-exc-c14n-one"])
@pytest.mark.parametrize(("number", "prefixes"), [(0, ()), (1, ("bar", "#default"))])
def test_interop_vector(folder: str, number: int, prefixes: tuple[str, ...], count: Count) -> None:
    """The first two References of the exclusive C14N interoperability example; the others keep comments."""
    path: Path = VECTORS / folder
    node = next(parsed((path / "exc-signature.xml").read_bytes()).iter(f"{{{DS}}}Object"))

    assert canonicalize(node, EXCLUSIVE, prefixes) == (path / f"c14n-{number}.txt").read_bytes()
    count("C14N vectors", "subtrees", 1)
