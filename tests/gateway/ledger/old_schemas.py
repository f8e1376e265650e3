"""Databases as earlier versions left them, made by their migrations as they were published, which `released` keeps."""

from pathlib import Path
from typing import Any, Final

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Table, create_engine, insert, inspect, select, text

from gateway.ledger.database.ledger_tables import chains, key_usage_hourly, messages
from gateway.ledger.proof.chain import Link
from gateway.ledger.record_rows import row_of
from keystore import to_microseconds
from keystore.store import KeystoreStore, NewCertificate, migrate
from keystore.store.table_definitions import chain, entries, history, revisions
from keystore.store.table_definitions import head as keystore_head
from tests.gateway.ledger.load import NOON, OLD, RENEWED, accepted, rejected
from tests.keystore.issuing import issue
from tests.keystore.store.authoring import BY, later

REVISIONS: Final = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0010")
"""Every schema that there was before the one that is made now."""


def make_schema(connection: Connection, revision: str) -> None:
    """Make the empty tables of that schema."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "released"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
    if revision >= "0007":  # from here on the keystore's tables are its own, beside the ledger's
        migrate(connection)


def change_keystore(store: KeystoreStore) -> None:
    """Make three revisions: two entries, of which one is retired and then purged."""
    store.add_many([NewCertificate("old", issue("old")), NewCertificate("new", issue("new"))], **BY)
    store.retire("old", **later(1))
    store.purge("old", **later(2))


def fill(connection: Connection, folder: Path) -> None:
    """Put three revisions of a keystore and a record into the tables, as far as they have room for them."""
    made = create_engine(f"sqlite:///{folder}/made.db")
    migrate(made)
    change_keystore(KeystoreStore(made))
    present = inspect(connection).get_table_names()
    with made.connect() as source:
        connection.execute(text("DELETE FROM keystore_head"))
        for table in (keystore_head, revisions, entries, history, chain):
            if table.name in present:
                # Numbered by the database itself, in the same order: it would not count on from numbers given to it.
                rows = source.execute(select(table).order_by(*table.primary_key.columns)).mappings().all()
                numbered = {"id"} if table is not keystore_head else set()
                connection.execute(insert(table), [_fitting(connection, table, dict(row), numbered) for row in rows])
    made.dispose()
    fill_ledger(connection)


def fill_ledger(connection: Connection) -> None:
    """Put the records of an accepted and of a rejected message, and the counts of them, into the tables as they were
    before signers were recorded.
    """
    link = Link.first()
    hour = to_microseconds(NOON) // (3600 * 10**6)
    for how, record in (("verified", accepted(OLD)), ("recognised", rejected("retired-key", recognised=(RENEWED,)))):
        row = row_of(record) | dict.fromkeys(("server", "response_element", "signers"))
        link = link.extend(row)
        connection.execute(insert(messages), [_fitting(connection, messages, row, set())])
        (entry,) = record.verified_by or record.recognised
        counted = {
            "endpoint": record.endpoint,
            "operation": record.operation,
            "thumbprint": entry.thumbprint,
            "how": how,
            "hour": hour,
            "alias": entry.alias,
            "key_id": entry.key_id,
            "messages": 1,
            "first_seen": to_microseconds(NOON),
            "last_seen": to_microseconds(NOON),
        }
        connection.execute(insert(key_usage_hourly), counted)
    head = {"writer": link.writer, "instance": "host:1", "sequence": link.sequence, "hash": link.hash}
    connection.execute(insert(chains), head)


def _fitting(connection: Connection, table: Table, row: dict[str, Any], left_out: set[str]) -> dict[str, Any]:
    columns = {column["name"] for column in inspect(connection).get_columns(table.name)} - left_out
    return {name: value for name, value in row.items() if name in columns}
