"""A mail server on the loopback interface, as far as one who sends a message needs it (RFC 5321)."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import Message


class MailServer(socketserver.ThreadingTCPServer):
    """The server, and the messages that it took."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.messages: list[Message] = []

    def url(self, password: str) -> str:
        """As apprise writes it."""
        port = self.server_address[1]
        return f"mailto://gate:{password}@127.0.0.1:{port}/?from=gate@example.com&to=ops@example.com&mode=insecure"

    def texts(self) -> list[str]:
        """Everything that each message says, as text."""
        return ["\n".join(_parts(message)) for message in self.messages]


def _parts(message: Message) -> list[str]:
    found = []
    for part in message.walk():
        payload = part.get_payload(decode=True)
        if isinstance(payload, bytes):
            found.append(payload.decode())
    return found


class _Session(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self._say("220 mail.example")
        while line := self.rfile.readline():
            match line.split()[:1]:
                case [b"EHLO" | b"ehlo"]:
                    self._say("250-mail.example", "250 AUTH PLAIN LOGIN")
                case [b"AUTH"]:
                    self._say("235 welcome")
                case [b"DATA" | b"data"]:
                    self._say("354 go on")
                    lines = iter(self.rfile.readline, b".\r\n")
                    self.server.messages.append(message_from_bytes(b"".join(lines)))
                    self._say("250 taken")
                case [b"QUIT" | b"quit"]:
                    self._say("221 bye")
                    return
                case _:
                    self._say("250 so be it")

    def _say(self, *lines: str) -> None:
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())


@contextmanager
def mail_server() -> Iterator[MailServer]:
    """One that runs meanwhile."""
    server = MailServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
