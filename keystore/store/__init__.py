"""The keystore in a database: entries with states, every change a revision, every past revision readable."""

from keystore.store.entry import StoredEntry
from keystore.store.outcome import Added, Changed, HistoryItem, NewCertificate
from keystore.store.store import KeystoreStore
from keystore.store.tables import keystore_tables

__all__ = [
    "Added",
    "Changed",
    "HistoryItem",
    "KeystoreStore",
    "NewCertificate",
    "StoredEntry",
    "keystore_tables",
]
