"""When a message was last seen under each certificate, for `list` and `show`."""

from datetime import datetime

from sqlalchemy import Engine

from gateway.ledger import How, usage


def last_seen(engine: Engine, endpoint: str | None, how: How) -> dict[str, datetime]:
    """The last message of each certificate, by its thumbprint."""
    seen: dict[str, datetime] = {}
    for row in usage(engine, endpoint, how=how):
        seen[row.thumbprint] = max(row.last_seen, seen.get(row.thumbprint, row.last_seen))
    return seen
