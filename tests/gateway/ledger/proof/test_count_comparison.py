"""What agrees with the records, although nobody can tell afterwards when an operation became known."""

import pytest

from gateway.ledger.counts import Counts
from gateway.ledger.proof.count_comparison import disagreeing_operation, disagreement
from gateway.present import OTHER_OPERATIONS

OTHERS = OTHER_OPERATIONS


@pytest.mark.parametrize(
    ("counted", "said", "whole", "found"),
    [
        ({"a": (2, 10, 20)}, {"a": (2, 10, 20)}, True, None),
        ({"a": (2, 10, 20)}, {"a": (2, 10, 21)}, True, "a"),
        ({"a": (2, 10, 20)}, {"a": (3, 10, 20)}, True, "a"),
        ({"a": (2, 10, 20)}, {"a": (3, 9, 21)}, False, None),
        ({"a": (2, 10, 20)}, {"a": (1, 10, 10)}, False, "a"),
        ({"a": (2, 10, 20)}, {}, True, "a"),
        ({}, {"a": (2, 10, 20)}, True, "a"),
        ({"a": (2, 10, 20)}, {"a": (1, 10, 10), OTHERS: (1, 20, 20)}, True, None),
        ({"a": (2, 10, 20)}, {OTHERS: (2, 10, 20)}, True, None),
        ({"a": (2, 10, 20)}, {OTHERS: (2, 10, 21)}, True, "*"),
        ({"a": (2, 10, 20)}, {OTHERS: (3, 10, 20)}, True, "*"),
        ({"a": (2, 10, 20), "b": (1, 5, 5)}, {OTHERS: (3, 5, 20)}, True, None),
        ({"a": (2, 10, 20)}, {"a": (3, 10, 20), OTHERS: (1, 10, 20)}, True, "a"),
        ({"a": (2, 10, 20)}, {OTHERS: (1, 10, 20)}, False, "a"),
        ({"a": (2, 10, 20)}, {OTHERS: (5, 10, 20)}, False, None),
        ({"a": (1, 10, 10, 7)}, {OTHERS: (1, 10, 10, 7)}, True, None),
        ({"a": (1, 10, 10, 7)}, {OTHERS: (1, 10, 10, 8)}, True, "*"),
    ],
)
def test_rejected_messages_may_stand_among_the_others(
    counted: dict[str, tuple[int, ...]], said: dict[str, tuple[int, ...]], whole: bool, found: str | None
) -> None:
    assert disagreeing_operation(counted, said, may_be_others=True, whole=whole) == found


def test_accepted_messages_never_stand_among_the_others() -> None:
    assert disagreeing_operation({"a": (1, 5, 5)}, {OTHERS: (1, 5, 5)}, may_be_others=False, whole=True) == "*"


def _counts(operation: str, outcome: str = "rejected", messages: int = 1) -> Counts:
    counts = Counts()
    counts.uses.add(("orders", operation, "b1", "1" * 64, "k", "old", "needed", outcome), [messages, 5, 6, 4])
    counts.traffic.add(("orders", operation, "message", outcome, "stale", False), messages, 5, 6)
    return counts


def test_the_first_cell_that_disagrees_is_named() -> None:
    assert disagreement(_counts("a"), _counts("a"), whole=True) is None
    assert disagreement(_counts("a"), _counts(OTHERS), whole=True) is None
    found = disagreement(_counts("a"), _counts("a", messages=2), whole=True)
    assert found == (
        "uses of old (11111111) in orders a by b1, needed, rejected: 2 from 5 to 6, signed until 4, "
        "and by the records 1 from 5 to 6, signed until 4"
    )
    only_traffic = Counts(_counts("").uses, None)
    assert disagreement(_counts(""), only_traffic, whole=True) == (
        "messages of orders -, message, rejected (stale), held back: none, and by the records 1 from 5 to 6"
    )


def test_accepted_messages_among_the_others_are_named() -> None:
    assert disagreement(_counts("a", "accepted"), _counts(OTHERS, "accepted"), whole=True) is not None
