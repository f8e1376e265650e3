"""Administrators as real processes on one real database: at once, and killed in the middle."""

import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from gateway.ledger import LedgerWriter, open_database
from gateway.ledger.database.connections import reading
from gateway.verify import VerifiedBy
from keystore import Alias, State
from keystore.store import Action, HistoryState, KeystoreStore, NewCertificate, history_anchor, verify_history
from tests.gateway.ledger.load import accepted
from tests.keystore.issuing import issue

ROOT = Path(__file__).parents[3]
NOW = datetime.now(UTC)
DAY = timedelta(days=1)


@pytest.fixture
def engine(migrated_url: str) -> Iterator[Engine]:
    engine = open_database(migrated_url)
    yield engine
    engine.dispose()


def administrator(engine: Engine, name: str, rounds: int, *stop: str) -> subprocess.Popen[str]:
    """A process that is ready, and waits for `begin`."""
    command = [sys.executable, "-m", "tests.gateway.renewal.administering", _url(engine), name, str(rounds), *stop]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def begin(*processes: subprocess.Popen[str]) -> None:
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()


def _url(engine: Engine) -> str:
    """As the configuration spells it, without the driver."""
    return engine.url.render_as_string(hide_password=False).replace("+psycopg:", ":")


def said(process: subprocess.Popen[str]) -> list[int]:
    """The revisions that the process told of until its end."""
    output, _ = process.communicate(timeout=60)
    return [int(line) for line in output.splitlines()]


def check_history(engine: Engine) -> None:
    """Every revision is whole and has its place in the chain, and what is stored now is what the history leads to."""
    store = KeystoreStore(engine)
    history = store.history()
    newest = store.revision()
    assert Counter(item.revision for item in history) == dict.fromkeys(range(1, newest + 1), 3)
    for number in range(1, newest + 1):
        items = [item for item in history if item.revision == number]
        assert [item.action for item in items] == [Action.ADDED, Action.ADDED, Action.RETIRED]
        assert len({(item.who, item.why, item.time) for item in items}) == 1
    assert store.past(newest).entries == store.entries()
    assert len(store.entries()) == 2 * newest
    check_chain(engine, newest)


def check_chain(engine: Engine, newest: int) -> None:
    with reading(engine) as connection:
        report, end = verify_history(connection), history_anchor(connection)
    assert (report.state, report.revisions) == (HistoryState.INTACT, newest), report.detail
    assert end is not None
    assert end.revision == newest


def test_two_administrators_at_once_make_one_history(engine: Engine) -> None:
    processes = [administrator(engine, name, 12) for name in ("ann", "bob")]
    with KeystoreStore(engine).revising(who="eva", why="until both wait for the lock", at=NOW) as draft:
        begin(*processes)
        time.sleep(0.5)
        draft.drop()
    told = [said(process) for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert sorted(told[0] + told[1]) == list(range(1, 25))
    check_history(engine)


def test_killed_inside_a_revision_it_leaves_nothing_and_holds_no_lock(engine: Engine) -> None:
    store = KeystoreStore(engine)
    store.add("before", issue("before", not_after=NOW + DAY), who="eva", why="", at=NOW)
    process = administrator(engine, "ann", 1, "stop")
    begin(process)
    assert process.stdout is not None
    assert process.stdout.readline() == "inside\n"
    assert store.revision() == 1, "others read the last whole revision meanwhile"
    process.kill()
    process.communicate(timeout=10)
    started = time.monotonic()
    added = store.add("after", issue("after", not_after=NOW + DAY), who="eva", why="", at=NOW)
    assert time.monotonic() - started < 5
    assert added.revision == 2
    assert [str(entry.alias) for entry in store.entries()] == ["before", "after"]
    assert [item.revision for item in store.history()] == [1, 2]
    check_chain(engine, 2)


def test_killed_at_any_moment_what_was_told_is_there(engine: Engine) -> None:
    moments = random.Random(4711)  # noqa: S311 - moments, no secrets
    store = KeystoreStore(engine)
    for victim in range(3):
        known = store.revision()
        others = administrator(engine, f"other{victim}", 4)
        process = administrator(engine, f"victim{victim}", 100)
        begin(others, process)
        time.sleep(moments.uniform(0.02, 0.3))
        process.kill()
        told, others_told = said(process), said(others)
        with store.revising(who="eva", why="waits for the lock that a server may still hold", at=NOW) as draft:
            draft.drop()
        newest = store.revision()
        # A commit that it did not live to tell of is the only one more.
        assert newest - known in {len(told) + len(others_told), len(told) + len(others_told) + 1}
        assert max([*told, *others_told], default=known) <= newest
        check_history(engine)


def test_of_two_who_retire_the_twins_of_a_key_in_use_one_is_refused(tmp_path: Path, engine: Engine) -> None:
    config = tmp_path / "gateway.toml"
    config.write_text(
        f'[gateway]\ndatabase = "{_url(engine)}"\n'
        '[endpoint.orders]\npath = "/orders"\nupstream = "http://127.0.0.1:9/orders"\n'
    )
    store = KeystoreStore(engine)
    valid = NOW - 300 * DAY, NOW + 300 * DAY
    made = [issue("acme", serial=n, not_before=valid[0], not_after=valid[1]) for n in (1, 2)]
    twins = [NewCertificate(f"twin-{n}", certificate) for n, certificate in enumerate(made, 1)]
    added = store.add_many(twins, who="eva", why="", at=NOW - 100 * DAY)
    writer = LedgerWriter(engine, "host:1")
    by = [VerifiedBy(Alias(one.entry.alias), one.entry.key_id, one.entry.thumbprint) for one in added]
    writer.submit(accepted(*by, time=NOW - DAY)).result(10)
    writer.close()
    command = [sys.executable, "-m", "gateway.cli", "keystore", "retire"]
    options = ["--reason", "renewed", "--config", str(config)]
    processes = [
        subprocess.Popen([*command, f"twin-{n}", *options], cwd=ROOT, stderr=subprocess.PIPE, text=True) for n in (1, 2)
    ]
    errors = [process.communicate(timeout=60)[1] for process in processes]
    assert sorted(process.returncode for process in processes) == [0, 1], errors
    assert "no other key is trusted" in "".join(errors)
    assert sorted(entry.state for entry in store.entries()) == [State.RETIRED, State.TRUSTED]
    assert store.revision() == 2
