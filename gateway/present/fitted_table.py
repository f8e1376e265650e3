"""A table that never breaks a name: narrower columns break between words, and where that is not enough rows are lists.

rich makes columns narrower than their longest word and folds it; whoever copies an alias, an operation or a fingerprint
out of such a table copies half of it.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Final

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

_GAP: Final = 2
"""Columns of the terminal between two columns of the table."""
_STEP: Final = "  "
_WORD: Final = re.compile(r"\S+\s*")


class FittedTable(Table):
    """A table of `Text` cells without lines, laid out for the width that there is."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Lay it out: as it is, in narrower columns, or as a list of rows."""
        cells = [[_text(cell) for cell in column.cells] for column in self.columns]
        headings = [_text(column.header) for column in self.columns]
        room = options.max_width - _GAP * (len(self.columns) - 1)
        if not self.show_header:
            headings = [Text("") for _ in headings]
        above: list[Text | None] = [None] * len(cells[0])
        if self.show_header and sum(self._natural(headings, cells)) > room:
            # A name that somebody made long has a line of its own above its row, and takes no column away.
            left = room - sum(self._least(headings, cells)[1:])
            above = [text if _longest_word(text) > left else None for text in cells[0]]
            cells[0] = [Text("") if own else text for text, own in zip(cells[0], above, strict=True)]
        natural, least = self._natural(headings, cells), self._least(headings, cells)
        if sum(least) <= room:
            yield from self._as_table(headings, cells, above, _shared_out(natural, least, room))
        else:
            first = [own or text for text, own in zip(cells[0], above, strict=True)]
            yield from self._as_list(options.max_width, headings, [first, *cells[1:]])

    def _least(self, headings: Sequence[Text], cells: Sequence[Sequence[Text]]) -> list[int]:
        """How narrow each column may be."""
        natural = self._natural(headings, cells)
        least = [
            width if column.no_wrap else max(map(_longest_word, [heading, *texts]))
            for column, width, heading, texts in zip(self.columns, natural, headings, cells, strict=True)
        ]
        # In a list of names and values the names stay on their lines.
        return least if self.show_header else [natural[0], *least[1:]]

    @staticmethod
    def _natural(headings: Sequence[Text], cells: Sequence[Sequence[Text]]) -> list[int]:
        """How wide each column is where there is room."""
        return [max(map(_widest_line, [heading, *texts])) for heading, texts in zip(headings, cells, strict=True)]

    def _as_table(
        self,
        headings: Sequence[Text],
        cells: Sequence[Sequence[Text]],
        above: Sequence[Text | None],
        widths: Sequence[int],
    ) -> Iterator[Text]:
        if self.show_header:
            styled = [Text(heading.plain, style=self.header_style) for heading in headings]
            yield from self._row(styled, widths)
        for own, row in zip(above, zip(*cells, strict=True), strict=True):
            if own is not None:
                yield _whole(own.copy())
            yield from self._row(row, widths)

    def _row(self, row: Sequence[Text], widths: Sequence[int]) -> Iterator[Text]:
        """The lines of one row, each cell broken between words."""
        parts = [_lines(text, width) for text, width in zip(row, widths, strict=True)]
        for pieces in zip_longest(*parts):
            line = Text()
            for number, (piece, width, column) in enumerate(zip(pieces, widths, self.columns, strict=True)):
                shown = piece or Text("")
                padding = Text(" " * (width - cell_len(shown.plain)))
                line += Text(" " * _GAP if number else "")
                line += padding + shown if column.justify == "right" else shown + padding
            yield _whole(line)

    def _as_list(self, width: int, headings: Sequence[Text], cells: Sequence[Sequence[Text]]) -> Iterator[Text]:
        """Each row as lines with their headings; of a table without headings the first cell is one."""
        labels = headings if self.show_header else cells[0]
        wide = max((cell_len(label.plain) for label in labels), default=0)
        for number, row in enumerate(zip(*cells, strict=True)):
            if self.show_header and number:
                yield Text("")
            names, values = (headings, row) if self.show_header else ([row[0]], row[1:])
            for name, value in zip(names, values, strict=False):
                style = self.header_style if self.show_header else name.style
                label = Text(name.plain.ljust(wide), style=style) + Text(" " * _GAP)
                indent = cell_len(label.plain)
                longest = _longest_word(value)
                if name.plain and indent + longest > width >= longest:
                    # A name that has room on a line of its own gets one: else the terminal breaks it.
                    yield _whole(Text(name.plain, style=style))
                    label, indent = Text(" " * min(2 * _GAP, width - longest)), min(2 * _GAP, width - longest)
                for place, line in enumerate(_lines(value, width - indent)):
                    yield _whole((label if place == 0 else Text(" " * indent)) + line)


class Unbroken:
    """A text that is broken between words alone: rich folds a word that is longer than a line."""

    def __init__(self, text: Text) -> None:
        """Show `text`."""
        self._text = text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Its lines; a word that is longer than a line goes beyond its end."""
        for line in _lines(self._text, options.max_width):
            yield _whole(line)


class Indented:
    """A step to the right of its heading; lines that are longer than there is room stay whole."""

    def __init__(self, renderable: RenderableType) -> None:
        """Indent `renderable`."""
        self._renderable = Unbroken(renderable) if isinstance(renderable, Text) else renderable

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Each line of it behind two blanks."""
        narrower = options.update(width=max(1, options.max_width - len(_STEP)))
        for line in Segment.split_lines(console.render(self._renderable, narrower)):
            if any(segment.text.strip() for segment in line):
                yield Segment(_STEP)
                yield from line
            yield Segment.line()


def _text(cell: RenderableType) -> Text:
    return cell if isinstance(cell, Text) else Text(str(cell))


def _widest_line(text: Text) -> int:
    return max((cell_len(line) for line in text.plain.split("\n")), default=0)


def _longest_word(text: Text) -> int:
    return max((cell_len(word) for word in text.plain.split()), default=0)


def _shared_out(natural: Sequence[int], least: Sequence[int], room: int) -> list[int]:
    """Widths between the least and the natural ones that fill `room`: narrow columns keep theirs, wide ones share."""
    widths = list(least)
    left = min(room, sum(natural)) - sum(least)
    while left > 0:
        growing = [number for number, width in enumerate(widths) if width < natural[number]]
        widths[min(growing, key=lambda number: widths[number])] += 1
        left -= 1
    return widths


def _whole(line: Text) -> Text:
    """`line` as it is, however long, without blanks at its end."""
    line.rstrip()
    line.no_wrap, line.overflow = True, "ignore"
    return line


def _lines(text: Text, width: int) -> list[Text]:
    """The lines of `text`, broken between words; a word that is longer than `width` stays whole."""
    # rich breaks long words, or cuts them off, or breaks nothing.
    return [part for line in text.split("\n", allow_blank=True) for part in _broken(line, width)]


def _broken(line: Text, width: int) -> list[Text]:
    breaks, start = [], 0
    for word in _WORD.finditer(line.plain):
        if word.start() > start and cell_len(line.plain[start : word.end()].rstrip()) > width:
            start = word.start()
            breaks.append(start)
    found = list(line.divide(breaks))
    for part in found:
        part.rstrip()
    return found
