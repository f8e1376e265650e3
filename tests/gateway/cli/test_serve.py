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

RECEIVER = ("--upstream", "http://127.0.0.1:9/orders")
COMMAND = [sys.executable, "-m", "gateway.cli", "serve"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_starts_and_stops(run: Run, tmp_path: Path, number: signal.Signals) -> None:
    config = tmp_path / "gateway.toml"
    listen, admin = free_addresses(2)
    assert run("init", *RECEIVER, "--config", config, "--listen", listen, "--admin", admin).code == 0
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
        assert (
            run(
                "init",
                *RECEIVER,
                "--config",
                config,
                "--listen",
                listen,
                "--admin",
                free_addresses(1)[0],
            ).code
            == 0
        )
        ran = subprocess.run([*COMMAND, "--config", config], capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 3
    assert "Traceback" not in ran.stderr
    assert listen in ran.stderr


def test_a_check_finds_what_a_start_would(run: Run, tmp_path: Path) -> None:
    config = tmp_path / "gateway.toml"
    listen, admin = free_addresses(2)
    assert run("init", *RECEIVER, "--config", config, "--listen", listen, "--admin", admin).code == 0
    good = run("serve", "--check", "--config", config)
    assert (good.code, good.err, f"{config}: good, 1 endpoint." in good.out) == (0, "", True)
    host, _, port = listen.rpartition(":")
    with socket.socket() as taken:
        taken.bind((host, int(port)))
        taken.listen()
        refused = run("serve", "--check", "--config", config)
        assert (refused.code, "good" in refused.out) == (3, False)
        assert f"gateway.listen = {listen}: address already in use; stop what listens there" in refused.err
        answer = run("serve", "--check", "--config", config, "--json")
        assert (answer.code, len(json.loads(answer.out)["problems"])) == (3, 1)
    config.write_text(config.read_text().replace('"http://127', '"https://127').replace("# ca_file", "ca_file"))
    wrong = run("serve", "--check", "--config", config)
    assert (wrong.code, "endpoint.orders.ca_file" in wrong.err) == (2, True)
    assert not (tmp_path / "wssgate-signing.key").exists(), "a check makes nothing"


def test_a_check_beside_the_running_gateway_does_not_mind_its_addresses(run: Run, tmp_path: Path) -> None:
    config = tmp_path / "gateway.toml"
    listen, admin = free_addresses(2)
    assert run("init", *RECEIVER, "--config", config, "--listen", listen, "--admin", admin).code == 0
    with subprocess.Popen([*COMMAND, "--config", config], stderr=subprocess.DEVNULL) as process:
        try:
            assert wait_until_ready(process, admin)
            checked = run("serve", "--check", "--config", config)
            assert (checked.code, checked.err) == (0, "")
            assert f"a gateway is running already: it answers at {admin}" in checked.out
        finally:
            process.terminate()
            process.wait(timeout=30)
