"""`wssgate verify`: the contract that others script against."""

import io
import json
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fixtures.interop.multipart.cases import MultipartCase, multipart_cases
from fixtures.manifest import FOLDER, own_case, trust
from gateway.present import signer_lines
from gateway.verify import ADVICE, Policy, Reason
from tests.gateway.cli.running import Run

CONTRACT = {
    "advice",
    "schema",
    "file",
    "outcome",
    "reason",
    "detail",
    "verified_by",
    "signers",
    "signatures",
    "timestamp",
    "soap_version",
    "encoding",
    "operation",
    "warnings",
}


def test_one_object_a_line_in_the_order_of_the_files(run: Run, signed_files: Path) -> None:
    files = [signed_files / name for name in ("altered.xml", "old.xml", "new.xml", "wrapped.xml")]
    ran = run("verify", "--trust", f"acme-2024={signed_files}/old.pem", "--json", *files)
    verdicts = [json.loads(line) for line in ran.out.splitlines()]
    assert ran.code == 1
    assert ran.err == ""
    assert [verdict["file"] for verdict in verdicts] == [str(file) for file in files]
    assert [verdict["reason"] for verdict in verdicts] == ["digest-mismatch", None, "unknown-key", "wrapping"]
    assert [verdict["outcome"] for verdict in verdicts] == ["rejected", "accepted", "rejected", "rejected"]
    assert all(set(verdict) >= CONTRACT for verdict in verdicts)


def test_the_fields_of_an_accepted_message(run: Run, signed_files: Path) -> None:
    ran = run("verify", "--trust", f"acme-2024={signed_files}/old.pem", "--json", signed_files / "old.xml")
    verdict = json.loads(ran.out)
    assert ran.code == 0
    assert verdict["schema"] == "wssgate.verdict/1"
    assert verdict["soap_version"] == "1.1"
    assert verdict["operation"] == "{urn:acme:orders}OrderResponse"
    assert verdict["timestamp"]["signed"] is True
    (entry,) = verdict["verified_by"]
    assert entry["alias"] == "acme-2024"
    assert len(entry["key_id"]) == len(entry["thumbprint"]) == 64
    assert {part["name"] for part in verdict["signatures"][0]["parts"]} == {"Body", "Timestamp"}


def test_who_signed_is_told_of_a_rejected_message_as_well(run: Run, signed_files: Path) -> None:
    files = (signed_files / "old.xml", signed_files / "altered.xml", signed_files / "new.xml")
    ran = run("verify", "--trust", f"acme-2024={signed_files}/old.pem", "--json", *files)
    good, altered, unknown = (json.loads(line) for line in ran.out.splitlines())
    (by,), (signer,) = good["verified_by"], good["signers"]
    assert signer == by | {
        "state": "trusted",
        "signature": 0,
        "covers": ["Body", "Timestamp"],
        "needed": True,
        "signed_at": good["timestamp"]["created"],
    }
    assert altered["verified_by"] == unknown["signers"] == []
    assert [(one["alias"], one["covers"]) for one in altered["signers"]] == [("acme-2024", ["Timestamp"])]


def test_a_key_that_signed_as_well_has_its_line(run: Run) -> None:
    old, new = (f"{alias}={FOLDER}/keys/{alias}.pem" for alias in ("old", "new"))
    arguments = ("verify", "--trust", old, "--trust", new, "--at", "2026-06-01T12:00:30Z")
    files = [own_case(name).file for name in ("two-signatures-endorsing", "duplicate-id-before", "timestamp-signed")]
    endorsed, ambiguous, usual = run(*arguments, *files).out.split("fixtures/messages/")[1:]
    assert "\n  also signed with new (trusted): {http://www.w3.org/2000/09/xmldsig#}Signature\n" in endorsed
    assert "\n  signed with old (trusted): no part that is known to be as it was signed\n" in ambiguous
    assert "also signed" not in usual


def test_a_retired_key_that_signed_as_well_is_told_once_with_all_that_it_covers() -> None:
    case = own_case("two-signatures-old-and-new")
    states = trust("old", "new", states={"old": "retired"})
    verdict = replace(case, trust=states, policy=Policy(signatures="any")).verdict()
    assert verdict.accepted
    assert signer_lines(verdict) == ["also signed with old (retired): Body"]
    twice = replace(verdict.signers[0], covers=("Timestamp", "Body"), signature=2)
    again = replace(verdict, signers=(*verdict.signers, twice))
    assert signer_lines(again) == ["also signed with old (retired): Body, Timestamp"]


def test_an_unknown_key_names_the_certificate_that_came_along(run: Run, signed_files: Path) -> None:
    ran = run("verify", "--trust", f"acme-2024={signed_files}/old.pem", "--json", signed_files / "new.xml")
    embedded = json.loads(ran.out)["embedded"]
    assert embedded["signature_good"] is True
    assert embedded["subject"] == "O=ACME,CN=orders"


def test_text_for_people(run: Run, signed_files: Path) -> None:
    files = (signed_files / "old.xml", signed_files / "altered.xml")
    ran = run("verify", "--trust", f"acme-2024={signed_files}/old.pem", *files)
    assert ran.code == 1
    assert f"{files[0]}: accepted, verified by acme-2024" in ran.out
    assert f"{files[1]}: rejected, digest-mismatch" in ran.out
    assert "  altered after signing: Body (at /Envelope/Body, referenced as #" in ran.out
    assert f"  next: {ADVICE[Reason.DIGEST_MISMATCH]}" in ran.out


def test_without_trust_everything_is_rejected(run: Run, signed_files: Path) -> None:
    ran = run("verify", "--json", signed_files / "old.xml")
    assert (ran.code, json.loads(ran.out)["reason"]) == (1, "unknown-key")


def test_standard_input(run: Run, signed_files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO((signed_files / "old.xml").read_bytes()))
    monkeypatch.setattr(sys, "stdin", stream)
    ran = run("verify", "--trust", f"a={signed_files}/old.pem", "--json", "-")
    assert (ran.code, json.loads(ran.out)["file"]) == (0, "-")


def test_an_unreadable_file_stands_in_its_place_and_the_others_go_on(run: Run, signed_files: Path) -> None:
    missing = signed_files / "missing.xml"
    ran = run("verify", "--trust", f"a={signed_files}/old.pem", "--json", missing, signed_files / "old.xml")
    first, second = (json.loads(line) for line in ran.out.splitlines())
    assert ran.code == 3
    assert (first["schema"], first["file"]) == ("wssgate.unreadable/1", str(missing))
    assert second["outcome"] == "accepted"
    assert f"{missing}: No such file or directory." in ran.err


def test_a_bundle_gives_numbered_aliases(run: Run, signed_files: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes((signed_files / "old.pem").read_bytes() + (signed_files / "new.pem").read_bytes())
    ran = run("verify", "--trust", f"acme={bundle}", "--json", signed_files / "old.xml", signed_files / "new.xml")
    aliases = [json.loads(line)["verified_by"][0]["alias"] for line in ran.out.splitlines()]
    assert (ran.code, aliases) == (0, ["acme", "acme-2"])


def test_the_instant_decides(run: Run, signed_files: Path) -> None:
    later = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
    ran = run("verify", "--trust", f"a={signed_files}/old.pem", "--at", later, "--json", signed_files / "old.xml")
    assert (ran.code, json.loads(ran.out)["reason"]) == (1, "timestamp-stale")


def test_the_policy_decides(run: Run, signed_files: Path, tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text('required_parts = ["Body", "{urn:x}Header"]\n')
    ran = run("verify", "-t", f"a={signed_files}/old.pem", "--policy", policy, "--json", signed_files / "old.xml")
    assert (ran.code, json.loads(ran.out)["reason"]) == (1, "part-not-signed")


def test_the_content_type_is_heeded(run: Run, signed_files: Path) -> None:
    arguments = ("verify", "-t", f"a={signed_files}/old.pem", "--json", signed_files / "old.xml")
    ran = run(*arguments, "--content-type", "text/xml; charset=utf-16")
    assert (ran.code, json.loads(ran.out)["reason"]) == (1, "encoding")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "Missing argument"),
        (("--trsut", "a=b", "x.xml"), "--trust"),
        (("--trust", "old.pem", "x.xml"), "write ALIAS=FILE"),
        (("--trust", "a b={}/old.pem", "x.xml"), "'a b' cannot be an alias"),
        (("--trust", "a={}/old.key", "x.xml"), "holds a private key"),
        (("--trust", "a={}/old.xml", "x.xml"), "XML document"),
        (("--trust", "a={}/old.pem", "--trust", "A={}/new.pem", "x.xml"), "is used already"),
        (("--at", "yesterday", "x.xml"), "2026-06-01T12:00:00Z"),
        (("--at", "2026-06-01T12:00:00", "x.xml"), "zone"),
        (("--at", "2026-13-01T12:00:00Z", "x.xml"), "is no instant"),
        (("--policy", "{}/old.xml", "x.xml"), "is no TOML"),
        (("--policy", "{}/missing.toml", "x.xml"), "there is no such file"),
    ],
)
def test_wrong_use_is_named(run: Run, signed_files: Path, arguments: tuple[str, ...], sentence: str) -> None:
    ran = run("verify", *(argument.format(signed_files) for argument in arguments))
    assert ran.code == 2
    assert ran.out == ""
    assert sentence in ran.err


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("required_parts = []", "required_parts"),
        ('required_parts = ["Header"]', '"Body", "Timestamp"'),
        ("minimum_rsa_bits = 512", "minimum_rsa_bits"),
        ("allow_sha_1 = true", "allow_sha1"),
    ],
)
def test_a_mistake_in_the_policy_is_named(run: Run, tmp_path: Path, text: str, sentence: str) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text(text)
    ran = run("verify", "--policy", policy, "x.xml")
    assert ran.code == 2
    assert str(policy) in ran.err
    assert sentence in ran.err


def test_a_missing_key_file_is_the_environments_fault(run: Run, tmp_path: Path) -> None:
    ran = run("verify", "--trust", f"a={tmp_path}/missing.pem", "x.xml")
    assert (ran.code, ran.out) == (3, "")


@pytest.mark.parametrize("content", [b"", b"<", b"<html><body>502</body></html>", b"\x00" * 100, b"<!DOCTYPE a><a/>"])
def test_whatever_it_is_there_is_a_verdict(run: Run, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "x.xml"
    file.write_bytes(content)
    ran = run("verify", "--json", file)
    assert (ran.code, json.loads(ran.out)["outcome"]) == (1, "rejected")


def test_what_a_file_name_smuggles_in_does_not_reach_the_terminal(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "a\x1b[31m[red]\u202eb.xml"
    file.write_bytes(b"<a/>")
    ran = run("verify", file)
    assert "\x1b" not in ran.out
    assert "\u202e" not in ran.out
    assert "\\x1b[31m[red]\\u202eb.xml: rejected" in ran.out


def test_a_second_opinion_on_what_is_accepted(run: Run, signed_files: Path) -> None:
    files = [signed_files / name for name in ("old.xml", "altered.xml")]
    arguments = ("verify", "--trust", f"a={signed_files}/old.pem", "--second-opinion", *files)
    accepted, rejected = (json.loads(line) for line in run(*arguments, "--json").out.splitlines())
    assert accepted["second_opinion"] == {"judge": "libxmlsec", "opinion": "agrees", "detail": ""}
    assert rejected["second_opinion"] is None
    assert "  second opinion: libxmlsec agrees" in run(*arguments).out


def test_a_construct_that_the_second_judge_does_not_know_is_named(run: Run) -> None:
    case = own_case("str-transform-bst")
    trust = f"old={FOLDER}/keys/old.pem"
    ran = run("verify", "--trust", trust, "--at", case.at.isoformat(), "--second-opinion", case.file)
    assert ran.code == 0
    assert "  second opinion: not-judged, libxmlsec knows no STR-Transform" in ran.out


def test_the_steps_for_people(run: Run, signed_files: Path) -> None:
    file = signed_files / "altered.xml"
    ran = run("verify", "--trust", f"a={signed_files}/old.pem", "--explain", file)
    lines = ran.out.splitlines()
    assert ran.code == 1
    assert lines[0] == f"{file}: step by step"
    numbered = [line.split(maxsplit=2) for line in lines if line[:5].strip().isdigit()]
    assert [int(number) for number, *_ in numbered] == list(range(1, 15))
    assert [state for _, state, _ in numbered] == ["passed"] * 8 + ["FAILED"] + ["not"] * 5
    assert "! digest-mismatch: altered after signing: Body (at /Envelope/Body" in ran.out
    assert "  Step 9 decides: " in ran.out
    assert lines.index(f"{file}: rejected, digest-mismatch") > lines.index(lines[0])
    assert f"  next: {ADVICE[Reason.DIGEST_MISMATCH]}" in lines


def test_the_steps_for_programs(run: Run, signed_files: Path) -> None:
    files = (signed_files / "old.xml", signed_files / "altered.xml")
    arguments = ("verify", "--trust", f"a={signed_files}/old.pem", "--explain", "--second-opinion", "--json")
    good, altered = (json.loads(line) for line in run(*arguments, *files).out.splitlines())
    assert good["schema"] == "wssgate.explanation/1"
    assert (good["failed"], altered["failed"]) == (None, 9)
    assert good["verdict"]["second_opinion"]["opinion"] == "agrees"
    assert set(altered["verdict"]) >= CONTRACT
    assert [step["number"] for step in altered["steps"]] == list(range(1, 15))
    assert altered["steps"][8]["state"] == "failed"
    assert altered["steps"][8]["found"][-1].startswith("digest-mismatch: ")
    assert {step["state"] for step in good["steps"]} == {"passed", "not-asked"}
    assert altered["consequence"].startswith("Step 9 decides")


@pytest.mark.parametrize("content", [b"", b"<", b"<html/>", b"\x00" * 100, b"<!DOCTYPE a><a/>", b"<a>" * 5000])
def test_whatever_it_is_the_steps_say_where_it_ends(run: Run, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "x\x1b[31m.xml"
    file.write_bytes(content)
    ran = run("verify", "--explain", file)
    assert (ran.code, ran.out.count(" FAILED ")) == (1, 1)
    assert "\x1b" not in ran.out


# Multipart messages


MULTIPART = [
    case for case in multipart_cases() if case.id in {"cxf/mtom-several", "cxf/swa-content", "phase4/user-message"}
]


def test_there_are_multipart_messages() -> None:
    assert MULTIPART


@pytest.mark.parametrize("case", MULTIPART, ids=lambda case: case.id)
@pytest.mark.parametrize("form", ["body", "fields", "http"])
def test_multipart_messages_are_read_with_or_without_their_head(
    run: Run, tmp_path: Path, case: MultipartCase, form: str
) -> None:
    head = f"Content-Type: {case.content_type}\r\n\r\n".encode()
    before = {"body": b"", "fields": head, "http": b"HTTP/1.1 200 OK\r\n" + head}[form]
    file = tmp_path / "message.mime"
    file.write_bytes(before + case.body)
    trusted = [f"--trust={alias}={FOLDER / 'keys' / alias}.pem" for alias in case.trust]
    for options in ([], ["--explain"]):
        ran = run("verify", *trusted, "--at", case.at, "--json", *options, file)
        assert ran.code == 0, ran.out
        found = json.loads(ran.out)
        verdict = found["verdict"] if options else found
        assert [(one["content_id"], one["sha256"], one["covered"]) for one in verdict["attachments"]] == [
            (part.content_id, part.sha256, bool(part.covered)) for part in case.attachments
        ]
    shown = run("verify", *trusted, "--at", case.at, "--second-opinion", file)
    for part in case.attachments:
        assert f"attachment {part.content_id}: " in shown.out
        assert f"{part.size:,} octets, signed" in shown.out


def test_a_type_that_is_given_counts(run: Run, tmp_path: Path) -> None:
    case = MULTIPART[0]
    file = tmp_path / "message.mime"
    file.write_bytes(case.body)
    ran = run("verify", "--content-type", "text/xml", "--json", file)
    assert json.loads(ran.out)["reason"] == "malformed"
    assert "give that as well (--content-type)" in json.loads(ran.out)["detail"]


def test_a_broken_http_response_stands_in_its_place(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "cut.http"
    file.write_bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n<a/>")
    ran = run("verify", "--json", file)
    assert ran.code == 3
    assert json.loads(ran.out)["detail"] == "The HTTP response is cut short: 4 of 500 bytes are there."
