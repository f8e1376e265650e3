"""The same verdict sooner, for messages that are written like ones that were accepted.

| module | holds |
|---|---|
| `memory` | what is remembered of one partner's messages, and how much |
| `template` | a message template: the header prefix, cut at its values, and what it was found to mean |
| `known_values` | what is read of the values of such a message |
| `template_making` | making a template from a message that was accepted; `header_prefix`: where its values are |
| `form_pattern` | canonical forms of the prefix's elements, cut at the same values |
| `acceptance` | what is decided anew for every message |
| `known_body` | its Body: parsed, or known by its tags (`body_tags`); canonicalized, or seen to be (`canonical_body`) |

Nothing is rejected here, and what is accepted is what the procedure accepts. A rule that both need is one function of
the procedure's modules that both call; what one module here takes for granted of another stands in the one that does,
and is asked there.
"""

from gateway.verify.fastpath.acceptance import accept_known
from gateway.verify.fastpath.memory import KnownMessages
from gateway.verify.fastpath.template_making import learn

__all__ = ["KnownMessages", "accept_known", "learn"]
