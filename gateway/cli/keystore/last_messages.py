"""When a message was last seen under each certificate, for `list` and `show`."""

from datetime import datetime

from sqlalchemy import Engine

from gateway.ledger import Role, usage
from gateway.vocabulary import RecordedOutcome


def last_seen(engine: Engine, endpoint: str | None, *, accepted: bool) -> dict[str, datetime]:
    """The last message that each certificate's key signed, by its thumbprint: of those accepted, or of all others.

    Repetitions of a message that was on record already do not count.
    """
    seen: dict[str, datetime] = {}
    for row in usage(engine, endpoint):
        if row.role is not Role.REPEATED and (row.outcome is RecordedOutcome.ACCEPTED) is accepted:
            seen[row.thumbprint] = max(row.last_seen, seen.get(row.thumbprint, row.last_seen))
    return seen
