"""Looks for messages that are signed with keys that people have declared: staged ones, and those of successors."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Engine

from gateway.alerts.alert_events import AlertEvent
from gateway.alerts.looks.shown_records import LOOK_BACK, last_records, next_command
from gateway.config import Settings
from gateway.ledger import AlertFinding, RecordFilter, UsageRow, find_alert, known_alerts, last_uses, raise_alert, usage
from gateway.vocabulary import RecordedOutcome
from keystore import State
from keystore.store import KeystoreStore, StoredEntry

_MOST_REMEMBERED: Final = 10_000


class DeclaredKeyLook:
    """Looks at the roll-ups of the last day."""

    def __init__(self) -> None:
        """Begin with nothing known."""
        self._seen_before: set[tuple[str, str]] = set()
        """Endpoints and certificates whose first message was longer ago: nothing is new about them."""

    def __call__(self, engine: Engine, settings: Settings, at: datetime) -> None:
        """Tell of staged keys that were seen, and of the first message with a new key.

        Raises:
            DatabaseUnavailable: The database cannot be read.
            LedgerUnavailable: It cannot be written.
            SQLAlchemyError: The keystore cannot be read.
        """
        entries = {str(entry.thumbprint): entry for entry in KeystoreStore(engine).entries()}
        used = self._used(engine, settings, entries, at - LOOK_BACK)
        if not used:
            return
        known = {alert.about: alert for alert in known_alerts(engine, event=AlertEvent.STAGED_KEY)}
        begun = [alert.since for about, alert in known.items() if any(_about(row) == about for row in used)]
        if begun and min(begun) < at - LOOK_BACK:
            # What was counted in an alert is counted from its beginning on, so that the number only grows.
            used = self._used(engine, settings, entries, min(begun))
        for (endpoint, thumbprint), rows in _by_certificate(used):
            entry = entries[thumbprint]
            if entry.trusted() is None:
                continue
            rejected = [row for row in rows if row.outcome is RecordedOutcome.REJECTED]
            if rejected and entry.state_at(at) is State.STAGED and rejected[-1].last_seen >= at - LOOK_BACK:
                self._tell_staged(engine, settings, endpoint, entry, rejected, at)
            accepted = [row for row in rows if row.outcome is RecordedOutcome.ACCEPTED]
            if accepted and _is_successor(entry, entries.values()):
                self._tell_first(engine, settings, endpoint, entry, accepted, at)

    def _used(
        self, engine: Engine, settings: Settings, entries: Mapping[str, StoredEntry], since: datetime
    ) -> list[UsageRow]:
        return [
            row
            for row in last_uses(engine, since)
            if row.endpoint in settings.endpoints and str(row.thumbprint) in entries
        ]

    def _tell_staged(
        self,
        engine: Engine,
        settings: Settings,
        endpoint: str,
        entry: StoredEntry,
        rows: Sequence[UsageRow],
        at: datetime,
    ) -> None:
        last = rows[-1].last_seen
        finding = AlertFinding(
            event=AlertEvent.STAGED_KEY,
            about=(endpoint, str(entry.thumbprint)),
            what=f"The receiver signs with the key of {entry.alias}, which is staged: its messages are rejected "
            "until it is trusted",
            run=next_command(settings, f"keystore trust {entry.alias}"),
            since=min(row.first_seen for row in rows),
            last=last,
            endpoint=endpoint,
            records=_ids(engine, endpoint, entry, last),
            times=sum(row.messages for row in rows),
        )
        raise_alert(engine, finding, at)

    def _tell_first(
        self,
        engine: Engine,
        settings: Settings,
        endpoint: str,
        entry: StoredEntry,
        rows: Sequence[UsageRow],
        at: datetime,
    ) -> None:
        about = (endpoint, str(entry.thumbprint))
        if about in self._seen_before:
            return
        if len(self._seen_before) >= _MOST_REMEMBERED:
            self._seen_before.clear()
        ever = usage(engine, endpoint, keys=[entry.key_id])
        first = min((row.first_seen for row in ever if row.thumbprint == entry.thumbprint), default=at)
        if first >= at - LOOK_BACK and find_alert(engine, AlertEvent.NEW_KEY, about) is None:
            finding = AlertFinding(
                event=AlertEvent.NEW_KEY,
                about=about,
                what=f"The first message signed with the new key, {entry.alias}, was accepted",
                run=next_command(settings, f"report cutover --endpoint {endpoint}"),
                since=min(row.first_seen for row in rows),
                last=min(row.first_seen for row in rows),
                endpoint=endpoint,
                records=_ids(engine, endpoint, entry, rows[-1].last_seen),
            )
            raise_alert(engine, finding, at)
        self._seen_before.add(about)


def _about(row: UsageRow) -> tuple[str, str]:
    return row.endpoint, str(row.thumbprint)


def _by_certificate(rows: Iterable[UsageRow]) -> list[tuple[tuple[str, str], list[UsageRow]]]:
    """By endpoint and certificate, in each the one that was seen last at the end."""
    found: dict[tuple[str, str], list[UsageRow]] = {}
    for row in rows:
        found.setdefault(_about(row), []).append(row)
    return [(key, sorted(of_key, key=lambda row: row.last_seen)) for key, of_key in found.items()]


def _is_successor(entry: StoredEntry, entries: Iterable[StoredEntry]) -> bool:
    """Whether it was declared to replace a certificate of another key."""
    return any(other.thumbprint in entry.replaces and other.key_id != entry.key_id for other in entries)


def _ids(engine: Engine, endpoint: str, entry: StoredEntry, last: datetime) -> tuple[str, ...]:
    wanted = RecordFilter(endpoint=endpoint, thumbprint=str(entry.thumbprint))
    return tuple(one.record.id for one in last_records(engine, wanted, last))
