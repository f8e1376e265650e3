"""Why libxmlsec cannot be loaded is said in words. Modules of that name that fail stand for broken installations."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.cli import main
from gateway.cross_check import require_judge

MISMATCH = """
class InternalError(Exception): ...
raise InternalError(-1, 'lxml & xmlsec libxml2 library version mismatch')
"""
ROOT = Path(__file__).parents[3]


def test_here_it_can_be_loaded() -> None:
    require_judge()


@pytest.mark.parametrize(
    ("module", "sentences"),
    [
        (MISMATCH, ("to share one libxml2: lxml ", "brings libxml2 2.", "requirements.lock pairs")),
        ("import no_such_module_anywhere", ("needs the package xmlsec", "No module named", "requirements.lock")),
    ],
    ids=["mismatch", "missing"],
)
@pytest.mark.parametrize("command", ["verify", "serve", "check"])
def test_a_judge_that_cannot_be_loaded_stops_what_needs_it(
    tmp_path: Path, module: str, sentences: tuple[str, ...], command: str
) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "xmlsec.py").write_text(module)
    config = tmp_path / "gateway.toml"
    made = ["init", "--upstream", "http://127.0.0.1:9/orders", "--config", str(config), "--listen", "127.0.0.1:0"]
    assert main([*made, "--admin", "127.0.0.1:0"]) == 0
    config.write_text(config.read_text().replace('mode = "enforce"', 'mode = "enforce"\nsecond_opinion = "sample"'))
    arguments = {
        "verify": ["verify", "--second-opinion", "x.xml"],
        "serve": ["serve", "--config", str(config)],
        "check": ["serve", "--check", "--config", str(config)],
    }[command]

    ran = subprocess.run(
        [sys.executable, "-m", "gateway.cli", *arguments],
        env={**os.environ, "PYTHONPATH": f"{tmp_path / 'broken'}:{ROOT}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ran.returncode == (3 if command == "verify" else 2), ran.stderr
    assert "Traceback" not in ran.stderr
    for sentence in sentences:
        assert sentence in " ".join(ran.stderr.split())
    assert ("endpoint.orders.second_opinion" in ran.stderr) is (command != "verify")
