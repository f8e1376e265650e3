from datetime import timedelta

from gateway.renewal import CellState, Role, cell_sentence
from gateway.renewal.cutover.cells import goal_of
from keystore import State, TrustSnapshot
from tests.gateway.report.scene import NEW, OLD, OLDEST, RENEWED, Scene, at, certificate


def test_only_the_old_key(scene: Scene) -> None:
    scene.accept(0, 3, by=[OLD])
    cell = scene.cell()
    assert (cell.state, cell.last_old, cell.first_new, cell.messages_since) == (CellState.OLD_ONLY, at(3), None, 0)


def test_the_new_key_only_after_the_old_one(scene: Scene) -> None:
    scene.accept(0, 3, by=[OLD])
    scene.accept(4, 90, by=[NEW])
    cell = scene.cell()
    assert (cell.state, cell.new_since, cell.messages_since, cell.last_old) == (CellState.SWITCHED, at(4), 2, at(3))
    assert cell.messages_needed == 0
    said = cell_sentence(cell, at(120))
    assert said == (
        "only the new key since 2026-06-01 12:04:00, 1 h ago: 2 messages; old key last 2026-06-01 12:03:00, 1 h ago"
    )


def test_the_new_key_and_never_an_old_one_in_this_time(scene: Scene) -> None:
    scene.accept(4, 90, by=[NEW])
    cell = scene.cell()
    assert (cell.state, cell.new_since, cell.messages_since, cell.last_old) == (CellState.SWITCHED, at(4), 2, None)


def test_both_keys_taking_turns(scene: Scene) -> None:
    scene.accept(0, 2, 4, 6, by=[OLD])
    scene.accept(1, 3, 5, by=[NEW])
    cell = scene.cell()
    assert (cell.state, cell.messages_since, cell.last_old) == (CellState.MIXED, 0, at(6))
    # From the first new-key message to the last old-key one: three of each.
    assert cell.messages_needed == 6
    assert "the last message was signed with the old one" in cell_sentence(cell, at(7))


def test_after_taking_turns_the_rule_of_three_tells_when_the_old_key_is_gone(scene: Scene) -> None:
    scene.accept(2, 4, 6, by=[OLD])
    scene.accept(1, 3, 5, 7, 8, 61, 62, 63, by=[NEW])
    cell = scene.cell()
    assert (cell.state, cell.messages_since, cell.messages_needed) == (CellState.MIXED, 5, 6)
    assert "only the new one since 2026-06-01 12:07:00, 1 h ago: 5 messages of the 6" in cell_sentence(cell, at(70))
    scene.accept(64, by=[NEW])
    cell = scene.cell()
    assert (cell.state, cell.messages_since, cell.new_since) == (CellState.SWITCHED, 6, at(7))


def test_a_relapse_reopens_the_cell(scene: Scene) -> None:
    scene.accept(0, by=[OLD])
    scene.accept(*range(1, 41), by=[NEW])
    assert scene.cell().state is CellState.SWITCHED
    scene.accept(50, by=[OLD])
    cell = scene.cell()
    assert (cell.state, cell.last_old, cell.messages_since) == (CellState.MIXED, at(50), 0)
    scene.accept(*range(51, 151), by=[NEW])
    cell = scene.cell()
    assert (cell.state, cell.messages_since, cell.messages_needed) == (CellState.MIXED, 100, 123)
    scene.accept(*range(151, 174), by=[NEW])
    assert scene.cell().state is CellState.SWITCHED


def test_a_rejected_message_with_the_retired_key_is_a_relapse_too(scene: Scene) -> None:
    scene.trust = TrustSnapshot.of(OLD.with_state(State.RETIRED), NEW)
    scene.accept(0, by=[OLD])
    scene.accept(1, 2, by=[NEW])
    scene.reject(3, by=[OLD])
    cell = scene.cell()
    assert (cell.state, cell.last_old, cell.rejected_old) == (CellState.MIXED, at(3), 1)
    assert [(key.alias, key.role, key.state, key.accepted, key.rejected) for key in cell.keys] == [
        ("acme-2024", Role.OLD, State.RETIRED, 1, 1),
        ("acme-2026", Role.NEW, State.TRUSTED, 2, 0),
    ]
    assert cell_sentence(cell, at(4)).endswith("; 1 message rejected with an old key")


def test_a_receiver_that_switched_too_early(scene: Scene) -> None:
    scene.trust = TrustSnapshot.of(OLD, NEW.with_state(State.STAGED))
    scene.accept(0, by=[OLD])
    scene.reject(1, 2, by=[NEW], reason="staged-key")
    cell = scene.cell()
    assert (cell.state, cell.rejected_new) == (CellState.EARLY, 2)
    assert cell_sentence(cell, at(4)) == (
        "signed with the new key before it is trusted; 2 messages rejected with the new key"
    )
    scene.accept(3, by=[OLD])
    assert scene.cell().state is CellState.OLD_ONLY


def test_a_renewed_certificate_over_the_same_key(scene: Scene) -> None:
    scene.trust = TrustSnapshot.of(OLD, RENEWED)
    scene.accept(0, by=[OLD])  # before the renewed one was added
    scene.accept(1, 2, by=[OLD, RENEWED])
    cell = scene.cell()
    assert (cell.state, cell.messages_since, cell.exact) == (CellState.SAME_KEY, 3, False)
    assert "the same key" in cell_sentence(cell, at(4))


def test_a_new_key_in_two_certificates_counts_once(scene: Scene) -> None:
    again = certificate("acme-2027", days=-5, key="acme-2026")
    scene.trust = TrustSnapshot.of(OLD, NEW, again)
    scene.accept(0, by=[OLD])
    scene.accept(1, 2, by=[NEW, again])
    assert (scene.cell().state, scene.cell().messages_since) == (CellState.SWITCHED, 2)


def test_one_key_and_no_renewal(scene: Scene) -> None:
    scene.trust = TrustSnapshot.of(OLD)
    scene.accept(0, 1, by=[OLD])
    assert scene.cell().state is CellState.ONLY_KEY


def test_every_older_key_counts(scene: Scene) -> None:
    scene.trust = TrustSnapshot.of(OLDEST, OLD, NEW)
    scene.accept(0, by=[OLD])
    scene.accept(1, by=[NEW])
    scene.reject(2, by=[OLDEST])
    assert (scene.cell().state, scene.cell().last_old) == (CellState.MIXED, at(2))


def test_a_key_that_is_no_longer_in_the_keystore_is_an_old_one(scene: Scene) -> None:
    scene.trust = TrustSnapshot.of(NEW)
    scene.accept(0, by=[OLD])
    scene.accept(1, by=[NEW])
    (old, new) = scene.cell().keys
    assert (scene.cell().state, old.state, new.state) == (CellState.SWITCHED, None, State.TRUSTED)


def test_the_goal_is_the_newest_trusted_or_staged_certificate() -> None:
    noon = at(0)
    assert goal_of([], noon).newest is None
    assert goal_of([OLDEST], noon).newest is None
    assert goal_of([NEW, OLD], noon).newest is NEW
    staged = certificate("acme-2027", days=1, state=State.STAGED)
    assert goal_of([NEW, staged, OLD], noon).newest is staged
    assert goal_of([NEW, certificate("acme-2028", days=2, state=State.RETIRED)], noon).newest is NEW
    assert goal_of([NEW, certificate("acme-2028", days=2, revoked=True)], noon).newest is NEW
    ended = certificate("acme-2028", days=2, trusted_until=noon)
    assert goal_of([NEW, ended], noon).newest is NEW
    assert goal_of([NEW, ended], noon - timedelta(seconds=1)).newest is ended
    purged = certificate("acme-2023", days=-330, state=State.PURGED)
    assert goal_of([NEW, purged], noon).others == ()
