"""The commands on a real PostgreSQL, whose password nobody gets to see."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gateway.cli.running import Ran, Run
from tests.postgresql import PASSWORD, Server


@pytest.fixture
def url(postgresql: Server) -> Iterator[str]:
    with postgresql.database() as url:
        yield url


@pytest.fixture
def secretive(run: Run) -> Run:
    """Runs a command, and finds the password in nothing that it says."""

    def run_command(*arguments: object) -> Ran:
        ran = run(*arguments)
        assert PASSWORD not in ran.out + ran.err
        return ran

    return run_command


def test_every_command_works_on_it(
    secretive: Run, url: str, signed_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    made = secretive("init", "--upstream", "http://127.0.0.1:9/orders", "--admin", "127.0.0.1:9", "--database", url)
    assert (made.code, "postgresql://gate:***@127.0.0.1" in made.out.replace("\n", "")) == (0, True)
    assert "nothing to do" in secretive("migrate").out
    assert json.loads(secretive("migrate", "--json").out)["database"].startswith("postgresql://gate:***@")
    assert secretive("keystore", "add", "acme", signed_files / "old.pem", "-e", "orders", "--reason", "test").code == 0
    assert [entry["alias"] for entry in json.loads(secretive("keystore", "list", "--json").out)["entries"]] == ["acme"]
    assert secretive("keystore", "history").code == 0
    for report in ("usage", "cutover", "rejections"):
        assert secretive("report", report, "--json").code == 0
    assert secretive("replay", "--endpoint", "orders", signed_files / "old.xml").code == 0
    assert "***" in secretive("status").out
    assert json.loads(secretive("status", "--json").out)["database"]["url"].startswith("postgresql://gate:***@")
    assert secretive("ledger", "verify").code == 0


def test_an_empty_database_is_told_what_it_lacks(secretive: Run, url: str, tmp_path: Path) -> None:
    ran = secretive("status", "--config", _configuration(tmp_path, url))
    assert (ran.code, "has no tables yet" in ran.err) == (3, True)


@pytest.mark.parametrize(
    ("instead", "sentence"),
    [
        ((PASSWORD, "another-secret"), "check user and password"),
        ((f":{PASSWORD}", ""), "put it into ~/.pgpass or PGPASSWORD"),
        (("/test_", "/none_"), "create it on the server with createuser or createdb"),
        (("127.0.0.1:", "127.0.0.2:"), "correct host and port"),
        (("127.0.0.1", "no-such-host.invalid"), "correct the host in the URL"),
    ],
)
def test_what_is_wrong_with_the_url_is_told_in_a_sentence(
    secretive: Run, url: str, tmp_path: Path, instead: tuple[str, str], sentence: str
) -> None:
    ran = secretive("status", "--config", _configuration(tmp_path, url.replace(*instead)))
    said = " ".join(ran.err.split())
    assert ran.code == 3
    assert sentence in said
    assert "another-secret" not in said


def test_a_server_that_is_not_running(secretive: Run, postgresql: Server, url: str, tmp_path: Path) -> None:
    config = _configuration(tmp_path, url)
    postgresql.stop()
    try:
        for command in ("status", "migrate", "serve"):
            ran = secretive(command, "--config", config)
            assert (ran.code, "start PostgreSQL there" in " ".join(ran.err.split())) == (3, True)
    finally:
        postgresql.start()


def _configuration(folder: Path, url: str) -> Path:
    config = folder / "gateway.toml"
    config.write_text(
        f'[gateway]\nlisten = "127.0.0.1:0"\nadmin = "127.0.0.1:0"\ndatabase = "{url}"\n'
        '[endpoint.orders]\npath = "/orders"\nupstream = "http://127.0.0.1:9/orders"\n'
    )
    return config
