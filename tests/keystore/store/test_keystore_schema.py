import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import Engine, create_engine, inspect, text

from keystore import SchemaRefused
from keystore.store import (
    TABLE_NAMES,
    HistoryState,
    KeystoreStore,
    MigrationScripts,
    NewCertificate,
    SchemaStatus,
    keystore_schema,
    keystore_tables,
    migrate,
    schema_state,
    verify_history,
)
from tests.keystore.issuing import issue
from tests.keystore.store.authoring import BY

SCRIPTS = MigrationScripts(Path(keystore_schema.__file__).parent / "migrations", "keystore_schema_version")

_ALONE = """
import sys
from datetime import UTC, datetime
from sqlalchemy import create_engine
from keystore import TrustedCertificate
from keystore.store import KeystoreStore, migrate, verify_history
engine = create_engine(f"sqlite:///{sys.argv[1]}")
print(migrate(engine).status)
entry = TrustedCertificate.from_pem("acme", sys.stdin.read())
store = KeystoreStore(engine)
store.add("acme", entry.certificate, who="eva", why="", at=datetime(2026, 6, 1, tzinfo=UTC))
with engine.connect() as connection:
    print(verify_history(connection).state)
print(*(held.alias for held in store.snapshot().entries))
print([name for name in sys.modules if name.partition(".")[0] == "gateway"])
"""


@pytest.fixture
def empty(database_url: str) -> Iterator[Engine]:
    made = create_engine(database_url.replace("postgresql:", "postgresql+psycopg:"))
    yield made
    made.dispose()


def test_a_keystore_needs_no_gateway(tmp_path: Path) -> None:
    pem = issue("acme").public_bytes(Encoding.PEM).decode()
    command = [sys.executable, "-c", _ALONE, str(tmp_path / "keystore.db")]
    done = subprocess.run(command, input=pem, capture_output=True, text=True, timeout=60)
    assert (done.stdout.splitlines(), done.stderr) == (["current", "intact", "acme", "[]"], "")


def test_the_known_revisions_are_those_of_the_migrations() -> None:
    scripts = ScriptDirectory(str(SCRIPTS.folder))
    assert SCRIPTS.known == tuple(sorted(script.revision for script in scripts.walk_revisions()))
    assert scripts.get_heads() == [SCRIPTS.known[-1]]


def test_migrating_makes_the_tables_that_the_code_uses(empty: Engine) -> None:
    assert schema_state(empty).status is SchemaStatus.EMPTY
    assert migrate(empty) == migrate(empty) == schema_state(empty)
    assert schema_state(empty).status is SchemaStatus.CURRENT
    assert set(inspect(empty).get_table_names()) == TABLE_NAMES
    with empty.connect() as connection:
        options = {"compare_type": True, "compare_server_default": True, "include_object": _declared}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), keystore_tables) == []


def _declared(thing: object, name: str | None, *_: object) -> bool:
    return name != SCRIPTS.version_table


@pytest.mark.parametrize("revision", SCRIPTS.known[:3])
def test_tables_without_a_version_are_taken_over_as_they_are(empty: Engine, revision: str) -> None:
    with empty.begin() as connection:
        SCRIPTS.upgrade(connection, revision)
        connection.execute(text("DROP TABLE keystore_schema_version"))
    state = schema_state(empty)
    assert (state.status, state.revision) == (SchemaStatus.OUTDATED, revision)
    assert migrate(empty).status is SchemaStatus.CURRENT
    KeystoreStore(empty).add_many([NewCertificate("acme", issue("acme"))], **BY)
    with empty.connect() as connection:
        assert verify_history(connection).state is HistoryState.INTACT


def test_a_version_that_this_one_has_left_behind_is_outdated(empty: Engine) -> None:
    with empty.begin() as connection:
        SCRIPTS.upgrade(connection, "0002")
    assert (schema_state(empty).status, schema_state(empty).revision) == (SchemaStatus.OUTDATED, "0002")
    assert migrate(empty).revision == SCRIPTS.known[-1]


def test_a_connection_is_migrated_within_its_transaction(empty: Engine) -> None:
    with empty.connect() as connection:
        migrate(connection)
        assert schema_state(connection).status is SchemaStatus.CURRENT
        connection.rollback()
    assert schema_state(empty).status is SchemaStatus.EMPTY
    with empty.begin() as connection:
        connection.execute(text("CREATE TABLE songs (title TEXT)"))
        migrate(connection)
    assert set(inspect(empty).get_table_names()) == {"songs", *TABLE_NAMES}


def test_a_transaction_that_the_driver_has_begun_is_not_begun_again(empty: Engine) -> None:
    with empty.begin() as connection:
        connection.execute(text("CREATE TABLE songs (title TEXT)"))
        connection.execute(text("INSERT INTO songs VALUES ('one')"))
        migrate(connection)
        connection.rollback()
    assert schema_state(empty).status is SchemaStatus.EMPTY


def test_several_processes_at_once_make_one_keystore(database_url: str) -> None:
    url = database_url.replace("postgresql:", "postgresql+psycopg:")
    program = (
        "import sys; from sqlalchemy import create_engine; from keystore.store import migrate; "
        "print(migrate(create_engine(sys.argv[1])).status)"
    )
    command = [sys.executable, "-c", program, url]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    assert [process.communicate(timeout=60) for process in processes] == [("current\n", "")] * 3


def test_tables_that_are_newer_are_left_alone(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE keystore_schema_version SET version_num = '9999'"))
    assert schema_state(engine).status is SchemaStatus.NEWER
    with pytest.raises(SchemaRefused, match=r"have schema 9999, made by a newer version .* up to 0005\); install"):
        migrate(engine)


@pytest.mark.parametrize(
    "damage",
    [
        ["DROP TABLE keystore_chain"],
        ["DROP TABLE keystore_schema_version", "DROP TABLE keystore_head"],
        ["DROP TABLE keystore_schema_version", "DROP TABLE keystore_chain"],
    ],
)
def test_tables_that_are_not_all_there_are_left_alone(engine: Engine, damage: list[str]) -> None:
    with engine.begin() as connection:
        for statement in damage:
            connection.execute(text(statement))
    left = set(inspect(engine).get_table_names())
    assert schema_state(engine).status is SchemaStatus.DAMAGED
    with pytest.raises(SchemaRefused, match="tables of the keystore are missing, or not as any version made them"):
        migrate(engine)
    assert set(inspect(engine).get_table_names()) == left
