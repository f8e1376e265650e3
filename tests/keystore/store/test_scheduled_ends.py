"""Trust whose end is scheduled: it passes the gate when it is set and again when it is due, else it goes on."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, text, update

from keystore import NO_HINT, Blocker, GateClosed, Refused, State, to_microseconds
from keystore.store import Action, HistoryState, KeystoreStore, NewCertificate, Terms, verify_history
from keystore.store.table_definitions import entries
from tests.keystore.issuing import NOON, issue
from tests.keystore.store.authoring import BY, HOUR, later
from tests.keystore.store.test_lifecycle import NO_TRAFFIC, TOO_EARLY, Recording

END = NOON + 5 * HOUR
OPEN = Recording()
CLOSED = Recording((TOO_EARLY, NO_TRAFFIC))


@pytest.fixture
def ending(store: KeystoreStore) -> KeystoreStore:
    """An entry whose end passed the gate when it was set, and its successor."""
    store.add("old", issue("old"), **BY)
    store.add("new", issue("new"), **BY)
    store.adjust("old", Terms(trusted_until=END), **later(1), gates=OPEN)
    return store


def of_before(engine: Engine, alias: str, until: timedelta) -> None:
    """Let the trust in that entry end by itself, as it did before schema 0005."""
    with engine.begin() as connection:
        old = update(entries).where(entries.c.alias == alias)
        connection.execute(old.values(trusted_until=to_microseconds(NOON + until), scheduled_end=None))


def test_an_end_that_is_due_is_carried_out_through_the_gate(ending: KeystoreStore) -> None:
    gates = Recording(summary="no message for 3 hours")
    assert ending.end_due(END - timedelta(microseconds=1), gates, "gateway") == ()
    assert (gates.asked, ending.revision()) == ([], 3)
    (end,) = ending.end_due(END, gates, "gateway")
    assert (end.entry.alias, end.entry.state, end.refusal, end.blockers) == ("old", State.RETIRED, None, ())
    assert end.changed is not None
    assert [answer.summary for answer in end.changed.gate] == ["no message for 3 hours"]
    assert gates.asked == [{"entry": "old", "others": ["new"], "at": END, "since": NOON, "kept": frozenset()}]
    last = ending.history("old")[-1]
    assert (last.action, last.who, last.why) == (
        Action.RETIRED,
        "gateway",
        "its trust was to end at 2026-06-01 17:00:00Z",
    )
    assert ending.end_due(END, gates, "gateway") == ()


def test_a_closed_gate_holds_the_end_up_and_the_trust_goes_on(ending: KeystoreStore) -> None:
    for _ in range(2):
        (end,) = ending.end_due(END + HOUR, CLOSED, "gateway")
        assert (end.entry.alias, end.changed, end.blockers) == ("old", None, (TOO_EARLY, NO_TRAFFIC))
    old = ending.get("old")
    assert (ending.revision(), old.state_at(END + 99 * HOUR), old.end_is_due(END)) == (3, State.TRUSTED, True)
    trusted = [c.entries[0].alias for c in ending.snapshot().candidates(NO_HINT, END + 99 * HOUR)]
    assert trusted == ["old", "new"]
    with pytest.raises(GateClosed):
        ending.retire("old", **later(8), gates=CLOSED)
    assert ending.retire("old", **later(8), gates=OPEN).entry.state is State.RETIRED


def test_what_holds_an_end_up_is_told_without_a_change(ending: KeystoreStore) -> None:
    assert ending.due_ends(NOON + 2 * HOUR, CLOSED) == ()
    (held_up,) = ending.due_ends(END, CLOSED)
    (free,) = ending.due_ends(END, gates := Recording())
    assert (held_up.entry.alias, held_up.blockers, held_up.changed) == ("old", (TOO_EARLY, NO_TRAFFIC), None)
    assert (free.refusal, free.changed) == (None, None)
    assert gates.asked == [{"entry": "old", "others": ["new"], "at": END, "since": NOON, "kept": frozenset()}]
    assert ending.revision() == 3


def test_each_end_is_a_revision_that_sees_those_before_it(ending: KeystoreStore) -> None:
    ending.adjust("new", Terms(trusted_until=END), **later(1), gates=OPEN)
    gates = Recording()
    assert [end.entry.alias for end in ending.end_due(END, gates, "gateway")] == ["old", "new"]
    assert ending.revision() == 6
    assert [item.action for item in ending.history()[-2:]] == [Action.RETIRED, Action.RETIRED]


def test_an_entry_that_was_changed_meanwhile_is_left_alone(ending: KeystoreStore) -> None:
    old = ending.get("old")
    ending.adjust("old", Terms(), **later(6))
    with ending.revising(**later(7), gates=CLOSED) as draft:
        assert draft.end_due(old.id) is None
        assert draft.end_due(99) is None
    assert (ending._end(old, END, OPEN, "gateway"), ending.revision()) == (None, 4)


def test_a_damaged_entry_does_not_keep_the_others(ending: KeystoreStore, engine: Engine) -> None:
    ending.adjust("new", Terms(trusted_until=END), **later(1), gates=OPEN)
    with engine.begin() as connection:
        connection.execute(update(entries).where(entries.c.alias == "old").values(certificate=None))
    assert [end.refusal for end in ending.due_ends(END, OPEN)] == [None, None]
    damaged, ended = ending.end_due(END, OPEN, "gateway")
    assert (damaged.entry.alias, str(damaged.refusal)) == ("old", "old cannot be changed: None")
    assert damaged.blockers == ()
    assert (ended.entry.alias, ended.entry.state) == ("new", State.RETIRED)


def test_an_end_in_the_past_ends_the_trust_at_once_through_the_gate(store: KeystoreStore) -> None:
    store.add("old", issue("old"), **BY)
    with pytest.raises(GateClosed, match="old is not retired: it is too early"):
        store.adjust("old", Terms(trusted_until=NOON), **later(1), gates=CLOSED)
    ended = store.adjust("old", Terms(trusted_until=NOON), **later(1), gates=OPEN)
    assert (ended.entry.state, ended.entry.trusted_until) == (State.RETIRED, NOON)
    assert ended.warnings == ("no trusted certificate is left: every message will be rejected",)
    assert store.history()[-1].action is Action.RETIRED
    # And one that is added, or staged, with such an end is trusted by no detour.
    (added,) = store.add_many([NewCertificate("gone", issue("gone"))], **later(1), trusted_until=NOON)
    assert (added.entry.state, added.warnings) == (
        State.RETIRED,
        ("its trust was to end at 2026-06-01 12:00:00Z, which has passed: it is not trusted",),
    )
    staged = store.add("staged", issue("staged"), **later(1), stage=True, trusted_until=NOON)
    assert (staged.entry.state, staged.warnings) == (State.STAGED, ())
    with pytest.raises(
        Refused, match=r"staged is not trusted: its trust was to end at .*: keystore set staged --until"
    ):
        store.trust("staged", **later(1))


def test_an_end_that_is_due_does_not_keep_other_terms_from_being_changed(ending: KeystoreStore) -> None:
    gates = Recording((TOO_EARLY,))
    renamed = ending.adjust("old", Terms(trusted_until=END), **later(9), new_alias="older", gates=gates)
    assert (renamed.entry.alias, renamed.entry.state, renamed.warnings, gates.asked) == ("older", State.TRUSTED, (), [])
    longer = ending.adjust("older", Terms(trusted_until=END + 9 * HOUR), **later(9), gates=gates)
    assert (longer.entry.end_is_due(END + HOUR), gates.asked) == (False, [])


def test_an_end_from_before_that_came_stays_what_it_was(ending: KeystoreStore, engine: Engine) -> None:
    of_before(engine, "old", 5 * HOUR)
    old = ending.get("old")
    assert (old.ends_by_itself, old.trusted_until) == (True, END)
    assert (old.state_at(END), old.end_is_due(END)) == (State.RETIRED, False)
    assert ending.end_due(END, OPEN, "gateway") == ending.due_ends(END, OPEN) == ()
    (new,) = ending.snapshot().candidates(NO_HINT, END)
    assert new.entries[0].alias == "new"
    renamed = ending.adjust("old", Terms(trusted_until=END), **later(6), new_alias="older")
    assert (renamed.entry.ends_by_itself, renamed.entry.state_at(END + HOUR)) == (True, State.RETIRED)
    assert ending.get("older") == renamed.entry
    purged = Recording()
    ending.purge("older", **later(9), gates=purged)
    assert purged.asked == [{"entry": "older", "at": NOON + 9 * HOUR, "since": END}]


def test_an_end_from_before_that_is_yet_to_come_comes_no_more_by_itself(ending: KeystoreStore, engine: Engine) -> None:
    of_before(engine, "old", 5 * HOUR)
    assert ending.end_due(END - HOUR, OPEN, "gateway") == ()
    last = ending.history()[-1]
    assert (last.revision, last.action, last.who) == (4, Action.CHANGED, "gateway")
    assert last.why == "scheduled ends pass the gate when they are due"
    assert ending.end_due(END - HOUR, OPEN, "gateway") == ()
    old = ending.get("old")
    assert (ending.revision(), old.trusted_until, old.state_at(END)) == (4, END, State.TRUSTED)
    with engine.connect() as connection:
        assert verify_history(connection).state is HistoryState.INTACT
    assert [end.blockers for end in ending.end_due(END, CLOSED, "gateway")] == [CLOSED.retiring]


def test_an_end_that_is_changed_comes_no_more_by_itself(ending: KeystoreStore, engine: Engine) -> None:
    of_before(engine, "old", 5 * HOUR)
    changed = ending.adjust("old", Terms(frozenset({"orders"}), trusted_until=END), **later(1), gates=OPEN)
    assert not changed.entry.ends_by_itself
    of_before(engine, "old", 5 * HOUR)
    later_on = ending.adjust("old", Terms(trusted_until=END + 2 * HOUR), **later(6))
    assert (later_on.entry.ends_by_itself, later_on.entry.state_at(END)) == (False, State.TRUSTED)
    of_before(engine, "old", 7 * HOUR)
    ended = ending.adjust("old", Terms(trusted_until=END), **later(6), gates=OPEN)
    assert (ended.entry.state, ended.entry.ends_by_itself) == (State.RETIRED, False)
    of_before(engine, "old", 5 * HOUR)
    assert not ending.restore("old", **later(6)).entry.ends_by_itself


def test_what_the_keystore_was_at_an_instant_is_told_by_the_rule_of_then(ending: KeystoreStore, engine: Engine) -> None:
    at_due = ending.past(END)
    assert [entry.state_at(END) for entry in at_due.entries] == [State.TRUSTED, State.TRUSTED]
    ending.end_due(END + HOUR, OPEN, "gateway")
    assert [entry.state_at(END) for entry in ending.past(END).entries] == [State.TRUSTED, State.TRUSTED]
    assert [entry.state_at(END) for entry in ending.past(END + HOUR).entries] == [State.RETIRED, State.TRUSTED]
    with engine.connect() as connection:
        told = connection.execute(text("SELECT entry FROM keystore_history WHERE id = 3")).scalar_one()
    assert '"scheduled_end": 1780333200000000' in told
    assert '"trusted_until": null' in told


def test_the_blockers_of_a_refusal_that_is_no_gates(ending: KeystoreStore) -> None:
    (end,) = ending.end_due(END, Recording((Blocker("orders: not yet"),)), "gateway")
    assert str(end.refusal).startswith("old is not retired: it is too early.\norders: not yet.\n")
