"""From staged to purged: gates, force, and what the history keeps of both."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Engine, update

from keystore import (
    AliasInUse,
    AliasInvalid,
    Blocker,
    GateClosed,
    NotAdmitted,
    Refused,
    State,
    StateUnchanged,
    UnknownAlias,
    UnknownRevision,
    to_microseconds,
)
from keystore.store import Action, GateAnswer, KeystoreStore, NewCertificate, StoredEntry, Terms, TrustedSince
from keystore.store.table_definitions import entries
from tests.keystore.issuing import NOON, issue
from tests.keystore.store.authoring import BY, HOUR, later

TOO_EARLY = Blocker("orders: a message came at noon", "orders", NOON + HOUR)
NO_TRAFFIC = Blocker("invoices: no message came")


@dataclass
class Recording:
    """Gates that answer what they are told to, and remember what they were asked."""

    retiring: tuple[Blocker, ...] = ()
    purging: tuple[Blocker, ...] = ()
    evidence: str = ""
    summary: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)

    def before_retiring(
        self,
        entry: StoredEntry,
        others: Sequence[StoredEntry],
        *,
        at: datetime,
        since: TrustedSince,
        kept: frozenset[str] | None = frozenset(),
    ) -> GateAnswer:
        names = [str(other.alias) for other in others]
        asked = {"entry": str(entry.alias), "others": names, "at": at, "since": since("orders"), "kept": kept}
        self.asked.append(asked)
        return GateAnswer(self.retiring, self.evidence, self.summary)

    def before_purging(self, entry: StoredEntry, *, at: datetime, since: datetime) -> GateAnswer:
        self.asked.append({"entry": str(entry.alias), "at": at, "since": since})
        return GateAnswer(self.purging, self.evidence, self.summary)


def test_a_closed_gate_names_its_blockers_and_changes_nothing(store: KeystoreStore) -> None:
    store.add("acme", issue("acme"), **BY)
    before = store.entries(), store.history(), store.revision()
    with pytest.raises(GateClosed, match=r"acme is not retired: it is too early\.\norders: a") as closed:
        store.retire("acme", **later(2), gates=Recording((TOO_EARLY, NO_TRAFFIC)))
    assert closed.value.blockers == (TOO_EARLY, NO_TRAFFIC)
    assert closed.value.safe_at is None, "time alone does not bring traffic"
    with pytest.raises(GateClosed) as closed:
        store.retire("acme", **later(2), gates=Recording((TOO_EARLY,)))
    assert closed.value.safe_at == NOON + HOUR
    assert (store.entries(), store.history(), store.revision()) == before


def test_force_overrides_a_gate_and_the_history_says_so_for_ever(store: KeystoreStore) -> None:
    store.add("acme", issue("acme"), **BY)
    store.add("next", issue("next"), **BY)
    retired = store.retire("acme", **later(1), gates=Recording((TOO_EARLY,)), force=True)
    assert retired.warnings == ("overridden: orders: a message came at noon",)
    purged = store.purge("acme", **later(2), gates=Recording(purging=(NO_TRAFFIC,)), force=True)
    assert purged.warnings == ("overridden: invoices: no message came",)
    assert [(item.action, item.overrode) for item in store.history("acme")] == [
        (Action.ADDED, ""),
        (Action.RETIRED, "orders: a message came at noon"),
        (Action.PURGED, "invoices: no message came"),
    ]


def test_forced_admissions_stand_in_the_history_too(store: KeystoreStore) -> None:
    store.add("old", issue("expired", not_after=NOON - HOUR), **BY, force=True)
    store.add("fine", issue("fine"), **BY, force=True)
    store.retire("fine", **BY, revoked=True)
    store.restore("fine", **BY, force=True)
    overrode = [item.overrode for item in store.history()]
    assert "it expired on" in overrode[0]
    assert overrode[1:] == ["", "", "it was revoked because its key is compromised"]


def test_a_compromised_key_does_not_wait_for_a_gate(store: KeystoreStore) -> None:
    store.add("acme", issue("acme"), **BY)
    retired = store.retire("acme", **later(1), gates=Recording((TOO_EARLY,)), revoked=True)
    assert retired.entry.revoked
    assert store.history("acme")[-1].overrode == TOO_EARLY.sentence


def test_the_gate_sees_the_entries_as_they_are_inside_the_revision(store: KeystoreStore) -> None:
    gates = Recording()
    store.add("one", issue("one"), **BY)
    with store.revising(**later(3), gates=gates) as draft:
        draft.add(NewCertificate("two", issue("two")), Terms(), state=State.TRUSTED)
        draft.retire("one")
        assert draft.revision == 2
    assert gates.asked == [
        {"entry": "one", "others": ["two"], "at": NOON + 3 * HOUR, "since": NOON, "kept": frozenset()}
    ]
    assert store.revision() == 2


def test_what_verifies_nothing_needs_no_gate(store: KeystoreStore, engine: Engine) -> None:
    gates = Recording((TOO_EARLY,))
    store.add("staged", issue("staged"), **BY, stage=True)
    store.add("over", issue("over"), **BY)
    with engine.begin() as connection:  # as it was before schema 0005
        over = update(entries).where(entries.c.alias == "over")
        connection.execute(over.values(trusted_until=to_microseconds(NOON + HOUR)))
    store.add("damaged", issue("damaged"), **BY)
    with engine.begin() as connection:
        connection.execute(update(entries).where(entries.c.alias == "damaged").values(certificate=b"rubbish"))
    for alias in ("staged", "over", "damaged"):
        assert store.retire(alias, **later(2), gates=gates).entry.state is State.RETIRED
    assert gates.asked == []


def test_a_revision_of_several_changes_is_all_or_nothing(store: KeystoreStore) -> None:
    store.add("one", issue("one"), **BY)
    before = store.entries(), store.history(), store.revision()

    def retire_twice() -> None:
        with store.revising(**BY) as draft:
            draft.add(NewCertificate("two", issue("two")), Terms(), state=State.TRUSTED)
            draft.retire("one")
            draft.retire("one")

    with pytest.raises(StateUnchanged):
        retire_twice()
    assert (store.entries(), store.history(), store.revision()) == before
    with store.revising(**BY) as draft:
        draft.retire("one")
        draft.drop()
        assert [entry.state for entry in draft.entries] == [State.RETIRED]
    with store.revising(**BY) as draft:
        assert len(draft.entries) == 1
    assert (store.entries(), store.history(), store.revision()) == before, "a revision without a change is none"


def test_purging_takes_the_certificate_away_and_keeps_the_history(store: KeystoreStore) -> None:
    store.add("other", issue("other"), **BY)
    certificate = issue("acme")
    store.add("acme", certificate, **BY)
    gates = Recording()
    with pytest.raises(StateUnchanged, match="acme is trusted and cannot be purged: retire it first"):
        store.purge("acme", **BY, gates=gates, force=True)
    store.retire("acme", **later(1))
    purged = store.purge("acme", **later(5), gates=gates)
    assert gates.asked == [{"entry": "acme", "at": NOON + 5 * HOUR, "since": NOON + HOUR}]
    assert (purged.entry.state, purged.entry.certificate, purged.entry.der) == (State.PURGED, None, None)
    assert purged.entry.note == "purged 2026-06-01 by bo"
    assert [str(entry.alias) for entry in store.entries()] == ["other"]
    assert [str(entry.alias) for entry in store.snapshot().entries] == ["other"]
    assert store.purged() == {purged.entry.thumbprint: NOON + 5 * HOUR}
    assert [item.action for item in store.history("acme")] == [Action.ADDED, Action.RETIRED, Action.PURGED]
    assert [entry.certificate for entry in store.past(3).entries if entry.alias == "acme"] == [certificate]
    assert [str(entry.alias) for entry in store.past(4).entries] == ["other"]
    with pytest.raises(UnknownAlias):
        store.purge("acme", **BY)
    assert store.add("acme", certificate, **later(6)).entry.state is State.TRUSTED


def test_a_compromised_key_is_never_purged(store: KeystoreStore) -> None:
    store.add("acme", issue("acme", serial=1), **BY)
    store.add("twin", issue("acme", serial=2), **BY)
    retired = store.retire("acme", **BY, revoked=True)
    assert retired.still_trusted_through == ()
    assert "the same public key is in twin: a compromised key is accepted through no certificate" in retired.warnings[0]
    with pytest.raises(StateUnchanged, match="acme cannot be purged: its key is compromised"):
        store.purge("acme", **BY, force=True)
    store.retire("twin", **BY)
    with pytest.raises(NotAdmitted, match="its public key was withdrawn as compromised with acme"):
        store.add("third", issue("acme", serial=3), **BY, force=True)
    with pytest.raises(NotAdmitted, match="its public key was withdrawn as compromised with acme"):
        store.restore("twin", **BY, force=True)


def test_terms_and_name_change_and_the_state_stays(store: KeystoreStore) -> None:
    store.add("acme", issue("acme"), **BY)
    store.add("other", issue("other"), **BY)
    terms = Terms(frozenset({"orders"}), NOON - HOUR, NOON + 9 * HOUR)
    changed = store.adjust("acme", terms, **later(1), new_alias="acme-2026")
    assert (changed.entry.alias, changed.entry.state) == ("acme-2026", State.TRUSTED)
    assert changed.entry.endpoints == frozenset({"orders"})
    assert (changed.entry.trusted_from, changed.entry.trusted_until) == (NOON - HOUR, NOON + 9 * HOUR)
    assert changed.entry.note == "added 2026-06-01 by eva: ticket 7"
    assert changed.warnings == (
        "a gateway ends its trust at 2026-06-01 21:00:00Z if that is safe then; else the trust goes on, and an alarm "
        "is raised",
    )
    assert store.get("acme-2026") == changed.entry
    assert store.history("acme-2026")[-1].action is Action.CHANGED
    with pytest.raises(StateUnchanged, match="acme-2026 is so already"):
        store.adjust("acme-2026", terms, **BY)
    with pytest.raises(AliasInUse, match="the alias other is in use"):
        store.adjust("acme-2026", terms, **BY, new_alias="Other")
    with pytest.raises(AliasInvalid):
        store.adjust("acme-2026", terms, **BY, new_alias="a b")
    assert store.adjust("acme-2026", terms, **BY, new_alias="ACME-2026").entry.alias == "ACME-2026"
    for empty in ((frozenset[str](), None, None), (None, NOON, NOON)):
        with pytest.raises(Refused):
            Terms(*empty)


ENDPOINTS = frozenset({"orders", "invoices"})


@pytest.mark.parametrize(
    ("terms", "asked"),
    [
        (Terms(frozenset({"orders"})), [(NOON + HOUR, frozenset({"orders"}))]),
        (Terms(), []),
        (Terms(frozenset({"orders", "others"})), [(NOON + HOUR, frozenset({"orders", "others"}))]),
        (Terms(ENDPOINTS, trusted_from=NOON + 2 * HOUR), [(NOON + HOUR, frozenset())]),
        (Terms(ENDPOINTS, trusted_until=NOON + HOUR), [(NOON + HOUR, frozenset())]),
        (Terms(ENDPOINTS, trusted_until=NOON + 3 * HOUR), [(NOON + 3 * HOUR, frozenset())]),
        (
            Terms(frozenset({"orders"}), trusted_until=NOON + 3 * HOUR),
            [(NOON + HOUR, frozenset({"orders"})), (NOON + 3 * HOUR, frozenset())],
        ),
        (Terms(ENDPOINTS, trusted_until=NOON + 8 * HOUR), []),
    ],
)
def test_taking_trust_away_by_terms_passes_the_same_gate(
    store: KeystoreStore, terms: Terms, asked: list[tuple[datetime, frozenset[str] | None]]
) -> None:
    store.add("acme", issue("acme"), **BY, endpoints=ENDPOINTS, trusted_until=NOON + 5 * HOUR)
    gates = Recording()
    store.adjust("acme", terms, **later(1), gates=gates)
    assert [(one["at"], one["kept"]) for one in gates.asked] == asked
    assert all(one["since"] == NOON for one in gates.asked)


def test_a_closed_gate_keeps_the_terms(store: KeystoreStore) -> None:
    store.add("acme", issue("acme"), **BY)
    with pytest.raises(GateClosed, match="acme is not changed"):
        store.adjust("acme", Terms(frozenset({"x"})), **BY, gates=Recording((TOO_EARLY,)))
    assert store.get("acme").endpoints is None
    forced = store.adjust("acme", Terms(frozenset({"x"})), **BY, gates=Recording((TOO_EARLY,)), force=True)
    assert (forced.warnings, store.history()[-1].overrode) == (
        (f"overridden: {TOO_EARLY.sentence}",),
        TOO_EARLY.sentence,
    )


def test_a_trust_window_that_began_counts_as_the_beginning_of_the_state(store: KeystoreStore) -> None:
    store.add("acme", issue("acme"), **BY, trusted_from=NOON + 2 * HOUR)
    gates = Recording()
    store.retire("acme", **later(3), gates=gates)
    assert gates.asked[0]["since"] == NOON + 2 * HOUR


def test_the_gate_is_told_since_when_it_is_trusted_there(store: KeystoreStore) -> None:
    store.add("acme", issue("acme"), **BY, endpoints=["invoices"])
    store.adjust("acme", Terms(), **later(5))
    gates = Recording((TOO_EARLY,))
    with pytest.raises(GateClosed):
        store.retire("acme", **later(5), gates=gates)
    assert gates.asked[0]["since"] == NOON + 5 * HOUR, "its scope was widened this very moment"


def test_a_certificate_can_come_in_retired(store: KeystoreStore) -> None:
    expired = issue("expired", not_after=NOON - HOUR)
    with store.revising(**BY) as draft:
        draft.add(NewCertificate("old", expired), Terms(), state=State.RETIRED)
        draft.add(NewCertificate("bad", issue("bad")), Terms(), state=State.RETIRED, revoked=True)
    old, bad = store.entries()
    assert (old.state, old.revoked, old.note) == (State.RETIRED, False, "retired 2026-06-01 by eva: ticket 7")
    assert (bad.state, bad.revoked, bad.note) == (State.RETIRED, True, "revoked 2026-06-01 by eva: ticket 7")


def test_since_when_an_entry_is_in_its_state(store: KeystoreStore) -> None:
    store.add("acme", issue("acme"), **BY, stage=True)
    store.trust("acme", **later(1))
    store.adjust("acme", Terms(frozenset({"orders"})), **later(2))
    assert list(store.states_since().values()) == [NOON + HOUR], "a change of terms is none of state"
    store.retire("acme", **later(3))
    store.retire("acme", **later(4), revoked=True)
    assert list(store.states_since().values()) == [NOON + 3 * HOUR], "revoking what is retired does not retire it anew"


def test_a_past_revision_says_who_made_it_and_why(store: KeystoreStore) -> None:
    nothing = store.past(NOON)
    assert (nothing.number, nothing.time, nothing.who, nothing.why, nothing.entries) == (0, None, "", "", ())
    store.add("acme", issue("acme"), **BY)
    store.retire("acme", **later(2))
    past = store.past(NOON + HOUR)
    assert (past.number, past.time, past.who, past.why) == (1, NOON, "eva", "ticket 7")
    assert [entry.state for entry in past.entries] == [State.TRUSTED]
    with pytest.raises(UnknownRevision):
        store.past(3)


def test_another_certificate_over_a_retired_key_makes_it_accepted_again(store: KeystoreStore) -> None:
    staged_only = store.add("first", issue("acme", serial=1), **BY, stage=True)
    assert staged_only.warnings == ()
    (beside_staged,) = store.add("second", issue("acme", serial=2), **BY, stage=True).warnings
    assert "same public key as first (staged)" in beside_staged
    store.retire("first", **BY)
    again = "the key of first was retired: signatures of it"
    staged = store.add("third", issue("acme", serial=3), **BY, stage=True).warnings
    assert staged[1:] == (f"{again} will be accepted again as soon as it is trusted",)
    assert store.trust("third", **BY).warnings[1:] == (f"{again} are accepted again",)
    (trusted_anyway,) = store.add("fourth", issue("acme", serial=4), **BY).warnings
    assert "third (trusted)" in trusted_anyway
    store.retire("third", **BY)
    store.retire("fourth", **BY)
    with store.revising(**BY) as draft:
        new = NewCertificate("fifth", issue("acme", serial=5))
        (recognised,) = draft.add(new, Terms(), state=State.RETIRED).warnings
    assert "accepted again" not in recognised, "a retired entry gives nothing back"
