"""What several workers say of the evidence, as one."""

from typing import Any

from gateway.service.workers.combined_status import WorkerView, combine
from gateway.service.workers.worker_process import WorkerState


def worker(number: int, **evidence: Any) -> WorkerView:
    anchors: dict[str, Any] = {
        "anchor_to": "/mnt",
        "waiting": number,
        "delivered": None,
        "problem": None,
        "timestamp_problem": None,
    }
    told: dict[str, Any] = {
        "watching": True,
        "clock_seconds": 0.0,
        "recovered": None,
        "lost": [],
        "kept_ends_problem": None,
    }
    status: dict[str, Any] = {
        "under_way": 0,
        "keystore": {"revision": 1, "problem": None},
        "ledger": {"healthy": True, "queue": 0, "last_error": None},
        "evidence": {**told, **evidence, "anchors": {**anchors, **evidence.get("anchors", {})}},
    }
    return WorkerView(number, 100 + number, WorkerState.SERVING, None, {"ready": True, "status": status})


def test_what_any_worker_found_lost_is_told() -> None:
    workers = [
        worker(1),
        worker(2, lost=["host/2: all is gone"], anchors={"problem": "no folder"}),
        worker(3, kept_ends_problem="no room", anchors={"timestamp_problem": "no answer"}),
    ]
    evidence: Any = combine(workers)[1]["evidence"]
    assert (evidence["lost"], evidence["kept_ends_problem"]) == (["host/2: all is gone"], "no room")
    assert evidence["anchors"] == {
        "anchor_to": "/mnt",
        "waiting": 6,
        "delivered": None,
        "problem": "no folder",
        "timestamp_problem": "no answer",
    }


def test_without_a_worker_nothing_is_told() -> None:
    evidence: Any = combine([])[1]["evidence"]
    assert (evidence["lost"], evidence["anchors"]["waiting"], evidence["watching"]) == ([], 0, False)
