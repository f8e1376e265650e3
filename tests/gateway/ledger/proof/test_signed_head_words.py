"""Signed heads as words."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from gateway.ledger import (
    EventKind,
    LedgerWriter,
    SignedHead,
    SigningKey,
    find_signed_heads,
    recent_signed_heads,
    signing_key,
    writing,
)
from gateway.ledger.proof.chain import Link
from gateway.ledger.proof.signed_heads import Head
from keystore import from_microseconds
from tests.gateway.ledger.load import NOON, OLD, accepted
from tests.gateway.ledger.watched_time import Watcher

HEAD = Head(Link("0" * 8 + "-1111-4222-8333-" + "4" * 12, 7, "a" * 64), 3, "b" * 64, 1_780_000_000_000_000)


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    return signing_key(tmp_path / "wssgate-signing.key")[0]


def test_a_word_is_found_again_in_any_text_and_holds(key: SigningKey) -> None:
    signed = SignedHead.of(HEAD, key)
    word = str(signed)
    assert len(word.split()) == 1
    assert word.startswith("wssgate.signed-head/1," + HEAD.text.removeprefix("wssgate.head/1,") + ",")
    (found,) = find_signed_heads(f'{{"event": "anchor", "anchor": "{word}"}}\n')
    assert found == signed
    assert found.holds
    assert (found.anchor.sequence, found.anchor.hash) == (7, "a" * 64)
    assert found.anchor.time == from_microseconds(HEAD.time)


def test_without_a_key_it_is_a_word_that_nobody_signed() -> None:
    (found,) = find_signed_heads(str(SignedHead.of(HEAD, None)))
    assert (found.head, found.public_key, found.holds) == (HEAD, "", False)


@pytest.mark.parametrize("place", range(0, 300, 7))
def test_no_change_of_a_word_holds(key: SigningKey, place: int) -> None:
    word = str(SignedHead.of(HEAD, key))
    place = place % len(word)
    other = "1" if word[place] != "1" else "2"
    assert not any(found.holds for found in find_signed_heads(word[:place] + other + word[place + 1 :]))


@pytest.mark.parametrize("end", ["=,", "=="], ids=["public key", "signature"])
def test_no_other_spelling_of_the_same_octets_holds(key: SigningKey, end: str) -> None:
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    word = str(SignedHead.of(HEAD, key))
    place = word.index(end) - 1
    # The lowest bit of the last digit stands for nothing.
    other = digits[digits.index(word[place]) ^ 1]
    (found,) = find_signed_heads(word[:place] + other + word[place + 1 :])
    assert not found.holds


@pytest.mark.parametrize("cut", [1, 2, 30, 90, 140])
def test_a_word_that_was_cut_off_is_none(key: SigningKey, cut: int) -> None:
    assert not list(find_signed_heads(str(SignedHead.of(HEAD, key))[:-cut]))


def test_the_ends_of_the_chains_are_those_of_the_database(engine: Engine, key: SigningKey) -> None:
    one = Watcher(engine, NOON, key=key)
    one.record(accepted(OLD, time=NOON))
    unsigned = Watcher(engine, NOON, instance="host/2")
    unsigned.sleep(timedelta(minutes=5))
    unsigned.beat()
    found = recent_signed_heads(engine, 3_600_000_000)
    assert [(signed.head, signed.holds) for signed in found] == [
        (one.writer.head, True),
        (unsigned.writer.head, False),
    ]
    assert [signed.head for signed in recent_signed_heads(engine, 60_000_000)] == [unsigned.writer.head]
    one.stop()
    unsigned.stop()


def test_an_end_whose_signature_does_not_hold_is_given_without_one(engine: Engine, key: SigningKey) -> None:
    writer = LedgerWriter(engine, "host:1", key=key)
    writer.tell(EventKind.HEARTBEAT, {"endpoints": {}, "keystore_revision": 0}).result(10)
    assert writer.close(10)
    with writing(engine) as connection:
        connection.execute(text("UPDATE chains SET sequence = sequence + 1"))
    (found,) = recent_signed_heads(engine, 0)
    assert (found.public_key, found.signature, found.head.records.sequence) == ("", "", 1)
