import sqlite3
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, MetaData, create_engine, inspect, text
from sqlalchemy.exc import DBAPIError

from gateway.ledger import (
    DatabaseUnavailable,
    DatabaseUnsupported,
    LedgerError,
    LedgerWriter,
    SchemaMismatch,
    SchemaStatus,
    migrate,
    open_database,
    schema_state,
)
from gateway.ledger.database import schema as schema_module
from gateway.ledger.database.connections import reading, writing
from gateway.ledger.database.ledger_tables import metadata
from gateway.ledger.database.partitions import make_partitions, partition_tables
from gateway.ledger.proof.trigger_check import trigger_findings
from gateway.ledger.read import roll_up_sums as sums
from keystore.store.table_definitions import keystore_tables
from tests.databases import lay_out, on_postgresql, on_sqlite
from tests.gateway.ledger.load import OLD, accepted


@on_sqlite
def test_a_new_database_is_for_its_owner_only(engine: Engine, tmp_path: Path) -> None:
    with writing(engine) as connection:
        connection.execute(text("INSERT INTO replay_guard VALUES ('a', 1, 2)"))
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {"wssgate.db": 0o600, "wssgate.db-wal": 0o600, "wssgate.db-shm": 0o600}


@on_sqlite
def test_commits_are_durable_and_readers_do_not_block(engine: Engine) -> None:
    with reading(engine) as connection:
        settings = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10_000}


def _declared(thing: Any, name: str | None, kind: str, *_: object) -> bool:
    """Leaves out what only PostgreSQL has, the months and the time in what is unique, and the keystore's version."""
    return name not in {"messages_chain", "keystore_schema_version"} and not (
        kind == "table" and str(name).startswith("messages_")
    )


def test_the_migrated_schema_is_the_one_that_the_code_uses(engine: Engine) -> None:
    with reading(engine) as connection:
        options = {"compare_type": True, "compare_server_default": True, "include_object": _declared}
        context = MigrationContext.configure(connection, opts=options)
        both: Any = [metadata, keystore_tables]  # taken, though the annotation knows only one MetaData
        assert compare_metadata(context, both) == []


@on_sqlite
def test_the_migrated_schema_has_the_declared_keys_and_its_triggers(engine: Engine, tmp_path: Path) -> None:
    # The comparison above sees neither primary keys nor triggers.
    made = create_engine(f"sqlite:///{tmp_path}/made.db")
    declared: list[MetaData] = [metadata, keystore_tables]
    for one in declared:
        one.create_all(made)
    names = {table.name for one in declared for table in one.tables.values()}
    for name in names:
        keys = [inspect(e).get_pk_constraint(name)["constrained_columns"] for e in (engine, made)]
        assert keys[0] == keys[1], name
        assert inspect(engine).get_foreign_keys(name) == inspect(made).get_foreign_keys(name)
    chains = [inspect(e).get_unique_constraints("messages") for e in (engine, made)]
    assert [[c["column_names"] for c in chain] for chain in chains] == [[["writer", "sequence"]]] * 2
    query = text("SELECT name FROM sqlite_master WHERE type = 'trigger'")
    with engine.connect() as connection:
        assert set(connection.execute(query).scalars()) == {
            "messages_are_append_only",
            "messages_are_only_pruned",
            "checkpoints_are_records",
            "checkpoints_stay_records",
            "checkpoints_stay",
            *(name for _, name in _OF_EVIDENCE),
            *(
                f"{table}_refuses_{change}"
                for table in ("keystore_revisions", "keystore_history", "keystore_chain")
                for change in ("update", "delete")
            ),
        }
    made.dispose()


@on_postgresql
def test_the_migrated_schema_has_the_same_keys_and_triggers_on_postgresql(engine: Engine) -> None:
    keys = {name: inspect(engine).get_pk_constraint(name)["constrained_columns"] for name in _tables()}
    assert keys == _tables() | {"messages": ["id", "time"]}
    (chain,) = inspect(engine).get_unique_constraints("messages")
    assert chain["column_names"] == ["writer", "sequence", "time"]
    with engine.connect() as connection:
        months = partition_tables(connection)
        triggers = connection.execute(
            text("SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE NOT tgisinternal AND tgparentid = 0")
        ).all()
    assert {tuple(row) for row in triggers} == {
        ("messages", "messages_are_append_only"),
        ("messages", "messages_are_only_pruned"),
        ("messages", "messages_refuses_truncate"),
        ("checkpoints", "checkpoints_are_records"),
        ("checkpoints", "checkpoints_stay_records"),
        ("checkpoints", "checkpoints_stay"),
        *_OF_EVIDENCE,
        *((table, f"{table}_refuses_truncate") for table in (*_NEVER_EMPTIED, *months)),
        *(
            (table, f"{table}_refuses_{change}")
            for table in ("keystore_revisions", "keystore_history", "keystore_chain")
            for change in ("update", "delete", "truncate")
        ),
    }


_OF_EVIDENCE = {
    ("receipt_layouts", "receipt_layouts_never_change"),
    ("receipt_layouts", "receipt_layouts_stay"),
    ("events", "events_are_append_only"),
    ("events", "events_are_only_summed_up"),
    ("key_uses_hourly", "key_uses_stay"),
    ("key_uses_hourly", "key_uses_only_grow"),
    ("key_usage_hourly", "key_usage_stays"),
    ("key_usage_hourly", "key_usage_is_closed"),
    ("traffic_hourly", "traffic_stays"),
    ("traffic_hourly", "traffic_only_grows"),
    ("chains", "chains_stay"),
    ("renewal_statements", "renewal_statements_never_change"),
    ("renewal_statements", "renewal_statements_stay"),
    ("renewal_statements_head", "renewal_statements_end_moves_on"),
    ("renewal_statements_head", "renewal_statements_end_stays"),
}

_NEVER_EMPTIED = (
    "events",
    "key_uses_hourly",
    "key_usage_hourly",
    "traffic_hourly",
    "receipt_layouts",
    "chains",
    "checkpoints",
    "signature_uses",
    "expected_operations",
    "renewal_statements",
    "renewal_statements_head",
)


def _tables() -> dict[str, list[str]]:
    both = [*metadata.tables.values(), *keystore_tables.tables.values()]
    return {table.name: [column.name for column in table.primary_key] for table in both}


def test_the_known_revisions_are_those_of_the_migrations() -> None:
    scripts = ScriptDirectory(str(Path(schema_module.__file__).parent / "migrations"))
    assert schema_module.known_revisions() == tuple(sorted(s.revision for s in scripts.walk_revisions()))
    assert scripts.get_heads() == [schema_module.known_revisions()[-1]]


def test_a_message_cannot_be_changed_in_the_database(engine: Engine) -> None:
    writer = LedgerWriter(engine, "host:1")
    writer.submit(accepted(OLD)).result(10)
    assert writer.close()
    with pytest.raises(DBAPIError, match="messages are append-only"), writing(engine) as connection:
        connection.execute(text("UPDATE messages SET outcome = 'accepted'"))


@on_postgresql
@pytest.mark.parametrize(
    "table", ["messages", "keystore_revisions", "keystore_history", "keystore_chain", *_NEVER_EMPTIED]
)
def test_a_table_cannot_be_emptied_at_one_blow(engine: Engine, table: str) -> None:
    with (
        pytest.raises(DBAPIError, match=r"append-only|never removed|only forgotten|only replaced|only moves on"),
        writing(engine) as connection,
    ):
        connection.execute(text(f"TRUNCATE {table} CASCADE"))


@on_postgresql
def test_no_month_can_be_emptied_at_one_blow(engine: Engine) -> None:
    """Neither one that the migration found, nor one that was made later, nor what came before its month."""
    year = datetime(2031, 1, 1, tzinfo=UTC)
    writer = LedgerWriter(engine, "host:1")
    writer.submit(accepted(OLD, time=year)).result(10)
    assert writer.close()
    for now in (datetime.now(UTC), year):  # with the second one the default partition is sorted in anew
        with writing(engine) as connection:
            make_partitions(connection, now)
        with reading(engine) as connection:
            months = partition_tables(connection)
            assert list(trigger_findings(connection)) == []
        for month in months:
            with pytest.raises(DBAPIError, match="messages are append-only"), writing(engine) as connection:
                connection.execute(text(f"TRUNCATE {month}"))
    with writing(engine) as connection:
        connection.execute(text(f"DROP TRIGGER {months[0]}_refuses_truncate ON {months[0]}"))
    with reading(engine) as connection:
        (finding,) = trigger_findings(connection)
    assert f"{months[0]}_refuses_truncate" in finding.detail


def test_migrating_twice_changes_nothing(url: str) -> None:
    engine = open_database(url)
    assert schema_state(engine).status is SchemaStatus.EMPTY
    assert migrate(engine) == migrate(engine) == schema_state(engine)
    assert schema_state(engine).status is SchemaStatus.CURRENT
    engine.dispose()


def test_several_processes_starting_at_once_make_one_schema(url: str) -> None:
    program = "import sys; from gateway.ledger import *; e = open_database(sys.argv[1]); print(migrate(e).status)"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, url], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    results = [process.communicate(timeout=30) for process in processes]
    assert results == [("current\n", "")] * 3


def _fails(url: str, sentence: str, kind: type[LedgerError] = DatabaseUnavailable, *, create: bool = True) -> None:
    with pytest.raises(kind, match=sentence) as caught:
        open_database(url, create=create)
    assert "\n" not in str(caught.value)


def test_a_folder_that_is_missing(tmp_path: Path) -> None:
    _fails(
        f"sqlite:///{tmp_path}/nowhere/wssgate.db",
        "the folder .*nowhere of the database wssgate.db does not exist; create it",
    )


def test_a_file_that_is_missing_when_only_reading(tmp_path: Path) -> None:
    _fails(f"sqlite:///{tmp_path}/none.db", "there is no database at .*none.db; run", create=False)
    assert not (tmp_path / "none.db").exists()


def test_a_folder_in_the_place_of_the_file(tmp_path: Path) -> None:
    _fails(f"sqlite:///{tmp_path}", "is a folder; name a file in it")


def test_a_file_that_is_no_database_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("these are notes\n" * 100)
    _fails(f"sqlite:///{path}", "is not an SQLite database")
    assert path.read_text() == "these are notes\n" * 100
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]


_AS_ANOTHER_USER = """
import os, sys
from gateway.ledger import DatabaseUnavailable, open_database
if os.getuid() == 0:  # the superuser may write anything
    os.setresuid(65534, 65534, 65534)
try:
    open_database(sys.argv[1])
except DatabaseUnavailable as error:
    print(error)
"""


def _as_another_user(path: Path) -> str:
    command = [sys.executable, "-c", _AS_ANOTHER_USER, f"sqlite:///{path}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.stderr == ""
    return done.stdout


def test_a_file_that_may_not_be_written() -> None:
    with tempfile.TemporaryDirectory() as folder:  # pytest's own folders admit no other user at all
        Path(folder).chmod(0o755)
        path = Path(folder) / "wssgate.db"
        path.touch(0o444)
        assert "may not be read and written by this user" in _as_another_user(path)
        path.unlink()
        Path(folder).chmod(0o555)
        assert "let the gateway's user write to the folder" in _as_another_user(path)


def test_a_folder_that_may_not_be_entered(tmp_path: Path) -> None:
    shut = tmp_path / "shut"
    shut.mkdir()
    (shut / "wssgate.db").touch()
    shut.chmod(0)
    said = _as_another_user(shut / "wssgate.db")
    shut.chmod(0o700)
    assert "cannot be reached: Permission denied; check the URL and the folders on the way" in said


_READING_AS_ANOTHER_USER = """
import os, sys
from gateway.ledger import DatabaseUnavailable, open_database, records
open_database(sys.argv[1], create=False).dispose()  # so that all is loaded
if os.getuid() == 0:  # the superuser may read anything
    os.setresuid(65534, 65534, 65534)
try:
    print(len(records(open_database(sys.argv[2], create=False))), "records")
except DatabaseUnavailable as error:
    print(error)
"""


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that every user may look into, and one alone may write."""
    with tempfile.TemporaryDirectory() as folder:  # pytest's own folders admit no other user at all
        Path(folder).chmod(0o755)
        yield Path(folder)
        Path(folder).chmod(0o755)


def _read_as_another_user(path: Path, readable: str) -> str:
    command = [sys.executable, "-c", _READING_AS_ANOTHER_USER, readable, f"sqlite:///{path}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.stderr == ""
    return done.stdout.strip()


def _recorded(folder: Path) -> LedgerWriter:
    """A running writer with one record in the log that is not in the file yet."""
    lay_out(folder / "wssgate.db")
    writer = LedgerWriter(open_database(f"sqlite:///{folder}/wssgate.db"), "host:1")
    writer.submit(accepted(OLD)).result(10)
    return writer


def test_another_user_reads_beside_a_running_gateway(shared: Path, migrated_file: str) -> None:
    writer = _recorded(shared)
    for path in shared.iterdir():
        path.chmod(0o644)
    assert _read_as_another_user(shared / "wssgate.db", migrated_file) == "1 records"
    assert writer.close()


@pytest.mark.parametrize("hidden", ["wssgate.db-wal", "wssgate.db-shm"])
def test_newest_records_that_cannot_be_read_are_not_left_out_silently(
    shared: Path, migrated_file: str, hidden: str
) -> None:
    writer = _recorded(shared)
    for path in shared.iterdir():
        path.chmod(0o600 if path.name == hidden else 0o644)
    said = _read_as_another_user(shared / "wssgate.db", migrated_file)
    assert "the newest records of" in said
    assert "sqlite3 wssgate.db '.backup copy.db'" in said
    assert writer.close()


def test_a_log_without_its_index_is_not_left_out_silently(shared: Path, migrated_file: str) -> None:
    (shared / "wssgate.db").write_bytes(b"")
    lay_out(shared / "wssgate.db")
    (shared / "wssgate.db-wal").write_bytes(b"x")
    for path in shared.iterdir():
        path.chmod(0o644)
    assert "the newest records of" in _read_as_another_user(shared / "wssgate.db", migrated_file)
    # An empty one holds nothing.
    (shared / "wssgate.db-wal").write_bytes(b"")
    assert _read_as_another_user(shared / "wssgate.db", migrated_file) == "0 records"


def test_another_user_may_have_a_folder_of_its_own_and_a_file_that_it_may_not_write(
    shared: Path, migrated_file: str
) -> None:
    lay_out(shared / "wssgate.db")
    (shared / "wssgate.db").chmod(0o444)
    shared.chmod(0o777)
    assert _read_as_another_user(shared / "wssgate.db", migrated_file) == "0 records"


def test_what_another_user_cannot_read_is_told(shared: Path, migrated_file: str) -> None:
    lay_out(shared / "wssgate.db")
    assert "may not be read by this user" in _read_as_another_user(shared / "wssgate.db", migrated_file)
    notes = shared / "notes.txt"
    notes.write_text("these are notes\n" * 100)
    notes.chmod(0o444)
    assert "is not an SQLite database" in _read_as_another_user(notes, migrated_file)


def test_a_newer_schema_is_left_alone(engine: Engine, url: str) -> None:
    with writing(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    _fails(url, "has schema 9999, made by a newer version of wssgate", SchemaMismatch)
    with pytest.raises(SchemaMismatch, match="newer version"):
        migrate(engine)


def test_the_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE songs (title TEXT)")
    connection.close()
    _fails(f"sqlite:///{path}", "holds the tables of another program", SchemaMismatch)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        (
            "mysql://user:secret@127.0.0.1/db?password=secret",
            r"mysql://user:\*\*\*@127.0.0.1/db is not supported; write",
        ),
        ("postgresql+asyncpg://user:secret@127.0.0.1/db", "is not supported"),
        ("postgresql://user@127.0.0.1/db?password=secret", "has a password behind the question mark"),
        ("postgresql://user@127.0.0.1/db?sslPassword=secret", "has a sslpassword behind the question mark"),
        ("postgres//user:secret@127.0.0.1/db", "what is configured is no database URL"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("sqlite:///a.db?mode=ro", "without options"),
        ("wssgate.db", "is no database URL"),
        ("", "is no database URL"),
    ],
)
def test_urls_that_are_not_supported(url: str, sentence: str) -> None:
    with pytest.raises(DatabaseUnsupported, match=sentence) as caught:
        open_database(url)
    assert "secret" not in str(caught.value)


def test_a_path_with_awkward_characters(tmp_path: Path) -> None:
    folder = tmp_path / "50% #1 é&b=c"
    folder.mkdir()
    engine = open_database(f"sqlite:///{folder}/gate way.db")
    assert migrate(engine).status is SchemaStatus.CURRENT
    engine.dispose()
    assert (folder / "gate way.db").stat().st_size > 0


def test_reading_before_the_migration_says_what_to_do(url: str) -> None:
    engine = open_database(url)
    with pytest.raises(DatabaseUnavailable, match="run `wssgate migrate`"):
        sums.usage(engine)
    engine.dispose()
