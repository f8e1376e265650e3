"""Values that every exchange makes anew: nobody changes one, and making one is quick.

`dataclass(frozen=True)` sets each field by a call, which takes four times as long as setting it. Some 70 fields of such
values are set for each exchange, so mypy holds that nobody changes one, and nothing does at run time. What other
programs get to see, as a verdict and what is in it, is frozen for them too.
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
