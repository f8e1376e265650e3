"""Lines of text: coloured where they are read by people, and never with what data could smuggle in."""

import sys

import pytest

from gateway.cli.command_errors import ReaderGone
from gateway.cli.terminal import complain, say, warn
from tests.gateway.cli.running import Run

Output = pytest.CaptureFixture[str]


def test_a_pipe_gets_the_text_alone(capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    say("[bold]a line[/bold] " + "that is long " * 20, style="bold red")
    complain("It is wrong.\n   Do this.")
    warn("Careful.")
    captured = capsys.readouterr()
    assert captured.out == "[bold]a line[/bold] " + "that is long " * 20 + "\n"
    assert captured.err == "Error: It is wrong.\n  Do this.\nWarning: Careful.\n"


def test_colours_change_nothing_else(capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    say("[bold]a line[/bold] " + "that is long " * 20, style="red")
    complain("It is wrong.\n   Do this.")
    captured = capsys.readouterr()
    assert captured.out == "\x1b[31m[bold]a line[/bold] " + "that is long " * 20 + "\x1b[0m\n"
    assert captured.err == "\x1b[1;31mError: \x1b[0mIt is wrong.\n  Do this.\n"


@pytest.mark.parametrize("colour", [False, True])
def test_no_control_character_reaches_the_terminal(
    capsys: Output, monkeypatch: pytest.MonkeyPatch, colour: bool
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    if colour:
        monkeypatch.setenv("FORCE_COLOR", "1")
    say("a\x1b[31m\rb\u202e\nc")
    complain("a\x1b[31mb\u202e")
    captured = capsys.readouterr()
    assert captured.out == "a\\x1b[31m\\rb\\u202e\\nc\n"
    assert captured.err.endswith("a\\x1b[31mb\\u202e\n")


@pytest.mark.parametrize("colour", [False, True])
def test_nobody_reads_any_more(monkeypatch: pytest.MonkeyPatch, colour: bool) -> None:
    class Closed:
        encoding = "utf-8"

        def isatty(self) -> bool:
            return colour

        def write(self, _text: str) -> int:
            raise BrokenPipeError

        def flush(self) -> None:
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stdout", Closed())
    with pytest.raises(ReaderGone):
        say("a line")


def test_a_command_that_speaks_in_colours(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    assert "\x1b[1;31mError: \x1b[0mNo such command 'verfy'." in run("verfy").err
