"""Points of extension: what of an exchange may get another implementation, as typed protocols.

The list is fixed, and there is no loader of plug-ins: who adds an implementation names it in `gateway.service`.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from gateway.ledger import MessageRecord
from gateway.verify import Expectation, Policy


class Unpacked(NamedTuple):
    """The body of a response as it is verified."""

    root: bytes
    """The SOAP message."""
    content_type: str
    """What is known of how `root` is to be read."""


class Unpacker(Protocol):
    """From the body of a response to the message that is verified: called after decoding, before step 1."""

    def unpack(self, body: bytes, content_type: str) -> Unpacked:
        """The message in `body`.

        Raises:
            Rejection: `body` is none of what this implementation reads, or can be read in several ways.
        """
        ...


class Direction(Protocol):
    """Which message of an exchange is judged, and what the other one lets expect of it.

    Today the response is judged, and the request is the other one.
    """

    def expected_at_a_glance(self, other: bytes) -> Expectation | None:
        """What `other` lets expect, where that can be told without parsing it; else None. Quick enough for the
        event loop, however large `other` is.
        """
        ...

    def expected(self, other: bytes, policy: Policy, content_type: str | None) -> Expectation:
        """What `other` lets expect; may be called in a thread."""
        ...


class Recorder(Protocol):
    """Is told what has been recorded, after the commit. Called in a thread of its own (`gateway.exchange.recorders`):
    whatever it does, and however long it takes, changes nothing that leaves.
    """

    def recorded(self, record: MessageRecord) -> None:
        """Take notice of `record`, which is in the ledger."""
        ...


class WholeBody:
    """The body is the message."""

    def unpack(self, body: bytes, content_type: str) -> Unpacked:
        """`body` as it is; what could be read as multipart is refused by the verification."""
        return Unpacked(body, content_type)


class ResponseIsJudged:
    """The response is judged; the request has what it must repeat."""

    def expected_at_a_glance(self, other: bytes) -> Expectation | None:
        """See `Expectation.at_a_glance`."""
        return Expectation.at_a_glance(other)

    def expected(self, other: bytes, policy: Policy, content_type: str | None) -> Expectation:
        """See `Expectation.of_request`."""
        return Expectation.of_request(other, policy, content_type)


@dataclass(frozen=True, slots=True)
class Extensions:
    """The implementations in use."""

    unpacker: Unpacker
    direction: Direction


BUILT_IN: Final = Extensions(WholeBody(), ResponseIsJudged())
