"""Standard output and standard error: text for people, JSON for programs, and nothing that data could smuggle in.

Names of operations, subjects of certificates and file names come from elsewhere: none of them reaches the terminal with
a control character, and none is ever read as rich's markup. What rich alone can do, colours and tables, is in
`gateway.cli.rich_output`, which is loaded where it is needed: never for lines of text in a pipe.
"""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from shutil import get_terminal_size
from textwrap import wrap
from typing import Final, TextIO

from gateway.cli.command_errors import ReaderGone
from gateway.present import no_escapes
from gateway.present import plain as plain_text

_COLOUR_WITHOUT_TERMINAL: Final = ("FORCE_COLOR", "TTY_COMPATIBLE")
"""Environment variables by which rich colours what is no terminal as well."""

_NARROWEST: Final = 40
"""Columns below which a sentence is not broken any further."""


def plain(text: object) -> str:
    """`text` on one line, with every control, format and unassigned character made visible as its escape."""
    return plain_text(str(text))


def say(line: str, style: str = "", *, hang: int | None = None) -> None:
    """Print one line to standard output, without markup, control characters made visible; in `style` on a terminal.

    What is longer than a line of the terminal is broken between words, further lines `hang` columns to the right, by
    default two more than the first: the terminal itself breaks names in two. A command stays one line, to be copied.
    """
    for part in _fitting(plain(line), sys.stdout, hang):
        _print((part, style), sys.stdout)


def _fitting(line: str, stream: TextIO, hang: int | None = None) -> Sequence[str]:
    """`line` as the lines that fit on the terminal behind `stream`; as it is where that is none."""
    if not stream.isatty():
        return [line]
    words = line.lstrip()
    width = max(_NARROWEST, get_terminal_size().columns)
    if len(line) <= width or words.startswith("wssgate "):
        return [line]
    indent = " " * (len(line) - len(words) + 2 if hang is None else hang)
    return wrap(line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def complain(message: str, *, label: str = "Error") -> None:
    """Print `message` to standard error, control characters made visible."""
    style = "bold red" if label == "Error" else "bold yellow"
    first, *others = message.splitlines() or [""]
    begin, *rest = _fitting(f"{label}: {plain(first)}", sys.stderr, 2)
    _print((begin[: len(label) + 2], style), sys.stderr, then=begin[len(label) + 2 :])
    for line in rest:
        _print((line, ""), sys.stderr)
    for line in others:
        for part in _fitting(f"  {plain(line.strip())}", sys.stderr):
            _print((part, ""), sys.stderr)


def warn(message: str) -> None:
    """Print a warning to standard error."""
    complain(message, label="Warning")


def print_json(value: Mapping[str, object] | Sequence[object], stream: TextIO | None = None) -> None:
    """Print `value` as one line of JSON in ASCII, whatever the locale is, to standard output (or `stream`)."""
    write(json.dumps(value, ensure_ascii=True, separators=(",", ":")) + "\n", stream)


def write(text: str, stream: TextIO | None = None) -> None:
    """Write `text`, which is meant for a program or a file, to standard output (or `stream`) as it is."""
    target = sys.stdout if stream is None else stream
    try:
        target.write(text)
        target.flush()
    except BrokenPipeError:
        raise ReaderGone from None


def _print(styled: tuple[str, str], stream: TextIO, *, then: str = "") -> None:
    coloured = stream.isatty() or any(name in os.environ for name in _COLOUR_WITHOUT_TERMINAL)
    if coloured and not no_escapes():
        from gateway.cli.rich_output import print_line

        print_line(styled, then, stderr=stream is sys.stderr)
    else:
        write(f"{styled[0]}{then}\n", stream)
