"""Step 12: the Timestamp of our Security header (WSS-Core 10, threat rule 23)."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from lxml import etree

from gateway.verify.element_content import child_elements, sole_text
from gateway.verify.policy import Policy
from gateway.verify.reason import Reason, Rejection
from gateway.verify.verdict import TimestampReport
from gateway.verify.xml_names import CREATED, EXPIRES

# xsd:dateTime with a mandatory time zone; digits beyond microseconds are read and dropped.
_DATE_TIME: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,30})?(?:Z|[+-][0-9]{2}:[0-9]{2})"
)


def read_timestamp(timestamp: etree._Element, *, signed: bool) -> TimestampReport:
    """Created and Expires of `timestamp`.

    Raises:
        Rejection: `structure`, where one occurs twice or is no xsd:dateTime with a time zone.
    """
    values: dict[str, datetime] = {}
    for child in child_elements(timestamp):
        tag = str(child.tag)
        if tag not in {CREATED, EXPIRES}:
            continue
        if tag in values:
            raise Rejection(Reason.STRUCTURE, "the Timestamp holds two values of one kind")
        values[tag] = instant(sole_text(child))
    return TimestampReport(created=values.get(CREATED), expires=values.get(EXPIRES), signed=signed)


def check_freshness(report: TimestampReport, policy: Policy, at: datetime) -> datetime | None:
    """Whether the Timestamp says what the policy demands, and is fresh at `at`.

    Returns:
        The instant from which the message is stale; None where nothing bounds it.

    Raises:
        Rejection: `timestamp-missing`, `timestamp-stale`, `structure`.
    """
    if report.created is None and "Timestamp" in policy.required_parts:
        raise Rejection(
            Reason.TIMESTAMP_MISSING, "the policy requires a Timestamp, and this one says not when it was made"
        )
    return check_timestamp(report, policy, at)


def check_timestamp(report: TimestampReport, policy: Policy, at: datetime) -> datetime | None:
    """Check freshness at `at`; the instant from which the message is stale, None where nothing bounds it.

    Raises:
        Rejection: `timestamp-stale`, `structure` (Expires before Created).
    """
    created, expires = report.created, report.expires
    if created is not None and expires is not None and created >= expires:
        when = "at the instant when" if created == expires else "before"
        raise Rejection(Reason.STRUCTURE, f"the Timestamp expires {when} it was created ({_shown(created)})")
    if created is not None and created > at + timedelta(seconds=policy.clock_skew_seconds):
        raise Rejection(
            Reason.TIMESTAMP_STALE,
            f"the Timestamp was created at {_shown(created)}, in the future (it is {_shown(at)}): compare the clocks",
        )
    limit = None if created is None else created + timedelta(seconds=policy.timestamp_max_age_seconds)
    bounds = [bound for bound in (expires, limit) if bound is not None]
    if not bounds:
        return None
    fresh_until = min(bounds)
    if at >= fresh_until:
        why = "by its own Expires" if fresh_until == expires else "by the age limit of the policy"
        raise Rejection(
            Reason.TIMESTAMP_STALE, f"the Timestamp is stale since {_shown(fresh_until)}, {why} (it is {_shown(at)})"
        )
    return fresh_until


def instant(text: str) -> datetime:
    """The instant that `text`, an xsd:dateTime with a time zone, names.

    Raises:
        Rejection: `structure`, where it is none.
    """
    if _DATE_TIME.fullmatch(text) is not None:
        try:
            instant = datetime.fromisoformat(text)
        except ValueError:
            pass
        else:
            return _in_utc(instant)
    raise Rejection(Reason.STRUCTURE, "the Timestamp holds a value that is not a date and time with a time zone")


def _in_utc(instant: datetime) -> datetime:
    """`instant` in UTC; one beyond the years that can be told is the last or the first that can.

    .NET writes DateTime.MaxValue in local time for "never": 9999-12-31T23:59:59-05:00 is in the year 10,000.
    """
    if instant.tzinfo is UTC:
        return instant
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC) if instant.year > 1 else datetime.min.replace(tzinfo=UTC)


def _shown(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
