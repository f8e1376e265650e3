"""How a connection is made, and what is said where none is."""

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import uvloop

from gateway.wire.outbound import TimedOut, TlsFailed, Unreachable
from gateway.wire.outbound.connecting import Connector, Resolver
from gateway.wire.outbound.connection import Connection
from tests.gateway.wire.authority import Authority
from tests.gateway.wire.outbound.test_tls import server_context

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


def play(scenario: Coroutine[Any, Any, None], loop: Callable[[], asyncio.AbstractEventLoop] | None = None) -> None:
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(asyncio.wait_for(scenario, 20))


def make() -> Connection:
    return Connection(on_release=lambda _: None, on_lost=lambda _: None)


def found(*places: tuple[str, int]) -> list[Any]:
    """What a look-up finds."""
    return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", place) for place in places]


class Names:
    """Stands for the name service of the running event loop."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: list[Any] | OSError) -> None:
        self.asked: list[str] = []
        self.held = asyncio.Event()
        self.held.set()
        self._answers = list(answers)
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", self._look_up)

    async def _look_up(self, host: str, _: int, **__: Any) -> list[Any]:
        self.asked.append(host)
        await self.held.wait()
        answer = self._answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer


def test_a_name_is_looked_up_once_for_all_who_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        names = Names(monkeypatch, found(("127.0.0.1", 80), ("127.0.0.2", 80)))
        names.held.clear()
        resolver = Resolver("receiver.example", 80)
        asking = [asyncio.create_task(resolver.addresses()) for _ in range(3)]
        await asyncio.sleep(0)
        asking[0].cancel()
        await asyncio.sleep(0)
        names.held.set()
        with pytest.raises(asyncio.CancelledError):
            await asking[0]
        one, two = [[address[4][0] for address in await task] for task in asking[1:]]
        assert sorted(one) == sorted(two) == ["127.0.0.1", "127.0.0.2"]
        assert one != two, "the load is shared"
        await resolver.addresses()
        assert names.asked == ["receiver.example"]

    play(scenario())


def test_a_name_is_looked_up_again_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.wire.outbound.connecting.NAME_SECONDS", -1)

    async def scenario() -> None:
        names = Names(monkeypatch, found(("127.0.0.1", 80)), found(("127.0.0.2", 80)))
        resolver = Resolver("receiver.example", 80)
        assert [(await resolver.addresses())[0][4][0] for _ in range(2)] == ["127.0.0.1", "127.0.0.2"]
        assert len(names.asked) == 2

    play(scenario())


def test_a_name_that_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        unknown = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        Names(monkeypatch, unknown, [], found(("127.0.0.1", 80)))
        resolver = Resolver("receiver.example", 80)
        with pytest.raises(Unreachable, match="cannot be resolved: name or service not known"):
            await resolver.addresses()
        with pytest.raises(Unreachable, match="cannot be resolved: it has no address"):
            await resolver.addresses()
        assert len(await resolver.addresses()) == 1, "a failure is not remembered"

    play(scenario())


def test_a_look_up_ends_with_its_connector(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        Names(monkeypatch, []).held.clear()
        connector = Connector("receiver.example", 80, None)
        asking = asyncio.create_task(connector.connect(make))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        connector.close()
        with pytest.raises(Unreachable, match="given up"):
            await asking

    play(scenario())


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_an_address_needs_no_name_service(loop: str, host: str) -> None:
    async def scenario() -> None:
        try:
            server = await asyncio.start_server(lambda _, writer: writer.close(), host, 0)
        except OSError:
            pytest.skip("this machine has no IPv6")
        async with server:
            connection = await Connector(host, server.sockets[0].getsockname()[1], None).connect(make)
            await connection.lost

    play(scenario(), LOOPS[loop])


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.parametrize("loop", LOOPS)
def test_nobody_listens(loop: str) -> None:
    async def scenario() -> None:
        with pytest.raises(Unreachable) as caught:
            await Connector("127.0.0.1", free_port(), None).connect(make)
        assert caught.value.detail == "no connection to the receiver: connection refused"

    play(scenario(), LOOPS[loop])


@pytest.mark.parametrize("failure", ["refuses", "cannot prove itself"])
def test_the_next_address_is_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: str) -> None:
    authority, other = Authority.make(tmp_path, "ca"), Authority.make(tmp_path, "other")
    context = ssl.create_default_context(cafile=authority.file)
    context.check_hostname = False

    async def scenario() -> None:
        good = await asyncio.start_server(
            lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=server_context(authority.issue("good"))
        )
        bad = await asyncio.start_server(
            lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=server_context(other.issue("bad"))
        )
        async with good, bad:
            first = free_port() if failure == "refuses" else bad.sockets[0].getsockname()[1]
            places = [("127.0.0.1", first), ("127.0.0.1", good.sockets[0].getsockname()[1])]
            Names(monkeypatch, found(*places), found(*places))
            for _ in range(2):
                connection = await Connector("receiver.example", 443, context).connect(make)
                connection.close()
                await connection.lost

    play(scenario())


def test_a_receiver_that_only_listens_is_waited_for_so_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.wire.outbound.connecting.CONNECT_SECONDS", 0.1)
    context = ssl.create_default_context()

    async def scenario() -> None:
        with (
            socket.create_server(("127.0.0.1", 0)) as listener,
            pytest.raises(TimedOut, match=r"no connection to the receiver was made within 0\.1 s"),
        ):
            await Connector("127.0.0.1", listener.getsockname()[1], context).connect(make)

    play(scenario(), uvloop.new_event_loop)


def test_a_timeout_of_the_system_is_no_deadline_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    async def late(*_: object, **__: object) -> socket.socket:
        raise TimeoutError(errno.ETIMEDOUT, "Connection timed out")

    monkeypatch.setattr("gateway.wire.outbound.connecting.start_connection", late)

    async def scenario() -> None:
        with pytest.raises(Unreachable, match="no connection to the receiver: connection timed out"):
            await Connector("127.0.0.1", 1, None).connect(make)

    play(scenario())


@pytest.mark.parametrize(("host", "named"), [("receiver.example.", "receiver.example"), ("127.0.0.1", None)])
def test_the_name_that_the_receiver_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, named: str | None
) -> None:
    """SNI: a name without the dot at its end, and no address (RFC 6066, 3)."""
    authority = Authority.make(tmp_path, "ca")
    told: list[str | None] = []
    context = server_context(authority.issue("receiver"))
    context.sni_callback = lambda _, name, __: told.append(name)

    async def scenario() -> None:
        async with await asyncio.start_server(lambda _, w: w.close(), "127.0.0.1", 0, ssl=context) as server:
            Names(monkeypatch, found(server.sockets[0].getsockname()))
            trusting = ssl.create_default_context(cafile=authority.file)
            if named is None:
                connection = await Connector(host, 443, trusting).connect(make)
                connection.close()
                await connection.lost
            else:  # the certificate is for the address
                with pytest.raises(TlsFailed, match="certificate is not accepted: Hostname mismatch"):
                    await Connector(host, 443, trusting).connect(make)
        assert told == [named]

    play(scenario())
