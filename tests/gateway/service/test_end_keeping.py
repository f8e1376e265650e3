"""What a process keeps of its chains, and what it tells when the database has lost some."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
import structlog
from sqlalchemy import Engine, text

from gateway.alerts import AlertDesk, AlertEvent
from gateway.config import Settings, load_settings
from gateway.ledger import (
    EventKind,
    KeptEnds,
    KeptUses,
    LedgerWriter,
    SignedHead,
    migrate,
    open_database,
    read_events,
    writing,
)
from gateway.ledger.proof.chain import Link
from gateway.ledger.proof.signed_heads import Head
from gateway.service import end_keeping as end_keeping_module
from gateway.service.end_keeping import EndKeeping, kept_seconds
from keystore import to_microseconds
from tests.databases import refuse
from tests.restoring import backup

NOW = to_microseconds(datetime.now(UTC))
KEYS_UNTOLD = "which keys signed what a killed process could not record would not be told"
LOST = "the database was put back to an older state, or is another one: records are lost"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_database(f"sqlite:///{tmp_path}/wssgate.db")
    migrate(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def ends(tmp_path: Path) -> KeptEnds:
    return KeptEnds.beside(tmp_path / "wssgate-signing.key")


@pytest.fixture
def writer(engine: Engine) -> Iterator[LedgerWriter]:
    writer = LedgerWriter(engine, "host/1")
    yield writer
    writer.close()


@pytest.fixture
def said() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as lines:
        yield lines


def keeping(engine: Engine, writer: LedgerWriter, ends: KeptEnds) -> EndKeeping:
    return EndKeeping(engine, writer, None, ends, "host/1")


def another(number: int, time: int = NOW) -> SignedHead:
    return SignedHead.of(Head(Link(f"{number:0>36}", 7, "a" * 64), 3, "b" * 64, time), None)


def beat(writer: LedgerWriter) -> None:
    writer.tell(EventKind.HEARTBEAT, {"endpoints": {}, "keystore_revision": 1}).result(10)


def recovered(engine: Engine) -> list[Any]:
    return [event.content for event in read_events(engine, 0).told if event.kind == EventKind.RECOVERED]


def test_of_very_many_that_are_lost_fifty_are_told(
    engine: Engine, writer: LedgerWriter, ends: KeptEnds, said: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(end_keeping_module, "MOST_TOLD", 3)
    for number in range(5):
        ends.keep(another(number), "host/9")
    one = keeping(engine, writer, ends)
    asyncio.run(one.start())
    assert [line["event"] for line in said] == [*[LOST] * 3, "more chains are not what they were"]
    assert (said[-1]["chains"], len(recovered(engine)), ends.read()) == (2, 3, ([], []))
    assert len(one.status()["lost"]) == 3


def test_the_first_events_of_the_new_chain_tell_it(
    engine: Engine, writer: LedgerWriter, ends: KeptEnds, said: list[Any]
) -> None:
    ends.keep(another(1), "host/9")
    asyncio.run(keeping(engine, writer, ends).start())
    with engine.connect() as connection:
        kinds = connection.execute(text("SELECT kind FROM events ORDER BY number")).scalars().all()
    assert kinds == ["started", "recovered"]


def test_what_cannot_be_written_down_now_is_told_after_the_next_heartbeat(
    engine: Engine, writer: LedgerWriter, ends: KeptEnds, said: list[Any]
) -> None:
    ends.keep(another(1), "host/9")
    with writing(engine) as connection:
        refuse(connection, "INSERT ON events", "not now")
    one = keeping(engine, writer, ends)
    asyncio.run(one.start())
    assert [line["event"] for line in said] == [LOST, "what the database has lost could not be written down yet"]
    assert len(ends.read()[0]) == 1, "it is not forgotten"
    with writing(engine) as connection:
        connection.execute(text("DROP TRIGGER a_refusal"))
    beat(writer)
    asyncio.run(one.keep())
    assert len(recovered(engine)) == 1
    assert [kept.signed.head.writer for kept in ends.read()[0]] == [writer.writer]
    asyncio.run(one.keep())
    assert [line["event"] for line in said].count(LOST) == 1


def test_a_damaged_file_is_told_and_the_others_are_compared(
    engine: Engine, writer: LedgerWriter, ends: KeptEnds, said: list[Any]
) -> None:
    ends.keep(another(1), "host/9")
    (ends.folder / f"{'9' * 36}.end").write_text("nothing")
    asyncio.run(keeping(engine, writer, ends).start())
    assert [line["event"] for line in said] == ["a kept end of a chain cannot be compared", LOST]


def test_a_writer_that_lost_its_own_end_has_told_it_and_begins_anew(
    engine: Engine, writer: LedgerWriter, ends: KeptEnds, said: list[Any]
) -> None:
    one = keeping(engine, writer, ends)
    asyncio.run(one.start())
    beat(writer)
    url = engine.url.render_as_string()
    with backup(url) as old:
        beat(writer)
        asyncio.run(one.keep())
        first = writer.writer
        ends.keep(another(1), "host/9")
        old.put_back()
        beat(writer)
        asyncio.run(one.keep())
    assert writer.writer != first
    assert not (ends.folder / f"{first}.end").exists()
    assert (ends.folder / f"{first}.end.lost").exists()
    assert [line["event"] for line in said] == [LOST], "what others wrote is compared as well"
    assert sorted(told["what"] for told in recovered(engine)) == ["lost-end", "restored"]
    assert "the database was put back to an older state" in one.status()["lost"][0]
    asyncio.run(one.keep())
    assert len(recovered(engine)) == 2


def test_nobody_empties_the_folder_by_moving_the_ledgers_clock(
    engine: Engine, writer: LedgerWriter, ends: KeptEnds
) -> None:
    beat(writer)
    ends.keep(another(1, NOW - timedelta(days=50) // timedelta(microseconds=1)), "host/9")
    ends.keep(another(2, NOW - timedelta(days=101) // timedelta(microseconds=1)), "host/9")
    one = keeping(engine, writer, ends)
    one._is_compared = True
    head = writer.head
    writer._chains.head = replace(head, time=head.time + timedelta(days=1000) // timedelta(microseconds=1))
    asyncio.run(one.keep())
    assert [kept.signed.head.writer for kept in ends.read()[0]] == [another(1).head.writer, head.writer]
    writer._chains.head = head


def test_a_process_that_has_written_nothing_keeps_nothing(engine: Engine, writer: LedgerWriter, ends: KeptEnds) -> None:
    asyncio.run(keeping(engine, writer, ends).keep())
    assert not ends.folder.exists()


def test_a_folder_that_can_be_used_again_is_told(
    engine: Engine, writer: LedgerWriter, ends: KeptEnds, said: list[Any]
) -> None:
    beat(writer)
    ends.folder.write_text("in its place")
    one = keeping(engine, writer, ends)
    for _ in range(3):
        asyncio.run(one.keep())
    assert one.status()["kept_ends_problem"]
    ends.folder.unlink()
    asyncio.run(one.keep())
    assert one.status()["kept_ends_problem"] is None
    assert [line["event"] for line in said] == [
        "a database that is put back to an older state would not be noticed",
        "the ends of the chains are kept again",
    ]


def test_whether_uses_of_keys_can_be_kept_is_told_once_each(
    engine: Engine, ends: KeptEnds, said: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.ledger.write.kept_uses.ROTATION_SECONDS", 0)
    ends.folder.write_text("in its place")
    uses, desk = KeptUses(ends.folder, "host/1"), Desk()
    writer = LedgerWriter(engine, "host/1", kept_uses=uses)
    one = EndKeeping(engine, writer, None, ends, "host/1", cast(AlertDesk, desk), uses)
    for _ in range(3):
        asyncio.run(one.keep())
    assert "cannot be kept in" in one.status()["kept_uses_problem"]
    assert [line["event"] for line in said] == [KEYS_UNTOLD]
    ends.folder.unlink()
    while uses.problem is not None:
        beat(writer)
    for _ in range(3):
        asyncio.run(one.keep())
    assert one.status()["kept_uses_problem"] is None
    assert [line["event"] for line in said] == [KEYS_UNTOLD, "the uses of keys are kept again"]
    assert [(what, key[0]) for what, key in desk.heard] == [("alarm", "kept uses"), ("over", "kept uses")]
    writer.close()
    assert keeping(engine, writer, ends).status()["kept_uses_problem"] is None


class Desk:
    """What is alarmed, and what is over."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, tuple[str, ...]]] = []

    def alarm(self, _: AlertEvent, key: tuple[str, ...], *__: str, lasts: bool) -> None:
        assert lasts
        self.heard.append(("alarm", key))

    def over(self, _: AlertEvent, key: tuple[str, ...], __: str) -> None:
        self.heard.append(("over", key))


def test_uses_are_kept_for_a_quarter_of_the_shortest_delivery_time(tmp_path: Path) -> None:
    def settings(**endpoints: str) -> Settings:
        tables = (
            f'[endpoint.{name}]\npath = "/{name}"\nupstream = "http://127.0.0.1:9/"\n'
            f'guaranteed_delivery_time = "{time}"\n'
            for name, time in endpoints.items()
        )
        (tmp_path / "gateway.toml").write_text("".join(tables))
        return load_settings(tmp_path / "gateway.toml")

    assert kept_seconds(settings(orders="8s", invoices="14d")) == 2
    assert kept_seconds(settings(orders="14d")) > 86_400
