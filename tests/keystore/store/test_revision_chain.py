"""The hashes of revisions never change: those here were told before keystore and ledger had one chain."""

from typing import Any

from keystore.hash_chain import CHAIN_START
from keystore.store.revision_chain import revision_hash

REVISION: dict[str, Any] = {
    "revision": 3,
    "time": 1780315200000000,
    "who": "eva",
    "why": 'Ticket 7: "new" é\U0001f600',
}
CHANGES: list[dict[str, Any]] = [
    {
        "id": 5,
        "entry_id": 2,
        "action": "retired",
        "alias": "old",
        "thumbprint": "ab" * 32,
        "entry": '{"alias": "old", "n": null}',
        "overrode": None,
    },
    {
        "id": 6,
        "entry_id": 3,
        "action": "added",
        "alias": "new",
        "thumbprint": "cd" * 32,
        "entry": "{}",
        "overrode": "it is too early",
    },
]


def test_a_revision_has_the_hash_that_it_always_had() -> None:
    changed = revision_hash(CHAIN_START, REVISION, CHANGES)
    assert changed == "567393d79d2d5597552f021085e7f840682e8e4f625abf3293df28ebb44626cc"
    empty = revision_hash("ab" * 32, REVISION, [])
    assert empty == "483de9237e14e4955e2450fd7f943e709417883f017041fdd290da8acce35f86"
