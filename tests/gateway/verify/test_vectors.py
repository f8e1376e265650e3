"""Project Wycheproof's vectors: what must hold holds, and nothing else does.

Each is asked twice: of the signature primitive, and wrapped into a message, whose SignedInfo then stands for what the
vector signs. No key of theirs can sign a SignedInfo of ours; everything else on the way from the message to the verdict
is as always: the base64 of the value, its length, the algorithm's name, the certificate, the digest of the Body.
"""

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, load_der_public_key

from fixtures.generator import uris
from fixtures.manifest import SHARED, own_case
from gateway.verify import Policy, Reason, Verdict
from gateway.verify import signature_check as signatures
from gateway.verify.algorithms import signature_algorithm
from gateway.verify.signature_value import SignedValue, applicable
from keystore import SigningKey, TrustedCertificate
from tests.conftest import Count
from tests.keystore.issuing import issue

FOLDER = SHARED / "corpus" / "vectors" / "wycheproof"
METHODS = {
    "rsa_signature_2048_sha256_test": uris.RSA_SHA256,
    "rsa_signature_3072_sha384_test": uris.RSA_SHA384,
    "rsa_signature_4096_sha512_test": uris.RSA_SHA512,
    "rsa_pss_2048_sha256_mgf1_32_test": uris.PSS_SHA256,
    "rsa_pss_4096_sha512_mgf1_64_test": uris.PSS_SHA512,
    "ecdsa_secp256r1_sha256_p1363_test": uris.ECDSA_SHA256,
    "ecdsa_secp384r1_sha384_p1363_test": uris.ECDSA_SHA384,
    "ecdsa_secp521r1_sha512_p1363_test": uris.ECDSA_SHA512,
    "ed25519_test": uris.ED25519,
}
TESTS_AT_LEAST = 50
FITTING = {Reason.SIGNATURE_INVALID, Reason.UNKNOWN_KEY}

at_hand = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="the vectors are not beside this repository; TESTING_SHARED may name their folder"
)


@dataclass(frozen=True)
class Vector:
    """One test of Wycheproof."""

    number: int
    key: SigningKey
    key_der: bytes
    message: bytes
    value: bytes
    result: str
    """`valid`, `invalid`, or `acceptable`: either is right."""
    comment: str


def vectors(name: str) -> Iterator[Vector]:
    """The tests of a file."""
    for group in json.loads(Path(FOLDER / f"{name}.json").read_text(encoding="utf-8"))["testGroups"]:
        der = bytes.fromhex(group.get("publicKeyDer") or group["publicKeyAsn"])
        key = load_der_public_key(der)
        assert isinstance(key, SigningKey)
        for test in group["tests"]:
            octets, value = bytes.fromhex(test["msg"]), bytes.fromhex(test["sig"])
            yield Vector(test["tcId"], key, der, octets, value, test["result"], test["comment"])


@cache
def certificate(key_der: bytes) -> TrustedCertificate:
    """A certificate over the vector's key, trusted."""
    key = load_der_public_key(key_der)
    assert isinstance(key, SigningKey)
    return TrustedCertificate.from_der("vector", issue("vector", public_key=key).public_bytes(Encoding.DER))


def wrapped(vector: Vector, method: str, monkeypatch: pytest.MonkeyPatch) -> Verdict:
    """The verdict on a message whose canonical SignedInfo is what the vector signs."""
    case = own_case("no-key-info")
    text = re.sub(r'(SignatureMethod Algorithm=")[^"]*', rf"\g<1>{method}", case.message.decode())
    value = base64.b64encode(vector.value).decode()
    text = re.sub(r"(<ds:SignatureValue>)[^<]*", rf"\g<1>{value}", text)
    # Only SignedInfo is canonicalized there; the signed parts are in another module.
    monkeypatch.setattr(signatures, "canonicalize", lambda *_: vector.message)
    return replace(case, trust=(certificate(vector.key_der),)).verdict(text.encode())


@at_hand
@pytest.mark.parametrize("name", METHODS)
def test_the_primitive(name: str, count: Count) -> None:
    algorithm = signature_algorithm(METHODS[name], Policy())
    wrong = []
    tried = list(vectors(name))
    for vector in tried:
        signed = SignedValue(vector.value, vector.message, algorithm)
        good = applicable(algorithm, vector.key, vector.value) and signed.is_signed_by(vector.key)
        if vector.result != "acceptable" and good is not (vector.result == "valid"):
            wrong.append((vector.number, vector.result, vector.comment))

    assert wrong == []
    assert len(tried) >= TESTS_AT_LEAST
    count("Wycheproof vectors at the primitive", name, len(tried))


@at_hand
@pytest.mark.parametrize("name", METHODS)
def test_wrapped_into_messages(name: str, monkeypatch: pytest.MonkeyPatch, count: Count) -> None:
    wrong = []
    tried = [vector for vector in vectors(name) if vector.result != "acceptable"]
    for vector in tried:
        verdict = wrapped(vector, METHODS[name], monkeypatch)
        right = verdict.accepted if vector.result == "valid" else verdict.reason in FITTING
        if not right:
            wrong.append((vector.number, vector.result, vector.comment, verdict.reason, verdict.detail))

    assert wrong == []
    assert {vector.result for vector in tried} == {"valid", "invalid"}
    count("Wycheproof vectors in messages", name, len(tried))


@at_hand
def test_every_file_of_vectors_is_used() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == set(METHODS)
