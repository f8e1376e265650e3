"""Dataclasses that are frozen for who reads and checks the code, and not for the interpreter.

A frozen dataclass sets each of its fields through a call, which makes one of thirty fields dearer than the check of a
digest; what every message needs several of took a twentieth of the gateway's processor time. mypy refuses every
assignment to a field as it does for a frozen one, and it runs over the whole of the code (`make test`). Verdicts and
settings stay frozen in earnest: they are handed to code that this does not check.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as statically_frozen
else:

    def statically_frozen(*, frozen: bool, **options: Any) -> Any:
        """As `dataclasses.dataclass`; `frozen` has to be said, for it is what the type checker goes by."""
        if not frozen:
            raise TypeError("say frozen=True, or take a dataclass")
        return dataclass(unsafe_hash=True, **options)


__all__ = ["statically_frozen"]
