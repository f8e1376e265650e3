"""Step 12: what a Timestamp says, and whether it is fresh at the instant."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.verify import Policy, Reason, TimestampReport
from gateway.verify.reason import Rejection
from gateway.verify.timestamp import check_timestamp, read_timestamp
from gateway.verify.xml_names import WSU
from tests.gateway.verify.documents import parsed

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def read(content: str, *, signed: bool = True) -> TimestampReport:
    return read_timestamp(parsed(f'<u:Timestamp xmlns:u="{WSU}">{content}</u:Timestamp>'), signed=signed)


def created(text: str) -> datetime | None:
    return read(f"<u:Created>{text}</u:Created>").created


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-06-01T12:00:00Z", NOON),
        ("\n 2026-06-01T12:00:00Z ", NOON),
        ("2026-06-01T14:00:00+02:00", NOON),
        ("2026-06-01T06:30:00-05:30", NOON),
        ("2026-06-01T12:00:00.5Z", NOON + timedelta(milliseconds=500)),
        ("2026-06-01T12:00:00.123456789Z", NOON + timedelta(microseconds=123456)),
        ("2026-06-01T12:00:00." + "0" * 30 + "Z", NOON),
    ],
)
def test_a_date_and_time_is_read(text: str, instant: datetime) -> None:
    assert created(text) == instant


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2026-06-01",
        "2026-06-01T12:00:00",
        "2026-06-01 12:00:00Z",
        "2026-06-01T12:00Z",
        "2026-06-01T12:00:00z",
        "2026-06-01T12:00:00.Z",
        "2026-06-01T12:00:00." + "0" * 31 + "Z",
        "2026-06-01T12:00:00+0200",
        "2026-06-01T12:00:00+25:00",
        "2026-13-01T12:00:00Z",
        "2026-02-30T12:00:00Z",
        "2026-06-01T24:00:01Z",
        "2026-06-01T12:00:60Z",
        "0000-01-01T00:00:00Z",
        "12026-06-01T12:00:00Z",
        "-2026-06-01T12:00:00Z",
        "\u0662026-06-01T12:00:00Z",
        "2026-06-01T12:00:00Z 2026-06-01T12:00:00Z",
        "2026-06-01<!-- -->T12:00:00Z",
    ],
)
def test_what_is_no_date_and_time_is_refused(text: str) -> None:
    with pytest.raises(Rejection) as caught:
        created(text)

    assert caught.value.reason is Reason.STRUCTURE


def test_foreign_children_are_passed_over() -> None:
    report = read('<f:Note xmlns:f="urn:f">x</f:Note><u:Expires>2026-06-01T12:00:00Z</u:Expires><!-- -->', signed=False)

    assert report == TimestampReport(created=None, expires=NOON, signed=False)


@pytest.mark.parametrize("name", ["Created", "Expires"])
def test_two_values_of_one_kind_are_refused(name: str) -> None:
    value = f"<u:{name}>2026-06-01T12:00:00Z</u:{name}>"

    with pytest.raises(Rejection, match="two values of one kind") as caught:
        read(value + value)
    assert caught.value.reason is Reason.STRUCTURE


def seconds(offset: float | None) -> datetime | None:
    return None if offset is None else NOON + timedelta(seconds=offset)


@pytest.mark.parametrize(
    ("start", "end", "fresh_until"),
    [
        # Seconds from the instant of verification; the skew is 60 s, the age limit 600 s.
        (0, 300, 300),
        (-599, None, 1),
        (-599, 300, 1),
        (-100, 1, 1),
        (60, 300, 300),
        (None, 300, 300),
        (None, None, None),
    ],
)
def test_what_is_fresh(start: float | None, end: float | None, fresh_until: float | None) -> None:
    report = TimestampReport(created=seconds(start), expires=seconds(end), signed=True)

    assert check_timestamp(report, Policy(timestamp_max_age_seconds=600), NOON) == seconds(fresh_until)


@pytest.mark.parametrize(
    ("start", "end", "reason", "message"),
    [
        (-600, None, Reason.TIMESTAMP_STALE, "stale since 2026-06-01T12:00:00Z, by the age limit"),
        (-600, 300, Reason.TIMESTAMP_STALE, r"by the age limit of the policy \(it is 2026-06-01T12:00:00Z\)"),
        (-100, 0, Reason.TIMESTAMP_STALE, "stale since 2026-06-01T12:00:00Z, by its own Expires"),
        (None, 0, Reason.TIMESTAMP_STALE, "by its own Expires"),
        (60.000001, 300, Reason.TIMESTAMP_STALE, "compare the clocks"),
        (61, None, Reason.TIMESTAMP_STALE, "created at 2026-06-01T12:01:01Z, in the future"),
        (10, 10, Reason.STRUCTURE, r"expires at the instant when it was created \(2026-06-01T12:00:10Z\)"),
        (10, 5, Reason.STRUCTURE, "expires before it was created"),
        (100_000, 90_000, Reason.STRUCTURE, "expires before it was created"),
    ],
)
def test_what_is_not_fresh(start: float | None, end: float | None, reason: Reason, message: str) -> None:
    report = TimestampReport(created=seconds(start), expires=seconds(end), signed=True)

    with pytest.raises(Rejection, match=message) as caught:
        check_timestamp(report, Policy(timestamp_max_age_seconds=600), NOON)
    assert caught.value.reason is reason


def test_an_instant_beyond_those_that_can_be_told_is_the_last_or_the_first() -> None:
    """What .NET writes for "never", in local time."""
    assert created("9999-12-31T23:59:59-05:00") == LAST
    assert created("9999-12-31T23:59:59.9999999-14:00") == LAST
    assert created("0001-01-01T00:00:00+14:00") == FIRST


FIRST, LAST = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (FIRST, FIRST + timedelta(days=1)),
        (LAST - timedelta(days=1), LAST),
        (LAST, None),
        (FIRST, None),
        (None, FIRST),
    ],
)
def test_the_ends_of_time_are_stale_and_no_error(start: datetime | None, end: datetime | None) -> None:
    report = TimestampReport(start, end, signed=True)

    with pytest.raises(Rejection) as caught:
        check_timestamp(report, Policy(timestamp_max_age_seconds=31_536_000), NOON)
    assert caught.value.reason is Reason.TIMESTAMP_STALE
