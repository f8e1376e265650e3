"""What counts as use of a key, and what does not: a receiver, a gateway as a process, and the commands.

Renamed and ended endpoints, restored databases, ends that were scheduled, and clocks that were set back are tried
likewise in `tests/gateway/service` (`test_renamed_endpoint`, `test_restored_database`, `test_due_ends`) and
`tests/gateway/ledger/test_clock`.
"""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from gateway.ledger import RecordFilter, find_signed_heads, records
from tests.databases import on_sqlite
from tests.gateway.cli.running import Run
from tests.gateway.exchange.harness import KEYS, http, signed
from tests.gateway.renewal.running_gateway import Stage, play, stage, stamped

pytestmark = on_sqlite
HOUR = timedelta(hours=1)
FAULT = "<s:Fault><faultcode>s:Server</faultcode><faultstring>no such order</faultstring></s:Fault>"
QUICK = 'switch_quiet_time = "0ms"\nswitch_smallest_share = 0.5\n'


def test_a_key_that_only_endorses_is_needed_where_every_signature_has_to_verify(
    tmp_path: Path, database_url: str, run: Run
) -> None:
    async def scenario() -> None:
        async with stage(tmp_path, database_url, run, ("old", "new", "staged")) as it:
            it.configure(
                orders='[endpoint.orders.policy]\nsignatures = "all"\n',
                invoices='[endpoint.invoices.policy]\nsignatures = "any"\n',
            )
            async with it.serving():
                for _ in range(2):
                    await it.ask(stamped("old", endorsing="new"))
                    await it.ask(stamped("old", endorsing="staged"), endpoint="invoices")
                    assert "orders: the last message that needed it came at" in await it.refused("new")
                    await asyncio.sleep(1.5)
                await it.ask(stamped("old"))
                # Where any signature is enough, a key that merely is there as well is needed by nobody.
                engine = it.engine
                found = records(engine, RecordFilter(key="staged"))
                engine.dispose()
                roles = {(str(one.entry.alias), one.needed) for each in found for one in each.record.signers or ()}
                assert (len(found), roles) == (2, {("old", True), ("staged", False)})
                await it.retired("staged")
                assert (await it.retire("new", "--force")).code == 0
                await asyncio.sleep(1)
                await it.ask(stamped("old", endorsing="staged"), endpoint="invoices")
                await it.ask(stamped("old", endorsing="new"), status=502)

    play(scenario())


def test_late_messages_are_uses_and_their_repetition_is_none(tmp_path: Path, database_url: str, run: Run) -> None:
    async def scenario() -> None:
        async with stage(tmp_path, database_url, run) as it:
            it.configure(orders='mode = "observe"\n')
            assert (await it.wssgate("keystore", "set", "new", "--replaces", "old")).code == 0
            async with it.serving():
                late = stamped("old", age=HOUR)
                await it.ask(late)
                code, orders = await it.cutover()
                (cell,) = orders["cells"]
                assert (code, cell["state"], cell["keys"][0]["rejected"]) == (1, "old-only", 1)
                signed_at, seen = (datetime.fromisoformat(cell[name]) for name in ("last_old_signed", "last_old"))
                assert timedelta(minutes=59) < seen - signed_at < timedelta(minutes=61), "both instants are told"
                await it.ask(stamped("new"))
                assert "the last message that needed it came at" in await it.refused()
                for _ in range(60):  # a stranger sends what he kept
                    await it.ask(late)
                    ran = await it.retire()
                    if ran.code == 0:
                        break
                    await asyncio.sleep(0.3)
                assert ran.code == 0, ran
                history = await it.wssgate("keystore", "history", "old", "--json")
                assert "wssgate.gate/1" in history.out, "a gate that opens leaves what it saw"

    play(scenario())


def test_one_message_with_the_new_key_after_many_with_the_old_switches_nothing(
    tmp_path: Path, database_url: str, run: Run
) -> None:
    async def scenario() -> None:
        async with stage(tmp_path, database_url, run) as it:
            it.configure(orders=f'server_field = "X-Backend"\n{QUICK}')
            assert (await it.wssgate("keystore", "set", "new", "--replaces", "old")).code == 0
            async with it.serving():
                for number in range(30):
                    await it.ask(signed("old"), X_Backend="ab"[number % 2])
                await it.ask(signed("new"), X_Backend="a")
                code, orders = await it.cutover()
                cells = {cell["server"]: cell for cell in orders["cells"]}
                assert (code, orders["switched"], cells["b"]["state"]) == (1, False, "old-only")
                assert (cells["a"]["messages_since"], cells["a"]["messages_needed"]) == (1, 16)
                for _ in range(16):
                    await it.ask(signed("new"), X_Backend="a")
                await it.ask(signed("old"), X_Backend="b")
                code, orders = await it.cutover()
                assert (code, orders["lagging_cells"]) == (1, [{"operation": "{urn:orders}GetOrder", "server": "b"}])
                for _ in range(16):
                    await it.ask(signed("new"), X_Backend="b")
                for _ in range(60):
                    ran = await it.wssgate("report", "cutover", "--check", "--json")
                    assert json.loads(ran.out)["endpoints"][0]["switched"] is True
                    if ran.code == 0:
                        break
                    # It was used a moment ago: the gateway may not have recorded all of it.
                    assert "a gateway has met messages that need old" in " ".join(ran.err.split())
                    await asyncio.sleep(0.5)
                assert ran.code == 0
                heads = list(find_signed_heads("\n".join(json.loads(ran.out)["heads"])))
                assert [head.holds for head in heads] == [True], "whoever reads the report can hold it against a ledger"
                assert await it.findings("--anchor", str(heads[0])) == []

    play(scenario())


def successor(folder: Path) -> Path:
    """A certificate over the new key that was issued years before that of the old one."""
    key = load_pem_private_key((KEYS / "new.key.pem").read_bytes(), None)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "receiver.example")])
    start = datetime(2019, 1, 1, tzinfo=UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 4711, start, start + timedelta(days=36500))  # type: ignore[arg-type]
    path = folder / "spare.pem"
    path.write_bytes(made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))  # type: ignore[arg-type]
    return path


def test_a_successor_that_was_issued_earlier_is_the_successor_all_the_same(
    tmp_path: Path, database_url: str, run: Run
) -> None:
    async def scenario() -> None:
        async with stage(tmp_path, database_url, run, ("old",)) as it:
            it.configure(orders=QUICK)
            added = await it.wssgate("keystore", "add", "spare", successor(tmp_path), "--replaces", "old")
            assert added.code == 0, added
            async with it.serving():
                for _ in range(17):
                    await it.ask(signed("old"))
                code, orders = await it.cutover()
                assert (code, orders["newest"]["alias"], orders["cells"][0]["state"]) == (1, "spare", "old-only")
                await asyncio.sleep(2.5)
                assert "it is declared to replace old, which is trusted there still" in await it.refused("spare")
                await asyncio.sleep(0.2)
                for _ in range(17):
                    await it.ask(signed("new"))
                code, orders = await it.cutover()
                assert (code, orders["switched"]) == (0, True), orders
                await it.retired("old")

    play(scenario())


def test_what_never_came_is_named_and_a_fault_belongs_to_what_was_asked(
    tmp_path: Path, database_url: str, run: Run
) -> None:
    async def scenario() -> None:
        async with stage(tmp_path, database_url, run) as it:
            it.configure(orders=f'{QUICK}operations = ["GetOrder", "ListOrders", "CloseMonth"]\n')
            assert (await it.wssgate("keystore", "set", "new", "--replaces", "old")).code == 0
            async with it.serving():
                await it.ask(http(signed("old", FAULT), "500 Internal Server Error"), status=500)
                for _ in range(17):
                    await it.ask(signed("new"))
                # The same response to another request.
                await it.ask(signed("old"), "ListOrders")
                code, orders = await it.cutover()
                assert (code, orders["never_seen"]) == (1, ["CloseMonth"])
                assert await it.states() == {"CloseMonth": "silent", "GetOrder": "switched", "ListOrders": "old-only"}
                assert "it is the key that carries" in await it.refused()
                await it.ask(signed("new"), "ListOrders")
                await it.retired()

    play(scenario())


async def entries(it: Stage) -> list[dict[str, Any]]:
    """The keystore, as it is listed."""
    listed: list[dict[str, Any]] = json.loads((await it.wssgate("keystore", "list", "--json")).out)["entries"]
    return listed


def test_who_was_seen_when_is_told_of_the_right_certificate(tmp_path: Path, database_url: str, run: Run) -> None:
    async def scenario() -> None:
        async with stage(tmp_path, database_url, run, ("old",)) as it:
            staged = await it.wssgate("keystore", "add", "new", KEYS / "new.pem", "--stage", "--replaces", "old")
            assert staged.code == 0, staged
            async with it.serving():
                await it.ask(signed("old"))
                await it.ask(signed("new"), status=502)
                assert (await it.wssgate("keystore", "trust", "new")).code == 0
                await asyncio.sleep(1)
                await it.ask(signed("new"))
                _, orders = await it.cutover()
                (cell,) = orders["cells"]
                first, accepted = (datetime.fromisoformat(cell[name]) for name in ("first_new_seen", "first_new"))
                assert accepted - first > timedelta(seconds=0.9), "switched when the receiver was, not when it was let"
                # The alias goes to another certificate, and the key gets a second one.
                assert (await it.wssgate("keystore", "set", "old", "--alias", "former")).code == 0
                assert (await it.wssgate("keystore", "add", "old", KEYS / "retired.pem")).code == 0
                assert (await it.wssgate("keystore", "add", "twin", KEYS / "renewed.pem")).code == 0
                seen = {entry["alias"]: entry["last_seen"] for entry in await entries(it)}
                assert (seen["old"], seen["twin"]) == (None, None)
                assert seen["former"] is not None
                # The twin keeps the key trusted: nothing ends with the first of the two, and all with the second.
                await it.retired("former")
                assert [entry["state"] for entry in await entries(it) if entry["alias"] == "twin"] == ["trusted"]

    play(scenario())


def test_a_scope_that_was_widened_and_trust_that_was_restored_wait_anew(
    tmp_path: Path, database_url: str, run: Run
) -> None:
    async def scenario() -> None:
        async with stage(tmp_path, database_url, run) as it:
            it.configure(orders="", invoices="")
            assert (
                await it.wssgate("keystore", "set", "old", "--endpoint", "orders", "--force", "--reason", "x")
            ).code == 0
            async with it.serving():
                await it.ask(signed("old"))
                await it.ask(signed("new"))
                await it.ask(signed("new"), endpoint="invoices")
                await asyncio.sleep(3)
                assert (await it.wssgate("keystore", "set", "old", "--all-endpoints")).code == 0
                sentences = await it.refused()
                assert "invoices: no message needed it since it was trusted at" in sentences
                assert (await it.retire("old", "--force")).code == 0
                assert (await it.wssgate("keystore", "restore", "old", "--reason", "too early")).code == 0
                sentences = await it.refused()
                assert "orders: no message needed it since it was trusted at" in sentences
                await it.ask(signed("new"))
                await it.ask(signed("new"), endpoint="invoices")
                await it.retired()

    play(scenario())
