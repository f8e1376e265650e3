"""A page for people, before it is HTML, PDF or Markdown: sections of blocks, with nothing in them but plain text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from gateway.present import plain


class Tone(StrEnum):
    """How a sentence is to be taken."""

    USUAL = "usual"
    CLAIM = "claim"
    """What the page says; all else is there to bear it out."""
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A sentence or more."""

    text: str
    tone: Tone = Tone.USUAL


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and their values."""

    rows: Sequence[tuple[str, str]]
    mono: frozenset[str] = frozenset()
    """Names whose value is hexadecimal or the like."""


@dataclass(frozen=True, slots=True)
class Grid:
    """A table."""

    columns: Sequence[tuple[str, float]]
    """Headings, with their shares of the width."""
    rows: Sequence[Sequence[str]]
    mono: frozenset[int] = frozenset()
    """Columns of hexadecimal or the like."""


@dataclass(frozen=True, slots=True)
class Code:
    """Text to be copied as it is."""

    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Messages per day and key."""

    title: str
    days: Mapping[str, Sequence[tuple[str, int]]]
    """By alias, the old ones first: days as YYYY-MM-DD, and how many messages."""


Block = Paragraph | Facts | Grid | Code | Chart


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, and what stands below it."""

    title: str
    blocks: Sequence[Block]
    is_appendix: bool = False
    """In small type, after the page proper."""


@dataclass(frozen=True, slots=True)
class Page:
    """The whole page."""

    title: str
    subtitle: str
    facts: Facts
    sections: Sequence[Section]
    footer: str
    """On each sheet of paper."""


def block_json(block: Block) -> dict[str, Any]:
    """A block for a template, every text on one line and without characters that could fake another one."""
    match block:
        case Paragraph(text, tone):
            return {"kind": "paragraph", "text": plain(text), "tone": str(tone)}
        case Facts(rows, mono):
            found = [{"name": plain(name), "value": plain(value), "mono": name in mono} for name, value in rows]
            return {"kind": "facts", "rows": found}
        case Grid(columns, rows, mono):
            return {
                "kind": "grid",
                "columns": [{"name": plain(name), "share": share} for name, share in columns],
                "rows": [[plain(cell) for cell in row] for row in rows],
                "mono": sorted(mono),
            }
        case Code(text):
            return {"kind": "code", "text": "\n".join(plain(line) for line in text.splitlines())}
        case _:
            return {"kind": "chart", "title": plain(block.title), "days": block.days}


def page_json(page: Page) -> dict[str, Any]:
    """The page for a template."""
    return {
        "title": plain(page.title),
        "subtitle": plain(page.subtitle),
        "facts": block_json(page.facts),
        "footer": plain(page.footer),
        "sections": [
            {
                "title": plain(section.title),
                "appendix": section.is_appendix,
                "blocks": [block_json(block) for block in section.blocks],
            }
            for section in page.sections
        ],
    }
