"""What a group of records adds to the counts, whichever of them are counted together."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.ledger import MessageRecord
from gateway.ledger.counts import Counts
from gateway.ledger.record_rows import row_of
from gateway.ledger.write.encoded import Encoded
from gateway.ledger.write.rollups import _counted
from gateway.vocabulary import RecordedOutcome
from tests.gateway.ledger.load import NEW, NOON, OLD, OPERATIONS, RENEWED, accepted, signer

SIGNERS = st.builds(
    signer,
    st.sampled_from([OLD, NEW, RENEWED]),
    st.integers(0, 3),
    needed=st.booleans(),
    repeated=st.booleans(),
    signed_at=st.none() | st.sampled_from([NOON - timedelta(days=1), NOON, NOON + timedelta(seconds=1)]),
)


@st.composite
def _kinds(draw: st.DrawFn) -> MessageRecord:
    fields: dict[str, Any] = {
        "endpoint": draw(st.sampled_from(["orders", "invoices"])),
        "operation": draw(st.sampled_from(OPERATIONS)),
        "server": draw(st.sampled_from(["", "node-1"])),
        "outcome": draw(st.sampled_from(RecordedOutcome)),
        "reason": draw(st.sampled_from([None, "timestamp-stale"])),
        "released": draw(st.booleans()),
        "signers": draw(st.none() | st.lists(SIGNERS, max_size=3).map(tuple)),
    }
    return replace(accepted(OLD), **fields)


@st.composite
def _records(draw: st.DrawFn) -> list[MessageRecord]:
    """Records of a few kinds, in any order of time: most of them are alike but for their instants."""
    records = []
    kinds = draw(st.lists(_kinds(), min_size=1, max_size=2))
    for kind in draw(st.lists(st.sampled_from(kinds), max_size=12)):
        signed_at = draw(st.none() | st.integers(-3, 3).map(lambda shift: NOON + timedelta(seconds=shift)))
        signers = None if kind.signers is None else tuple(replace(one, signed_at=signed_at) for one in kind.signers)
        time = NOON + timedelta(microseconds=draw(st.integers(-2, 2)))
        records.append(replace(kind, time=time, signers=signers))
    return records


@given(_records())
def test_counted_together_or_one_by_one_it_is_the_same(records: list[MessageRecord]) -> None:
    group = [Encoded(record, row_of(record) | {"clock_offset": 0}) for record in records]
    names = {(one.row["endpoint"], one.row["operation"]): f"name of {one.row['operation']}" for one in group}
    expected = Counts()
    for one in group:
        name = names[one.row["endpoint"], one.row["operation"]]
        expected.traffic.count_row(one.row, name, one.row["time"])
        expected.uses.count_record(one.record, name, one.row["time"])
    assert _counted(group, names).content() == expected.content()
