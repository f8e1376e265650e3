"""The gates on the command line: what is refused until when, and what force leaves behind."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.keystore.gate_refusals import gates_of
from gateway.cli.workplace import open_workplace
from gateway.ledger import LedgerWriter
from gateway.verify import VerifiedBy
from keystore.store import NewCertificate
from keystore.store.store import KeystoreStore
from tests.gateway.cli.keystore.test_keystore_commands import issue, listed
from tests.gateway.cli.running import Run
from tests.gateway.ledger.load import accepted
from tests.gateway.ledger.watched_time import Watcher, long_steps, served

DAY = timedelta(days=1)
NOW = datetime.now(UTC)


def seen(folder: Path, alias: str, *days: float, endpoint: str = "orders") -> None:
    """Record messages that the entry verified, so many days ago."""
    with open_workplace(folder / "gateway.toml") as workplace:
        entry = workplace.keystore.get(alias)
        writer = LedgerWriter(workplace.engine, "host:1")
        by = VerifiedBy(entry.alias, entry.key_id, entry.thumbprint)
        for future in [writer.submit(accepted(by, time=NOW - day * DAY, endpoint=endpoint)) for day in days]:
            future.result(10)
        writer.close()


def watched(folder: Path, days: float, delivery: timedelta = timedelta(days=14)) -> None:
    """A gateway served the endpoint and reached its receiver for the last so many days; to be called first."""
    with open_workplace(folder / "gateway.toml") as workplace, long_steps(DAY):
        watcher = Watcher(workplace.engine, NOW - days * DAY, {"orders": served(delivery)})
        watcher.watch(datetime.now(UTC) - watcher.instant(), DAY / 2)
        watcher.stop()


def trusted_since(folder: Path, days: float, *aliases: str) -> None:
    """Certificates that have been trusted for so many days."""
    with open_workplace(folder / "gateway.toml") as workplace:
        new = [NewCertificate(alias, issue(alias, days=200)[0]) for alias in aliases]
        workplace.keystore.add_many(new, who="eva", why="", at=NOW - days * DAY)


def test_too_early_names_the_blocker_and_the_earliest_safe_time(run: Run, workplace: Path) -> None:
    watched(workplace, 30, timedelta(days=10))
    trusted_since(workplace, 100, "old", "new")
    every_day = [day + 0.5 for day in range(30)]
    seen(workplace, "old", *(day for day in every_day if day > 10))
    seen(workplace, "new", *(day for day in every_day if day < 10))
    refused = run("keystore", "retire", "old", "--reason", "switched", "--json")
    assert refused.code == 1
    answer = json.loads(refused.out)
    safe_at = datetime.fromisoformat(answer["safe_at"])
    assert timedelta(0) <= safe_at - (NOW - 10.5 * DAY + 14 * DAY) < timedelta(hours=2), "the tests began a while ago"
    assert [(blocker["endpoint"], blocker["safe_at"]) for blocker in answer["blockers"]] == [
        ("orders", answer["safe_at"])
    ]
    assert json.loads(refused.err)["exit_code"] == 1
    refused = run("keystore", "retire", "old", "--reason", "switched")
    assert f"earliest {safe_at:%Y-%m-%d %H:%M:%S}Z" in refused.err
    assert refused.err.startswith("Error: old is not retired: it is too early.\n  orders: the last message")
    assert listed(run) == {"old": "trusted", "new": "trusted"}

    config = workplace / "gateway.toml"
    config.write_text(re.sub(r'(guaranteed_delivery_time) = "14d"', r'\1 = "10d"', config.read_text()))
    retired = run("keystore", "retire", "old", "--reason", "switched")
    assert (retired.code, "overridden" in retired.out) == (0, False)


def test_an_old_key_is_deleted_after_90_days_or_by_force(run: Run, workplace: Path) -> None:
    watched(workplace, 2)
    trusted_since(workplace, 300, "oldest", "old", "new")
    with open_workplace(workplace / "gateway.toml") as place:
        for alias, days in (("oldest", 91), ("old", 89)):
            place.keystore.retire(alias, who="eva", why="", at=NOW - days * DAY)
    assert run("keystore", "purge", "oldest", "--reason", "over").code == 0
    refused = run("keystore", "purge", "old", "--reason", "over")
    assert (refused.code, "old keys are kept for 90d" in refused.err) == (1, True)
    assert run("keystore", "purge", "old", "--reason", "", "--force").code == 2
    forced = run("keystore", "purge", "old", "--reason", "audit", "--force", "--json")
    (entry,) = json.loads(forced.out)["entries"]
    assert (entry["state"], entry["thumbprint_sha1"]) == ("purged", None)
    assert run("keystore", "purge", "new", "--reason", "x", "--force").code == 1
    assert listed(run) == {"new": "trusted"}
    assert "by force" in run("keystore", "history", "old").out


def test_other_terms_pass_the_same_gate(run: Run, workplace: Path, signed_files: Path) -> None:
    assert run("keystore", "add", "acme", signed_files / "old.pem").code == 0
    assert run("keystore", "set", "acme", "-e", "orders", "--alias", "acme-2024").code == 0
    soon = "2030-01-01T00:00:00Z"
    refused = run("keystore", "set", "acme-2024", "--until", soon)
    assert (refused.code, "no other key is trusted" in refused.err) == (1, True)
    forced = run("keystore", "set", "acme-2024", "--until", soon, "--force", "--reason", "contract ends", "--json")
    (entry,) = json.loads(forced.out)["entries"]
    assert (entry["trusted_until"], entry["endpoints"]) == ("2030-01-01T00:00:00Z", ["orders"])
    shown = run("keystore", "set", "acme-2024", "--until", "never", "--from", "2020-01-01T00:00:00Z", "--all-endpoints")
    assert (shown.code, "from 2020-01-01" in shown.out, "until 2030" in shown.out) == (0, True, False)
    assert run("keystore", "set", "acme-2024", "--from", "never").code == 0
    assert run("keystore", "set", "acme-2024", "--from", "never").code == 1, "it is so already"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("set", "acme"), "Say what to change"),
        (("set", "acme", "-e", "orders", "--all-endpoints"), "contradict"),
        (("set", "acme", "-e", "nope"), "there is no endpoint 'nope'"),
        (("set", "acme", "--until", "tomorrow"), "is no instant"),
        (("set", "acme", "--until", "never", "--force"), "--force needs --reason"),
        (("trust", "acme", "--force"), "--force needs --reason"),
        (("restore", "acme", "--force", "--reason", " "), "--force needs --reason"),
        (("retire", "acme", "--reason", " ", "--force"), "--force needs --reason"),
    ],
)
def test_wrong_use(run: Run, workplace: Path, signed_files: Path, arguments: tuple[str, ...], sentence: str) -> None:
    assert run("keystore", "add", "acme", signed_files / "old.pem").code == 0
    ran = run("keystore", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert sentence in ran.err


def test_of_two_administrators_who_retire_each_others_successor_one_is_told_no(run: Run, workplace: Path) -> None:
    watched(workplace, 1, timedelta(hours=1))
    trusted_since(workplace, 100, "one", "two")
    for alias, days in (("one", 20.0), ("two", 19.9), ("one", 19.8), ("two", 19.7), ("one", 0.5), ("two", 0.4)):
        seen(workplace, alias, days)
    config = workplace / "gateway.toml"
    config.write_text(re.sub(r'(guaranteed_delivery_time) = "14d"', r'\1 = "1h"', config.read_text()))
    with open_workplace(config) as place:
        at = datetime.now(UTC)
        # Both measured before either changed anything; "two" was seen after "one", so only "one" may go.
        first, second = gates_of(place, at), gates_of(place, at)
        by: dict[str, Any] = {"who": "eva", "why": "", "at": at}
        assert place.keystore.retire("one", **by, gates=first).entry.state == "retired"
        with pytest.raises(Exception, match="no other key is trusted"):
            KeystoreStore(place.engine).retire("two", **by, gates=second)


def test_the_state_since_when_and_the_last_message_are_shown(run: Run, workplace: Path) -> None:
    trusted_since(workplace, 100, "old", "new")
    seen(workplace, "old", 3, 2)
    shown = run("keystore", "show", "old").out
    last = f"{NOW - 2 * DAY:%Y-%m-%d %H:%M:%S}Z"
    assert f"It has been trusted since {NOW - 100 * DAY:%Y-%m-%d %H:%M:%S}Z." in shown
    assert f"Its key signed an accepted message last at {last}." in shown
    assert "Its key has signed no accepted message yet." in run("keystore", "show", "new").out
    entry = json.loads(run("keystore", "show", "old", "--json").out)
    assert datetime.fromisoformat(entry["last_verified"]) == NOW - 2 * DAY
    assert entry["last_recognised"] is None
    table = run("keystore", "list").out
    assert f"{NOW - 100 * DAY:%Y-%m-%d}" in table
    old, new = json.loads(run("keystore", "list", "--json").out)["entries"]
    assert (old["last_verified"], old["last_seen"], new["last_seen"]) == (entry["last_verified"],) * 2 + (None,)
    assert old["state_since"] == entry["state_since"]
