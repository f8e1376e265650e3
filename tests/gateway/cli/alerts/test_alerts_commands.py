"""`wssgate alerts test`, `list` and `history`: their screens, their JSON, and what they say where there is nothing."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from gateway.ledger import (
    AlertFinding,
    end_alert,
    hand_out,
    next_delivery,
    note_delivery,
    open_database,
    raise_alert,
    sum_up_alerts,
)
from tests.gateway.alerts.hooks import SECRET, TOKEN, channel, webhook
from tests.gateway.anchoring.collector import refuse
from tests.gateway.cli.running import Run

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
UNKNOWN = AlertFinding(
    event="unknown-key",
    about=("orders", "ab"),
    what="A message came whose certificate nobody knows\x1b[2J: subject CN=acme",
    run="wssgate report unknown-keys --endpoint orders --config /etc/wssgate/gateway.toml",
    since=NOON,
    last=NOON + timedelta(minutes=3),
    endpoint="orders",
    records=["01975b5e-ab00-7e00-8000-000000000001"],
    times=7,
)
CLOCK = AlertFinding(
    event="clock",
    about=("gw1",),
    what="The clock of gw1 is 7 s behind",
    run="wssgate status",
    since=NOON,
    last=NOON,
    lasts=True,
)


@pytest.fixture
def engine(workplace: Path) -> Iterator[Engine]:
    engine = open_database(f"sqlite:///{workplace}/wssgate.db")
    yield engine
    engine.dispose()


def configure(folder: Path, lines: str) -> None:
    config = folder / "gateway.toml"
    config.write_text(config.read_text() + lines)


def test_a_test_says_which_channel_took_it(run: Run, workplace: Path) -> None:
    with webhook() as well, webhook(refuse) as ill:
        configure(workplace, channel(well, "well") + channel(ill, "ill"))
        ran = run("alerts", "test")
        assert ran.code == 1
        assert ran.out.splitlines() == [
            "well (webhook): taken",
            "ill (webhook): the webhook answered with the status 507",
        ]
        assert run("alerts", "test", "well").code == 0
        ran = run("alerts", "test", "ill", "--json")
    assert ran.code == 1
    assert json.loads(ran.out) == {
        "schema": "wssgate.alerts-test/1",
        "channels": {
            "ill": {"kind": "webhook", "taken": False, "problem": "the webhook answered with the status 507"},
        },
    }
    (alert, _) = well.alerts
    assert (alert["event"], alert["severity"], alert["about"]) == ("test", "info", ["well"])
    assert alert["what"] == "This is a test of the channel well: nothing has happened"


def test_a_test_needs_a_channel_and_the_right_name(run: Run, workplace: Path) -> None:
    ran = run("alerts", "test")
    assert ran.code == 2
    assert "nobody is told of anything; add a table such as [alerts.mail]" in ran.err
    configure(workplace, f'[alerts.script]\ncommand = ["/nowhere/{TOKEN}", "{SECRET}"]\n')
    ran = run("alerts", "test", "mail")
    assert ran.code == 2
    assert "there is no table [alerts.mail]; there are: script." in ran.err
    ran = run("alerts", "test")
    assert ran.out == "script (command): the command cannot be started: No such file or directory\n"
    assert TOKEN not in ran.err + ran.out


def test_the_list_shows_what_lasts_first(run: Run, workplace: Path, engine: Engine) -> None:
    assert run("alerts", "list").out.splitlines() == [
        "Nobody is told of anything: the configuration has no table [alerts.NAME].",
        "There are no alerts.",
    ]
    configure(workplace, '[alerts.mail]\napprise = "json://127.0.0.1"\n')
    raise_alert(engine, UNKNOWN, NOON)
    raise_alert(engine, CLOCK, NOON)
    hand_out(engine, ["mail"], NOON)
    assert run("alerts", "list").out.splitlines() == [
        "mail (apprise): 2 alerts on the way",
        "",
        "a clock is off: it lasts",
        "  The clock of gw1 is 7 s behind.",
        "  since 2026-06-01 12:00:00Z, 1 time",
        "  next: wssgate status",
        "",
        "signed with an unknown key [orders]",
        "  A message came whose certificate nobody knows\\x1b[2J: subject CN=acme.",
        "  since 2026-06-01 12:00:00Z, 7 times",
        "  last  2026-06-01 12:03:00Z",
        "  record 01975b5e-ab00-7e00-8000-000000000001",
        "  next: wssgate report unknown-keys --endpoint orders --config /etc/wssgate/gateway.toml",
    ]
    listed = json.loads(run("alerts", "list", "--json", "-n", "1").out)
    assert listed["channels"] == {"mail": {"kind": "apprise", "waiting": 2}}
    (alert,) = listed["alerts"]
    assert (alert["event"], alert["lasts"], alert["since"], alert["endpoint"]) == (
        "clock",
        True,
        "2026-06-01T12:00:00Z",
        None,
    )


def test_the_history_shows_what_became_of_each(run: Run, workplace: Path, engine: Engine) -> None:
    assert run("alerts", "history").out == "Nobody was ever told of anything.\n"
    assert run("alerts", "history", "--since", "1h").out == "Nobody was told of anything in this time.\n"
    raise_alert(engine, CLOCK, NOON)
    hand_out(engine, ["mail", "hook"], NOON)
    for name, problem in (("mail", None), ("hook", "the webhook answered with the status 507")):
        delivery = next_delivery(engine, name, NOON)
        assert delivery is not None
        note_delivery(engine, delivery, name, NOON, problem)
    end_alert(engine, "clock", ("gw1",), "The clock of gw1 is right", NOON + timedelta(minutes=1))
    assert sum_up_alerts(engine, NOON) == 0
    assert run("alerts", "history").out.splitlines() == [
        "2026-06-01 12:00:00Z  wssgate: a clock is off",
        "  The clock of gw1 is 7 s behind.",
        "  hook: waiting, 2026-06-01 12:00:00Z, 1 attempt: the webhook answered with the status 507",
        "  mail: delivered, 2026-06-01 12:00:00Z, 1 attempt",
        "2026-06-01 12:01:00Z  wssgate: over: a clock is off",
        "  The clock of gw1 is right.",
        "  not handed out to any channel yet",
    ]
    first, second = map(json.loads, run("alerts", "history", "--json").out.splitlines())
    assert [one["state"] for one in first["channels"]] == ["waiting", "delivered"]
    assert (first["over"], second["over"], second["severity"]) == (False, True, "info")
