"""Points of extension: what of an exchange may get another implementation, as typed protocols.

The list is fixed, and there is no loader of plug-ins: who adds an implementation names it in `gateway.service`.
"""

from dataclasses import dataclass
from typing import Final, Protocol

from gateway.attachments import OpenedBody, open_body
from gateway.ledger import MessageRecord
from gateway.verify import Expectation, Policy


class Unpacker(Protocol):
    """From the body of a response to the message that is verified: called after decoding, before step 1."""

    def unpack(self, body: bytes, content_type: str, policy: Policy) -> OpenedBody:
        """The message in `body`, and its attachments.

        Where `body` is none of what this implementation reads, or can be read in several ways, what is given says so
        (`gateway.verify.Attachments.problem`), and the verification rejects it.
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


class MultipartBody:
    """The body is the message, or a multipart one with the message and its attachments."""

    def unpack(self, body: bytes, content_type: str, policy: Policy) -> OpenedBody:
        """See `gateway.attachments.open_body`."""
        return open_body(body, content_type, policy)


class ResponseIsJudged:
    """The response is judged; the request has what it must repeat."""

    def expected_at_a_glance(self, other: bytes) -> Expectation | None:
        """See `Expectation.at_a_glance`."""
        return Expectation.at_a_glance(other)

    def expected(self, other: bytes, policy: Policy, content_type: str | None) -> Expectation:
        """See `Expectation.of_request`; of a multipart request the root is asked, and it goes on as it came."""
        opened = open_body(other, content_type, policy)
        return Expectation.of_request(opened.message, policy, opened.content_type)


@dataclass(frozen=True, slots=True)
class Extensions:
    """The implementations in use."""

    unpacker: Unpacker
    direction: Direction


BUILT_IN: Final = Extensions(MultipartBody(), ResponseIsJudged())
