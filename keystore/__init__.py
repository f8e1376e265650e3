"""Whom we trust: certificates, their identities, states and history.

A library of its own: nothing here knows of messages, SOAP or the gateway. Beside this face, which is all that a
verification needs, stand `keystore.reading` (key files), `keystore.admission` (whether to trust a certificate),
`keystore.fingerprint` (for people) and `keystore.store` (the database).
"""

from keystore.certificate import SIGNING_CURVES, SigningKey, State, TrustedCertificate
from keystore.errors import (
    AliasInUse,
    AliasInvalid,
    AlreadyThere,
    Blocker,
    FolderUnreadable,
    GateClosed,
    HoldsPrivateKey,
    KeystoreError,
    NotAdmitted,
    Refused,
    StateUnchanged,
    UnknownAlias,
    UnknownRevision,
    UnreadableKeyFile,
    WrongPassword,
)
from keystore.hint import NO_HINT, HintKind, KeyHint
from keystore.identity import Alias, KeyId, Thumbprint
from keystore.snapshot import Candidate, TrustSnapshot

__all__ = [
    "NO_HINT",
    "SIGNING_CURVES",
    "Alias",
    "AliasInUse",
    "AliasInvalid",
    "AlreadyThere",
    "Blocker",
    "Candidate",
    "FolderUnreadable",
    "GateClosed",
    "HintKind",
    "HoldsPrivateKey",
    "KeyHint",
    "KeyId",
    "KeystoreError",
    "NotAdmitted",
    "Refused",
    "SigningKey",
    "State",
    "StateUnchanged",
    "Thumbprint",
    "TrustSnapshot",
    "TrustedCertificate",
    "UnknownAlias",
    "UnknownRevision",
    "UnreadableKeyFile",
    "WrongPassword",
]
