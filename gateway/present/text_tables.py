"""Tables for people at a terminal of 80 columns or more.

Every cell is a `Text`, never a string: rich would read square brackets in a string as markup, and operation names come
from messages.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal

from gateway.present.instants import instant_in_table
from gateway.present.plain_text import plain

if TYPE_CHECKING:  # rich is loaded by who has a table to show
    from rich.console import RenderableType
    from rich.text import Text

    from gateway.present.fitted_table import FittedTable, Indented, Unbroken


_WHOLE: Final = {
    "first seen",
    "last seen",
    "ago",
    "messages",
    "share",
    "state",
    "old key last seen",
    "only new key since",
}
"""Columns whose cells are not even broken between words: instants, figures."""


def heading(title: str, now: datetime, since: datetime | None, until: datetime | None = None) -> "Text":
    """The title of a report, with the time that it covers."""
    from rich.text import Text

    begin = "everything on record" if since is None else f"from {instant_in_table(since)}"
    end = f" to {instant_in_table(until)}" if until is not None else "" if since is None else " on"
    return Text.assemble((title, "bold"), f"\n{begin}{end}, as of {instant_in_table(now)}; times in UTC", style="")


def endpoint_heading(name: str) -> "Text":
    """The line above what belongs to one endpoint."""
    from rich.text import Text

    return Text.assemble("\nendpoint ", (plain(name), "bold"))


def bare_table(
    headings: Iterable[str], numbers: Collection[str] = (), *, style: str = "dim", show_headings: bool = True
) -> "FittedTable":
    """A table without lines, whose `numbers` are the columns that are aligned to the right; it breaks no name."""
    from rich.text import Text

    from gateway.present.fitted_table import FittedTable

    table = FittedTable(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style=style, show_header=show_headings)
    for heading in headings:
        justify: Literal["left", "right"] = "right" if heading in numbers else "left"
        table.add_column(Text(heading), justify=justify, no_wrap=heading in _WHOLE)
    return table


def unbroken(text: "Text") -> "Unbroken":
    """A text that stands by itself, broken between words alone."""
    from gateway.present.fitted_table import Unbroken

    return Unbroken(text)


def indented(renderable: "RenderableType") -> "Indented":
    """A step to the right of its heading."""
    from gateway.present.fitted_table import Indented

    return Indented(renderable)
