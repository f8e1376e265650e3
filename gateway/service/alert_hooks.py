"""What a gateway process finds while it serves, and what its look at the renewals finds, for people to be told.

Whether it is so is decided elsewhere; here it gets its words, and what tells it from others of its kind.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from gateway.alerts import AlertDesk, AlertEvent
from gateway.ledger import MessageRecord
from gateway.present import instant_json, instant_text
from gateway.renewal import Expiry, Relapse, RenewalStatus

EXPIRY_DAYS: Final = (60, 30, 14, 7, 1)
"""So many days before a trusted certificate expires people are told, each time once; and once it has expired."""


class CrossCheckAlerts:
    """Tells of records on which the cross-check does not agree (see `gateway.exchange.extension_points.Recorder`)."""

    def __init__(self, desk: AlertDesk) -> None:
        """Tell it to `desk`."""
        self._desk = desk

    def recorded(self, record: MessageRecord) -> None:
        """Take notice of `record`."""
        opinion = record.second_opinion
        if opinion is None or not opinion.is_contrary:
            return
        self._desk.alarm(
            AlertEvent.CROSS_CHECK,
            (record.endpoint,),
            f"xmlsec does not agree with a verification ({opinion.opinion}: {opinion.detail}); the response was "
            f"{'delivered' if record.released else 'rejected'}",
            f"ledger show {record.id}",
            since=record.time,
            endpoint=record.endpoint,
            records=(record.id,),
            adds=1,
        )


def tell_of_renewal(desk: AlertDesk, status: RenewalStatus) -> None:
    """Where a renewal stands, as far as people have waited for it or must act."""
    renewal = status.renewal
    look = f"renewal status {renewal.name}"
    for relapse in status.relapses:
        _tell_of_relapse(desk, status, relapse, look)
    # After a relapse it switches anew.
    last = instant_json(status.relapses[-1].first) if status.relapses else ""
    once_more = (renewal.name, str(last))
    if renewal.is_open and status.is_switched:
        what = f"The renewal {renewal.name} has switched: every operation is signed with the new key, or was waived"
        desk.alarm(AlertEvent.SWITCHED, once_more, what, look, since=status.judged_at)
    if renewal.is_open and status.may_retire:
        what = f"The old certificates of the renewal {renewal.name} may be retired: every gate is open"
        desk.alarm(AlertEvent.GATE_OPEN, once_more, what, f"renewal retire {renewal.name}", since=status.judged_at)
    announced = "" if renewal.announced is None else instant_text(renewal.announced)
    about = (renewal.name, str(instant_json(renewal.announced)))
    if status.early_at is not None:
        what = f"A message with the new key of the renewal {renewal.name} came before the announced time, {announced}"
        desk.alarm(AlertEvent.SWITCH_EARLY, about, what, look, since=status.early_at)
    if status.is_late:
        what = f"The announced time of the renewal {renewal.name}, {announced}, has passed, and it waits for "
        what += status.waiting_for or "the receiver"
        desk.alarm(AlertEvent.SWITCH_LATE, about, what, look, since=renewal.announced, lasts=True)
    elif renewal.announced is not None:
        desk.over(AlertEvent.SWITCH_LATE, about, f"The renewal {renewal.name} is not late any more")


def _tell_of_relapse(desk: AlertDesk, status: RenewalStatus, relapse: Relapse, look: str) -> None:
    name, operation = status.renewal.name, relapse.operation or "an operation that cannot be read"
    about = (name, relapse.endpoint, relapse.operation or "", relapse.server, str(instant_json(relapse.after)))
    if relapse.is_over:
        desk.over(AlertEvent.RELAPSE, about, f"{operation} is signed with the new key of the renewal {name} again")
        return
    where = f" at the server {relapse.server}" if relapse.server else ""
    when = "its certificate was retired, so they are rejected" if relapse.was_retired else "it had switched"
    desk.alarm(
        AlertEvent.RELAPSE,
        about,
        f"The old key of the renewal {name} came back: responses of {operation}{where} are signed with it after {when}",
        look,
        since=relapse.first,
        last=relapse.last,
        endpoint=relapse.endpoint,
        times=relapse.messages,
        lasts=True,
    )


def tell_of_expiries(desk: AlertDesk, trusted: Iterable[Expiry]) -> None:
    """Which trusted certificates expire soon, and whether a renewal is open for them."""
    for one in trusted:
        days = (
            0 if one.left < timedelta(0) else min((d for d in EXPIRY_DAYS if one.left <= timedelta(days=d)), default=-1)
        )
        if days >= 0:
            what = f"The certificate {one.sentence}"
            desk.alarm(AlertEvent.EXPIRY, (str(one.thumbprint), str(days)), what, "report expiry")
