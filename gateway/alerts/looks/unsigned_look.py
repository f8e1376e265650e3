"""Looks for responses that used to be signed and are not any more."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Engine

from gateway.alerts.alert_events import AlertEvent
from gateway.alerts.looks.shown_records import LOOK_BACK, last_records, next_command
from gateway.config import Settings
from gateway.ledger import AlertFinding, RecordFilter, TrafficRow, known_alerts, last_traffic, raise_alert, traffic
from gateway.present import OTHER_OPERATIONS
from gateway.verify import Reason
from gateway.vocabulary import MessageKind, RecordedOutcome


def look_for_unsigned(engine: Engine, settings: Settings, at: datetime) -> None:
    """Tell of unsigned responses of an operation whose responses were accepted before.

    Faults are left out: many stacks sign none, and that is nothing new.

    Raises:
        DatabaseUnavailable: The database cannot be read.
        LedgerUnavailable: It cannot be written.
    """
    lately = [row for row in last_traffic(engine, at - LOOK_BACK) if _is_unsigned(row, settings)]
    if not lately:
        return
    known = {alert.about: alert for alert in known_alerts(engine, event=AlertEvent.NO_LONGER_SIGNED)}
    begun = [known[_about(row)].since for row in lately if _about(row) in known]
    # What was counted in an alert is counted from its beginning on, so that the number only grows.
    rows = last_traffic(engine, min(*begun, at - LOOK_BACK)) if begun else lately
    for row in rows:
        if not _is_unsigned(row, settings) or row.last_seen < at - LOOK_BACK:
            continue
        about = _about(row)
        if about in known and known[about].times >= row.messages:
            continue
        if about not in known and not _were_accepted(traffic(engine, row.endpoint), row):
            continue
        wanted = RecordFilter(
            endpoint=row.endpoint,
            reason=str(Reason.UNSIGNED),
            operation=row.operation if row.operation != OTHER_OPERATIONS else None,
        )
        shown = [one.record for one in last_records(engine, wanted, row.last_seen)]
        unsigned = [one.id for one in shown if not (one.response_element or "").endswith("}Fault")]
        if not unsigned:
            continue
        becomes = "delivered, for the endpoint only observes" if row.released else "rejected"
        finding = AlertFinding(
            event=AlertEvent.NO_LONGER_SIGNED,
            about=about,
            what=f"Responses of {row.operation or 'an operation that cannot be read'} come without a signature, and "
            f"used to be signed; they are {becomes}",
            run=next_command(settings, f"ledger show {unsigned[0]}"),
            since=row.first_seen,
            last=row.last_seen,
            endpoint=row.endpoint,
            records=unsigned,
            times=row.messages,
        )
        raise_alert(engine, finding, at)


def _is_unsigned(row: TrafficRow, settings: Settings) -> bool:
    is_message = row.kind == MessageKind.MESSAGE and row.reason == Reason.UNSIGNED
    return is_message and row.endpoint in settings.endpoints


def _about(row: TrafficRow) -> tuple[str, ...]:
    """What was delivered all the same, in mode `observe`, is counted by itself."""
    return row.endpoint, row.operation or "", "delivered" if row.released else ""


def _were_accepted(ever: Sequence[TrafficRow], unsigned: TrafficRow) -> bool:
    return any(
        row.operation == unsigned.operation
        and row.kind == MessageKind.MESSAGE
        and row.outcome == RecordedOutcome.ACCEPTED
        and row.first_seen < unsigned.last_seen
        for row in ever
    )
