"""Tables for people at a terminal of 80 columns or more.

Every cell is a `Text`, never a string: rich would read square brackets in a string as markup, and operation names come
from messages.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from gateway.present.instants import instant_in_table
from gateway.present.plain_text import plain

if TYPE_CHECKING:  # rich is loaded by who has a table to show
    from rich.console import RenderableType
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text


def heading(title: str, now: datetime, since: datetime | None) -> "Text":
    """The title of a report, with the time that it covers."""
    from rich.text import Text

    window = "everything on record" if since is None else f"from {instant_in_table(since)} on (whole hours)"
    return Text.assemble((title, "bold"), f"\n{window}, as of {instant_in_table(now)}; times in UTC", style="")


def endpoint_heading(name: str) -> "Text":
    """The line above what belongs to one endpoint."""
    from rich.text import Text

    return Text.assemble("\nendpoint ", (plain(name), "bold"))


def bare_table(headings: Iterable[str], numbers: set[str]) -> "Table":
    """A table without lines, whose `numbers` are the columns that are aligned to the right."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading in headings:
        fixed = heading in {
            "first seen",
            "last seen",
            "ago",
            "messages",
            "share",
            "state",
            "old key last seen",
            "only new key since",
        }
        table.add_column(
            Text(heading), justify="right" if heading in numbers else "left", overflow="fold", no_wrap=fixed
        )
    return table


def indented(renderable: "RenderableType") -> "Padding":
    """A step to the right of its heading."""
    from rich.padding import Padding

    return Padding(renderable, (0, 0, 0, 2))
