"""Where a renewal stands, for programs: a JSON object with a schema."""

from typing import Any, Final

from gateway.present import instant_json
from gateway.renewal.plan import renewal_json
from gateway.renewal.progress.renewal_status import CoveredCell, Relapse, RenewalStatus, Step, WatchedTime

STATUS_SCHEMA: Final = "wssgate.renewal-status/1"


def renewal_status_json(status: RenewalStatus) -> dict[str, Any]:
    """The status as an object of the schema `wssgate.renewal-status/1`."""
    return {
        "schema": STATUS_SCHEMA,
        "renewal": renewal_json(status.renewal),
        "judged_at": instant_json(status.judged_at),
        "keystore_revision": status.keystore_revision,
        "heads": list(status.heads),
        "waiting_for": status.waiting_for,
        "since": instant_json(status.since),
        "next_possible": instant_json(status.next_possible),
        "may_retire": status.may_retire,
        "switched": status.is_switched,
        "run": list(status.run),
        "steps": [step_json(step) for step in status.steps],
        "coverage": [_cell(cell) for cell in status.coverage],
        "watched": [_watched(one) for one in status.watched],
        "blockers": [
            {"endpoint": one.endpoint, "sentence": one.sentence, "safe_at": instant_json(one.safe_at)}
            for one in status.blockers
        ],
        "relapses": [_relapse(one) for one in status.relapses],
        "warnings": list(status.warnings),
        "early_at": instant_json(status.early_at),
        "late": status.is_late,
        "countdown": [{"what": one.what, "ready": one.is_ready, "sentence": one.sentence} for one in status.countdown],
    }


def step_json(step: Step) -> dict[str, Any]:
    """A step, as the status and the sign-off hold it."""
    return {
        "number": step.number,
        "actor": str(step.actor),
        "title": step.title,
        "mark": str(step.mark),
        "at": instant_json(step.at),
        "who": step.who,
        "evidence": list(step.evidence),
    }


def _cell(cell: CoveredCell) -> dict[str, Any]:
    return {
        "endpoint": cell.endpoint,
        "operation": cell.operation,
        "server": cell.server,
        "state": str(cell.state),
        "cutover": str(cell.cutover),
        "switched": cell.is_switched,
        "new_messages": cell.new_messages,
        "old_messages": cell.old_messages,
        "new_rejected": cell.new_rejected,
        "old_rejected": cell.old_rejected,
        "messages_since": cell.messages_since,
        "messages_needed": cell.messages_needed,
        "first_new": instant_json(cell.first_new),
        "first_new_seen": instant_json(cell.first_new_seen),
        "last_new": instant_json(cell.last_new),
        "last_old": instant_json(cell.last_old),
        "new_since": instant_json(cell.new_since),
        "last_traffic": instant_json(cell.last_traffic),
        "summary": cell.sentence,
        "waived": None if cell.waiver is None else {"by": cell.waiver.by, "reason": cell.waiver.reason},
    }


def _watched(one: WatchedTime) -> dict[str, Any]:
    return {
        "endpoint": one.endpoint,
        "since": instant_json(one.since),
        "until": instant_json(one.until),
        "watched_seconds": one.watched.total_seconds(),
        "share": round(one.share, 6),
        "guaranteed_delivery_seconds": one.guaranteed_delivery_time.total_seconds(),
        "gaps": [[instant_json(gap.start), instant_json(gap.end)] for gap in one.gaps],
    }


def _relapse(one: Relapse) -> dict[str, Any]:
    return {
        "endpoint": one.endpoint,
        "operation": one.operation,
        "server": one.server,
        "first": instant_json(one.first),
        "last": instant_json(one.last),
        "messages": one.messages,
        "after": instant_json(one.after),
        "was_retired": one.was_retired,
        "over": one.is_over,
    }
