import pytest
from sqlalchemy import Engine, text

from gateway.ledger import (
    ChainState,
    LedgerUnavailable,
    LedgerWriter,
    ReplayCacheBroken,
    prove_replay_cache,
    verify_chain,
)
from gateway.ledger.database.connections import reading, writing
from tests.gateway.ledger.load import OLD, accepted

TABLES = ("messages", "chains", "replay_guard", "traffic_hourly", "key_uses_hourly", "signature_uses", "events")


def _rows(engine: Engine) -> dict[str, int]:
    with reading(engine) as connection:
        return {name: connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() for name in TABLES}  # noqa: S608 - names from above


def test_a_memory_that_works_leaves_nothing_behind(engine: Engine, writer: LedgerWriter) -> None:
    prove_replay_cache(engine)
    assert set(_rows(engine).values()) == {0}
    writer.submit(accepted(OLD)).result(10)
    before = _rows(engine)
    prove_replay_cache(engine)
    assert _rows(engine) == before
    writer.submit(accepted(OLD)).result(10)
    assert [(report.state, report.rows) for report in verify_chain(engine)] == [(ChainState.INTACT, 2)]


_FORGETS = {
    "sqlite": ["CREATE TRIGGER t AFTER INSERT ON replay_guard BEGIN DELETE FROM replay_guard; END"],
    "postgresql": [
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN DELETE FROM replay_guard; RETURN NULL; END $$",
        "CREATE TRIGGER t AFTER INSERT ON replay_guard EXECUTE FUNCTION f()",
    ],
}
_REFUSES = {
    "sqlite": ["CREATE TRIGGER t BEFORE INSERT ON replay_guard BEGIN SELECT RAISE(IGNORE); END"],
    "postgresql": [
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$",
        "CREATE TRIGGER t BEFORE INSERT ON replay_guard FOR EACH ROW EXECUTE FUNCTION f()",
    ],
}


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (_FORGETS, "does not recognise a message that is repeated"),
        (_REFUSES, "takes a message that was never seen for a repeated one"),
    ],
    ids=["forgets", "refuses everything"],
)
def test_a_memory_that_does_not_is_found_out(engine: Engine, damage: dict[str, list[str]], sentence: str) -> None:
    with writing(engine) as connection:
        for statement in damage[engine.dialect.name]:
            connection.execute(text(statement))
    with pytest.raises(ReplayCacheBroken, match=sentence):
        prove_replay_cache(engine)


def test_a_memory_that_is_not_asked_is_found_out(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.ledger.write.storing.refuse_replayed", lambda *_: set())
    with pytest.raises(ReplayCacheBroken, match="does not recognise"):
        prove_replay_cache(engine)


def test_a_database_without_the_table_is_another_matter(engine: Engine) -> None:
    with writing(engine) as connection:
        connection.execute(text("DROP TABLE replay_guard"))
    with pytest.raises(LedgerUnavailable, match=r"(no such table|does not exist).*wssgate migrate"):
        prove_replay_cache(engine)
