"""What rich prints: lines in colours on a terminal, tables, and the console for progress bars."""

import os
import sys
from collections.abc import Sequence
from typing import Final, Literal, NoReturn

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from gateway.cli.command_errors import ReaderGone
from gateway.present import bare_table, no_escapes, plain

_UNBOUNDED: Final = 1_000_000
"""Columns where standard output is no terminal: programs read whole lines."""


class _QuietConsole(Console):
    def on_broken_pipe(self) -> NoReturn:
        self.quiet = True
        raise ReaderGone


def print_line(styled: tuple[str, str], then: str, *, stderr: bool) -> None:
    """Print one line: a text in its style, and `then`."""
    _console(stderr=stderr).print(Text.assemble(styled, then), soft_wrap=True)


def cell(text: object, style: str = "") -> Text:
    """`text` from anywhere as a table cell or a line: no markup, no control characters."""
    return Text(plain(str(text)), style=style)


def show(renderable: RenderableType) -> None:
    """Print a table or whatever else rich can print to standard output: on a terminal between words, else not wrapped.

    No name is broken: what is longer than a line goes beyond its end.
    """
    console = _console(stderr=False)
    if console.is_terminal:
        console.print(renderable, crop=False)
        return
    with console.capture() as captured:
        console.print(renderable, crop=False)
    try:
        sys.stdout.write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))
        sys.stdout.flush()
    except BrokenPipeError:
        raise ReaderGone from None


def clear() -> None:
    """Empty the terminal, for a screen that is shown anew; with NO_COLOR the screens follow each other."""
    if not no_escapes():
        _console(stderr=False).clear()


def table(*columns: str, numbers: Sequence[str] = ()) -> Table:
    """An empty table with the given headings; those named in `numbers` are set flush right."""
    return bare_table(columns, numbers, style="bold")


def stderr_console() -> Console:
    """The console on standard error, for progress bars and questions."""
    return _console(stderr=True)


def may_redraw(console: Console) -> bool:
    """Whether a progress bar may be drawn there again and again, which takes escapes, whatever its colours."""
    return console.is_terminal and not no_escapes()


def _console(*, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else _UNBOUNDED
    # Without a colour system rich writes no style at all, bold included.
    colours: Literal["auto"] | None = None if no_escapes() else "auto"
    return _QuietConsole(
        stderr=stderr, width=width, color_system=colours, highlight=False, markup=False, emoji=False, soft_wrap=False
    )
