"""The gates that a change passes which takes trust away, and their refusals."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from gateway.cli.exit_codes import epilog
from gateway.cli.terminal import print_json
from gateway.cli.workplace import Workplace
from gateway.present import instant_json
from gateway.renewal import MeasuredGates, delays_of, measure
from keystore import Blocker, GateClosed

GATED_EPILOG = epilog("the change was refused, because it is too early or makes no sense; nothing has changed then")
"""End of the help of the commands that pass a gate."""


def gates_of(workplace: Workplace, at: datetime) -> MeasuredGates:
    """The gates of the renewal, on what the ledger has measured until now."""
    return MeasuredGates(measure(workplace.engine, at), delays_of(workplace.settings))


@contextmanager
def reporting_blockers(*, as_json: bool) -> Iterator[None]:
    """Where a gate is closed, report to programs by what and until when; people get the sentence as of every error."""
    try:
        yield
    except GateClosed as closed:
        if as_json:
            print_json(
                {
                    "schema": "wssgate.keystore-refusal/1",
                    "refused": str(closed),
                    "blockers": [blocker_json(blocker) for blocker in closed.blockers],
                    "safe_at": instant_json(closed.safe_at),
                }
            )
        raise


def blocker_json(blocker: Blocker) -> dict[str, object]:
    """`blocker` as a JSON object."""
    return {"endpoint": blocker.endpoint, "sentence": blocker.sentence, "safe_at": instant_json(blocker.safe_at)}
