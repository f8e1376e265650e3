"""Every manipulation is seen by what it should be seen by, on both kinds of database."""

from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from gateway.ledger import open_database, writing
from tests.databases import unprotected
from tests.gateway.ledger.proof.manipulations import MANIPULATIONS, By, Manipulation, as_table
from tests.gateway.ledger.proof.scene import Kept, keep, see, write, write_on
from tests.postgresql import Server
from tests.restoring import Backup, backup

Scene = tuple[str, Kept, Backup, Backup]
"""The database, what was kept of it elsewhere, how it is, and how it was before its last hour."""


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def scene(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    if request.param == "sqlite":
        yield from _scene(f"sqlite:///{tmp_path_factory.mktemp('scene')}/wssgate.db")
    else:
        server: Server = request.getfixturevalue("postgresql")
        with server.database() as url:
            yield from _scene(url)


def _scene(url: str) -> Iterator[Scene]:
    write(url)
    with backup(url) as before:
        write_on(url)
        engine = open_database(url)
        kept = keep(engine)
        engine.dispose()
        with backup(url) as whole:
            yield url, kept, whole, before


def _seen(url: str, kept: Kept) -> tuple[bool, bool, bool]:
    """Whether anything is found: by the database itself, with anchors, with signed heads and keys."""
    engine = open_database(url)
    found = (see(engine), see(engine, kept), see(engine, kept, signed=True))
    engine.dispose()
    for one in found:
        print(one.sentences)
    return not found[0].is_intact, not found[1].is_intact, not found[2].is_intact


_EXPECTED = {
    By.PLAIN: (True, True, True),
    By.ANCHORS: (False, True, True),
    By.SIGNED: (False, False, True),
    By.HARMLESS: (False, False, False),
}


def test_what_was_written_is_intact(scene: Scene) -> None:
    url, kept, *_ = scene
    assert _seen(url, kept) == (False, False, False)


@pytest.mark.parametrize("manipulation", MANIPULATIONS, ids=lambda one: one.name)
def test_a_manipulation_is_seen(scene: Scene, manipulation: Manipulation) -> None:
    url, kept, whole, _ = scene
    engine = open_database(url)
    try:
        with writing(engine) as connection:
            away = manipulation.keeps_triggers_away
            with nullcontext() if away else unprotected(connection):
                manipulation.act(connection)
        engine.dispose()
        assert _seen(url, kept) == _EXPECTED[manipulation.by]
    finally:
        engine.dispose()
        whole.put_back()


def test_an_older_database_that_is_put_back_is_seen_beside_what_was_kept(scene: Scene) -> None:
    url, kept, whole, before = scene
    before.put_back()
    try:
        assert _seen(url, kept) == _EXPECTED[By.ANCHORS]
    finally:
        whole.put_back()


def test_there_are_enough_manipulations_with_names_of_their_own() -> None:
    assert len({one.name for one in MANIPULATIONS}) == len(MANIPULATIONS) >= 60
    counted = Counter(one.by for one in MANIPULATIONS)
    assert {one.name for one in MANIPULATIONS if one.by is By.HARMLESS} == {
        "remembered signatures are deleted",
        "the list of processes is deleted",
    }
    assert counted.keys() == set(By)


def test_the_page_about_evidence_shows_all_of_them() -> None:
    page = (Path(__file__).parents[4] / "docs" / "evidence.md").read_text(encoding="utf-8")
    assert as_table() in page, "python -m tests.gateway.ledger.proof.manipulations"
