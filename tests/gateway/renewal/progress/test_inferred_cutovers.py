"""Cutovers that the ledger shows before anybody started a renewal."""

from pathlib import Path

from gateway.renewal import InferredCutover, infer_cutovers, inferred_json
from gateway.verify import VerifiedBy
from tests.gateway.ledger.load import accepted
from tests.gateway.ledger.losing import tell_left
from tests.gateway.renewal.progress.renewal_scene import GET, NEW, OLD, PLACE, RenewalScene, certificate, renewal_of
from tests.gateway.report.scene import RENEWED

NEXT = certificate("acme-2028", days=-5)


def found(scene: RenewalScene, **options: str) -> list[InferredCutover]:
    return infer_cutovers(scene.engine, scene.store.entries(), [], **options)


def test_a_key_that_took_over_from_another(renewing: RenewalScene) -> None:
    renewing.stage()
    renewing.trust()
    renewing.messages(2, OLD, operations=(GET, PLACE))
    renewing.messages(3, NEW)
    (one,) = found(renewing)
    assert (one.endpoint, one.old_alias, one.new_alias, one.new_came_last) == (
        "orders",
        "acme-2024",
        "acme-2026",
        False,
    )
    assert (one.only_old, one.is_declared, one.renewal, one.can_start) == (((PLACE, ""),), False, "", True)
    (cell,) = one.cells
    assert (cell.old_messages, cell.new_messages, cell.new_came_last) == (2, 3, True)
    renewing.messages(1, NEW, operations=(PLACE,))
    (one,) = found(renewing)
    assert (one.new_came_last, one.only_old) == (True, ())
    assert one.last_old < one.first_new
    (told,) = inferred_json([one])["cutovers"]
    assert (told["old"]["alias"], told["new_came_last"], len(told["cells"])) == ("acme-2024", True, 2)
    assert found(renewing, endpoint="invoices") == []


def test_one_after_the_other_and_to_which_renewal_each_belongs(renewing: RenewalScene) -> None:
    for by in (OLD, NEW, NEXT):
        renewing.messages(2, by)
    renewal = renewal_of(NEW, NEXT, name="later")
    first, second = infer_cutovers(renewing.engine, renewing.store.entries(), [renewal])
    assert (first.old_alias, first.new_alias, first.renewal) == ("acme-2024", "acme-2026", "")
    assert (second.old_alias, second.new_alias, second.renewal) == ("acme-2026", "acme-2028", "later")
    assert not second.can_start


def test_what_the_records_do_not_show(renewing: RenewalScene) -> None:
    renewing.messages(2, OLD)
    renewing.messages(1, NEW, operations=(PLACE,))  # no cell in which it took over
    renewing.messages(1, RENEWED)  # the same key
    renewing.messages(1, NEXT, reason="unknown-key")  # never accepted
    assert found(renewing) == []


def test_what_a_killed_process_may_have_had_is_no_cutover(renewing: RenewalScene, tmp_path: Path) -> None:
    renewing.stage()
    renewing.trust()
    renewing.messages(2, OLD)
    renewing.messages(3, NEW)
    before = found(renewing)
    entries = [VerifiedBy(one.alias, one.key_id, one.thumbprint) for one in (OLD, NEW)]
    tell_left(renewing.engine, tmp_path / "ends", *(accepted(entry, operation=GET) for entry in entries))
    assert found(renewing) == before
