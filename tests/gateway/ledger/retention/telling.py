"""Pruning in tests: announced by a writer that is there for it alone, as the command has one."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Engine

from gateway.ledger import ChainReport, LedgerWriter, Prunable, Pruned, Tell, prune, verify_chain

PRUNER: Final = "pruner"


@contextmanager
def telling(engine: Engine) -> Iterator[Tell]:
    """What announces what goes, for as long as it is needed."""
    writer = LedgerWriter(engine, PRUNER)
    yield writer.tell
    assert writer.close(10)


def pruned(engine: Engine, prunable: Prunable, at: datetime, *, rehearse: bool = False, **options: Any) -> Pruned:
    """Remove what may go, without pauses; or only count."""
    if rehearse:
        return prune(engine, prunable, at=at, tell=None, pause_seconds=0, **options)
    with telling(engine) as tell:
        return prune(engine, prunable, at=at, tell=tell, pause_seconds=0, **options)


def verified(engine: Engine, *noted: Any, **options: Any) -> list[ChainReport]:
    """Every chain but those of whoever pruned."""
    return [report for report in verify_chain(engine, *noted, **options) if report.instance != PRUNER]
