"""How a notice is written: JSON for programs, a title and a text for people."""

import json
from datetime import UTC
from typing import Any, Final

from gateway.alerts.alert_events import AlertEvent, Severity, known_event
from gateway.ledger import Notice
from gateway.present import count_text, instant_json, instant_text, plain

ALERT_SCHEMA: Final = "wssgate.alert/1"


def notice_severity(notice: Notice) -> Severity:
    """How heavy it weighs; that something is over needs nobody."""
    event = known_event(notice.event)
    return Severity.INFO if notice.is_over or event is None else event.severity


def notice_json(notice: Notice) -> dict[str, Any]:
    """The notice as an object of the schema `wssgate.alert/1`."""
    return {
        "schema": ALERT_SCHEMA,
        "id": notice.id,
        "alert": notice.alert,
        "number": notice.number,
        "event": notice.event,
        "severity": str(notice_severity(notice)),
        "over": notice.is_over,
        "title": notice_title(notice),
        "endpoint": notice.endpoint or None,
        "about": list(notice.about),
        "what": notice.what,
        "since": instant_json(notice.since),
        "last": instant_json(notice.last),
        "told_at": instant_json(notice.made),
        "times": notice.times,
        "new_times": notice.new_times,
        "records": list(notice.records),
        "run": notice.run or None,
    }


def notice_bytes(notice: Notice) -> bytes:
    """The same as UTF-8."""
    return json.dumps(notice_json(notice), ensure_ascii=True, separators=(",", ":")).encode()


def notice_title(notice: Notice) -> str:
    """One line, with nothing in it that could fake another."""
    event = known_event(notice.event)
    words = notice.event if event is None else event.heading
    where = f" [{notice.endpoint}]" if notice.endpoint else ""
    return plain(f"wssgate{where}: {'over: ' if notice.is_over else ''}{words}")


def notice_text(notice: Notice) -> str:
    """A few lines: what, since when, how often, records, and what to run."""
    lines = [f"{notice.what}.", ""]
    lines.append(f"Since: {instant_text(notice.since.astimezone(UTC))}")
    if notice.last > notice.since:
        lines.append(f"Last:  {instant_text(notice.last.astimezone(UTC))}")
    if notice.times > 1:
        new = f", {notice.new_times:,} since the last alert" if notice.number > 1 and notice.new_times else ""
        lines.append(f"How often: {count_text(notice.times, 'time')}{new}")
    lines += [f"Record: {record}" for record in notice.records]
    if notice.run:
        lines += ["", f"Next: {notice.run}"]
    lines += ["", f"{notice.event}, alert {notice.alert[:12]}, notice {notice.number}"]
    return "\n".join(plain(line) for line in lines) + "\n"


def is_test(notice: Notice) -> bool:
    """Whether somebody only tries out whether alerts arrive."""
    return notice.event == AlertEvent.TEST
