"""Whether an answer is like those that the receiver gave before: a sign that it belongs to its request.

A receiver, or who stands before it, that sends one answer too many on a connection gives each further request on it the
answer to the one before. Each of these answers is genuine, and where nothing signed binds it to a request it is
accepted. So a connection serves again only after an answer that fits.
"""

from typing import Final

from gateway.ledger import MessageRecord
from gateway.verify import Expectation, Reason
from gateway.verify.text import printable
from gateway.verify.verdict import UNBOUND
from gateway.vocabulary import RecordedOutcome

_WEIGHT: Final = 16
"""How many answers of the other kind it takes until something is usual no more. A partner who turns WS-Addressing off
has us make so many connections anew; whoever would have us take unbound answers for usual has to get so many delivered,
one by one, while no bound one is."""
_SIGNS: Final = frozenset({str(Reason.UNCORRELATED), str(Reason.REPLAYED)})
"""Reasons that say by themselves that an answer is not that to its request."""
_UNSPECIFIED: Final = "http://www.w3.org/2005/08/addressing/unspecified"
"""What an answer relates to, in WS-Addressing, where its request had no MessageID."""


class UsualAnswers:
    """What the answers of one receiver are usually like. A rule of thumb: it decides about connections, not answers."""

    __slots__ = ("_accepted", "_bound")

    def __init__(self) -> None:
        """Know nothing yet."""
        self._accepted = 0
        """Accepted answers beyond those that were not, from -16 to 16."""
        self._bound = 0
        """Likewise those that something signed binds to their request, among the accepted ones."""

    def fits(self, record: MessageRecord, expects: Expectation) -> bool:
        """Note the answer of `record`; whether it is like those before it, and may be that to its request."""
        if record.reason in _SIGNS or record.outcome is RecordedOutcome.FAILED:
            return False
        # Signed or not: whoever sent it says that it answers another request.
        is_foreign = _relates_to_another(record.relates_to, expects.message_id)
        were_accepted, were_bound = self._accepted > 0, self._bound > 0
        if record.outcome is RecordedOutcome.REJECTED:
            self._accepted = max(self._accepted - 1, -_WEIGHT)
            return not were_accepted and not is_foreign
        self._accepted = min(self._accepted + 1, _WEIGHT)
        if record.outcome is RecordedOutcome.ACCEPTED and UNBOUND not in record.warnings:
            self._bound = min(self._bound + 1, _WEIGHT)
            return True
        self._bound = max(self._bound - 1, -_WEIGHT)
        return not were_bound and not is_foreign


def _relates_to_another(relates_to: str | None, message_id: str | None) -> bool:
    if relates_to is None or relates_to == message_id:
        return False
    # As the record writes it (`gateway.verify.procedure`).
    return relates_to not in {_UNSPECIFIED, printable((message_id or "").strip(), 300)}
