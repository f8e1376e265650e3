"""The gates that a change passes which takes trust away, and their refusals."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from gateway.anchoring import anchor_words, deliver_now, is_wanted
from gateway.cli.command_errors import EnvironmentFailed
from gateway.cli.exit_codes import epilog
from gateway.cli.terminal import print_json, warn
from gateway.cli.workplace import Workplace
from gateway.ledger import latest_event
from gateway.present import instant_json, instant_text
from gateway.renewal import MeasuredGates, gates_now
from keystore import Blocker, GateClosed, from_microseconds

GATED_EPILOG = epilog("the change was refused, because it is too early or makes no sense; nothing has changed then")
"""End of the help of the commands that pass a gate."""


_ANCHORED = timedelta(days=30)
"""The ends of chains that moved within this time are anchored before trust ends."""
_BEHIND = timedelta(seconds=60)
"""A clock that is further behind would date a change before what the gateways have told already."""


def gates_of(workplace: Workplace, at: datetime, *, anchored: bool = True) -> MeasuredGates:
    """The gates of the renewal, on what the gateways have told until now.

    What they rest on is anchored first, where the configuration wants that: once trust has ended, nobody can have
    written it anew. Only a rehearsal leaves that out.

    Raises:
        EnvironmentFailed: The clock of this machine is behind the ledger's.
    """
    latest = from_microseconds(latest_event(workplace.engine))
    if at < latest - _BEHIND:
        raise EnvironmentFailed(
            f"This machine's clock says {instant_text(at)}, and a gateway recorded something at "
            f"{instant_text(latest)} already: set the clock right, for the keystore's history goes by it."
        )
    gates = gates_now(workplace.engine, workplace.settings, at)
    if anchored:
        _anchor(workplace)
    return gates


def instant_of_revoking(workplace: Workplace, at: datetime) -> datetime:
    """When a certificate whose key is in wrong hands is revoked: now, which no clock holds up.

    By the clock of this machine, `at`; where that is behind, by the ledger's, so that nothing is dated before what the
    gateways have told already.
    """
    latest = from_microseconds(latest_event(workplace.engine))
    if at >= latest - _BEHIND:
        return at
    warn(
        f"this machine's clock says {instant_text(at)}, and a gateway recorded something at {instant_text(latest)} "
        "already: the revocation is dated then; set the clock right"
    )
    return latest


def _anchor(workplace: Workplace) -> None:
    settings = workplace.settings.gateway
    if is_wanted(settings):
        for problem in deliver_now(anchor_words(workplace.engine, _ANCHORED), settings):
            warn(f"what this change rests on could not be anchored before it: {problem}")


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
