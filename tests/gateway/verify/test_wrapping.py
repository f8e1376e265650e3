"""Signature wrapping, whole: every place x every id x every wrapping, over messages that differ in what matters to it.

All other messages get a sample of the same grid, in `tests/mutation`.
"""

import pytest
import xmlsec
from lxml import etree

from fixtures.manifest import FOLDER
from tests.conftest import Count
from tests.mutation.engine import judge, mutants
from tests.mutation.rules import wrapping
from tests.mutation.source import source

SIGNATURE = "{http://www.w3.org/2000/09/xmldsig#}Signature"
SOURCES = (
    "bst-x509v3",
    "bst-x509v3-soap12",
    "c14n10",
    "soap-default-namespace-12",
    "id-attribute-twice-on-one-element",
)
MUTANTS_AT_LEAST = 1000


@pytest.mark.parametrize("identifier", SOURCES)
def test_every_place_every_id_every_wrapping(identifier: str, count: Count) -> None:
    tally = judge(source(identifier), rules=wrapping.RULES)

    assert tally.findings == []
    assert tally.accepted.total() == 0
    assert tally.made.total() > MUTANTS_AT_LEAST
    count("wrapping grids, whole", identifier, tally.made.total())


@pytest.mark.parametrize("identifier", ["bst-x509v3", "bst-x509v3-soap12"])
def test_mutants_deceive_a_verifier_that_looks_at_ids_alone(identifier: str) -> None:
    """The control: libxmlsec, asked for the signature and nothing else, finds many of these attacks good."""
    made = [mutant.message() for mutant in mutants(source(identifier), wrapping.RULES[0], 40)]
    deceived = sum(_libxmlsec_accepts(message) for message in made)

    assert deceived > len(made) / 4, f"{deceived} of {len(made)}"


def _libxmlsec_accepts(message: bytes) -> bool:
    root = etree.fromstring(message)
    node = root.find(f".//{SIGNATURE}")
    assert node is not None
    xmlsec.tree.add_ids(root, ["Id"])
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_file(str(FOLDER / "keys" / "old.pem"), xmlsec.constants.KeyDataFormatCertPem)
    try:
        context.verify(node)
    except xmlsec.Error:
        return False
    return True
