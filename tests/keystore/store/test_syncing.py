"""The keystore follows a folder: each move, its gate, and one revision for all of them."""

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, update

from keystore import Alias, Blocker, GateClosed, NotAdmitted, State, Thumbprint, UnknownAlias
from keystore.reading.folder import FolderEntry
from keystore.store import KeystoreStore, Move, Step, folder_entry, synchronise
from keystore.store.table_definitions import entries
from keystore.terms import Terms
from tests.keystore.issuing import NOON, der_of, issue
from tests.keystore.store.authoring import BY, HOUR, later
from tests.keystore.store.test_lifecycle import Recording

LIMITED = Terms(frozenset({"orders"}), NOON, NOON + 99 * HOUR)
CLOSED = Recording((Blocker("orders: too early", "orders", NOON + HOUR),))


def held(
    alias: str, state: State, terms: Terms | None = None, *, key: str = "", compromised: bool = False
) -> FolderEntry:
    certificate = issue(key or alias)
    return FolderEntry(
        Alias(alias), state, terms or Terms(), compromised, certificate, Thumbprint.of(der_of(certificate))
    )


def synced(
    store: KeystoreStore, *wanted: FolderEntry, gates: Recording | None = None, force: Collection[str] = ()
) -> list[Step]:
    with store.revising(**later(1), gates=gates or Recording()) as draft:
        steps = synchronise(draft, wanted, store.purged(), force=force)
        if any(step.refusal for step in steps):
            draft.drop()
    return list(steps)


def exported(store: KeystoreStore) -> list[FolderEntry]:
    return [written for entry in store.entries() if (written := folder_entry(entry)) is not None]


def moves(steps: list[Step]) -> list[tuple[Move, str]]:
    return [(step.move, str(step.alias)) for step in steps]


@pytest.fixture
def filled(store: KeystoreStore) -> KeystoreStore:
    """One entry in each state, and one of each kind of special term."""
    store.add("staged", issue("staged"), **BY, stage=True)
    store.add("trusted", issue("trusted"), **BY)
    store.add(
        "limited", issue("limited"), **BY, endpoints=["orders"], trusted_from=NOON, trusted_until=NOON + 99 * HOUR
    )
    store.add("over", issue("over"), **BY, trusted_until=NOON + timedelta(microseconds=1))
    for alias in ("retired", "revoked"):
        store.add(alias, issue(alias), **BY)
        store.retire(alias, **BY, revoked=alias == "revoked")
    return store


def test_what_was_exported_is_nothing_to_do(filled: KeystoreStore) -> None:
    revision = filled.revision()
    assert synced(filled, *exported(filled)) == []
    assert filled.revision() == revision


def test_a_new_keystore_becomes_what_was_exported_in_one_revision(filled: KeystoreStore, store: KeystoreStore) -> None:
    wanted = exported(filled)
    with store.revising(**BY) as draft:
        for entry in draft.entries:
            if entry.state is not State.RETIRED:
                draft.retire(entry.alias)
    for entry in store.entries():
        if not entry.revoked:
            store.purge(entry.alias, **BY)
    before = store.revision()
    steps = synced(store, *(want for want in wanted if want.state is not State.RETIRED))
    expected = [want for want in wanted if want.alias in {"staged", "trusted", "limited"}]
    assert moves(steps) == [*((Move.ADD, str(want.alias)) for want in expected), (Move.NONE, "over")]
    assert steps[-1].remarks == ("it was purged on 2026-06-01: remove its file",)
    assert store.revision() == before + 1
    assert exported(store)[1:] == expected


def test_a_file_whose_end_has_passed_makes_nobody_trusted(store: KeystoreStore) -> None:
    (step,) = synced(store, over := held("over", State.TRUSTED, Terms(trusted_until=NOON)))
    assert step.remarks == (
        "retired",
        "its trust was to end at 2026-06-01 12:00:00Z, which has passed: it is not trusted",
    )
    assert [entry.state for entry in store.entries()] == [State.RETIRED]
    assert synced(store, over) == [], "it is as the folder says"


def test_an_end_that_was_carried_out_is_what_the_folder_wants(store: KeystoreStore) -> None:
    old = held("old", State.TRUSTED, Terms(trusted_until=NOON + HOUR / 2))
    store.add("old", old.certificate, **BY, trusted_until=NOON + HOUR / 2)
    assert synced(store, old) == [], "it is due, and carrying it out is for the gateway"
    (end,) = store.end_due(NOON + HOUR, Recording(), "gateway")
    assert (end.entry.state, synced(store, old)) == (State.RETIRED, [])
    (step,) = synced(store, replace(old, terms=Terms()))
    assert (step.move, store.get("old").state) == (Move.RESTORE, State.TRUSTED)


def test_a_file_says_whose_successor_it_is(store: KeystoreStore) -> None:
    old, new = held("old", State.TRUSTED), held("new", State.TRUSTED)
    declared = replace(new, terms=Terms(replaces=frozenset({old.thumbprint})))
    assert moves(synced(store, declared, old)) == [(Move.ADD, "new"), (Move.ADD, "old")]
    assert store.get("new").replaces == (old.thumbprint,)
    assert synced(store, *exported(store)) == []
    circle = replace(old, terms=Terms(replaces=frozenset({new.thumbprint})))
    (refused,) = synced(store, circle, declared)
    assert "old cannot replace new, which replaces old itself" in str(refused.refusal)
    assert moves(synced(store, old, new)) == [(Move.CHANGE, "new")]
    assert store.get("new").replaces == ()


def test_retired_certificates_come_in_recognised(store: KeystoreStore) -> None:
    wanted = (held("old", State.RETIRED), held("bad", State.RETIRED, compromised=True), held("new", State.TRUSTED))
    assert moves(synced(store, *wanted)) == [(Move.ADD, "old"), (Move.ADD, "bad"), (Move.ADD, "new")]
    assert exported(store) == list(wanted)


def test_each_move_between_the_sub_folders(filled: KeystoreStore) -> None:
    steps = synced(
        filled,
        held("staged", State.TRUSTED, LIMITED),
        held("trusted", State.RETIRED),
        held("limited", State.TRUSTED),
        held("over", State.TRUSTED),
        held("retired", State.TRUSTED, LIMITED),
    )
    assert moves(steps) == [
        (Move.TRUST, "staged"),
        (Move.CHANGE, "limited"),
        (Move.CHANGE, "over"),
        (Move.RESTORE, "retired"),
        (Move.RETIRE, "trusted"),
    ]
    assert [step.refusal for step in steps] == [None] * 5
    found = {str(entry.alias): entry for entry in exported(filled)}
    assert (found["staged"].state, found["staged"].terms) == (State.TRUSTED, LIMITED)
    assert (found["retired"].state, found["retired"].terms) == (State.TRUSTED, LIMITED)
    assert (found["limited"].terms, found["over"].terms) == (Terms(), Terms())
    assert found["trusted"].state is State.RETIRED
    assert found["revoked"].compromised, "what is retired and has no file stays as it is"


def test_a_file_that_is_gone_means_retire_and_passes_the_gate(filled: KeystoreStore) -> None:
    before = exported(filled), filled.revision()
    wanted = [want for want in before[0] if want.alias not in {"trusted", "staged"}]
    steps = synced(filled, *wanted, held("next", State.TRUSTED), gates=CLOSED)
    assert moves(steps) == [(Move.ADD, "next"), (Move.RETIRE, "staged"), (Move.RETIRE, "trusted")]
    assert isinstance(steps[2].refusal, GateClosed)
    assert (exported(filled), filled.revision()) == before, "all of it or nothing"
    forced = synced(filled, *wanted, gates=CLOSED, force=["TRUSTED"])
    assert forced[1].remarks == ("overridden: orders: too early",)
    assert {str(e.alias): e.state for e in filled.entries()}["trusted"] is State.RETIRED


def test_the_gate_of_what_goes_sees_what_comes(filled: KeystoreStore) -> None:
    gates = Recording()
    wanted = [want for want in exported(filled) if want.alias != "trusted"]
    synced(filled, *wanted, held("next", State.TRUSTED), gates=gates)
    assert [("next" in asked["others"], asked["entry"]) for asked in gates.asked] == [(True, "trusted")]


def test_a_file_with_another_name_renames_and_another_certificate_needs_another_name(filled: KeystoreStore) -> None:
    others = [want for want in exported(filled) if want.alias != "trusted"]
    (step,) = synced(filled, *others, held("acme-2026", State.TRUSTED, key="trusted"))
    assert (step.move, step.remarks[0]) == (Move.CHANGE, "trusted is now named acme-2026")
    assert filled.get("acme-2026").certificate == issue("trusted")
    (taken,) = synced(filled, *others, held("limited", State.TRUSTED, key="trusted"))
    assert "the alias limited is in use for another certificate" in str(taken.refusal)
    steps = synced(filled, *others, held("acme-2026", State.TRUSTED, key="something else"))
    assert "the alias acme-2026 is in use" in str(steps[0].refusal)


def test_what_was_trusted_is_never_staged_again(filled: KeystoreStore) -> None:
    wanted = [replace(want, state=State.STAGED, compromised=False) for want in exported(filled)]
    refused = [str(step.refusal) for step in synced(filled, *wanted) if step.refusal]
    assert len(refused) == 5
    assert refused[0] == "trusted is trusted and cannot be staged again: move its file to trusted/ or retired/"


def test_a_compromised_key_is_revoked_and_not_restored_by_the_way(filled: KeystoreStore) -> None:
    others = [want for want in exported(filled) if want.alias not in {"retired", "revoked"}]
    left_as_it_is = held("revoked", State.RETIRED)
    (step,) = synced(filled, *others, held("retired", State.RETIRED, compromised=True), left_as_it_is)
    assert (step.move, step.alias) == (Move.RETIRE, "retired")
    assert [e.revoked for e in filled.entries() if e.state is State.RETIRED] == [True, True]
    (restored,) = synced(filled, *others, held("revoked", State.TRUSTED))
    assert "its key is compromised" in str(restored.refusal)


def test_what_was_purged_does_not_come_back_by_its_old_file(filled: KeystoreStore) -> None:
    wanted = exported(filled)
    filled.purge("retired", **BY)
    (step,) = synced(filled, *wanted)
    gone = next(want for want in wanted if want.alias == "retired")
    assert step == Step(
        Move.NONE, Alias("retired"), None, gone, remarks=("it was purged on 2026-06-01: remove its file",)
    )


def test_a_damaged_entry_is_not_written(filled: KeystoreStore, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(update(entries).where(entries.c.alias == "trusted").values(certificate=b"rubbish"))
    assert "trusted" not in [entry.alias for entry in exported(KeystoreStore(engine))]


def test_each_step_says_from_what_to_what(filled: KeystoreStore) -> None:
    def standing(step: Step) -> tuple[object, ...]:
        return tuple(held and (str(held.alias), held.state, held.terms) for held in (step.before, step.after))

    wanted = [want for want in exported(filled) if want.alias not in {"trusted", "staged", "limited"}]
    steps = synced(
        filled,
        *wanted,
        held("staged", State.TRUSTED, LIMITED),
        held("renamed", State.TRUSTED, LIMITED, key="trusted"),
        held("next", State.TRUSTED),
        gates=CLOSED,
    )
    assert [(step.move, *standing(step)) for step in steps] == [
        (Move.TRUST, ("staged", State.STAGED, Terms()), ("staged", State.TRUSTED, LIMITED)),
        (Move.CHANGE, ("trusted", State.TRUSTED, Terms()), ("renamed", State.TRUSTED, Terms())),
        (Move.CHANGE, ("renamed", State.TRUSTED, Terms()), ("renamed", State.TRUSTED, LIMITED)),
        (Move.ADD, None, ("next", State.TRUSTED, Terms())),
        (Move.RETIRE, ("limited", State.TRUSTED, LIMITED), ("limited", State.RETIRED, LIMITED)),
    ]
    assert [step.refusal is None for step in steps] == [True, True, False, True, False]


def test_force_is_for_the_entry_that_it_names_and_no_other(filled: KeystoreStore) -> None:
    wanted = [want for want in exported(filled) if want.alias != "trusted"]
    certificate = issue("expired", not_after=NOON - HOUR)
    expired = FolderEntry(
        Alias("expired"), State.TRUSTED, Terms(), False, certificate, Thumbprint.of(der_of(certificate))
    )
    neither = synced(filled, *wanted, expired, gates=CLOSED)
    assert [type(step.refusal) for step in neither] == [NotAdmitted, GateClosed]
    admitted = synced(filled, *wanted, expired, gates=CLOSED, force=["expired"])
    assert [type(step.refusal) for step in admitted] == [type(None), GateClosed], "the gate of another stays closed"
    gate_alone = synced(filled, *wanted, expired, gates=CLOSED, force=["trusted"])
    assert [type(step.refusal) for step in gate_alone] == [NotAdmitted, type(None)]
    assert [step.refusal for step in synced(filled, *wanted, expired, gates=CLOSED, force=["expired", "Trusted"])] == [
        None,
        None,
    ]
    assert {str(entry.alias): entry.state for entry in filled.entries()}["trusted"] is State.RETIRED
    with pytest.raises(UnknownAlias, match="no entry 'nobody' in the folder or in the keystore"):
        synced(filled, *wanted, expired, force=["nobody"])
    assert synced(filled, *exported(filled), force=["expired"]) == [], "what is done already needs no force"


def test_force_goes_by_the_old_name_and_by_the_new_one(filled: KeystoreStore) -> None:
    others = [want for want in exported(filled) if want.alias != "trusted"]
    limited = held("renamed", State.TRUSTED, LIMITED, key="trusted")
    for name in ("trusted", "renamed"):
        with filled.revising(**later(1), gates=CLOSED) as draft:
            steps = synchronise(draft, [*others, limited], filled.purged(), force=[name])
            draft.drop()
        assert [step.refusal for step in steps] == [None, None]


def test_what_cannot_be_read_is_retired_and_shows_nothing_before(filled: KeystoreStore, engine: Engine) -> None:
    wanted = [want for want in exported(filled) if want.alias != "trusted"]
    with engine.begin() as connection:
        connection.execute(update(entries).where(entries.c.alias == "trusted").values(certificate=b"rubbish"))
    damaged = KeystoreStore(engine)
    with damaged.revising(**later(1), gates=CLOSED) as draft:
        (gone,) = synchronise(draft, wanted, {})
        draft.drop()
    assert (gone.move, gone.alias, gone.before, gone.refusal) == (Move.RETIRE, "trusted", None, None)
    steps = synced(damaged, *wanted, held("renamed", State.RETIRED, key="trusted"))
    assert [(step.move, step.before, step.refusal) for step in steps] == [
        (Move.CHANGE, None, None),
        (Move.RETIRE, None, None),
    ]
