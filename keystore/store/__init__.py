"""The keystore in a database: entries with states, every change a revision, every past revision readable."""

from keystore.store.bundles import Fate, Imported, import_bundle
from keystore.store.change_gates import Gates
from keystore.store.draft import Draft
from keystore.store.history_anchors import HistoryAnchor, find_history_anchors, history_anchor
from keystore.store.history_verification import HistoryReport, HistoryState, verify_history
from keystore.store.outcome import Action, Added, Changed, HistoryItem, NewCertificate, PastRevision
from keystore.store.store import KeystoreStore
from keystore.store.stored_entry import StoredEntry
from keystore.store.syncing import Move, Step, folder_entry, synchronise
from keystore.store.table_definitions import CHANGES_CHANNEL, keystore_tables
from keystore.terms import Terms

__all__ = [
    "Action",
    "Added",
    "Changed",
    "Draft",
    "Fate",
    "Gates",
    "HistoryAnchor",
    "HistoryItem",
    "HistoryReport",
    "HistoryState",
    "Imported",
    "KeystoreStore",
    "Move",
    "NewCertificate",
    "PastRevision",
    "Step",
    "StoredEntry",
    "Terms",
    "find_history_anchors",
    "folder_entry",
    "history_anchor",
    "import_bundle",
    "CHANGES_CHANNEL",
    "keystore_tables",
    "synchronise",
    "verify_history",
]
