from datetime import timedelta

from gateway.renewal import CellState, endpoint_sentence
from keystore import State, TrustSnapshot
from tests.gateway.report.scene import GET, NEW, OLD, PLACE, RENEWED, Scene, at, certificate

SHIP = "{urn:orders}ShipOrder"


def _says(scene: Scene, **options: object) -> str:
    return endpoint_sentence(scene.endpoint(**options), at(180))


def test_switched_everywhere(scene: Scene) -> None:
    scene.accept(0, by=[OLD])
    scene.accept(10, by=[NEW])
    scene.accept(70, 80, by=[NEW], operation=PLACE)
    cutover = scene.endpoint()
    assert (cutover.switched, cutover.switched_since, cutover.laggards) == (True, at(70), ())
    assert _says(scene) == "switched everywhere to acme-2026 since 2026-06-01 13:10:00, 1 h ago"


def test_the_laggard_is_named(scene: Scene) -> None:
    scene.accept(0, by=[OLD])
    scene.accept(10, by=[NEW])
    scene.accept(11, by=[NEW], operation=PLACE)
    scene.accept(60, by=[OLD], operation=SHIP)
    scene.accept(20, by=[OLD], operation="{urn:orders}Cancel")
    cutover = scene.endpoint()
    assert (cutover.switched, cutover.switched_since) == (False, None)
    assert [cell.operation for cell in cutover.laggards] == [SHIP, "{urn:orders}Cancel"]
    assert _says(scene) == (
        "2 of 4 operations switched to acme-2026; "
        "laggard: ShipOrder (last old-key message 2026-06-01 13:00:00, 2 h ago); also Cancel"
    )


def test_silence_is_named_and_completes_nothing(scene: Scene) -> None:
    scene.accept(-100, by=[OLD], operation=PLACE)
    scene.accept(10, by=[NEW])
    cutover = scene.endpoint(since=at(5), operations={"orders": [SHIP], "invoices": ["{urn:x}y"]})
    states = {cell.operation: (cell.state, cell.last_traffic) for cell in cutover.cells}
    assert states == {
        GET: (CellState.SWITCHED, None),
        PLACE: (CellState.SILENT, at(-100)),
        SHIP: (CellState.SILENT, None),
    }
    assert not cutover.switched
    assert _says(scene, since=at(5), operations={"orders": [SHIP]}) == (
        "1 of 3 operations switched to acme-2026; no traffic, so no evidence: PlaceOrder, ShipOrder"
    )


def test_an_endpoint_without_traffic_is_shown(scene: Scene) -> None:
    (first, second) = scene.report(endpoint=None, endpoints=["orders", "invoices"]).endpoints
    assert (first.endpoint, second.endpoint) == ("invoices", "orders")
    assert endpoint_sentence(first, at(0)) == "no traffic: nothing shows whether the receiver uses acme-2026"
    assert not first.switched


def test_an_endpoint_without_a_certificate(scene: Scene) -> None:
    scene.trust = TrustSnapshot.of(OLD.with_state(State.RETIRED))
    scene.reject(0, by=[OLD])
    assert scene.cell().state is CellState.OLD_ONLY
    assert "no certificate is trusted or staged" in _says(scene)


def test_only_the_certificates_of_the_endpoint_count(scene: Scene) -> None:
    scene.trust = TrustSnapshot.of(
        OLD, certificate("other-2027", days=30, endpoints=frozenset({"invoices"})), revision=9
    )
    scene.accept(0, by=[OLD])
    assert scene.endpoint().newest == OLD
    assert _says(scene) == "acme-2024 is the only key: no renewal under way"
    assert scene.report().keystore_revision == 9


def test_a_renewal_of_the_same_key(scene: Scene) -> None:
    scene.trust = TrustSnapshot.of(OLD, RENEWED)
    scene.accept(0, 1, by=[OLD, RENEWED])
    assert _says(scene) == (
        "acme-2025 holds the same key as acme-2024: both verify every message, there is nothing to switch"
    )


def test_a_receiver_that_switched_before_the_key_is_trusted(scene: Scene) -> None:
    scene.trust = TrustSnapshot.of(OLD, NEW.with_state(State.STAGED))
    scene.reject(0, 1, by=[NEW], reason="staged-key")
    assert _says(scene) == (
        "0 of 1 operation switched to acme-2026; laggard: GetOrder (2 messages rejected: signed before the new key is "
        "trusted); acme-2026 is staged: the receiver must not use it yet"
    )


def test_since_starts_with_the_whole_hour(scene: Scene) -> None:
    scene.accept(30, by=[OLD])
    scene.accept(40, by=[NEW])
    assert scene.report(since=at(35)).since == at(0)
    assert scene.cell(since=at(35)).last_old == at(30)
    assert scene.cell(since=at(60)).state is CellState.SILENT


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
