"""Ends of trust that are scheduled, on the command line."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.keystore import due_end_display, gate_refusals
from gateway.cli.workplace import open_workplace
from keystore import Blocker, Terms
from keystore.store import KeystoreStore
from tests.gateway.cli.keystore.test_gate_refusals import trusted_since
from tests.gateway.cli.running import Run
from tests.keystore.store.test_lifecycle import Recording

NOW = datetime.now(UTC)
EVIDENCE = '{"question":"retire"}'


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Recording:
    """What the gates answer, whatever was measured."""
    recording = Recording(evidence=EVIDENCE, summary="no message that needs it for 15 days")
    for module in (gate_refusals, due_end_display):
        monkeypatch.setattr(module, "gates_now", lambda *_: recording)
    return recording


@pytest.fixture
def due(workplace: Path, gate: Recording) -> datetime:
    """An entry whose end passed the gate, and is due since an hour."""
    trusted_since(workplace, 100, "old", "new")
    end = NOW - timedelta(hours=1)
    with open_workplace(workplace / "gateway.toml") as place:
        by: dict[str, Any] = {"who": "eva", "why": "", "at": NOW - timedelta(days=15)}
        place.keystore.adjust("old", Terms(trusted_until=end), **by, gates=gate)
    return end


def test_an_end_that_is_due_and_not_safe_is_told(run: Run, due: datetime, gate: Recording) -> None:
    gate.retiring = (Blocker("orders: a message came today", "orders", NOW),)
    sentence = (
        f"old: end due since {due:%Y-%m-%d %H:%M:%S}Z, not safe, so it stays trusted: orders: a message came today"
    )
    for command in (("keystore", "list"), ("keystore", "show", "old"), ("status",)):
        assert sentence in " ".join(run(*command).out.split()), command
    assert "which is due" in run("keystore", "show", "old").out
    blocker = {"endpoint": "orders", "sentence": gate.retiring[0].sentence}
    old, new = json.loads(run("keystore", "list", "--json").out)["entries"]
    assert (old["state"], new["end_due"]) == ("trusted", None)
    shown = json.loads(run("keystore", "show", "old", "--json").out)
    (told,) = json.loads(run("status", "--json").out)["keystore"]["ends_due"]
    for found in (old["end_due"], shown["end_due"], told):
        assert found["safe"] is False
        assert blocker.items() <= found["blockers"][0].items()
        assert datetime.fromisoformat(found["since"]) == due
    refused = run("keystore", "retire", "old", "--reason", "due")
    assert (refused.code, "a message came today" in refused.err) == (1, True)


def test_an_end_that_is_safe_and_not_carried_out_names_the_command(run: Run, due: datetime, gate: Recording) -> None:
    assert "safe: a running gateway carries it out within a minute or two" in run("keystore", "list").out
    assert json.loads(run("keystore", "show", "old", "--json").out)["end_due"]["safe"] is True
    retired = run("keystore", "retire", "old", "--reason", "due")
    assert (retired.code, "gate passed: no message that needs it for 15 days" in retired.out) == (0, True)
    assert "end due" not in run("keystore", "list").out


def test_without_a_due_end_nothing_is_measured(run: Run, workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trusted_since(workplace, 100, "old")
    monkeypatch.setattr(due_end_display, "gates_now", lambda *_: pytest.fail("nobody asked"))
    for command in (("keystore", "list"), ("keystore", "show", "old"), ("status",)):
        assert run(*command).code == 0
    assert json.loads(run("status", "--json").out)["keystore"]["ends_due"] == []


def test_what_the_gate_saw_is_shown_and_kept(run: Run, workplace: Path, gate: Recording) -> None:
    trusted_since(workplace, 100, "old", "new", "other")
    until = f"{NOW + timedelta(days=9):%Y-%m-%dT%H:%M:%SZ}"
    planned = run("keystore", "set", "other", "--until", until)
    assert "gate passed: no message that needs it for 15 days" in planned.out
    assert "a gateway ends its trust at" in planned.out
    retired = run("keystore", "retire", "old", "--reason", "switched", "--json")
    answer = {"summary": gate.summary, "blockers": [], "evidence": {"question": "retire"}}
    assert json.loads(retired.out)["gate"] == [answer]
    gate.retiring = (Blocker("orders: too early"),)
    forced = run("keystore", "retire", "new", "--reason", "now", "--force")
    assert "gate overridden: no message that needs it for 15 days" in forced.out
    purged = run("keystore", "purge", "old", "--reason", "over")
    assert "gate passed: no message that needs it for 15 days" in purged.out
    told = run("keystore", "history").out
    assert (told.count("gate passed"), told.count("gate overridden")) == (3, 1)
    lines = [json.loads(line) for line in run("keystore", "history", "--json").out.splitlines()]
    assert [line["gate"] for line in lines] == [
        None,
        None,
        None,
        {"answers": [answer]},
        {"answers": [answer]},
        {"answers": [answer | {"blockers": ["orders: too early"]}]},
        {"answers": [answer]},
    ]


def test_a_folder_shows_what_the_gate_saw(run: Run, workplace: Path, gate: Recording) -> None:
    trusted_since(workplace, 100, "old", "new")
    assert run("keystore", "export", "--all", "--to", "trust").code == 0
    (workplace / "trust/trusted/old.pem").unlink()
    planned = json.loads(run("keystore", "sync", "trust", "--json").out)
    assert planned["steps"][0]["remarks"] == ["gate passed: no message that needs it for 15 days"]


def test_an_end_in_the_past_is_not_taken_for_trust(run: Run, workplace: Path, signed_files: Path) -> None:
    added = run("keystore", "add", "acme", signed_files / "old.pem", "--until", "2020-01-01T00:00:00Z")
    assert (added.code, "Added acme (retired: recognised, not trusted)" in added.out) == (0, True)
    assert "its trust was to end at 2020-01-01 00:00:00Z, which has passed: it is not trusted" in added.err
    assert "Next" not in added.out


@pytest.mark.parametrize("text", ["nonsense", "[" * 100_000, '{"answers":1}'])
def test_a_history_that_was_written_over_is_shown_as_it_is(
    run: Run, workplace: Path, gate: Recording, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    trusted_since(workplace, 100, "old", "new")
    assert run("keystore", "retire", "old", "--reason", "switched").code == 0
    with open_workplace(workplace / "gateway.toml") as place, place.engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER keystore_history_refuses_update")
        connection.exec_driver_sql("UPDATE keystore_history SET gate = ? WHERE gate IS NOT NULL", (text,))
        assert KeystoreStore(place.engine).revision() == 2
    monkeypatch.setenv("COLUMNS", "200")
    assert "what the gate saw was written over by somebody" in run("keystore", "history").out
    assert json.loads(run("keystore", "history", "--json").out.splitlines()[-1])["gate"] == text
