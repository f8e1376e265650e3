"""`wssgate init`, `migrate` and `serve --check`."""

import json
import tomllib
from pathlib import Path

import pytest

from tests.gateway.cli.running import Run

EXAMPLE = Path(__file__).parents[3] / "gateway.example.toml"
RECEIVER = ("--upstream", "https://receiver.example/ws/orders")


def test_a_commented_configuration_and_its_database(run: Run, workplace: Path) -> None:
    text = (workplace / "gateway.toml").read_text()
    assert tomllib.loads(text)["endpoint"]["orders"]["policy"] == {"required_parts": ["Body", "Timestamp"]}
    assert text.count("#") > 10
    assert (workplace / "gateway.toml").stat().st_mode & 0o777 == 0o600
    assert (workplace / "wssgate.db").stat().st_mode & 0o777 == 0o600
    assert run("serve", "--check").code == 0
    assert json.loads(run("serve", "--check", "--json").out)["endpoints"] == ["orders"]
    assert "nothing to do" in run("migrate").out


def test_where_the_receiver_is_has_to_be_said(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ran = run("init")
    assert (ran.code, "wssgate init --upstream https://HOST/PATH" in ran.err) == (2, True)
    assert list(tmp_path.iterdir()) == []


def test_what_init_writes_is_what_the_example_shows(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("init", *RECEIVER).code == 0
    written = tomllib.loads((tmp_path / "gateway.toml").read_text())
    example = tomllib.loads(EXAMPLE.read_text())
    assert written["gateway"].items() <= example["gateway"].items()
    orders, shown = written["endpoint"]["orders"], example["endpoint"]["orders"]
    assert orders.pop("policy").items() <= shown["policy"].items()
    assert orders.items() <= shown.items()


@pytest.mark.parametrize(("mode", "refused"), [(0o644, True), (0o660, True), (0o602, True), (0o640, False)])
def test_a_database_that_strangers_may_read_is_refused(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int, refused: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    database = tmp_path / "wssgate.db"
    database.touch()
    database.chmod(mode)
    ran = run("init", *RECEIVER)
    if refused:
        assert ran.code == 3
        assert f"has the mode {mode:04o}" in ran.err
        assert f"chmod 600 {database}" in ran.err
        assert not (tmp_path / "gateway.toml").exists()
        database.chmod(0o600)
        assert run("init", *RECEIVER).code == 0
    else:
        assert ran.code == 0


def test_nothing_that_exists_is_overwritten(run: Run, workplace: Path) -> None:
    (workplace / "gateway.toml").write_text("mine")
    ran = run("init", *RECEIVER)
    assert (ran.code, "was left alone" in ran.err) == (1, True)
    assert (workplace / "gateway.toml").read_text() == "mine"


@pytest.mark.parametrize(
    "arguments",
    [
        ("--endpoint", "a b"),
        ("--endpoint", 'x"]\n[evil'),
        ("--upstream", "ftp://x"),
        ("--path", "orders"),
        ("--mode", "maybe"),
        ("--listen", "8080"),
        ("--upstream", 'https://x/"\n\n[evil]\n'),
    ],
)
def test_a_mistake_leaves_nothing_behind(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, str]
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = run("init", *RECEIVER, *arguments)
    assert ran.code == 2
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there(run: Run, tmp_path: Path) -> None:
    assert run("init", *RECEIVER, "--config", tmp_path / "no" / "gateway.toml").code == 3
    config = tmp_path / "gateway.toml"
    assert run("init", *RECEIVER, "--config", config, "--database", "sqlite:///no/such/folder.db").code == 3
    assert not config.exists()


def test_an_endpoint_name_with_a_dot(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("init", *RECEIVER, "--endpoint", "orders.v2").code == 0
    assert list(tomllib.loads((tmp_path / "gateway.toml").read_text())["endpoint"]) == ["orders.v2"]


@pytest.mark.parametrize("command", [("status",), ("keystore", "list"), ("report", "usage"), ("keystore", "history")])
def test_a_database_that_is_missing_or_none_is_named(run: Run, workplace: Path, command: tuple[str, ...]) -> None:
    database = workplace / "wssgate.db"
    database.unlink()
    assert run(*command).code == 3
    assert not database.exists()
    database.write_bytes(b"this is not a database, but text" * 100)
    ran = run(*command)
    assert (ran.code, "not an SQLite database" in ran.err) == (3, True)


def test_an_empty_database_is_migrated_on_demand_only(run: Run, workplace: Path) -> None:
    (workplace / "wssgate.db").unlink()
    (workplace / "wssgate.db").touch(mode=0o600)
    ran = run("status")
    assert (ran.code, "wssgate migrate --config gateway.toml" in ran.err) == (3, True)
    assert run("migrate", "--json").code == 0
    assert run("status").code == 0
