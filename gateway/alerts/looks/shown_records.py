"""What an alert shows: the ids of records, and the command to go on with."""

import shlex
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Engine

from gateway.config import Settings
from gateway.ledger import RecordFilter, StoredRecord, records

LOOK_BACK: Final = timedelta(days=1)
"""What happened earlier, and was not told by then, is not told any more: nobody was there to tell it."""
_AROUND: Final = timedelta(seconds=90)
"""By so much a record's own instant may differ from the ledger's clock, by which it is looked for."""
_MOST: Final = 3


def last_records(engine: Engine, wanted: RecordFilter, last: datetime) -> Sequence[StoredRecord]:
    """The newest records that fit `wanted`, the last of which is known to be of the instant `last`.

    Few are looked at: a ledger may hold millions of the same day.

    Raises:
        DatabaseUnavailable: The database cannot be read, or one of them was altered.
    """
    return records(engine, replace(wanted, since=last - _AROUND), _MOST)


def next_command(settings: Settings, words: str) -> str:
    """The command `wssgate WORDS`, as it can be typed on the machine of this gateway, in whatever folder."""
    return f"wssgate {words} --config {shlex.quote(str(settings.source))}"
