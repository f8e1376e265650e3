"""The history as links that anybody can recompute, and certificates out of the past."""

import hashlib
import json

from sqlalchemy import Engine, text

from keystore import Thumbprint
from keystore.hash_chain import CHAIN_START
from keystore.store import HistoryLink, KeystoreStore, history_links
from tests.keystore.issuing import issue
from tests.keystore.store.authoring import BY, later


def links(engine: Engine, *relied_on: tuple[int, Thumbprint]) -> list[HistoryLink]:
    with engine.connect() as connection:
        return history_links(connection, relied_on)


def test_links_lead_from_the_entrys_last_change_to_the_newest_revision(engine: Engine, store: KeystoreStore) -> None:
    first = store.add("first", issue("first"), **BY).entry
    second = store.add("second", issue("second"), **later(1)).entry
    store.retire("second", **later(2))
    store.add("third", issue("third"), **later(3))
    assert [link.content["revision"] for link in links(engine, (2, second.thumbprint))] == [2, 3, 4]
    assert [link.content["revision"] for link in links(engine, (3, second.thumbprint))] == [3, 4]
    found = links(engine, (4, second.thumbprint), (4, first.thumbprint))
    assert [link.content["revision"] for link in found] == [1, 2, 3, 4]
    previous = CHAIN_START
    for link in found:
        spelled = json.dumps(link.content, sort_keys=True, separators=(",", ":")).encode()
        assert link.previous_hash == previous
        assert link.hash == hashlib.sha256(bytes.fromhex(previous) + spelled).hexdigest()
        previous = link.hash
    assert links(engine, (1, second.thumbprint)) == []
    assert links(engine) == []


def test_a_certificate_is_found_in_the_keystore_or_as_a_revision_had_it(engine: Engine, store: KeystoreStore) -> None:
    entry = store.add("old", issue("old"), **BY).entry
    assert entry.der is not None
    store.retire("old", **later(1))
    for revision in (0, 1, 2, 99, -1):
        certificate = store.certificate(entry.thumbprint, revision)
        assert certificate is not None
        assert certificate.der == entry.der
    store.purge("old", **later(2))
    certificate = store.certificate(entry.thumbprint, 1)
    assert certificate is not None
    assert certificate.der == entry.der
    for revision in (0, 3, 99, -1):
        assert store.certificate(entry.thumbprint, revision) is None
    assert store.certificate("0" * 64, 1) is None


def test_a_certificate_that_is_damaged_is_none(engine: Engine, store: KeystoreStore) -> None:
    entry = store.add("old", issue("old"), **BY).entry
    with engine.begin() as connection:
        connection.execute(text("UPDATE keystore_entries SET certificate = :none"), {"none": b"none"})
    assert store.certificate(entry.thumbprint, 0) is None
    assert store.certificate(entry.thumbprint, 1) is not None, "the history still has it"
