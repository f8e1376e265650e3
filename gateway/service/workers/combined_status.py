"""What several workers say about themselves, as one answer at /readyz."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gateway.service.workers.worker_process import WorkerProcess, WorkerState


@dataclass(frozen=True, slots=True)
class WorkerView:
    """One worker as its supervisor sees it."""

    number: int
    pid: int | None
    state: WorkerState
    problem: str | None
    report: dict[str, Any] | None
    """Its last report; None where it has made none."""

    @classmethod
    def of(cls, process: WorkerProcess) -> "WorkerView":
        """The worker in `place`, now."""
        return cls(process.number, process.pid, process.state, process.problem, process.report)

    @property
    def is_ready(self) -> bool:
        """Whether it would take traffic, by its own account."""
        return self.report is not None and bool(self.report["ready"])

    def json(self) -> dict[str, object]:
        """For /readyz."""
        status = {} if self.report is None else self.report["status"]
        return {
            "worker": self.number,
            "pid": self.pid,
            "state": str(self.state),
            "ready": self.is_ready and self.state is WorkerState.SERVING,
            "problem": self.problem,
            "instance": status.get("instance"),
            "under_way": status.get("under_way", 0),
            "keystore": status.get("keystore"),
            "ledger": status.get("ledger"),
            "evidence": status.get("evidence"),
            "configuration_problem": status.get("configuration", {}).get("problem"),
        }


def combine(workers: Sequence[WorkerView]) -> tuple[bool, dict[str, object]]:
    """Whether traffic should come here, and the state of everything.

    A worker that is just being started again takes no connections, so the others speak for the gateway without it. One
    that serves and is not ready speaks against it: a connection may be its own.
    """
    serving = [worker for worker in workers if worker.state is WorkerState.SERVING and worker.report is not None]
    is_ready = bool(serving) and all(worker.is_ready for worker in serving)
    statuses = [worker.report["status"] for worker in serving if worker.report is not None]
    combined: dict[str, object] = dict(statuses[0]) if statuses else {}
    combined |= {
        "under_way": sum(status["under_way"] for status in statuses),
        "keystore": {
            # The oldest: "loaded" means by every worker.
            "revision": min((status["keystore"]["revision"] for status in statuses), default=None),
            "problem": _first(status["keystore"]["problem"] for status in statuses),
        },
        "ledger": {
            **(statuses[0]["ledger"] if statuses else {}),
            "healthy": bool(statuses) and all(status["ledger"]["healthy"] for status in statuses),
            "queue": sum(status["ledger"]["queue"] for status in statuses),
            "last_error": _first(status["ledger"]["last_error"] for status in statuses),
        },
        "evidence": {
            **(statuses[0]["evidence"] if statuses else {}),
            "watching": bool(statuses) and all(status["evidence"]["watching"] for status in statuses),
            "clock_seconds": max((status["evidence"]["clock_seconds"] for status in statuses), key=abs, default=None),
            "recovered": _first(status["evidence"]["recovered"] for status in statuses),
            # One of them compares with the database and tells; each has its own anchors.
            "lost": [sentence for status in statuses for sentence in status["evidence"].get("lost", ())],
            "kept_ends_problem": _first(status["evidence"].get("kept_ends_problem") for status in statuses),
            "kept_uses_problem": _first(status["evidence"].get("kept_uses_problem") for status in statuses),
            "anchors": _anchors(
                [status["evidence"]["anchors"] for status in statuses if "anchors" in status["evidence"]]
            ),
        },
        "alerts": _alerts([status["alerts"] for status in statuses if "alerts" in status]),
        "workers": [worker.json() for worker in workers],
    }
    return is_ready, combined


def _alerts(of_workers: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What the worker says that sends them; of several gateways another one's may."""
    return next((alerts for alerts in of_workers if alerts["sending"]), of_workers[0] if of_workers else {})


def _anchors(of_workers: Sequence[dict[str, Any]]) -> dict[str, object]:
    """How the anchors of all workers fare."""
    return {
        **(of_workers[0] if of_workers else {}),
        "waiting": sum(anchors["waiting"] for anchors in of_workers),
        "problem": _first(anchors["problem"] for anchors in of_workers),
        "timestamp_problem": _first(anchors["timestamp_problem"] for anchors in of_workers),
    }


def _first(problems: Any) -> str | None:
    return next((str(problem) for problem in problems if problem is not None), None)
