"""The version of the database's schema: which it is, and how it becomes the newest.

Revisions are numbered `0001`, `0002`, ... and stand in `migrations/versions/revision_NNNN.py`.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import SQLAlchemyError

from gateway.ledger.database.connections import explain, is_postgresql, migrating, reading
from gateway.ledger.database.partitions import make_partitions
from gateway.ledger.errors import DatabaseUnavailable, SchemaMismatch

_MIGRATIONS = Path(__file__).parent / "migrations"


class SchemaStatus(StrEnum):
    """How the database's schema compares with the one that this program needs."""

    EMPTY = "empty"
    OUTDATED = "outdated"
    CURRENT = "current"
    NEWER = "newer"
    """Made by a newer version of this program, which must not be written to."""
    FOREIGN = "foreign"
    """There are tables, but not ours: some other program's database."""


@dataclass(frozen=True, slots=True)
class SchemaState:
    """The schema found, and the one needed."""

    status: SchemaStatus
    revision: str | None
    """The revision found, None where there is none."""
    head: str
    """The revision that this program needs."""


def known_revisions() -> tuple[str, ...]:
    """Every revision that this program knows, oldest first; read from the file names, for Alembic is slow to load."""
    return tuple(sorted(p.stem.removeprefix("revision_") for p in (_MIGRATIONS / "versions").glob("revision_*.py")))


def schema_state(engine: Engine) -> SchemaState:
    """Which schema the database has.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    with reading(engine) as connection:
        return _state(connection)


def _state(connection: Connection) -> SchemaState:
    known = known_revisions()
    tables = set(inspect(connection).get_table_names())
    if "alembic_version" not in tables:
        return SchemaState(SchemaStatus.FOREIGN if tables else SchemaStatus.EMPTY, None, known[-1])
    revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    if revision is None:
        return SchemaState(SchemaStatus.FOREIGN if len(tables) > 1 else SchemaStatus.EMPTY, None, known[-1])
    if revision not in known:
        # Ours count 0001, 0002, ...: any other name was given by another program that uses Alembic.
        ours = str(revision).isdigit() and "messages" in tables
        return SchemaState(SchemaStatus.NEWER if ours else SchemaStatus.FOREIGN, str(revision), known[-1])
    return SchemaState(SchemaStatus.CURRENT if revision == known[-1] else SchemaStatus.OUTDATED, revision, known[-1])


def refuse_mismatch(state: SchemaState, engine: Engine) -> None:
    """Stop at a database that this program must not touch.

    Raises:
        SchemaMismatch: The schema is newer than this program, or not ours.
    """
    where = engine.url.render_as_string(hide_password=True)
    if state.status is SchemaStatus.NEWER:
        raise SchemaMismatch(
            f"the database {where} has schema {state.revision}, made by a newer version of wssgate than this one "
            f"(which knows up to {state.head}); install that version, or restore a backup from before the upgrade"
        )
    if state.status is SchemaStatus.FOREIGN:
        own = "database" if is_postgresql(engine) else "file"
        raise SchemaMismatch(
            f"the database {where} holds the tables of another program; name a {own} of its own for wssgate"
        )


def migrate(engine: Engine) -> SchemaState:
    """Bring the schema to the newest revision and return its state; nothing happens where it is the newest already.

    All or nothing, in one transaction under a lock: of several processes starting at once, on one machine or many, one
    migrates and the others find it done.

    Raises:
        DatabaseUnavailable: The database cannot be read or written.
        SchemaMismatch: The schema is newer than this program, or not ours.
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
                _upgrade(connection)
                make_partitions(connection, datetime.now(UTC))
            return _state(connection)
    except SQLAlchemyError as error:
        raise DatabaseUnavailable(f"the database cannot be migrated: {explain(error, engine)}") from error


def _upgrade(connection: Connection) -> None:
    from alembic import command  # imported here because every command opens the database and few migrate it
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
