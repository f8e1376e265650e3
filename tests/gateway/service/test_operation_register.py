"""What a WSDL announces, or a configuration names, is expected from then on."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from gateway.ledger import expected_operations, open_database, remember_expected
from gateway.service import operation_register
from tests.gateway.exchange.harness import World, http, run, world
from tests.gateway.exchange.wsdl.test_retrieval import ZEEP_WSDL

GET = "{urn:orders}Get"


def _expected(it: World) -> Mapping[str, tuple[str, ...]]:
    engine = open_database(it.gateway.settings.gateway.database, create=False)
    try:
        return expected_operations(engine)
    finally:
        engine.dispose()


async def _becomes(it: World, expected: Mapping[str, tuple[str, ...]]) -> None:
    async with asyncio.timeout(10):
        while _expected(it) != expected:
            await asyncio.sleep(0.02)


async def _retrieve(it: World, document: str = ZEEP_WSDL) -> int:
    it.receiver.reply = http(document.encode())
    return (await it.ask("GET", "/orders?wsdl")).status


def test_a_wsdl_that_passes_announces_its_operations(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as it:
            assert await _retrieve(it) == 200
            await _becomes(it, {"orders": (GET,)})
            assert await _retrieve(it, ZEEP_WSDL.replace('"Get"', '"Put"').replace("t:Get", "t:Put")) == 200
            await _becomes(it, {"orders": (GET, "{urn:orders}Put")})

    run(scenario())


def test_one_that_is_refused_announces_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as it:
            elsewhere = '<import namespace="urn:b" location="http://elsewhere.example/"/></definitions>'
            assert await _retrieve(it, ZEEP_WSDL.replace("</definitions>", elsewhere)) == 502
            it.receiver.reply = http(ZEEP_WSDL.encode(), "404 Not Found")
            assert (await it.ask("GET", "/orders?wsdl")).status == 502
        assert _expected(it) == {}

    run(scenario())


def test_a_configuration_has_the_last_word(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path, 'operations = ["Quote", "{urn:orders}Put"]') as it:
            await _becomes(it, {"orders": ("Quote", "{urn:orders}Put")})
            assert await _retrieve(it) == 200
            named = it.config.read_text()
            it.config.write_text(named.replace('["Quote", ', '["Cancel", '))
            await it.gateway.reload()
            await _becomes(it, {"orders": ("Cancel", "{urn:orders}Put")})
            it.config.write_text(named.replace("operations =", "# operations ="))
            await it.gateway.reload()
            assert await _retrieve(it) == 200
            await _becomes(it, {"orders": ("Cancel", GET, "{urn:orders}Put")})
            it.config.write_text(named.replace('["Quote", "{urn:orders}Put"]', "[]"))
            await it.gateway.reload()
            await _becomes(it, {})
            it.config.write_text(named.replace("operations =", "# operations ="))
            await it.gateway.reload()
            assert await _retrieve(it) == 200
            await _becomes(it, {"orders": (GET,)})

    run(scenario())


def test_with_a_configuration_a_wsdl_announces_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path, 'operations = ["Quote"]') as it:
            await _becomes(it, {"orders": ("Quote",)})
            assert await _retrieve(it) == 200
        assert _expected(it) == {"orders": ("Quote",)}, "the end waits for what is to be written"

    run(scenario())


def test_what_was_announced_a_moment_ago_is_not_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[tuple[str, set[str]]] = []
    genuine = remember_expected

    def remember(engine: Any, endpoint: str, operations: Any, at: Any, **more: Any) -> int:
        written.append((endpoint, set(operations)))
        return genuine(engine, endpoint, operations, at, **more)

    monkeypatch.setattr(operation_register, "remember_expected", remember)

    async def scenario() -> None:
        async with world(tmp_path) as it:
            for _ in range(3):
                await _retrieve(it)
                await _becomes(it, {"orders": (GET,)})
            assert written == [("orders", {GET})]
            monkeypatch.setattr(operation_register, "AGAIN_SECONDS", 0.0)
            await _retrieve(it)
        assert written == [("orders", {GET})] * 2, "the end waits for what is to be written"

    run(scenario())


def test_a_database_that_cannot_be_written_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: Any, **__: Any) -> int:
        raise OperationalError("INSERT", None, Exception("disk full"))

    monkeypatch.setattr(operation_register, "remember_expected", refuse)

    async def scenario() -> None:
        async with world(tmp_path) as it:
            assert await _retrieve(it) == 200
            async with asyncio.timeout(10):
                while "expected operations could not be written down" not in caplog.text:
                    await asyncio.sleep(0.02)
            monkeypatch.undo()
            assert await _retrieve(it) == 200
            await _becomes(it, {"orders": (GET,)})

    run(scenario())


def test_what_is_configured_is_written_once_the_database_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: Any, **__: Any) -> int:
        raise OperationalError("INSERT", None, Exception("disk full"))

    monkeypatch.setattr(operation_register, "remember_expected", refuse)

    async def scenario() -> None:
        async with world(tmp_path, 'operations = ["Quote"]') as it:
            async with asyncio.timeout(10):
                while "expected operations could not be written down" not in caplog.text:
                    await asyncio.sleep(0.02)
            monkeypatch.undo()
            it.config.write_text(it.config.read_text().replace("operations =", "# operations ="))
            await it.gateway.reload()
            assert await _retrieve(it) == 200
            await _becomes(it, {"orders": ("Quote", GET)})

    run(scenario())


def test_too_many_are_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("gateway.ledger.write.expected_operations.MOST_EXPECTED", 0)

    async def scenario() -> None:
        async with world(tmp_path) as it:
            assert await _retrieve(it) == 200
        assert "more operations are announced than are remembered" in caplog.text

    run(scenario())
