"""What the README tells people to type works, in the order in which it tells them."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

from tests.gateway.cli.running import Run

README = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^ *```console\n(.*?)^ *```", README, re.DOTALL | re.MULTILINE)
COMMANDS = [shlex.split(line)[1:] for block in BLOCKS for line in block.splitlines() if line.split()[0] == "wssgate"]


def test_the_first_deployment(run: Run, signed_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for source, name in (
        ("old.pem", "acme-2024.pem"),
        ("new.pem", "acme-2026.pem"),
        ("old.pem", "old.pem"),
        ("new.pem", "new.pem"),
        ("new.xml", "response.xml"),
    ):
        shutil.copy(signed_files / source, name)
    ran = [command[0] for command in COMMANDS]
    first = ["init", "keystore", "serve", "status", "report"]
    assert ran == [*first, "keystore", "keystore", "report", "keystore", "keystore", "verify"]
    for command in COMMANDS:
        if command[:2] in (["keystore", "retire"], ["keystore", "purge"]):
            # No message has come, and silence is no evidence; what the README says of force holds.
            assert run(*command).code == 1, command
            assert run(*command, "--force").code == 0, command
        elif command != ["serve"]:
            assert run(*command).code == 0, command
