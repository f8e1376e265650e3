"""An endpoint that blocked a retirement and was renamed, or has ended: real gateways, real commands, both databases."""

import asyncio
import json
import signal
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.ledger import Role, open_database
from gateway.renewal import measure
from tests.gateway.cli.running import Ran
from tests.gateway.exchange.harness import REQUEST, Receiver, http, signed
from tests.gateway.service.test_restored_database import config, gateway, run, wssgate

__all__ = ["config"]  # a fixture


def serve(config: Path, database_url: str, port: int, name: str) -> None:
    """Configure the one endpoint under another name."""
    config.write_text(
        f'[gateway]\nlisten = "127.0.0.1:0"\nadmin = "127.0.0.1:0"\nlog_format = "json"\ndatabase = "{database_url}"\n'
        f'[endpoint.{name}]\npath = "/ws"\nupstream = "http://127.0.0.1:{port}/ws"\nguaranteed_delivery_time = "2s"\n'
    )


async def ask(running: Any) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{running.said[-1]['listen']}/ws", data=REQUEST, headers={"Content-Type": "text/xml"}) as answer,
    ):
        assert answer.status == 200, await answer.text()


async def retire(config: Path) -> Ran:
    return await wssgate("keystore", "retire", "old", "--reason", "switched", "--config", config, "--json")


async def patiently(config: Path) -> Ran:
    """Retire once the delivery time has been watched."""
    for _ in range(30):
        ran = await retire(config)
        if ran.code == 0:
            return ran
        await asyncio.sleep(0.5)
    return ran


@pytest.mark.parametrize("closing", ["rename", "end"])
def test_an_endpoint_that_is_gone_blocks_until_somebody_says_what_became_of_it(
    config: Path, database_url: str, closing: str
) -> None:
    async def scenario() -> None:
        receiver = Receiver(http(signed("old")))
        server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server:
            serve(config, database_url, port, "purchase")
            async with gateway(config) as running:
                await ask(running)
                mine = ("--reason", "the datacentre moved", "--who", "eva", "--config", config)
                alive = await wssgate("endpoint", "end", "purchase", *mine)
                assert (alive.code, "purchase is still configured" in alive.err) == (1, True)
                serve(config, database_url, port, "orders")
                alive = await wssgate("endpoint", "end", "purchase", *mine)
                assert (alive.code, "purchase is served now by" in alive.err) == (1, True), alive.err
                await running.end(signal.SIGTERM)
            receiver.reply = http(signed("new"))
            async with gateway(config) as running:
                await ask(running)
                await asyncio.sleep(3)
                refused = await retire(config)
                assert refused.code == 1, refused
                asked_for = {blocker["endpoint"] for blocker in json.loads(refused.out)["blockers"]}
                assert "purchase" in asked_for, "nobody configures it any more, and it counts all the same"
                if closing == "rename":
                    told = await wssgate("endpoint", "rename", "purchase", "orders", *mine)
                else:
                    told = await wssgate("endpoint", "end", "purchase", *mine)
                assert (told.code, told.err) == (0, "")
                uses = used(database_url)
                assert bool(uses) == (closing == "rename"), "what the old key signed counts under the new name"
                ran = await patiently(config)
                assert (ran.code, ran.err) == (0, ""), ran
                found = json.loads((await wssgate("endpoint", "list", "--config", config, "--json")).out)
                (purchase,) = (one for one in found["endpoints"] if one["name"] == "purchase")
                assert purchase["closing"]["who"] == "eva"
                (orders,) = (one for one in found["endpoints"] if one["name"] == "orders")
                assert (orders["reachable"], len(orders["served_now_by"])) == (True, 1)
                await running.end(signal.SIGTERM)

    run(scenario())


def used(url: str) -> list[Role]:
    """What the old key did at `orders`."""
    engine = open_database(url)
    try:
        evidence = measure(engine)
        return [
            use.role for use in evidence.uses if use.alias == "old" and use in evidence.uses_of(use.key_id, "orders")
        ]
    finally:
        engine.dispose()
