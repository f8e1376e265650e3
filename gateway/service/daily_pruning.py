"""Pruning as the configuration and the keystore say; one process at a time."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from gateway.config import Settings
from gateway.ledger import Prunable, Pruned, Tell, leave_maintenance, prune, take_maintenance
from gateway.renewal import UNCONFIGURED_RETENTION, Keep, keep
from keystore.store import StoredEntry

CHORE = "pruning"


def kept_records(settings: Settings, entries: Iterable[StoredEntry], at: datetime) -> list[Keep]:
    """What stays at the instant `at`, by endpoint."""
    known = tuple(entries)
    return [keep(name, endpoint.retention, known, at) for name, endpoint in settings.endpoints.items()]


def rehearse_pruning(
    engine: Engine, kept: Sequence[Keep], at: datetime, *, on_step: Callable[[int], None] = lambda _: None
) -> Pruned:
    """Count what would go.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    return prune(engine, _prunable(kept, at), at=at, tell=None, on_step=on_step)


def prune_once(
    engine: Engine,
    kept: Sequence[Keep],
    at: datetime,
    holder: str,
    *,
    tell: Tell,
    longest: timedelta,
    every: timedelta = timedelta(0),
    should_stop: Callable[[], bool] = lambda: False,
    on_step: Callable[[int], None] = lambda _: None,
) -> Pruned | None:
    """Remove what may go, unless another process is at it, or it was done less than `every` ago: None then.

    Args:
        engine: The ledger's database.
        kept: What stays, from `kept_records`.
        at: Now.
        holder: Who prunes, for the others.
        tell: Writes the events that announce what goes.
        longest: After this time the rest is left to the next run.
        every: How long to rest once it was done.
        should_stop: Asked before each step.
        on_step: Told how many more records went.

    Raises:
        DatabaseUnavailable: The database cannot be read.
        LedgerUnavailable: It cannot be written.
    """
    # Held for twice the time: the last step may be a long one.
    if not take_maintenance(engine, CHORE, holder, at=at, length=2 * longest, every=every):
        return None
    finished = None
    end = at + longest
    try:
        pruned = prune(
            engine,
            _prunable(kept, at),
            at=at,
            tell=tell,
            should_stop=lambda: should_stop() or datetime.now(UTC) > end,
            on_step=on_step,
        )
        finished = datetime.now(UTC) if pruned.complete else None
    finally:
        leave_maintenance(engine, CHORE, holder, finished=finished)
    return pruned


def _prunable(kept: Sequence[Keep], at: datetime) -> Prunable:
    return Prunable({found.endpoint: found.since for found in kept}, at - UNCONFIGURED_RETENTION)
