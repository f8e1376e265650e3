"""Since when an entry has been trusted for an endpoint, without interruption."""

from datetime import datetime

import pytest
from sqlalchemy import Engine

from keystore.store import KeystoreStore, NewCertificate, Terms
from keystore.store.trust_periods import trusted_since
from tests.keystore.issuing import NOON, issue
from tests.keystore.store.authoring import BY, HOUR, later
from tests.keystore.store.test_scheduled_ends import of_before

ORDERS, BOTH = frozenset({"orders"}), frozenset({"orders", "invoices"})
LATE = NOON + 99 * HOUR


@pytest.fixture
def acme(store: KeystoreStore) -> KeystoreStore:
    store.add("acme", issue("acme"), **BY, endpoints=["orders"])
    return store


def since(engine: Engine, endpoint: str = "orders", at: datetime = LATE, entry_id: int = 1) -> float:
    """Hours after noon."""
    with engine.connect() as connection:
        return (trusted_since(connection, entry_id, at)(endpoint) - NOON) / HOUR


def test_from_when_it_was_added(acme: KeystoreStore, engine: Engine) -> None:
    assert since(engine) == 0
    acme.add("next", issue("next"), **later(1), stage=True)
    acme.trust("next", **later(2))
    assert since(engine, entry_id=2) == 2


def test_where_it_is_not_trusted_the_safe_answer_is_now(acme: KeystoreStore, engine: Engine) -> None:
    assert since(engine, "invoices") == since(engine, entry_id=9) == 99


def test_widening_the_scope_begins_anew_there_and_nowhere_else(acme: KeystoreStore, engine: Engine) -> None:
    acme.adjust("acme", Terms(), **later(5))
    assert (since(engine, "orders"), since(engine, "invoices")) == (0, 5)
    acme.adjust("acme", Terms(BOTH), **later(6), new_alias="other")
    assert (since(engine, "orders"), since(engine, "invoices")) == (0, 5)
    acme.adjust("other", Terms(ORDERS), **later(7))
    acme.adjust("other", Terms(), **later(8))
    assert (since(engine, "orders"), since(engine, "invoices")) == (0, 8)


def test_restoring_begins_anew(acme: KeystoreStore, engine: Engine) -> None:
    acme.retire("acme", **later(3))
    assert since(engine) == 99
    acme.restore("acme", **later(4))
    assert since(engine) == 4


def test_trust_that_begins_later_counts_from_then(acme: KeystoreStore, engine: Engine) -> None:
    acme.adjust("acme", Terms(ORDERS, NOON + 9 * HOUR), **later(3))
    assert since(engine) == 9
    assert since(engine, at=NOON + 4 * HOUR) == 4, "not trusted"
    acme.adjust("acme", Terms(ORDERS), **later(5))
    assert since(engine) == 5, "it was not trusted in between"
    acme.adjust("acme", Terms(ORDERS, NOON + HOUR), **later(6))
    assert since(engine) == 5, "a beginning in the past interrupts nothing"


def test_an_end_that_came_by_itself_interrupts(acme: KeystoreStore, engine: Engine) -> None:
    def ends(hours: float) -> None:
        of_before(engine, "acme", hours * HOUR)
        acme.adjust("acme", Terms(ORDERS, trusted_until=NOON + hours * HOUR), **later(hours + 1), new_alias="x")
        acme.adjust("x", Terms(ORDERS, trusted_until=NOON + hours * HOUR), **later(hours + 1), new_alias="acme")

    ends(3)
    assert since(engine) == 99
    acme.adjust("acme", Terms(ORDERS), **later(5))
    assert since(engine) == 5


def test_a_clock_that_was_set_back_makes_no_trust_older(acme: KeystoreStore, engine: Engine) -> None:
    acme.add("next", issue("next"), **later(-24))
    assert acme.get("next").added_at < NOON
    assert since(engine, entry_id=2) == 0
    assert since(engine, at=NOON - HOUR) == 0
    assert since(engine, "invoices", at=NOON - HOUR) == 0


def test_changes_of_the_same_revision_count(acme: KeystoreStore) -> None:
    seen: list[datetime] = []
    with acme.revising(**later(7)) as draft:
        draft.adjust("acme", Terms())
        seen.append(draft._revision.trusted_since(draft.entries[0])("invoices"))
        new = draft.add(NewCertificate("new", issue("new")), Terms(), state=draft.entries[0].state)
        seen.append(draft._revision.trusted_since(new.entry)("orders"))
    assert seen == [NOON + 7 * HOUR] * 2
