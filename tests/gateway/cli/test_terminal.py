"""Lines of text: coloured where they are read by people, and never with what data could smuggle in."""

import io
import sys
from pathlib import Path

import pytest

from gateway.cli.command_errors import ReaderGone
from gateway.cli.rich_output import cell, clear, show, table
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


class Screen(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("forced", [False, True])
def test_no_color_means_no_escape_at_all(monkeypatch: pytest.MonkeyPatch, forced: bool) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("FORCE_COLOR", "1") if forced else monkeypatch.delenv("FORCE_COLOR", raising=False)
    screen = Screen()
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setattr(sys, "stderr", screen)
    say("a line", style="bold red")
    complain("It is wrong.")
    shown = table("alias", "state")
    shown.add_row(cell("acme", "bold green"), cell("trusted", "red"))
    show(shown)
    clear()
    assert "acme" in screen.getvalue()
    assert "\x1b" not in screen.getvalue()


def test_a_screen_is_emptied_where_that_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    screen = Screen()
    monkeypatch.setattr(sys, "stdout", screen)
    clear()
    assert "\x1b[2J" in screen.getvalue()


SENTENCE = "next: ask the receiver administrator which server signs with acme-production-signing-2026-06 still, and why"


@pytest.mark.parametrize("columns", [50, 80])
def test_a_sentence_is_broken_between_words_on_a_terminal(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("NO_COLOR", "1")
    screen = Screen()
    monkeypatch.setattr(sys, "stdout", screen)
    say(f"  {SENTENCE}", hang=8)
    lines = screen.getvalue().splitlines()
    assert len(lines) > 1
    assert max(map(len, lines)) <= columns
    assert lines[0].startswith("  next: ask")
    assert all(line.startswith(" " * 8) for line in lines[1:])
    assert " ".join(screen.getvalue().split()) == SENTENCE, "no name is broken, and nothing is lost"


def test_a_pipe_gets_sentences_and_tables_as_they_are(capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    say(SENTENCE * 5, hang=8)
    shown = table("alias", "why", "state")
    shown.add_row(cell("acme"), cell(SENTENCE * 5), cell("trusted"))
    shown.add_row(cell("b"), cell("x"), cell("t"))
    show(shown)
    sentence, *rows = capsys.readouterr().out.splitlines()
    assert sentence == SENTENCE * 5
    assert [row.split()[0] for row in rows] == ["alias", "acme", "b"]
    assert SENTENCE * 5 in rows[1]
    assert all(row == row.rstrip() for row in rows)


HASH = "5ebc6ed06b68bf5be3ca04d9e72f382b40d14367a150e92c06b10a6787aa47ba"


def test_what_a_terminal_would_break_is_broken_between_words_whoever_says_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    screen, errors = Screen(), Screen()
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setattr(sys, "stderr", errors)
    say(f"  last message: 2026-11-29 14:47:03Z, {{urn:orders}}getOrder: accepted, record {HASH}")
    say("  wssgate keystore add ALIAS --from-record 01a227c6-12a0-724b-801e-c4a43194c6a8 --config gateway.toml")
    say(f"{HASH}{HASH}")
    complain(f"the record {HASH} has a certificate of which nobody knows whose it is\nand a second line {HASH} {HASH}")
    first, second, command, whole = screen.getvalue().splitlines()
    assert (first, second) == (
        "  last message: 2026-11-29 14:47:03Z, {urn:orders}getOrder: accepted, record",
        f"    {HASH}",
    )
    assert command.endswith("--config gateway.toml"), "it is to be copied"
    assert whole == HASH * 2
    assert max(map(len, errors.getvalue().splitlines())) <= 80
    assert errors.getvalue().count(HASH) == 3


@pytest.mark.parametrize("command", [("ledger", "verify"), ("ledger", "prune")])
def test_no_color_draws_no_progress_either(
    run: Run, workplace: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    for value, drawn in (("1", False), ("", True)):
        monkeypatch.setenv("NO_COLOR", value)
        monkeypatch.setattr(sys, "stderr", errors := Screen())
        assert run(*command, "--config", workplace / "gateway.toml").code == 0
        assert ("\x1b" in errors.getvalue()) is drawn
