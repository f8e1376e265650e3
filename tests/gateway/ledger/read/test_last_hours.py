"""The last hours, summed up, are what the sums of the whole say of them."""

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import Engine, text

from gateway.ledger import LedgerWriter, last_traffic, last_uses, traffic, usage
from tests.gateway.ledger.load import NOON, mixture

_HOUR = timedelta(hours=1)


def test_they_are_those_of_the_sums(writer: LedgerWriter, engine: Engine) -> None:
    for future in [writer.submit(mixture(number)) for number in range(300)]:
        future.result(20)
    since = NOON + _HOUR
    expected = traffic(engine, since=since)
    assert len(expected) > 3
    assert set(last_traffic(engine, since)) == set(expected)
    uses = usage(engine, since=since)
    bare = {replace(row, share=0.0, last_signed=None) for row in uses}
    assert bare
    assert set(last_uses(engine, since)) == bare
    assert not last_uses(engine, NOON + timedelta(days=900))
    assert not last_traffic(engine, NOON + timedelta(days=900))


def test_they_are_found_by_their_index(engine: Engine) -> None:
    if engine.dialect.name != "sqlite":
        return
    with engine.connect() as connection:
        for table in ("traffic_hourly", "key_uses_hourly"):
            # The names are those above.
            plan = connection.execute(text(f"EXPLAIN QUERY PLAN SELECT * FROM {table} WHERE hour >= 7")).all()  # noqa: S608
            assert "by_hour" in str(plan)
