"""Whether a receiver can be reached: by the traffic, and by connections where there is none; through real sockets."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.exchange import Generation, Reachability
from gateway.exchange import reachability as module
from gateway.exchange.reachability import DOUBT_SECONDS, KNOWN_SECONDS, SILENCE_SECONDS
from gateway.wire import Unreachable, Unsendable
from gateway.wire.outbound.connecting import Connector
from tests.gateway.exchange.harness import Reply, World, envelope, http, run, signed, world

START = datetime(2026, 3, 1, tzinfo=UTC)
IMPATIENT = 'upstream_timeout = "1s"'


class Time:
    """Both clocks, moved by hand."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.serving = True

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)


@asynccontextmanager
async def watching(folder: Path, endpoint: str = IMPATIENT) -> AsyncIterator[tuple[World, Reachability, Time]]:
    """A gateway that knows its receivers by clocks that are moved by hand."""
    time = Time()

    def made(generation: Callable[[], Generation], *_: object) -> Reachability:
        return Reachability(generation, time.now, lambda: time.serving, monotonic=lambda: time.seconds)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("gateway.service.gateway.Reachability", made)
        async with world(folder, endpoint) as it:
            yield it, it.gateway.reachability, time


def state(reachability: Reachability, endpoint: str = "orders") -> tuple[bool | None, float | None]:
    """Whether the receiver can be reached, and since which second."""
    found = reachability.states()[endpoint]
    return found.reachable, None if found.since is None else (found.since - START).total_seconds()


async def _hang(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    await asyncio.sleep(30)


async def _break_off(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


def test_of_what_was_never_heard_nothing_is_known(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with watching(tmp_path) as (_, reachability, time):
            assert state(reachability) == (None, None)
            assert reachability.states()["orders"].serving
            time.serving = False
            assert not reachability.states()["orders"].serving

    run(scenario())


ANSWERS: dict[str, tuple[bytes | Reply, bool]] = {
    "accepted": (http(signed()), True),
    "rejected": (http(signed("foreign")), True),
    "empty": (http(b"", "202 Accepted"), True),
    "a fault": (http(envelope("<Fault/>"), "500 Internal Server Error"), True),
    "bad gateway": (http(b"<html>", "502 Bad Gateway"), False),
    "unavailable": (http(envelope("<Fault/>"), "503 Service Unavailable"), False),
    "gateway timeout": (http(b"", "504 Gateway Timeout"), False),
    "by an unknown key": (http(signed("foreign"), "503 Service Unavailable"), False),
    "signed all the same": (http(signed(), "503 Service Unavailable"), True),
    "broken off": (_break_off, False),
    "no HTTP": (b"what?\r\n\r\n", False),
    "hanging": (_hang, False),
}


def test_the_latest_word_of_the_traffic_counts(tmp_path: Path, subtests: pytest.Subtests) -> None:
    async def scenario() -> None:
        async with watching(tmp_path) as (it, reachability, time):
            for case, (reply, reachable) in ANSWERS.items():
                with subtests.test(case):
                    # Before it the contrary was so.
                    time.seconds += 1
                    it.receiver.reply = http(b"", "503 No") if reachable else http(signed())
                    await it.ask()
                    assert state(reachability)[0] is not reachable
                    time.seconds += 1
                    it.receiver.reply = reply
                    await it.ask()
                    since = time.seconds
                    assert state(reachability) == (reachable, since)
                    time.seconds += 1
                    await it.ask()
                    assert state(reachability) == (reachable, since), "since the first of them"

    run(scenario(), 60)


def test_retrieval_tells_as_well(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with watching(tmp_path) as (it, reachability, _):
            it.receiver.reply = http(b"<html>", "503 No")
            await it.ask("GET", "/orders?wsdl")
            assert state(reachability) == (False, 0)
            it.receiver.reply = http(b"<html>", "404 No")
            await it.ask("GET", "/orders?wsdl")
            assert state(reachability) == (True, 0)
            it.receiver.reply = b"what?\r\n\r\n"
            await it.ask("GET", "/orders?wsdl")
            assert state(reachability) == (False, 0)

    run(scenario())


def test_a_request_that_cannot_be_sent_says_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with watching(tmp_path) as (it, reachability, _):
            endpoint = it.gateway.settings.endpoints["orders"]
            reachability.failed(endpoint, Unsendable("no octet"))
            assert state(reachability) == (None, None)

    run(scenario())


def test_without_traffic_a_connection_is_made_and_nothing_sent(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with watching(tmp_path) as (it, reachability, time):
            began = asyncio.Event()
            heard: list[bytes] = []

            async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                heard.append(await reader.read())
                writer.close()
                began.set()

            it.receiver.serve = listen  # type: ignore[method-assign]
            server = await asyncio.start_server(listen, "127.0.0.1", 0)
            async with server:
                port = server.sockets[0].getsockname()[1]
                it.config.write_text(it.config.read_text().replace(f":{it.receiver.port}/", f":{port}/"))
                await it.gateway.reload()
                await reachability.look()
                await asyncio.wait_for(began.wait(), 30)
            assert heard == [b""]
            assert state(reachability) == (True, 0)
            time.seconds = KNOWN_SECONDS + 1
            assert state(reachability) == (None, None), "nobody looked any more"

    run(scenario())


def test_where_something_was_heard_nobody_looks(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with watching(tmp_path) as (it, reachability, time):
            it.receiver.reply = http(b"", "503 No")
            await it.ask()
            time.seconds = SILENCE_SECONDS - 1
            await reachability.look()
            assert state(reachability) == (False, 0)

    run(scenario())


def test_refusing_and_back_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with watching(tmp_path) as (it, reachability, time):
            with socket.socket() as held:
                held.bind(("127.0.0.1", 0))  # nobody listens
                port = held.getsockname()[1]
                it.config.write_text(it.config.read_text().replace(f":{it.receiver.port}/", f":{port}/"))
                await it.gateway.reload()
                await reachability.look()
                assert state(reachability) == (False, 0)
                assert (await it.ask()).status == 502
                for _ in range(3):
                    time.seconds += 30
                    await reachability.look()
                    assert state(reachability) == (False, 0)
                held.listen()
                time.seconds += 30
                await reachability.look()
                assert state(reachability) == (True, 120)
                time.seconds += 30
                await reachability.look()
                assert state(reachability) == (True, 120)
            time.seconds += 30
            await reachability.look()
            assert state(reachability) == (False, 180)

    run(scenario())


def test_one_that_hangs_is_not_back_because_it_can_be_connected_to(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with watching(tmp_path) as (it, reachability, time):
            it.receiver.reply = _hang
            assert (await it.ask()).status == 504
            while time.seconds + 30 < DOUBT_SECONDS:
                time.seconds += 30
                await reachability.look()
                assert state(reachability) == (False, 0)
            it.receiver.reply = http(signed())
            assert (await it.ask()).status == 200
            assert state(reachability) == (True, time.seconds), "an answer says so at once"
            it.receiver.reply = http(b"", "503 No")
            await it.ask()
            since = time.seconds
            time.seconds += DOUBT_SECONDS
            await reachability.look()
            assert state(reachability) == (True, since + DOUBT_SECONDS), (
                "without any traffic nobody could tell for ever"
            )

    run(scenario())


def test_a_connection_that_takes_too_long_is_given_up_and_made_once_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PROBE_SECONDS", 0.3)

    async def scenario() -> None:
        async with watching(tmp_path) as (_, reachability, _):
            under_way: list[None] = []

            async def connect(_: Connector) -> None:
                under_way.append(None)
                await asyncio.sleep(30)

            monkeypatch.setattr(Connector, "try_out", connect)
            loop = asyncio.get_running_loop()
            began = loop.time()
            first = asyncio.create_task(reachability.look())
            await asyncio.sleep(0.05)
            await reachability.look()
            assert loop.time() - began < 0.25, "the second does not try the same once more"
            await first
            assert loop.time() - began < 5
            assert len(under_way) == 1
            assert state(reachability) == (False, 0)

    run(scenario())


@pytest.mark.parametrize("reachable", [True, False])
def test_the_traffic_has_the_last_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reachable: bool) -> None:
    async def scenario() -> None:
        async with watching(tmp_path) as (it, reachability, time):

            async def connect(_: Connector) -> None:
                time.seconds += 1
                it.receiver.reply = http(signed()) if reachable else http(b"", "503 No")
                await it.ask()
                if reachable:
                    raise Unreachable("nobody listens")

            with monkeypatch.context() as patched:
                patched.setattr(Connector, "try_out", connect)
                await reachability.look()
            assert state(reachability) == (reachable, 1)

    run(scenario())


def test_with_the_probe_off_silence_is_not_known(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with watching(tmp_path, 'reachability_probe = "off"') as (it, reachability, time):
            await reachability.look()
            assert state(reachability) == (None, None)
            it.receiver.reply = http(signed())
            await it.ask()
            time.seconds = KNOWN_SECONDS
            await reachability.look()
            assert state(reachability) == (True, 0)
            time.seconds = KNOWN_SECONDS + 1
            await reachability.look()
            assert state(reachability) == (None, None)
            await it.ask()
            assert state(reachability) == (True, KNOWN_SECONDS + 1), "what lies between is not known"

    run(scenario())


def test_endpoints_come_and_go(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with watching(tmp_path) as (it, reachability, time):
            text = it.config.read_text()
            old = it.gateway.settings.endpoints["orders"]
            it.receiver.reply = http(signed())
            await it.ask()
            time.seconds = 1
            it.config.write_text(text.replace("[endpoint.orders]", '[endpoint.orders]\nretention = "91d"'))
            await it.gateway.reload()
            assert state(reachability) == (True, 0), "the receiver is the same"
            it.config.write_text(f'{text}[endpoint.more]\npath = "/more"\nupstream = "http://127.0.0.1:9/"\n')
            await it.gateway.reload()
            assert state(reachability) == (True, 0)
            assert state(reachability, "more") == (None, None)
            await reachability.look()
            assert state(reachability, "more") == (False, 1)
            it.config.write_text(text.replace("/ws", "/elsewhere"))
            await it.gateway.reload()
            assert set(reachability.states()) == {"orders"}
            assert state(reachability) == (None, None), "of another receiver nothing was heard"
            reachability.heard(old, 200, signed=True)
            assert state(reachability) == (None, None), "an exchange that began before tells of the former one"
            await reachability.look()
            assert state(reachability) == (True, 1)
            reachability.heard(old, 503, signed=False)
            assert state(reachability) == (True, 1)
            it.config.write_text(f'{text}[endpoint.more]\npath = "/more"\nupstream = "http://127.0.0.1:9/"\n')
            await reachability.look()
            await it.gateway.reload()
            assert state(reachability, "more") == (None, None), "what was heard before it went is forgotten"

    run(scenario())


def test_a_receiver_that_goes_while_it_is_tried_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        async with watching(tmp_path) as (it, reachability, _):

            async def connect(_: Connector) -> None:
                await it.gateway.reload()

            monkeypatch.setattr(Connector, "try_out", connect)
            await reachability.look()
            assert state(reachability) == (None, None)

    run(scenario())


def test_a_name_that_does_not_exist_is_not_reachable(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with watching(tmp_path) as (it, reachability, _):
            text = it.config.read_text().replace(f"127.0.0.1:{it.receiver.port}", "nowhere.invalid")
            it.config.write_text(text)
            await it.gateway.reload()
            await reachability.look()
            assert state(reachability) == (False, 0)

    run(scenario())


def test_the_gateway_knows_by_itself(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as it:
            assert state(it.gateway.reachability)[0] is None
            it.receiver.reply = http(signed())
            await it.ask()
            found = it.gateway.reachability.states()["orders"]
            assert (found.serving, found.reachable) == (True, True)
            assert found.since is not None
            assert abs(datetime.now(UTC) - found.since) < timedelta(seconds=20)

    run(scenario())
