"""The entry: exit codes, and no traceback whatever happens."""

import fcntl
import json
import os
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from gateway.cli import invocation, main
from tests.gateway.cli.running import Run

COMMAND = [sys.executable, "-m", "gateway.cli"]


def test_no_command_prints_the_help(run: Run) -> None:
    ran = run()
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("Usage: wssgate")


def test_the_version(run: Run) -> None:
    assert run("--version").out.startswith("wssgate 0.")


def test_a_typing_mistake_gets_a_suggestion(run: Run) -> None:
    ran = run("verfy")
    assert (ran.code, "Did you mean 'verify'" in ran.err) == (2, True)


def test_a_defect_is_one_line_and_the_trace_is_there_on_demand(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object, **_options: object) -> None:
        raise ZeroDivisionError("one\nby zero \x1b[31m")

    monkeypatch.setattr("gateway.cli.verify.trust_from_options", fail)
    assert main(["verify", "x"]) == 3
    captured = capsys.readouterr()
    assert "a defect of wssgate (ZeroDivisionError: one" in captured.err
    assert "Traceback" not in captured.err
    assert "\x1b" not in captured.err
    monkeypatch.setenv(invocation.DEBUG_VARIABLE, "1")
    assert main(["verify", "x"]) == 3
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("options", [["--json"], []])
def test_a_reader_that_goes_away_is_no_error(signed_files: Path, options: list[str]) -> None:
    command = [*COMMAND, "verify", *options, *[str(signed_files / "old.xml")] * 500]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(30) == 141


@pytest.mark.parametrize("arguments", [["--help"], ["ledger", "list", "--help"], ["--version"]], ids=" ".join)
def test_nor_is_it_one_of_who_reads_the_help(arguments: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        ran = subprocess.run([*COMMAND, *arguments], stdout=writing, stderr=subprocess.PIPE, timeout=60, check=False)
    finally:
        os.close(writing)
    assert (ran.returncode, ran.stderr) == (141, b"")


def _wait_until_it_waits(process: subprocess.Popen[bytes]) -> None:
    """A signal between two reads would only be seen after the second one: wait until it has read all, and sleeps."""
    assert process.stdin is not None
    limit, asleep = time.monotonic() + 30, 0
    while asleep < 5:
        assert time.monotonic() < limit
        left = struct.unpack("i", fcntl.ioctl(process.stdin, termios.FIONREAD, bytes(4)))[0]
        stat = Path(f"/proc/{process.pid}/stat")
        sleeps = not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "S"
        asleep = asleep + 1 if not left and sleeps else 0
        time.sleep(0.05)


def test_ctrl_c_ends_it_quietly() -> None:
    with subprocess.Popen(
        [*COMMAND, "verify", "-", "--json"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        # More than a pipe holds: once it is written, the command has started and reads.
        process.stdin.write(b"<" * 1_000_000)
        process.stdin.flush()
        _wait_until_it_waits(process)
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=30) == (b"", b"")
        assert process.returncode == 130


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("verfy", "--json"), 2, "Did you mean 'verify'"),
        (("verify", "--json", "--no-such-option"), 2, "No such option"),
        (("status", "--json", "--config", "/no/such/gateway.toml"), 2, "there is no such file"),
        (("keystore", "show", "nobody", "--json"), 2, "there is no entry"),
    ],
)
def test_errors_are_json_where_json_is_asked_for(
    run: Run, workplace: Path, arguments: tuple[str, ...], code: int, sentence: str
) -> None:
    ran = run(*arguments)
    assert ran.out == ""
    (line,) = ran.err.splitlines()
    answer = json.loads(line)
    assert (answer["schema"], answer["exit_code"], ran.code) == ("wssgate.error/1", code, code)
    assert sentence in answer["error"]
    people = run(*(argument for argument in arguments if argument != "--json"))
    assert people.err.startswith("Error: ")


def test_a_defect_is_json_as_well(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object, **_options: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("gateway.cli.verify.trust_from_options", fail)
    assert main(["verify", "x", "--json"]) == 3
    assert "a defect of wssgate" in json.loads(capsys.readouterr().err)["error"]


def test_what_only_looks_like_the_option_is_a_file(run: Run) -> None:
    assert run("verify", "--", "--json").err.startswith("Error: ")


@pytest.mark.parametrize(
    "arguments",
    [["ledger", "list", "op:\udcff"], ["report", "unknown-keys", "-e", "\udcffx"], ["tail", "key:a\udcff", "--json"]],
)
def test_octets_that_are_no_text_are_wrong_use(run: Run, workplace: Path, arguments: list[str]) -> None:
    refused = run(*arguments)
    assert refused.code == 2
    assert "octets that are not UTF-8" in refused.err
