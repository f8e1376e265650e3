"""CSV for spreadsheets, in which no text is a formula."""

import csv
import io
from collections.abc import Iterable, Sequence

from gateway.report.text import plain

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")
"""First characters by which a spreadsheet takes a cell for a formula or a command."""

Value = str | int | float | None


def csv_text(header: Sequence[str], rows: Iterable[Sequence[Value]]) -> str:
    """A whole document with a header."""
    return csv_line(header) + "".join(map(csv_line, rows))


def csv_line(row: Sequence[Value]) -> str:
    """One line of a document."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow([_value(value) for value in row])
    return text.getvalue()


def _value(value: Value) -> str | int | float:
    """A value that no spreadsheet takes for a formula: an operation called `=HYPERLINK(...)` stays text."""
    if not isinstance(value, str):
        return "" if value is None else value
    text = plain(value)
    return "'" + text if text.lstrip().startswith(_FORMULA_STARTS) else text
