"""The whole gateway under load, killed with `kill -9` at random moments, and what must be true afterwards.

`python -m tests.gateway.service.workers.crashing ROUNDS` plays it and prints what it found.
"""

import asyncio
import hashlib
import itertools
import os
import random
import signal
import socket
import sys
import tempfile
from asyncio.subprocess import DEVNULL, Process
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
from sqlalchemy import select

from gateway.ledger import ChainState, open_database, verify_chain
from gateway.ledger.database.connections import reading
from gateway.ledger.database.ledger_tables import messages
from tests.gateway.exchange.harness import REQUEST, Receiver, http, run, signed_with_timestamp
from tests.gateway.ledger.counting import counted_from_rows, stored_rollups
from tests.gateway.service.workers.crew import HEADERS, lives, until, write

CLIENTS = 6
REPEATED = 5
"""Every so many answers the receiver sends the one before again, as an attacker would."""


@dataclass
class Found:
    """What the client got, and what the ledger says about it."""

    delivered: dict[str, str] = field(default_factory=dict)
    """Digest of the body by record id, of every response that was delivered."""
    statuses: Counter[int] = field(default_factory=Counter)
    broken: int = 0
    """Requests that ended without a whole response."""
    kills: int = 0
    records: int = 0
    chains: int = 0


async def crash(folder: Path, rounds: int, seed: int) -> Found:
    """Play `rounds` rounds, then hold what the client got against the ledger."""
    found = Found()
    chance = random.Random(seed)  # noqa: S311 - moments to kill at, which a seed must bring back
    numbers = itertools.count()
    before = b""

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal before
        number = next(numbers)
        if number % REPEATED != 0 or not before:
            before = signed_with_timestamp(text=f"order {number}")
        writer.write(http(before))
        await writer.drain()

    server = await asyncio.start_server(Receiver(answer).serve, "127.0.0.1", 0)
    config = folder / "gateway.toml"
    listen, admin = _address(chance), _address(chance)
    write(config, server.sockets[0].getsockname()[1], 'workers = 2\nlog_level = "error"')
    config.write_text(
        config.read_text().replace(
            'listen = "127.0.0.1:0"\nadmin = "127.0.0.1:0"', f'listen = "{listen}"\nadmin = "{admin}"'
        )
    )
    stop = asyncio.Event()
    async with server, aiohttp.ClientSession() as session:
        clients = [asyncio.create_task(_load(session, f"http://{listen}/orders", found, stop)) for _ in range(CLIENTS)]
        process = await _start(config)
        try:
            for number in range(rounds):
                pids = await _ready(session, admin, process, config)
                await asyncio.sleep(chance.uniform(0.05, 0.8))
                if number % 3 == 2:
                    # All at once: the machine has lost its power, as far as these processes can tell.
                    for pid in (process.pid, *pids):
                        _kill(pid)
                    await process.wait()
                    await until(partial(_have_ended, pids))
                    process = await _start(config)
                else:
                    _kill(chance.choice(pids))
                found.kills += 1
            await _ready(session, admin, process, config)
            await asyncio.sleep(0.3)
            stop.set()
            await asyncio.gather(*clients)
            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), 30) == 0
        finally:
            stop.set()
            if process.returncode is None:
                process.kill()
                await process.wait()
            await asyncio.gather(*clients)
    await asyncio.to_thread(_examine, folder, found)
    return found


def _examine(folder: Path, found: Found) -> None:
    engine = open_database(f"sqlite:///{folder / 'wssgate.db'}", create=False)
    try:
        with reading(engine) as connection:
            rows = {row.id: row for row in connection.execute(select(messages))}
        accepted = Counter(row.body_sha256 for row in rows.values() if row.outcome == "accepted")
        assert set(accepted.values()) <= {1}, "a message that was repeated counts once"
        for record_id, digest in found.delivered.items():
            row = rows[record_id]
            assert (row.outcome, row.released, row.body_sha256) == ("accepted", True, digest)
            assert accepted[digest] == 1, "one record for each response, by digest as by id"
        assert len(set(found.delivered.values())) == len(found.delivered)
        reports = verify_chain(engine)
        assert {report.state for report in reports} == {ChainState.INTACT}
        assert sum(report.rows for report in reports) == len(rows)
        assert stored_rollups(engine) == counted_from_rows(engine)
        found.records, found.chains = len(rows), len(reports)
    finally:
        engine.dispose()


async def _load(session: aiohttp.ClientSession, url: str, found: Found, stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            async with session.post(url, data=REQUEST, headers=HEADERS, timeout=aiohttp.ClientTimeout(20)) as response:
                body = await response.read()
        except (aiohttp.ClientError, TimeoutError):
            found.broken += 1
            await asyncio.sleep(0.02)
            continue
        found.statuses[response.status] += 1
        if response.status == 200:
            record_id = response.headers["WSSGate-Record"]
            assert record_id not in found.delivered
            found.delivered[record_id] = hashlib.sha256(body).hexdigest()


async def _start(config: Path) -> Process:
    command = (sys.executable, "-m", "gateway.cli", "serve", "--config", str(config))
    with _log(config).open("ab") as log:
        return await asyncio.create_subprocess_exec(*command, stdin=DEVNULL, stdout=DEVNULL, stderr=log)


def _log(config: Path) -> Path:
    return config.with_name("gateway.log")


def _address(chance: random.Random) -> str:
    """A free address outside the range from which the system gives clients their ports.

    While nobody listens a client that tries to connect may be given the very port that it wants to reach, and meet
    itself: the gateway could not listen there again.
    """
    for port in chance.sample(range(20_000, 30_000), 100):
        with socket.socket() as trial:
            try:
                trial.bind(("127.0.0.1", port))
            except OSError:
                continue
            return f"127.0.0.1:{port}"
    raise AssertionError("no free port found")


async def _ready(session: aiohttp.ClientSession, admin: str, process: Process, config: Path) -> list[int]:
    """Wait until both workers serve; their process ids."""
    workers: list[dict[str, Any]] = []

    async def both() -> bool:
        nonlocal workers
        assert process.returncode is None, _log(config).read_text()[-2000:]
        with suppress(aiohttp.ClientError):
            async with session.get(f"http://{admin}/readyz") as response:
                workers = (await response.json())["workers"]
        return [worker["state"] for worker in workers] == ["serving"] * 2

    await until(both, 60)
    return [int(worker["pid"]) for worker in workers]


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _have_ended(pids: list[int]) -> bool:
    return not any(lives(pid) for pid in pids)


def _lines(found: Found) -> Iterator[str]:
    yield f"{found.kills} times kill -9; {found.broken} requests ended without a response"
    yield f"answers by status: {dict(sorted(found.statuses.items()))}"
    yield f"{len(found.delivered)} responses delivered, each with exactly one of {found.records} records"
    yield f"{found.chains} chains intact; roll-ups equal the records; no repeated message counted twice"


def main() -> None:
    """Play as many rounds as the command line says."""
    rounds, seed = int(sys.argv[1]), random.SystemRandom().randrange(2**32)
    print(f"{rounds} rounds, seed {seed}", flush=True)

    async def scenario() -> None:
        with tempfile.TemporaryDirectory(prefix="wssgate-crash-") as folder:
            for line in _lines(await crash(Path(folder), rounds, seed)):
                print(line)

    run(scenario(), 60 + 30 * rounds)


if __name__ == "__main__":
    main()
