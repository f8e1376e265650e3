"""Looks whether the receivers can be reached, as all gateways together told in their heartbeats."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Engine

from gateway.alerts.alert_events import AlertEvent
from gateway.alerts.looks.shown_records import next_command
from gateway.config import Settings
from gateway.ledger import AlertFinding, RecordFilter, end_alert, raise_alert, records, writers_now
from gateway.vocabulary import RecordedOutcome
from keystore import from_microseconds

_LATELY: Final = timedelta(minutes=5)
_MOST: Final = 3


def look_for_receivers(engine: Engine, settings: Settings, at: datetime) -> None:
    """Tell of each receiver that a gateway cannot reach, and of its return.

    Raises:
        DatabaseUnavailable: The database cannot be read.
        LedgerUnavailable: It cannot be written.
    """
    serving = [writer for writer in writers_now(engine, lately=True) if writer.serves]
    for endpoint in settings.endpoints:
        told = {writer.instance: writer.states.get(endpoint, {}) for writer in serving}
        failing = {name: state for name, state in told.items() if state.get("reachable") is False}
        reaching = [name for name, state in told.items() if state.get("reachable") is True]
        if failing:
            raise_alert(engine, _finding(engine, settings, endpoint, failing, bool(reaching), at), at)
        elif reaching:
            end_alert(engine, AlertEvent.RECEIVER, (endpoint,), f"The receiver of {endpoint} can be reached again", at)


def _finding(
    engine: Engine,
    settings: Settings,
    endpoint: str,
    failing: Mapping[str, Mapping[str, Any]],
    others_reach: bool,
    at: datetime,
) -> AlertFinding:
    since = [value for state in failing.values() if type(value := state.get("since")) is int]
    wanted = RecordFilter(endpoint=endpoint, outcome=str(RecordedOutcome.FAILED), since=at - _LATELY)
    who = f" from {', '.join(sorted(failing)[:_MOST])}; other gateways reach it" if others_reach else ""
    return AlertFinding(
        event=AlertEvent.RECEIVER,
        about=(endpoint,),
        what=f"The receiver of {endpoint} gives no usable answer, or cannot be connected to{who}",
        run=next_command(settings, f"report failures --endpoint {endpoint} --since 1h"),
        since=from_microseconds(min(since)) if since else at,
        last=at,
        endpoint=endpoint,
        records=[one.record.id for one in records(engine, wanted, _MOST)],
        lasts=True,
    )
