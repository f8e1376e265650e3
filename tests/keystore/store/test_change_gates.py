"""What gates answer, and what the history keeps of it."""

import json

import pytest
from sqlalchemy import Engine

from keystore import GateClosed, Refused
from keystore.store import (
    WRITTEN_OVER,
    GateAnswer,
    HistoryState,
    KeptAnswer,
    KeystoreStore,
    Terms,
    gate_answers,
    gate_sentences,
    verify_history,
)
from keystore.store.change_gates import gate_text
from tests.keystore.issuing import issue
from tests.keystore.store.authoring import BY, HOUR, later
from tests.keystore.store.test_history_verification import _tamper
from tests.keystore.store.test_lifecycle import NO_TRAFFIC, TOO_EARLY, Recording

SEEN = '{"heads":[["host:1",7,"ab"]],"question":"retire","window":{"from":1,"until":2}}'


def told(store: KeystoreStore) -> list[object]:
    return [json.loads(item.gate) if item.gate else None for item in store.history()]


def answer(*blockers: str) -> dict[str, object]:
    return {"blockers": list(blockers), "evidence": json.loads(SEEN), "summary": "two new messages"}


def test_what_the_gate_saw_is_in_the_history_of_a_pass_and_of_a_forced_change(store: KeystoreStore) -> None:
    for alias in ("old", "new", "other"):
        store.add(alias, issue(alias), **BY)
    open_ = Recording(evidence=SEEN, summary="two new messages")
    closed = Recording((TOO_EARLY, NO_TRAFFIC), (TOO_EARLY,), evidence=SEEN, summary="two new messages")
    changed = store.retire("old", **later(1), gates=open_)
    assert changed.gate == (GateAnswer((), SEEN, "two new messages"),)
    assert store.retire("new", **later(2), gates=closed, force=True).gate[0].blockers == (TOO_EARLY, NO_TRAFFIC)
    store.purge("new", **later(3), gates=closed, force=True)
    terms = Terms(frozenset({"orders"}), trusted_until=later(9)["at"])
    assert len(store.adjust("other", terms, **later(4), gates=open_).gate) == 2
    with pytest.raises(GateClosed):
        store.retire("other", **later(5), gates=closed)
    assert told(store)[3:] == [
        {"answers": [answer()]},
        {"answers": [answer(TOO_EARLY.sentence, NO_TRAFFIC.sentence)]},
        {"answers": [answer(TOO_EARLY.sentence)]},
        {"answers": [answer(), answer()]},
    ]
    assert SEEN in store.history()[3].gate, "as the gate spelled it"
    assert gate_sentences(store.history()[3].gate) == ("gate passed: two new messages",)
    assert gate_sentences(store.history()[4].gate) == ("gate overridden: two new messages",)


def test_nothing_is_kept_where_no_gate_was_asked(store: KeystoreStore) -> None:
    gates = Recording(evidence=SEEN)
    store.add("old", issue("old"), **BY)
    store.adjust("old", Terms(), **later(1), new_alias="older", gates=gates)
    store.adjust("older", Terms(trusted_until=later(9)["at"]), **later(2))
    store.adjust("older", Terms(), **later(3), gates=gates)
    store.retire("older", **later(4))
    assert told(store) == [None] * 5


@pytest.mark.parametrize(
    ("change", "at"),
    [
        ("gate = replace(gate, 'quiet', 'Quiet') WHERE revision = 2", 2),
        ("gate = NULL WHERE revision = 2", 2),
        ("gate = '{}' WHERE revision = 1", 1),
    ],
)
def test_what_the_gate_saw_is_a_part_of_the_hash(store: KeystoreStore, engine: Engine, change: str, at: int) -> None:
    store.add("old", issue("old"), **BY)
    store.retire("old", **later(1), gates=Recording(evidence=SEEN, summary="all quiet"))
    with engine.connect() as connection:
        assert verify_history(connection).state is HistoryState.INTACT
    _tamper(engine, f"UPDATE keystore_history SET {change}")  # noqa: S608 - the statements are those above
    with engine.connect() as connection:
        report = verify_history(connection)
    assert (report.state, report.revision) == (HistoryState.ALTERED, at)


@pytest.mark.parametrize("evidence", ["[]", '{"b":1,"a":2}', '{"a": 1}', "nonsense", '{"a":NaN}', '{"a":"é"}'])
def test_evidence_that_is_not_canonical_is_not_taken(evidence: str) -> None:
    with pytest.raises(ValueError, match=r"canonical|Expecting|JSON"):
        GateAnswer(evidence=evidence)


def test_sentences_of_what_was_kept() -> None:
    assert gate_text(()) is None
    silent = gate_text([GateAnswer(), GateAnswer(summary="x")])
    assert silent is not None
    assert gate_sentences(silent) == ("gate passed: x",)
    assert gate_sentences("") == ()
    for damaged in ("nonsense", "[]", "{}", '{"answers":[{}]}', '{"answers":7}'):
        assert gate_sentences(damaged) == ("what the gate saw was written over by somebody",)


def test_a_gate_that_is_closed_is_asked_once_more_and_not_kept(store: KeystoreStore) -> None:
    store.add("old", issue("old"), **BY)
    gates = Recording((TOO_EARLY,))
    for _ in range(2):
        with pytest.raises(Refused):
            store.retire("old", **later(1), gates=gates)
    assert ([one["at"] for one in gates.asked], store.revision()) == ([BY["at"] + HOUR] * 2, 1)


def test_what_the_history_keeps_is_read_as_it_was_answered() -> None:
    given = [GateAnswer((TOO_EARLY,), SEEN, "two new messages"), GateAnswer()]
    assert gate_answers(gate_text(given) or "") == (
        KeptAnswer("two new messages", (TOO_EARLY.sentence,), json.loads(SEEN)),
        KeptAnswer("", (), None),
    )
    assert gate_answers("") == ()


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        "[" * 100_000,
        "[]",
        "{}",
        '{"answers":1}',
        '{"answers":[1]}',
        '{"answers":[{"blockers":"abc","evidence":null,"summary":""}]}',
        '{"answers":[{"blockers":[1],"evidence":null,"summary":""}]}',
        '{"answers":[{"blockers":[],"evidence":[],"summary":""}]}',
        '{"answers":[{"blockers":[],"evidence":null,"summary":1}]}',
        '{"answers":[{"blockers":[],"evidence":{"a":NaN},"summary":""}]}',
        '{"answers":[{"blockers":[],"evidence":{"a":1e999},"summary":""}]}',
        '{"answers":[{"blockers":[],"evidence":null,"summary":"\\ud800"}]}',
        '{"answers":[], "other":1}',
    ],
)
def test_what_somebody_wrote_over_is_told_and_raises_nothing(text: str) -> None:
    assert gate_answers(text) is None
    assert gate_sentences(text) == (WRITTEN_OVER,)
