"""A message is counted under what its request asked for, whatever was answered."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.ledger import open_database, traffic, usage
from gateway.verify.xml_names import WSA
from tests.gateway.exchange.harness import REQUEST, SOAP, World, envelope, http, run, signed, world

GET, PUT = "{urn:orders}GetOrder", "{urn:orders}PutOrder"
SOAP_FAULT = f"<s:Fault xmlns:s='{SOAP['1.1']}'><faultcode>s:Server</faultcode><faultstring>no</faultstring></s:Fault>"
FAULT = f"{{{SOAP['1.1']}}}Fault"
ORDER = "{urn:orders}Order"


def request(operation: str, header: str = "") -> bytes:
    return envelope(f'<o:{operation} xmlns:o="urn:orders"/>', header=header)


def counted(it: World, count: Callable[..., Any]) -> set[tuple[str, str | None]]:
    """The cells that `count` finds."""
    engine = open_database(it.gateway.settings.gateway.database, create=False)
    try:
        return {(row.endpoint, row.operation) for row in count(engine)}
    finally:
        engine.dispose()


def test_two_operations_with_one_answer_are_two_cells(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as it:
            for operation, key in (("GetOrder", "new"), ("PutOrder", "old")):
                it.receiver.reply = http(signed(key))
                assert (await it.ask(body=request(operation))).status == 200
                record = it.last()
                assert (record.operation, record.response_element) == (f"{{urn:orders}}{operation}", ORDER)
            assert counted(it, traffic) == counted(it, usage) == {("orders", GET), ("orders", PUT)}

    run(scenario())


def test_a_signed_fault_belongs_to_what_was_asked_for(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as it:
            it.receiver.reply = http(signed())
            assert (await it.ask(body=request("GetOrder"))).status == 200
            it.receiver.reply = http(signed("old", SOAP_FAULT), "500 Internal Server Error")
            assert (await it.ask(body=request("GetOrder"))).status == 500
            record = it.last()
            assert (record.outcome, record.operation, record.response_element) == ("accepted", GET, FAULT)
            assert counted(it, traffic) == counted(it, usage) == {("orders", GET)}

    run(scenario())


CASES: dict[str, tuple[bytes, bytes, tuple[str, str | None, str | None]]] = {
    "unsigned fault": (
        request("GetOrder"),
        http(envelope(SOAP_FAULT), "500 Internal Server Error"),
        ("passed", GET, FAULT),
    ),
    "unknown key": (request("GetOrder"), http(signed("foreign")), ("rejected", GET, ORDER)),
    "no SOAP": (request("GetOrder"), http(b"<html/>"), ("rejected", GET, None)),
    "no XML": (request("GetOrder"), http(b"\x00"), ("rejected", GET, None)),
    "nothing": (request("GetOrder"), http(b"", "202 Accepted"), ("passed", GET, None)),
    "redirect": (request("GetOrder"), http(b"", "302 Found", Location="/"), ("failed", GET, None)),
    "no HTTP": (request("GetOrder"), b"what?\r\n\r\n", ("failed", GET, None)),
    # Requests that are parsed.
    "message id": (
        request("PutOrder", f"<a:MessageID xmlns:a='{WSA}'>urn:1</a:MessageID>"),
        http(signed()),
        ("accepted", PUT, ORDER),
    ),
    "comment": (request("PutOrder", "<!-- -->"), http(signed()), ("accepted", PUT, ORDER)),
    "large": (envelope(f"<!-- --><Big>{'y' * 200_000}</Big>"), http(signed()), ("accepted", "Big", ORDER)),
    "large, at a glance": (envelope(f"<Big>{'y' * 200_000}</Big>"), http(signed()), ("accepted", "Big", ORDER)),
    "breaks off": (request("GetOrder")[:-9], http(signed()), ("accepted", GET, ORDER)),
    # Requests that ask for nothing that can be read: the answer has to do.
    "empty Body": (envelope(""), http(signed()), ("accepted", ORDER, ORDER)),
    "DOCTYPE": (b"<!DOCTYPE a>" + REQUEST, http(signed()), ("accepted", ORDER, ORDER)),
    "no request": (b"{}", http(signed()), ("accepted", ORDER, ORDER)),
    "neither": (b"{}", http(b"{}"), ("rejected", None, None)),
    "neither, failed": (b"{}", b"what?\r\n\r\n", ("failed", None, None)),
}


@pytest.mark.parametrize("version", ["text/xml; charset=utf-8", "application/soap+xml"])
def test_whatever_becomes_of_it(tmp_path: Path, subtests: pytest.Subtests, version: str) -> None:
    async def scenario() -> None:
        async with world(tmp_path, 'unsigned_faults = "pass"') as it:
            for case, (body, reply, expected) in CASES.items():
                with subtests.test(case):
                    it.receiver.reply = reply
                    await it.ask(body=body, Content_Type=version)
                    record = it.last()
                    assert (record.outcome, record.operation, record.response_element) == expected
                    assert it.receiver.requests[-1].endswith(body), "the request leaves as it came"

    run(scenario())


def test_nobody_there_is_told_of_the_operation_too(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path, upstream="http://127.0.0.1:9/") as it:
            assert (await it.ask(body=request("GetOrder"))).status == 502
            record = it.last()
            assert (record.kind, record.outcome, record.operation) == ("error", "failed", GET)

    run(scenario())
