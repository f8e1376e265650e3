"""What leaves, and how much of it at a time."""

from unittest import mock
from urllib.parse import urlsplit

import pytest

from gateway.wire.outbound.writing import RequestWriter, host_field


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://receiver.example/ws", "receiver.example"),
        ("http://Receiver.Example:80/ws", "receiver.example"),
        ("http://receiver.example:443", "receiver.example:443"),
        ("https://receiver.example.:443/", "receiver.example"),
        ("https://receiver.example:80", "receiver.example:80"),
        ("http://127.0.0.1:8080/", "127.0.0.1:8080"),
        ("http://[::1]/", "[::1]"),
        ("https://[::1]:8443/", "[::1]:8443"),
    ],
)
def test_the_receiver_is_called_by_its_name(url: str, host: str) -> None:
    assert host_field(urlsplit(url)) == host


class Slow:
    """A transport whose buffer is full after each piece."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.transport = mock.Mock(is_closing=lambda: False, get_write_buffer_size=lambda: 0)
        self.transport.write = self._write
        self.writer = RequestWriter(self.transport)

    def _write(self, data: bytes) -> None:
        self.written.append(bytes(data))
        if len(data) > 1000:
            self.writer.pause()


BODY = bytes(range(256)) * 8192


def test_a_large_body_leaves_as_fast_as_it_is_taken_in() -> None:
    slow = Slow()
    slow.writer.write(b"head", BODY)
    assert [len(piece) for piece in slow.written] == [4, 65536]
    turns = 1
    while not slow.writer.is_done:
        slow.writer.resume()
        turns += 1
    assert b"".join(slow.written) == b"head" + BODY
    assert turns == 32
    slow.writer.resume()
    assert len(slow.written) == 33


@pytest.mark.parametrize("how", ["stopped", "closed"])
def test_what_is_left_of_a_body_stays_here(how: str) -> None:
    slow = Slow()
    slow.writer.write(b"head", BODY)
    if how == "stopped":
        slow.writer.stop()
    else:
        slow.transport.is_closing = lambda: True
    slow.writer.resume()
    assert len(slow.written) == 2
    assert slow.writer.is_done is (how == "stopped")


def test_a_request_has_left_when_the_buffer_is_empty() -> None:
    slow = Slow()
    slow.transport.get_write_buffer_size = lambda: 1
    slow.writer.write(b"head", b"body")
    assert slow.written == [b"headbody"]
    assert not slow.writer.is_done
