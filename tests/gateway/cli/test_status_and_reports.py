"""`wssgate status` and `wssgate report` over a ledger with records in it."""

import csv
import io
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from gateway.ledger import (
    KEPT_MICROSECONDS,
    KeptUses,
    LedgerWriter,
    MessageRecord,
    RecordFilter,
    new_record_id,
    open_database,
    recent_signed_heads,
    records,
    remember_expected,
)
from gateway.verify import ADVICE, Policy, Reason, verify
from gateway.vocabulary import MessageKind, Mode, RecordedOutcome
from keystore import TrustedCertificate, TrustSnapshot
from tests.gateway.cli.running import Run

EVIL_OPERATION = "{urn:acme:orders}[red]\x1b[2JOrder\u202e"


@pytest.fixture
def recorded(run: Run, workplace: Path, signed_files: Path) -> Path:
    """Both certificates trusted; two messages by the old key, one by the new, one altered, one with an evil name."""
    for alias, name in (("acme-2024", "old"), ("acme-2026", "new")):
        assert run("keystore", "add", alias, signed_files / f"{name}.pem", "-e", "orders").code == 0
    trust = TrustSnapshot.of(
        TrustedCertificate.from_pem("acme-2024", (signed_files / "old.pem").read_bytes()),
        TrustedCertificate.from_pem("acme-2026", (signed_files / "new.pem").read_bytes()),
    )
    start = datetime.now(UTC)
    engine = open_database(f"sqlite:///{workplace}/wssgate.db")
    writer = LedgerWriter(engine, "test")
    try:
        for number, name in enumerate(("old", "old", "altered", "new")):
            record = _record(signed_files / f"{name}.xml", trust, start + timedelta(milliseconds=number))
            writer.submit(record).result(10)
        evil = replace(record, id=new_record_id(), operation=EVIL_OPERATION)
        writer.submit(evil).result(10)
    finally:
        writer.close()
        engine.dispose()
    return workplace


def _record(file: Path, trust: TrustSnapshot, at: datetime) -> MessageRecord:
    verdict = verify(file.read_bytes(), trust, Policy(), at)
    return MessageRecord(
        id=new_record_id(),
        time=at,
        instance="test",
        endpoint="orders",
        mode=Mode.ENFORCE,
        kind=MessageKind.MESSAGE,
        operation=verdict.operation,
        outcome=RecordedOutcome(verdict.outcome),
        reason=None if verdict.reason is None else str(verdict.reason),
        detail=verdict.detail,
        released=verdict.accepted,
        body_sha256="0" * 64,
        request_bytes=1,
        response_bytes=1,
        upstream_status=200,
        upstream_ms=1.0,
        verify_ms=1.0,
        keystore_revision=2,
        verified_by=verdict.verified_by,
        recognised=verdict.recognised,
        signers=verdict.signers,
        signatures=verdict.signatures,
        embedded=verdict.embedded,
    )


def test_usage(run: Run, recorded: Path) -> None:
    report = json.loads(run("report", "usage", "--json").out)
    counted = {(row["operation"], row["alias"]): row["messages"] for row in report["rows"]}
    order = "{urn:acme:orders}OrderResponse"
    assert counted == {(order, "acme-2024"): 2, (order, "acme-2026"): 1, (EVIL_OPERATION, "acme-2026"): 1}
    assert [row["reason"] for row in report["rejections"]] == ["digest-mismatch"]
    table = run("report", "usage", "-e", "orders", "--since", "1d").out
    assert "acme-2024" in table
    assert "digest-mismatch" in table


@pytest.mark.parametrize("report", ["usage", "rejections"])
def test_a_past_time(run: Run, recorded: Path, report: str) -> None:
    now = json.loads(run("report", report, "--json", "--from", "2h", "--to", "0s").out)
    assert now["rows"]
    assert now["since"] < now["until"]
    past = json.loads(
        run("report", report, "--json", "--from", "2026-01-01T00:30:00Z", "--to", "2026-01-02T00:00:00Z").out
    )
    assert (past["rows"], past["until"]) == ([], "2026-01-02T00:00:00Z")
    refused = run("report", report, "--from", "1h", "--to", "2h")
    assert (refused.code, "Nothing lies between" in refused.err) == (2, True)


@pytest.mark.parametrize("report", ["usage", "rejections", "cutover"])
@pytest.mark.parametrize(
    "option",
    [
        ("--until", "9999-12-31T23:59:59.999999Z"),
        ("--until", "0001-01-01T00:00:01Z"),
        ("--since", "9999-12-31T23:30:00Z"),
        ("--since", "0001-01-01T00:00:00Z"),
    ],
)
def test_the_ends_of_the_calendar(run: Run, recorded: Path, report: str, option: tuple[str, str]) -> None:
    ran = run("report", report, *option)
    assert (ran.code, ran.err) == (0, "")


def test_the_cutover_of_a_past_time_goes_by_the_keystore_of_then(run: Run, recorded: Path) -> None:
    then = json.loads(run("report", "cutover", "--json", "--to", "2026-01-02T00:00:00Z").out)
    assert (then["keystore_revision"], then["generated"], then["until"]) == (
        0,
        "2026-01-02T00:00:00Z",
        "2026-01-02T00:00:00Z",
    )
    now, today = (json.loads(run("report", "cutover", "--json", *to).out) for to in ((), ("--until", "0s")))
    assert now["until"] is None
    assert (today["keystore_revision"], today["roll_ups"]) == (now["keystore_revision"], now["roll_ups"])
    refused = run("report", "cutover", "--from", "1h", "--to", "2h")
    assert (refused.code, "Nothing lies between" in refused.err) == (2, True)


def test_no_name_of_an_operation_reaches_the_terminal_raw(run: Run, recorded: Path) -> None:
    for command in (("report", "usage"), ("report", "cutover"), ("report", "usage", "--csv"), ("status",)):
        out = run(*command).out
        assert "\x1b" not in out
        assert "\u202e" not in out
        assert max(len(line.rstrip()) for line in out.splitlines()) <= 100 or command[-1] in {"--csv", "status"}


def test_cutover_without_a_declaration(run: Run, recorded: Path) -> None:
    ran = run("report", "cutover", "--json", "--check")
    (endpoint,) = json.loads(ran.out)["endpoints"]
    states = {cell["operation"]: cell["state"] for cell in endpoint["cells"]}
    assert states["{urn:acme:orders}OrderResponse"] == "undeclared"
    assert (ran.code, endpoint["newest"]) == (1, None)
    assert run("report", "cutover").code == 0
    for command in (("report", "cutover"), ("status",)):
        assert "declare it: wssgate keystore set NEW --replaces OLD" in " ".join(run(*command).out.split())


def test_cutover_and_its_exit_code(run: Run, recorded: Path) -> None:
    assert run("keystore", "set", "acme-2026", "--replaces", "acme-2024", "--reason", "renewal").code == 0
    ran = run("report", "cutover", "--json", "--check")
    (endpoint,) = json.loads(ran.out)["endpoints"]
    cells = {cell["operation"]: cell for cell in endpoint["cells"]}
    one = cells["{urn:acme:orders}OrderResponse"]
    assert (one["state"], one["messages_since"], one["messages_needed"]) == ("pending", 1, 800)
    assert (ran.code, endpoint["newest"]["alias"]) == (1, "acme-2026")
    config = recorded / "gateway.toml"
    quick = 'switch_quiet_time = "0ms"\nswitch_smallest_share = 0.5\n'
    config.write_text(
        re.sub("^switch_.*$", "", config.read_text(), flags=re.MULTILINE).replace('mode = "', f'{quick}mode = "')
    )
    assert json.loads(run("report", "cutover", "--json").out)["endpoints"][0]["criteria"]["fewest_messages"] == 16
    assert run("report", "cutover", "--check").code == 1
    _record_more(recorded, 16)
    assert run("report", "cutover", "--check").code == 0, run("report", "cutover").out
    assert "switched everywhere to acme-2026" in run("status").out


def _record_more(workplace: Path, count: int) -> None:
    """So many further messages of each kind that the new key verified."""
    engine = open_database(f"sqlite:///{workplace}/wssgate.db")
    writer = LedgerWriter(engine, "test")
    try:
        known = [stored.record for stored in records(engine, RecordFilter(), 10)]
        for record in (record for record in known if [entry.alias for entry in record.verified_by] == ["acme-2026"]):
            for number in range(count):
                at = record.time + timedelta(milliseconds=number + 10)
                signers = tuple(
                    replace(signer, signature_id=sha256(f"{record.id}{number}".encode()).hexdigest())
                    for signer in record.signers or ()
                )
                writer.submit(replace(record, id=new_record_id(), time=at, signers=signers)).result(10)
    finally:
        writer.close()
        engine.dispose()


def test_the_cutover_names_what_never_came_and_the_ends_that_it_rests_on(run: Run, recorded: Path) -> None:
    config = recorded / "gateway.toml"
    config.write_text(config.read_text().replace('mode = "', 'operations = ["Monthly", "OrderResponse"]\nmode = "'))
    engine = open_database(f"sqlite:///{recorded}/wssgate.db")
    remember_expected(engine, "orders", ["{urn:acme:orders}Yearly"], datetime.now(UTC))
    heads = [str(head) for head in recent_signed_heads(engine, KEPT_MICROSECONDS)]
    engine.dispose()
    found = json.loads(run("report", "cutover", "--json").out)
    assert (len(heads), found["heads"]) == (1, heads)
    (endpoint,) = found["endpoints"]
    assert endpoint["never_seen"] == ["Monthly", "{urn:acme:orders}Yearly"]
    assert endpoint["expected_operations"] == ["Monthly", "OrderResponse", "{urn:acme:orders}Yearly"]
    assert run("keystore", "set", "acme-2026", "--replaces", "acme-2024", "--reason", "renewal").code == 0
    assert "never seen, so no evidence: Monthly, Yearly" in " ".join(run("status").out.split())
    assert "never seen, so no evidence: Monthly, Yearly" in " ".join(run("report", "cutover").out.split())


def test_a_cutover_is_not_complete_while_something_is_not_told(run: Run, recorded: Path) -> None:
    assert run("keystore", "set", "acme-2026", "--replaces", "acme-2024", "--reason", "renewal").code == 0
    config = recorded / "gateway.toml"
    quick = 'switch_quiet_time = "0ms"\nswitch_smallest_share = 0.5\n'
    config.write_text(
        re.sub("^switch_.*$", "", config.read_text(), flags=re.MULTILINE).replace('mode = "', f'{quick}mode = "')
    )
    _record_more(recorded, 16)
    before = run("report", "cutover", "--json", "--check")
    assert before.code == 0
    by_alias = {str(one.verified_by[0].alias): one for one in _records(recorded) if one.verified_by}
    running = KeptUses(recorded / "wssgate-signing.ends", "gateway/1")
    running.add(by_alias["acme-2026"])
    assert run("report", "cutover", "--check").code == 0
    running.add(by_alias["acme-2024"])
    told = run("report", "cutover", "--json", "--check")
    assert told.code == 1
    assert "a gateway has met messages that need acme-2024" in " ".join(told.err.split())
    assert json.loads(told.out)["endpoints"] == json.loads(before.out)["endpoints"]
    assert run("report", "cutover").code == 0
    running.close(all_told=False)
    left = run("report", "cutover", "--check")
    assert left.code == 1
    assert "gateway/1, ended before it had told which keys signed" in " ".join(left.err.split())
    assert "ended before" not in run("report", "cutover", "--to", "2026-01-02T00:00:00Z").err


def _records(workplace: Path) -> list[MessageRecord]:
    engine = open_database(f"sqlite:///{workplace}/wssgate.db")
    found = [stored.record for stored in records(engine)]
    engine.dispose()
    return found


@pytest.mark.parametrize("options", [(), ("--check",), ("--json", "--check")])
def test_a_cutover_takes_no_filter_and_says_what_to_use(run: Run, recorded: Path, options: tuple[str, ...]) -> None:
    ran = run("report", "cutover", "op:GetOrder", *options, "--config", recorded / "gateway.toml")
    assert (ran.code, ran.out) == (2, "")
    assert "takes no filter (op:GetOrder): what that leaves out may still use the old key" in ran.err
    assert "--endpoint NAME" in ran.err
    assert "FILTER" not in run("report", "cutover", "--help").out


def test_silence_is_not_switched(run: Run, workplace: Path) -> None:
    assert run("report", "cutover", "--check").code == 1
    assert run("report", "cutover").code == 0


def test_rejections_and_csv(run: Run, recorded: Path) -> None:
    rejections = json.loads(run("report", "rejections", "--json").out)
    assert rejections["messages"] == 1
    assert [row["advice"] for row in rejections["rows"]] == [ADVICE[Reason.DIGEST_MISMATCH]]
    shown = " ".join(run("report", "rejections").out.split())
    assert f"digest-mismatch: {ADVICE[Reason.DIGEST_MISMATCH]}" in shown
    for name, lines in (("usage", 4), ("rejections", 1), ("cutover", 2)):
        rows = list(csv.DictReader(io.StringIO(run("report", name, "--csv").out)))
        assert len(rows) == lines


def test_reports_on_what_a_filter_names(run: Run, recorded: Path) -> None:
    def rows(report: str, *terms: str) -> list[int]:
        return [row["messages"] for row in json.loads(run("report", report, "--json", *terms).out)["rows"]]

    assert rows("usage", "key:acme-2024", "op:OrderResponse") == [2]
    assert rows("usage", "key:acme-2024", "since:0s") == []
    assert rows("rejections", "reason:digest-mismatch", "endpoint:orders") == [1]
    assert rows("rejections", "reason:unknown-key") == []
    table = run("report", "usage", "key:acme-2024").out
    assert "only key:acme-2024" in table
    assert "digest-mismatch" not in table, "rejections are not counted by keys"
    for report, terms, words in (
        ("usage", ("reason:unknown-key",), "reason cannot be asked for here, where counts are kept"),
        ("rejections", ("key:acme-2024",), "key cannot be asked for here"),
        ("usage", ("endpoint:nope",), "nope"),
        ("usage", ("-e", "orders", "endpoint:orders"), "said by an option already"),
        ("usage", ("--since", "1h", "since:2h"), "said by an option already"),
    ):
        ran = run("report", report, *terms)
        assert (ran.code, ran.out) == (2, "")
        assert words in ran.err


@pytest.mark.parametrize(
    "arguments", [("--endpoint", "nope"), ("--since", "tomorrow"), ("--csv", "--json"), ("--config", "nope.toml")]
)
@pytest.mark.parametrize("report", ["usage", "cutover", "rejections"])
def test_wrong_use(run: Run, workplace: Path, report: str, arguments: tuple[str, ...]) -> None:
    ran = run("report", report, *arguments)
    assert (ran.code, ran.out) == (2, "")


def test_list_says_when_a_key_was_seen_last(run: Run, recorded: Path) -> None:
    entries = json.loads(run("keystore", "list", "--json").out)["entries"]
    assert all(entry["last_seen"].startswith(str(datetime.now(UTC).year)) for entry in entries)


def test_status(run: Run, recorded: Path) -> None:
    status = json.loads(run("status", "--json").out)
    (endpoint,) = status["endpoints"]
    assert status["gateway"]["running"] is False
    assert status["keystore"] == {"revision": 2, "entries": 2, "problems": [], "ends_due": []}
    assert [entry["alias"] for entry in endpoint["trusted"]] == ["acme-2024", "acme-2026"]
    assert endpoint["messages"] == {"accepted": 4, "rejected": 1}
    assert endpoint["last_rejection"]["reason"] == "digest-mismatch"
    assert endpoint["last_rejection"]["advice"] == ADVICE[Reason.DIGEST_MISMATCH]
    assert endpoint["last_message"]["advice"] is None
    shown = run("status").out
    assert "why: altered after signing: Body (at /Envelope/Body" in shown
    assert f"next: {ADVICE[Reason.DIGEST_MISMATCH]}" in shown
    assert "not running" in shown
    assert "trusts acme-2026" in shown


def test_status_names_dangers_and_empty_trust(run: Run, workplace: Path) -> None:
    config = workplace / "gateway.toml"
    config.write_text(config.read_text().replace('mode = "enforce"', 'mode = "observe"'))
    shown = run("status").out
    assert "danger: mode observe: rejected responses are delivered" in shown
    assert "trusts nobody" in shown
    assert "messages: none yet" in shown


def test_status_names_the_header_fields_that_the_configuration_admits(run: Run, workplace: Path) -> None:
    assert "header fields" not in run("status").out
    config = workplace / "gateway.toml"
    admitted = 'response_headers = ["X-Acme-Trace", "X-Other"]\n'
    config.write_text(config.read_text().replace('mode = "enforce"', f'{admitted}mode = "enforce"'))
    assert "passes on the header fields x-acme-trace, x-other as well" in run("status").out
    (endpoint,) = json.loads(run("status", "--json").out)["endpoints"]
    assert endpoint["response_headers"] == ["x-acme-trace", "x-other"]


def test_status_names_an_admin_listener_that_others_may_reach(run: Run, workplace: Path) -> None:
    config = workplace / "gateway.toml"
    # Port 1 of every address of this machine: nothing listens there.
    config.write_text(re.sub('^admin = "[^"]*"', 'admin = "0.0.0.0:1"', config.read_text(), flags=re.MULTILINE))
    assert "danger: admin listens on" in " ".join(run("status").out.split())
