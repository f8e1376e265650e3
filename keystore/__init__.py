"""Whom we trust: certificates, their identities, states and history.

A library of its own: nothing here knows of messages, SOAP or the gateway. It has two faces. This one needs no database:
certificates and what tells them apart, the snapshot that a verification runs against, key files, fingerprints for
people, and the two rules that whoever stores evidence shares with the keystore, its hash chain and its instants. The
other one is `keystore.store`, the keystore in a database.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

from keystore.certificate import SIGNING_CURVES, SigningKey, State, TrustedCertificate
from keystore.certificate_decoding import without_warnings
from keystore.epoch import from_microseconds, optional_instant, optional_microseconds, to_microseconds
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
    SchemaRefused,
    StateUnchanged,
    UnknownAlias,
    UnknownRevision,
    UnreadableKeyFile,
    WrongPassword,
)
from keystore.hint import NO_HINT, HintKind, KeyHint
from keystore.identity import Alias, KeyId, Thumbprint
from keystore.snapshot import Candidate, TrustSnapshot
from keystore.terms import Terms

_LATER: Final = {
    **dict.fromkeys(("Description", "Fingerprint", "describe", "serial_text"), "keystore.fingerprint"),
    **dict.fromkeys(("is_authority",), "keystore.authority"),
    **dict.fromkeys(("CHAIN_START", "link_hash"), "keystore.hash_chain"),
    **dict.fromkeys(
        (
            "FolderEntry",
            "KeyFileFormat",
            "LeftOut",
            "MAX_KEY_FILE_BYTES",
            "ReadCertificate",
            "ReadResult",
            "STATES",
            "endpoints_words",
            "read_certificates",
            "read_folder",
        ),
        "keystore.reading",
    ),
}
"""What no verification needs, and where it is: loaded when it is asked for, so that every command starts sooner."""

if TYPE_CHECKING:
    from keystore.authority import is_authority
    from keystore.fingerprint import Description, Fingerprint, describe, serial_text
    from keystore.hash_chain import CHAIN_START, link_hash
    from keystore.reading import (
        MAX_KEY_FILE_BYTES,
        STATES,
        FolderEntry,
        KeyFileFormat,
        LeftOut,
        ReadCertificate,
        ReadResult,
        endpoints_words,
        read_certificates,
        read_folder,
    )
else:  # not for the type checker, to which every name that is misspelled would look as if it were there

    def __getattr__(name: str) -> object:
        """Load what `_LATER` names, and keep it."""
        if name not in _LATER:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = found = getattr(import_module(_LATER[name]), name)
        return found


__all__ = [
    # certificates
    "Alias",
    "KeyId",
    "SIGNING_CURVES",
    "SigningKey",
    "State",
    "Terms",
    "Thumbprint",
    "TrustedCertificate",
    "is_authority",
    "without_warnings",
    # verifying
    "Candidate",
    "HintKind",
    "KeyHint",
    "NO_HINT",
    "TrustSnapshot",
    # key files and folders
    "FolderEntry",
    "KeyFileFormat",
    "LeftOut",
    "MAX_KEY_FILE_BYTES",
    "ReadCertificate",
    "ReadResult",
    "STATES",
    "endpoints_words",
    "read_certificates",
    "read_folder",
    # for people
    "Description",
    "Fingerprint",
    "describe",
    "serial_text",
    # for whoever stores evidence
    "CHAIN_START",
    "from_microseconds",
    "link_hash",
    "optional_instant",
    "optional_microseconds",
    "to_microseconds",
    # errors
    "AliasInUse",
    "AliasInvalid",
    "AlreadyThere",
    "Blocker",
    "FolderUnreadable",
    "GateClosed",
    "HoldsPrivateKey",
    "KeystoreError",
    "NotAdmitted",
    "Refused",
    "SchemaRefused",
    "StateUnchanged",
    "UnknownAlias",
    "UnknownRevision",
    "UnreadableKeyFile",
    "WrongPassword",
]
