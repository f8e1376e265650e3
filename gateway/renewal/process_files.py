"""Uses of keys that the ledger may not know yet, from the files that processes keep beside the signing key.

What a process that was killed has left keeps every gate shut until a gateway has told it. What one that runs has met in
the last minute is mostly on record already; where it is not, because the database cannot be written just now, it is all
that tells.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import Engine

from gateway.ledger import (
    CellUse,
    KeptEnds,
    KeptUsesUnusable,
    Uses,
    is_repetition,
    known_signatures,
    latest_event,
    left_uses,
    reading,
)
from gateway.renewal.evidence import Disturbance, KeyUse, key_uses
from gateway.vocabulary import RecordedOutcome


@dataclass(frozen=True, slots=True)
class UntoldUses:
    """What the files of one machine tell."""

    disturbances: tuple[Disturbance, ...] = ()
    """What was left."""
    met: tuple[CellUse, ...] = ()
    """What processes that run have met."""

    def uses(self, engine: Engine) -> Sequence[KeyUse]:
        """What they have met as uses of no known number, at the latest instant that the ledger knows.

        To be asked before the events are read, as well: what is recorded in between is left out here.

        Raises:
            DatabaseUnavailable: The database cannot be read.
        """
        latest = latest_event(engine)
        doubtful = [signature for use in self.met if not use.is_certain for signature in use.signatures]
        with reading(engine) as connection:
            known = known_signatures(connection, doubtful, latest) if doubtful else ()
        uses = Uses()
        for cell in {use.cell for use in self.met if not is_repetition(use, known)}:
            uses.add((*cell, RecordedOutcome.FAILED.value), (0, latest, latest, None))
        return [replace(use, is_under_way=True) for use in key_uses(uses)]


def untold_uses(signing_key: Path) -> UntoldUses:
    """What the processes on this machine keep, by the folder beside `signing_key`.

    To be asked before the events are read: what is told in between is then in both.
    """
    try:
        found = left_uses(KeptEnds.beside(signing_key).folder)
    except KeptUsesUnusable as error:
        return UntoldUses((Disturbance(f"{error}: run this as the user of the gateway"),))
    left = (one for one in found if not one.is_alive and (one.uses or one.is_damaged))
    met = (use for one in found if one.is_alive for use in one.uses)
    return UntoldUses(tuple(Disturbance(one.sentence) for one in left), tuple(met))
