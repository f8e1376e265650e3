"""After which answers a connection serves again: those that are like the ones before."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.exchange.usual_answers import UsualAnswers
from gateway.ledger.record import MessageRecord
from gateway.verify import Expectation
from gateway.verify.verdict import UNBOUND
from gateway.vocabulary import MessageKind, Mode, RecordedOutcome

ASKED = Expectation(message_id="urn:uuid:1")
BOUND = MessageRecord(
    id="x",
    time=datetime(2026, 1, 1, tzinfo=UTC),
    instance="test",
    endpoint="orders",
    mode=Mode.ENFORCE,
    kind=MessageKind.MESSAGE,
    operation=None,
    outcome=RecordedOutcome.ACCEPTED,
    reason=None,
    detail="",
    released=True,
    body_sha256="",
    request_bytes=1,
    response_bytes=1,
    upstream_status=200,
    upstream_ms=1.0,
    verify_ms=1.0,
    keystore_revision=1,
)
LOOSE = replace(BOUND, warnings=(UNBOUND,))
EMPTY = replace(BOUND, kind=MessageKind.EMPTY, outcome=RecordedOutcome.PASSED)
UNSIGNED = replace(BOUND, outcome=RecordedOutcome.REJECTED, reason="unsigned")
BROKEN = replace(BOUND, outcome=RecordedOutcome.FAILED)


def rejected(reason: str) -> MessageRecord:
    return replace(UNSIGNED, reason=reason)


def told(*records: Any) -> UsualAnswers:
    usual = UsualAnswers()
    for record in records:
        usual.fits(record, ASKED)
    return usual


@pytest.mark.parametrize(
    ("before", "record", "fits"),
    [
        ((), BOUND, True),
        ((), LOOSE, True),
        ((), EMPTY, True),
        ((), UNSIGNED, True),
        ((BOUND,), BOUND, True),
        ((BOUND,), LOOSE, False),
        ((BOUND,), EMPTY, False),
        ((BOUND,), UNSIGNED, False),
        ((LOOSE,), LOOSE, True),
        ((LOOSE,), EMPTY, True),
        ((LOOSE,), UNSIGNED, False),
        ((EMPTY,), LOOSE, True),
        ((UNSIGNED,), UNSIGNED, True),
        ((UNSIGNED,), LOOSE, True),
        ((LOOSE, LOOSE, BOUND), LOOSE, True),
        ((BOUND, BOUND, LOOSE), LOOSE, False),
    ],
)
def test_an_answer_fits_that_is_like_most_before_it(
    before: tuple[MessageRecord, ...], record: MessageRecord, fits: bool
) -> None:
    assert told(*before).fits(record, ASKED) is fits


@pytest.mark.parametrize("record", [rejected("uncorrelated"), rejected("replayed"), BROKEN])
def test_what_is_no_answer_to_its_request_never_fits(record: MessageRecord) -> None:
    assert not told(*[record] * 100).fits(record, ASKED)


@pytest.mark.parametrize(
    ("relates_to", "message_id", "fits"),
    [
        (None, "urn:uuid:1", True),
        ("urn:uuid:1", "urn:uuid:1", True),
        ("urn:uuid:2", "urn:uuid:1", False),
        ("urn:uuid:2", None, False),
        ("http://www.w3.org/2005/08/addressing/unspecified", None, True),
        ("\\xe9" + "x" * 293 + "...", "\xe9" + "x" * 400, True),  # as a record writes it
    ],
)
@pytest.mark.parametrize("record", [LOOSE, UNSIGNED])
def test_an_answer_that_names_another_request_does_not_fit_although_nothing_signed_says_so(
    record: MessageRecord, relates_to: str | None, message_id: str | None, fits: bool
) -> None:
    answer = replace(record, relates_to=relates_to)
    assert told().fits(answer, Expectation(message_id=message_id)) is fits


def test_what_is_usual_changes_with_what_comes() -> None:
    usual = told(*[BOUND] * 1000)
    assert [usual.fits(LOOSE, ASKED) for _ in range(17)] == [False] * 16 + [True]
    usual = told(*[LOOSE] * 1000)
    assert [usual.fits(UNSIGNED, ASKED) for _ in range(17)] == [False] * 16 + [True]
    assert usual.fits(BOUND, ASKED)
