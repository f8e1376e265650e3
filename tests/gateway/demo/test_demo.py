"""The demo, run as its users run it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-m", "gateway.cli"]


def environment(folder: Path) -> dict[str, str]:
    return os.environ | {"TMPDIR": str(folder), "COLUMNS": "100"}


def processes_in(folder: Path) -> list[str]:
    """Processes whose current directory is `folder` or below."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            directory = (process / "cwd").readlink()
        except OSError:
            continue
        if directory.is_relative_to(folder):
            found.append((process / "cmdline").read_text().replace("\0", " "))
    return found


def test_the_whole_cutover(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    ran = subprocess.run(
        [*COMMAND, "demo", "--json", "--keep", kept],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (ran.returncode, ran.stderr.count("Traceback")) == (0, 0), ran.stderr
    outcome = json.loads(ran.stdout)
    assert (outcome["schema"], outcome["rejected"]) == ("wssgate.demo/1", 4)
    for chapter in range(9):
        assert f" {chapter}  " in ran.stderr
    for sentence in (
        "would be accepted, verified by acme-2026",
        "to sign with the new key: Cancel",
        "switched everywhere to acme-2026",
        "The renewal acme-2026 is finished.",
        "retired-key",
        "wrapping",
    ):
        assert sentence in ran.stderr
    commands = ("$ wssgate init", "--fingerprint")
    assert max(len(line.rstrip()) for line in ran.stderr.splitlines() if not any(c in line for c in commands)) <= 100
    assert all(line == line.rstrip() for line in ran.stderr.splitlines()), "no blanks at the ends of lines in a pipe"
    assert "<svg" in (kept / "signoff.html").read_text()
    assert processes_in(tmp_path) == []

    again = subprocess.run([*COMMAND, "demo", "--keep", kept], capture_output=True, text=True, timeout=120, check=False)
    assert (again.returncode, "is not empty" in again.stderr) == (2, True)
    checked = subprocess.run(
        [*COMMAND, "status", "--json", "--config", kept / "gateway.toml"], capture_output=True, timeout=120, check=True
    )
    (endpoint,) = json.loads(checked.stdout)["endpoints"]
    # The WSDL that the client fetched is on record too, as passed.
    assert endpoint["messages"] == {"accepted": outcome["accepted"], "rejected": 4, "passed": 1}
    # The relapse at its end has opened again what was switched everywhere.
    assert endpoint["cutover"].startswith("2 of 3 operations switched to acme-2026; laggard: Quote")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_leaves_nothing_behind(tmp_path: Path, number: signal.Signals) -> None:
    with subprocess.Popen(
        [*COMMAND, "demo"], env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "fetched the WSDL" in line:
                break
        assert len(processes_in(tmp_path)) == 2
        process.send_signal(number)
        _, error = process.communicate(timeout=60)
    assert (process.returncode, error) == (130, "")
    assert processes_in(tmp_path) == []
    assert list(tmp_path.iterdir()) == []
