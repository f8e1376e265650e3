"""No mutant of any good message is accepted, but for those in which consumers read what was signed.

Each is shown to libxmlsec and signxml, too; where one of them differs, `tests/divergences.py` says why.

`TESTING_MUTANTS` is how many mutants of a rule are made of a message at most, times the share of the rule: the rest of
a grid of thousands is left to `make fuzz`.
"""

import os
import re
from dataclasses import replace
from typing import Final
from zlib import crc32

import pytest
from lxml import etree

from fixtures.manifest import FIELD, INTEROP, public_cases
from gateway.verify import Policy
from tests.conftest import Count
from tests.mutation.engine import RULES, Original, judge, mutants
from tests.mutation.mutant import Fate, Mutant
from tests.mutation.scanning import edited, portable, scan
from tests.mutation.sealing import sealed, sealed_by_stranger
from tests.mutation.source import accepted_cases, source, source_of
from tests.witnesses import WITNESSES

CASES = {case.id: case for case in accepted_cases()}
ALIKE: Final = ("hint-", "id-", "pss-parameters-", "signed-info-", "transform-", "saml", "ecdsa-bp", "content-type-")
SAML: Final = "str-transform-saml2-signed-by-id"
AT_MOST: Final = int(os.environ.get("TESTING_MUTANTS", "2"))
MESSAGES_AT_LEAST: Final = 100
MUTANTS_AT_LEAST: Final = 15
"""Of one message."""
WHOLE_AT_LEAST: Final = 2500
TABLE: Final = "mutants, by rule of the threat model"


@pytest.mark.parametrize("identifier", CASES)
def test_no_mutant_deceives(identifier: str, count: Count) -> None:
    case = CASES[identifier]
    most, rules = AT_MOST, RULES
    if INTEROP in case.file.parents or FIELD in case.file.parents or identifier.startswith(ALIKE):
        # These messages are many, and much alike: every second rule for each.
        most, rules = max(1, AT_MOST // 3), RULES[crc32(identifier.encode()) % 2 :: 2]
    tally = judge(source_of(case), most, rules, WITNESSES)

    assert tally.findings == []
    for rule, number in tally.made.items():
        count(TABLE, rule, number)
    count("mutants, by outcome", "accepted, with every required part as it was signed", tally.accepted.total())
    count("mutants, by outcome", "rejected", tally.made.total() - tally.accepted.total())
    for (judge_name, rule, line), number in tally.witnessed.items():
        count(f"{judge_name} on mutants", line, number)
        if not line.startswith(("agrees", "not shown")):
            count(f"{judge_name} on mutants, where it differs, by rule", f"{rule}: {line}", number)
    assert tally.made.total() >= MUTANTS_AT_LEAST
    assert tally.witnessed.total() == len(WITNESSES) * tally.made.total()


def test_there_are_messages_enough() -> None:
    assert len(CASES) >= MESSAGES_AT_LEAST
    if public_cases():
        assert len(CASES) >= MESSAGES_AT_LEAST + 30


@pytest.mark.parametrize("identifier", ["bst-x509v3", "timestamp-signed-soap12"])
def test_the_grids_are_large(identifier: str) -> None:
    made = [mutant for rule in RULES for mutant in mutants(source(identifier), rule)]

    assert len(made) > WHOLE_AT_LEAST
    assert len({mutant.label for mutant in made}) > WHOLE_AT_LEAST * 0.8


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_rule_finds_something_to_do(rule: object) -> None:
    """Not every message has a Timestamp or a RelatesTo; but some have."""
    found = next(known for known in RULES if known is rule)
    makers = (
        "bst-x509v3",
        "timestamp-signed",
        "addressing-headers-soap12",
        "exclusive-prefix-list",
        "relates-to",
        SAML,
    )

    assert any(list(found.generate(source_of(CASES[name]))) for name in makers if name in CASES)


def test_every_rule_of_the_threat_model_is_applied() -> None:
    """The verifier's own: A to F, and of I what it has a part in."""
    numbers = {int(found[1]) for rule in RULES if (found := re.match(r"[A-FI](\d+) ", rule.name))}

    assert numbers == {*range(1, 31), 41, 43}


# The parts of the engine


@pytest.mark.parametrize("identifier", CASES)
def test_the_scanner_reads_what_the_parser_reads(identifier: str) -> None:
    case = CASES[identifier]
    found = source_of(case)

    assert found.encoded(found.text) == case.message
    assert [node.tag for node in found.envelope.walk()] == _tags(found.text)


def _tags(text: str) -> list[str]:
    root = etree.fromstring(text.partition("?>")[2].encode() if text.startswith("<?xml") else text.encode())
    return [str(element.tag) for element in root.iter(etree.Element)]


@pytest.mark.parametrize("identifier", CASES)
def test_a_signature_made_anew_is_good(identifier: str) -> None:
    """The control: what the engine signs for the signer is accepted, what it signs for a stranger is not."""
    found = source_of(CASES[identifier])
    again, strange = sealed(found, found.text), sealed_by_stranger(found, found.text)

    if again is not None:
        assert found.case.verdict(found.encoded(again)).accepted
    if strange is not None:
        assert not found.case.verdict(found.encoded(strange)).accepted


def test_a_portable_element_means_the_same_elsewhere() -> None:
    text = '<a xmlns="urn:d" xmlns:p="urn:p"><p:b q="1"/><c/></a>'
    node = scan(text).children[0]
    moved = scan(f"<r>{portable(text, node)}</r>").children[0]

    assert moved.tag == node.tag == "{urn:p}b"
    assert moved.namespaces[""] == "urn:d"


def test_edits_that_overlap_are_refused() -> None:
    assert edited("abc", [(1, 2, "x"), (1, 1, "y"), (3, 3, "z")]) == "ayxcz"
    with pytest.raises(AssertionError):
        edited("abc", [(0, 2, ""), (1, 3, "")])


# The oracle: what it must notice


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (">10.00<", ">9999.00<"),
        (">10.00<", ">10<!---->.00<"),
        (">10.00<", ">10<![CDATA[.00]]><"),
        ("<soap:Body", "<soap:Body><forged/></soap:Body><soap:Body"),
        ("<soap:Body", '<Body xmlns=""><forged/></Body><soap:Body'),
        ("<ord:id>", '<ord:id a="1">'),
        ("<ord:amount>", "<ord:other/><ord:amount>"),
    ],
)
def test_the_oracle_notices_what_consumers_read_otherwise(old: str, new: str) -> None:
    found = source("bst-x509v3")
    message = found.case.message.decode()
    assert old in message

    assert Original(found).misread(message.replace(old, new, 1).encode()) is not None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (">10.00<", "><![CDATA[10.00]]><"),
        (">10.00<", ">&#49;0.00<"),
        ("<ord:amount>", "<!-- c --><ord:amount\n>"),
        ("<soap:Header>", "<soap:Header><x/>"),
    ],
)
def test_the_oracle_lets_pass_what_reads_the_same(old: str, new: str) -> None:
    found = source("bst-x509v3")
    message = found.case.message.decode()
    assert old in message

    assert Original(found).misread(message.replace(old, new, 1).encode()) is None


def test_findings_are_reported() -> None:
    """The control: a verifier that accepts what it should not, and one that refuses what it should not."""
    found = source("bst-x509v3")
    rule = RULES[0]
    original = Original(found)
    good, bad = found.verdict, replace(found.case, trust=()).verdict()
    message = found.case.message

    assert original.finding(rule, Mutant("m", message), message, good) == "accepted"
    assert "refused" in (original.finding(rule, Mutant("m", message, Fate.ACCEPTED), message, bad) or "")
    assert original.finding(rule, Mutant("m", message, Fate.ACCEPTED), message, good) is None
    other = replace(found.case, policy=Policy(max_message_bytes=1024)).verdict()
    assert "another reason" in (original.finding(RULES[1], Mutant("m", b"", reasons=frozenset()), b"", other) or "")
    forged = message.replace(b">10.00<", b">11.00<")
    assert "not what was signed" in (original.finding(rule, Mutant("m", forged, Fate.EITHER), forged, good) or "")
