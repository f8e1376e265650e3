"""What rich prints: lines in colours on a terminal, tables, and the console for progress bars."""

import os
import sys
from collections.abc import Sequence
from typing import Final, NoReturn

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from gateway.cli.command_errors import ReaderGone
from gateway.present import plain

_PLAIN_WIDTH: Final = 100
"""Columns where standard output is no terminal: what the tables are made for."""


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
    """Print a table or whatever else rich can print to standard output, wrapped to its width."""
    _console(stderr=False).print(renderable)


def clear() -> None:
    """Empty the terminal, for a screen that is shown anew."""
    _console(stderr=False).clear()


def table(*columns: str, numbers: Sequence[str] = ()) -> Table:
    """An empty table with the given headings; those named in `numbers` are set flush right."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        made.add_column(column, justify="right" if column in numbers else "left", overflow="fold")
    return made


def stderr_console() -> Console:
    """The console on standard error, for progress bars and questions."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else _PLAIN_WIDTH
    return _QuietConsole(stderr=stderr, width=width, highlight=False, markup=False, emoji=False, soft_wrap=False)
