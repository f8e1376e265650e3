"""The hashes of records never change: those here were told by the program before keystore and ledger had one chain."""

from typing import Any

from gateway.ledger.proof.chain import Link, digest
from keystore import CHAIN_START

ROW: dict[str, Any] = {
    "id": "0190-ü",
    "writer": "w",
    "sequence": 7,
    "time": 1780315200000000,
    "detail": 'a "quoted" \\ line\nnext é \U0001f600 \x7f',
    "released": True,
    "replay_check": False,
    "operation": "",
    "soap_version": None,
    "upstream_ms": 12.5,
    "verify_ms": 1e-07,
    "request_bytes": 0,
    "embedded": None,
    "second_opinion": None,
    "big": 2**63 - 1,
}


def test_a_record_has_the_hash_that_it_always_had() -> None:
    assert digest(CHAIN_START, ROW) == "9547be7095325a48fbadea62666547e1b5ed0d5e9b2308ac893af013202ac47d"
    later = ROW | {"embedded": '{"a":1}', "second_opinion": "{}", "previous_hash": "x", "hash": "y"}
    assert digest("ab" * 32, later) == "23412391a840415beb078d19089706bb81c9a0ffc706e2a37f3fb4649a9aa397"


def test_a_record_extends_its_chain_as_it_always_did() -> None:
    link = Link("w", 6, "cd" * 32).extend(dict(ROW))
    assert link == Link("w", 7, "5c2b80732dd5f57a35db07ac584162b1b25adcb6c0dc359930ed16da7f25c961")


def test_what_joined_the_records_later_is_left_out_where_there_is_none() -> None:
    first = {name: value for name, value in ROW.items() if name not in {"embedded", "second_opinion"}}
    assert digest(CHAIN_START, first) == digest(CHAIN_START, ROW)
