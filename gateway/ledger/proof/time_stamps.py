"""Time stamps over anchors (RFC 3161): an authority's word for when they were there already.

A stamp is one word, in the line behind the words that it is over:

    wssgate.timestamp/1,COUNT,SHA256,RESPONSE

COUNT is the number of those lines, SHA256 the digest over them, each with a line feed behind it, in UTF-8, and RESPONSE
the authority's whole answer in base64 (DER, RFC 3161 2.4.2), with its certificate.
"""

import base64
import hashlib
import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cryptography import x509

from gateway.ledger.errors import TimeStampRefused, TimeStampsUnavailable

if TYPE_CHECKING:
    from rfc3161_client import TimeStampRequest

TIME_STAMP_QUERY: Final = "application/timestamp-query"
"""The media type of a request (RFC 3161, 3.4)."""
_MOST_WORDS: Final = 9999
"""Words that one stamp is over; as many as its count has digits for."""
_LONGEST_WORD: Final = 2000
_STAMP = re.compile(
    r"wssgate\.timestamp/1,(?P<count>[1-9]\d{0,3}),(?P<digest>[0-9a-f]{64}),(?P<response>[0-9A-Za-z+/]{1,400000}={0,2})"
)


@dataclass(frozen=True, slots=True)
class TimeStamp:
    """What an authority answered to the digest of some words."""

    count: int
    """How many words it is over."""
    digest: str
    response: bytes

    def __str__(self) -> str:
        """The stamp as one word."""
        return f"wssgate.timestamp/1,{self.count},{self.digest},{base64.b64encode(self.response).decode()}"


@dataclass(frozen=True, slots=True)
class StampedWords:
    """A stamp out of a file, with what stands before it there."""

    stamp: TimeStamp
    words: tuple[str, ...]
    """The lines that it is over, as they are now."""


class TimeStampAuthority:
    """Time stamps of the authorities of one file: asked for, and verified."""

    def __init__(self, roots: Path) -> None:
        """Trust the certificates in the PEM file `roots`.

        Raises:
            TimeStampsUnavailable: They cannot be read, or the extra for time stamps is not installed.
        """
        try:
            import rfc3161_client
        except ImportError as error:
            raise TimeStampsUnavailable(
                "time stamps need a package that is not installed here: pip install 'wssgate[timestamps]'"
            ) from error
        self._library = rfc3161_client
        try:
            self._roots = x509.load_pem_x509_certificates(roots.read_bytes())
        except OSError as error:
            raise TimeStampsUnavailable(f"the file {roots} cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise TimeStampsUnavailable(
                f"the file {roots} holds no certificates in PEM: it must be that of the time-stamp authority's root"
            ) from error

    def request(self, words: Sequence[str]) -> "TimeStampRequest":
        """What the authority is asked for `words` (at least one); with a nonce, and for its certificate."""
        builder = self._library.TimestampRequestBuilder().data(_text(words))
        return builder.hash_algorithm(self._library.HashAlgorithm.SHA256).build()

    def accept(self, request: "TimeStampRequest", response: bytes, words: Sequence[str]) -> TimeStamp:
        """The stamp in the authority's `response` to `request`, verified.

        Raises:
            TimeStampRefused: It is none, or not the authority's, or over something else.
        """
        self._verify(response, _text(words), request.nonce)
        return TimeStamp(len(words), hashlib.sha256(_text(words)).hexdigest(), response)

    def time_of(self, stamped: StampedWords) -> datetime:
        """When the authority saw the words, UTC.

        Raises:
            TimeStampRefused: It did not see them as they are now.
        """
        if len(stamped.words) != stamped.stamp.count:
            raise TimeStampRefused("lines before the time stamp are missing")
        if hashlib.sha256(_text(stamped.words)).hexdigest() != stamped.stamp.digest:
            raise TimeStampRefused("the lines before the time stamp, or it itself, were altered")
        return self._verify(stamped.stamp.response, _text(stamped.words), None)

    def _verify(self, response: bytes, message: bytes, nonce: int | None) -> datetime:
        library = self._library
        try:
            decoded = library.decode_timestamp_response(response)
            if decoded.status != library.PKIStatus.GRANTED:
                why = "; ".join(decoded.status_string) or f"status {decoded.status}"
                raise TimeStampRefused(f"the time-stamp authority did not grant it: {why}")
            verifier = library.VerifierBuilder(roots=list(self._roots), nonce=nonce).build()
            verifier.verify_message(decoded, message)
            at: datetime = decoded.tst_info.gen_time.astimezone(UTC)
        except (library.VerificationError, ValueError, TypeError) as error:
            raise TimeStampRefused(f"the time stamp does not hold: {error}") from error
        return at


class StampFinder:
    """Finds time stamps in a file of anchors as it was written, with the lines before each."""

    def __init__(self) -> None:
        """Begin at the first line."""
        self._lines: deque[str] = deque(maxlen=_MOST_WORDS)

    def read(self, line: str) -> StampedWords | None:
        """The time stamp that `line` is, if it is one; the line without its end."""
        match = _STAMP.fullmatch(line)
        found = None
        if match is not None:
            try:
                response = base64.b64decode(match["response"], validate=True)
            except ValueError:
                response = b""  # it does not hold
            stamp = TimeStamp(int(match["count"]), match["digest"], response)
            first = max(0, len(self._lines) - stamp.count)
            found = StampedWords(stamp, tuple(islice(self._lines, first, None)))
        # No word is so long: what a log may hold beside them is not kept.
        self._lines.append(line[:_LONGEST_WORD])
        return found


def find_stamped(text: str) -> Iterator[StampedWords]:
    """Every time stamp in `text`, which is a file of anchors as it was written, with the lines before it."""
    finder = StampFinder()
    for line in text.splitlines():
        found = finder.read(line)
        if found is not None:
            yield found


def _text(words: Sequence[str]) -> bytes:
    return "".join(f"{word}\n" for word in words).encode()
