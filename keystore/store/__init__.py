"""The keystore in a database: entries with states, every change a revision, every past revision readable."""

from keystore.store.bundles import Fate, Imported, import_bundle
from keystore.store.draft import Draft
from keystore.store.entry import StoredEntry
from keystore.store.gates import Gates
from keystore.store.outcome import Action, Added, Changed, HistoryItem, NewCertificate, PastRevision
from keystore.store.store import KeystoreStore
from keystore.store.syncing import Move, Step, folder_entry, synchronise
from keystore.store.tables import CHANGES_CHANNEL, keystore_tables
from keystore.terms import Terms

__all__ = [
    "Action",
    "Added",
    "Changed",
    "Draft",
    "Fate",
    "Gates",
    "HistoryItem",
    "Imported",
    "KeystoreStore",
    "Move",
    "NewCertificate",
    "PastRevision",
    "Step",
    "StoredEntry",
    "Terms",
    "folder_entry",
    "import_bundle",
    "CHANGES_CHANNEL",
    "keystore_tables",
    "synchronise",
]
