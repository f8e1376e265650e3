"""Whose successor a certificate is, is declared, and by nothing else ever told."""

import pytest

from keystore import Refused, UnknownAlias
from keystore.store import KeystoreStore, StoredEntry, Terms
from tests.keystore.issuing import NOON, issue
from tests.keystore.store.authoring import BY, HOUR, later


@pytest.fixture
def filled(store: KeystoreStore) -> KeystoreStore:
    for alias in ("a", "b", "c"):
        store.add(alias, issue(alias), **BY)
    return store


def declare(store: KeystoreStore, alias: str, *replaced: str) -> StoredEntry:
    with store.revising(**later(1)) as draft:
        return draft.adjust(alias, Terms(replaces=draft.thumbprints_of(replaced))).entry


def test_a_successor_is_declared_when_it_is_added(filled: KeystoreStore) -> None:
    added = filled.add("d", issue("d"), **BY, replaces=["B", "a"], stage=True).entry
    assert added.replaces == tuple(sorted(filled.get(name).thumbprint for name in "ab"))
    assert filled.get("d") == added
    (trusted,) = (entry for entry in filled.snapshot().entries if entry.alias == "d")
    assert trusted.replaces == added.replaces
    assert filled.past(4).entries[-1].replaces == added.replaces


def test_it_survives_every_other_change(filled: KeystoreStore) -> None:
    a = filled.get("a").thumbprint
    declare(filled, "b", "a")
    filled.adjust("a", Terms(), **later(1), new_alias="older")
    filled.retire("older", **later(2))
    filled.retire("b", **later(2))
    filled.restore("b", **later(3))
    filled.purge("older", **later(4))
    assert filled.get("b").replaces == (a,)
    filled.add("staged", issue("staged"), **BY, stage=True, replaces=["c"])
    assert filled.trust("staged", **later(5)).entry.replaces == (filled.get("c").thumbprint,)


def test_it_is_taken_back(filled: KeystoreStore) -> None:
    declare(filled, "b", "a")
    assert declare(filled, "b").replaces == ()
    assert [item.entry.replaces for item in filled.history("b")] == [(), (filled.get("a").thumbprint,), ()]


def test_nothing_is_told_from_dates_or_names(store: KeystoreStore) -> None:
    store.add("acme-2024", issue("acme", key="old", serial=1), **BY)
    store.add("acme-2026", issue("acme", key="new", serial=2, not_before=NOON - HOUR), **later(1))
    assert [entry.replaces for entry in store.entries()] == [(), ()]


def test_nobody_replaces_an_unknown_entry_or_itself(filled: KeystoreStore) -> None:
    revision = filled.revision()
    with pytest.raises(UnknownAlias, match="there is no entry 'nobody'"):
        filled.add("d", issue("d"), **BY, replaces=["nobody"])
    with pytest.raises(UnknownAlias, match="there is no entry 'd'"):
        filled.add("d", issue("d"), **BY, replaces=["d"])
    with pytest.raises(Refused, match="a cannot replace itself: name the entry whose successor it is"):
        declare(filled, "a", "a")
    assert filled.revision() == revision


def test_there_is_no_circle(filled: KeystoreStore) -> None:
    declare(filled, "b", "a")
    with pytest.raises(Refused, match=r"a cannot replace b, which replaces a itself: .*: keystore set b --no-replaces"):
        declare(filled, "a", "b")
    declare(filled, "c", "b", "a")
    circle = "a cannot replace c, which replaces b and so a itself|a cannot replace c, which replaces a itself"
    with pytest.raises(Refused, match=circle):
        declare(filled, "a", "c")
    # Nor one by way of a certificate that was away for a while.
    filled.retire("a", **later(2))
    filled.purge("a", **later(2))
    with pytest.raises(Refused, match="again cannot replace b, which replaces again itself"):
        filled.add("again", issue("a"), **later(3), replaces=["b"])


def test_what_several_ways_lead_to_is_no_circle(filled: KeystoreStore) -> None:
    declare(filled, "b", "a")
    declare(filled, "c", "a", "b")
    assert len(filled.add("d", issue("d"), **BY, replaces=["c", "b", "a"]).entry.replaces) == 3
