"""The tables of the keystore in a database: which state they are in, and how they come to the newest.

They have a version table of their own, so that they can stand in a database alone, or beside the tables of a program
that uses the keystore. Tables without a version were made by the gateway, whose schemas 0001 to 0006 held them: they
are taken over in the state that they are in, which their columns tell.
"""

import sqlite3
from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from sqlalchemy import Connection, Engine, func, inspect, select

from keystore.errors import SchemaRefused
from keystore.store.migration_scripts import MigrationScripts, SchemaStatus
from keystore.store.table_definitions import chain, entries, head, history, keystore_tables, revisions

_SCRIPTS: Final = MigrationScripts(Path(__file__).parent / "migrations", "keystore_schema_version")
TABLE_NAMES: Final = frozenset({*keystore_tables.tables, _SCRIPTS.version_table})
"""Every table that belongs to the keystore, the one with the version of its schema included."""

_MIGRATION_LOCK = 0x777373_0003
"""Advisory lock of PostgreSQL that whoever migrates holds; any number that no other program on the database uses."""
_BEFORE_CHAIN: Final = frozenset({head.name, revisions.name, entries.name, history.name})
"""The tables that there were before the history became a hash chain."""


@dataclass(frozen=True, slots=True)
class KeystoreSchema:
    """The schema found, and the one needed."""

    status: SchemaStatus
    """Never `FOREIGN`: what else there is in the database is not looked at."""
    revision: str | None
    """The revision found; None where there is none, and where the tables are as in none."""
    head: str
    """The revision that this program needs."""

    @property
    def refusal(self) -> str | None:
        """Why the tables must not be touched, for the end of a sentence; None where they may be."""
        if self.status is SchemaStatus.NEWER:
            return (
                f"the keystore's tables have schema {self.revision}, made by a newer version than this one (which "
                f"knows up to {self.head}); install that version, or restore a backup from before the upgrade"
            )
        if self.status is SchemaStatus.DAMAGED:
            return "tables of the keystore are missing, or not as any version made them; restore a backup"
        return None


def schema_state(place: Engine | Connection) -> KeystoreSchema:
    """Which schema the keystore's tables have in the database of `place`.

    Raises:
        SQLAlchemyError: The database cannot be read.
    """
    if isinstance(place, Engine):
        with place.connect() as connection:
            return schema_state(connection)
    needed = _SCRIPTS.known[-1]
    there = keystore_tables.tables.keys() & set(inspect(place).get_table_names())
    revision = _SCRIPTS.applied(place)
    if revision is not None:
        status = _SCRIPTS.status_of(revision)
        if status is SchemaStatus.CURRENT and there != keystore_tables.tables.keys():
            status = SchemaStatus.DAMAGED
        return KeystoreSchema(status, revision, needed)
    if not there:
        return KeystoreSchema(SchemaStatus.EMPTY, None, needed)
    revision = _revision_of_unversioned(place, there)
    return KeystoreSchema(SchemaStatus.DAMAGED if revision is None else SchemaStatus.OUTDATED, revision, needed)


def migrate(place: Engine | Connection) -> KeystoreSchema:
    """Make the keystore's tables, take over those that are there, or bring them to the newest revision.

    All or nothing, under a lock: in the transaction of `place` where that is a connection, which commits it, else in
    one of its own. Nothing happens where the tables are the newest already.

    Raises:
        SchemaRefused: They are newer than this program, or not all there.
        SQLAlchemyError: The database cannot be read or written.
    """
    if isinstance(place, Engine):
        with place.begin() as connection:
            return migrate(connection)
    _hold(place)
    state = schema_state(place)
    if state.refusal is not None:
        raise SchemaRefused(f"the keystore cannot be migrated: {state.refusal}")
    if state.status is SchemaStatus.CURRENT:
        return state
    if state.revision is not None and _SCRIPTS.applied(place) is None:
        _SCRIPTS.adopt(place, state.revision)
    _SCRIPTS.upgrade(place)
    return schema_state(place)


def _hold(connection: Connection) -> None:
    """Let one process at a time migrate, and let the transaction hold what changes tables as well."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
        return
    if not connection.in_transaction():
        connection.begin()
    # By itself SQLite's driver begins no transaction before a CREATE TABLE.
    if not cast(sqlite3.Connection, connection.connection.dbapi_connection).in_transaction:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _revision_of_unversioned(connection: Connection, there: Set[str]) -> str | None:
    """The revision whose tables are as those that are there; None where there is none."""
    inspector = inspect(connection)
    if not there >= _BEFORE_CHAIN:
        return None
    chained = chain.name in there
    overrides = "overrode" in {column["name"] for column in inspector.get_columns(history.name)}
    hashed_head = "hash" in {column["name"] for column in inspector.get_columns(head.name)}
    return {(False, False, False): "0001", (True, False, False): "0002", (True, True, True): "0003"}.get(
        (overrides, chained, hashed_head)
    )
