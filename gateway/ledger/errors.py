"""Errors of the ledger.

LedgerError
├── DatabaseUnavailable       the database cannot be opened, read or migrated (the message says why and what to do)
│   ├── DatabaseUnsupported   the URL names a kind of database that this version does not know
│   └── SchemaMismatch        the database was made by a newer version, or is not one of ours
├── LedgerUnavailable         a group of records could not be written; none of it was
│   ├── LedgerClosed          the writer has been closed
│   └── LedgerTooSlow         no commit in time; the error knows whether the record was taken back
├── ReplayCacheBroken         the replay cache does not do its work: nothing may be served
├── LedgerBusy                more records wait than may wait; nothing was queued
├── RecordRefused             this one record cannot be stored (a number is out of range, for instance)
│   └── AlreadyRecorded       a record of this id is there already
├── SigningKeyUnusable        the file with the signing key cannot be made or used
├── KeptEndsUnusable          the folder with the ends of the chains cannot be read or written
├── KeptUsesUnusable          what killed processes have left in that folder cannot be read
├── TimeStampsUnavailable     time stamps can be neither asked for nor verified
├── TimeStampRefused          a time stamp is none, or does not hold
├── RecordNotFound            no record is meant by the id that was given, or more than one
├── FilterUnreadable          what should say which records are meant does not
├── BundleRefused             a file is no bundle of evidence, or one that this version does not read
└── ReceiptDamaged            what a record holds as receipts was altered, or a layout of it was
"""

# ruff: noqa: N818 - named after what happened, like the errors of the keystore


class LedgerError(Exception):
    """The root of everything that this package raises; its text is one sentence for a person."""


class DatabaseUnavailable(LedgerError):
    """The database cannot be opened, read or migrated."""


class DatabaseUnsupported(DatabaseUnavailable):
    """The URL names a kind of database that this version does not know."""


class SchemaMismatch(DatabaseUnavailable):
    """The database has a schema that this program must not touch: a newer, a foreign or an incomplete one."""


class LedgerUnavailable(LedgerError):
    """A group of records could not be written. Nothing of it was: the message must not be released."""


class LedgerClosed(LedgerUnavailable):
    """The writer has been closed and takes no more records."""


class LedgerTooSlow(LedgerUnavailable):
    """The record was not committed in time: the message must not be released."""

    def __init__(self, seconds: float, *, withdrawn: bool) -> None:
        """Hold whether the record was taken back before the writer began with it.

        Where it was not, it may still be committed, and then says `released` although nothing left.
        """
        state = (
            "it was taken back and will not be written"
            if withdrawn
            else "it was being written already and may still be committed, although nothing was delivered"
        )
        super().__init__(f"the record was not committed within {seconds:g} s; {state}")
        self.withdrawn = withdrawn


class ReplayCacheBroken(LedgerError):
    """The replay cache does not recognise what is repeated, or takes everything for repeated."""


class RecordNotFound(LedgerError):
    """No record has the id that was given, or more than one begins with it."""


class FilterUnreadable(LedgerError):
    """A text does not say which records are meant: it is not written in the language of filters."""


class BundleRefused(LedgerError):
    """A file is no bundle of evidence: something in it is not as this program writes it."""


class ReceiptDamaged(LedgerError):
    """What a record holds as receipts cannot be read: it was altered, or the layouts that it names were."""


class LedgerBusy(LedgerError):
    """More records wait for their commit than may wait; this one was not queued."""


class RecordRefused(LedgerError):
    """This one record cannot be stored, whatever the state of the database; the others of its group are stored."""


class AlreadyRecorded(RecordRefused):
    """A record of this id is in the ledger already; nothing was written twice."""


class SigningKeyUnusable(LedgerError):
    """The file with the key that signs the ends of the chains cannot be made or used."""


class KeptEndsUnusable(LedgerError):
    """The folder beside the signing key, with the ends of the chains, cannot be read or written."""


class KeptUsesUnusable(LedgerError):
    """What processes that were killed have left beside the signing key cannot be read."""


class TimeStampsUnavailable(LedgerError):
    """Time stamps can be neither asked for nor verified: no extra, or no root of the authority."""


class TimeStampRefused(LedgerError):
    """A time stamp is none, or not the authority's, or over something else."""
