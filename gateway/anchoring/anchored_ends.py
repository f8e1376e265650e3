"""What is anchored: the signed ends of the writers' chains, and those of the keystore's history and the statements."""

from datetime import timedelta

from sqlalchemy import Engine

from gateway.ledger import reading, recent_signed_heads, statements_anchor
from keystore.store import history_anchor


def anchor_words(engine: Engine, within: timedelta) -> list[str]:
    """The ends of the chains that moved within so much time before the one that moved last, and of the keystore's
    history and the statements, one word each.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    heads = recent_signed_heads(engine, within // timedelta(microseconds=1))
    with reading(engine) as connection:
        ends = (history_anchor(connection), statements_anchor(connection))
    return [*map(str, heads), *(str(end) for end in ends if end is not None)]
