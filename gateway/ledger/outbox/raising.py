"""Alerts are raised: written down once for each thing that somebody should know, and noticed when it is time to tell.

Whatever finds something may find it again, in another process or after a crash: the key of an alert is what it is
about, and what was counted once is not counted twice.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine, insert, or_, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from gateway.ledger.database.connections import explain, reading, writing
from gateway.ledger.database.ledger_tables import alert_notices, alerts
from gateway.ledger.errors import LedgerUnavailable
from gateway.ledger.event import content_text
from gateway.ledger.outbox.folding import FOLD_MICROSECONDS, Folded
from gateway.ledger.write.record_ids import new_record_id
from gateway.present import plain
from keystore import to_microseconds

MOST_RECORDS: Final = 5
"""Ids of records in one alert."""
_COUNT_AGAIN: Final = 60_000_000
"""Microseconds after which the count of an alert is brought up to date, where nobody is to be told of it yet."""
_LONGEST_TEXT: Final = 600
"""Characters of a sentence; names that strangers choose are in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertFinding:
    """Something that somebody should know."""

    event: str
    """What kind of thing it is (`gateway.alerts.AlertEvent`)."""
    about: tuple[str, ...]
    """What tells it from others of the kind: the endpoint, the certificate and so on. Found again it is the same."""
    what: str
    """In a sentence, without its full stop. No body of a message and no secret."""
    run: str
    """The command to go on with."""
    since: datetime
    last: datetime
    endpoint: str = ""
    """Empty where it is about none."""
    records: Sequence[str] = ()
    """Ids of records that show it, the newest first."""
    times: int | None = None
    """How often it has happened by now, where that is measured; None where it is only known that it is so."""
    adds: int = 0
    """How often it happened, where each time is found once."""
    lasts: bool = False
    """Whether it goes on until it is said to be over."""
    except_channel: str = ""
    """A channel that is not told: the one that it is about."""

    @property
    def key(self) -> str:
        """SHA-256, hexadecimal."""
        return alert_key(self.event, self.about)


def alert_key(event: str, about: Sequence[str]) -> str:
    """The key of an alert in the outbox, 64 hexadecimal digits."""
    return hashlib.sha256(content_text({"event": event, "about": list(about)}).encode()).hexdigest()


def raise_alert(engine: Engine, finding: AlertFinding, at: datetime) -> bool:
    """Write down what was found; whether people are to be told of it now.

    Raises:
        DatabaseUnavailable: The database cannot be read.
        LedgerUnavailable: It cannot be written.
    """
    now = to_microseconds(at)
    with reading(engine) as connection:
        row = connection.execute(select(alerts).where(alerts.c.id == finding.key)).mappings().one_or_none()
    if row is not None and not _is_news(finding, row, now):
        return False  # mostly: nothing is written for what is known
    try:
        try:
            with writing(engine) as connection:
                return _raise(connection, finding, now)
        except IntegrityError:  # another process found it at the same moment: now there is a row
            with writing(engine) as connection:
                return _raise(connection, finding, now)
    except SQLAlchemyError as error:
        raise LedgerUnavailable(f"the alert cannot be written down: {explain(error, engine)}") from error


def end_alert(engine: Engine, event: str, about: Sequence[str], what: str, at: datetime) -> bool:
    """Say that what lasted is over, in the sentence `what`; whether people are to be told of it.

    Raises:
        DatabaseUnavailable: The database cannot be read.
        LedgerUnavailable: It cannot be written.
    """
    key, now = alert_key(event, about), to_microseconds(at)
    lasts = (alerts.c.id == key) & alerts.c.is_on
    with reading(engine) as connection:
        if connection.execute(select(alerts.c.id).where(lasts)).one_or_none() is None:
            return False
    try:
        with writing(engine) as connection:
            row = connection.execute(select(alerts).where(lasts).with_for_update()).mappings().one_or_none()
            if row is None:
                return False
            return _keep(connection, dict(row) | {"what": _short(what), "last_at": now}, _folded(row).over(), now)
    except SQLAlchemyError as error:
        raise LedgerUnavailable(f"the end of an alert cannot be written down: {explain(error, engine)}") from error


def sum_up_alerts(engine: Engine, at: datetime) -> int:
    """Tell of what was repeated since it was told last, where an hour has passed; how many alerts that were.

    Raises:
        DatabaseUnavailable: The database cannot be read.
        LedgerUnavailable: It cannot be written.
    """
    now, columns = to_microseconds(at), alerts.c
    has_news = or_(columns.times > columns.told_times, columns.is_on != columns.told_on)
    is_time = or_(columns.told_at <= now - FOLD_MICROSECONDS, columns.told_at >= now + FOLD_MICROSECONDS)
    query = select(columns.id).where(has_news, is_time)
    with reading(engine) as connection:
        due = connection.execute(query).scalars().all()
    told = 0
    try:
        for key in due:
            with writing(engine) as connection:
                row = connection.execute(select(alerts).where(columns.id == key).with_for_update()).mappings().one()
                told += _keep(connection, dict(row), _folded(row), now)
    except SQLAlchemyError as error:
        raise LedgerUnavailable(f"alerts cannot be summed up: {explain(error, engine)}") from error
    return told


def _is_news(finding: AlertFinding, row: Any, now: int) -> bool:
    known = _folded(row)
    found = known.found(times=finding.times, adds=finding.adds, lasts=finding.lasts)
    if found == known and not found.is_due(now):
        return False
    is_counted_again = finding.times is not None and found.is_on == known.is_on and not found.is_due(now)
    # What is counted elsewhere is not lost here: its number is brought up to date now and then.
    return not is_counted_again or to_microseconds(finding.last) - row["last_at"] >= _COUNT_AGAIN


def _raise(connection: Connection, finding: AlertFinding, now: int) -> bool:
    found = connection.execute(select(alerts).where(alerts.c.id == finding.key).with_for_update())
    row = found.mappings().one_or_none()
    values: dict[str, Any] = {
        "id": finding.key,
        "event": finding.event,
        "about": content_text({"about": list(finding.about)}),
        "endpoint": finding.endpoint,
        "what": _short(finding.what),
        "run": _short(finding.run),
        "records": content_text({"records": list(finding.records[:MOST_RECORDS])}),
        "except_channel": finding.except_channel,
        "first_at": to_microseconds(finding.since),
        "last_at": to_microseconds(finding.last),
    }
    if row is None:
        folded = Folded().found(times=finding.times, adds=finding.adds, lasts=finding.lasts)
        connection.execute(insert(alerts).values(values | _columns(folded) | {"notices": 0}))
        return _keep(connection, values | {"notices": 0}, folded, now)
    before = _folded(row)
    folded = before.found(times=finding.times, adds=finding.adds, lasts=finding.lasts)
    began_again = folded.is_on and not before.is_on
    values["first_at"] = values["first_at"] if began_again else min(row["first_at"], values["first_at"])
    values["last_at"] = max(row["last_at"], values["last_at"])
    if not finding.records:
        values["records"] = row["records"]
    return _keep(connection, dict(row) | values, folded, now)


def _keep(connection: Connection, row: dict[str, Any], folded: Folded, now: int) -> bool:
    """Write the row of an alert, and a notice where people are to be told; whether they are."""
    is_due = folded.is_due(now)
    if is_due:
        row |= {"notices": row["notices"] + 1}
        notice = {
            "id": new_record_id(),  # they grow: the order in which they are told
            "alert": row["id"],
            "number": row["notices"],
            "made": now,
            "content": content_text(_told(row, folded, now)),
            "except_channel": row["except_channel"],
            "handed_out": False,
        }
        connection.execute(insert(alert_notices).values(notice))
        folded = folded.told(now)
    changed = {name: value for name, value in row.items() if name != "id"} | _columns(folded)
    connection.execute(update(alerts).where(alerts.c.id == row["id"]).values(changed))
    return is_due


def _told(row: dict[str, Any], folded: Folded, now: int) -> dict[str, Any]:
    """What a notice holds; the renderings make sentences of it."""
    return {
        "alert": row["id"],
        "number": row["notices"],
        "event": row["event"],
        "about": row["about"],
        "endpoint": row["endpoint"],
        "what": row["what"],
        "run": row["run"],
        "records": row["records"],
        "first_at": row["first_at"],
        "last_at": row["last_at"],
        "made": now,
        "times": folded.times,
        "new_times": max(0, folded.times - folded.told_times),
        "is_over": not folded.is_on and folded.told_on,
    }


def _folded(row: Any) -> Folded:
    return Folded(row["times"], row["is_on"], row["told_times"], row["told_on"], row["told_at"])


def _columns(folded: Folded) -> dict[str, Any]:
    return {
        "times": folded.times,
        "is_on": folded.is_on,
        "told_times": folded.told_times,
        "told_on": folded.told_on,
        "told_at": folded.told_at,
    }


def _short(text: str) -> str:
    # Names that strangers chose are in it: PostgreSQL takes no NUL, and no database a half of a character.
    text = plain(text)
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 3] + "..."
