from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from gateway.config import load_settings
from gateway.ledger import remember_expected
from gateway.ledger.database.connections import writing
from gateway.renewal import CellState, cell_sentence, cutover_json, endpoint_sentence, known_operations
from gateway.vocabulary import MessageKind
from keystore import State, TrustSnapshot
from tests.databases import unprotected
from tests.gateway.report.scene import GET, NEW, OLD, PLACE, RENEWED, Scene, at, certificate

SHIP = "{urn:orders}ShipOrder"


def _says(scene: Scene, **options: object) -> str:
    return endpoint_sentence(scene.endpoint(**options), at(180))


def test_switched_everywhere(scene: Scene) -> None:
    scene.accept(0, by=[OLD])
    scene.accept_every_five(20, after=5, by=[NEW])
    scene.accept_every_five(20, after=65, by=[NEW], operation=PLACE)
    cutover = scene.endpoint()
    assert (cutover.switched, cutover.switched_since, cutover.laggards) == (True, at(70), ())
    assert _says(scene) == "switched everywhere to acme-2026 since 2026-06-01 13:10:00, 1 h ago"


def test_the_laggard_is_named(scene: Scene) -> None:
    scene.accept(0, by=[OLD])
    scene.accept_every_five(20, after=0, by=[NEW])
    scene.accept_every_five(20, after=0, by=[NEW], operation=PLACE)
    scene.accept(60, by=[OLD], operation=SHIP)
    scene.accept(20, by=[OLD], operation="{urn:orders}Cancel")
    cutover = scene.endpoint()
    assert (cutover.switched, cutover.switched_since) == (False, None)
    assert [cell.operation for cell in cutover.laggards] == [SHIP, "{urn:orders}Cancel"]
    assert _says(scene) == (
        "2 of 4 operations switched to acme-2026; "
        "laggard: ShipOrder (last old-key message 2026-06-01 13:00:00, 2 h ago); also Cancel"
    )


def test_the_laggard_is_named_with_its_server(scene: Scene) -> None:
    for server in ("node-1", "node-2"):
        scene.accept_every_five(20, after=0, by=[NEW], server=server)
    scene.accept(30, by=[OLD], server="node-3")
    scene.accept(40, by=[OLD], server="node-4\x1b[2J")
    cutover = scene.endpoint()
    assert [(cell.operation, cell.server) for cell in cutover.laggards] == [(GET, "node-4\x1b[2J"), (GET, "node-3")]
    assert _says(scene) == (
        "2 of 4 pairs of operation and server switched to acme-2026; "
        "laggard: GetOrder at node-4\\x1b[2J (last old-key message 2026-06-01 12:40:00, 2 h ago); "
        "also GetOrder at node-3"
    )


def test_what_is_not_enough_yet_says_what_is_missing(scene: Scene) -> None:
    scene.accept(*range(100), by=[OLD])
    scene.accept(100, by=[NEW])
    assert _says(scene) == (
        "0 of 1 operation switched to acme-2026; laggard: GetOrder (only the new key since 2026-06-01 13:40:00, 1 h "
        "ago: 1 message of the 16 that it takes; the old key quiet for 1 min of the 1 h that it takes, for it was "
        "quiet for 1 min before; old key last 2026-06-01 13:39:00, 1 h ago)"
    )


def test_an_operation_that_rejects_everything_is_a_laggard(scene: Scene) -> None:
    scene.accept_every_five(20, after=0, by=[NEW])
    scene.reject(1, 2, 3, by=[NEW], operation=PLACE, reason="timestamp-stale")
    assert not scene.endpoint().switched
    assert _says(scene) == (
        "1 of 2 operations switched to acme-2026; "
        "laggard: PlaceOrder (3 messages with the new key, and every one was rejected)"
    )


def test_a_late_message_of_an_hour_ago_keeps_its_operation_open(scene: Scene) -> None:
    scene.accept(0, by=[OLD])
    scene.accept_every_five(34, after=0, by=[NEW])
    assert scene.endpoint().switched
    scene.reject(120, by=[OLD], reason="timestamp-stale")
    assert not scene.endpoint().switched
    assert "laggard: GetOrder (last old-key message 2026-06-01 14:00:00, 1 h ago)" in _says(scene)


def test_a_fault_is_no_cell_of_its_own(scene: Scene) -> None:
    fault = "{http://schemas.xmlsoap.org/soap/envelope/}Fault"
    scene.accept_every_five(20, after=10, by=[NEW])
    scene.accept(0, by=[OLD], kind=MessageKind.FAULT, response_element=fault)
    assert [(cell.operation, cell.state) for cell in scene.endpoint().cells] == [(GET, CellState.SWITCHED)]
    scene.accept(120, by=[OLD], kind=MessageKind.FAULT, response_element=fault)
    assert [(cell.operation, cell.state) for cell in scene.endpoint().cells] == [(GET, CellState.MIXED)]


def test_two_operations_that_share_a_response_element_are_two_cells(scene: Scene) -> None:
    scene.accept_every_five(20, after=0, by=[NEW], response_element="{urn:orders}Ack")
    scene.accept(90, by=[OLD], operation=PLACE, response_element="{urn:orders}Ack")
    assert [cell.state for cell in scene.endpoint().cells] == [CellState.SWITCHED, CellState.OLD_ONLY]


def test_silence_is_named_and_completes_nothing(scene: Scene) -> None:
    scene.accept(-100, by=[OLD], operation=PLACE)
    scene.accept_every_five(20, after=5, by=[NEW])
    cutover = scene.endpoint(since=at(5), operations={"orders": [SHIP, GET], "invoices": ["{urn:x}y"]})
    states = {cell.operation: (cell.state, cell.last_traffic) for cell in cutover.cells}
    assert states == {
        GET: (CellState.SWITCHED, None),
        PLACE: (CellState.SILENT, at(-100)),
        SHIP: (CellState.SILENT, None),
    }
    assert not cutover.switched
    assert [cell.operation for cell in cutover.never_seen] == [SHIP]
    (silent, _) = cutover.cells_in(CellState.SILENT)
    assert cell_sentence(silent, at(0)) == (
        "no traffic in this time, so no evidence; last 2026-06-01 10:20:00, 1 h ago"
    )
    assert _says(scene, since=at(5), operations={"orders": [SHIP]}) == (
        "1 of 3 operations switched to acme-2026; no traffic, so no evidence: PlaceOrder; "
        "never seen, so no evidence: ShipOrder"
    )


def test_an_expected_operation_that_was_seen_at_any_server_is_no_cell_of_its_own(scene: Scene) -> None:
    scene.accept_every_five(20, after=5, by=[NEW], server="node-1")
    assert [(cell.operation, cell.server) for cell in scene.endpoint(operations={"orders": [GET]}).cells] == [
        (GET, "node-1")
    ]


def test_an_expected_operation_without_a_namespace_stands_for_its_local_name(scene: Scene) -> None:
    scene.accept_every_five(20, after=5, by=[NEW])
    names = {"orders": ["GetOrder", "ShipOrder", SHIP, "PlaceOrder"]}
    cells = scene.endpoint(operations=names).cells
    assert [cell.operation for cell in cells if cell.state is CellState.SILENT] == ["PlaceOrder", SHIP]
    other = {"orders": ["{urn:other}GetOrder"]}
    assert [cell.operation for cell in scene.endpoint(operations=other).never_seen] == ["{urn:other}GetOrder"]


def test_the_configuration_of_whoever_asks_only_adds_to_what_is_expected(scene: Scene, tmp_path: Path) -> None:
    config = tmp_path / "gateway.toml"
    config.write_text(
        '[endpoint.orders]\npath = "/orders"\nupstream = "http://127.0.0.1:9/"\noperations = ["Monthly"]\n'
        '[endpoint.others]\npath = "/others"\nupstream = "http://127.0.0.1:9/"\n'
    )
    remember_expected(scene.engine, "orders", [SHIP], at(0))
    remember_expected(scene.engine, "gone", [GET], at(0))
    known = known_operations(scene.engine, load_settings(config))
    assert {name: sorted(of) for name, of in known.items()} == {
        "orders": ["Monthly", SHIP],
        "others": [],
        "gone": [GET],
    }


def test_an_endpoint_without_traffic_is_shown(scene: Scene) -> None:
    (first, second) = scene.report(endpoint=None, endpoints=["orders", "invoices"]).endpoints
    assert (first.endpoint, second.endpoint) == ("invoices", "orders")
    assert endpoint_sentence(first, at(0)) == "no traffic: nothing shows whether the receiver uses acme-2026"
    assert not first.switched
    assert (first.cells, second.cells) == ((), ())
    (named,) = scene.report(operations={"orders": [GET]}, endpoint=None).endpoints
    assert endpoint_sentence(named, at(0)).endswith("uses acme-2026; never seen: GetOrder")


def test_an_endpoint_without_a_certificate(scene: Scene) -> None:
    scene.trust = TrustSnapshot.of(OLD.with_state(State.RETIRED))
    scene.reject(0, by=[OLD])
    assert scene.cell().state is CellState.OTHER_ONLY
    assert not scene.endpoint().switched
    assert "no certificate is trusted or staged" in _says(scene)


def test_only_the_certificates_of_the_endpoint_count(scene: Scene) -> None:
    elsewhere = certificate(
        "other-2027", days=30, endpoints=frozenset({"invoices"}), replaces=(OLD.thumbprint,), trusted_from=at(0)
    )
    scene.trust = TrustSnapshot.of(OLD, elsewhere, revision=9)
    scene.accept(0, by=[OLD])
    assert scene.endpoint().newest == OLD
    assert _says(scene) == "acme-2024 is the only key: no renewal under way"
    assert scene.report().keystore_revision == 9


def test_without_a_declaration_it_says_how_to_declare(scene: Scene) -> None:
    later = certificate("acme-2026", days=-10)
    scene.trust = TrustSnapshot.of(OLD, later)
    said = (
        "which key is the new one is not known (acme-2024, acme-2026); "
        "declare it: wssgate keystore set NEW --replaces OLD"
    )
    assert _says(scene) == said, "also where there was no traffic yet"
    scene.accept(0, by=[OLD])
    scene.accept_every_five(50, after=0, by=[later])
    cutover = scene.endpoint()
    assert (cutover.undeclared, cutover.switched, cutover.laggards, cutover.newest) == (True, False, (), None)
    assert _says(scene) == said
    scene.trust = TrustSnapshot.of(OLD.with_state(State.RETIRED), later)
    assert _says(scene) == said, "it was seen"


def test_a_spare_with_earlier_dates_is_not_taken_for_the_old_key(scene: Scene) -> None:
    spare = certificate("acme-spare", days=-349, replaces=(OLD.thumbprint,))
    scene.trust = TrustSnapshot.of(OLD, spare)
    scene.accept_every_five(50, after=0, by=[OLD])
    assert scene.cell().state is CellState.OLD_ONLY
    scene.accept_every_five(50, after=250, by=[spare])
    assert _says(scene).startswith("switched everywhere to acme-spare since")


def test_two_declared_successors_are_both_named_and_nothing_is_judged(scene: Scene) -> None:
    rival = certificate("acme-2027", days=-5, replaces=(OLD.thumbprint,))
    scene.trust = TrustSnapshot.of(OLD, NEW, rival)
    scene.accept(0, by=[OLD])
    scene.accept_every_five(50, after=0, by=[NEW])
    assert (scene.cell().state, scene.endpoint().switched) == (CellState.UNDECLARED, False)
    assert _says(scene) == (
        "acme-2026 and acme-2027 are declared to replace the same key, or each other, so which key is the new one is "
        "not known; take back what is not meant: wssgate keystore set ALIAS --no-replaces"
    )


def test_a_key_that_is_withdrawn_through_another_entry_is_no_goal(scene: Scene) -> None:
    withdrawn = certificate("acme-2027", days=-5, key="acme-2026", revoked=True, state=State.RETIRED)
    scene.trust = TrustSnapshot.of(OLD, NEW, withdrawn)
    scene.accept(0, by=[OLD])
    assert scene.endpoint().goal.successors == ()


def test_a_renewal_of_the_same_key(scene: Scene) -> None:
    scene.trust = TrustSnapshot.of(OLD, RENEWED)
    scene.accept(0, 1, by=[OLD, RENEWED])
    assert _says(scene) == (
        "acme-2024 and acme-2025 hold the same key: each verifies every message, there is nothing to switch"
    )


def test_a_receiver_that_switched_before_the_key_is_trusted(scene: Scene) -> None:
    scene.trust = TrustSnapshot.of(OLD, NEW.with_state(State.STAGED))
    scene.reject(0, 1, by=[NEW], reason="staged-key")
    assert _says(scene) == (
        "0 of 1 operation switched to acme-2026; laggard: GetOrder (2 messages rejected: signed before the new key is "
        "trusted); acme-2026 is staged: the receiver must not use it yet"
    )


def test_an_operation_with_keys_that_nothing_declares_is_named(scene: Scene) -> None:
    other = certificate("acme-tsa", days=-100)
    scene.trust = TrustSnapshot.of(OLD, NEW, other)
    scene.accept_every_five(20, after=0, by=[NEW])
    scene.accept(0, by=[other], operation=PLACE)
    assert not scene.endpoint().switched
    assert _says(scene) == "1 of 2 operations switched to acme-2026; signed with other keys: PlaceOrder"


def test_two_goals_are_both_named(scene: Scene) -> None:
    tsa = certificate("tsa-2024", days=-200)
    scene.trust = TrustSnapshot.of(OLD, NEW, tsa, certificate("tsa-2026", days=-5, replaces=(tsa.thumbprint,)))
    scene.accept_every_five(20, after=0, by=[NEW])
    assert _says(scene) == "switched everywhere to acme-2026 and tsa-2026 since 2026-06-01 12:05:00, 2 h ago"


def _aliases(scene: Scene, **options: Any) -> list[str]:
    return [key.alias for key in scene.cell(**options).keys]


def test_since_is_exact_and_what_has_switched_is_judged_by_everything(scene: Scene) -> None:
    scene.accept(30, by=[OLD])
    scene.accept(40, by=[NEW])
    assert scene.report(since=at(35)).since == at(35)
    assert (_aliases(scene), _aliases(scene, since=at(35))) == (["acme-2024", "acme-2026"], ["acme-2026"])
    assert scene.cell(since=at(35)).last_old == at(30)
    for silent in (at(41), at(60)):
        assert scene.cell(since=silent).state is CellState.SILENT


def test_since_starts_with_the_whole_hour_where_its_records_are_gone(scene: Scene) -> None:
    scene.accept(30, by=[OLD])
    scene.accept(40, by=[NEW])
    with writing(scene.engine) as connection, unprotected(connection):
        connection.execute(text("DELETE FROM messages"))
    assert scene.report(since=at(35)).since == at(0)
    assert _aliases(scene, since=at(35)) == ["acme-2024", "acme-2026"]
    assert scene.cell(since=at(60)).state is CellState.SILENT


def test_a_past_time_is_judged_by_what_was_there_then(scene: Scene) -> None:
    scene.accept(0, by=[OLD])
    scene.accept_every_five(20, after=5, by=[NEW])  # the last one at 105
    scene.accept(130, by=[OLD])  # a relapse
    assert scene.cell().state is CellState.MIXED
    for until, state, last_new in ((at(10), CellState.PENDING, at(55)), (at(61), CellState.SWITCHED, at(105))):
        cell = scene.cell(until=until)
        assert (cell.state, cell.last_new, cell.last_old) == (state, last_new, at(0))
    report = scene.report(until=at(61), since=at(58))
    assert (report.since, report.until, report.last_use) == (at(58), at(120), at(105))
    assert cutover_json(report)["until"] == "2026-06-01T14:00:00Z"
    assert scene.report(until=at(60)).until == at(60)
    assert scene.report(until=at(0)).endpoints[0].cells == ()


def test_operations_of_attackers_without_a_known_key_make_no_cells(scene: Scene) -> None:
    scene.accept(0, by=[NEW])
    scene.reject(1, operation="{urn:evil}Everything")
    assert [cell.operation for cell in scene.endpoint().cells] == [GET]


def test_the_report_agrees_with_what_happened_to_the_microsecond(scene: Scene) -> None:
    tick = timedelta(microseconds=1)
    scene.accept(0, by=[OLD], time=at(59) + 999_999 * tick)
    scene.accept(0, by=[NEW], time=at(60) - tick)
    scene.accept(0, by=[NEW], time=at(60))
    cell = scene.cell()
    assert (cell.last_old, cell.new_since) == (at(59) + 999_999 * tick, at(60) - tick)
    assert cell.messages_since == 2


@pytest.mark.parametrize("day", [0, 400])
def test_the_clock_of_whoever_asks_moves_nothing_that_was_measured(scene: Scene, day: int) -> None:
    scene.accept(0, by=[OLD])
    scene.accept_every_five(11, after=0, by=[NEW])
    cutover = scene.endpoint(now=at(day * 24 * 60))
    assert [cell.state for cell in cutover.cells] == [CellState.PENDING]


def test_the_report_names_what_it_was_made_from(scene: Scene) -> None:
    scene.accept(3, 90, by=[OLD])
    report = scene.report(heads=lambda: ["one", "two"], since=at(60))
    assert (report.first_use, report.last_use, report.heads, report.since) == (at(3), at(90), ("one", "two"), at(60))
    assert scene.report(operations={"orders": [SHIP, GET]}).operations == {"orders": (GET, SHIP)}


def test_what_could_not_be_recorded_keeps_an_operation_open(scene: Scene) -> None:
    scene.accept(0, by=[OLD])
    scene.accept_every_five(34, after=0, by=[NEW])
    assert scene.endpoint().switched
    scene.lose(by=[OLD])
    scene.accept(200, by=[NEW])  # what tells it
    cell = scene.cell()
    assert (scene.endpoint().switched, cell.state, cell.rejected_old) == (False, CellState.MIXED, 1)
    assert cell.last_old is not None
    assert cell.last_old > at(200), "it is dated by the event, and came before"


def test_what_a_killed_process_may_have_had_keeps_an_operation_open(scene: Scene, tmp_path: Path) -> None:
    scene.accept(0, by=[OLD])
    scene.accept_every_five(34, after=0, by=[NEW])
    before = scene.endpoint()
    scene.leave(tmp_path / "ends", by=[NEW])
    assert scene.endpoint() == before, "the new key may have come or not: that is no evidence"
    scene.leave(tmp_path / "ends", by=[OLD])
    cell = scene.cell()
    assert (scene.endpoint().switched, cell.state, cell.rejected_old) == (False, CellState.MIXED, 0)


def test_an_operation_that_may_have_come_to_nobody_is_none(scene: Scene, tmp_path: Path) -> None:
    scene.accept(0, by=[OLD])
    scene.leave(tmp_path / "ends", by=[NEW], operation=SHIP)
    assert [cell.operation for cell in scene.endpoint().cells] == [GET]
    scene.leave(tmp_path / "ends", by=[OLD], operation=SHIP)
    assert [cell.operation for cell in scene.endpoint().cells] == [GET, SHIP]
