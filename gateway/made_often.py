"""Values that every exchange makes anew: nobody changes one, and making one is quick.

`dataclass(frozen=True)` sets each field by a call, which takes four times as long as setting it. Some 120 fields of
such values are set for each exchange, so mypy holds that nobody changes one, and nothing does at run time. That is for
values that belong to one message. What several share, as the keys and checks that a verdict names, is frozen at run
time too: whoever changed it would change what is said of other messages.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

__all__ = ["made_often"]

if TYPE_CHECKING:
    from dataclasses import dataclass as made_often
else:

    def made_often(*, frozen: bool, **options: Any) -> Any:
        """`dataclass`, for a class of values: frozen for the type checker only, and hashed by their fields."""
        return dataclass(frozen=False, unsafe_hash=frozen, **options)
