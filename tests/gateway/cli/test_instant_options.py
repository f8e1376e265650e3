"""Instants and ages as people write them."""

from datetime import UTC, datetime, timedelta

import pytest
import typer

from gateway.cli.instant_options import parse_instant, parse_length, parse_since


@pytest.mark.parametrize(
    "text",
    ["2026-06-01T12:00:00Z", "2026-06-01t12:00:00z", "2026-06-01 14:00:00+02:00", " 2026-06-01T12:00:00.000Z "],
)
def test_rfc_3339(text: str) -> None:
    assert parse_instant(text) == datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-06-01",
        "2026-06-01T12:00:00",
        "20260601T120000Z",
        "2026-02-30T00:00:00Z",
        "1780315200",
        "0001-01-01T00:00:00+10:00",
    ],
)
def test_all_else_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="is no instant"):
        parse_instant(text)


@pytest.mark.parametrize(("text", "words"), [("99999999999w", "no length of time"), ("2 weeks", "no length of time")])
def test_what_is_no_length_of_time_is_refused(text: str, words: str) -> None:
    assert parse_length("2W") == timedelta(days=14)
    with pytest.raises(typer.BadParameter, match=words):
        parse_length(text)


@pytest.mark.parametrize(
    ("text", "age"),
    [
        ("90s", timedelta(seconds=90)),
        ("30m", timedelta(minutes=30)),
        ("12H", timedelta(hours=12)),
        ("7d", timedelta(days=7)),
        ("2w", timedelta(weeks=2)),
    ],
)
def test_ages(text: str, age: timedelta) -> None:
    assert abs(datetime.now(UTC) - age - parse_since(text)) < timedelta(seconds=5)


@pytest.mark.parametrize("text", ["7", "7y", "-7d", "d", "999999w", "yesterday"])
def test_what_is_no_age(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        parse_since(text)
