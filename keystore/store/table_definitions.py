"""The tables of the keystore, in portable SQL.

Instants are whole microseconds since 1970-01-01T00:00:00Z: integers compare exactly on every database. Sets and whole
entries are JSON in text columns; nothing queries inside them. The tables are made by `keystore.store.migrate`, and with
them the triggers by which the database itself keeps what is append-only.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    text,
)

keystore_tables = MetaData()
"""Every table of the keystore."""

CHANGES_CHANNEL = "wssgate_keystore"
"""PostgreSQL: where each new revision is announced (NOTIFY), in the moment of its commit."""

_RowId = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers only INTEGER primary keys by itself

head = Table(
    "keystore_head",
    keystore_tables,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("revision", BigInteger, nullable=False),
    Column("hash", String(64), nullable=False),
)
"""One row: the current revision, and its hash: without it, revisions missing at the end would not be missed.

Every change updates it first, and so holds the lock that puts writers in a row.
"""

revisions = Table(
    "keystore_revisions",
    keystore_tables,
    Column("revision", BigInteger, primary_key=True, autoincrement=False),
    Column("time", BigInteger, nullable=False, index=True),
    Column("who", Text, nullable=False),
    Column("why", Text, nullable=False),
)
"""One row for each change, however many entries it touched. Append-only."""

entries = Table(
    "keystore_entries",
    keystore_tables,
    Column("id", _RowId, primary_key=True),
    Column("alias", String(64), nullable=False),
    Column("alias_folded", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("certificate", LargeBinary),
    Column("thumbprint", String(64), nullable=False),
    Column("key_id", String(64), nullable=False),
    Column("endpoints", Text),
    Column("trusted_from", BigInteger),
    Column("trusted_until", BigInteger),
    Column("scheduled_end", BigInteger),
    Column("replaces", Text),
    Column("revoked", Boolean, nullable=False),
    Column("note", Text, nullable=False),
    Column("added_at", BigInteger, nullable=False),
    Column("added_by", Text, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Column("revision", BigInteger, ForeignKey("keystore_revisions.revision"), nullable=False),
)
"""The entries as they are now. `certificate` is DER, NULL once purged; `endpoints` NULL means every endpoint.

`scheduled_end` is when somebody shall end the trust, through the gate; `trusted_until`, written before schema 0005, is
an end that comes by itself. `replaces` names the certificates whose successor this one is: their SHA-256, sorted, in
JSON; NULL where nobody declared it.
"""

_PRESENT = text("state <> 'purged'")
for _name, _column in (
    ("keystore_entries_alias", entries.c.alias_folded),
    ("keystore_entries_thumbprint", entries.c.thumbprint),
):
    Index(_name, _column, unique=True, sqlite_where=_PRESENT, postgresql_where=_PRESENT)

history = Table(
    "keystore_history",
    keystore_tables,
    Column("id", _RowId, primary_key=True),
    Column("revision", BigInteger, ForeignKey("keystore_revisions.revision"), nullable=False, index=True),
    Column("entry_id", _RowId, nullable=False, index=True),
    Column("action", String(16), nullable=False),
    Column("alias", String(64), nullable=False),
    Column("thumbprint", String(64), nullable=False),
    Column("entry", Text, nullable=False),
    Column("overrode", Text),
    Column("gate", Text),
)
"""One row for each entry that a change touched, with the whole entry after it. Append-only.

`overrode` names what spoke against the change and was overridden by force; NULL where nothing did. `gate` is what the
gates answered (`keystore.store.change_gates.gate_text`); NULL where none was asked.
"""

chain = Table(
    "keystore_chain",
    keystore_tables,
    Column("revision", BigInteger, ForeignKey("keystore_revisions.revision"), primary_key=True, autoincrement=False),
    Column("hash", String(64), nullable=False),
)
"""The hash of each revision (`keystore.store.revision_chain`). Append-only.

Apart from the revisions, for a revision is written first, and its hash once all of its changes are known.
"""
