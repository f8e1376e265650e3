"""How a receiver fails to answer: one tree, whose every class has its own safe sentence for the client.

UpstreamFailure    the receiver gave no usable response
  Unreachable      no connection could be made
  TlsFailed        no secure connection could be made, or it broke down
  TimedOut         a connection, or the response, did not come in time
  BrokenOff        the connection ended before the response was complete
    Disconnected   it ended before the head of a response had come
  NotHttp          what came is no HTTP response, or one that admits several readings
  Redirected       the receiver sends the client elsewhere
  Unsendable       the request holds what cannot be sent; nothing was
"""

import os
import re
import ssl
from collections.abc import Sequence
from typing import ClassVar, Final

_LONGEST_LOCATION: Final = 200
"""Characters of a Location that are recorded."""


class UpstreamFailure(Exception):  # noqa: N818 - the receiver's failure, a normal event here
    """The receiver gave no usable response."""

    status: ClassVar[int] = 502
    """HTTP status of what the client is answered."""
    sentence: ClassVar[str] = "The receiver gave no usable response."
    """What the client is told."""

    def __init__(self, detail: str, *, upstream_status: int | None = None) -> None:
        """Hold `detail` for the record and the log, and the receiver's status where it is known."""
        super().__init__(detail)
        self.detail = detail
        self.upstream_status = upstream_status


class Unreachable(UpstreamFailure):
    """No connection could be made: the name is unknown, or nobody listens."""

    sentence = "The receiver cannot be reached."


class TlsFailed(UpstreamFailure):
    """The receiver could not prove itself, or did not accept us."""

    sentence = "No secure connection to the receiver could be made."

    @classmethod
    def because(cls, error: ssl.SSLError) -> "TlsFailed":
        """The failure that `error` is."""
        return cls(f"TLS with the receiver failed: {_tls_cause(error)}")


class TimedOut(UpstreamFailure):
    """No connection, or no whole response, in time."""

    status = 504
    sentence = "The receiver did not answer in time."


class BrokenOff(UpstreamFailure):
    """The connection ended too early."""

    sentence = "The receiver broke off the connection before its response was complete."

    def __init__(self, detail: str = "the receiver closed the connection before its response was complete") -> None:
        """Hold `detail`."""
        super().__init__(detail)


class Disconnected(BrokenOff):
    """The connection ended before the head of a response was complete."""


class NotHttp(UpstreamFailure):
    """What came is no HTTP response."""

    sentence = "The receiver answered with something that is not HTTP."

    @classmethod
    def because(cls, reason: str) -> "NotHttp":
        """The failure with `reason`, which quotes nothing of the response."""
        return cls(f"the receiver's answer is not HTTP: {reason}" if reason else "the receiver's answer is not HTTP")


class Redirected(UpstreamFailure):
    """The receiver sends the client elsewhere (RFC 9110, 15.4)."""

    sentence = "The receiver answered with a redirect, which the gateway does not follow."

    @classmethod
    def to(cls, status: int, locations: Sequence[bytes]) -> "Redirected":
        """The failure with the receiver's `status`, and with where its Location fields lead to."""
        where = f" to {_shown_location(locations[0])}" if len(locations) == 1 else ""
        return cls(
            f"the receiver answered with a redirect{where} (HTTP status {status}), which is not followed",
            upstream_status=status,
        )


class Unsendable(UpstreamFailure):
    """The request holds a line break or what is no octet; it was not sent."""

    sentence = "The request cannot be sent to the receiver."


def words(error: OSError | RuntimeError) -> str:
    """What the operating system says about `error`, without names and addresses."""
    if not isinstance(error, OSError):
        return type(error).__name__.lower()
    # asyncio puts the address into `strerror`; errors of name resolution have negative numbers of their own.
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno).lower()
    return (error.strerror or type(error).__name__).lower()


def _shown_location(location: bytes) -> str:
    """Where a Location leads to, as it may be recorded: no password, no query, no session in a path
    parameter, nothing that is not printed."""
    text = re.split("[?#;]", location.decode("latin-1"), maxsplit=1)[0].strip()
    # Whatever stands before an @ could be a password, however the rest is to be read.
    scheme, slashes, _ = text.partition("//")
    text = f"{scheme}{slashes}{text.rpartition('@')[2]}" if "@" in text else text
    shown = "".join(one if "!" <= one <= "~" else "?" for one in text)
    return shown if len(shown) <= _LONGEST_LOCATION else f"{shown[:_LONGEST_LOCATION]}..."


def _tls_cause(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted: {error.verify_message}"
    reason: str | None = getattr(error, "reason", None)  # one that was not made by OpenSSL has none
    return reason.replace("_", " ").lower() if reason else type(error).__name__
