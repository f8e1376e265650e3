"""The line of `wssgate status` about the channels over which people are told."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from gateway.alerts import AlertEvent
from gateway.cli import status as status_command
from gateway.ledger import AlertFinding, end_alert, hand_out, open_database, raise_alert
from tests.gateway.cli.running import Run

SECRET = "a-secret-that-nobody-may-see"
CHANNELS = f"""
[alerts.pager]
webhook = "http://127.0.0.1:1/{SECRET}"
secret = "{SECRET}"
[alerts.script]
command = ["/bin/true"]
"""


def line_of(run: Run, workplace: Path) -> str:
    ran = run("status", "--config", workplace / "gateway.toml")
    assert ran.code == 0
    (line,) = [one for one in ran.out.splitlines() if one.startswith("alerts ")]
    return line.removeprefix("alerts").strip()


def channels_of(run: Run, workplace: Path) -> Any:
    return json.loads(run("status", "--json", "--config", workplace / "gateway.toml").out)["alerts"]


def broken(engine: Engine, channel: str, at: datetime) -> None:
    finding = AlertFinding(
        event=AlertEvent.CHANNEL, about=(channel,), what="Alerts do not arrive", run="", since=at, last=at, lasts=True
    )
    raise_alert(engine, finding, at)


def test_without_a_channel_it_says_so(run: Run, workplace: Path) -> None:
    assert line_of(run, workplace) == "nobody is told of anything: there is no table [alerts.NAME]"
    assert channels_of(run, workplace) == {}


def test_what_waits_and_what_is_broken_is_told_also_where_no_gateway_runs(run: Run, workplace: Path) -> None:
    with (workplace / "gateway.toml").open("a") as file:
        file.write(CHANNELS)
    assert line_of(run, workplace) == "pager: nothing waits; script: nothing waits"
    engine, at = open_database(f"sqlite:///{workplace}/wssgate.db"), datetime.now(UTC)
    broken(engine, "pager", at)
    hand_out(engine, ["pager"], at)
    assert line_of(run, workplace) == "pager: BROKEN, 1 alert waiting; script: nothing waits"
    assert channels_of(run, workplace) == {
        "pager": {"kind": "webhook", "waiting": 1, "broken": True, "problem": None},
        "script": {"kind": "command", "waiting": 0, "broken": False, "problem": None},
    }
    end_alert(engine, AlertEvent.CHANNEL, ("pager",), "Alerts arrive again", at)
    engine.dispose()
    assert line_of(run, workplace).startswith("pager: 1 alert waiting; ")


def test_the_gateway_that_runs_says_why(run: Run, workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (workplace / "gateway.toml").open("a") as file:
        file.write(CHANNELS)
    said = {"status": "ready", "alerts": {"channels": {"script": {"problem": "it ended with 1\x1b[31m"}}}}
    monkeypatch.setattr(status_command, "running_gateway", lambda _admin: said)
    assert line_of(run, workplace) == r"pager: nothing waits; script: BROKEN, nothing waits (it ended with 1\x1b[31m)"
    odds: tuple[dict[str, Any], ...] = ({}, {"alerts": None}, {"alerts": {"channels": {"script": "x"}}})
    for odd in odds:
        monkeypatch.setattr(status_command, "running_gateway", lambda _admin, odd=odd: {"status": "ready", **odd})
        assert line_of(run, workplace) == "pager: nothing waits; script: nothing waits"
        assert SECRET not in run("status", "--json", "--config", workplace / "gateway.toml").out
