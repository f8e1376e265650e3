"""`wssgate ledger verify`, `export` and `prune` over a real ledger."""

import base64
import csv
import io
import json
import sqlite3
import stat
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine

from gateway.ledger import LedgerWriter, SigningKey, add_statement, new_record_id, open_database
from gateway.ledger.retention.maintenance_turn import take_maintenance
from gateway.report import CSV_COLUMNS
from gateway.report.record_export import JSON_FIELDS
from keystore import State
from keystore.store import Action, KeystoreStore, StoredEntry
from keystore.store.revision import new_revision
from tests.gateway.cli.running import Run
from tests.gateway.ledger.load import NEW, NOON, OLD, accepted, rejected
from tests.keystore.issuing import issue
from tests.keystore.store.authoring import BY

NOW = datetime.now(UTC)
EVIL = '=HYPERLINK("http://x")\x1b[2J'


@pytest.fixture
def recorded(workplace: Path) -> Path:
    """Six records: the oldest 200 days old, the youngest a minute."""
    _write(
        workplace,
        accepted(OLD, time=NOW - timedelta(days=200)),
        accepted(OLD, time=NOW - timedelta(days=100), operation="{urn:orders}PlaceOrder"),
        accepted(NEW, time=NOW - timedelta(days=10)),
        rejected("retired-key", recognised=(OLD,), time=NOW - timedelta(days=9)),
        rejected("unsigned", operation=EVIL, time=NOW - timedelta(hours=1)),
        accepted(OLD, NEW, endpoint="invoices", time=NOW - timedelta(minutes=1)),
    )
    return workplace


def _write(workplace: Path, *made: Any) -> None:
    engine = open_database(f"sqlite:///{workplace}/wssgate.db")
    _trust_and_forget(engine)
    writer = LedgerWriter(engine, "host:1")
    for record in made:
        writer.submit(record).result(10)
    assert writer.close(10)
    engine.dispose()


def _trust_and_forget(engine: Engine) -> None:
    """Keystore revision 1 trusts the keys of the records, revision 2 has purged them again."""
    entries = [
        StoredEntry(
            id=0,
            alias=key.alias,
            state=State.TRUSTED,
            der=None,
            certificate=None,
            thumbprint=key.thumbprint,
            key_id=key.key_id,
            endpoints=None,
            trusted_from=None,
            trusted_until=None,
            revoked=False,
            note="",
            added_at=BY["at"],
            added_by=BY["who"],
            changed_at=BY["at"],
            revision=0,
        )
        for key in (OLD, NEW)
    ]
    with new_revision(engine, **BY) as revision:
        made = [revision.add(entry, Action.ADDED) for entry in entries]
    with new_revision(engine, **BY) as revision:
        for entry in made:
            revision.change(replace(entry, state=State.PURGED), Action.PURGED)


def _tamper(workplace: Path, *statements: str) -> None:
    """Change what must not be changed, and leave the database as if nothing protected it less than before."""
    connection = sqlite3.connect(workplace / "wssgate.db")
    with connection:
        made = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in made:
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement)
        for _, definition in made:
            connection.execute(definition)
    connection.close()


def _exported(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_an_empty_ledger_is_nothing_to_worry_about(run: Run, workplace: Path) -> None:
    assert "nothing to verify" in run("ledger", "verify").out
    assert run("ledger", "export").out == ""
    assert run("ledger", "prune").code == 0


def test_an_intact_ledger_gives_its_anchor_and_is_verified_against_it(run: Run, recorded: Path) -> None:
    ran = run("ledger", "verify")
    assert (ran.code, ran.err) == (0, "")
    assert "Intact: 6 records in 1 chain." in ran.out
    (recorded / "kept.txt").write_text(f"from the mail of Monday\n{ran.out}")
    (anchor,) = [line for line in ran.out.splitlines() if line.startswith("wssgate.anchor/1,")]
    ran = run("ledger", "verify", "--anchor", recorded / "kept.txt", "--anchor", anchor)
    assert (ran.code, "compared with 2 anchors." in ran.out) == (0, True)
    found = json.loads(run("ledger", "verify", "--anchor", anchor, "--json").out)
    assert (found["schema"], found["intact"], found["records"], found["anchors_compared"]) == (
        "wssgate.ledger/1",
        True,
        6,
        1,
    )
    assert [chain["state"] for chain in found["chains"]] == ["intact"]
    assert [one["anchor"] for one in found["anchors"]] == [anchor]


def test_a_ledger_that_was_cut_short_or_altered_ends_with_1(run: Run, recorded: Path) -> None:
    anchor = json.loads(run("ledger", "verify", "--json").out)["anchors"][0]["anchor"]
    _tamper(
        recorded,
        "DELETE FROM events WHERE number > 1",
        "UPDATE chains SET sequence = 5, hash = (SELECT hash FROM messages WHERE sequence = 5), event_number = 1, "
        "event_hash = (SELECT hash FROM events)",
        "DELETE FROM messages WHERE sequence = 6",
        "DELETE FROM key_uses_hourly WHERE endpoint = 'invoices'",
        "DELETE FROM traffic_hourly WHERE endpoint = 'invoices'",
    )
    assert run("ledger", "verify").code == 0, "whoever takes everything out that knows of it is seen by anchors alone"
    ran = run("ledger", "verify", "--anchor", anchor)
    assert ran.code == 1
    assert "wssgate.anchor" not in ran.out, "nobody shall keep the anchor of a ledger that is not intact"
    assert "NOT intact: only 5 records of 1 chain found good, compared with 1 anchor." in ran.out
    _tamper(recorded, "UPDATE messages SET released = 1 WHERE sequence = 4")
    found = json.loads(run("ledger", "verify", "--json").out)
    assert (found["intact"], found["chains"][0]["state"], found["chains"][0]["sequence"]) == (False, "altered", 4)


@pytest.mark.parametrize("given", ["gateway.toml", "wssgate.anchor/1,nonsense"])
def test_what_holds_no_anchor_is_refused_rather_than_ignored(run: Run, recorded: Path, given: str) -> None:
    ran = run("ledger", "verify", "--anchor", given)
    assert (ran.code, "There is no anchor in" in ran.err) == (2, True)
    assert run("ledger", "verify", "--anchor", "no-such-file").code == 3


@pytest.fixture
def trusting(recorded: Path) -> Path:
    """Six records, and a keystore of four revisions."""
    _trust(recorded, "acme-2024", "acme-2026")
    return recorded


def _trust(workplace: Path, *aliases: str) -> None:
    engine = open_database(f"sqlite:///{workplace}/wssgate.db")
    for alias in aliases:
        KeystoreStore(engine).add(alias, issue(alias), **BY)
    engine.dispose()


def _alter_who(workplace: Path) -> None:
    _tamper(workplace, "UPDATE keystore_revisions SET who = 'mallory' WHERE revision = 1")


def test_the_history_of_the_keystore_is_verified_with_the_ledger(run: Run, trusting: Path) -> None:
    ran = run("ledger", "verify")
    assert (ran.code, "Keystore intact: 4 revisions" in ran.out) == (0, True)
    assert len([line for line in ran.out.splitlines() if line.startswith("wssgate.keystore-anchor/1,")]) == 1
    (trusting / "kept.txt").write_text(ran.out)
    ran = run("ledger", "verify", "--anchor", "kept.txt")
    assert (ran.code, "compared with 2 anchors" in ran.out) == (0, True)
    found = json.loads(run("ledger", "verify", "--json").out)
    assert (found["keystore"]["state"], found["keystore"]["revisions"]) == ("intact", 4)
    assert (found["keystore_anchor"]["schema"], found["keystore_anchor"]["revision"]) == (
        "wssgate.keystore-anchor/1",
        4,
    )
    anchor = found["keystore_anchor"]["anchor"]
    assert anchor in ran.out
    forged = anchor[:-1] + ("0" if anchor[-1] != "0" else "1")
    assert run("ledger", "verify", "--anchor", anchor).code == 0
    assert run("ledger", "verify", "--anchor", forged).code == 1


def _say(workplace: Path, *notes: str) -> None:
    engine = open_database(f"sqlite:///{workplace}/wssgate.db")
    for note in notes:
        add_statement(engine, "acme", "confirmed", "bob", {"step": 2, "note": note}, NOON)
    engine.dispose()


def test_what_people_said_is_verified_with_the_ledger(run: Run, trusting: Path) -> None:
    _say(trusting, "one", "two")
    ran = run("ledger", "verify")
    (anchor,) = [line for line in ran.out.splitlines() if line.startswith("wssgate.renewals-anchor/1,")]
    assert ran.code == 0
    (trusting / "kept.txt").write_text(ran.out)
    ran = run("ledger", "verify", "--anchor", "kept.txt")
    assert (ran.code, "compared with 3 anchors" in ran.out) == (0, True)
    found = json.loads(run("ledger", "verify", "--json").out)["renewals_anchor"]
    assert (found["schema"], found["number"], found["anchor"]) == ("wssgate.renewals-anchor/1", 2, anchor)
    assert run("ledger", "verify", "--anchor", anchor).code == 0
    lines = _exported(run("ledger", "export", "--heads").out)
    assert lines[-1]["anchor"] == anchor
    _tamper(trusting, "UPDATE renewal_statements SET who = 'mallory' WHERE number = 1")
    altered = run("ledger", "verify")
    assert altered.code == 1
    assert "statements: number 1 does not match its hash, or not the one before it" in altered.out


def test_who_changed_the_keystore_cannot_be_altered_unnoticed(run: Run, trusting: Path) -> None:
    _alter_who(trusting)
    ran = run("ledger", "verify")
    assert ran.code == 1
    assert "Intact: 6 records in 1 chain." in ran.out
    assert "Keystore NOT intact, altered, 0 revisions found good; revision 1: it does not match its hash" in ran.out
    assert "anchor/1" not in ran.out, "nobody shall keep the anchor of what is not intact"
    found = json.loads(run("ledger", "verify", "--json").out)
    assert (found["intact"], found["keystore"]["state"], found["keystore"]["revision"]) == (False, "altered", 1)


def test_a_keystore_that_was_altered_before_any_traffic_is_found(run: Run, workplace: Path) -> None:
    _trust(workplace, "acme-2024")
    ran = run("ledger", "verify")
    assert (ran.code, "No records yet.\nKeystore intact: 1 revision," in ran.out) == (0, True)
    _alter_who(workplace)
    assert run("ledger", "verify").code == 1


def test_a_record_knows_of_a_revision_that_was_cut_off(run: Run, trusting: Path) -> None:
    engine = open_database(f"sqlite:///{trusting}/wssgate.db")
    writer = LedgerWriter(engine, "host:1")
    writer.submit(accepted(NEW, keystore_revision=5)).result(10)
    assert writer.close(10)
    engine.dispose()
    ran = run("ledger", "verify")
    assert ran.code == 1
    assert "revision 5: one revision at the end is gone, with the head moved back" in " ".join(ran.out.split())


def test_a_record_knows_whom_the_history_never_trusted(run: Run, trusting: Path) -> None:
    """Somebody trusted a key past the history, let a message through, and took the key out again."""
    engine = open_database(f"sqlite:///{trusting}/wssgate.db")
    writer = LedgerWriter(engine, "host:1")
    writer.submit(accepted(NEW, keystore_revision=3)).result(10)
    assert writer.close(10)
    engine.dispose()
    ran = run("ledger", "verify")
    assert ran.code == 1
    finding = f"revision 3: a certificate was relied on that was not trusted in it, SHA-256 {NEW.thumbprint}"
    assert finding in ran.out.replace("\n", " ")


def test_the_end_of_the_keystores_history_is_exported_with_the_heads(run: Run, trusting: Path) -> None:
    lines = _exported(run("ledger", "export", "--heads").out)
    assert [line["schema"] for line in lines[6:]] == ["wssgate.anchor/1", "wssgate.keystore-anchor/1"]
    assert run("ledger", "export", "--heads", "--format", "csv", "-o", "all.csv").code == 0
    kept = (trusting / "all.csv.anchors").read_text()
    assert kept.splitlines()[1] == lines[7]["anchor"]
    assert run("ledger", "verify", "--anchor", "all.csv.anchors").code == 0


def test_every_record_is_exported_complete_and_in_order(run: Run, recorded: Path) -> None:
    ran = run("ledger", "export")
    found = _exported(ran.out)
    assert ran.code == 0
    assert [list(line) for line in found] == [["schema", *JSON_FIELDS]] * 6
    assert [line["sequence"] for line in found] == [1, 2, 3, 4, 5, 6]
    assert found[0]["verified_by"] == [
        {"alias": "acme-2024", "key_id": OLD.key_id, "thumbprint": OLD.thumbprint},
    ]
    assert found[0]["signatures"][0]["hint"]["named"] == "CN=Acme, serial 4711"
    assert (found[3]["reason"], found[3]["released"], found[0]["reason"]) == ("retired-key", False, None)
    assert datetime.fromisoformat(found[0]["time"]) == NOW - timedelta(days=200)


@pytest.mark.parametrize(
    ("options", "sequences"),
    [
        (("--endpoint", "invoices"), [6]),
        (("--operation", "{urn:orders}PlaceOrder"), [2]),
        (("--operation", "PlaceOrder"), [2]),
        (("--operation", "Order"), []),
        (("--key", "acme-2024"), [1, 2, 4, 6]),
        (("--key", NEW.thumbprint), [3, 6]),
        (("--key", NEW.key_id), [3, 6]),
        (("--key", "%"), []),
        (("--outcome", "rejected"), [4, 5]),
        (("--reason", "unsigned"), [5]),
        (("--since", "11d", "--until", "2h"), [3, 4]),
        (("--until", "150d"), [1]),
    ],
)
def test_filters(run: Run, recorded: Path, options: tuple[str, ...], sequences: list[int]) -> None:
    assert [line["sequence"] for line in _exported(run("ledger", "export", *options).out)] == sequences


def test_in_csv_no_cell_is_a_formula(run: Run, recorded: Path) -> None:
    ran = run("ledger", "export", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(ran.out)))
    assert tuple(rows[0]) == CSV_COLUMNS
    assert [row["sequence"] for row in rows] == ["1", "2", "3", "4", "5", "6"]
    assert rows[4]["operation"].startswith("'=HYPERLINK")
    assert "\x1b" not in ran.out
    assert rows[5]["keys"] == "acme-2024 acme-2026"
    assert (rows[3]["recognised_keys"], rows[3]["released"]) == ("acme-2024", "no")


def test_an_exported_file_is_whole_and_private_and_never_replaced_unasked(run: Run, recorded: Path) -> None:
    ran = run("ledger", "export", "-o", "all.jsonl", "--heads")
    assert (ran.code, ran.out) == (0, "Wrote 6 records to all.jsonl.\n")
    file = recorded / "all.jsonl"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    lines = _exported(file.read_text())
    anchors = ["wssgate.anchor/1", "wssgate.keystore-anchor/1"]
    assert [line["schema"] for line in lines] == ["wssgate.record/1"] * 6 + anchors
    assert run("ledger", "verify", "--anchor", file).code == 0
    before = file.read_bytes()
    refused = run("ledger", "export", "-o", "all.jsonl", "--outcome", "rejected")
    assert (refused.code, "--replace" in refused.err, file.read_bytes()) == (1, True, before)
    ran = run("ledger", "export", "-o", "all.jsonl", "--replace", "--outcome", "rejected", "--json")
    assert json.loads(ran.out) == {
        "schema": "wssgate.ledger-export/1",
        "file": "all.jsonl",
        "records": 2,
        "anchors": 0,
    }
    assert run("ledger", "export", "--format", "csv", "-o", "all.csv", "--heads").code == 0
    assert run("ledger", "verify", "--anchor", "all.csv.anchors").code == 0
    assert sorted(found.name for found in recorded.glob("all*")) == [
        "all.csv",
        "all.csv.anchors",
        "all.jsonl",
    ]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--format", "csv", "--heads"), 2),
        (("--format", "csv", "--json"), 2),
        (("--reason", "bad-luck"), 2),
        (("--outcome", "lost"), 2),
        (("--endpoint", "order"), 2),
        (("-o", "no/such/folder/x"), 3),
    ],
)
def test_wrong_use_is_told(run: Run, recorded: Path, options: tuple[str, ...], code: int) -> None:
    ran = run("ledger", "export", *options)
    assert (ran.code, ran.out) == (code, "")
    assert ran.err


def test_an_altered_record_that_cannot_be_read_leaves_no_half_file(run: Run, recorded: Path) -> None:
    _tamper(recorded, "UPDATE messages SET verified_by = 'oops' WHERE sequence = 3")
    ran = run("ledger", "export", "-o", "all.jsonl")
    assert (ran.code, "was altered and cannot be read any more; run `wssgate ledger verify`" in ran.err) == (3, True)
    assert not list(recorded.glob("all*"))


def test_pruning_removes_what_is_older_than_its_retention_and_says_what_stays(run: Run, recorded: Path) -> None:
    anchor = json.loads(run("ledger", "verify", "--json").out)["anchors"][0]["anchor"]
    ran = run("ledger", "prune", "--dry-run")
    assert (ran.code, "2 records would go." in ran.out, "their age" in ran.out) == (0, True, True)
    assert len(_exported(run("ledger", "export").out)) == 6
    found = json.loads(run("ledger", "prune", "--json").out)
    assert (found["dry_run"], found["records"], found["complete"]) == (False, 2, True)
    assert found["endpoints"][0] | {"kept_since": ""} == {
        "endpoint": "orders",
        "records": 2,
        "kept_since": "",
        "because_of": "their age",
    }
    assert [line["sequence"] for line in _exported(run("ledger", "export").out)] == [3, 4, 5, 6]
    verified = json.loads(run("ledger", "verify", "--anchor", anchor, "--json").out)
    assert (verified["intact"], verified["chains"][0]["pruned"]) == (True, 2)
    usage = json.loads(run("report", "usage", "--json").out)
    assert sum(row["messages"] for row in usage["rows"] if row["alias"] == "acme-2024") == 3, "roll-ups stay"
    assert "0 records went." in run("ledger", "prune").out


@pytest.fixture
def overlapping(run: Run, recorded: Path, signed_files: Path) -> Iterator[Path]:
    """The two certificates of the endpoint met 150 days ago."""
    for alias, name in (("acme-2024", "old"), ("acme-2026", "new")):
        assert run("keystore", "add", alias, signed_files / f"{name}.pem", "-e", "orders").code == 0
    connection = sqlite3.connect(recorded / "wssgate.db")
    with connection:
        met = int((NOW - timedelta(days=150)).timestamp() * 1_000_000)
        connection.execute("UPDATE keystore_entries SET added_at = ?", (met,))
    yield recorded
    connection.close()


def test_what_an_open_renewal_rests_on_is_not_pruned(run: Run, overlapping: Path) -> None:
    ran = run("ledger", "prune")
    assert "acme-2024 and acme-2026 overlap" in ran.out
    assert "1 record went." in ran.out
    assert [line["sequence"] for line in _exported(run("ledger", "export").out)] == [2, 3, 4, 5, 6]


def test_one_prunes_at_a_time(run: Run, recorded: Path) -> None:
    engine = open_database(f"sqlite:///{recorded}/wssgate.db")
    assert take_maintenance(engine, "pruning", "another", at=datetime.now(UTC), length=timedelta(hours=1))
    engine.dispose()
    ran = run("ledger", "prune")
    assert (ran.code, "Another process is pruning" in ran.err) == (1, True)
    assert len(_exported(run("ledger", "export").out)) == 6


def test_records_of_an_endpoint_that_is_gone_from_the_configuration_age_as_well(run: Run, workplace: Path) -> None:
    old = accepted(OLD, id=new_record_id(), endpoint="gone", time=NOW - timedelta(days=91))
    _write(workplace, old, accepted(OLD, endpoint="gone", time=NOW - timedelta(days=89)))
    assert "not in the configuration any more" in run("ledger", "prune", "--dry-run").out
    assert json.loads(run("ledger", "prune", "--json").out)["unconfigured"] == {"gone": 1}


def test_a_dangerous_durability_is_shown(run: Run, workplace: Path) -> None:
    config = workplace / "gateway.toml"
    config.write_text(config.read_text().replace("[gateway]", '[gateway]\ndurability = "async"', 1))
    assert "danger: durability async" in run("status").out
    assert any("durability async" in warning for warning in json.loads(run("status", "--json").out)["warnings"])


KEY = SigningKey.of(Ed25519PrivateKey.from_private_bytes(b"k" * 32))


@pytest.fixture
def signed(workplace: Path) -> Path:
    """Two records of a gateway that signs the ends of its chains."""
    engine = open_database(f"sqlite:///{workplace}/wssgate.db")
    _trust_and_forget(engine)
    writer = LedgerWriter(engine, "host/1", key=KEY)
    for minutes in (2, 1):
        writer.submit(accepted(OLD, time=NOW - timedelta(minutes=minutes))).result(10)
    assert writer.close(10)
    engine.dispose()
    return workplace


def test_signed_heads_are_given_and_verified_against(run: Run, signed: Path) -> None:
    ran = run("ledger", "verify")
    assert "Ends of chains signed: 1 only by a key that the database names." in ran.out
    (head,) = [line for line in ran.out.splitlines() if line.startswith("wssgate.signed-head/1,")]
    ran = run("ledger", "verify", "--anchor", head)
    assert (ran.code, "compared with 1 anchor." in ran.out) == (0, True)
    found = json.loads(run("ledger", "verify", "--json").out)
    assert (found["signed"]["named"], found["signed_heads"], found["events"]) == (1, [head], 3)
    assert (found["chains"][0]["signed"], found["chains"][0]["public_key"]) == ("named", KEY.public)
    assert (found["findings"], found["unproven"]) == ([], [])
    refused = run("ledger", "verify", "--anchor", head.replace("AA", "BB") if "AA" in head else head[:-4] + "AA==")
    assert (refused.code, "its signature is bad" in refused.err) == (2, True)


def test_pinned_keys_say_which_ends_a_known_gateway_signed(run: Run, signed: Path) -> None:
    (signed / "keys.txt").write_text(f"# from the screen of the first start\n{KEY.public}  # host\n")
    ran = run("ledger", "verify", "--pinned", "keys.txt")
    assert (ran.code, "Ends of chains signed: 1 by a key that you gave." in ran.out) == (0, True)
    (signed / "log.txt").write_text(f"[info] signing key wssgate.key/1,host,{base64.b64encode(bytes(32)).decode()}\n")
    ran = run("ledger", "verify", "--pinned", "log.txt")
    assert (ran.code, "foreign" in ran.out) == (1, True)
    assert run("ledger", "verify", "--pinned", "log.txt", "--pinned", "keys.txt").code == 0
    refused = run("ledger", "verify", "--pinned", "gateway.toml")
    assert (refused.code, "There is no public key in 'gateway.toml'" in refused.err) == (2, True)
    assert run("ledger", "verify", "--pinned", "no-such-file").code == 3


def test_a_count_that_was_changed_is_named(run: Run, recorded: Path) -> None:
    _tamper(recorded, "UPDATE key_uses_hourly SET messages = messages + 1 WHERE endpoint = 'invoices'")
    ran = run("ledger", "verify")
    shown = " ".join(ran.out.split())
    assert (ran.code, "roll-up: key_uses_hourly at " in shown, "it says 2 from" in shown) == (1, True, True)
    found = json.loads(run("ledger", "verify", "--json").out)
    assert [(one["about"], one["state"]) for one in found["findings"]] == [("roll-up", "altered")] * 2


def test_pruning_is_announced_and_what_nobody_announced_is_found(run: Run, recorded: Path) -> None:
    assert json.loads(run("ledger", "prune", "--json").out)["records"] == 2
    found = json.loads(run("ledger", "verify", "--json").out)
    assert sorted((chain["pruned"], chain["state"]) for chain in found["chains"]) == [(0, "intact"), (2, "intact")]
    assert any(chain["instance"].endswith("(ledger prune)") for chain in found["chains"])
    _tamper(
        recorded,
        "UPDATE checkpoints SET sequence = 3, hash = (SELECT hash FROM messages WHERE sequence = 3)",
        "DELETE FROM messages WHERE sequence = 3",
    )
    ran = run("ledger", "verify")
    assert (ran.code, "up to record 3: no event announced it" in " ".join(ran.out.split())) == (1, True)
