"""What is waived: the cells of renewals that are open, for their old certificates."""

from sqlalchemy import Engine

from gateway.renewal import Closure, WaivedCell, close_renewal, read_renewals, start_renewal, waive_cell, waived_cells
from tests.gateway.renewal.plan.plans import BOB, OLD, RENEWED, plan


def test_waivers_hold_while_their_renewal_is_open(engine: Engine) -> None:
    start_renewal(engine, plan(old=(OLD, RENEWED)), BOB)
    assert waived_cells(read_renewals(engine)) == frozenset()
    waive_cell(engine, "acme-2026", BOB, endpoint="orders", operation="Get", server="b2", reason="gone")
    waive_cell(engine, "acme-2026", BOB, endpoint="orders", operation="", reason="nameless")
    assert waived_cells(read_renewals(engine)) == {
        WaivedCell(old.thumbprint, "orders", operation, server)
        for old in (OLD, RENEWED)
        for operation, server in (("Get", "b2"), ("", ""))
    }
    close_renewal(engine, "acme-2026", Closure.ABANDONED, "", BOB)
    assert waived_cells(read_renewals(engine)) == frozenset()
