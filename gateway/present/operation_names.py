"""How the operations of messages are called: they come from messages, and some messages come from attackers."""

from collections.abc import Iterable

from gateway.present.plain_text import plain

OTHER_OPERATIONS = "*"
"""The operation under which those are counted together for which there is no room of their own
(`gateway.ledger.write.counted_operations`); no element has this name (XML-NAMES 4)."""
_LONGEST_NAME = 120


class OperationNames:
    """How operations are called in one report: by local name, with the namespace only where that would be ambiguous."""

    def __init__(self, operations: Iterable[str | None]) -> None:
        """Hold all operations (in Clark notation) that stand side by side."""
        spaces: dict[str, set[str]] = {}
        for operation in operations:
            if operation is not None:
                space, local = _split(operation)
                spaces.setdefault(local, set()).add(space)
        self._ambiguous = {local for local, found in spaces.items() if len(found) > 1}

    def short(self, operation: str | None) -> str:
        """The name for a table or a sentence."""
        if operation is None:
            return "(no operation)"
        if operation == OTHER_OPERATIONS:
            return "(other names)"
        local = _split(operation)[1]
        name = plain(operation if local in self._ambiguous or not local else local)
        return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"


def _split(operation: str) -> tuple[str, str]:
    space, brace, local = operation.rpartition("}")
    return (space + brace, local) if brace else ("", operation)
