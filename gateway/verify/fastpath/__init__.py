"""Messages that are written as accepted ones were: accepted with less work, or left to the whole procedure.

| module | holds |
|---|---|
| `layout` | the head of a message, cut at its values, and what it was found to mean; the memory of layouts |
| `layout_making` | making a layout from a message that was accepted; `cutting`: where its values are |
| `template` | canonical forms of the head's elements, cut at the same values |
| `acceptance` | what is decided anew for every message |
| `body` | its Body: parsed, or known by its tags (`shapes`); canonicalized, or canonical `as_written` |

Nothing is rejected here, and what is accepted is what the procedure accepts: the tests hold every message that is made
for them against both.
"""

from gateway.verify.fastpath.acceptance import verify_familiar
from gateway.verify.fastpath.known_body import is_parsed_in_part
from gateway.verify.fastpath.template import LayoutMemory
from gateway.verify.fastpath.template_making import make_layout

__all__ = ["LayoutMemory", "is_parsed_in_part", "make_layout", "verify_familiar"]
