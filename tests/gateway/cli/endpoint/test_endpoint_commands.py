"""`wssgate endpoint ...` on what gateways told, on each kind of database."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from gateway.ledger import EventKind, LedgerWriter, latest_event, open_database, signing_key
from gateway.renewal import measure
from keystore import to_microseconds
from tests.gateway.cli.running import Ran, Run
from tests.gateway.ledger.load import NOON, OLD, accepted
from tests.gateway.ledger.watched_time import Watcher, long_steps, served

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WHO = ("--who", "eva", "--reason", "moved to the new datacentre")


@pytest.fixture
def config(tmp_path: Path, database_url: str) -> Path:
    config = tmp_path / "gateway.toml"
    config.write_text(
        f'[gateway]\nadmin = "127.0.0.1:9"\ndatabase = "{database_url}"\n'
        '[endpoint.orders]\npath = "/orders"\nupstream = "http://127.0.0.1:9/ws"\n'
    )
    return config


@pytest.fixture
def engine(config: Path, migrated_url: str) -> Iterator[Engine]:
    engine = open_database(migrated_url)
    yield engine
    engine.dispose()


@pytest.fixture
def past(engine: Engine) -> datetime:
    """Two gateways of last summer: the second served `purchase` beside `orders`, and ended."""
    one = Watcher(engine, NOON - 2 * DAY)
    two = Watcher(engine, NOON - 2 * DAY, {"orders": served(), "purchase": served()}, instance="host/2")
    two.record(accepted(OLD, endpoint="purchase", time=two.instant()))
    with long_steps():
        for _ in range(24):
            one.watch(HOUR)
            two.watch(HOUR)
        two.stop()
        one.watch(DAY)
        one.reachable["orders"] = False
        one.watch(HOUR)
    one.stop()
    return one.instant()


def call(run: Run, config: Path, *arguments: str) -> Ran:
    return run("endpoint", *arguments, "--config", config)


def listed(run: Run, config: Path) -> dict[str, Any]:
    found = json.loads(call(run, config, "list", "--json").out)
    assert found["schema"] == "wssgate.endpoints/1"
    return {one["name"]: one for one in found["endpoints"]}


def writing(engine: Engine, endpoints: dict[str, Any], *, reachable: bool | None = True) -> LedgerWriter:
    """A gateway that serves now."""
    writer = LedgerWriter(engine, "now/1", started={"version": "test"})
    writer.tell(EventKind.CONFIGURATION, {"endpoints": endpoints}).result(10)
    states = {name: {"serving": True, "reachable": reachable, "since": None} for name in endpoints}
    writer.tell(EventKind.HEARTBEAT, {"endpoints": states, "keystore_revision": 1}).result(10)
    return writer


def test_the_list_tells_who_served_what_and_how_well_it_was_watched(
    run: Run, config: Path, engine: Engine, past: datetime
) -> None:
    found = listed(run, config)
    assert sorted(found) == ["orders", "purchase"]
    assert found["purchase"] == {
        "name": "purchase",
        "configured": False,
        "served_since": "2026-05-30T12:00:00Z",
        "served_until": "2026-05-31T12:00:00Z",
        "instances": ["host/2"],
        "served_now_by": [],
        "reachable": None,
        "watched_seconds": {"24h": 0, "14d": 86400},
        "closing": None,
    }
    orders = found["orders"]
    assert (orders["configured"], orders["instances"]) == (True, ["host/1", "host/2"])
    assert orders["watched_seconds"] == {"24h": 23 * 3600, "14d": 48 * 3600}
    text = call(run, config, "list").out
    assert "next: wssgate endpoint end purchase --reason TEXT, or endpoint rename purchase NEW" in text
    assert "not served now" in text
    assert "By the ledger's clock at 2026-06-01 13:00:00Z" in text


def test_before_any_gateway_there_is_only_the_configuration(run: Run, config: Path, engine: Engine) -> None:
    found = listed(run, config)
    assert [(name, one["served_since"], one["configured"]) for name, one in found.items()] == [("orders", None, True)]
    assert "not yet" in call(run, config, "list").out


@pytest.mark.parametrize(("reachable", "word"), [(True, "reachable"), (False, "not reachable"), (None, "not known")])
def test_the_list_tells_whether_receivers_can_be_reached_now(
    run: Run, config: Path, engine: Engine, reachable: bool | None, word: str
) -> None:
    writer = writing(engine, {"orders": served()}, reachable=reachable)
    orders = listed(run, config)["orders"]
    assert (orders["served_now_by"], orders["reachable"]) == (["now/1"], reachable)
    assert word in call(run, config, "list").out
    assert writer.close(10)
    assert listed(run, config)["orders"]["served_now_by"] == [], "it told that it stopped"


def test_an_endpoint_that_ended_is_asked_for_by_no_gate_and_the_ledger_knows_who_said_so(
    run: Run, config: Path, engine: Engine, past: datetime
) -> None:
    key, _ = signing_key(config.with_name("wssgate-signing.key"))
    before = measure(engine)
    ran = call(run, config, "end", "purchase", *WHO)
    assert (ran.code, ran.err) == (0, "")
    assert "purchase has ended: no gate asks for it any longer." in ran.out
    evidence = measure(engine)
    closing = evidence.recorded()["purchase"].closing
    assert closing is not None
    assert (closing.who, closing.reason, closing.new_name) == ("eva", "moved to the new datacentre", None)
    assert evidence.disturbances == ()
    (writer,) = (one for one in evidence.writers if "(endpoint end)" in one.instance)
    assert writer.public_key == key.public
    assert before.taken_at is not None
    assert evidence.taken_at is not None
    assert evidence.taken_at - before.taken_at < timedelta(seconds=30) or engine.dialect.name == "postgresql"
    assert listed(run, config)["purchase"]["closing"]["what"] == "ended"
    assert "purchase ended: eva," in call(run, config, "list").out
    again = call(run, config, "end", "purchase", *WHO)
    assert (again.code, "purchase ended already: eva said so at" in again.err) == (1, True)


def test_whoever_says_so_does_not_move_the_ledgers_clock(
    run: Run, config: Path, engine: Engine, past: datetime, database_url: str
) -> None:
    """The machine's clock is half a year ahead of the last event: gates would let go of endpoints and retentions."""
    if engine.dialect.name == "postgresql":
        pytest.skip("the server's clock is the ledger's")
    before = latest_event(engine)
    assert before < to_microseconds(datetime.now(UTC) - 100 * DAY)
    assert call(run, config, "end", "purchase", *WHO).code == 0
    assert 0 < latest_event(engine) - before < 60_000_000


def test_without_the_key_it_is_told_unsigned_and_no_key_is_made(
    run: Run, config: Path, engine: Engine, past: datetime
) -> None:
    ran = call(run, config, "end", "purchase", *WHO, "--json")
    assert (ran.code, json.loads(ran.out)["endpoint"]) == (0, "purchase")
    assert "is not there, so that what is recorded is not signed" in ran.err
    assert not config.with_name("wssgate-signing.key").exists()
    assert measure(engine).recorded()["purchase"].closing is not None


@pytest.mark.parametrize("command", [("end", "orders"), ("rename", "orders", "purchase")])
def test_what_is_still_configured_neither_ends_nor_gets_another_name(
    run: Run, config: Path, engine: Engine, past: datetime, command: tuple[str, ...]
) -> None:
    ran = call(run, config, *command, *WHO)
    assert ran.code == 1
    assert "orders is still configured" in ran.err
    assert "take the table [endpoint.orders] out of the configuration" in ran.err
    assert measure(engine).recorded()["orders"].closing is None


@pytest.mark.parametrize("command", [("end", "purchase"), ("rename", "purchase", "orders")])
def test_what_a_gateway_serves_now_neither_ends_nor_gets_another_name(
    run: Run, config: Path, engine: Engine, command: tuple[str, ...]
) -> None:
    writer = writing(engine, {"orders": served(), "purchase": served()})
    ran = call(run, config, *command, *WHO)
    assert ran.code == 1
    assert "purchase is served now by now/1" in ran.err
    writer.tell(EventKind.CONFIGURATION, {"endpoints": {"orders": served()}}).result(10)
    assert call(run, config, *command, *WHO).code == 0, "it read a configuration without it"
    assert writer.close(10)


def test_what_is_unknown_is_refused_with_what_is_known(run: Run, config: Path, engine: Engine, past: datetime) -> None:
    ran = call(run, config, "end", "purchases", *WHO)
    assert ran.code == 1
    assert "no gateway ever served an endpoint 'purchases'; those that are known: orders, purchase" in ran.err


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("purchase", "purchase", "purchase is called so already"),
        ("purchase", "invoices", "no gateway has served invoices yet"),
        ("nothing", "orders", "no gateway ever served an endpoint 'nothing'"),
    ],
)
def test_a_new_name_must_be_one_that_somebody_asks_for(
    run: Run, config: Path, engine: Engine, past: datetime, old: str, new: str, sentence: str
) -> None:
    ran = call(run, config, "rename", old, new, *WHO)
    assert (ran.code, sentence in ran.err) == (1, True), ran.err


def test_a_name_is_no_new_one_where_it_has_ended_itself(run: Run, config: Path, engine: Engine) -> None:
    one = Watcher(engine, NOON, {"orders": served(), "purchase": served(), "buying": served()})
    one.stop()
    assert call(run, config, "rename", "purchase", "orders", *WHO).code == 0
    ran = call(run, config, "rename", "buying", "purchase", *WHO)
    assert (ran.code, "purchase was renamed to orders itself" in ran.err) == (1, True)
    again = call(run, config, "rename", "purchase", "orders", *WHO)
    assert (again.code, "purchase was renamed to orders already" in again.err) == (1, True)


def test_uses_of_an_old_name_count_for_the_new_one(run: Run, config: Path, engine: Engine, past: datetime) -> None:
    assert measure(engine).uses_of(OLD.key_id, "orders") == []
    assert call(run, config, "rename", "purchase", "orders", *WHO).code == 0
    (use,) = measure(engine).uses_of(OLD.key_id, "orders")
    assert use.endpoint == "purchase"
    assert "purchase is called orders: eva," in call(run, config, "list").out


def test_what_is_served_again_counts_again(run: Run, config: Path, engine: Engine, past: datetime) -> None:
    assert call(run, config, "end", "purchase", *WHO).code == 0
    writer = writing(engine, {"purchase": served()})
    writer.tell(EventKind.HEARTBEAT, {"endpoints": {}, "keystore_revision": 1}).result(10)
    assert measure(engine).recorded()["purchase"].closing is None
    assert writer.close(10)


def test_a_reason_is_a_reason(run: Run, config: Path, engine: Engine, past: datetime) -> None:
    for command in (("end", "purchase"), ("rename", "purchase", "orders")):
        ran = call(run, config, *command, "--reason", "  ")
        assert (ran.code, "--reason" in ran.err) == (2, True)
    assert measure(engine).recorded()["purchase"].closing is None
