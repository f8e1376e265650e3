"""What no event of this program ever holds."""

from typing import Any

import pytest

from gateway.ledger.proof.event_contents import content_fault

HASH = "a" * 64
HOUR = 3_600_000_000
USE = ["orders", "op", "b1", "1" * 64, "k", "old", "needed", "accepted", 2, 5, 6, None]
TRAFFIC = ["orders", "op", "message", "accepted", "", True, 2, 5, 6]
PLACE = ["writer", 1, HASH, 2, HASH]
GOOD: dict[str, dict[str, Any]] = {
    "started": {
        "instance": "host/1",
        "public_key": "",
        "heads": [PLACE],
        "pruned": [["writer", 1, HASH, 5]],
        "earlier": {"until": -1, "closed": 5, "traffic": HASH, "key_usage": HASH},
        "histories": {"keystore": [3, HASH], "renewals": [0, HASH], "of a later version": [1, HASH]},
    },
    "configuration": {"endpoints": {"orders": {"retention": 5}, "invoices": {}}},
    "heartbeat": {
        "seconds": 30,
        "endpoints": {
            "orders": {"serving": True, "reachable": True, "since": None},
            "invoices": {"serving": False, "reachable": None, "since": 4},
        },
        "uses": [USE, [*USE[:-1], 7]],
        "traffic": [TRAFFIC],
    },
    "rollup-sealed": {
        "from": 1,
        "until": 2,
        "watched": {"orders": [[1, 2]]},
        "uses": [],
        "traffic": [],
        "kept": [[1, HASH]],
        "sealed": 0,
        "sealed_hash": HASH,
        "heads": [],
        "histories": {"keystore": [3, HASH], "renewals": [0, HASH]},
    },
    "pruned": {
        "writer": "w",
        "sequence": 2,
        "hash": HASH,
        "time": 1,
        "at": 2,
        "after": 2,
        "uses": [],
        "traffic": [],
    },
    "recovered": {"what": "lost-end", "expected": [1], "found": []},
    "ended": {"endpoint": "orders", "reason": "gone", "who": "me"},
    "renamed": {"endpoint": "orders", "reason": "gone", "who": "me", "new_name": "x"},
    "stopped": {},
}


@pytest.mark.parametrize("kind", GOOD)
def test_what_is_written_is_well_formed(kind: str) -> None:
    assert content_fault(kind, GOOD[kind]) is None
    assert content_fault(kind, {**GOOD[kind], "of a later version": 1}) is None


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, content in GOOD.items() for name in content if kind != "stopped"]
)
def test_what_is_not_told_or_of_another_type_is_a_fault(kind: str, name: str) -> None:
    content = GOOD[kind]
    without = {key: value for key, value in content.items() if key != name}
    optional = name == "histories" or (kind == "started" and name in {"pruned", "earlier"})
    assert content_fault(kind, without) == (None if optional else f"it does not tell {name}")
    assert content_fault(kind, {**content, name: 1.5}) == f"what it tells of {name} was never written by this program"


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        ("started", "heads", [PLACE[:-1]]),
        ("started", "heads", [[*PLACE[:2], "x", 2, HASH]]),
        ("started", "earlier", {"until": True, "closed": 5, "traffic": HASH, "key_usage": HASH}),
        ("configuration", "endpoints", {"orders": {"retention": -1}}),
        ("configuration", "endpoints", {"orders": []}),
        ("heartbeat", "endpoints", {"orders": {"serving": 1, "reachable": True, "since": None}}),
        ("heartbeat", "endpoints", {"orders": {"serving": True, "reachable": "yes", "since": None}}),
        ("heartbeat", "endpoints", {"orders": {"serving": True, "reachable": True, "since": "x"}}),
        ("heartbeat", "uses", [USE[:-1]]),
        ("heartbeat", "uses", ["use"]),
        ("heartbeat", "uses", [[*USE[:8], 0, 5, 6, None]]),
        ("heartbeat", "uses", [[*USE[:8], 1, 6, 5, None]]),
        ("heartbeat", "uses", [[*USE[:8], 2, 5, 5 + HOUR, None]]),
        ("heartbeat", "uses", [[*USE[:-1], "x"]]),
        ("heartbeat", "uses", [[True, *USE[1:]]]),
        ("heartbeat", "traffic", [TRAFFIC[:-1]]),
        ("heartbeat", "traffic", ["x"]),
        ("heartbeat", "traffic", [[*TRAFFIC[:5], 1, *TRAFFIC[6:]]]),
        ("rollup-sealed", "watched", {"orders": [[2, 1]]}),
        ("rollup-sealed", "watched", {"orders": [[2]]}),
        ("rollup-sealed", "kept", [[1, "x"]]),
        ("rollup-sealed", "histories", {"keystore": [3, HASH]}),
        ("rollup-sealed", "histories", {"keystore": [3, HASH], "renewals": [1, "x"]}),
        ("started", "histories", {"keystore": [-1, HASH], "renewals": [1, HASH]}),
        ("started", "histories", [[1, HASH], [1, HASH]]),
    ],
)
def test_what_was_never_written_is_a_fault(kind: str, name: str, value: Any) -> None:
    assert content_fault(kind, {**GOOD[kind], name: value}) is not None


def test_a_kind_that_nobody_knows_is_a_fault() -> None:
    assert content_fault("party", {}) == "it is of the kind 'party', which is never written"
