"""What one message may cost in all."""

import pytest

from gateway.verify.budget import MAX_EMBEDDED_CERTIFICATES, MAX_NAMESPACE_WORK, WorkBudget
from gateway.verify.reason import Reason, Rejection


def test_canonical_forms_may_come_to_several_times_the_message() -> None:
    budget = WorkBudget(1000)

    budget.spend_octets(16 * 1000)
    budget.spend_octets(65_536)
    with pytest.raises(Rejection, match="too large for this message") as caught:
        budget.spend_octets(1)
    assert caught.value.reason is Reason.LIMITS


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
