"""A renewal is started, changed and closed, and the site's policies are set: each checked against what was said before.

Every function adds one statement, or raises and adds none. Nobody else can add one between check and statement.
"""

from collections.abc import Callable, Iterable, Mapping, Sized
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import Engine

from gateway.ledger import Statement, add_statement
from gateway.present import instant_text
from gateway.renewal.plan.plan_errors import PlanRefused, SaidWrongly
from gateway.renewal.plan.renewal import Closure, PlannedCertificate, Renewal, SitePolicy, StatementKind
from gateway.renewal.plan.renewals import Renewals, read_renewals, renewals_of
from gateway.renewal.plan.statement_contents import certificate_content
from keystore import Alias, TrustedCertificate, describe, optional_microseconds

LONGEST_TEXT: Final = 2000
"""Characters of a reason, a note or a name; more is refused, not cut."""
_MOST_NAMES: Final = 200
"""Endpoints, old certificates or contacts of one renewal."""
LONGEST_DELIVERY_TIME: Final = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Author:
    """Who says something.

    Raises:
        SaidWrongly: Nobody is named, or at too great length.
    """

    who: str
    told_at: datetime
    """Now by the clock of the machine on which it is said."""

    def __post_init__(self) -> None:
        said(self.who, "the name of who says it", needed=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRenewal:
    """A renewal as it is started. See `Renewal`."""

    name: str
    endpoints: Iterable[str]
    old: tuple[PlannedCertificate, ...]
    new: PlannedCertificate
    reason: str = ""
    announced: datetime | None = None
    announced_text: str = ""
    downtime: bool = False
    compromised: bool = False
    contacts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewalChange:
    """What shall be another of an open renewal; what is None stays."""

    reason: str
    further_endpoints: tuple[str, ...] = ()
    announced: datetime | None = None
    announced_text: str = ""
    takes_date_back: bool = False
    """No date is announced any more."""
    downtime: bool | None = None
    compromised: bool = False
    """It has become an emergency: the old key is in wrong hands."""
    further_contacts: tuple[str, ...] = ()


def planned(certificate: TrustedCertificate) -> PlannedCertificate:
    """A certificate of the keystore as it stands in a plan, in full."""
    return PlannedCertificate(
        certificate.alias,
        certificate.thumbprint,
        certificate.key_id,
        certificate.subject,
        certificate.issuer,
        describe(certificate).serial.replace(":", ""),
        certificate.not_before,
        certificate.not_after,
        certificate.certificate.public_bytes(Encoding.PEM).decode("ascii"),
    )


def start_renewal(engine: Engine, new: NewRenewal, author: Author) -> Renewal:
    """Start a renewal.

    Raises:
        SaidWrongly: The name is none, nothing is old, or a text is too long.
        PlanRefused: The name is taken, the new certificate is one of the old ones, or another open renewal covers the
            same old certificate at one of the endpoints.
        KeystoreError: The name is no plain one.
        DatabaseUnavailable: Nothing could be recorded.
    """
    content = _start_content(new)

    def check(renewals: Renewals) -> None:
        refuse_start(renewals, new)

    return record(engine, Alias(new.name), StatementKind.STARTED, content, author, check)


def refuse_start(renewals: Renewals, new: NewRenewal) -> None:
    """See to it that a start can be said, and contradicts nothing that was said before: before anything else is done.

    Raises:
        SaidWrongly: As `start_renewal`.
        PlanRefused: As there.
        KeystoreError: As there.
    """
    _start_content(new)
    if any(name.casefold() == new.name.casefold() for name in renewals.by_name):
        raise PlanRefused(f"there is a renewal {new.name!r} already, and its name stays: choose another with --name.")
    if new.new.thumbprint in {old.thumbprint for old in new.old}:
        raise PlanRefused(f"{new.new.alias} cannot replace itself: the new certificate is one of the old ones.")
    if new.compromised:
        _refuse_same_key(new.old, new.new)
    for other in renewals.open:
        _refuse_overlap(other, new.old, new.endpoints, compromised=new.compromised)


def _start_content(new: NewRenewal) -> dict[str, Any]:
    Alias(new.name)
    endpoints, contacts = sorted(set(new.endpoints)), list(dict.fromkeys(new.contacts))
    if not endpoints or not new.old:
        raise SaidWrongly("a renewal needs an old certificate and an endpoint: name at least one of each.")
    _refuse_many(endpoints, "endpoints")
    _refuse_many(new.old, "old certificates")
    _refuse_many(contacts, "contacts")
    return {
        "reason": said(new.reason, "the reason"),
        "endpoints": [said(endpoint, "an endpoint") for endpoint in endpoints],
        "old": [certificate_content(one) for one in new.old],
        "new": certificate_content(new.new),
        "announced": optional_microseconds(new.announced),
        "announced_text": said(new.announced_text, "the announced date"),
        "downtime": new.downtime,
        "compromised": new.compromised,
        "contacts": [said(contact, "a contact") for contact in contacts],
    }


def change_renewal(engine: Engine, name: str, change: RenewalChange, author: Author) -> Renewal:
    """Change an open renewal.

    Raises:
        SaidWrongly: Nothing is changed, or a text is too long.
        UnknownRenewal: There is none of that name.
        PlanRefused: It is closed, or another open renewal covers the same old certificate at a further endpoint.
        DatabaseUnavailable: Nothing could be recorded.
    """
    content = _change_content(read_renewals(engine), name, change)

    def check(latest: Renewals) -> None:
        if _change_content(latest, name, change) != content:
            raise PlanRefused("somebody else has changed this renewal in this moment: look at it, then come back.")

    return record(engine, name, StatementKind.CHANGED, content, author, check)


def refuse_change(renewals: Renewals, name: str, change: RenewalChange) -> None:
    """See to it that a change can be said: before anything else is done.

    Raises:
        SaidWrongly: As `change_renewal`.
        UnknownRenewal: As there.
        PlanRefused: As there.
    """
    _change_content(renewals, name, change)


def close_renewal(engine: Engine, name: str, how: Closure, reason: str, author: Author) -> Renewal:
    """Close a renewal.

    Raises:
        UnknownRenewal: There is none of that name.
        PlanRefused: It is closed already.
        SaidWrongly: The reason is too long.
        DatabaseUnavailable: Nothing could be recorded.
    """
    content = {"how": str(how), "reason": said(reason, "the reason")}
    return record(engine, name, StatementKind.CLOSED, content, author, lambda renewals: open_renewal(renewals, name))


def set_site_policy(
    engine: Engine, endpoint: str, guaranteed_delivery_time: timedelta, owner: str, reason: str, author: Author
) -> SitePolicy:
    """Record how long the guaranteed delivery time of an endpoint is, by whose decision, and why.

    Raises:
        SaidWrongly: Owner or reason are empty or too long, or the time is none.
        DatabaseUnavailable: Nothing could be recorded.
    """
    if not timedelta(0) < guaranteed_delivery_time <= LONGEST_DELIVERY_TIME:
        raise SaidWrongly("a guaranteed delivery time is longer than nothing, and no longer than a year.")
    content: dict[str, Any] = {
        "endpoint": said(endpoint, "the endpoint", needed=True),
        "guaranteed_delivery_time": guaranteed_delivery_time // timedelta(microseconds=1),
        "owner": said(owner, "the owner", needed=True),
        "reason": said(reason, "the reason", needed=True),
    }
    _append(engine, "", StatementKind.POLICY, content, author, lambda _: None)
    return read_renewals(engine).policies[content["endpoint"]]


def record(
    engine: Engine,
    name: str,
    kind: StatementKind,
    content: Mapping[str, Any],
    author: Author,
    check: Callable[[Renewals], object],
) -> Renewal:
    """Add a statement about the renewal `name`, and return what the renewal is by it; `check` raises to keep it out.

    Raises:
        UnknownRenewal: There is none of that name, and none is started by this.
        DatabaseUnavailable: Nothing could be recorded.
    """
    spelled = name if kind is StatementKind.STARTED else read_renewals(engine).named(name).name
    _append(engine, spelled, kind, content, author, check)
    return read_renewals(engine).by_name[spelled]


def said(text: str, what: str, *, needed: bool = False) -> str:
    """`text` as it is recorded: on one line, without control characters.

    Raises:
        SaidWrongly: It is too long, or empty where it is `needed`.
    """
    line = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    if len(line) > LONGEST_TEXT:
        raise SaidWrongly(f"{what} has {len(line):,} characters: say it in {LONGEST_TEXT:,} at most.")
    if needed and not line:
        raise SaidWrongly(f"{what} is empty: it is kept for whoever asks later on, so say it.")
    return line


def open_renewal(renewals: Renewals, name: str) -> Renewal:
    """The open renewal of that name.

    Raises:
        UnknownRenewal: There is none.
        PlanRefused: It is closed.
    """
    renewal = renewals.named(name)
    if renewal.closed is not None:
        closed = renewal.closed
        raise PlanRefused(
            f"{renewal.name} is closed: {closed.how} at {instant_text(closed.at)} by {closed.who}; what comes now is "
            "another renewal (wssgate renewal start)."
        )
    return renewal


def _change_content(renewals: Renewals, name: str, change: RenewalChange) -> dict[str, Any]:
    renewal = open_renewal(renewals, name)
    content: dict[str, Any] = {}
    if further := sorted(set(change.further_endpoints) - set(renewal.endpoints)):
        for other in renewals.open:
            if other.name != renewal.name:
                _refuse_overlap(other, renewal.old, further)
        content["endpoints"] = [said(one, "an endpoint") for one in sorted({*renewal.endpoints, *further})]
    if change.takes_date_back or change.announced is not None:
        content["announced"] = None if change.takes_date_back else optional_microseconds(change.announced)
        content["announced_text"] = "" if change.takes_date_back else said(change.announced_text, "the date")
    if change.downtime is not None:
        content["downtime"] = change.downtime
    if change.compromised and not renewal.compromised:
        _refuse_same_key(renewal.old, renewal.new)
        content["compromised"] = True
    if further_contacts := [one for one in change.further_contacts if one not in renewal.contacts]:
        content["contacts"] = [*renewal.contacts, *(said(one, "a contact") for one in further_contacts)]
    for what in ("endpoints", "contacts"):
        _refuse_many(content.get(what, ()), what)
    if not content:
        raise SaidWrongly("nothing would be another than it is: say what to change.")
    return {"reason": said(change.reason, "the reason"), **content}


def _append(
    engine: Engine,
    name: str,
    kind: StatementKind,
    content: Mapping[str, Any],
    author: Author,
    check: Callable[[Renewals], object],
) -> Statement:
    who = said(author.who, "the name of who says it")
    return add_statement(
        engine, name, kind, who, content, author.told_at, check=lambda statements: check(renewals_of(statements))
    )


def _refuse_same_key(old: Iterable[PlannedCertificate], new: PlannedCertificate) -> None:
    """In an emergency the new certificate has to be over another key."""
    if new.key_id in {one.key_id for one in old}:
        raise PlanRefused(
            f"{new.alias} has the very key that is in wrong hands: ask the receiver for a new key, not for a new "
            "certificate over the same one."
        )


def _refuse_overlap(
    other: Renewal, old: Iterable[PlannedCertificate], endpoints: Iterable[str], *, compromised: bool = False
) -> None:
    shared = sorted(set(other.endpoints).intersection(endpoints))
    thumbprints = {one.thumbprint for one in other.old}
    for one in old:
        if shared and one.thumbprint in thumbprints:
            stop = f" If the key is in wrong hands, stop it now: wssgate renewal change {other.name} --compromised."
            raise PlanRefused(
                f"the renewal {other.name} is open already for {one.alias} at {', '.join(shared)}: go on with it, or "
                f"end it first (wssgate renewal abandon {other.name}).{stop if compromised else ''}"
            )


def _refuse_many(names: Sized, what: str) -> None:
    if len(names) > _MOST_NAMES:
        raise SaidWrongly(f"these are {len(names)} {what}: a renewal has {_MOST_NAMES} at most; start several.")
