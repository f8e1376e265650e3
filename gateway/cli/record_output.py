"""Records on the screen, one line a message."""

import shutil
import sys
from collections.abc import Sequence
from typing import Final

from gateway.cli.terminal import say
from gateway.ledger import StoredRecord
from gateway.report import RecordLines

_NARROWEST: Final = 40


def record_lines() -> RecordLines:
    """Lines as wide as the terminal; where there is none they are never broken, whatever is in them."""
    width = max(_NARROWEST, shutil.get_terminal_size().columns) if sys.stdout.isatty() else None
    return RecordLines(width)


def print_records(records: Sequence[StoredRecord], lines: RecordLines | None = None) -> None:
    """Print them, below those that `lines` has shown."""
    shown = record_lines() if lines is None else lines
    shown.make_room(records)
    for stored in records:
        for line, style in shown.lines(stored):
            say(line, style=style)
    if not records and lines is None:
        say("None.")
