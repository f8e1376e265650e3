"""The state of a cell, by what was really recorded."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from gateway.ledger import Role, Succession, UsageRow
from gateway.present import span_text
from gateway.renewal import Cell, CellState, CellUsage, RenewalRole, SwitchCriteria, cell_sentence, goal_of, judge_cell
from gateway.renewal.cutover.cells import longest_gap
from gateway.vocabulary import RecordedOutcome
from keystore import State, Thumbprint, TrustedCertificate, TrustSnapshot
from tests.gateway.ledger.load import OPERATIONS
from tests.gateway.report.scene import GET, MINUTE, NEW, OLD, OLDEST, RENEWED, Scene, at, certificate, signers

HOUR = timedelta(hours=1)


def test_only_the_old_key(scene: Scene) -> None:
    scene.accept(0, 3, by=[OLD])
    cell = scene.cell()
    assert (cell.state, cell.last_old, cell.first_new, cell.messages_since) == (CellState.OLD_ONLY, at(3), None, 0)


def test_one_new_key_message_after_many_old_ones_is_not_enough(scene: Scene) -> None:
    scene.accept(*range(200), by=[OLD])
    scene.accept(200, by=[NEW])
    cell = scene.cell()
    assert (cell.state, cell.messages_since, cell.messages_needed) == (CellState.PENDING, 1, 16)
    assert not scene.endpoint().switched


def test_the_new_key_only_after_the_old_one(scene: Scene) -> None:
    scene.accept(0, 3, by=[OLD])
    scene.accept_every_five(15, after=3, by=[NEW])
    assert scene.cell().state is CellState.PENDING
    scene.accept(90, by=[NEW])
    cell = scene.cell()
    assert (cell.state, cell.new_since, cell.messages_since, cell.last_old) == (CellState.SWITCHED, at(8), 16, at(3))
    assert (cell.messages_needed, cell.evidence.quiet) == (16, 87 * MINUTE)


def test_enough_messages_in_too_short_a_time_are_not_enough(scene: Scene) -> None:
    scene.accept(0, by=[OLD])
    scene.accept(*(1 + n / 2 for n in range(100)), by=[NEW])
    cell = scene.cell()
    assert (cell.state, cell.messages_since, cell.evidence.quiet_needed) == (CellState.PENDING, 100, HOUR)
    scene.accept(60, by=[NEW])
    assert scene.cell().state is CellState.SWITCHED


def test_silence_makes_nothing_quiet(scene: Scene) -> None:
    scene.accept(0, by=[OLD])
    scene.accept(*(1 + n / 10 for n in range(100)), by=[NEW])
    scene.now = at(60 * 24 * 365)
    assert scene.cell().state is CellState.PENDING


def test_the_new_key_and_never_an_old_one(scene: Scene) -> None:
    scene.accept_every_five(12, after=0, by=[NEW])
    cell = scene.cell()
    assert (cell.state, cell.new_since, cell.messages_since, cell.last_old) == (CellState.PENDING, at(5), 12, None)
    scene.accept_every_five(4, after=60, by=[NEW])
    assert scene.cell().state is CellState.SWITCHED


def test_eight_hundred_messages_unless_the_endpoint_says_otherwise(scene: Scene) -> None:
    scene.criteria = SwitchCriteria()
    scene.accept(0, by=[OLD])
    scene.accept(*range(1, 800), by=[NEW])
    assert (scene.cell().state, scene.cell().messages_needed) == (CellState.PENDING, 800)
    scene.accept(800, by=[NEW])
    assert scene.cell().state is CellState.SWITCHED
    scene.criteria = SwitchCriteria(quiet_time=14 * HOUR)
    assert scene.cell().state is CellState.PENDING


def test_both_keys_taking_turns(scene: Scene) -> None:
    scene.accept(0, 2, 4, 6, by=[OLD])
    scene.accept(1, 3, 5, by=[NEW])
    cell = scene.cell()
    assert (cell.state, cell.messages_since, cell.last_old) == (CellState.MIXED, 0, at(6))
    assert "the last message was signed with the old one" in cell_sentence(cell, at(7))


def test_after_taking_turns_the_rule_of_three_tells_when_the_old_key_is_gone(scene: Scene) -> None:
    scene.accept(*range(1, 40), by=[NEW])
    scene.accept(20.5, 40, by=[OLD])
    scene.accept_every_five(61, after=40, by=[NEW])
    cell = scene.cell()
    # 39 of the new and two of the old key: three times 20.5.
    assert (cell.state, cell.messages_since, cell.messages_needed) == (CellState.MIXED, 61, 62)
    assert cell_sentence(cell, at(346)) == (
        "both keys; only the new key since 2026-06-01 12:45:00, 5 h ago: 61 messages of the 62 that it takes; the old "
        "key quiet for 5 h 5 min of the 1 h that it takes; old key last 2026-06-01 12:40:00, 5 h ago"
    )
    scene.accept(360, by=[NEW])
    cell = scene.cell()
    assert (cell.state, cell.messages_since, cell.new_since) == (CellState.SWITCHED, 62, at(45))


def test_the_old_key_must_be_quiet_for_longer_than_it_ever_was(scene: Scene) -> None:
    scene.accept(-600, 0, by=[OLD])
    scene.accept_every_five(120, after=0, by=[NEW])
    cell = scene.cell()
    assert (cell.state, cell.evidence.quiet, cell.evidence.longest_quiet) == (CellState.PENDING, 10 * HOUR, 10 * HOUR)
    assert "quiet for 10 h of the 10 h that it takes, for it was quiet for 10 h before" in cell_sentence(cell, at(700))
    scene.accept(601, by=[NEW])
    cell = scene.cell()
    assert cell.state is CellState.SWITCHED
    assert (
        "121 messages, and 16 are enough; the old key quiet for 10 h 1 min of the 10 h that it takes, "
        "longer than the 10 h that it ever was" in cell_sentence(cell, at(700))
    )


def test_and_four_times_longer_than_since_the_new_key_was_first_seen(scene: Scene) -> None:
    scene.accept(0, by=[NEW])
    scene.accept(1, 121, by=[OLD])
    scene.accept_every_five(96, after=121, by=[NEW])
    cell = scene.cell()
    assert (cell.state, cell.evidence.quiet, cell.evidence.quiet_needed) == (CellState.MIXED, 8 * HOUR, 8 * HOUR)
    scene.accept(602, by=[NEW])
    assert scene.cell().state is CellState.SWITCHED


def test_a_pause_that_lies_before_the_time_that_is_asked_for_counts_all_the_same(scene: Scene) -> None:
    scene.accept(-600, 0, by=[OLD])
    scene.accept_every_five(60, after=0, by=[NEW])
    cell = scene.cell(since=at(60))
    assert (cell.state, cell.last_old) == (CellState.PENDING, at(0))
    assert [key.alias for key in cell.keys] == ["acme-2026"], "what was seen in that time"


def test_a_relapse_reopens_the_cell(scene: Scene) -> None:
    scene.accept(0, by=[OLD])
    scene.accept_every_five(40, after=0, by=[NEW])
    assert scene.cell().state is CellState.SWITCHED
    scene.accept(210, by=[OLD])
    cell = scene.cell()
    assert (cell.state, cell.last_old, cell.messages_since) == (CellState.MIXED, at(210), 0)
    scene.accept_every_five(122, after=210, by=[NEW])
    cell = scene.cell()
    assert (cell.state, cell.messages_since, cell.messages_needed) == (CellState.MIXED, 122, 123)
    scene.accept(900, by=[NEW])
    cell = scene.cell()
    # From 0 to 210 it was quiet for three and a half hours, and the new key came first within that time.
    assert (cell.state, cell.evidence.quiet_needed) == (CellState.MIXED, 14 * HOUR)
    scene.accept(210 + 14 * 60 + 1, by=[NEW])
    assert scene.cell().state is CellState.SWITCHED


@pytest.mark.parametrize("reason", ["retired-key", "timestamp-stale", "unsigned-part"])
def test_a_rejected_message_with_the_old_key_is_a_use_of_it(scene: Scene, reason: str) -> None:
    scene.trust = TrustSnapshot.of(OLD.with_state(State.RETIRED), NEW)
    scene.accept(0, by=[OLD])
    scene.accept(1, 2, by=[NEW])
    scene.reject(3, by=[OLD], reason=reason)
    cell = scene.cell()
    assert (cell.state, cell.last_old, cell.rejected_old) == (CellState.MIXED, at(3), 1)
    assert [(key.alias, key.role, key.state, key.accepted, key.rejected) for key in cell.keys] == [
        ("acme-2024", RenewalRole.OLD, State.RETIRED, 1, 1),
        ("acme-2026", RenewalRole.NEW, State.TRUSTED, 2, 0),
    ]
    assert "; 1 message rejected with an old key" in cell_sentence(cell, at(4))


def test_an_operation_whose_messages_are_all_rejected_is_a_cell_that_has_not_switched(scene: Scene) -> None:
    scene.reject(*range(0, 100, 5), by=[NEW], reason="timestamp-stale")
    cell = scene.cell()
    assert (cell.state, cell.rejected_new, cell.first_new, cell.first_new_seen) == (CellState.REJECTED, 20, None, at(0))
    scene.accept(101, by=[NEW])
    assert scene.cell().state is CellState.SWITCHED
    scene.reject(102, by=[OLD], reason="timestamp-stale")
    scene.reject(*range(105, 1000, 5), by=[NEW], reason="timestamp-stale")
    assert scene.cell().state is CellState.MIXED, "since the last old one none with the new key was accepted"


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


def test_the_switch_is_dated_by_the_first_message_and_by_the_first_accepted_one(scene: Scene) -> None:
    scene.accept(0, by=[OLD])
    scene.reject(1, by=[NEW], reason="timestamp-stale")
    scene.accept_every_five(20, after=1, by=[NEW])
    cell = scene.cell()
    assert (cell.first_new_seen, cell.first_new, cell.new_since) == (at(1), at(6), at(1))
    assert "; new key first 2026-06-01 12:01:00, 3 h ago, first accepted 2026-06-01 12:06:00, 2 h ago" in cell_sentence(
        cell, at(181)
    )


def test_what_a_message_says_of_its_signing_stands_beside_its_arrival(scene: Scene) -> None:
    scene.accept(50, by=[OLD], signers=signers([OLD], signed_at=at(2)))
    cell = scene.cell()
    assert (cell.last_old, cell.last_old_signed) == (at(50), at(2))
    assert cell_sentence(cell, at(60)) == (
        "only the old key; last 2026-06-01 12:50:00, 10 min ago (signed 2026-06-01 12:02:00)"
    )
    assert [key.last_signed for key in cell.keys] == [at(2)]


def test_a_signature_that_is_sent_again_is_no_use_of_the_key(scene: Scene) -> None:
    scene.accept(0, by=[OLD])
    once = signers([OLD])
    scene.accept(1, by=[OLD], signers=once)
    scene.accept_every_five(16, after=1, by=[NEW])
    again = tuple(replace(signer, repeated=True) for signer in once)
    scene.reject(100, 101, by=[OLD], reason="replayed", signers=again)
    cell = scene.cell()
    assert (cell.state, cell.last_old, cell.repeated, cell.rejected_old) == (CellState.SWITCHED, at(1), 2, 0)
    assert [(key.accepted, key.repeated, key.last_seen) for key in cell.keys] == [(2, 2, at(1)), (16, 0, at(81))]
    assert cell_sentence(cell, at(120)).endswith("; 2 messages repeated a signature that was on record")


def test_who_only_repeats_what_is_on_record_makes_no_cell(scene: Scene) -> None:
    once = signers([OLD])
    scene.accept(1, by=[OLD], signers=once)
    again = tuple(replace(signer, repeated=True) for signer in once)
    scene.reject(2, by=[OLD], reason="replayed", signers=again, server="made-up")
    assert [(cell.operation, cell.server) for cell in scene.endpoint().cells] == [(GET, "")]
    scene.reject(120, by=[OLD], reason="replayed", signers=again)
    cell = scene.cell(since=at(60))
    assert (cell.state, cell.last_traffic, cell.repeated) == (CellState.SILENT, at(1), 1)
    assert [(key.accepted, key.last_seen) for key in cell.keys] == [(0, at(120))]


def test_an_old_signature_that_the_message_does_not_need_is_told_and_keeps_nothing_open(scene: Scene) -> None:
    scene.accept(0, by=[OLD])
    spare = signers([OLD], needed=False)
    scene.accept_every_five(20, after=0, by=[NEW, OLD], signers=(*signers([NEW]), *spare))
    cell = scene.cell()
    assert (cell.state, cell.last_old, cell.dispensable_old) == (CellState.SWITCHED, at(0), 20)
    assert "; 20 messages with an old key's signature as well, without need of it" in cell_sentence(cell, at(120))
    assert scene.endpoint().switched


def test_a_new_signature_that_is_not_needed_yet_does_not_hide_the_old_one_that_is(scene: Scene) -> None:
    both = (*signers([OLD]), *signers([NEW], needed=False))
    scene.accept_every_five(30, after=0, by=[OLD], signers=both)
    cell = scene.cell()
    assert (cell.state, cell.last_old, cell.first_new) == (CellState.MIXED, at(150), at(5))


def test_what_was_recorded_before_roles_were_told_apart_counts_as_a_use() -> None:
    goal = goal_of([OLD, NEW], at(0))
    rows = [
        row(OLD, Role.EARLIER, first=0, last=10, messages=100),
        row(NEW, Role.EARLIER, first=20, last=200, messages=50),
        row(NEW, Role.NEEDED, first=201, last=300, messages=50),
    ]
    asked: list[frozenset[Role]] = []

    def count(_thumbprints: Sequence[Thumbprint], _after: datetime, roles: Collection[Role]) -> Succession:
        asked.append(frozenset(roles))
        return Succession(100, at(20), exact=True)

    usage = CellUsage(endpoint="orders", operation=GET, rows=rows, shown=rows, together=[])
    cell = judge_cell(usage, goal, at(400), count, SwitchCriteria(HOUR, 0.1))
    assert (cell.state, cell.last_old, cell.new_since) == (CellState.SWITCHED, at(10), at(20))
    assert asked == [frozenset({Role.NEEDED, Role.PRESENT, Role.EARLIER})]


def test_each_server_is_a_cell_of_its_own(scene: Scene) -> None:
    scene.accept_every_five(20, after=0, by=[NEW], server="node-1")
    scene.accept(1, 50, by=[OLD], server="node-2")
    assert (scene.cell(server="node-1").state, scene.cell(server="node-2").state) == (
        CellState.SWITCHED,
        CellState.OLD_ONLY,
    )
    assert not scene.endpoint().switched


def test_a_renewed_certificate_over_the_same_key(scene: Scene) -> None:
    scene.trust = TrustSnapshot.of(OLD, RENEWED)
    scene.accept(0, by=[OLD])  # before the renewed one was added
    scene.accept(1, 2, by=[OLD, RENEWED])
    cell = scene.cell()
    assert (cell.state, cell.messages_needed) == (CellState.SAME_KEY, 0)
    assert cell_sentence(cell, at(4)) == "the certificates hold the same key"


def test_a_new_key_in_two_certificates_counts_once(scene: Scene) -> None:
    again = certificate("acme-2027", days=-5, key="acme-2026")
    scene.trust = TrustSnapshot.of(OLD, NEW, again)
    scene.accept(0, by=[OLD])
    scene.accept(1, 2, by=[NEW, again])
    assert (scene.cell().state, scene.cell().messages_since) == (CellState.PENDING, 2)


def test_two_old_keys_on_one_message_and_a_reused_alias_are_told_apart_by_thumbprint(scene: Scene) -> None:
    reused = certificate("acme-2024", days=-10, key="another")
    scene.trust = TrustSnapshot.of(reused, NEW)
    scene.accept(0, by=[OLD])
    scene.accept(5, 6, by=[reused])
    cell = scene.cell()
    assert [(key.thumbprint, key.role, key.accepted, key.last_seen, key.state) for key in cell.keys] == [
        (reused.thumbprint, RenewalRole.OTHER, 2, at(6), State.TRUSTED),
        (OLD.thumbprint, RenewalRole.OLD, 1, at(0), None),
    ]
    assert cell.last_old == at(0), "not of the other certificate that has the alias now"


def test_counts_of_an_old_key_in_two_certificates_are_not_added_up(scene: Scene) -> None:
    scene.trust = TrustSnapshot.of(OLD, RENEWED, certificate("acme-2026", days=-10, replaces=(RENEWED.thumbprint,)))
    scene.reject(0, 1, by=[OLD, RENEWED])
    assert scene.cell().rejected_old == 2


def test_one_key_and_no_renewal(scene: Scene) -> None:
    scene.trust = TrustSnapshot.of(OLD)
    scene.accept(0, 1, by=[OLD])
    assert scene.cell().state is CellState.ONLY_KEY


def test_several_keys_and_no_declaration(scene: Scene) -> None:
    later = certificate("acme-2026", days=-10)
    scene.trust = TrustSnapshot.of(OLD, later)
    scene.accept(0, by=[OLD])
    scene.accept_every_five(50, after=0, by=[later])
    cell = scene.cell()
    assert (cell.state, cell.last_old, cell.first_new) == (CellState.UNDECLARED, None, None)
    assert {key.role for key in cell.keys} == {RenewalRole.OTHER}


def test_every_key_on_the_line_is_old(scene: Scene) -> None:
    old = certificate("acme-2024", days=-300, replaces=(OLDEST.thumbprint,))
    scene.trust = TrustSnapshot.of(OLDEST, old, NEW)
    scene.accept(0, by=[OLD])
    scene.accept(1, by=[NEW])
    scene.reject(2, by=[OLDEST])
    assert (scene.cell().state, scene.cell().last_old) == (CellState.MIXED, at(2))


def test_a_key_that_no_declaration_names_is_told_apart(scene: Scene) -> None:
    other = certificate("acme-tsa", days=-100)
    scene.trust = TrustSnapshot.of(OLD, NEW, other)
    scene.accept(0, by=[OLD])
    scene.accept_every_five(20, after=0, by=[NEW])
    scene.accept(110, by=[other])
    cell = scene.cell()
    assert (cell.state, [key.alias for key in cell.others]) == (CellState.SWITCHED, ["acme-tsa"])
    assert cell_sentence(cell, at(120)).endswith("; 1 message by acme-tsa, which nothing declares to be old")
    scene.accept(0, by=[other], operation=OPERATIONS[1])
    cell = scene.cell(OPERATIONS[1])
    assert (cell.state, cell_sentence(cell, at(120))) == (
        CellState.OTHER_ONLY,
        "neither the new key nor one that it replaces; 1 message by acme-tsa",
    )


def test_a_replaced_key_that_is_no_longer_in_the_keystore_is_an_old_one(scene: Scene) -> None:
    scene.trust = TrustSnapshot.of(NEW)
    scene.accept(0, by=[OLD])
    scene.accept(1, by=[NEW])
    (old, new) = scene.cell().keys
    assert (old.role, old.state, new.state) == (RenewalRole.OLD, None, State.TRUSTED)
    assert scene.cell().state is CellState.PENDING


def test_two_renewals_at_one_endpoint_are_judged_cell_by_cell(scene: Scene) -> None:
    tsa = certificate("tsa-2024", days=-200)
    tsa_new = certificate("tsa-2026", days=-5, replaces=(tsa.thumbprint,))
    scene.trust = TrustSnapshot.of(OLD, NEW, tsa, tsa_new)
    scene.accept_every_five(20, after=0, by=[NEW, tsa])
    assert scene.cell().state is CellState.MIXED
    scene.accept_every_five(100, after=100, by=[NEW, tsa_new])
    cell = scene.cell()
    assert (cell.state, cell.messages_since, cell.exact) == (CellState.SWITCHED, 100, False)


def row(
    by: TrustedCertificate,
    role: Role = Role.NEEDED,
    *,
    first: float,
    last: float,
    gap: float = 0,
    messages: int = 2,
) -> UsageRow:
    return UsageRow(
        endpoint="orders",
        operation=GET,
        server="",
        alias=by.alias,
        key_id=by.key_id,
        thumbprint=by.thumbprint,
        role=role,
        outcome=RecordedOutcome.ACCEPTED,
        messages=messages,
        share=1.0,
        first_seen=at(first),
        last_seen=at(last),
        last_signed=None,
        longest_gap=gap * MINUTE,
    )


@pytest.mark.parametrize(
    ("rows", "minutes"),
    [
        ([], 0),
        ([(0, 0, 0)], 0),
        ([(0, 100, 30)], 30),
        # One after the other: the time between them is a pause as well.
        ([(0, 100, 30), (150, 200, 10)], 50),
        ([(0, 100, 30), (110, 200, 10)], 30),
        # Seldom beside often: the pauses of the one are full of the other.
        ([(0, 1000, 5), (100, 900, 800)], 5),
        # Until it ends.
        ([(0, 500, 5), (100, 900, 800)], 400),
        ([(0, 500, 5), (100, 900, 80)], 80),
        ([(0, 10, 3), (2, 2, 0), (700, 700, 0)], 690),
    ],
)
def test_the_longest_pause_of_several_rows(rows: list[tuple[float, float, float]], minutes: float) -> None:
    assert longest_gap([row(OLD, first=f, last=last, gap=gap) for f, last, gap in rows]) == minutes * MINUTE


def test_no_state_is_left_out_of_the_sentences() -> None:
    cell = Cell(endpoint="orders", operation=GET, state=CellState.SILENT)
    said = {cell_sentence(replace(cell, state=state), at(1)) for state in CellState}
    assert len(said) == len(CellState)
    assert "never seen, so no evidence" in said


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (timedelta(0), "0 s"),
        (timedelta(milliseconds=999), "0 s"),
        (timedelta(seconds=61), "1 min 1 s"),
        (timedelta(hours=3, minutes=10, seconds=59), "3 h 10 min"),
        (timedelta(hours=1, seconds=5), "1 h"),
        (timedelta(days=400, hours=1), "400 d 1 h"),
    ],
)
def test_a_length_of_time_is_told_in_its_two_largest_units(length: timedelta, said: str) -> None:
    assert span_text(length) == said
