"""`wssgate ledger show`, `prove` and `verify-bundle`, over a real ledger and behind a real gateway."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from gateway.ledger import open_database
from tests.gateway.cli.running import Run
from tests.gateway.exchange.harness import http, signed, signed_with_timestamp, world
from tests.gateway.exchange.harness import run as play_scenario
from tests.gateway.ledger.proof.bundles import KEY, OTHER_KEY, Scene, changed, play


@pytest.fixture
def scene(workplace: Path) -> Iterator[Scene]:
    """A ledger of seven records in the workplace's database."""
    engine = open_database(f"sqlite:///{workplace}/wssgate.db")
    yield play(engine)
    engine.dispose()


def _tamper(workplace: Path, record_id: str, change: str) -> None:
    """Change one record by hand."""
    engine = create_engine(f"sqlite:///{workplace}/wssgate.db")
    with engine.begin() as connection:
        connection.execute(text("DROP TRIGGER IF EXISTS messages_are_append_only"))
        connection.execute(text(f"UPDATE messages SET {change} WHERE id = :id"), {"id": record_id})  # noqa: S608 - ours
    engine.dispose()


def test_a_record_is_shown_with_everything_that_is_known_of_it(run: Run, scene: Scene) -> None:
    record_id = scene.ids[2]
    ran = run("ledger", "show", record_id)
    assert (ran.code, ran.err) == (0, "")
    for expected in (
        f"Record {record_id}",
        "What came",
        "What became of it",
        "Who signed",
        "checked: good under old",
        "checked: good under new",
        "Receipts: 2 of 2 signatures",
        "Where it stands",
        "record 3",
    ):
        assert expected in ran.out
    shown = json.loads(run("ledger", "show", record_id, "--json").out)
    assert shown["schema"] == "wssgate.record/1"
    assert [signer["alias"] for signer in shown["signers"]] == ["old", "new"]
    assert [signer["proof"]["state"] for signer in shown["signers"]] == ["good", "good"]
    assert [receipt["signature"] for receipt in shown["receipts"]] == [0, 1]
    assert shown["clock_offset"] is not None


def test_what_to_do_stands_beside_a_rejection(run: Run, scene: Scene) -> None:
    ran = run("ledger", "show", scene.ids[3])
    assert ran.code == 0
    assert "what to do" in ran.out
    assert "no key that the keystore knows" in ran.out
    assert json.loads(run("ledger", "show", scene.ids[3], "--json").out)["advice"]


def test_the_beginning_of_an_id_is_enough_where_it_is_of_one_record(run: Run, scene: Scene) -> None:
    assert run("ledger", "show", scene.ids[0][:-1].upper()).code == 0
    ran = run("ledger", "show", scene.ids[0][:8])
    assert (ran.code, "more than one record begins with" in ran.err, "and more" in ran.err) == (2, True, True)
    for wrong, sentence in (
        ("0" * 36, "is no record id"),
        ("00000000-0000", "there is no record"),
        (scene.ids[0][:7], "is no record id"),
        ("x" * 36, "is no record id"),
        (scene.ids[0] + "0", "is no record id"),
        ("%", "is no record id"),
    ):
        ran = run("ledger", "show", wrong)
        assert (ran.code, sentence in ran.err) == (2, True), wrong


def test_a_receipt_that_was_altered_is_told(run: Run, scene: Scene, workplace: Path) -> None:
    _tamper(workplace, scene.ids[1], "receipts = replace(receipts, '#body', '#b0dy')")
    ran = run("ledger", "show", scene.ids[1])
    assert (ran.code, "NOT good under new" in ran.out) == (1, True)
    _tamper(workplace, scene.ids[1], "receipts = 'x'")
    ran = run("ledger", "show", scene.ids[1])
    assert (ran.code, "they cannot be read" in ran.out) == (1, True)
    assert json.loads(run("ledger", "show", scene.ids[1], "--json").out)["receipts_problem"]
    _tamper(workplace, scene.ids[1], "signatures = 'x'")
    ran = run("ledger", "show", scene.ids[1])
    assert (ran.code, "was altered and cannot be read" in ran.err) == (3, True)


def test_a_certificate_that_was_purged_is_found_in_the_history(run: Run, scene: Scene) -> None:
    assert run("keystore", "purge", "old", "--reason", "test", "--force").code == 0
    ran = run("ledger", "show", scene.ids[0])
    assert (ran.code, "checked: good under old" in ran.out) == (0, True)
    assert run("ledger", "prove", scene.ids[0], "-o", "bundle.zip").code == 0
    assert run("ledger", "verify-bundle", "bundle.zip").code == 0


def test_a_bundle_is_made_and_verified(run: Run, scene: Scene, workplace: Path) -> None:
    ran = run("ledger", "prove", scene.ids[0], scene.ids[2], scene.ids[0][:-2], "-o", "bundle.zip")
    assert (ran.code, ran.err) == (0, "")
    assert "Wrote evidence about 2 records to bundle.zip, with 3 records between" in ran.out
    bundle = workplace / "bundle.zip"
    assert stat.S_IMODE(bundle.stat().st_mode) == 0o600
    assert run("ledger", "prove", scene.ids[0], "-o", "bundle.zip").code == 1
    made = run("ledger", "prove", scene.ids[0], scene.ids[2], "-o", "bundle.zip", "--replace", "--json")
    assert json.loads(made.out)["records"] == 5
    ran = run("ledger", "verify-bundle", "bundle.zip")
    assert (ran.code, ran.err) == (0, "")
    assert "checked: good under old" in ran.out
    assert f"with the key {KEY.public}, which only the bundle itself names" in " ".join(ran.out.split())
    (workplace / "keys").write_text(f"# from the log\nwssgate.key/1,host:1,{KEY.public}\n")
    ran = run("ledger", "verify-bundle", bundle, "--pinned", "keys")
    assert (ran.code, "which is pinned as that of host:1" in " ".join(ran.out.split())) == (0, True)
    (workplace / "keys").write_text(f"{OTHER_KEY.public}\n")
    ran = run("ledger", "verify-bundle", bundle, "--pinned", "keys")
    assert (ran.code, "NOT among those that are pinned" in " ".join(ran.out.split())) == (1, True)
    found = json.loads(run("ledger", "verify-bundle", bundle, "--json").out)
    assert (found["schema"], found["holds"], found["findings"]) == ("wssgate.bundle-report/1", True, [])
    assert [record["id"] for record in found["records"]] == [scene.ids[0], scene.ids[2]]
    assert found["records"][0]["end"]["records"] == 5


def test_a_bundle_that_was_altered_ends_with_1_and_what_is_none_with_2(run: Run, scene: Scene, workplace: Path) -> None:
    assert run("ledger", "prove", scene.ids[0], "-o", "bundle.zip").code == 0
    bundle = workplace / "bundle.zip"
    data = changed(bundle.read_bytes(), "records.jsonl", lambda lines: lines[0]["content"].update(outcome="rejected"))
    bundle.write_bytes(data)
    ran = run("ledger", "verify-bundle", bundle)
    assert (ran.code, "NOT proven: the record" in ran.out) == (1, True)
    assert json.loads(run("ledger", "verify-bundle", bundle, "--json").out)["holds"] is False
    for wrong, sentence in (("gateway.toml", "is no bundle that can be verified"), ("no-such-file", "cannot be read")):
        ran = run("ledger", "verify-bundle", wrong)
        assert (ran.code, sentence in ran.err) == (2, True)
    for wrong, sentence in (("gateway.toml", "no public key"), ("no-such-file", "cannot be read")):
        ran = run("ledger", "verify-bundle", bundle, "--pinned", wrong)
        assert (ran.code, sentence in ran.err) == (2, True)


def test_the_end_of_a_ledger_that_nobody_signs_is_told(run: Run, workplace: Path) -> None:
    engine = open_database(f"sqlite:///{workplace}/wssgate.db")
    scene = play(engine, key=None)
    engine.dispose()
    ran = run("ledger", "prove", scene.ids[0], "-o", "bundle.zip")
    assert (ran.code, "Nothing that is signed stands behind 1 record" in ran.err) == (0, True)
    assert run("ledger", "verify-bundle", "bundle.zip").code == 1


def test_exported_records_name_their_signers(run: Run, scene: Scene) -> None:
    lines = [json.loads(line) for line in run("ledger", "export").out.splitlines()]
    (both,) = [line for line in lines if line["id"] == scene.ids[2]]
    assert [(one["alias"], one["state"], one["needed"]) for one in both["signers"]] == [
        ("old", "trusted", True),
        ("new", "trusted", True),
    ]
    (stamped,) = [line for line in lines if line["id"] == scene.ids[0]]
    assert stamped["signers"][0]["signed_at"].endswith("Z")
    table = run("ledger", "export", "--format", "csv").out
    columns = table.splitlines()[0].replace('"', "")
    assert columns.endswith(",server,response_element,signer_keys,signer_thumbprints,clock_offset")
    assert "old new" in table


@pytest.mark.parametrize(("lines", "count"), [("", 1), ('receipts = "off"', 0)])
def test_what_a_real_gateway_delivered_is_proven(run: Run, tmp_path: Path, lines: str, count: int) -> None:
    found: dict[str, Any] = {}

    async def scenario() -> None:
        async with world(tmp_path, endpoint=lines) as it:
            it.receiver.reply = http(signed_with_timestamp("new"))
            assert (await it.ask()).status == 200
            it.receiver.reply = http(signed("old"))
            assert (await it.ask()).status == 200
            found["ids"] = [stored.record.id for stored in it.ledger()]

    play_scenario(scenario())
    config = tmp_path / "gateway.toml"
    for record_id, alias in zip(found["ids"], ("new", "old"), strict=True):
        ran = run("ledger", "show", record_id, "--config", config)
        assert ran.code == 0
        assert (f"checked: good under {alias}" in ran.out) == bool(count)
        assert ("no receipt was kept" in ran.out) == (not count)
        shown = json.loads(run("ledger", "show", record_id, "--config", config, "--json").out)
        assert len(shown["receipts"]) == count
        assert [signer["alias"] for signer in shown["signers"]] == [alias]
    ran = run("ledger", "prove", *found["ids"], "-o", tmp_path / "bundle.zip", "--config", config)
    assert ran.code == 0
    proven = json.loads(run("ledger", "verify-bundle", tmp_path / "bundle.zip", "--json").out)
    assert proven["holds"] == bool(count), proven["findings"]
    assert [one["proof"] for record in proven["records"] for one in record["signers"]] == (
        ["good"] * 2 if count else ["no-receipt"] * 2
    )
