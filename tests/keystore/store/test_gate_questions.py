"""What the gates would answer, asked without a change."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, update

from keystore import Blocker, State, Thumbprint
from keystore.store import GateAnswer, KeystoreStore, StoredEntry
from keystore.store.table_definitions import entries
from tests.keystore.issuing import NOON, issue
from tests.keystore.store.authoring import BY, later


class Listening:
    """Gates that note whom they were asked about, and who else was trusted."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, set[str], datetime]] = []

    def before_retiring(self, entry: StoredEntry, others: Sequence[StoredEntry], **asked: Any) -> GateAnswer:
        trusted = {str(other.alias) for other in others if other.state is State.TRUSTED}
        self.asked.append((str(entry.alias), trusted, asked["since"]("orders")))
        return GateAnswer((Blocker("too early"),))

    def before_purging(self, *_: Any, **asked: Any) -> GateAnswer:
        raise AssertionError(asked)


def test_each_is_asked_about_as_if_those_before_it_were_retired(engine: Engine) -> None:
    store = KeystoreStore(engine)
    for alias in ("one", "two", "new"):
        store.add(alias, issue(alias), **BY)
    store.add("staged", issue("staged"), **BY, stage=True)
    store.add("gone", issue("gone"), **BY)
    store.retire("gone", **later(1))
    revision, gates = store.revision(), Listening()
    names = ("two", "one", "staged", "gone")
    wanted = [store.get(alias).thumbprint for alias in names]
    found = store.before_retiring([*wanted, Thumbprint("0" * 64)], at=NOON, gates=gates)
    assert [(str(one.entry.alias), bool(one.answer.blockers)) for one in found] == [
        ("two", True),
        ("one", True),
        ("staged", False),
    ]
    assert gates.asked == [("two", {"one", "new"}, BY["at"]), ("one", {"new"}, BY["at"])]
    assert store.revision() == revision


def test_a_damaged_entry_verifies_nothing_so_that_no_gate_is_asked(engine: Engine) -> None:
    store = KeystoreStore(engine)
    store.add("one", issue("one"), **BY)
    thumbprint = store.get("one").thumbprint
    with engine.begin() as connection:
        connection.execute(update(entries).values(certificate=b"rubbish"))
    gates = Listening()
    (asked,) = store.before_retiring([thumbprint], at=NOON, gates=gates)
    assert (asked.answer.blockers, gates.asked) == ((), [])
