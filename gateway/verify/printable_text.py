"""What comes from a message, fit to be shown: in a record, a log, a sentence for a person."""

from typing import Final

LONGEST_NAME: Final = 300
"""Characters of an operation or a message id in a verdict."""


def printable(text: str, limit: int = 100) -> str:
    """`text` from a message, fit for one line of a log: ASCII, no control characters, at most `limit` long."""
    if len(text) <= limit and text.isascii() and text.isprintable():
        return text
    safe = "".join(c if " " <= c <= "~" else c.encode("unicode_escape").decode() for c in text[: limit + 1])
    return safe if len(safe) <= limit else safe[: limit - 3] + "..."


def shown_operation(operation: str | None) -> str | None:
    """The operation, in Clark notation, as a verdict says it."""
    return None if operation is None else printable(operation, LONGEST_NAME)
