"""A relay in front of a database server that loses what a network loses, at the worst moment: the COMMIT."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum


class Loss(Enum):
    """What becomes of the next COMMIT."""

    NONE = "it passes"
    ANSWER = "the server carries it out, and its answer is lost"
    DELAY = "the client is cut off at once, and the server gets it half a second later"


class Relay:
    """Passes bytes between clients and the server, over loopback."""

    DELAY_SECONDS = 0.5

    def __init__(self, port: int) -> None:
        """Stand in front of the server at `port`; `loss` may be changed at any moment."""
        self.loss = Loss.NONE
        self.losses = 0
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def close(self) -> None:
        """Take no more clients, and wait until those that there are have gone."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._target))
            for work in (self._requests, self._answers):
                thread = threading.Thread(target=work, args=(client, server))
                self._threads.append(thread)
                thread.start()

    def _requests(self, client: socket.socket, server: socket.socket) -> None:
        while data := _received(client):
            if b"COMMIT\0" in data and self.loss is not Loss.NONE:
                loss, self.loss = self.loss, Loss.NONE
                self.losses += 1
                _cut(client)
                if loss is Loss.DELAY:
                    time.sleep(self.DELAY_SECONDS)
                server.sendall(data)
                while _received(server):  # the answer, which nobody gets; then the server is left alone
                    break
                break
            server.sendall(data)
        _cut(server)
        server.close()

    def _answers(self, client: socket.socket, server: socket.socket) -> None:
        while data := _received(server):
            try:
                client.sendall(data)
            except OSError:
                break
        _cut(client)
        client.close()


def _received(connection: socket.socket) -> bytes:
    try:
        return connection.recv(65536)
    except OSError:
        return b""


def _cut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # cut already


@contextmanager
def relay_before(port: int) -> Iterator[Relay]:
    """A relay in front of the server at `port`, closed afterwards."""
    relay = Relay(port)
    try:
        yield relay
    finally:
        relay.close()
