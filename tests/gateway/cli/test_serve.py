"""`wssgate serve`: from start to stop, as a process."""

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.demo.processes import free_addresses, readiness, wait_until_ready
from tests.gateway.cli.running import Run

COMMAND = [sys.executable, "-m", "gateway.cli", "serve"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_starts_and_stops(run: Run, tmp_path: Path, number: signal.Signals) -> None:
    config = tmp_path / "gateway.toml"
    listen, admin = free_addresses(2)
    assert run("init", "--config", config, "--listen", listen, "--admin", admin).code == 0
    with subprocess.Popen([*COMMAND, "--config", config], stderr=subprocess.PIPE) as process:
        try:
            assert wait_until_ready(process, admin)
            status = json.loads(run("status", "--config", config, "--json").out)
            assert (status["gateway"]["running"], status["gateway"]["keystore_revision"]) == (True, 0)
        finally:
            process.send_signal(number)
            _, log = process.communicate(timeout=30)
    assert process.returncode == 0
    assert b"Traceback" not in log
    assert readiness(admin) is None


def test_an_address_in_use_is_one_sentence(run: Run, tmp_path: Path) -> None:
    config = tmp_path / "gateway.toml"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        assert run("init", "--config", config, "--listen", listen, "--admin", free_addresses(1)[0]).code == 0
        ran = subprocess.run([*COMMAND, "--config", config], capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 3
    assert "Traceback" not in ran.stderr
    assert listen in ran.stderr
