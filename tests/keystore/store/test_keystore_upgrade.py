"""A keystore as schema 0004 left it: its hashes stay, its ends stay what they were, and nobody is trusted anew."""

import base64
import hashlib
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, create_engine, text

from keystore import KeyId, State, Thumbprint, to_microseconds
from keystore.store import HistoryState, KeystoreStore, SchemaStatus, Terms, migrate, verify_history
from tests.keystore.issuing import NOON, der_of, issue
from tests.keystore.store.authoring import HOUR, later
from tests.keystore.store.test_keystore_schema import SCRIPTS
from tests.keystore.store.test_lifecycle import Recording

ENDS: dict[str, datetime | None] = {"plain": None, "over": NOON + HOUR, "ending": NOON + 9 * HOUR}
"""The entries, and until when each is trusted."""
ENTRY_COLUMNS = (
    "id, alias, alias_folded, state, certificate, thumbprint, key_id, endpoints, trusted_from, trusted_until, revoked, "
    "note, added_at, added_by, changed_at, revision"
)

INSERT_ENTRY = f"INSERT INTO keystore_entries ({ENTRY_COLUMNS}) VALUES (:{ENTRY_COLUMNS.replace(', ', ', :')})"  # noqa: S608 - of nothing but the names above


def write_as_0004(connection: Connection, *, chained: bool = True) -> list[str]:
    """A revision with each of `ENDS`, as the program of that schema wrote it; their hashes.

    Before schema 0003 there was no chain.
    """
    hashes = []
    time, end = to_microseconds(NOON), "0" * 64
    for number, (alias, until) in enumerate(ENDS.items(), 1):
        revision: dict[str, Any] = {"revision": number, "time": time, "who": "eva", "why": ""}
        certificate = der_of(issue(alias))
        entry: dict[str, Any] = {
            "id": number,
            "alias": alias,
            "alias_folded": alias,
            "state": "trusted",
            "certificate": certificate,
            "thumbprint": str(Thumbprint.of(certificate)),
            "key_id": str(KeyId.of(issue(alias).public_key())),
            "endpoints": None,
            "trusted_from": None,
            "trusted_until": None if until is None else to_microseconds(until),
            "revoked": False,
            "note": "added 2026-06-01 by eva",
            "added_at": time,
            "added_by": "eva",
            "changed_at": time,
            "revision": number,
        }
        told = json.dumps(entry | {"certificate": base64.b64encode(certificate).decode()}, sort_keys=True)
        change = {
            "id": number,
            "entry_id": number,
            "action": "added",
            "alias": alias,
            "thumbprint": entry["thumbprint"],
            "entry": told,
            "overrode": None,
        }
        hashed = json.dumps(revision | {"changes": [change]}, sort_keys=True, separators=(",", ":"))
        end = hashlib.sha256(bytes.fromhex(end) + hashed.encode("ascii")).hexdigest()
        hashes.append(end)
        of_chain = (
            ("INSERT INTO keystore_chain VALUES (:revision, :hash)", {"revision": number, "hash": end}),
            ("UPDATE keystore_head SET revision = :revision, hash = :hash", {"revision": number, "hash": end}),
        )
        for statement, values in (
            ("INSERT INTO keystore_revisions VALUES (:revision, :time, :who, :why)", revision),
            (INSERT_ENTRY, entry),
            (
                "INSERT INTO keystore_history (revision, entry_id, action, alias, thumbprint, entry) "
                "VALUES (:revision, :entry_id, :action, :alias, :thumbprint, :entry)",
                change | {"revision": number},
            ),
            *(of_chain if chained else [("UPDATE keystore_head SET revision = :revision", {"revision": number})]),
        ):
            connection.execute(text(statement), values)
    return hashes


@pytest.fixture
def old(database_url: str) -> Iterator[Engine]:
    made = create_engine(database_url.replace("postgresql:", "postgresql+psycopg:"))
    with made.begin() as connection:
        SCRIPTS.upgrade(connection, "0004")
        write_as_0004(connection)
    yield made
    made.dispose()


def _states(store: KeystoreStore, at: datetime) -> dict[str, State]:
    return {str(entry.alias): entry.state_at(at) for entry in store.entries()}


def test_what_was_changed_before_there_was_a_chain_is_chained(database_url: str) -> None:
    engine = create_engine(database_url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        SCRIPTS.upgrade(connection, "0002")
        hashes = write_as_0004(connection, chained=False)
    assert migrate(engine).status is SchemaStatus.CURRENT
    assert [item.hash for item in KeystoreStore(engine).history()] == hashes
    with engine.connect() as connection:
        assert verify_history(connection).state is HistoryState.INTACT
    engine.dispose()


def test_hashes_and_trust_are_what_they_were(old: Engine) -> None:
    with old.connect() as connection:
        hashes = connection.execute(text("SELECT hash FROM keystore_chain ORDER BY revision")).scalars().all()
    assert migrate(old).status is SchemaStatus.CURRENT
    store = KeystoreStore(old)
    with old.connect() as connection:
        assert verify_history(connection).state is HistoryState.INTACT
    assert [item.hash for item in store.history()] == hashes
    assert all("gate" not in item.hashed_change and item.gate == "" for item in store.history())
    at = NOON + 2 * HOUR
    assert _states(store, at) == {"plain": State.TRUSTED, "over": State.RETIRED, "ending": State.TRUSTED}
    assert [entry.state_at(at) for entry in store.past(3).entries] == [State.TRUSTED, State.RETIRED, State.TRUSTED]
    assert [entry.trusted_until for entry in store.entries()] == list(ENDS.values())
    assert [entry.replaces for entry in store.entries()] == [()] * 3


def test_what_is_yet_to_come_is_taken_over_and_what_came_is_not(old: Engine) -> None:
    migrate(old)
    store, gates = KeystoreStore(old), Recording()
    assert store.end_due(NOON + 2 * HOUR, gates, "gateway") == ()
    (changed,) = store.history()[3:]
    assert (changed.alias, changed.revision) == ("ending", 4)
    late = NOON + 99 * HOUR
    assert _states(store, late) == {"plain": State.TRUSTED, "over": State.RETIRED, "ending": State.TRUSTED}
    (end,) = store.end_due(late, gates, "gateway")
    assert (end.entry.alias, [asked["entry"] for asked in gates.asked]) == ("ending", ["ending"])
    with old.connect() as connection:
        assert verify_history(connection).state is HistoryState.INTACT
    past = {str(entry.alias): entry for entry in store.past(3).entries}
    assert past["ending"].state_at(late) is State.RETIRED, "as it would have been by the rule of then"


def test_entries_from_before_take_every_change(old: Engine) -> None:
    migrate(old)
    store = KeystoreStore(old)
    store.adjust("plain", Terms(replaces=frozenset({store.get("over").thumbprint})), **later(2))
    store.restore("over", **later(3))
    store.retire("ending", **later(4), gates=Recording(summary="all quiet"))
    with old.connect() as connection:
        assert verify_history(connection).state is HistoryState.INTACT
    assert KeystoreStore(old).history()[-1].hashed_change["gate"] == (
        '{"answers":[{"blockers":[],"evidence":null,"summary":"all quiet"}]}'
    )
