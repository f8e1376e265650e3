"""Log lines: one a message, nothing that could fake another, no traceback."""

import json
import logging
from pathlib import Path

import pytest
import structlog

from gateway.config import LogFormat, LogLevel
from gateway.service.log_output import configure_logging
from tests.gateway.exchange.harness import SECRET, envelope, http, run, signed, world

CREDENTIALS = "dXNlcjpwYXNzd29yZA"
ASKED = "what-the-client-asks"


@pytest.mark.parametrize("log_format", list(LogFormat))
def test_injection_is_escaped(capsys: pytest.CaptureFixture[str], log_format: LogFormat) -> None:
    configure_logging(log_format, LogLevel.INFO)
    evil = "x\n2030-01-01 [info] accepted\r\x1b[31mred\x85\u2028\x00\u202e"
    structlog.get_logger("wssgate").warning("rejected", detail=evil, names=evil)
    logging.getLogger("uvicorn.error").warning("from a library %s", evil)
    written = capsys.readouterr().err
    assert len(written.splitlines()) == 2
    assert not set(written) & set("\r\x1b\x85\u2028\x00\u202e")


def test_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(LogFormat.JSON, LogLevel.INFO)
    structlog.get_logger("wssgate").info("accepted", endpoint="orders", keys="müller", long="y" * 5000)
    structlog.get_logger("wssgate").debug("not shown")
    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["level"], line["endpoint"], line["keys"]) == ("accepted", "info", "orders", "müller")
    assert len(line["long"]) == 1003


@pytest.mark.parametrize("log_format", list(LogFormat))
def test_no_traceback(capsys: pytest.CaptureFixture[str], log_format: LogFormat) -> None:
    configure_logging(log_format, LogLevel.INFO)
    try:
        int("quotes the message")
    except ValueError:
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application\n")
    written = capsys.readouterr().err
    assert "ValueError" in written
    assert "Traceback" not in written
    assert "quotes the message" not in written
    assert len(written.splitlines()) == 1


def test_neither_log_nor_ledger_holds_bodies_or_credentials(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(LogFormat.JSON, LogLevel.DEBUG)
    altered = signed().replace(SECRET.encode(), SECRET[::-1].encode())
    outcomes = []

    async def scenario() -> None:
        async with world(tmp_path) as it:
            for reply in (
                http(signed(), Set_Cookie=f"a={CREDENTIALS}"),
                http(altered),
                http(b"<a>" + signed()),
                http(envelope(f"<Order>{SECRET}</Order>")),
                b"",
            ):
                it.receiver.reply = reply
                body = envelope(f"<GetOrder>{ASKED}</GetOrder>")
                await it.ask(body=body, Authorization=f"Basic {CREDENTIALS}", Cookie=f"session={CREDENTIALS}")
                outcomes.append((it.last().outcome, it.last().reason))
            stored = b"".join(file.read_bytes() for file in tmp_path.glob("wssgate.db*"))
            assert it.last().id.encode() in stored, "the record is looked for where it is"
            for text in (SECRET, SECRET[::-1], CREDENTIALS, ASKED):
                assert text.encode() not in stored

    run(scenario())
    assert [outcome for outcome, _ in outcomes] == ["accepted", "rejected", "rejected", "rejected", "failed"]
    assert [reason for _, reason in outcomes] == [None, "digest-mismatch", "malformed", "unsigned", None]
    written = capsys.readouterr().err
    assert '"event": "accepted, first since the start"' in written
    for text in (SECRET, SECRET[::-1], CREDENTIALS, ASKED):
        assert text not in written
