"""A folder with key pairs, messages signed by zeep and xmlsec, and a way to run the command in this process."""

from pathlib import Path

import pytest
from lxml import etree

from gateway.cli import main
from gateway.demo.keys import make_key_pair
from gateway.demo.receiver_settings import Attack
from gateway.demo.service import answer
from gateway.demo.signing import sign, spoil
from tests.gateway.cli.running import Ran, Run


@pytest.fixture(scope="session")
def key_pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the key pairs `old` and `new`."""
    folder = tmp_path_factory.mktemp("signed")
    for name in ("old", "new"):
        make_key_pair(folder, name, "ACME")
    return folder


@pytest.fixture
def signed_files(key_pairs: Path) -> Path:
    """Key pairs `old` and `new`, and responses: old.xml, new.xml, altered.xml, wrapped.xml.

    Signed for each test: their Timestamps expire, and the tests of a session take longer.
    """
    folder = key_pairs
    for name, key, attack in (
        ("old", "old", Attack.NONE),
        ("new", "new", Attack.NONE),
        ("altered", "old", Attack.ALTERED),
        ("wrapped", "old", Attack.WRAPPED),
    ):
        envelope = etree.fromstring(answer("Order", "4711", "129.00"))
        sign(envelope, folder / f"{key}.key", folder / f"{key}.pem")
        spoil(envelope, attack)
        (folder / f"{name}.xml").write_bytes(etree.tostring(envelope))
    return folder


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `wssgate` with the given arguments, as on a terminal of 100 columns."""
    monkeypatch.setenv("COLUMNS", "100")

    def run_command(*arguments: object) -> Ran:
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err + captured.out
        return Ran(code, captured.out, captured.err)

    return run_command


@pytest.fixture
def workplace(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An initialised folder, which is also the current one."""
    monkeypatch.chdir(tmp_path)
    assert run("init", "--upstream", "http://127.0.0.1:9/orders", "--admin", "127.0.0.1:9").code == 0
    return tmp_path
