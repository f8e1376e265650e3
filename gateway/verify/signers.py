"""Who signed: the entries of the keystore behind a signature value that is good (threat rule 22).

Whether a message is accepted, and whether what it says is intact, is not asked here: a key that made a good value was
used, and whoever wants to retire it has to know.
"""

import hashlib
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec

from gateway.verify.verdict import Signer, VerifiedBy
from keystore import KeyId, SigningKey, State, TrustedCertificate, TrustSnapshot


class SigningEntry(NamedTuple):
    """An entry over a key that made a signature value."""

    by: VerifiedBy
    state: State
    identity: bytes
    """What the id of a signature begins with: the key id on a line."""
    order: int | None
    """That of the group of an ECDSA key; None for any other."""


def signing_entries(made_by: Iterable[TrustedCertificate], trust: TrustSnapshot, at: datetime) -> list[SigningEntry]:
    """Every entry of `trust` over a key of the entries `made_by`, each once, with its state at `at`."""
    found: dict[VerifiedBy, SigningEntry] = {}
    for key_id in dict.fromkeys([entry.key_id for entry in made_by]):
        for entry in trust.entries_of(key_id):
            by = VerifiedBy(entry.alias, entry.key_id, entry.thumbprint)
            if by not in found and entry.public_key is not None:
                found[by] = SigningEntry(by, entry.state_at(at), _identity(key_id), _order(entry.public_key))
    return list(found.values())


def signers_of(
    number: int,
    value: bytes,
    covers: tuple[str, ...],
    signed_at: datetime | None,
    entries: Iterable[tuple[SigningEntry, bool]],
) -> list[Signer]:
    """The signers that the entries come to whose keys made a signature value.

    Args:
        number: Which signature of our Security header, counted from 0.
        value: The decoded SignatureValue.
        covers: The names of the intact parts that it covers.
        signed_at: Created of the Timestamp, where it covers that.
        entries: Those over the keys, each with whether the message would not pass without its key.
    """
    return [
        Signer(entry.by, entry.state, number, signature_id(entry, value), covers, is_needed, signed_at)
        for entry, is_needed in entries
    ]


def signature_id(entry: SigningEntry, value: bytes) -> str:
    """What a signature is known by, whoever sends it again.

    Of an ECDSA signature (r, s) anybody can make (r, n - s), which is as good (SEC 1, 4.1.4): the lower s counts. Of an
    RSA or Ed25519 value nobody can make another one (RFC 8017, 8.2.2; RFC 8032, 5.1.7).
    """
    return _id(entry.identity, entry.order, value)


def signature_id_under(key: SigningKey, key_id: KeyId, value: bytes) -> str:
    """The same of a signature under a key that is known otherwise."""
    return _id(_identity(key_id), _order(key), value)


def _id(identity: bytes, order: int | None, value: bytes) -> str:
    if order is not None:
        half = len(value) // 2
        s = int.from_bytes(value[half:], "big")
        if s > order >> 1:
            value = value[:half] + (order - s).to_bytes(half, "big")
    return hashlib.sha256(identity + value).hexdigest()


def _identity(key_id: KeyId) -> bytes:
    return b"%b\n" % key_id.encode()


def _order(key: SigningKey) -> int | None:
    return key.curve.group_order if isinstance(key, ec.EllipticCurvePublicKey) else None
