"""What one message may cost in all."""

import pytest

from gateway.verify.budget import (
    ALWAYS_ADMITTED,
    COPIED,
    ELEMENT_OCTETS,
    MAX_EMBEDDED_CERTIFICATES,
    MAX_FORMS,
    MAX_NAMESPACE_WORK,
    WorkBudget,
)
from gateway.verify.reason import Reason, Rejection

LARGE = b"x" * 100_000
"""A form of text alone."""
_MORE_THAN_ANY_BUDGET = 10_000


def spent(budget: WorkBudget, form: bytes, *, copied: bool = False) -> int:
    """How often `form` may be made."""
    for count in range(_MORE_THAN_ANY_BUDGET):
        if not _is_admitted(budget, form, copied=copied):
            return count
    raise AssertionError("the budget is never used up")


def _is_admitted(budget: WorkBudget, form: bytes, *, copied: bool) -> bool:
    try:
        budget.spend_form(form, copied=copied)
    except Rejection as rejection:
        return rejection.reason is not Reason.LIMITS
    return True


def is_foreseen(budget: WorkBudget, elements: int, *, copied: bool = False) -> bool:
    """Whether a form with so many elements may be made."""
    try:
        budget.foresee_form(lambda: elements, copied=copied)
    except Rejection as rejection:
        return rejection.reason is not Reason.LIMITS
    return True


def test_canonical_forms_may_come_to_several_times_the_message() -> None:
    of_its_own_size = ALWAYS_ADMITTED + MAX_FORMS * 100 * len(LARGE)

    assert spent(WorkBudget(100 * len(LARGE)), LARGE) == of_its_own_size // len(LARGE)
    assert spent(WorkBudget(0), LARGE) == ALWAYS_ADMITTED // len(LARGE)


def test_a_form_from_a_copy_costs_more() -> None:
    assert spent(WorkBudget(0), LARGE, copied=True) == ALWAYS_ADMITTED // len(LARGE) // COPIED


def test_what_is_spent_is_spent() -> None:
    budget = WorkBudget(0)
    assert spent(budget, LARGE) > 0

    assert spent(budget, b"") == 0
    assert not is_foreseen(budget, 1)


def test_what_is_more_than_is_left_is_refused_before_it_is_made() -> None:
    """By its elements alone, so that nothing is refused that would not be after it was made."""
    size = 4 * ALWAYS_ADMITTED
    for copied in (False, True):
        element = (COPIED if copied else 1) * (len(b"<a></a>") + ELEMENT_OCTETS)
        most = (MAX_FORMS * size + ALWAYS_ADMITTED) // element
        assert is_foreseen(WorkBudget(size), most, copied=copied)
        assert not is_foreseen(WorkBudget(size), most + 1, copied=copied)
        assert spent(WorkBudget(size), b"<a></a>" * most, copied=copied) == 1
        assert spent(WorkBudget(size), b"<a></a>" * (most + 1), copied=copied) == 0


def test_the_elements_of_the_message_admit_forms_that_are_foreseen() -> None:
    size = 7 * 200_000
    assert not is_foreseen(WorkBudget(size), 150_000, copied=True)
    assert is_foreseen(WorkBudget(size, lambda: 200_000), 150_000, copied=True)


def test_elements_are_not_counted_where_no_form_could_be_too_much() -> None:
    def count() -> int:
        raise AssertionError("they were counted")

    WorkBudget(1000).foresee_form(count, copied=True)


def test_elements_cost_more_than_text_and_admit_as_much() -> None:
    elements = b"<a></a>" * 20_000

    few = spent(WorkBudget(len(elements)), elements)
    many = spent(WorkBudget(len(elements), lambda: 20_000), elements)

    assert few == (ALWAYS_ADMITTED + MAX_FORMS * len(elements)) // (len(elements) + 20_000 * ELEMENT_OCTETS)
    assert many - few in {MAX_FORMS - 1, MAX_FORMS}


def test_namespace_comparisons_are_counted_over_the_whole_message() -> None:
    budget = WorkBudget(1000)

    budget.spend_namespaces(MAX_NAMESPACE_WORK - 1)
    budget.spend_namespaces(1)
    with pytest.raises(Rejection, match="too many namespaces in scope") as caught:
        budget.spend_namespaces(1)
    assert caught.value.reason is Reason.LIMITS


def test_a_few_certificates_are_looked_at() -> None:
    budget = WorkBudget(1000)

    asked = [budget.may_examine_certificate() for _ in range(MAX_EMBEDDED_CERTIFICATES + 2)]

    assert asked == [True] * MAX_EMBEDDED_CERTIFICATES + [False] * 2
