"""Project Wycheproof's vectors against the signature primitive: what must hold holds, and nothing else does."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_der_public_key

from fixtures.generator import uris
from fixtures.manifest import SHARED
from gateway.verify import Policy
from gateway.verify.algorithms import signature_algorithm
from gateway.verify.signature_value import SignedValue, applicable
from keystore import SigningKey

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


@pytest.mark.skipif(
    not FOLDER.is_dir(), reason="the vectors are not beside this repository; WSSGATE_SHARED may name their folder"
)
@pytest.mark.parametrize("name", METHODS)
def test_vectors(name: str) -> None:
    algorithm = signature_algorithm(METHODS[name], Policy())
    wrong = []
    count = 0
    for group in json.loads(Path(FOLDER / f"{name}.json").read_text(encoding="utf-8"))["testGroups"]:
        key = load_der_public_key(bytes.fromhex(group.get("publicKeyDer") or group["publicKeyAsn"]))
        assert isinstance(key, SigningKey)
        for test in group["tests"]:
            count += 1
            value = bytes.fromhex(test["sig"])
            signed = SignedValue(value, bytes.fromhex(test["msg"]), algorithm)
            good = applicable(algorithm, key, value) and signed.is_signed_by(key)
            if test["result"] != "acceptable" and good is not (test["result"] == "valid"):
                wrong.append((test["tcId"], test["result"], test["comment"]))

    assert wrong == []
    assert count >= TESTS_AT_LEAST
