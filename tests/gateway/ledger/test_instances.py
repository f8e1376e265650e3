"""Which gateway processes there are: renewed, stale, forgotten."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from gateway.ledger import known_instances, loaded_everywhere
from gateway.ledger.database.connections import writing
from gateway.ledger.instances import FORGET_AFTER, GONE_AFTER, InstanceIdentity, record_departure, record_heartbeat

SECOND = timedelta(seconds=1)


def _process(name: str) -> InstanceIdentity:
    return InstanceIdentity.new(name, "host", 4711, "1.2.3", datetime.now(UTC))


def _silent_for(engine: Engine, identity: InstanceIdentity, length: timedelta) -> None:
    with writing(engine) as connection:
        connection.execute(
            text("UPDATE instances SET seen = seen - :silence WHERE id = :id"),
            {"silence": length // timedelta(microseconds=1), "id": identity.id},
        )


def test_each_process_has_one_row_with_its_newest_revision(engine: Engine) -> None:
    one, other = _process("b/1"), _process("a/2")
    for revision in (1, 2, 3):
        record_heartbeat(engine, one, revision)
    record_heartbeat(engine, other, 2)
    found = known_instances(engine)
    assert [(state.identity, state.keystore_revision, state.is_gone) for state in found] == [
        (other, 2, False),
        (one, 3, False),
    ]
    assert all(timedelta(0) <= state.lag < 10 * SECOND for state in found)
    assert all(abs(state.last_seen - datetime.now(UTC)) < 10 * SECOND for state in found)
    record_departure(engine, other)
    assert [state.identity for state in known_instances(engine)] == [one]


@pytest.mark.parametrize(
    ("revisions", "wanted", "expected"),
    [((), 0, False), ((3,), 3, True), ((3, 2), 3, False), ((3, 3), 3, True), ((4, 3), 3, True)],
)
def test_loaded_everywhere_needs_somebody_and_everybody(
    engine: Engine, revisions: tuple[int, ...], wanted: int, expected: bool
) -> None:
    for number, revision in enumerate(revisions):
        record_heartbeat(engine, _process(f"host/{number}"), revision)
    assert loaded_everywhere(known_instances(engine), wanted) is expected


def test_one_that_is_silent_is_gone_and_after_a_day_forgotten(engine: Engine) -> None:
    lost, late, live = _process("a/lost"), _process("b/late"), _process("c/live")
    for identity, revision in ((lost, 1), (late, 5), (live, 5)):
        record_heartbeat(engine, identity, revision)
    assert not loaded_everywhere(known_instances(engine), 5)
    _silent_for(engine, lost, GONE_AFTER + SECOND)
    _silent_for(engine, late, GONE_AFTER - 10 * SECOND)
    assert [state.is_gone for state in known_instances(engine)] == [True, False, False]
    assert loaded_everywhere(known_instances(engine), 5)

    record_heartbeat(engine, lost, 1)  # it was only suspended
    assert not loaded_everywhere(known_instances(engine), 5)

    _silent_for(engine, lost, FORGET_AFTER + SECOND)
    assert [state.identity for state in known_instances(engine)] == [late, live]
    record_heartbeat(engine, _process("d/new"), 5)  # whoever comes removes what is long gone
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM instances")).scalar_one() == 3
