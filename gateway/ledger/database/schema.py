"""The version of the database's schema: which it is, and how it becomes the newest.

In one database stand the tables of the ledger, whose revisions are in `migrations/versions/revision_NNNN.py`, and those
of the keystore, which has revisions and a version of its own. They are migrated together.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, inspect
from sqlalchemy.exc import SQLAlchemyError

from gateway.ledger.database.connections import explain, is_postgresql, migrating, reading
from gateway.ledger.database.partitions import make_partitions
from gateway.ledger.errors import DatabaseUnavailable, SchemaMismatch
from keystore.store import TABLE_NAMES as KEYSTORE_TABLES
from keystore.store import KeystoreSchema, MigrationScripts, SchemaStatus
from keystore.store import migrate as migrate_keystore
from keystore.store import schema_state as keystore_schema_state

__all__ = ["SchemaState", "SchemaStatus", "known_revisions", "migrate", "refuse_mismatch", "schema_state"]

_SCRIPTS: Final = MigrationScripts(Path(__file__).parent / "migrations", "alembic_version")


@dataclass(frozen=True, slots=True)
class SchemaState:
    """The schema found, and the one needed."""

    status: SchemaStatus
    """Of ledger and keystore together."""
    revision: str | None
    """The ledger's revision found, None where there is none."""
    head: str
    """The ledger's revision that this program needs."""
    keystore: KeystoreSchema
    """The same of the keystore's tables."""

    @property
    def found(self) -> str:
        """Both revisions found, for people."""
        return _shown(self.revision, self.keystore.revision)

    @property
    def needed(self) -> str:
        """Both revisions that this program needs, for people."""
        return _shown(self.head, self.keystore.head)


def _shown(ledger: str | None, keystore: str | None) -> str:
    return f"{ledger or 'none'} (keystore {keystore or 'none'})"


def known_revisions() -> tuple[str, ...]:
    """Every revision of the ledger that this program knows, oldest first."""
    return _SCRIPTS.known


def schema_state(engine: Engine) -> SchemaState:
    """Which schema the database has.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    with reading(engine) as connection:
        return _state(connection)


def _state(connection: Connection) -> SchemaState:
    keystore = keystore_schema_state(connection)
    revision = _SCRIPTS.applied(connection)
    status = _with_keystore(_ledger_status(connection, revision), keystore.status)
    return SchemaState(status, revision, known_revisions()[-1], keystore)


def _ledger_status(connection: Connection, revision: str | None) -> SchemaStatus:
    tables = set(inspect(connection).get_table_names()) - KEYSTORE_TABLES - {_SCRIPTS.version_table}
    if revision is None:
        return SchemaStatus.FOREIGN if tables else SchemaStatus.EMPTY
    status = _SCRIPTS.status_of(revision)
    # Ours count 0001, 0002, ...: any other name was given by another program that uses Alembic.
    ours = status is not SchemaStatus.NEWER or (revision.isdigit() and "messages" in tables)
    return status if ours else SchemaStatus.FOREIGN


def _with_keystore(ledger: SchemaStatus, keystore: SchemaStatus) -> SchemaStatus:
    """The status of both; the keystore is never empty beside a ledger, whose first migration has made both."""
    both = {ledger, keystore}
    for decides in (SchemaStatus.FOREIGN, SchemaStatus.NEWER, SchemaStatus.DAMAGED):
        if decides in both:
            return decides
    if ledger is SchemaStatus.EMPTY:
        return SchemaStatus.EMPTY
    if keystore is SchemaStatus.EMPTY:
        return SchemaStatus.DAMAGED
    return SchemaStatus.CURRENT if both == {SchemaStatus.CURRENT} else SchemaStatus.OUTDATED


def refuse_mismatch(state: SchemaState, engine: Engine) -> None:
    """Stop at a database that this program must not touch.

    Raises:
        SchemaMismatch: The schema is newer than this program, or not ours, or a part of it is missing.
    """
    where = engine.url.render_as_string(hide_password=True)
    if state.status is SchemaStatus.FOREIGN:
        own = "database" if is_postgresql(engine) else "file"
        raise SchemaMismatch(
            f"the database {where} holds the tables of another program; name a {own} of its own for wssgate"
        )
    if state.keystore.refusal is not None:
        raise SchemaMismatch(f"the database {where} cannot be used: {state.keystore.refusal}")
    if state.status is SchemaStatus.NEWER:
        raise SchemaMismatch(
            f"the database {where} has schema {state.revision}, made by a newer version of wssgate than this one "
            f"(which knows up to {state.head}); install that version, or restore a backup from before the upgrade"
        )
    if state.status is SchemaStatus.DAMAGED:
        raise SchemaMismatch(f"the database {where} has lost the tables of the keystore; restore a backup")


def migrate(engine: Engine) -> SchemaState:
    """Bring the schema to the newest revisions and return its state; nothing happens where it is the newest already.

    All or nothing, in one transaction under a lock: of several processes starting at once, on one machine or many, one
    migrates and the others find it done.

    Raises:
        DatabaseUnavailable: The database cannot be read or written.
        SchemaMismatch: The schema is newer than this program, or not ours, or a part of it is missing.
    """
    try:
        state = schema_state(engine)
        refuse_mismatch(state, engine)
        if state.status is SchemaStatus.CURRENT:
            return state
        with migrating(engine) as connection:
            state = _state(connection)
            refuse_mismatch(state, engine)
            if state.status is not SchemaStatus.CURRENT:
                migrate_keystore(connection)
                _SCRIPTS.upgrade(connection)
                make_partitions(connection, datetime.now(UTC))
            return _state(connection)
    except SQLAlchemyError as error:
        raise DatabaseUnavailable(f"the database cannot be migrated: {explain(error, engine)}") from error
