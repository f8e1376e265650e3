"""Step 8: the signature value under one public key (RFC 8017, FIPS 186-5, RFC 8032, RFC 9231)."""

import hashlib
from functools import lru_cache
from typing import Final, cast

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature

from gateway.verify.algorithms import KeyFamily, SignatureAlgorithm
from keystore import SigningKey

_PKCS1V15: Final = padding.PKCS1v15()


class SignedOctets:
    """The canonical SignedInfo, hashed once however many keys are tried."""

    __slots__ = ("_algorithm", "_digest", "octets")

    def __init__(self, octets: bytes, algorithm: SignatureAlgorithm) -> None:
        """Hash `octets` as `algorithm` wants it."""
        self.octets = octets
        self._algorithm = algorithm
        self._digest = octets if algorithm.hash is None else hashlib.new(algorithm.hash.name, octets).digest()

    def is_signed_by(self, key: SigningKey, value: bytes) -> bool:
        """Whether `value` is the signature of these octets under `key`, which must be `applicable`."""
        algorithm = self._algorithm
        try:
            if algorithm.hash is None:
                cast(ed25519.Ed25519PublicKey, key).verify(value, self.octets)
            elif algorithm.family is KeyFamily.EC:
                half = len(value) // 2
                dss = encode_dss_signature(int.from_bytes(value[:half], "big"), int.from_bytes(value[half:], "big"))
                scheme = ec.ECDSA(Prehashed(algorithm.hash))
                cast(ec.EllipticCurvePublicKey, key).verify(dss, self._digest, scheme)
            else:
                filling: padding.AsymmetricPadding = _PKCS1V15
                if algorithm.pss:
                    filling = padding.PSS(padding.MGF1(algorithm.hash), algorithm.hash.digest_size)
                cast(rsa.RSAPublicKey, key).verify(value, self._digest, filling, Prehashed(algorithm.hash))
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
