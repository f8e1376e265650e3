"""Vectors of canonicalization that are about whole documents, or about what is refused here on purpose.

Those that are about subtrees are in `test_c14n.py`.
"""

import pytest
from lxml import etree

from fixtures.manifest import SHARED
from gateway.verify import Policy, Reason, grammar
from gateway.verify.algorithms import Canonicalization
from gateway.verify.c14n import canonicalize
from gateway.verify.parsing import parse_document
from gateway.verify.reason import Rejection
from gateway.verify.xml_names import DS, REFERENCE, TRANSFORM
from tests.conftest import Count

VECTORS = SHARED / "corpus" / "vectors" / "c14n"
DOCUMENTS = VECTORS / "santuario-c14n"
LATIN = Policy(encodings=("ISO-8859-1",))
pytestmark = pytest.mark.skipif(
    not VECTORS.is_dir(), reason="the vectors are not beside this repository; TESTING_SHARED may name their folder"
)

WITH_DOCTYPE = ("31", "33", "34", "35", "37", "38")
NOT_USED = {
    "34_input_validatingParser.xml": "for validating parsers; and it has a document type, as 34 has",
    "testTranslationFromUTF16toUTF8.xml": "has no canonical form beside it",
}


@pytest.mark.parametrize("number", ["32", "36"])
def test_whole_documents(number: str, count: Count) -> None:
    root = parse_document((DOCUMENTS / f"{number}_input.xml").read_bytes(), LATIN)

    assert canonicalize(root, Canonicalization.INCLUSIVE_1_0) == (DOCUMENTS / f"{number}_c14n.xml").read_bytes()
    count("C14N vectors", "whole documents", 1)


@pytest.mark.parametrize("method", Canonicalization)
def test_a_default_namespace_redefined(method: Canonicalization, count: Count) -> None:
    root = parse_document((DOCUMENTS / "default_ns_redefinition_input.xml").read_bytes(), Policy())

    expected = (DOCUMENTS / "default_ns_redefinition_c14n.xml").read_bytes()
    assert canonicalize(next(root.iter(f"{{{DS}}}Object")), method) == expected
    count("C14N vectors", "subtrees", 1)


@pytest.mark.parametrize("number", WITH_DOCTYPE)
def test_documents_with_a_document_type_are_refused(number: str, count: Count) -> None:
    with pytest.raises(Rejection) as caught:
        parse_document((DOCUMENTS / f"{number}_input.xml").read_bytes(), LATIN)

    assert caught.value.reason is Reason.DTD
    count("C14N vectors", "refused: a document type declaration", 1)


def test_relative_namespace_names_are_refused(count: Count) -> None:
    root = parse_document((DOCUMENTS / "relative-ns-behaviour.xml").read_bytes(), Policy())

    for method in Canonicalization:
        with pytest.raises(Rejection, match="no canonical form"):
            canonicalize(root, method)
    count("C14N vectors", "refused: a relative namespace name", 1)


def test_no_document_is_left_out() -> None:
    inputs = {path.name for path in DOCUMENTS.glob("*.xml") if "c14n" not in path.name}
    used = {f"{number}_input.xml" for number in ("32", "36", "default_ns_redefinition", *WITH_DOCTYPE)}

    assert inputs - used - set(NOT_USED) == {"foo.xml", "relative-ns-behaviour.xml"} & inputs


INTEROP = sorted((VECTORS / "interop-exc").glob("Y[2-5]/signature*.xml")) if VECTORS.is_dir() else []


@pytest.mark.parametrize("path", INTEROP, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_references_of_the_interoperability_examples_use_what_is_refused(path: object, count: Count) -> None:
    """Y2 to Y5 choose nodes by XPath, in each Reference: what is signed would be anybody's guess (threat rule 10)."""
    found = next(known for known in INTEROP if known is path)
    root = etree.fromstring(found.read_bytes(), etree.XMLParser(resolve_entities=False, no_network=True))
    references = [node for node in root.iter(REFERENCE) if node.find(f"{{{DS}}}Transforms") is not None]

    for reference in references:
        steps = list(reference.iter(TRANSFORM))
        with pytest.raises(Rejection, match="REC-xpath-19991116 is not admitted") as caught:
            grammar._transforms(steps)
        assert caught.value.reason is Reason.TRANSFORM_NOT_ALLOWED
    count("C14N vectors", "refused: Transforms by XPath", len(references))
