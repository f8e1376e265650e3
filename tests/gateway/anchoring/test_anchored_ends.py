"""What is anchored: the ends of the writers' chains, of the keystore's history, and of what people said."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway.anchoring import anchor_words
from gateway.ledger import LedgerWriter, add_statement, migrate, open_database
from keystore.store import KeystoreStore
from tests.gateway.ledger.load import mixture
from tests.keystore.issuing import issue
from tests.keystore.store.authoring import BY


def test_each_end_is_one_word(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/wssgate.db")
    migrate(engine)
    assert anchor_words(engine, timedelta(days=1)) == []
    writer = LedgerWriter(engine, "host:1")
    writer.submit(mixture(0)).result(10)
    KeystoreStore(engine).add("acme", issue("acme"), **BY)
    add_statement(engine, "acme", "confirmed", "bob", {"step": 2}, datetime.now(UTC))
    found = [word.partition(",")[0] for word in anchor_words(engine, timedelta(days=1))]
    assert found[-2:] == ["wssgate.keystore-anchor/1", "wssgate.renewals-anchor/1"]
    assert len(found) == 3
    writer.close()
    engine.dispose()
