"""Standard output and standard error: text for people, JSON for programs, and nothing that data could smuggle in.

Names of operations, subjects of certificates and file names come from elsewhere: none of them reaches the terminal with
a control character, and none is ever read as rich's markup.
"""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from gateway.present import plain as plain_text

_PLAIN_WIDTH = 100
"""Columns where standard output is no terminal: what the tables are made for."""


class ReaderGone(Exception):  # noqa: N818 - no error: `wssgate ... | head` is normal use
    """Whoever read standard output has closed it."""


class _QuietConsole(Console):
    def on_broken_pipe(self) -> NoReturn:
        self.quiet = True
        raise ReaderGone


def _console(*, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else _PLAIN_WIDTH
    return _QuietConsole(stderr=stderr, width=width, highlight=False, markup=False, emoji=False, soft_wrap=False)


def plain(text: object) -> str:
    """`text` on one line, with every control, format and unassigned character made visible as its escape."""
    return plain_text(str(text))


def cell(text: object, style: str = "") -> Text:
    """`text` from anywhere as a table cell or a line: no markup, no control characters."""
    return Text(plain(text), style=style)


def say(*parts: str | Text, style: str = "") -> None:
    """Print one line to standard output. Strings are printed as they are given, without markup."""
    line = Text.assemble(*(part if isinstance(part, Text) else Text(part, style=style) for part in parts))
    _console(stderr=False).print(line, soft_wrap=True)


def show(renderable: RenderableType) -> None:
    """Print a table or whatever else rich can print to standard output, wrapped to its width."""
    _console(stderr=False).print(renderable)


def complain(message: str, *, label: str = "Error") -> None:
    """Print `message` to standard error, control characters made visible."""
    style = "bold red" if label == "Error" else "bold yellow"
    lines = message.splitlines() or [""]
    console = _console(stderr=True)
    console.print(Text.assemble((f"{label}: ", style), plain(lines[0])), soft_wrap=True)
    for line in lines[1:]:
        console.print(Text(f"  {plain(line.strip())}"), soft_wrap=True)


def warn(message: str) -> None:
    """Print a warning to standard error."""
    complain(message, label="Warning")


def print_json(value: Mapping[str, object] | Sequence[object]) -> None:
    """Print `value` as one line of JSON in ASCII, whatever the locale is."""
    write(json.dumps(value, ensure_ascii=True, separators=(",", ":")) + "\n")


def write(text: str) -> None:
    """Write `text`, which is meant for a program or a file, to standard output as it is."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise ReaderGone from None


def table(*columns: str, numbers: Sequence[str] = ()) -> Table:
    """An empty table with the given headings; those named in `numbers` are set flush right."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        made.add_column(column, justify="right" if column in numbers else "left", overflow="fold")
    return made


def stderr_console() -> Console:
    """The console on standard error, for progress bars and questions."""
    return _console(stderr=True)
