"""Statements: appended one at a time, in the ledger's time, never changed, and read whatever became of them."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from gateway.ledger import (
    DatabaseUnavailable,
    Statement,
    StatementsAnchor,
    add_statement,
    find_statements_anchors,
    latest_event,
    read_statements,
    reading,
    statements_anchor,
    verify_ledger,
    writing,
)
from gateway.ledger.statements import statement_hash
from keystore import CHAIN_START, from_microseconds
from tests.databases import on_sqlite, unprotected
from tests.gateway.ledger.watched_time import Watcher, long_steps, served

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def say(engine: Engine, note: str = "", *, told_at: datetime = NOON) -> Statement:
    return add_statement(engine, "acme-2026", "confirmed", "bob", {"step": 2, "note": note}, told_at)


def told(engine: Engine) -> list[tuple[int, str]]:
    return [(one.number, one.content["note"]) for one in read_statements(engine)]


def test_statements_are_read_as_they_were_made(engine: Engine) -> None:
    assert read_statements(engine) == []
    made = [say(engine, "on the phone"), add_statement(engine, "", "policy", "eva", {"ü": [1, None]}, NOON)]
    assert read_statements(engine) == made
    assert [one.number for one in made] == [1, 2]
    assert made[0].content == {"step": 2, "note": "on the phone"}
    assert made[0].told_at == NOON
    assert verify_ledger(engine).is_intact


def test_the_hash_is_over_everything_that_was_said(engine: Engine) -> None:
    first, second = say(engine), say(engine, "again")
    with reading(engine) as connection:
        rows = connection.execute(text("SELECT * FROM renewal_statements ORDER BY number")).mappings().all()
    assert statement_hash(CHAIN_START, rows[0]) == first.hash
    assert statement_hash(first.hash, rows[1]) == second.hash
    for name in ("number", "renewal", "kind", "at", "told_at", "who", "content"):
        other = "x" if isinstance(rows[1][name], str) else rows[1][name] + 1
        assert statement_hash(first.hash, {**rows[1], name: other}) != second.hash


def test_the_time_is_the_ledgers_whatever_the_own_clock_says(engine: Engine) -> None:
    with long_steps():
        watcher = Watcher(engine, NOON, {"orders": served()})
        watcher.watch(timedelta(hours=1))
        watcher.stop()
    latest = from_microseconds(latest_event(engine))
    found = [say(engine, told_at=NOON + days * timedelta(days=365)) for days in (1, -3, 7)]
    assert [one.told_at - NOON for one in found] == [days * timedelta(days=365) for days in (1, -3, 7)]
    if engine.dialect.name == "sqlite":
        assert all(latest <= one.at < latest + timedelta(minutes=1) for one in found)
    assert [one.at for one in found] == sorted(one.at for one in found)


@on_sqlite
def test_where_no_gateway_ever_told_the_time_it_is_the_own_clocks_and_never_runs_backwards(engine: Engine) -> None:
    found = [say(engine, told_at=NOON), say(engine, told_at=NOON - timedelta(days=9)), say(engine, told_at=NOON)]
    assert [one.at for one in found] == [NOON, NOON, NOON]
    assert verify_ledger(engine).is_intact


def test_an_instant_without_a_zone_and_a_content_that_is_no_json_are_refused(engine: Engine) -> None:
    with pytest.raises(ValueError, match="time zone"):
        say(engine, told_at=NOON.replace(tzinfo=None))
    with pytest.raises(TypeError):
        add_statement(engine, "a", "b", "c", {"at": NOON}, NOON)
    assert read_statements(engine) == []


def test_many_at_once_come_one_after_the_other(engine: Engine) -> None:
    def add(number: int) -> None:
        say(engine, str(number))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(24)))
    assert [number for number, _ in told(engine)] == list(range(1, 25))
    assert {note for _, note in told(engine)} == {str(number) for number in range(24)}
    assert verify_ledger(engine).is_intact


def test_a_check_sees_all_that_was_said_before_and_keeps_a_statement_out(engine: Engine) -> None:
    def only_once(statements: Sequence[Statement]) -> None:
        if statements:
            raise LookupError("said already")

    def add(_: int) -> str:
        try:
            add_statement(engine, "a", "started", "bob", {"note": ""}, NOON, check=only_once)
        except LookupError:
            return "refused"
        return "added"

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(add, range(8))) == ["added", *["refused"] * 7]
    assert told(engine) == [(1, "")]
    say(engine, "later")
    assert verify_ledger(engine).is_intact


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE renewal_statements SET who = 'x'",
        "DELETE FROM renewal_statements",
        "TRUNCATE renewal_statements",
        "UPDATE renewal_statements_head SET number = 1",
        "UPDATE renewal_statements_head SET hash = 'x'",
        "DELETE FROM renewal_statements_head",
        "TRUNCATE renewal_statements_head",
    ],
)
def test_the_database_itself_refuses_every_change(engine: Engine, statement: str) -> None:
    if engine.dialect.name == "sqlite" and statement.startswith("TRUNCATE"):
        pytest.skip("SQLite does not know it")
    say(engine)
    say(engine)
    with pytest.raises(SQLAlchemyError, match=r"append-only|only moves on"), writing(engine) as connection:
        connection.execute(text(statement))
    assert len(read_statements(engine)) == 2


@pytest.mark.parametrize(
    "damage",
    [
        {"content": "no JSON"},
        {"content": "[1]"},
        {"content": "[" * 100_000},
        {"at": 9_000_000_000_000_000_000},
        {"told_at": -9_000_000_000_000_000_000},
    ],
    ids=repr,
)
def test_a_damaged_statement_is_read_as_one_that_says_nothing(engine: Engine, damage: dict[str, Any]) -> None:
    say(engine, "one")
    say(engine, "two")
    with writing(engine) as connection, unprotected(connection):
        name = next(iter(damage))
        connection.execute(text(f"UPDATE renewal_statements SET {name} = :{name} WHERE number = 1"), damage)  # noqa: S608
    first, second = read_statements(engine)
    assert (first.content, second.content["note"]) == ({}, "two")
    assert [finding.about for finding in verify_ledger(engine).findings] == ["statements"]


def test_what_the_database_does_not_take_is_said_in_one_sentence(engine: Engine) -> None:
    with writing(engine) as connection:
        connection.execute(text("ALTER TABLE renewal_statements RENAME TO elsewhere"))
    with pytest.raises(DatabaseUnavailable, match="the statement was not recorded"):
        say(engine)
    with pytest.raises(DatabaseUnavailable):
        read_statements(engine)


def test_an_anchor_is_one_word_that_is_found_again(engine: Engine) -> None:
    with reading(engine) as connection:
        assert statements_anchor(connection) is None
    say(engine)
    last = say(engine)
    with reading(engine) as connection:
        anchor = statements_anchor(connection)
    assert anchor == StatementsAnchor(last.at, 2, last.hash)
    assert list(find_statements_anchors(f'{{"event": "{anchor}"}} {anchor}x')) == [anchor]
    assert list(find_statements_anchors(str(anchor).replace(f",{last.at:%Y-%m}", f",{last.at:%Y}-13"))) == []


def test_anchors_tell_of_what_is_gone_or_other(engine: Engine) -> None:
    say(engine)
    last = say(engine)

    def seen(*anchors: StatementsAnchor) -> list[str]:
        return [finding.detail for finding in verify_ledger(engine, statements_anchors=anchors).findings]

    assert seen(StatementsAnchor(NOON, 2, last.hash)) == []
    assert seen(StatementsAnchor(NOON, 2, "f" * 64)) == ["an anchor knows number 2 with another hash"]
    assert seen(StatementsAnchor(NOON, 3, "f" * 64)) == [
        "number 3 is gone, with the end moved back: an anchor knows it"
    ]
    assert seen(StatementsAnchor(NOON, 9, "f" * 64)) == [
        "number 3, with 6 more, is gone, with the end moved back: an anchor knows it"
    ]


@pytest.mark.parametrize("number", [-4, 0])
def test_a_number_that_is_never_given_is_found(engine: Engine, number: int) -> None:
    say(engine)
    with writing(engine) as connection:
        connection.execute(
            text(
                "INSERT INTO renewal_statements SELECT :number, renewal, kind, at, told_at, who, content, "
                "previous_hash, hash FROM renewal_statements"
            ),
            {"number": number},
        )
    assert [finding.detail for finding in verify_ledger(engine).findings] == [
        f"number {number} was never written by this program"
    ]
