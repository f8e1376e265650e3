"""A replay for programs: a line for each verdict, and one for the totals."""

from gateway.present import instant_json, verdict_json
from gateway.replay.run import Replayed
from gateway.replay.totals import Totals

TOTALS_SCHEMA = "wssgate.replay-totals/1"


def replayed_json(replayed: Replayed) -> dict[str, object]:
    """A verdict of a replay: `wssgate.verdict/1` with the instant that was used, where it came from, and the size."""
    return verdict_json(replayed.verdict, str(replayed.file), replayed.opinion) | {
        "at": instant_json(replayed.instant.at),
        "at_source": str(replayed.instant.source),
        "body_bytes": replayed.body_bytes,
    }


def totals_json(totals: Totals) -> dict[str, object]:
    """The last line of a replay."""
    return {
        "schema": TOTALS_SCHEMA,
        "files": totals.files,
        "accepted": totals.accepted,
        "rejected": totals.rejected,
        "unreadable": totals.unreadable,
        "by_key": {str(alias): count for alias, count in totals.by_key.most_common()},
        "by_reason": {str(reason): count for reason, count in totals.by_reason.most_common()},
    }
