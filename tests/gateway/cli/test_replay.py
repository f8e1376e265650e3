"""`wssgate replay`: captured responses, verified again."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.verify import ADVICE, Reason
from tests.gateway.cli.running import Run

HEAD = "HTTP/1.1 200 OK\r\nContent-Type: text/xml; charset=utf-8\r\n"


def make_config(run: Run, folder: Path) -> Path:
    config = folder / "gateway.toml"
    assert run("init", "--upstream", "http://127.0.0.1:9/orders", "--config", config).code == 0
    return config


@pytest.fixture
def captures(signed_files: Path, tmp_path: Path) -> Path:
    """A folder with a bare body, a complete HTTP response, and forgeries."""
    folder = tmp_path / "captures"
    (folder / "deep").mkdir(parents=True)
    for name in ("old", "altered"):
        (folder / f"{name}.xml").write_bytes((signed_files / f"{name}.xml").read_bytes())
    body = (signed_files / "new.xml").read_bytes()
    date = datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
    (folder / "deep" / "new.http").write_bytes(
        f"{HEAD}Date: {date}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    )
    return folder


def test_verdicts_then_totals(run: Run, captures: Path, signed_files: Path) -> None:
    trust = ("-t", f"old={signed_files}/old.pem", "-t", f"new={signed_files}/new.pem")
    ran = run("replay", captures, *trust, "--json")
    *verdicts, totals = (json.loads(line) for line in ran.out.splitlines())
    assert ran.code == 1
    assert [(Path(v["file"]).name, v["outcome"], v["at_source"]) for v in verdicts] == [
        ("altered.xml", "rejected", verdicts[0]["at_source"]),
        ("old.xml", "accepted", "timestamp"),
        ("new.http", "accepted", "date-header"),
    ]
    assert totals == {
        "schema": "wssgate.replay-totals/1",
        "files": 3,
        "accepted": 2,
        "rejected": 1,
        "unreadable": 0,
        "by_key": {"old": 1, "new": 1},
        "by_reason": {"digest-mismatch": 1},
    }


def test_a_table_for_people(run: Run, captures: Path, signed_files: Path) -> None:
    ran = run("replay", captures, "-t", f"old={signed_files}/old.pem")
    assert ran.code == 1
    assert "3 files: 1 accepted, 2 rejected" in ran.out
    assert "verified by old: 1" in ran.out
    assert "unknown-key: 1" in ran.out
    totals = run("replay", captures, "-t", f"old={signed_files}/old.pem", "--totals")
    assert "old.xml" not in totals.out
    assert f"    next: {ADVICE[Reason.DIGEST_MISMATCH]}" in totals.out


def test_everything_accepted(run: Run, captures: Path, signed_files: Path) -> None:
    ran = run("replay", captures / "old.xml", "-t", f"old={signed_files}/old.pem")
    assert ran.code == 0


def test_the_given_instant_is_above_all_others(run: Run, captures: Path, signed_files: Path) -> None:
    arguments = ("-t", f"old={signed_files}/old.pem", "--at", "2020-01-01T00:00:00Z", "--json")
    verdict, _ = run("replay", captures / "old.xml", *arguments).out.splitlines()
    found = json.loads(verdict)
    assert (found["at"], found["at_source"]) == ("2020-01-01T00:00:00Z", "given")
    assert found["outcome"] == "rejected"


def test_a_message_without_a_timestamp_is_as_old_as_its_file(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "x.xml"
    file.write_bytes(b"<a/>")
    os.utime(file, (0, 1_780_315_200))
    config = make_config(run, tmp_path)
    verdict = json.loads(run("replay", file, "-e", "orders", "-c", config, "--json").out.splitlines()[0])
    assert (verdict["at"], verdict["at_source"]) == ("2026-06-01T12:00:00Z", "file-time")


def test_what_is_unreadable_is_named_and_the_others_go_on(run: Run, captures: Path, signed_files: Path) -> None:
    (captures / "cut.http").write_bytes(f"{HEAD}Content-Length: 900\r\n\r\n<a/>".encode())
    trust = ("-t", f"old={signed_files}/old.pem")
    ran = run("replay", captures / "cut.http", captures / "missing", captures / "old.xml", *trust, "--json")
    *lines, totals = (json.loads(line) for line in ran.out.splitlines())
    assert ran.code == 3
    assert [line["schema"] for line in lines] == ["wssgate.unreadable/1", "wssgate.unreadable/1", "wssgate.verdict/1"]
    assert (totals["unreadable"], totals["accepted"]) == (2, 1)
    assert "cut short" in run("replay", captures / "cut.http", *trust).err


def test_trust_and_policy_of_a_configured_endpoint(
    run: Run, captures: Path, signed_files: Path, tmp_path: Path
) -> None:
    config = make_config(run, tmp_path)
    assert run("keystore", "add", "acme", signed_files / "old.pem", "-e", "orders", "-c", config).code == 0
    assert run("keystore", "add", "other", signed_files / "new.pem", "--stage", "-c", config).code == 0
    ran = run("replay", captures, "-e", "orders", "-c", config, "--json")
    totals = json.loads(ran.out.splitlines()[-1])
    assert totals["by_key"] == {"acme": 1}
    assert totals["by_reason"] == {"digest-mismatch": 1, "staged-key": 1}
    strict = tmp_path / "policy.toml"
    strict.write_text('required_parts = ["Body", "{urn:x}H"]')
    what_if = run("replay", captures / "old.xml", "-e", "orders", "-c", config, "--policy", strict, "--json")
    assert json.loads(what_if.out.splitlines()[0])["reason"] == "part-not-signed"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("{}",), "Say whom to trust"),
        (("{}/empty", "-t", "a={}/old.pem"), "There is no file"),
        (("{}", "-e", "orders", "-c", "{}/missing.toml"), "there is no such file"),
    ],
)
def test_wrong_use(run: Run, signed_files: Path, arguments: tuple[str, ...], sentence: str) -> None:
    (signed_files / "empty").mkdir(exist_ok=True)
    ran = run("replay", *(argument.format(signed_files) for argument in arguments))
    assert (ran.code, sentence in ran.err) == (2, True)


def test_a_second_opinion_on_what_is_accepted(run: Run, captures: Path, signed_files: Path) -> None:
    arguments = ("replay", captures, "-t", f"old={signed_files}/old.pem", "-t", f"new={signed_files}/new.pem", "--json")
    for options, expected in (((), {None}), (("--second-opinion",), {None, "agrees"})):
        *verdicts, _ = (json.loads(line) for line in run(*arguments, *options).out.splitlines())
        opinions = {(verdict["second_opinion"] or {}).get("opinion") for verdict in verdicts}
        assert opinions == expected
        if options:
            assert all((v["second_opinion"] is not None) is (v["outcome"] == "accepted") for v in verdicts)
