"""What statements hold, by kind, and how it is read again. Instants and lengths are whole microseconds.

started     {reason, endpoints, old, new, announced, announced_text, downtime, compromised, contacts}; certificates as
            {alias, thumbprint, key_id, subject, issuer, serial, not_before, not_after, pem}
changed     {reason} and what is another now: {endpoints, announced, announced_text, downtime, compromised, contacts}
confirmed   {step, by, note, fingerprint}
rehearsed   {endpoint, file, sha256, accepted, reason, sentence}
waived      {by, reason, endpoint, operation, server}
noticed     {step, sha256}
retired     {alias, thumbprint, sha256, certificate}
signed-off  {sha256, format}
closed      {how, reason}
policy      {endpoint, guaranteed_delivery_time, owner, reason}
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from gateway.ledger import Statement
from gateway.renewal.plan.renewal import (
    Closed,
    Closure,
    Confirmation,
    Notice,
    PlannedCertificate,
    Rehearsal,
    Renewal,
    SitePolicy,
    Waiver,
)
from keystore import Alias, KeyId, Thumbprint, from_microseconds, optional_instant, to_microseconds

Content = Mapping[str, Any]

STEPS: Final = range(1, 9)
"""The eight steps of a renewal."""


def certificate_content(certificate: PlannedCertificate) -> Content:
    """A certificate as it stands in a statement."""
    return {
        "alias": str(certificate.alias),
        "thumbprint": str(certificate.thumbprint),
        "key_id": str(certificate.key_id),
        "subject": certificate.subject,
        "issuer": certificate.issuer,
        "serial": certificate.serial,
        "not_before": to_microseconds(certificate.not_before),
        "not_after": to_microseconds(certificate.not_after),
        "pem": certificate.pem,
    }


def read_start(statement: Statement) -> Renewal:
    """The renewal that a statement starts.

    Raises:
        KeyError: It does not tell something; like the errors below, of what was never written by this program.
        TypeError: Something is of a type that was never written.
        ValueError: Something has a value that was never written.
        KeystoreError: The same, of an alias.
        OverflowError: The same, of an instant.
    """
    content = statement.content
    endpoints, old = _texts(content["endpoints"]), tuple(map(_certificate, _list(content["old"])))
    if not endpoints or not old:
        raise ValueError("it names no endpoint or no old certificate")
    return Renewal(
        name=Alias(statement.renewal),
        started_at=statement.at,
        started_by=statement.who,
        reason=_text(content["reason"]),
        endpoints=endpoints,
        old=old,
        new=_certificate(content["new"]),
        announced=optional_instant(_number_or_none(content["announced"])),
        announced_text=_text(content["announced_text"]),
        downtime=_truth(content["downtime"]),
        compromised=_truth(content["compromised"]),
        contacts=_texts(content["contacts"]),
    )


def read_change(content: Content) -> dict[str, Any]:
    """What a statement changes of a renewal, by the names of its fields. Raises as `read_start`."""
    _text(content["reason"])
    readers: Mapping[str, Any] = {
        "endpoints": _texts,
        "announced": lambda value: optional_instant(_number_or_none(value)),
        "announced_text": _text,
        "downtime": _truth,
        "compromised": _truth,
        "contacts": _texts,
    }
    changes = {name: read(content[name]) for name, read in readers.items() if name in content}
    if changes.get("endpoints", True) == ():
        raise ValueError("it leaves no endpoint")
    return changes


def read_confirmation(statement: Statement) -> Confirmation:
    """What somebody said of a step. Raises as `read_start`."""
    content = statement.content
    return Confirmation(
        _step(content["step"]),
        statement.at,
        _text(content["by"]),
        statement.who,
        _text(content["note"]),
        _text(content["fingerprint"]),
    )


def read_rehearsal(statement: Statement) -> Rehearsal:
    """What became of a sample. Raises as `read_start`."""
    content = statement.content
    return Rehearsal(
        statement.at,
        statement.who,
        _text(content["endpoint"]),
        _text(content["file"]),
        _text(content["sha256"]),
        _truth(content["accepted"]),
        _text(content["reason"]),
        _text(content["sentence"]),
    )


def read_waiver(statement: Statement) -> Waiver:
    """Which cell need not switch. Raises as `read_start`."""
    content = statement.content
    return Waiver(
        statement.at,
        _text(content["by"]),
        statement.who,
        _text(content["reason"]),
        _text(content["endpoint"]),
        _text(content["operation"]),
        _text(content["server"]),
    )


def read_notice(statement: Statement) -> Notice:
    """Which notice was written. Raises as `read_start`."""
    content = statement.content
    return Notice(_step(content["step"]), statement.at, statement.who, _text(content["sha256"]))


def read_closing(statement: Statement) -> Closed:
    """How a renewal ended. Raises as `read_start`."""
    content = statement.content
    return Closed(Closure(content["how"]), statement.at, statement.who, _text(content["reason"]))


def read_policy(statement: Statement) -> SitePolicy:
    """The delivery time of an endpoint, as it was decided. Raises as `read_start`."""
    content = statement.content
    return SitePolicy(
        _text(content["endpoint"]),
        timedelta(microseconds=_number(content["guaranteed_delivery_time"])),
        _text(content["owner"]),
        _text(content["reason"]),
        statement.at,
        statement.who,
    )


def read_sha256(content: Content) -> str:
    """The SHA-256 of a retirement certificate, or of a sign-off. Raises as `read_start`."""
    return _text(content["sha256"])


def _certificate(content: Content) -> PlannedCertificate:
    return PlannedCertificate(
        Alias(_text(content["alias"])),
        Thumbprint(_text(content["thumbprint"])),
        KeyId(_text(content["key_id"])),
        _text(content["subject"]),
        _text(content["issuer"]),
        _text(content["serial"]),
        _instant(content["not_before"]),
        _instant(content["not_after"]),
        _text(content["pem"]),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("it is no text")
    return value


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("it is no list")
    return value


def _texts(value: object) -> tuple[str, ...]:
    return tuple(map(_text, _list(value)))


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError("it is no truth value")
    return value


def _number(value: object) -> int:
    if type(value) is not int:
        raise TypeError("it is no number")
    return value


def _number_or_none(value: object) -> int | None:
    return None if value is None else _number(value)


def _instant(value: object) -> datetime:
    return from_microseconds(_number(value))


def _step(value: object) -> int:
    step = _number(value)
    if step not in STEPS:
        raise ValueError("there is no such step")
    return step
