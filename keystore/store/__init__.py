"""The keystore in a database: entries with states, every change a revision, every past revision readable.

The second face of the keystore, beside `keystore` itself: it needs SQLAlchemy, and Alembic to migrate.
"""

from keystore.store.bundles import Fate, Imported, import_bundle
from keystore.store.change_gates import (
    WRITTEN_OVER,
    GateAnswer,
    Gates,
    KeptAnswer,
    TrustedSince,
    gate_answers,
    gate_sentences,
)
from keystore.store.draft import Draft
from keystore.store.gate_questions import Asked
from keystore.store.history_anchors import HistoryAnchor, find_history_anchors, history_anchor
from keystore.store.history_export import HistoryLink, history_links
from keystore.store.history_verification import HistoryReport, HistoryState, verify_history
from keystore.store.keystore_schema import TABLE_NAMES, KeystoreSchema, migrate, schema_state
from keystore.store.migration_scripts import MigrationScripts, SchemaStatus
from keystore.store.outcome import Action, Added, Changed, HistoryItem, NewCertificate, PastRevision
from keystore.store.scheduled_ends import DueEnd
from keystore.store.store import KeystoreStore
from keystore.store.stored_entry import StoredEntry
from keystore.store.syncing import Move, Step, folder_entry, synchronise
from keystore.store.table_definitions import CHANGES_CHANNEL, keystore_tables
from keystore.terms import Terms

__all__ = [
    # its tables
    "CHANGES_CHANNEL",
    "KeystoreSchema",
    "MigrationScripts",
    "SchemaStatus",
    "TABLE_NAMES",
    "keystore_tables",
    "migrate",
    "schema_state",
    # changing and reading
    "Action",
    "Added",
    "Asked",
    "Changed",
    "Draft",
    "DueEnd",
    "GateAnswer",
    "Gates",
    "HistoryItem",
    "KeystoreStore",
    "NewCertificate",
    "PastRevision",
    "StoredEntry",
    "Terms",
    "KeptAnswer",
    "TrustedSince",
    "WRITTEN_OVER",
    "gate_answers",
    "gate_sentences",
    # key files and folders
    "Fate",
    "Imported",
    "Move",
    "Step",
    "folder_entry",
    "import_bundle",
    "synchronise",
    # proving
    "HistoryAnchor",
    "HistoryLink",
    "HistoryReport",
    "HistoryState",
    "find_history_anchors",
    "history_anchor",
    "history_links",
    "verify_history",
]
