"""What the commands that take trust away have in common: the gates, their refusals, and what overrides them."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated

import typer

from gateway.cli.entries import entry_json
from gateway.cli.errors import WrongUse
from gateway.cli.exit_codes import epilog
from gateway.cli.terminal import print_json
from gateway.cli.workplace import Workplace
from gateway.present import instant_json
from gateway.renewal import MeasuredGates, delays_of, measure
from keystore import Blocker, GateClosed
from keystore.store import Changed

EPILOG = epilog("the change was refused, because it is too early or makes no sense; nothing has changed then")

AliasArgument = Annotated[str, typer.Argument(metavar="ALIAS", help="Name of the entry.")]
NeededReason = Annotated[
    str, typer.Option("--reason", "--why", metavar="TEXT", help="The reason, for the history and the diagnosis.")
]
ForceOption = Annotated[
    bool, typer.Option("--force", help="Do it although it is too early. Needs --reason; the history keeps both.")
]


def gates_of(workplace: Workplace, at: datetime) -> MeasuredGates:
    """The gates of the renewal, on what the ledger has measured until now."""
    return MeasuredGates(measure(workplace.engine, at), delays_of(workplace.settings))


def need_reason(reason: str, *, force: bool) -> None:
    """Let nobody override anything without a word.

    Raises:
        WrongUse: `force` is set and there is no reason.
    """
    if force and not reason.strip():
        raise WrongUse("--force needs --reason TEXT: the history keeps what was overridden, and has to say why.")


@contextmanager
def telling_blockers(*, as_json: bool) -> Iterator[None]:
    """Where a gate is closed, tell programs by what and until when; the sentence for people goes its usual way."""
    try:
        yield
    except GateClosed as closed:
        if as_json:
            print_json(
                {
                    "schema": "wssgate.keystore-refusal/1",
                    "refused": str(closed),
                    "blockers": [blocker_json(blocker) for blocker in closed.blockers],
                    "safe_at": _optional(closed.safe_at),
                }
            )
        raise


def blocker_json(blocker: Blocker) -> dict[str, object]:
    """`blocker` as a JSON object."""
    return {"endpoint": blocker.endpoint, "sentence": blocker.sentence, "safe_at": _optional(blocker.safe_at)}


def changed_json(changed: Changed, at: datetime) -> dict[str, object]:
    """`changed` as a JSON object."""
    return {
        "schema": "wssgate.keystore-change/1",
        "revision": changed.revision,
        "entries": [entry_json(changed.entry, at)],
        "warnings": list(changed.warnings),
        "still_trusted_through": [str(alias) for alias in changed.still_trusted_through],
    }


def _optional(instant: datetime | None) -> str | None:
    return None if instant is None else instant_json(instant)
