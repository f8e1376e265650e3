"""Looks for certificates of unknown signers: each is told of once, by its fingerprint, and then how often it came.

Whoever answers for the receiver can make as many as he likes. So of one endpoint only some are told of one by one
within an hour; the others make one alert between them.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Engine

from gateway.alerts.alert_events import AlertEvent
from gateway.alerts.looks.shown_records import LOOK_BACK, last_records, next_command
from gateway.config import Settings
from gateway.ledger import (
    Alert,
    AlertFinding,
    KeptCertificate,
    RecordFilter,
    TrafficRow,
    find_alert,
    kept_certificates,
    known_alerts,
    last_traffic,
    raise_alert,
)
from gateway.verify import Reason
from keystore import KeystoreError, TrustedCertificate
from keystore.store import KeystoreStore

MOST_AN_HOUR: Final = 5
"""Unknown keys of one endpoint that are told of one by one within an hour."""
_HOUR: Final = timedelta(hours=1)
_NO_CERTIFICATE: Final = "no certificate"
_LONGEST_NAME: Final = 120


def look_for_unknown_keys(engine: Engine, settings: Settings, at: datetime) -> None:
    """Tell of what came within a day.

    Raises:
        DatabaseUnavailable: The database cannot be read.
        LedgerUnavailable: It cannot be written.
    """
    known = known_alerts(engine, event=AlertEvent.UNKNOWN_KEY, since=at - LOOK_BACK)
    kept = [one for one in kept_certificates(engine, since=at - LOOK_BACK) if one.endpoint in settings.endpoints]
    told = {alert.about for alert in known}
    if any(_about(one) not in told for one in kept):
        # Somebody has seen it and added it before anybody was told.
        added = {entry.thumbprint for entry in KeystoreStore(engine).entries()}
        kept = [one for one in kept if one.thumbprint not in added or _about(one) in told]
    for endpoint in settings.endpoints:
        of_endpoint = [one for one in kept if one.endpoint == endpoint]
        for finding in _findings(settings, endpoint, of_endpoint, known, at):
            raise_alert(engine, finding, at)
    _look_for_others(engine, settings, at)


def _findings(
    settings: Settings, endpoint: str, kept: Iterable[KeptCertificate], known: Sequence[Alert], at: datetime
) -> Iterable[AlertFinding]:
    told = {alert.about for alert in known}
    lately = sum(a.endpoint == endpoint and a.notices == 1 and _is_lately(a.told_at, at) for a in known)
    others = []
    for one in kept:
        about = _about(one)
        if about not in told:
            lately += 1
            if lately > MOST_AN_HOUR:
                others.append(one)
                continue
        yield AlertFinding(
            event=AlertEvent.UNKNOWN_KEY,
            about=about,
            what=_sentence(one),
            run=next_command(settings, f"report unknown-keys --endpoint {endpoint}"),
            since=one.first_seen,
            last=one.last_seen,
            endpoint=endpoint,
            records=(one.record,),
            times=one.messages,
        )
    if others:
        yield AlertFinding(
            event=AlertEvent.UNKNOWN_KEY,
            about=(endpoint, "others", f"{at:%Y-%m-%d}"),
            what=f"Messages with more than {MOST_AN_HOUR} different unknown certificates came within an hour: "
            f"{len(others)} besides those that were told of one by one",
            run=next_command(settings, f"report unknown-keys --endpoint {endpoint}"),
            since=min(one.first_seen for one in others),
            last=max(one.last_seen for one in others),
            endpoint=endpoint,
            records=[one.record for one in others],
            times=sum(one.messages for one in others),
        )


def _about(one: KeptCertificate) -> tuple[str, ...]:
    return one.endpoint, str(one.thumbprint)


def _sentence(one: KeptCertificate) -> str:
    try:
        certificate = TrustedCertificate.from_der("unknown", one.der)
        names = f"subject {_short(certificate.subject)}, issuer {_short(certificate.issuer)}, "
    except (KeystoreError, ValueError):
        names = ""
    proof = "its signature is good" if one.good_messages else "no signature of it was good so far"
    return f"A message came whose certificate nobody knows: {names}SHA-256 {one.thumbprint}; {proof}"


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 3] + "..."


def _is_lately(told_at: datetime | None, at: datetime) -> bool:
    return told_at is not None and abs(at - told_at) < _HOUR


def _look_for_others(engine: Engine, settings: Settings, at: datetime) -> None:
    """Messages with an unknown key that carry no certificate: there is no fingerprint to tell them apart by."""
    for row in _by_endpoint(last_traffic(engine, at - LOOK_BACK)):
        if row.endpoint not in settings.endpoints:
            continue
        about = (row.endpoint, _NO_CERTIFICATE)
        known = find_alert(engine, AlertEvent.UNKNOWN_KEY, about)
        if known is not None:
            # What was counted in an alert is counted from its beginning on, so that the number only grows.
            since = min(known.since, at - LOOK_BACK)
            row = next(one for one in _by_endpoint(last_traffic(engine, since)) if one.endpoint == row.endpoint)
            if known.times >= row.messages:
                continue
        wanted = RecordFilter(endpoint=row.endpoint, reason=str(Reason.UNKNOWN_KEY))
        shown = [one.record for one in last_records(engine, wanted, row.last_seen)]
        without = [record.id for record in shown if record.embedded is None]
        if without:
            finding = AlertFinding(
                event=AlertEvent.UNKNOWN_KEY,
                about=about,
                what="Messages came that are signed with a key that nobody knows, and carry no certificate of it",
                run=next_command(settings, f"ledger show {without[0]}"),
                since=row.first_seen,
                last=row.last_seen,
                endpoint=row.endpoint,
                records=without,
                times=row.messages,
            )
            raise_alert(engine, finding, at)


def _by_endpoint(rows: Iterable[TrafficRow]) -> list[TrafficRow]:
    """Those of unknown keys, summed up by endpoint."""
    found: dict[str, TrafficRow] = {}
    for row in rows:
        if row.reason == Reason.UNKNOWN_KEY:
            other = found.get(row.endpoint)
            found[row.endpoint] = row if other is None else _sum(other, row)
    return list(found.values())


def _sum(one: TrafficRow, other: TrafficRow) -> TrafficRow:
    return TrafficRow(
        one.endpoint,
        None,
        one.kind,
        one.outcome,
        one.reason,
        one.released,
        one.messages + other.messages,
        min(one.first_seen, other.first_seen),
        max(one.last_seen, other.last_seen),
    )
