"""The course of a renewal by its commands, on each kind of database."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from gateway.ledger import migrate, open_database
from gateway.verify import VerifiedBy
from keystore import State
from keystore.store import KeystoreStore, NewCertificate
from tests.gateway.cli.keystore.test_keystore_commands import pem
from tests.gateway.cli.running import Ran, Run
from tests.gateway.ledger.load import OPERATIONS, accepted
from tests.gateway.ledger.watched_time import Watcher, long_steps, served
from tests.gateway.report.scene import NEW, OLD, OLDEST

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
DELIVERY = 2 * DAY
CONFIGURATION = """
[gateway]
database = "{url}"
[endpoint.orders]
path = "/orders"
upstream = "http://127.0.0.1:9/ws"
guaranteed_delivery_time = "2d"
switch_smallest_share = 0.5
"""


@pytest.fixture
def engine(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """A week in which a gateway watched: first `acme-2024` was used, then `acme-2026`, but for one operation; both are
    trusted.
    """
    monkeypatch.chdir(tmp_path)
    Path("gateway.toml").write_text(CONFIGURATION.format(url=database_url))
    for one in (NEW, OLDEST):
        Path(f"{one.alias}.pem").write_bytes(pem(one.certificate))
    engine = open_database(database_url)
    migrate(engine)
    start = datetime.now(UTC) - 7 * DAY
    store = KeystoreStore(engine)
    trusted = [NewCertificate(str(one.alias), one.certificate) for one in (OLD, NEW)]
    store.add_many(trusted, who="eva", why="", at=start - 7 * DAY)
    with long_steps(DAY):
        watcher = Watcher(engine, start, {"orders": served(DELIVERY)})
        for one in (OLD, NEW):
            by = VerifiedBy(one.alias, one.key_id, one.thumbprint)
            if one is OLD:
                watcher.record(accepted(by, operation=OPERATIONS[1], time=watcher.instant()))
            for _ in range(20):
                watcher.watch(10 * MINUTE, 10 * MINUTE)
                watcher.record(accepted(by, operation=OPERATIONS[0], time=watcher.instant()))
        watcher.watch(datetime.now(UTC) - watcher.instant() - MINUTE, 12 * HOUR)
        watcher.stop()
        yield engine
    engine.dispose()


def done(run: Run, *arguments: str, code: int = 0) -> Ran:
    ran = run("renewal", *arguments)
    assert ran.code == code, ran
    return ran


def told(run: Run, *arguments: str) -> Any:
    return json.loads(done(run, *arguments, "--json").out)


def test_from_the_start_to_the_sign_off(run: Run, engine: Engine) -> None:
    assert "acme-2026" in done(run, "infer").out
    owned = ("--guaranteed-delivery-time", "2d", "--owner", "Ann", "--reason", "queues keep two days")
    done(run, "policy", "set", "orders", *owned)
    assert "Ann" in done(run, "policy", "list").out
    done(run, "start", "--old", "acme-2024", "--new", "acme-2026", "--name", "acme", "--announced", "2031-01-01T00:00Z")
    done(run, "change", "--no-announced", "--contact", "Rita <rita@acme.example>")
    done(run, "confirm", "2", "--by", "Rita", "--fingerprint", str(NEW.thumbprint))
    done(run, "confirm", "6", "--by", "Rita")
    done(run, "waive", f"orders:{OPERATIONS[1]}", "--reason", "in January only", "--by", "Ann")
    assert "Your old signing certificate is about to be retired (acme)" in done(run, "notice", "8").out
    status = told(run, "status")
    assert [step["mark"] for step in status["steps"]] == [*["done"] * 5, "said", "done", "waiting"]
    assert (status["may_retire"], "acme" in done(run, "list").out) == (True, True)
    done(run, "retire", "--reason", "switched")
    done(run, "signoff", "acme", "--json", "a.json")
    assert "come out as they are written" in done(run, "verify-signoff", "a.json").out
    assert told(run, "status", "acme")["renewal"]["closed"]["how"] == "finished"
    assert KeystoreStore(engine).get("acme-2024").state is State.RETIRED
    verified = run("ledger", "verify", "--json")
    assert verified.code == 0, verified.out


def test_a_key_that_is_withdrawn_an_emergency_and_one_that_is_given_up(run: Run, engine: Engine) -> None:
    def start(name: str, *more: str) -> Ran:
        new = ("--new", f"{OLDEST.alias}.pem", "--alias", f"for-{name}")
        return done(run, "start", "--old", "acme-2024", *new, "--name", name, *more)

    start("tried")
    done(run, "withdraw", "tried", "--reason", "it does not work")
    assert told(run, "status", "tried")["renewal"]["closed"]["how"] == "withdrawn"
    store = KeystoreStore(engine)
    assert (store.get("acme-2024").state, store.get("for-tried").state) == (State.TRUSTED, State.RETIRED)
    new = ("--new", "acme-2026", "--name", "urgent")
    stopped = done(run, "start", "--old", "acme-2024", *new, "--compromised", "--reason", "stolen")
    assert "20 messages needed it" in stopped.out
    assert store.get("acme-2024").revoked
    done(run, "abandon", "urgent", "--reason", "the partner is gone")
    assert told(run, "list")["renewals"] == []
