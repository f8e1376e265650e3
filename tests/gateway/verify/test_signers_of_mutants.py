"""A law about signers: no change that leaves what was signed and its value where they stood hides who signed.

What is left of a message is asked of lxml and `cryptography` here, and not of the verifier.
"""

import base64
from collections import Counter
from collections.abc import Iterator
from typing import Final

import pytest
from lxml import etree

from fixtures.manifest import Case
from gateway.verify import MAX_SIGNATURES, Reason, SignatureReceipt, Verdict
from gateway.verify.policy import canonical_actor
from gateway.verify.xml_names import SECURITY, SIGNATURE, SIGNATURE_VALUE, SIGNED_INFO, SOAP11, SOAP12
from keystore import KeyId
from tests.conftest import Count
from tests.mutation.engine import RULES, case_of, mutants
from tests.mutation.source import Source, source

SOURCES: Final = (
    "bst-x509v3",
    "timestamp-signed",
    "timestamp-signed-soap12",
    "addressing-headers-soap12",
    "two-signatures-old-and-new",
    "two-signatures-any",
    "two-signatures-endorsing",
    "coverage-together",
    "ecdsa-p256-sha256",
    "renewed-certificate-same-key",
    "relates-to-request",
    "actor-ours",
    "exclusive-prefix-list",
    "str-transform-bst",
    "xades-object",
)
AT_MOST: Final = 8
"""Mutants of a rule, times its share."""
HELD_AT_LEAST: Final = 100
"""Mutants of one message in which a signature is left as it was."""


def left_of(case: Case, message: bytes, made: dict[tuple[bytes, bytes], set[KeyId]]) -> Iterator[set[KeyId]]:
    """For each signature that `message` still has where our Security header stands: the keys that made it."""
    try:
        root = etree.fromstring(message, etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True))
    except (etree.XMLSyntaxError, ValueError):
        return
    for namespace, attribute in ((SOAP11, "actor"), (SOAP12, "role")):
        for header in root.iterchildren(f"{{{namespace}}}Header"):
            for security in header.iterchildren(SECURITY):
                if canonical_actor(security.get(f"{{{namespace}}}{attribute}")) == case.policy.actor:
                    yield from (keys for one in security.iterchildren(SIGNATURE) if (keys := _left(one, made)))


def _left(signature: etree._Element, made: dict[tuple[bytes, bytes], set[KeyId]]) -> set[KeyId]:
    infos, values = list(signature.iterchildren(SIGNED_INFO)), list(signature.iterchildren(SIGNATURE_VALUE))
    if len(infos) != 1 or len(values) != 1 or len(values[0]) or not (values[0].text or "").isascii():
        return set()
    try:
        octets = etree.tostring(infos[0], method="c14n", exclusive=True, with_comments=True)
    except etree.C14NError:
        return set()
    spelled = "".join((values[0].text or "").split())
    for (signed_info, value), keys in made.items():
        if octets == signed_info and spelled == base64.b64encode(value).decode():
            return keys
    return set()


def signatures_of(verdict: Verdict) -> dict[tuple[bytes, bytes], set[KeyId]]:
    """What was signed in a message that is accepted, its value, and the keys that made it."""
    found: dict[tuple[bytes, bytes], set[KeyId]] = {}
    for signer in verdict.signers:
        receipt = verdict.signatures[signer.signature].receipt
        assert isinstance(receipt, SignatureReceipt)
        found.setdefault((receipt.signed_info, receipt.value), set()).add(signer.entry.key_id)
    return found


@pytest.mark.parametrize("identifier", SOURCES)
def test_nothing_but_a_limit_hides_who_signed(identifier: str, count: Count) -> None:
    found = source(identifier)
    made = signatures_of(found.verdict)
    held = Counter[str]()
    for message, case in _mutants(found):
        keys = list(left_of(case, message, made))
        if not keys or len(keys) > MAX_SIGNATURES:
            continue
        verdict = case.verdict(message)
        if verdict.soap_version is None or verdict.reason is Reason.LIMITS:
            continue  # It was not read, or a limit is what is broken.
        known = {entry.key_id for entry in case.trust}
        told = {signer.entry.key_id for signer in verdict.signers}
        assert set.union(*keys) & known <= told, (verdict.reason, verdict.detail, message)
        assert all(signer.needed for signer in verdict.signers) or case.policy.signatures == "any"
        held[str(verdict.reason or "accepted")] += 1

    assert held.total() >= HELD_AT_LEAST
    for reason, number in held.items():
        count("mutants whose signer is told, by outcome", reason, number)


def _mutants(found: Source) -> Iterator[tuple[bytes, Case]]:
    for rule in RULES:
        for mutant in mutants(found, rule, AT_MOST):
            yield mutant.message(), case_of(found, mutant)
