"""The partner has switched and nobody told us: `report unknown-keys`, then `keystore add --from-record`."""

import csv
import io
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fixtures.generator.soap import BODY, direct, signature, token
from fixtures.manifest import own_case
from gateway.ledger import LedgerWriter, MessageRecord, new_record_id, open_database
from gateway.verify import Policy, verify
from gateway.vocabulary import MessageKind, Mode, RecordedOutcome
from keystore import TrustedCertificate, TrustSnapshot
from tests.gateway.cli.keystore.test_staging_from_message import Terminal, listed
from tests.gateway.cli.running import Run
from tests.gateway.verify.judging import made

Record = Callable[..., MessageRecord]


@pytest.fixture
def record(run: Run, workplace: Path, signed_files: Path) -> Record:
    """Records a message that was judged while only the old key was trusted; that key is in the keystore."""
    assert run("keystore", "add", "acme-2024", signed_files / "old.pem", "-e", "orders").code == 0
    trust = TrustSnapshot.of(TrustedCertificate.from_pem("acme-2024", (signed_files / "old.pem").read_bytes()))

    def write(message: bytes, *, policy: Policy | None = None, **fields: Any) -> MessageRecord:
        at = datetime.now(UTC)
        verdict = verify(message, trust, policy or Policy(), at)
        made = MessageRecord(
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
            keystore_revision=1,
            signers=verdict.signers,
            signatures=verdict.signatures,
            embedded=verdict.embedded,
        )
        engine = open_database(f"sqlite:///{workplace}/wssgate.db")
        writer = LedgerWriter(engine, "test")
        try:
            return writer.submit(replace(made, **fields)).result(10).record
        finally:
            writer.close()
            engine.dispose()

    return write


def test_from_the_rejection_to_trust_in_three_commands(run: Run, record: Record, signed_files: Path) -> None:
    new = (signed_files / "new.xml").read_bytes()
    rejected = [record(new) for _ in range(3)][-1]
    expected = TrustedCertificate.from_pem("x", (signed_files / "new.pem").read_bytes())
    digits = expected.thumbprint.upper()

    shown = run("report", "unknown-keys").out
    assert ":".join(digits[i : i + 2] for i in range(0, 32, 2)) in shown
    assert "messages   3" in shown
    assert "same subject and issuer as acme-2024 (trusted)" in shown
    assert "good: whoever signed holds the private key" in shown
    command = f"wssgate keystore add ALIAS --from-record {rejected.id} --config gateway.toml"
    assert command in shown
    arguments = command.replace("ALIAS", "acme-2026").split()[1:]

    ran = run(*arguments, "--yes", "--who", "ann")
    assert (ran.code, ran.err) == (0, "")
    assert "good under this certificate" in ran.out
    assert "would have passed, as far as its record tells" in ran.out
    assert "The record does not tell: whether what was signed is intact, and covers Body" in ran.out
    assert "wssgate keystore trust acme-2026" in ran.out
    stored = json.loads(run("keystore", "show", "acme-2026", "--json").out)
    assert (stored["thumbprint"], stored["state"]) == (expected.thumbprint, "staged")
    assert (stored["endpoints"], stored["added_by"]) == (["orders"], "ann")
    history = run("keystore", "history", "--json").out
    assert f"carried by the message of record {rejected.id}" in history

    assert run("keystore", "trust", "acme-2026").code == 0
    again = run("report", "unknown-keys").out
    assert "same certificate as acme-2026 (trusted)" in again
    assert "--from-record" not in again  # nothing is left to do
    assert f"--from-record {rejected.id} --config gateway.toml" in run("ledger", "show", rejected.id).out


@pytest.mark.parametrize("width", ["80", "200"])
def test_no_line_is_broken_within_a_fingerprint_or_an_id(
    run: Run, record: Record, signed_files: Path, monkeypatch: pytest.MonkeyPatch, width: str
) -> None:
    rejected = record((signed_files / "new.xml").read_bytes())
    monkeypatch.setenv("COLUMNS", width)
    lines = run("report", "unknown-keys").out.splitlines()
    assert any(line.endswith(rejected.id) or f"{rejected.id} " in line for line in lines)
    thumbprint = TrustedCertificate.from_pem("x", (signed_files / "new.pem").read_bytes()).thumbprint.upper()
    half = ":".join(thumbprint[i : i + 2] for i in range(0, 32, 2))
    assert any(half in line for line in lines)
    assert all(len(line.rstrip()) <= int(width) for line in lines if "--from-record" not in line)


def test_for_programs(run: Run, record: Record, signed_files: Path) -> None:
    rejected = record((signed_files / "new.xml").read_bytes())
    report = json.loads(run("report", "unknown-keys", "--json").out)
    (key,) = report["keys"]
    assert (report["schema"], key["endpoint"], key["record"]) == ("wssgate.unknown-keys/1", "orders", rejected.id)
    assert (key["signature_good"], key["messages"], key["good_messages"]) == (True, 1, 1)
    assert key["known_by_now"] is False
    assert key["nearest"] == [
        {
            "alias": "acme-2024",
            "state": "trusted",
            "revoked": False,
            "common": "same subject and issuer",
            "only_for": [],
        }
    ]
    (line,) = csv.DictReader(io.StringIO(run("report", "unknown-keys", "--csv").out))
    assert (line["thumbprint"], line["signature_good"], line["known_by_now"]) == (key["thumbprint"], "yes", "no")
    assert line["nearest"] == "same subject and issuer as acme-2024 (trusted)"
    assert json.loads(run("report", "unknown-keys", "--json", "-e", "orders", "--since", "1h").out)["keys"] == [key]
    assert json.loads(run("report", "unknown-keys", "--json", "--since", "0s").out)["keys"] == []
    assert run("report", "unknown-keys", "-e", "nobody").code == 2
    assert run("report", "unknown-keys", "--csv", "--json").code == 2

    ran = run("keystore", "add", "--from-record", rejected.id[:13], "--yes", "--json", "--alias", "acme-2026")
    assert ran.code == 0, ran.err
    change = json.loads(ran.out)
    assert change["entries"][0]["signature_good"] is True
    assert change["record"] | {"not_in_record": []} == {
        "id": rejected.id,
        "endpoint": "orders",
        "would_pass": True,
        "against": [],
        "not_in_record": [],
    }
    assert len(change["record"]["not_in_record"]) == 2


def test_the_next_command_is_for_the_one_that_looks_like_a_known_key(
    run: Run, record: Record, signed_files: Path
) -> None:
    partner = record((signed_files / "new.xml").read_bytes())
    # A good signature under another name, later: anybody can make one.
    stranger = record(made(token("verbose", number=1) + signature(BODY, key_info=direct(1), number=1), "verbose"))
    shown = run("report", "unknown-keys").out
    assert "--from-record" in shown
    assert stranger.id in shown
    assert f"--from-record {partner.id} " in shown
    digits = TrustedCertificate.from_pem("x", (signed_files / "new.pem").read_bytes()).thumbprint.upper()
    first_half = ":".join(digits[i : i + 2] for i in range(0, 32, 2))
    assert f"Next: compare the SHA-256 fingerprint that begins with\n  {first_half}\n" in shown


def test_for_which_endpoints(run: Run, workplace: Path, record: Record, signed_files: Path) -> None:
    configuration = workplace / "gateway.toml"
    text = configuration.read_text()
    configuration.write_text(f'{text}\n[endpoint.invoices]\npath = "/invoices"\nupstream = "http://127.0.0.1:9/"\n')
    rejected = record((signed_files / "new.xml").read_bytes())
    for alias, arguments, endpoints in (
        ("of-record", (), ["orders"]),
        ("named", ("-e", "invoices"), ["invoices"]),
        ("every", ("--all-endpoints",), None),
    ):
        ran = run("keystore", "add", alias, "--from-record", rejected.id, "--yes", *arguments)
        assert (ran.code, ran.err) == (0, "")
        assert json.loads(run("keystore", "show", alias, "--json").out)["endpoints"] == endpoints
        assert run("keystore", "retire", alias, "--force", "--reason", "test").code == 0
        assert run("keystore", "purge", alias, "--force", "--reason", "test").code == 0
    refused = run("keystore", "add", "x", "--from-record", rejected.id, "--yes", "-e", "invoices", "--all-endpoints")
    assert (refused.code, "contradict" in refused.err) == (2, True)


def test_the_keystore_says_no_before_anything_is_promised_or_asked(
    run: Run, record: Record, signed_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rejected = record((signed_files / "new.xml").read_bytes())
    monkeypatch.setattr(sys, "stdin", Terminal(""))
    refused = run("keystore", "add", "acme-2024", "--from-record", rejected.id)
    assert (refused.code, "acme-2024 is in use" in refused.err) == (1, True)
    assert "would have passed" not in refused.out
    assert "Stage " not in refused.err


def test_nobody_is_told_to_trust_what_no_signature_proves(run: Run, record: Record) -> None:
    rejected = record(own_case("signature-value-altered").message, policy=Policy())
    forced = run("keystore", "add", "odd", "--from-record", rejected.id, "--yes", "--force")
    assert forced.code == 0
    assert "Next: ask the partner whose certificate odd is" in forced.out
    assert "keystore trust" not in forced.out


def test_nothing_to_tell(run: Run, workplace: Path) -> None:
    assert "None." in run("report", "unknown-keys").out


def test_a_bad_signature_proves_nothing(run: Run, record: Record) -> None:
    case = own_case("signature-value-altered")
    rejected = record(case.message, policy=Policy())
    shown = run("report", "unknown-keys").out
    assert "NOT good in any message" in shown
    assert "--from-record" not in shown
    refused = run("keystore", "add", "odd", "--from-record", rejected.id, "--yes")
    assert refused.code == 1
    assert "NOT good under this certificate" in refused.out
    assert "Even if it were trusted" in refused.out
    assert "the signature is not good under this certificate" in refused.out
    assert "may be anybody's" in refused.err
    assert listed(run) == {"acme-2024": "trusted"}
    forced = run("keystore", "add", "odd", "--from-record", rejected.id, "--yes", "--force", "--json")
    assert (forced.code, json.loads(forced.out)["record"]["would_pass"]) == (0, False)


def test_what_else_speaks_against_the_message_is_told(run: Run, record: Record) -> None:
    tokens = token("old", number=1) + token("new", number=2)
    signatures = [signature(BODY, key_info=direct(number), number=number) for number in (1, 2)]
    two = record(made(tokens + "".join(signatures), "old", "new"))
    told = run("keystore", "add", "one", "--from-record", two.id, "--yes").out
    assert "who made the other 1 of its signatures by unknown keys" in told


@pytest.mark.parametrize(("answer", "code", "staged"), [("y\n", 0, 2), ("n\n", 1, 1)])
def test_a_person_is_asked(
    run: Run,
    record: Record,
    signed_files: Path,
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    code: int,
    staged: int,
) -> None:
    rejected = record((signed_files / "new.xml").read_bytes())
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    assert run("keystore", "add", "acme-2026", "--from-record", rejected.id).code == code
    assert len(listed(run)) == staged


def test_nothing_is_staged_where_nobody_can_be_asked(run: Run, record: Record, signed_files: Path) -> None:
    rejected = record((signed_files / "new.xml").read_bytes())
    for arguments in ((), ("--json",)):
        ran = run("keystore", "add", "acme-2026", "--from-record", rejected.id, *arguments)
        assert (ran.code, "say --yes" in ran.err) == (2, True)


def test_records_that_give_no_certificate(run: Run, record: Record, workplace: Path, signed_files: Path) -> None:
    accepted = record((signed_files / "old.xml").read_bytes())
    ran = run("keystore", "add", "x", "--from-record", accepted.id, "--yes")
    assert (ran.code, "carried no certificate of an unknown signer" in ran.err) == (2, True)

    ran = run("keystore", "add", "x", "--from-record", new_record_id(), "--yes")
    assert (ran.code, "there is no record" in ran.err) == (2, True)

    new = record((signed_files / "new.xml").read_bytes(), outcome=RecordedOutcome.ACCEPTED)  # so it is not kept
    ran = run("keystore", "add", "x", "--from-record", new.id, "--yes")
    assert (ran.code, "not kept" in ran.err) == (2, True)

    elsewhere = record((signed_files / "new.xml").read_bytes(), endpoint="closed")
    ran = run("keystore", "add", "x", "--from-record", elsewhere.id, "--yes")
    assert (ran.code, "not in the configuration any more" in ran.err) == (2, True)
    assert "closed" in run("report", "unknown-keys", "-e", "closed").out
    assert run("keystore", "add", "x", "--from-record", elsewhere.id, "--yes", "-e", "orders").code == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("x", "FILE"), "With --from-record leave out: FILE."),
        (("x", "--until", "2030-01-01T00:00:00Z"), "With --from-record leave out: --until."),
        (("--from-message", "FILE"), "With --from-message leave out: --from-record."),
    ],
)
def test_options_that_do_not_go_together(run: Run, workplace: Path, arguments: tuple[str, ...], sentence: str) -> None:
    ran = run("keystore", "add", *arguments, "--from-record", new_record_id())
    assert (ran.code, sentence in ran.err) == (2, True)


def test_a_certificate_for_other_endpoints_is_no_cure_and_the_command_that_is_one_is_said(
    run: Run, record: Record, signed_files: Path, workplace: Path
) -> None:
    with (workplace / "gateway.toml").open("a") as file:
        file.write('[endpoint.invoices]\npath = "/invoices"\nupstream = "http://127.0.0.1:9/"\n')
    rejected = record((signed_files / "new.xml").read_bytes())
    staged = run("keystore", "add", "new", "--from-record", rejected.id, "--yes", "-e", "invoices")
    assert staged.code == 0
    assert "would have been rejected" in staged.out
    assert "it came at orders, and the certificate is to be trusted for invoices alone" in staged.out
    assert "would have passed" not in staged.out

    again = run("keystore", "add", "new", "--from-record", rejected.id, "--yes")
    assert again.code == 1
    command = "keystore set new --endpoint invoices --endpoint orders"
    assert f"as new (staged), for invoices alone: {command} lets it count for more" in again.err
    shown = run("report", "unknown-keys").out
    assert "same certificate as new (staged for invoices alone)" in shown
    assert f"  wssgate {command} --config" in shown
    (key,) = json.loads(run("report", "unknown-keys", "--json").out)["keys"]
    assert key["nearest"][0]["only_for"] == ["invoices"]

    assert run(*command.split()).code == 0
    assert "trust it instead of adding it" in run("keystore", "add", "n2", "--from-record", rejected.id, "--yes").err
    assert command not in run("report", "unknown-keys").out
    assert run("keystore", "add", "n2", signed_files / "new.pem", "--all-endpoints").err.count("--all-endpoints") == 1
