"""What the database does not know any more, or does not tell as it was written.

The ends of chains that are kept beside the signing key tell what is lost; the histories that people make, whether they
hold together.
"""

from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Engine

from gateway.ledger import KeptEnds, KeptEndsUnusable, broken_histories, lost_ends
from gateway.renewal.evidence import Disturbance

_ADVICE = (
    "put the newer database back, or restart the gateway on this machine, which writes down what is lost; "
    "the guaranteed delivery time counts anew from then on"
)


def disturbances_of_kept_ends(engine: Engine, signing_key: Path) -> Iterator[Disturbance]:
    """Whether the database holds what the processes on this machine wrote, by the folder beside `signing_key`.

    Nothing is changed: it is a gateway that writes down what was lost, when it starts.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    ends = KeptEnds.beside(signing_key)
    try:
        kept, damaged = ends.read()
    except KeptEndsUnusable as error:
        yield Disturbance(
            f"{error}, so that nobody knows whether the database was put back to an older state: run this as the user "
            "of the gateway"
        )
        return
    for problem in damaged:
        yield Disturbance(f"nobody knows whether the database was put back to an older state: {problem}")
    for lost in lost_ends(engine, kept):
        yield Disturbance(f"the database was put back to an older state, or is another one: {lost.sentence}; {_ADVICE}")


def disturbances_of_histories(engine: Engine) -> Iterator[Disturbance]:
    """Whether the keystore's history and the statements hold: since when a key is trusted, and what was waived.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    for finding in broken_histories(engine):
        yield Disturbance(f"the evidence does not hold: {finding}; wssgate ledger verify tells more")
