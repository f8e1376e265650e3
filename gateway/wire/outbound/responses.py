"""One HTTP/1.1 response out of the octets of a connection, without the connection (RFC 9112).

httptools reads it. What is tolerated, as servers in use need it: folded fields, a line feed without its carriage
return, white space behind the size of a chunk. httptools itself refuses two lengths, a length beside a
transfer coding, and what is no number. Added here: limits, no NUL in a field, and where the response ended: the
octets of the head and those of the body are counted apart, so that a connection serves again only where nothing
came beyond what the framing says.
"""

from typing import Final

import httptools

from gateway.wire.outbound.errors import BrokenOff, Disconnected, NotHttp, Redirected

MAX_LINE: Final = 16 * 1024
"""Octets of the reason in a status line."""
MAX_FIELD: Final = 32 * 1024
"""Octets of a header field, name and value."""
MAX_FIELDS: Final = 256
"""Header fields, with those of the trailers."""

_SILENT: Final = 2 * MAX_FIELD
"""Octets that may follow each other without ending anything, such as the white space around a value."""
_END_OF_HEAD: Final = b"\r\n\r\n"
_END_OF_CHUNKS: Final = b"\r\n\r\n"
_LAST: Final = len(_END_OF_CHUNKS) + 1
"""Octets at the end of a chunked body that are looked at."""
_WITHOUT_BODY: Final = frozenset({204, 304})
_REDIRECTS: Final = frozenset({300, 301, 302, 303, 305, 307, 308})
"""Statuses that send the client elsewhere (RFC 9110, 15.4)."""


class ResponseReader:
    """Reads one response, at most `limit` octets of its body; interim ones before it are passed over."""

    __slots__ = (
        "_after_head",
        "_body",
        "_content_length",
        "_fields",
        "_has_body",
        "_has_head",
        "_has_more",
        "_is_chunked",
        "_is_head_begun",
        "_keeps_alive",
        "_last",
        "_length",
        "_limit",
        "_parser",
        "_problem",
        "_reason",
        "_silent",
        "headers",
        "is_complete",
        "is_oversize",
        "status",
    )

    def __init__(self, limit: int, *, has_body: bool = True) -> None:
        """Wait for the first octet; `has_body` is false for the response to a HEAD."""
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        """Header fields octet by octet, in their order."""
        self.is_complete = False
        """The response ended, or is longer than the limit."""
        self.is_oversize = False
        self._limit = limit
        self._has_body = has_body
        self._body: list[bytes] = []
        self._length = 0
        """Octets in `_body`."""
        self._is_head_begun = False
        self._has_head = False
        """The head is there, and it is not that of an interim response."""
        self._keeps_alive = False
        self._content_length: int | None = None
        self._is_chunked = False
        self._after_head = 0
        """Octets that came behind the head."""
        self._last = b""
        """The last of them."""
        self._has_more = False
        """Octets came behind the response."""
        self._fields = self._reason = self._silent = 0
        self._problem = ""
        # The names of the callbacks below are those that httptools looks for.
        self._parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)
        self._parser.set_dangerous_leniencies(
            lenient_headers=True, lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True
        )

    @property
    def body(self) -> bytes:
        """The body as it came, its content coding untouched; empty where the response is oversize."""
        if len(self._body) != 1:
            # The connection holds on to this reader, and the pieces would need as much room again.
            self._body = [b"".join(self._body)]
        return self._body[0]

    @property
    def is_exact(self) -> bool:
        """Whether the response ended exactly where its framing says, on a connection that stays open."""
        if not self.is_complete or self.is_oversize or self._has_more or not self._keeps_alive:
            return False
        if not self._has_body or self.status in _WITHOUT_BODY:
            return self._after_head == 0
        if self._is_chunked:
            # The last chunk and the trailers end in an empty line, and the line before it is not empty.
            return self._last.endswith(_END_OF_CHUNKS) and not self._last.startswith(b"\n")
        return self._after_head == (self._content_length or 0)

    def feed(self, data: bytes) -> bool:
        """Take in what arrived; whether the response is complete.

        Raises:
            NotHttp: It is no HTTP, exceeds a limit or has a status that no response has.
            Redirected: The status says so.
        """
        if self.is_complete:
            self._has_more = self._has_more or bool(data)
            return True
        start = 0 if self._has_head else self._feed_head(data)
        if start < len(data):
            rest = data[start:] if start else data
            if self._has_head:
                self._after_head += len(rest)
                if self._content_length is None:
                    self._last = (self._last + rest[-_LAST:])[-_LAST:]
            else:
                self._is_head_begun = True
            self._parse(rest)
        return self.is_complete

    def end(self) -> None:
        """The connection was closed: that completes a response without framing (RFC 9112, 6.3).

        Raises:
            Disconnected: The head was not complete.
            BrokenOff: The body was not.
        """
        if self.is_complete:
            return
        if not self._has_head:
            raise Disconnected
        if self._content_length is not None or self._is_chunked or not self._takes_any_octet():
            raise BrokenOff
        self._complete()

    def _feed_head(self, data: bytes) -> int:
        """Take in what of `data` belongs to the head, in whole lines; how much that is.

        Up to the end of the head where there is no doubt where that is, and else line by line, so that it is known.
        """
        start = 0
        while (end := self._end_of_head(data) or data.find(b"\n", start) + 1) > 0:
            self._is_head_begun = True
            self._parse(data[start:end])
            start = end
            if self._has_head:
                self._begin_body()
                if self._has_more:  # httptools lets a line of white space behind the status line end the head
                    raise NotHttp.because("its head ends in several places")
                break
        return start

    def _end_of_head(self, data: bytes) -> int:
        """Where the head at the beginning of `data` ends; 0 where it may be read in several ways, or began before.

        A parser may take a line feed or a carriage return alone for the end of a line, and two of them for that of the
        head; where each stands beside the other, there is one empty line that comes first.
        """
        if self._is_head_begun:
            return 0
        end = data.find(_END_OF_HEAD) + len(_END_OF_HEAD)
        if end < len(_END_OF_HEAD):
            return 0
        lines = data.count(b"\r\n", 0, end)
        return end if data.count(b"\n", 0, end) == lines == data.count(b"\r", 0, end) else 0

    def _parse(self, data: bytes) -> None:
        parser = self._parser
        if parser is None:
            self._has_more = True
            return
        self._silent += len(data)
        try:
            parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._keeps_alive = False  # what follows is not HTTP; no status that may be answered with gets here
        except httptools.HttpParserError as error:
            if not self.is_complete:
                raise NotHttp.because(self._problem or str(error).lower()) from error
            self._has_more = True
        if self._silent > _SILENT and not self.is_complete:
            raise NotHttp.because("a line of it is too long")

    def _begin_body(self) -> None:
        """Look at the head, which is complete."""
        if not 200 <= self.status <= 599:
            raise NotHttp(f"the receiver answered with HTTP status {self.status}")
        if self.status in _REDIRECTS:
            raise Redirected.to(self.status, [value for name, value in self.headers if name.lower() == b"location"])
        for name, value in self.headers:
            if name.rstrip(b" \t").lower() == b"content-length":
                try:
                    self._content_length = int(value)
                except ValueError as error:
                    raise NotHttp.because("its length is no number") from error
                # httptools tolerates white space before the colon; who reads that otherwise sees another end.
                self._keeps_alive = self._keeps_alive and name[-1:].isalpha()
        if self._content_length is not None and self._content_length > self._limit:
            self._exceed()
        elif not self._has_body:
            self._complete()

    def _takes_any_octet(self) -> bool:
        """Whether what comes is body as it is: there is no framing. It asks the parser, which alone knows."""
        before = self._length
        self._limit += 1
        self._parse_quietly(b"x")
        if self._length == before:
            return False
        self._body.pop()
        return True

    def _parse_quietly(self, data: bytes) -> None:
        try:
            self._parse(data)
        except NotHttp:
            return

    def _exceed(self) -> None:
        self.is_oversize = True
        self._body.clear()
        self._complete()

    def _complete(self) -> None:
        self.is_complete = True
        self._parser = None  # it holds this object

    # What httptools calls.

    def on_message_begin(self) -> None:
        """A response begins: the one that is waited for, or one too many."""
        if self.is_complete:
            self._has_more = True
            return
        self.headers = []
        self._fields = self._reason = 0

    def on_status(self, reason: bytes) -> None:
        """A part of the reason."""
        self._silent = 0
        self._reason += len(reason)
        if self._reason > MAX_LINE:
            self._refuse("its status line is too long")

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header field, or one of the trailers."""
        self._silent = 0
        self._fields += 1
        if self._fields > MAX_FIELDS:
            self._refuse("it has too many header fields")
        if len(name) + len(value) > MAX_FIELD:
            self._refuse("a header field is too long")
        if b"\0" in value:
            self._refuse("a header field holds a NUL")
        if not self._has_head:
            self.headers.append((name, value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        """A head is complete."""
        parser = self._parser
        if parser is None:
            return
        self._silent = 0
        self.status = parser.get_status_code()
        # RFC 9110, 15.2; the deadline of who asks bounds how many interim responses come.
        self._has_head = not 100 <= self.status <= 199 or self.status == 101
        self._keeps_alive = parser.should_keep_alive()

    def on_chunk_header(self) -> None:
        """A chunk begins."""
        self._silent = 0
        self._is_chunked = self._has_head

    def on_body(self, piece: bytes) -> None:
        """A part of a body."""
        self._silent = 0
        if not self._has_head or self.is_complete:
            return
        self._length += len(piece)
        if self._length > self._limit:
            self._exceed()
        else:
            self._body.append(piece)

    def on_message_complete(self) -> None:
        """A response ended where its framing says."""
        if self._has_head:
            self._complete()

    def _refuse(self, problem: str) -> None:
        self._problem = problem
        raise ValueError(problem)
