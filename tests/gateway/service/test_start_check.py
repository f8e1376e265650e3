"""A check finds what a start would refuse, opens everything that a start opens, and makes nothing."""

import errno
import socket
from pathlib import Path

import pytest

from gateway.config import Settings, load_settings
from gateway.cross_check import JudgeUnavailable
from gateway.ledger import migrate, open_database
from gateway.service import StartCheck, check_start

ENDPOINT = '[endpoint.orders]\npath = "/orders"\nupstream = "{scheme}://127.0.0.1:9/ws"\n'
LISTENERS = 'listen = "127.0.0.1:0"\nadmin = "127.0.0.1:0"\n'


def settings(folder: Path, gateway: str = LISTENERS, endpoint: str = "", *, scheme: str = "http") -> Settings:
    file = folder / "gateway.toml"
    file.write_text(f"[gateway]\n{gateway}\n{ENDPOINT.format(scheme=scheme)}{endpoint}")
    return load_settings(file)


def checked(configured: Settings, *, running: bool = False) -> StartCheck:
    return check_start(configured, lambda _: running)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a database."""
    engine = open_database(f"sqlite:///{tmp_path / 'wssgate.db'}")
    migrate(engine)
    engine.dispose()
    return tmp_path


def test_nothing_is_found_where_nothing_is_wrong_and_nothing_is_made(folder: Path) -> None:
    before = sorted(folder.iterdir())
    found = checked(settings(folder))
    assert (found.wrong, found.failing, found.warnings, found.notes) == ([], [], [], [])
    assert sorted({*folder.iterdir()} - {folder / "gateway.toml"}) == before


def test_each_file_that_cannot_be_used(folder: Path) -> None:
    (folder / "key.pem").write_text("rubbish")
    (folder / "wssgate-signing.key").write_text("rubbish")
    (folder / "wssgate-signing.key").chmod(0o600)
    more = (
        'anchor_to = "nowhere"\nrenewal_templates = "nowhere"\n'
        'timestamp_authority = "http://tsa.example/"\ntimestamp_authority_ca = "nowhere.pem"\n'
    )
    found = checked(settings(folder, LISTENERS + more, 'ca_file = "key.pem"\n', scheme="https"))
    (wrong,) = found.wrong
    assert "endpoint.orders.ca_file" in wrong
    assert "no certificates can be read from it" in wrong
    assert found.failing == []
    assert [warning.split(" = ")[0] for warning in found.warnings[1:]] == [
        "gateway.anchor_to",
        "gateway.timestamp_authority_ca",
        "gateway.renewal_templates",
    ]
    assert "would not be signed" in found.warnings[0]


def test_a_key_that_cannot_be_made(folder: Path) -> None:
    found = checked(settings(folder, LISTENERS + 'signing_key = "nowhere/signing.key"\n'))
    (warning,) = found.warnings
    assert "cannot be made in its folder" in warning


def test_addresses_that_are_taken_and_that_are_none_of_ours(folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        configured = settings(folder, f'listen = "127.0.0.1:{port}"\nadmin = "192.0.2.1:9"\n')
        found = checked(configured)
        assert [problem.split(": ")[0] for problem in found.failing] == [
            "gateway.admin = 192.0.2.1:9",
            f"gateway.listen = 127.0.0.1:{port}",
        ]
        beside = checked(configured, running=True)
        assert (len(beside.failing), beside.notes) == (
            1,
            ["a gateway is running already: it answers at 192.0.2.1:9, and its addresses are in use"],
        )


def test_one_address_may_not_be_taken_twice_under_two_names(folder: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    found = checked(settings(folder, f'listen = "0.0.0.0:{port}"\nadmin = "127.0.0.1:{port}"\n'))
    (problem,) = found.failing
    assert problem.startswith(f"gateway.admin = 127.0.0.1:{port}: address already in use")


def test_a_second_opinion_that_nobody_can_give(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise JudgeUnavailable("no xmlsec here")

    monkeypatch.setattr("gateway.exchange.cross_checking.require_judge", missing)
    (wrong,) = checked(settings(folder, LISTENERS, 'second_opinion = "always"\n')).wrong
    assert "endpoint.orders.second_opinion: no xmlsec here" in wrong


def test_the_database(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    missing = checked(settings(other))
    made = f"the database {other / 'wssgate.db'} is not there yet: a start makes it"
    assert (missing.failing, missing.notes) == ([], [made])
    assert not (other / "wssgate.db").exists()
    (other / "wssgate.db").touch(mode=0o600)
    empty = checked(settings(other))
    assert "is brought to schema" in empty.notes[0]
    (other / "wssgate.db").chmod(0o644)
    (loose,) = checked(settings(other)).failing
    assert "chmod 600" in loose
    nowhere = checked(settings(folder, LISTENERS + 'database = "sqlite:///no/such/wssgate.db"\n'))
    assert "cannot be made: its folder is not there" in nowhere.failing[0]
    (folder / "wssgate.db").write_bytes(b"this is no database, but text" * 99)
    assert "not an SQLite database" in checked(settings(folder)).failing[0]


def test_an_endpoint_that_does_not_rely_on_the_replay_cache(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[object] = []
    monkeypatch.setattr("gateway.service.start_check.prove_replay_cache", tried.append)
    checked(settings(folder, LISTENERS, 'replay_attacks = "ignore"\n'))
    assert tried == []
    checked(settings(folder))
    assert len(tried) == 1


def test_channels_of_alerts_that_would_tell_nobody(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tables = '[alerts.mail]\napprise = "mailto://SECRET"\n[alerts.page]\ncommand = ["/nowhere/SECRET", "SECRET"]\n'
    configured = settings(folder, endpoint=tables)
    program = "alerts.page.command: the program is not there, or this user may not run it"
    assert checked(configured).warnings == [program]
    monkeypatch.setattr("gateway.service.start_check.find_spec", lambda _: None)
    missing = "alerts.mail.apprise: apprise is not installed: pip install 'wssgate[alerts]'"
    assert checked(configured).warnings == [missing, program]


def test_an_address_that_cannot_be_had_is_said_to_be_that_and_nobody_is_to_be_stopped(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (problem,) = checked(settings(folder, 'listen = "192.0.2.1:9"\nadmin = "127.0.0.1:0"\n')).failing
    assert "no interface of this machine has that address" in problem
    assert "stop what listens" not in problem

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    found = checked(settings(folder, 'listen = "127.0.0.1:80"\nadmin = "127.0.0.1:81"\n')).failing
    assert len(found) == 2
    assert all("permission denied; ports below 1024 take rights that this user has not" in one for one in found)
