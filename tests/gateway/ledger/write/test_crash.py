"""What the ledger promises when the machine does not keep its promises: real processes, really killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine, select

from gateway.ledger import ChainState, Event, SigningKey, is_signed_by, verify_chain
from gateway.ledger.database.connections import reading
from gateway.ledger.database.ledger_tables import chains, events, messages
from gateway.ledger.proof.chain import Link
from gateway.ledger.proof.signed_heads import Head
from gateway.ledger.uses import Uses, count_row
from keystore import CHAIN_START
from tests.gateway.ledger.counting import counted_from_rows, stored_rollups

_ROOT = Path(__file__).parents[3]


def _writing(url: str, start: int, count: int) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "tests.gateway.ledger.load", url, str(start), str(count)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=_ROOT,
    )


def _stored(engine: Engine) -> set[str]:
    with reading(engine) as connection:
        return set(connection.execute(select(messages.c.id)).scalars())


def test_a_process_that_is_killed_loses_no_acknowledged_record(engine: Engine, url: str) -> None:
    acknowledged: set[str] = set()
    for attempt, kill_after in enumerate((1, 700, 1800)):
        process = _writing(url, attempt * 9000, 9000)
        assert process.stdout is not None
        with process.stdout as lines:
            for number, line in enumerate(lines, 1):
                # A line that the kill cut short is no acknowledgement that anyone could have read.
                if line.endswith("\n"):
                    acknowledged.add(line.strip())
                if number == kill_after:
                    os.kill(process.pid, signal.SIGKILL)
        assert process.wait(20) == -signal.SIGKILL
    assert len(acknowledged) >= 2501
    assert acknowledged <= _stored(engine)
    assert stored_rollups(engine) == counted_from_rows(engine)
    reports = verify_chain(engine)
    assert {report.state for report in reports} == {ChainState.INTACT}
    assert sum(report.rows for report in reports) == len(_stored(engine)) < 27_000
    _look_at_events(engine)


def _look_at_events(engine: Engine) -> None:
    """What the killed processes told hangs together, up to ends that are signed, and with the records since the last
    heartbeat it counts every use.
    """
    with reading(engine) as connection:
        heads = connection.execute(select(chains)).all()
        told = connection.execute(select(events).order_by(events.c.writer, events.c.number)).mappings().all()
        written = connection.execute(select(messages).order_by(messages.c.sequence)).mappings().all()
    assert len(heads) == 3
    public = SigningKey.of(Ed25519PrivateKey.from_private_bytes(bytes(32))).public
    for row in heads:
        link = Link(row.writer, row.sequence, row.hash)
        text = Head(link, row.event_number, row.event_hash, row.time).text
        assert is_signed_by(public, text, row.signature)
        mine = [Event.of_row(event) for event in told if event["writer"] == row.writer]
        assert [event.kind for event in mine[:2]] == ["started", "configuration"]
        assert [event.number for event in mine] == list(range(1, row.event_number + 1))
        assert [event.previous_hash for event in mine] == [CHAIN_START, *(event.hash for event in mine[:-1])]
        assert mine[-1].hash == row.event_hash
        beats = [event for event in mine if event.kind == "heartbeat"]
        counted, recomputed = Uses(), Uses()
        for beat in beats:
            counted.merge(Uses.of_rows(beat.content["uses"]))
        for record in (record for record in written if record["writer"] == row.writer):
            count_row(recomputed, record, record["operation"])
            if record["sequence"] > (beats[-1].records if beats else 0):
                count_row(counted, record, record["operation"])
        assert counted.counts == recomputed.counts
    assert sum(event["kind"] == "heartbeat" for event in told) >= 4


def test_two_processes_write_into_one_database_at_once(engine: Engine, url: str) -> None:
    processes = [_writing(url, start, 1500) for start in (0, 10_000)]
    acknowledged = [set(process.communicate(timeout=30)[0].split()) for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert [len(ids) for ids in acknowledged] == [1500, 1500]
    assert _stored(engine) == acknowledged[0] | acknowledged[1]
    assert stored_rollups(engine) == counted_from_rows(engine)
    assert [(report.state, report.rows) for report in verify_chain(engine)] == [(ChainState.INTACT, 1500)] * 2
