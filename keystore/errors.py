"""Errors of the keystore.

KeystoreError
├── AliasInvalid          an alias that is not a plain name
├── UnreadableKeyFile     no certificate can be read from these bytes
│   └── WrongPassword     the file is protected and the password does not open it
├── Refused               a change that must not be made (the message says why and what to do)
│   ├── AliasInUse        another entry has that alias
│   ├── AlreadyThere      the same certificate is in the keystore already
│   ├── GateClosed        it is too early for the change; `force` overrides it, and the history says so for ever
│   ├── HoldsPrivateKey   the file holds a private key where certificates are meant
│   ├── NotAdmitted       the certificate itself speaks against it; `force` overrides some of the reasons
│   └── StateUnchanged    the entry is in a state from which that change cannot be made
├── FolderUnreadable      a folder of PEM files is not understood
├── SchemaRefused         the tables of the keystore are a newer version's, or not all there
├── UnknownAlias          no entry of that name
└── UnknownRevision       no such revision, or none yet at that instant
"""

from dataclasses import dataclass
from datetime import datetime

# ruff: noqa: N818 - these are answers to a person; "Refused" says what happened, "RefusedError" says it twice


class KeystoreError(Exception):
    """The root of everything that this package raises for bad input; its text is one sentence for a person."""


class AliasInvalid(KeystoreError):
    """An alias holds something else than letters, digits, dot, underscore and hyphen, or is too long."""


class UnreadableKeyFile(KeystoreError):
    """No certificate can be read from the given bytes."""


class WrongPassword(UnreadableKeyFile):
    """The key file is protected, and the password given (or none) does not open it."""


class Refused(KeystoreError):
    """A change to the keystore that must not be made."""


class AliasInUse(Refused):
    """Another entry has that alias, in whatever case it is spelled."""


class AlreadyThere(Refused):
    """The same certificate is in the keystore already; the message names its alias and state."""


@dataclass(frozen=True, slots=True)
class Blocker:
    """One thing that speaks against a change, for now."""

    sentence: str
    """What, since when or until when; a part of a sentence."""
    endpoint: str | None = None
    """Where; None where it holds for the entry as a whole."""
    safe_at: datetime | None = None
    """When it will be gone by itself, as far as can be told today; None where something else has to happen first."""


class GateClosed(Refused):
    """It is too early for the change: messages could still need the certificate."""

    def __init__(self, what: str, blockers: tuple[Blocker, ...]) -> None:
        """Say `what` is not done, because of `blockers`, of which there is at least one; each on a line of its own."""
        advice = "If it must be now, --force with --reason TEXT overrides this, and the history keeps it."
        super().__init__("\n".join([f"{what}: it is too early.", *(f"{b.sentence}." for b in blockers), advice]))
        self.blockers = blockers

    @property
    def safe_at(self) -> datetime | None:
        """The earliest instant at which the change may be made; None where no time alone opens the gate."""
        times = [blocker.safe_at for blocker in self.blockers]
        return None if None in times else max(time for time in times if time is not None)


class HoldsPrivateKey(Refused):
    """A file that holds a private key was given where certificates are meant."""


class NotAdmitted(Refused):
    """The certificate itself speaks against it: expired, a CA's, of a key that signs no message."""


class StateUnchanged(Refused):
    """The entry is in a state from which the change asked for cannot be made."""


class FolderUnreadable(KeystoreError):
    """A folder that shall say whom to trust holds something that is not understood; the message names the file."""


class SchemaRefused(KeystoreError):
    """The tables of the keystore in a database must not be touched: a newer version's, or not all there."""


class UnknownAlias(KeystoreError):
    """There is no entry of that name."""


class UnknownRevision(KeystoreError):
    """There is no such revision, or there was none yet at that instant."""
