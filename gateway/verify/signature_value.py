"""Step 8: the signature value under one public key (RFC 8017, FIPS 186-5, RFC 8032, RFC 9231)."""

import hashlib
from collections.abc import Callable
from functools import lru_cache, partial
from typing import cast

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature

from gateway.verify.algorithms import KeyFamily, SignatureAlgorithm
from keystore import SigningKey


@lru_cache(maxsize=64)
def _scheme(algorithm: SignatureAlgorithm) -> tuple[Callable[[bytes], bytes], tuple[object, ...]]:
    """What is signed instead of the octets, and what the library's `verify` of that family takes behind it."""
    if algorithm.hash is None:
        return bytes, ()
    prehashed = Prehashed(algorithm.hash)
    digest = partial(_digest, getattr(hashlib, algorithm.hash.name))
    if algorithm.family is KeyFamily.EC:
        return digest, (ec.ECDSA(prehashed),)
    if algorithm.pss:
        return digest, (padding.PSS(padding.MGF1(algorithm.hash), algorithm.hash.digest_size), prehashed)
    return digest, (padding.PKCS1v15(), prehashed)


def _digest(constructor: Callable[[bytes], "hashlib._Hash"], octets: bytes) -> bytes:
    return constructor(octets).digest()


class SignedValue:
    """A SignatureValue and the canonical SignedInfo, hashed once however many keys are tried."""

    __slots__ = ("_message", "_scheme", "algorithm", "value")

    def __init__(self, value: bytes, octets: bytes, algorithm: SignatureAlgorithm) -> None:
        """Hash `octets` as `algorithm` wants it."""
        self.algorithm = algorithm
        self.value = value
        digest, self._scheme = _scheme(algorithm)
        self._message = digest(octets)

    def is_signed_by(self, key: SigningKey) -> bool:
        """Whether the value is the signature of these octets under `key`, which must be `applicable`."""
        value = self.value
        if self.algorithm.family is KeyFamily.EC:
            # r and s side by side (RFC 9231, 2.3.6), which the library takes as a DER sequence.
            half = len(value) // 2
            value = encode_dss_signature(int.from_bytes(value[:half], "big"), int.from_bytes(value[half:], "big"))
        verify: Callable[..., None] = key.verify
        try:
            verify(value, self._message, *self._scheme)
        except (InvalidSignature, UnsupportedAlgorithm, ValueError):
            # A key that the library will not compute with has verified nothing.
            return False
        return True


def applicable(algorithm: SignatureAlgorithm, key: SigningKey, value: bytes) -> bool:
    """Whether `key` could have made `value`: the algorithm's own family and the exact length (threat rules 19, 20)."""
    return family_of(key) is algorithm.family and len(value) == value_length(key)


def family_of(key: SigningKey) -> KeyFamily:
    """The family of algorithms that `key` signs with."""
    return _family_of_type(type(key))


@lru_cache(maxsize=16)
def _family_of_type(kind: type[SigningKey]) -> KeyFamily:
    """Asked for every key of every message, and slow: the key classes are abstract, what a key is must be looked up."""
    if issubclass(kind, rsa.RSAPublicKey):
        return KeyFamily.RSA
    return KeyFamily.EC if issubclass(kind, ec.EllipticCurvePublicKey) else KeyFamily.ED25519


def value_length(key: SigningKey) -> int:
    """Bytes of a signature value: the modulus, r and s at full width (RFC 9231, 2.3.6), or 64 for Ed25519."""
    family = family_of(key)
    if family is KeyFamily.RSA:
        return (cast(rsa.RSAPublicKey, key).key_size + 7) // 8
    if family is KeyFamily.EC:
        return 2 * ((cast(ec.EllipticCurvePublicKey, key).curve.key_size + 7) // 8)
    return 64
