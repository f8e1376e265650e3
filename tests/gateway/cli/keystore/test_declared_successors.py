"""`--replaces`: whose successor a certificate is."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.cli.keystore.test_keystore_commands import issue, pem
from tests.gateway.cli.running import Run


@pytest.fixture
def filled(run: Run, workplace: Path) -> Path:
    for name in ("old", "new", "other"):
        (workplace / f"{name}.pem").write_bytes(pem(issue(name)[0]))
    assert run("keystore", "add", "old", "old.pem").code == 0
    return workplace


def entries(run: Run) -> dict[str, Any]:
    return {entry["alias"]: entry for entry in json.loads(run("keystore", "list", "--json").out)["entries"]}


def test_declared_when_it_is_added_and_shown_everywhere(run: Run, filled: Path) -> None:
    added = run("keystore", "add", "new", "new.pem", "--replaces", "OLD", "--stage")
    assert added.code == 0
    assert "replaces" in added.out
    old, new = entries(run)["old"], entries(run)["new"]
    assert (new["replaces"], old["replaces"]) == ([old["thumbprint"]], [])
    assert run("keystore", "set", "old", "--alias", "acme-2024").code == 0
    lines = run("keystore", "show", "new").out.splitlines()
    assert ["replaces", "acme-2024"] in [line.split() for line in lines]
    assert json.loads(run("keystore", "show", "new", "--json").out)["replaces"] == [old["thumbprint"]]
    header, *rows = run("keystore", "list").out.splitlines()
    assert "replaces" in header
    assert [row.split()[-1] for row in rows[:2]] == ["-", "acme-2024"]
    assert "replaces  acme-2024" in " ".join(run("keystore", "history", "new").out.split("\n"))
    (line,) = map(json.loads, run("keystore", "history", "new", "--json").out.splitlines())
    assert line["replaces"] == [old["thumbprint"]]
    assert f"# replaces: sha256:{old['thumbprint']}\n" in run("keystore", "export", "new").out
    past = json.loads(run("keystore", "at", "2", "--json").out)["entries"]
    assert [entry["replaces"] for entry in past] == [[], [old["thumbprint"]]]


def test_declared_later_and_taken_back(run: Run, filled: Path) -> None:
    for name in ("new", "other"):
        assert run("keystore", "add", name, f"{name}.pem").code == 0
    assert "replaces" not in run("keystore", "list").out
    assert run("keystore", "set", "new", "--replaces", "old", "--replaces", "other").code == 0
    assert len(entries(run)["new"]["replaces"]) == 2
    assert run("keystore", "set", "new", "--replaces", "old").code == 0
    assert entries(run)["new"]["replaces"] == [entries(run)["old"]["thumbprint"]]
    assert run("keystore", "set", "new", "-e", "orders").code == 0
    assert len(entries(run)["new"]["replaces"]) == 1, "other terms leave it"
    circle = run("keystore", "set", "old", "--replaces", "new")
    assert (circle.code, "old cannot replace new, which replaces old itself" in circle.err) == (1, True)
    assert run("keystore", "set", "new", "--no-replaces").code == 0
    assert entries(run)["new"]["replaces"] == []
    assert "nobody any more" in run("keystore", "history", "new").out


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("add", "new", "new.pem", "--replaces", "nobody"), 2, "there is no entry 'nobody'"),
        (("import", "new.pem", "--replaces", "nobody"), 2, "there is no entry 'nobody'"),
        (("set", "old", "--replaces", "nobody"), 2, "there is no entry 'nobody'"),
        (("set", "old", "--replaces", "old"), 1, "old cannot replace itself"),
        (("set", "old", "--replaces", "old", "--no-replaces"), 2, "contradict"),
    ],
)
def test_what_makes_no_sense(run: Run, filled: Path, arguments: tuple[str, ...], code: int, sentence: str) -> None:
    ran = run("keystore", *arguments)
    assert (ran.code, ran.out) == (code, "")
    assert sentence in ran.err
    assert list(entries(run)) == ["old"]


def test_declared_with_a_whole_key_file_and_from_a_message(run: Run, filled: Path, signed_files: Path) -> None:
    imported = run("keystore", "import", "new.pem", "--replaces", "old", "--json")
    assert [item["entry"]["replaces"] for item in json.loads(imported.out)["items"]] == [
        [entries(run)["old"]["thumbprint"]]
    ]
    message = ("keystore", "add", "--from-message", signed_files / "old.xml", "--alias", "carried", "--yes")
    staged = run(*message, "--replaces", "new")
    assert (staged.code, staged.err) == (0, "")
    assert entries(run)["carried"]["replaces"] == [entries(run)["new"]["thumbprint"]]


def test_a_folder_declares_it(run: Run, filled: Path) -> None:
    assert run("keystore", "export", "--all", "--to", "trust").code == 0
    (filled / "trust/trusted/new.pem").write_bytes(
        b"# endpoints: all\n# replaces: old\n" + (filled / "new.pem").read_bytes()
    )
    assert run("keystore", "sync", "trust", "--apply").code == 0
    assert entries(run)["new"]["replaces"] == [entries(run)["old"]["thumbprint"]]
    assert "Nothing to do" in run("keystore", "sync", "trust").out


def test_of_a_certificate_that_is_gone_its_sha_256_is_shown(run: Run, filled: Path) -> None:
    assert run("keystore", "add", "new", "new.pem", "--replaces", "old").code == 0
    assert run("keystore", "retire", "old", "--reason", "x", "--force").code == 0
    thumbprint = entries(run)["old"]["thumbprint"]
    assert run("keystore", "purge", "old", "--reason", "x", "--force").code == 0
    assert f"SHA-256 {thumbprint[:16]}… (purged)" in run("keystore", "show", "new").out
