"""How a connection is made: the name is resolved, the addresses are tried (RFC 8305), TLS is begun."""

import asyncio
import ipaddress
import socket
import ssl
from collections import deque
from collections.abc import Callable
from typing import Final

from aiohappyeyeballs import AddrInfoType, pop_addr_infos_interleave, start_connection

from gateway.wire.outbound.connection import Connection
from gateway.wire.outbound.errors import TimedOut, TlsFailed, Unreachable, UpstreamFailure, words

CONNECT_SECONDS: Final = 10.0
"""Until a connection to one of the receiver's addresses is made, TLS included."""
_ATTEMPT_SECONDS: Final = 0.25
"""After which the next address is tried beside the one that does not answer (RFC 8305, 5)."""
NAME_SECONDS: Final = 10.0
"""How long the addresses of a name are remembered."""


class Resolver:
    """The addresses of one host name. Whoever asks while it is being looked up gets the same answer."""

    def __init__(self, host: str, port: int) -> None:
        """Look up `host`, or take it as it is where it is an address."""
        self._host = host
        self._port = port
        self._known: deque[AddrInfoType] = deque()
        self._until = 0.0
        self._lookup: asyncio.Task[list[AddrInfoType]] | None = None

    async def addresses(self) -> list[AddrInfoType]:
        """The addresses, beginning with another one each time.

        Raises:
            Unreachable: The name cannot be resolved.
        """
        loop = asyncio.get_running_loop()
        if not self._known or loop.time() > self._until:
            if self._lookup is None:
                self._lookup = loop.create_task(self._look_up())
                self._lookup.add_done_callback(self._looked_up)
            # Who gives up does not take the answer away from the others.
            lookup = self._lookup
            try:
                found = await asyncio.shield(lookup)
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if not lookup.cancelled() or (task is not None and task.cancelling()):
                    raise
                raise Unreachable("the look-up of the receiver's name was given up: its connections close") from None
            except OSError as error:
                detail = f"the host name of the receiver cannot be resolved: {words(error)}"
                raise Unreachable(detail) from error
            if not found:
                raise Unreachable("the host name of the receiver cannot be resolved: it has no address")
        self._known.rotate(-1)
        return list(self._known)

    def close(self) -> None:
        """Look up nothing any more."""
        if self._lookup is not None:
            self._lookup.cancel()

    async def _look_up(self) -> list[AddrInfoType]:
        flags = socket.AI_NUMERICHOST if _is_address(self._host) else socket.AI_ADDRCONFIG
        found: list[AddrInfoType] = list(
            await asyncio.get_running_loop().getaddrinfo(
                self._host, self._port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP, flags=flags
            )
        )
        self._known = deque(found)
        self._until = asyncio.get_running_loop().time() + NAME_SECONDS
        return found

    def _looked_up(self, lookup: "asyncio.Task[list[AddrInfoType]]") -> None:
        self._lookup = None
        if not lookup.cancelled():
            lookup.exception()  # those who asked may have gone


class Connector:
    """Makes connections to one origin."""

    def __init__(self, host: str, port: int, context: ssl.SSLContext | None) -> None:
        """Connect to `host`, by TLS as `context` says; None is without TLS."""
        # A name that ends in a dot is looked up as it is; certificates and SNI have it without (RFC 6066, 3).
        self._name = host.rstrip(".")
        self._context = context
        self._resolver = Resolver(host, port)

    async def connect(self, make: Callable[[], Connection]) -> Connection:
        """A new connection, made by `make`.

        Raises:
            Unreachable: Nobody listens, or the name cannot be resolved.
            TlsFailed: The receiver cannot prove itself.
            TimedOut: It took too long.
        """
        addresses = await self._resolver.addresses()
        # Ends: every turn takes an address out of the list.
        while True:
            try:
                return await self._attempt(addresses, make)
            except UpstreamFailure:
                pop_addr_infos_interleave(addresses)
                if not addresses:
                    raise

    async def try_out(self) -> None:
        """Connect to one of the addresses, without TLS and without a word, and close the connection.

        Raises:
            Unreachable: Nobody listens, or the name cannot be resolved.
        """
        addresses = await self._resolver.addresses()
        loop = asyncio.get_running_loop()
        try:
            made = await start_connection(addresses, happy_eyeballs_delay=_ATTEMPT_SECONDS, loop=loop)
        except (OSError, RuntimeError) as error:  # RuntimeError as below
            raise Unreachable(f"no connection to the receiver: {words(error)}") from error
        made.close()

    def close(self) -> None:
        """Make no more connections."""
        self._resolver.close()

    async def _attempt(self, addresses: list[AddrInfoType], make: Callable[[], Connection]) -> Connection:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                found = await start_connection(addresses, happy_eyeballs_delay=_ATTEMPT_SECONDS, loop=loop)
                try:
                    _, connection = await loop.create_connection(
                        make, sock=found, ssl=self._context, server_hostname=self._name if self._context else None
                    )
                except BaseException:
                    found.close()
                    raise
                return connection
        except ssl.SSLError as error:
            raise TlsFailed.because(error) from error
        except (OSError, RuntimeError) as error:
            if isinstance(error, TimeoutError) and error.errno is None:
                raise TimedOut(f"no connection to the receiver was made within {CONNECT_SECONDS:g} s") from error
            # uvloop has RuntimeError for some addresses that cannot be used.
            raise Unreachable(f"no connection to the receiver: {words(error)}") from error


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
