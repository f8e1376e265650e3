"""CSV for spreadsheets, in which no text is a formula, whatever separator the spreadsheet expects."""

import csv
import io
import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final

from gateway.present.plain_text import plain

_FORMULA: Final = re.compile(
    "(^|[,;|\N{ARABIC COMMA}\N{ARABIC SEMICOLON}\N{IDEOGRAPHIC COMMA}])"
    "(?=[ '\"`\N{LEFT SINGLE QUOTATION MARK}-\N{DOUBLE HIGH-REVERSED-9 QUOTATION MARK}]*[=+\\-@|%\N{MINUS SIGN}])"
)
"""Where a cell may begin whose first character makes it a formula or a command.

A cell begins where the text does, and behind what some country's spreadsheets take for a separator: one that does not
expect the comma finds most of our quotes in the middle of a cell, where they mean nothing. Blanks and quotes in front
do not count: some spreadsheets remove them, and so does who exports the cell again.
"""
_FILLERS: Final = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and a symbol that show nothing: fillers of Hangul, the Braille pattern without dots."""
_LONGEST: Final = 32_000
"""Characters of a line, which is one cell to a spreadsheet that expects another separator. Excel puts what exceeds
32,767 of them into a cell of its own, which begins with whatever stood there."""

Value = str | int | float | None


def csv_text(header: Sequence[str], rows: Iterable[Sequence[Value]]) -> str:
    """A whole document with a header."""
    return csv_line(header) + "".join(map(csv_line, rows))


def csv_line(row: Sequence[Value]) -> str:
    """One line of a document, every cell in quotes."""
    values = [_value(value) for value in row]
    line = _quoted(values)
    if len(line) <= _LONGEST:
        return line
    # Half of a cell may be quotes, which are doubled.
    most = _LONGEST // len(row) // 2 - len('"",')
    return _quoted([value[:most] if isinstance(value, str) else value for value in values])


def _quoted(values: Sequence[str | int | float]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL).writerow(values)
    return text.getvalue()


def _value(value: Value) -> str | int | float:
    """A value that no spreadsheet takes for a formula: an operation called `=HYPERLINK(...)` stays text.

    A number stays a number, also below zero: it is no text from outside. A text stays text, also where it reads `-5`.
    """
    if value is None:
        return ""
    if not isinstance(value, str) and math.isfinite(value):
        return value
    text = plain(str(value))
    usual = text if text.isascii() else "".join(map(_usual, text))
    places = [found.end() for found in _FORMULA.finditer(usual)]
    return "'".join(text[start:end] for start, end in zip([0, *places], [*places, len(text)], strict=True))


def _usual(character: str) -> str:
    """The one character that a spreadsheet may take `character` for: full-width and small forms for the usual ones."""
    if character in _FILLERS or unicodedata.category(character).startswith("M"):
        return " "
    return unicodedata.normalize("NFKC", character)[0]
