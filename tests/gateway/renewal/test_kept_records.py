"""What stays, decided from a real keystore."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from gateway.ledger import open_database
from gateway.ledger.database.connections import writing
from gateway.renewal.kept_records import Keep, keep
from keystore.store import GateAnswer, KeystoreStore
from tests.gateway.ledger.load import NOON
from tests.keystore.issuing import issue

DAY = timedelta(days=1)


@pytest.fixture
def engine(migrated_url: str) -> Iterator[Engine]:
    engine = open_database(migrated_url)
    yield engine
    engine.dispose()


@pytest.fixture
def store(engine: Engine) -> KeystoreStore:
    return KeystoreStore(engine)


def _add(
    store: KeystoreStore, alias: str, day: int, *endpoints: str, stage: bool = False, until: datetime | None = None
) -> None:
    made = issue(alias, key=alias, not_before=NOON - 400 * DAY, not_after=NOON + 4000 * DAY)
    at = NOON + day * DAY
    store.add(alias, made, who="t", why="", at=at, endpoints=endpoints or None, stage=stage, trusted_until=until)


def _keep(store: KeystoreStore, day: int, retention: int = 90) -> Keep:
    return keep("orders", retention * DAY, store.entries(), NOON + day * DAY)


def test_with_one_key_age_decides(store: KeystoreStore) -> None:
    _add(store, "a", 0)
    assert _keep(store, 500) == Keep("orders", NOON + 410 * DAY, "their age")
    assert _keep(store, 500, retention=7).since == NOON + 493 * DAY


@pytest.mark.parametrize("stage", [True, False])
def test_while_certificates_overlap_everything_since_they_met_stays(store: KeystoreStore, stage: bool) -> None:
    _add(store, "a", 0)
    _add(store, "b", 100, stage=stage)
    assert _keep(store, 500) == Keep("orders", NOON + 100 * DAY, "a and b overlap")
    assert _keep(store, 120) == Keep("orders", NOON + 30 * DAY, "their age"), "age keeps more"


@pytest.mark.parametrize("retention", [7, 90, 200])
def test_the_evidence_of_an_exchange_stays_for_90_days_or_longer(store: KeystoreStore, retention: int) -> None:
    _add(store, "a", 0)
    _add(store, "b", 100)
    store.retire("a", who="t", why="", at=NOON + 400 * DAY)
    end = 400 + max(90, retention)
    found = _keep(store, end - 1, retention)
    assert (found.since, "exchanged" in found.why) == (NOON + 100 * DAY, True)
    assert _keep(store, end + 1, retention) == Keep("orders", NOON + (end + 1 - retention) * DAY, "their age")


def test_trust_that_came_to_its_planned_end_is_an_exchange_as_well(store: KeystoreStore) -> None:
    _add(store, "a", 0, until=NOON + 400 * DAY)
    _add(store, "b", 100)
    assert _keep(store, 491).why == "a and b overlap", "an end that nobody carried out ends nothing"
    (ended,) = store.end_due(NOON + 400 * DAY, Open(), "wssgate")
    assert ended.changed is not None
    assert _keep(store, 489).since == NOON + 100 * DAY
    assert _keep(store, 491).why == "their age"


class Open:
    """Gates that hold nothing against anything."""

    def before_retiring(self, *_: object, **__: object) -> GateAnswer:
        return GateAnswer()

    def before_purging(self, *_: object, **__: object) -> GateAnswer:
        return GateAnswer()


def test_a_key_that_was_retired_without_another_keeps_what_it_signed_last(store: KeystoreStore) -> None:
    _add(store, "a", 0)
    store.retire("a", who="t", why="", at=NOON + 400 * DAY)
    assert _keep(store, 450) == Keep("orders", NOON + 310 * DAY, "a was retired")
    assert _keep(store, 495).why == "their age"


def test_the_keys_of_other_endpoints_keep_nothing_here(store: KeystoreStore) -> None:
    _add(store, "a", 0)
    _add(store, "b", 100, "invoices")
    assert _keep(store, 500).why == "their age"
    _add(store, "c", 120, "orders")
    assert _keep(store, 500).why == "a and c overlap"


def test_a_damaged_keystore_keeps_everything(store: KeystoreStore, engine: Engine) -> None:
    _add(store, "a", 0, "invoices")
    with writing(engine) as connection:
        connection.execute(text("UPDATE keystore_entries SET endpoints = 'oops'"))
    found = _keep(store, 500)
    assert found.since == datetime.min.replace(tzinfo=UTC)
    assert "damaged" in found.why
