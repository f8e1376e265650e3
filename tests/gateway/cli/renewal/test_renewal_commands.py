"""`wssgate renewal ...`: what people say, from the command line, and what it does to the keystore."""

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from gateway.cli.keystore import retire, sync
from gateway.cli.renewal import renewal_options, withdraw
from gateway.cli.renewal.renewal_entries import entry_of
from gateway.cli.workplace import open_workplace
from gateway.ledger import read_statements, remember_expected, writing
from gateway.renewal import PlannedCertificate, WaivedCell, read_renewals, waived_cells
from keystore.store import StoredEntry
from tests.gateway.cli.keystore.test_gate_refusals import seen, trusted_since, watched
from tests.gateway.cli.keystore.test_keystore_commands import issue, listed, pem
from tests.gateway.cli.running import Ran, Run

OTHER_ENDPOINT = """
[endpoint.invoices]
path = "/invoices"
upstream = "http://127.0.0.1:9/invoices"
guaranteed_delivery_time = "2d"
"""


@pytest.fixture
def filled(run: Run, workplace: Path, signed_files: Path) -> Path:
    """A keystore that trusts `acme-2024`, and new.pem beside it."""
    assert run("keystore", "add", "acme-2024", signed_files / "old.pem").code == 0
    for name in ("old", "new"):
        (workplace / f"{name}.pem").write_bytes((signed_files / f"{name}.pem").read_bytes())
    return workplace


def start(run: Run, *more: object, old: str = "acme-2024", new: str = "new.pem") -> Ran:
    return run("renewal", "start", "--old", old, "--new", new, *more)


def started(run: Run, *more: object, **options: str) -> dict[str, Any]:
    ran = start(run, *more, "--json", **options)
    assert ran.code == 0, ran.err
    found: dict[str, Any] = json.loads(ran.out)
    return found


def statements(folder: Path) -> list[str]:
    with open_workplace(folder / "gateway.toml") as workplace:
        return [one.kind for one in read_statements(workplace.engine)]


def revision(run: Run) -> int:
    return len(run("keystore", "history", "--json").out.splitlines())


def entry(run: Run, alias: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run("keystore", "show", alias, "--json").out)
    return found


def refused(run: Run, folder: Path, ran: Ran, code: int, words: str) -> None:
    assert (ran.code, ran.out) == (code, "")
    assert re.search(words, " ".join(ran.err.split())), ran.err


# start


def test_a_start_stages_declares_and_tells_what_comes_next(run: Run, filled: Path) -> None:
    ran = start(
        run,
        "--alias",
        "acme-2026",
        "--announced",
        "2026-12-15T22:00+01:00",
        "--contact",
        "Ann <ann@acme.example>",
        "--reason",
        "it expires",
    )
    assert ran.code == 0
    assert "The renewal acme-2026 is open: acme-2026 replaces acme-2024." in ran.out
    assert "announced     2026-12-15T22:00+01:00" in ran.out
    assert "wssgate renewal confirm 2 acme-2026 --by NAME --fingerprint HEX" in ran.out
    assert "wssgate keystore trust acme-2026" in ran.out
    assert "orders: the guaranteed delivery time of 14d is the default, which nobody decided" in ran.err
    assert listed(run) == {"acme-2024": "trusted", "acme-2026": "staged"}
    new, old = entry(run, "acme-2026"), entry(run, "acme-2024")
    assert new["replaces"] == [old["thumbprint"]]
    digits = new["thumbprint"].upper()
    assert ":".join(digits[n : n + 2] for n in range(0, 32, 2)) in ran.out
    with open_workplace(filled / "gateway.toml") as workplace:
        (renewal,) = read_renewals(workplace.engine).by_name.values()
    assert (renewal.name, renewal.endpoints, renewal.reason) == ("acme-2026", ("orders",), "it expires")
    assert renewal.announced == datetime.fromisoformat("2026-12-15T21:00Z")
    assert renewal.new.pem.split() == (filled / "new.pem").read_text().split()


def test_a_start_for_programs(run: Run, filled: Path) -> None:
    found = started(run, "--name", "spring", "--downtime")
    assert found["schema"] == "wssgate.renewal-plan/1"
    assert found["renewal"]["name"] == "spring"
    assert found["renewal"]["downtime"] is True
    assert found["renewal"]["new"]["alias"].startswith("orders-")
    assert [line.split(" --")[0] for line in found["next"]] == [
        "wssgate renewal confirm 2 spring",
        f"wssgate keystore trust {found['renewal']['new']['alias']}",
    ]


def test_what_is_in_the_keystore_already_is_taken_as_it_is(run: Run, filled: Path) -> None:
    assert run("keystore", "add", "acme-2026", "new.pem", "-e", "orders").code == 0
    found = started(run, new="ACME-2026")
    assert "renewal confirm 4" in found["next"][1], "it is trusted already"
    assert len(entry(run, "acme-2026")["replaces"]) == 1
    assert run("renewal", "abandon", "--reason", "once more").code == 0
    before = revision(run)
    assert started(run)["renewal"]["name"] == "acme-2026-2", "the file holds the certificate of that entry"
    assert revision(run) == before, "it is declared already"
    refused(run, filled, start(run, "--alias", "x"), 2, "in the keystore already, as acme-2026")


def test_several_old_certificates_and_endpoints(run: Run, filled: Path) -> None:
    with (filled / "gateway.toml").open("a") as file:
        file.write(OTHER_ENDPOINT)
    (filled / "spare.pem").write_bytes(pem(issue("spare")[0]))
    assert run("keystore", "add", "spare", "spare.pem", "-e", "invoices").code == 0
    found = started(run, "--old", "spare", "--old", "ACME-2024")
    assert found["renewal"]["endpoints"] == ["invoices", "orders"]
    assert [one["alias"] for one in found["renewal"]["old"]] == ["acme-2024", "spare"]
    assert entry(run, found["renewal"]["new"]["alias"])["endpoints"] is None, "as one of the old ones"
    assert run("renewal", "abandon", "--reason", "x").code == 0
    narrow = start(run, "-e", "orders", "--old", "spare")
    refused(run, filled, narrow, 1, "spare is trusted for none of the endpoints orders: leave it out")
    alone = start(run, "-e", "orders", old="spare")
    refused(run, filled, alone, 1, "spare is not trusted for the endpoint orders")


def test_the_new_one_is_meant_for_what_the_old_one_is(run: Run, filled: Path) -> None:
    assert run("keystore", "set", "acme-2024", "-e", "orders").code == 0
    found = started(run, "--alias", "acme-2026")
    assert entry(run, "acme-2026")["endpoints"] == ["orders"]
    assert found["renewal"]["endpoints"] == ["orders"]


def test_a_renewal_over_the_same_key_says_what_that_means(run: Run, filled: Path, signed_files: Path) -> None:
    certificate, key = issue("acme")
    renewed = (
        x509.CertificateBuilder()
        .subject_name(certificate.subject)
        .issuer_name(certificate.subject)
        .public_key(key.public_key())
        .serial_number(77)
        .not_valid_before(certificate.not_valid_before_utc)
        .not_valid_after(certificate.not_valid_after_utc + timedelta(days=400))
        .sign(key, hashes.SHA256())
    )
    (filled / "a.pem").write_bytes(pem(certificate))
    (filled / "b.pem").write_bytes(pem(renewed))
    assert run("keystore", "add", "first", "a.pem").code == 0
    ran = start(run, "--alias", "second", old="first", new="b.pem")
    assert ran.code == 0
    assert "second has the same key as first: what it signs verifies under both, so nothing has to switch" in ran.out
    refused(run, filled, run("renewal", "change", "--compromised"), 1, "the very key that is in wrong hands")
    assert run("renewal", "abandon", "--reason", "x").code == 0
    emergency = start(run, "--compromised", old="first", new="b.pem")
    refused(run, filled, emergency, 1, "the very key that is in wrong hands")
    assert listed(run)["first"] == "trusted", "nothing was revoked"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (
            ("--old", "nobody", "--new", "new.pem"),
            2,
            "no entry 'nobody' in the keystore; those that there are: acme",
        ),
        (("--old", "acme-2024", "--new", "nothing.pem"), 2, "neither an entry of the keystore nor a file"),
        (("--old", "acme-2024", "--new", "."), 2, "neither an entry of the keystore nor a file"),
        (("--old", "acme-2024", "--new", "gateway.toml"), 2, "gateway.toml|certificate"),
        (("--old", "acme-2024", "--new", "both.pem"), 2, "it holds 2 certificates"),
        (("--old", "acme-2024", "--new", "acme-2024"), 1, "cannot replace itself"),
        (("--old", "acme-2024", "--new", "old.pem"), 1, "cannot replace itself"),
        (
            ("--old", "acme-2024", "--new", "new.pem", "-e", "nowhere"),
            2,
            "no endpoint 'nowhere'; the endpoints are: ord",
        ),
        (("--old", "acme-2024", "--new", "new.pem", "--alias", "no name"), 2, "cannot be an alias"),
        (("--old", "acme-2024", "--new", "new.pem", "--name", "no name"), 2, "cannot be an alias"),
        (("--old", "acme-2024", "--new", "new.pem", "--announced", "tomorrow"), 2, "no instant"),
        (("--old", "acme-2024", "--new", "new.pem", "--announced", "2026-12-15T22:00"), 2, "no instant"),
        (("--old", "acme-2024", "--new", "new.pem", "--reason", "x" * 3000), 2, "the reason has 3,000 characters"),
        (("--old", "acme-2024", "--new", "new.pem", "--who", "\t"), 2, "who says it is empty"),
        (
            (
                "--old",
                "acme-2024",
            ),
            2,
            "--new",
        ),
    ],
    ids=lambda value: " ".join(value)[:70] if isinstance(value, tuple) else None,
)
def test_what_cannot_be_started_changes_nothing(
    run: Run, filled: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    (filled / "both.pem").write_bytes((filled / "new.pem").read_bytes() + pem(issue("another")[0]))
    before = revision(run)
    refused(run, filled, run("renewal", "start", *arguments), code, words)
    assert (statements(filled), revision(run)) == ([], before)


def test_what_is_staged_or_retired_is_not_renewed(run: Run, filled: Path) -> None:
    assert run("keystore", "add", "acme-2026", "new.pem", "--stage").code == 0
    refused(run, filled, start(run, old="acme-2026", new="old.pem"), 1, "was not trusted yet: there is nothing to")
    assert run("keystore", "retire", "acme-2024", "--reason", "gone", "--force").code == 0
    refused(run, filled, start(run), 1, "acme-2024 is retired .*: there is nothing left to renew")
    assert run("keystore", "trust", "acme-2026").code == 0
    refused(run, filled, start(run, old="acme-2026", new="acme-2024"), 1, "keystore restore acme-2024")


def test_an_old_certificate_without_an_endpoint_is_named(run: Run, filled: Path) -> None:
    assert run("keystore", "add", "spare", "new.pem", "-e", "orders").code == 0
    text = (filled / "gateway.toml").read_text().replace("[endpoint.orders", "[endpoint.renamed")
    (filled / "gateway.toml").write_text(text)
    (filled / "more.pem").write_bytes(pem(issue("more")[0]))
    refused(run, filled, start(run, old="spare", new="more.pem"), 1, "None of the endpoints that are known")
    assert run("keystore", "add", "more", "more.pem", "-e", "renamed").code == 0
    assert run("keystore", "set", "acme-2024", "-e", "renamed").code == 0
    refused(run, filled, start(run, new="spare"), 1, "spare is not meant for the endpoint renamed")


def test_a_second_renewal_of_the_same_waits_for_the_first_one(run: Run, filled: Path) -> None:
    started(run, "--alias", "acme-2026")
    (filled / "more.pem").write_bytes(pem(issue("more")[0]))
    before = revision(run)
    refused(run, filled, start(run, new="more.pem"), 1, "acme-2026 is open already for acme-2024 at orders")
    assert revision(run) == before, "and nothing was staged"
    emergency = start(run, "--compromised", new="more.pem")
    refused(run, filled, emergency, 1, "stop it now: wssgate renewal change acme-2026 --compromised")


def test_in_an_emergency_the_old_key_stops_now_and_what_breaks_is_told(run: Run, filled: Path) -> None:
    seen(filled, "acme-2024", 2, 1)
    ran = start(run, "--alias", "acme-2026", "--compromised", "--reason", "stolen laptop")
    assert ran.code == 0
    assert "acme-2024 is revoked: every gateway rejects its signatures within a second." in ran.out
    assert re.search(r"breaks: orders, \S+.*: 2 messages needed it, the last at ", ran.out)
    assert entry(run, "acme-2024")["revoked"] is True
    assert listed(run) == {"acme-2024": "retired", "acme-2026": "staged"}
    assert "The renewal acme-2026 stays open: acme-2026 is not trusted." in run("renewal", "retire").out
    assert run("keystore", "trust", "acme-2026").code == 0
    finished = run("renewal", "retire", "--json")
    assert json.loads(finished.out)["renewal"]["closed"]["how"] == "finished"


def test_an_open_renewal_becomes_an_emergency(run: Run, filled: Path) -> None:
    seen(filled, "acme-2024", 2, 1)
    started(run, "--alias", "acme-2026", "--announced", "2099-12-15T22:00:00+01:00")
    ran = run("renewal", "change", "--compromised", "--reason", "stolen laptop")
    assert ran.code == 0, ran.err
    assert "acme-2024 is revoked: every gateway rejects its signatures within a second." in ran.out
    assert re.search(r"breaks: orders, \S+.*: 2 messages needed it, the last at ", ran.out)
    assert entry(run, "acme-2024")["revoked"] is True
    assert listed(run) == {"acme-2024": "retired", "acme-2026": "staged"}
    assert json.loads(run("renewal", "status", "--json").out)["renewal"]["compromised"] is True
    assert "emergency: the old key is compromised" in run("renewal", "status").out
    before = revision(run)
    refused(run, filled, run("renewal", "change", "--compromised"), 2, "say what to change")
    assert revision(run) == before


def test_an_emergency_of_which_only_the_revocation_was_written_is_finished_by_the_next(run: Run, filled: Path) -> None:
    started(run, "--alias", "acme-2026")
    assert run("keystore", "retire", "acme-2024", "--compromised", "--reason", "stolen").code == 0
    before = revision(run)
    found = json.loads(run("renewal", "change", "--compromised", "--json").out)
    assert (found["renewal"]["compromised"], revision(run)) == (True, before)


@pytest.mark.parametrize("by", ["renewal", "change", "keystore", "folder"])
def test_an_emergency_waits_for_no_clock(run: Run, filled: Path, monkeypatch: pytest.MonkeyPatch, by: str) -> None:
    watched(filled, 2)
    behind = datetime.now(UTC) - timedelta(hours=3)
    for module in (renewal_options, retire, sync):
        monkeypatch.setattr(module, "now", lambda: behind)
    refusal = run("keystore", "retire", "acme-2024", "--reason", "switched")
    assert (refusal.code, "set the clock right" in refusal.err) == (3, True), "what is no emergency does"
    if by == "renewal":
        ran = start(run, "--alias", "acme-2026", "--compromised")
    elif by == "change":
        started(run, "--alias", "acme-2026")
        ran = run("renewal", "change", "--compromised")
    elif by == "keystore":
        ran = run("keystore", "retire", "acme-2024", "--compromised", "--reason", "stolen")
    else:
        assert run("keystore", "export", "--all", "--to", "folder").code == 0
        assert run("keystore", "sync", "folder", "--apply").code == 3, "nobody is revoked: the clock counts"
        text = Path("folder/trusted/acme-2024.pem").read_text()
        Path("folder/trusted/acme-2024.pem").unlink()
        Path("folder/retired").mkdir(exist_ok=True)
        Path("folder/retired/acme-2024.pem").write_text(f"# compromised: yes\n{text}")
        ran = run("keystore", "sync", "folder", "--apply", "--reason", "stolen")
    assert (ran.code, "the revocation is dated then; set the clock right" in ran.err) == (0, True), ran
    assert entry(run, "acme-2024")["revoked"] is True
    revoked = json.loads(run("keystore", "history", "acme-2024", "--json").out.splitlines()[-1])
    assert datetime.fromisoformat(revoked["time"]) > behind + timedelta(hours=2), "not before what was told already"


def test_an_emergency_that_began_before_its_renewal(run: Run, filled: Path) -> None:
    assert run("keystore", "retire", "acme-2024", "--compromised", "--reason", "stolen").code == 0
    ran = start(run, "--alias", "acme-2026", "--compromised")
    assert ran.code == 0
    assert "No message is on record that needed it" in ran.out


# confirm, change, abandon


def test_a_confirmation_is_kept_and_a_wrong_fingerprint_is_loud(run: Run, filled: Path) -> None:
    found = started(run, "--alias", "acme-2026")
    new, old = found["renewal"]["new"]["thumbprint"], found["renewal"]["old"][0]["thumbprint"]
    good = run("renewal", "confirm", "2", "--by", "Ann", "--fingerprint", new.upper(), "--who", "bob")
    assert (good.code, good.err) == (0, "")
    assert "The fingerprint is that of acme-2026." in good.out
    wrong = run("renewal", "confirm", "2", "ACME-2026", "--by", "Ann", "--fingerprint", old)
    assert wrong.code == 1
    assert "THE FINGERPRINT DIFFERS" in wrong.err
    assert "Recorded: step 2 of acme-2026" in wrong.out
    told = run("renewal", "confirm", "2", "--fingerprint", old, "--json")
    assert told.code == 1
    assert "THE FINGERPRINT DIFFERS" in json.loads(told.out)["warnings"][0]
    spoken = json.loads(run("renewal", "confirm", "7", "--note", "since noon", "--who", "eva", "--json").out)
    assert [(one["step"], one["by"]) for one in spoken["renewal"]["confirmations"]][-1] == (7, "eva")
    assert spoken["warnings"] == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("9",), "less than or equal to 8"),
        (("two",), "valid integer"),
        (("2", "nobody"), "no renewal 'nobody'; those that were started: acme-2026"),
        (("2", "--fingerprint", "aa:bb"), "no whole SHA-256 fingerprint"),
        (("4", "--fingerprint", "aa:bb"), "belongs to step 2"),
        (("4", "--note", "x" * 3000), "the note has 3,000 characters"),
    ],
)
def test_what_cannot_be_confirmed_is_not_recorded(
    run: Run, filled: Path, arguments: tuple[str, ...], words: str
) -> None:
    started(run, "--alias", "acme-2026")
    ran = run("renewal", "confirm", *arguments)
    assert ran.code == 2
    assert words in " ".join(ran.err.split())
    assert statements(filled) == ["started"]


def test_without_a_renewal_there_is_nothing_to_say(run: Run, filled: Path) -> None:
    for arguments in (
        ("confirm", "2"),
        ("change", "--downtime"),
        ("abandon", "--reason", "x"),
        ("retire",),
        ("withdraw", "--reason", "x"),
        ("rehearse", "new.pem"),
        ("waive", "orders:Get", "--reason", "x"),
    ):
        ran = run("renewal", *arguments)
        assert (ran.code, "no renewal is open" in ran.err) == (2, True), arguments


def test_a_change_tells_what_holds_now(run: Run, filled: Path) -> None:
    with (filled / "gateway.toml").open("a") as file:
        file.write(OTHER_ENDPOINT)
    started(run, "-e", "orders", "--alias", "acme-2026")
    unmeant = run("renewal", "change", "-e", "invoices")
    refused(run, filled, unmeant, 1, "keystore set acme-2026 --endpoint invoices --endpoint orders")
    assert run("keystore", "set", "acme-2026", "--all-endpoints").code == 0
    ran = run("renewal", "change", "-e", "invoices", "--announced", "2026-12-15T22:00:00+01:00", "--downtime")
    assert ran.code == 0
    assert "endpoints  invoices, orders" in ran.out
    assert "announced  2026-12-15T22:00:00+01:00" in ran.out
    assert "downtime   the receiver" in ran.out
    back = json.loads(run("renewal", "change", "--no-announced", "--contact", "Ann", "--json").out)["renewal"]
    assert (back["announced"], back["contacts"]) == (None, ["Ann"])
    assert "contact    Ann" in run("renewal", "change", "--no-downtime").out
    refused(run, filled, run("renewal", "change"), 2, "say what to change")
    both = run("renewal", "change", "--no-announced", "--announced", "2026-12-15T22:00Z")
    refused(run, filled, both, 2, "contradict each other")
    refused(run, filled, run("renewal", "change", "-e", "nowhere"), 2, "no endpoint 'nowhere'")


def test_an_abandoned_renewal_leaves_the_keystore_alone(run: Run, filled: Path) -> None:
    started(run, "--alias", "acme-2026")
    refused(run, filled, run("renewal", "abandon", "--reason", " "), 2, "must say why")
    before = revision(run)
    ran = run("renewal", "abandon", "--reason", "the partner is gone")
    assert ran.code == 0
    assert "wssgate keystore set acme-2026 --no-replaces" in ran.out
    assert revision(run) == before
    again = run("renewal", "abandon", "acme-2026", "--reason", "x", "--json")
    refused(run, filled, again, 1, "acme-2026 is closed: abandoned")
    assert run("renewal", "confirm", "6", "acme-2026").code == 0, "that may still be said"
    assert json.loads(start(run, "--json").out)["renewal"]["name"] == "acme-2026-2"


# rehearse


def test_a_rehearsal_tells_what_would_happen_on_the_night(run: Run, filled: Path, signed_files: Path) -> None:
    started(run, "--alias", "acme-2026")
    good = run("renewal", "rehearse", signed_files / "new.xml")
    assert good.code == 0
    assert "would be accepted, verified by acme-2026" in good.out
    assert "today its key is not trusted yet, and it would fail (staged-key)" in good.out
    bad = run("renewal", "rehearse", signed_files / "altered.xml", signed_files / "old.xml", "nothing.xml")
    assert bad.code == 3
    assert "altered.xml: would be rejected," in bad.out
    assert "old.xml: not signed with the key of acme-2026" in bad.out
    assert "it says nothing of acme-2026" in bad.out
    assert "nothing.xml: No such file" in bad.err
    assert run("keystore", "trust", "acme-2026").code == 0
    found = run("renewal", "rehearse", signed_files / "new.xml", signed_files / "wrapped.xml", "--json")
    assert found.code == 1
    rehearsals = json.loads(found.out)["renewal"]["rehearsals"]
    assert [one["accepted"] for one in rehearsals] == [True, False, False, True, False]
    assert rehearsals[3]["sentence"].endswith("it passes today already")
    assert rehearsals[2]["reason"] == "not-the-new-key"
    assert {one["endpoint"] for one in rehearsals} == {"orders"}
    assert listed(run) == {"acme-2024": "trusted", "acme-2026": "trusted"}


def test_a_rehearsal_takes_a_response_as_curl_writes_it(run: Run, filled: Path, signed_files: Path) -> None:
    started(run, "--alias", "acme-2026")
    body = (signed_files / "new.xml").read_bytes()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml; charset=utf-8\r\nContent-Length: %d\r\n\r\n" % len(body)
    (filled / "good.http").write_bytes(head + body)
    (filled / "short.http").write_bytes(head + body[:-1])
    assert run("renewal", "rehearse", "good.http").code == 0
    short = run("renewal", "rehearse", "short.http")
    assert (short.code, "cut short" in short.err) == (3, True)


def test_a_rehearsal_is_for_one_endpoint(run: Run, filled: Path, signed_files: Path) -> None:
    with (filled / "gateway.toml").open("a") as file:
        file.write(OTHER_ENDPOINT)
    started(run, "--alias", "acme-2026")
    sample = signed_files / "new.xml"
    refused(run, filled, run("renewal", "rehearse", sample), 2, "--endpoint with one of invoices, orders")
    refused(run, filled, run("renewal", "rehearse", sample, "-e", "x"), 2, "it is about invoices, orders")
    assert run("renewal", "rehearse", sample, "-e", "invoices").code == 0
    assert run("keystore", "retire", "acme-2026", "--reason", "x", "--force").code == 0
    refused(run, filled, run("renewal", "rehearse", sample, "-e", "invoices"), 1, "retired or gone")


# waive, retire


@pytest.fixture
def switched(run: Run, workplace: Path) -> Path:
    """A receiver that switched half a month ago, but for one operation."""
    watched(workplace, 40, timedelta(days=10))
    trusted_since(workplace, 100, "old", "new")
    assert run("keystore", "set", "new", "--replaces", "old").code == 0
    seen(workplace, "old", *(day + 0.5 for day in range(15, 30)))
    seen(workplace, "new", *(day + 0.5 for day in range(12)))
    ran = run("renewal", "start", "--old", "old", "--new", "new", "--name", "acme", "--json")
    assert ran.code == 0, ran.err
    return workplace


def test_the_old_certificate_is_retired_through_the_gate_and_the_renewal_is_finished(run: Run, switched: Path) -> None:
    ran = run("renewal", "retire")
    assert ran.code == 0, ran.err
    assert "The renewal acme is finished." in ran.out
    assert "wssgate keystore purge old" in ran.out
    assert listed(run) == {"new": "trusted", "old": "retired"}
    with open_workplace(switched / "gateway.toml") as workplace:
        renewal = read_renewals(workplace.engine).named("acme")
        (retired,) = (one for one in read_statements(workplace.engine) if one.kind == "retired")
    assert renewal.closed is not None
    assert len(renewal.retirement_certificates) == 1
    certificate = json.loads(retired.content["certificate"])
    assert (certificate["schema"], certificate["question"]["alias"]) == ("wssgate.retirement/1", "old")
    assert (certificate["gate"]["question"], certificate["gate"]["alias"]) == ("retire", "old")
    again = run("renewal", "retire", "acme")
    refused(run, switched, again, 1, "acme is finished already: there is nothing to retire")


def test_where_the_gate_is_closed_nothing_changes(run: Run, switched: Path) -> None:
    seen(switched, "old", 0.001)
    before = statements(switched)
    ran = run("renewal", "retire", "--reason", "I want to", "--json")
    assert ran.code == 1
    assert json.loads(ran.out)["blockers"]
    assert (statements(switched), listed(run)["old"]) == (before, "trusted")
    refused(run, switched, run("renewal", "retire", "--force"), 2, "--force needs --reason")
    forced = run("renewal", "retire", "--force", "--reason", "I want to", "--json")
    assert forced.code == 0
    assert any("overridden" in warning for warning in json.loads(forced.out)["warnings"])


def test_an_interrupted_retirement_is_finished_by_the_next(run: Run, switched: Path) -> None:
    assert run("keystore", "retire", "old", "--reason", "by hand").code == 0
    assert json.loads(run("renewal", "retire", "--json").out)["renewal"]["closed"]["how"] == "finished"


def test_one_of_several_old_certificates_goes_first(run: Run, switched: Path) -> None:
    assert run("renewal", "abandon", "--reason", "another one").code == 0
    trusted_since(switched, 100, "older")
    ran = run("renewal", "start", "--old", "old", "--old", "older", "--new", "new", "--name", "both", "--json")
    assert ran.code == 0, ran.err
    refused(run, switched, run("renewal", "retire", "--old", "new"), 2, "not an old certificate of the renewal both")
    ran = run("renewal", "retire", "--old", "OLD")
    assert ran.code == 0, ran.err
    assert "The renewal both stays open: older is still trusted." in ran.out
    last = run("renewal", "retire", "--force", "--reason", "never used", "--json")
    assert last.code == 0, last.out
    assert json.loads(last.out)["renewal"]["closed"]["how"] == "finished"


def test_a_waived_cell_is_not_asked_but_the_delivery_time_passes(run: Run, switched: Path) -> None:
    with open_workplace(switched / "gateway.toml") as workplace:
        remember_expected(workplace.engine, "orders", ["{urn:x}Yearly"], datetime.now(UTC))
    unknown = run("renewal", "waive", "orders:Nothing", "--reason", "x")
    refused(run, switched, unknown, 1, r"Nothing is known of a cell 'orders:Nothing' .*: orders:\{")
    refused(run, switched, run("renewal", "waive", "Nothing", "--reason", "x"), 2, "is no cell")
    ran = run("renewal", "waive", "orders:Yearly", "--reason", "once a year", "--by", "Ann")
    assert ran.code == 0, ran.err
    assert "orders:{urn:x}Yearly need not switch, at whichever server; waived by Ann." in ran.out
    again = run("renewal", "waive", "orders:{urn:x}Yearly", "--reason", "x")
    refused(run, switched, again, 1, "Ann has waived that already: once a year")
    with open_workplace(switched / "gateway.toml") as workplace:
        (waived,) = waived_cells(read_renewals(workplace.engine))
        old = workplace.keystore.get("old").thumbprint
    assert waived == WaivedCell(old, "orders", "{urn:x}Yearly")
    told = run("renewal", "retire", "--json")
    assert told.code == 0
    history = run("keystore", "history", "old", "--json").out.splitlines()
    assert "{urn:x}Yearly" in history[-1], "the gate's figures tell what was waived"


@pytest.mark.parametrize(
    ("forgery", "finding"),
    [
        (
            "INSERT INTO renewal_statements VALUES (2, 'acme', 'waived', 0, 0, 'x', json_object('by', 'Ann', "
            "'reason', 'r', 'endpoint', 'orders', 'operation', '{urn:x}Rare', 'server', ''), '', '')",
            "statements: number 2 does not match its hash",
        ),
        (
            "INSERT INTO renewal_statements VALUES ('x', '', '', 0, 0, 'x', '{}', '', '')",
            "statements: number x was never",
        ),
        (
            "INSERT INTO keystore_history (id, revision, entry_id, action, alias, thumbprint, entry) "
            "SELECT -id, 1, entry_id, action, alias, thumbprint, entry FROM keystore_history WHERE id = 2",
            "the history of the keystore: ",
        ),
    ],
)
def test_what_nobody_said_or_decided_opens_no_gate(run: Run, switched: Path, forgery: str, finding: str) -> None:
    """A row more is let in by every trigger; what it says is held against the chain before a gate rests on it."""
    with open_workplace(switched / "gateway.toml") as workplace, writing(workplace.engine) as connection:
        connection.exec_driver_sql(forgery)
    ran = run("renewal", "retire", "--json")
    assert ran.code == 1
    (sentence,) = (blocker["sentence"] for blocker in json.loads(ran.out)["blockers"])
    assert finding in sentence
    assert "wssgate ledger verify tells more" in sentence
    status = json.loads(run("renewal", "status", "--json").out)
    assert any(finding in warning for warning in status["warnings"])
    assert run("ledger", "verify").code == 1


# withdraw


def test_a_staged_certificate_is_withdrawn_at_once(run: Run, filled: Path) -> None:
    started(run, "--alias", "acme-2026")
    refused(run, filled, run("renewal", "withdraw"), 2, "must say why")
    ran = run("renewal", "withdraw", "--reason", "wrong subject")
    assert ran.code == 0
    assert "acme-2026 is not trusted, and acme-2024 stays" in ran.out
    assert listed(run) == {"acme-2024": "trusted", "acme-2026": "retired"}
    assert entry(run, "acme-2026")["replaces"] == []
    assert "wrong subject" in run("keystore", "history", "acme-2026").out
    refused(run, filled, run("renewal", "withdraw", "acme-2026", "--reason", "x"), 1, "withdrawn already")


def test_what_is_only_staged_is_withdrawn_whatever_the_clock_says(
    run: Run, filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched(filled, 2)
    started(run, "--alias", "acme-2026")
    behind = datetime.now(UTC) - timedelta(hours=3)
    monkeypatch.setattr(renewal_options, "now", lambda: behind)
    assert run("renewal", "withdraw", "--reason", "it was the wrong one").code == 0
    assert listed(run)["acme-2026"] == "retired"


def test_what_somebody_trusts_meanwhile_is_withdrawn_through_the_gate(
    run: Run, filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started(run, "--alias", "acme-2026")
    looked = 0

    def look(entries: Sequence[StoredEntry], one: PlannedCertificate) -> StoredEntry | None:
        nonlocal looked
        looked += one.alias == "acme-2026"
        if looked == 1 and one.alias == "acme-2026":
            assert run("keystore", "trust", "acme-2026", "--reason", "x").code == 0
        return entry_of(entries, one)

    monkeypatch.setattr(withdraw, "entry_of", look)
    ran = run("renewal", "withdraw", "--reason", "it was the wrong one")
    assert (ran.code, "Somebody has just trusted acme-2026" in ran.err) == (1, True)
    assert listed(run)["acme-2026"] == "trusted"


def test_a_trusted_certificate_is_withdrawn_through_the_gate(run: Run, switched: Path) -> None:
    ran = run("renewal", "withdraw", "--reason", "it did not work")
    assert ran.code == 1
    assert "it is too early" in ran.err
    assert listed(run) == {"new": "trusted", "old": "trusted"}
    assert entry(run, "new")["replaces"] == [entry(run, "old")["thumbprint"]], "all or nothing"
    forced = run("renewal", "withdraw", "--reason", "it did not work", "--force", "--json")
    assert forced.code == 0
    assert json.loads(forced.out)["renewal"]["closed"]["how"] == "withdrawn"
    assert listed(run) == {"new": "retired", "old": "trusted"}
    assert entry(run, "new")["replaces"] == []


def test_a_new_key_that_has_been_quiet_for_long_enough_is_withdrawn_without_force(run: Run, workplace: Path) -> None:
    watched(workplace, 40, timedelta(days=10))
    trusted_since(workplace, 100, "old", "new")
    assert run("keystore", "set", "new", "--replaces", "old").code == 0
    seen(workplace, "new", *(day + 0.5 for day in range(20, 25)))
    seen(workplace, "old", *(day + 0.5 for day in range(20)))
    assert run("renewal", "start", "--old", "old", "--new", "new", "--name", "acme", "--json").code == 0
    refused(run, workplace, run("keystore", "retire", "new", "--reason", "x"), 1, "is declared to replace old")
    ran = run("renewal", "withdraw", "--reason", "it did not work")
    assert ran.code == 0, ran.err
    assert "gate passed" in ran.out
    assert listed(run) == {"new": "retired", "old": "trusted"}
    assert entry(run, "new")["replaces"] == []


def test_there_must_be_something_to_go_back_to(run: Run, filled: Path) -> None:
    started(run, "--alias", "acme-2026")
    assert run("keystore", "retire", "acme-2024", "--reason", "x", "--force").code == 0
    refused(run, filled, run("renewal", "withdraw", "--reason", "x"), 1, "nothing to go back to: restore it first")


def test_what_is_gone_already_is_withdrawn_in_words(run: Run, filled: Path) -> None:
    started(run, "--alias", "acme-2026")
    assert run("keystore", "retire", "acme-2026", "--reason", "x").code == 0
    assert run("keystore", "purge", "acme-2026", "--reason", "x", "--force").code == 0
    assert run("renewal", "withdraw", "--reason", "x").code == 0


# policies


def test_a_policy_has_an_owner_and_a_reason(run: Run, filled: Path) -> None:
    with (filled / "gateway.toml").open("a") as file:
        file.write(OTHER_ENDPOINT)
    arguments = ("--owner", "Ann", "--reason", "queues keep a week", "--guaranteed-delivery-time")
    ran = run("renewal", "policy", "set", "orders", *arguments, "7d")
    assert ran.code == 0
    assert "Recorded: the guaranteed delivery time of orders is 7d, decided by Ann." in ran.out
    assert 'guaranteed_delivery_time = "7d" in the table [endpoint.orders]' in " ".join(ran.err.split())
    same = run("renewal", "policy", "set", "invoices", *arguments, "2d")
    assert same.err == ""
    shown = run("renewal", "policy", "list").out
    assert re.search(r"orders +7d +14d \(default\) +- +Ann", shown)
    assert re.search(r"invoices +2d +2d +- +Ann", shown)
    found = {one["endpoint"]: one for one in json.loads(run("renewal", "policy", "list", "--json").out)["policies"]}
    assert found["orders"]["configured_default"] is True
    assert found["orders"]["guaranteed_delivery_seconds"] == 7 * 86400
    warned = started(run, "--alias", "acme-2026")["warnings"]
    assert any("Ann decided on a guaranteed delivery time of 7d" in one for one in warned)
    assert not any("invoices" in one for one in warned)
    refused(run, filled, run("renewal", "policy", "set", "nowhere", *arguments, "7d"), 2, "no endpoint 'nowhere'")
    refused(run, filled, run("renewal", "policy", "set", "orders", *arguments, "7 days"), 2, "no length of time")
    refused(run, filled, run("renewal", "policy", "set", "orders", *arguments, "0s"), 2, "longer than nothing")
    as_json = run("renewal", "policy", "set", "orders", *arguments, "3d", "--json")
    assert json.loads(as_json.out)["policies"][0]["owner"] == "Ann"


def test_served_times_stand_beside(run: Run, switched: Path) -> None:
    assert re.search(r"orders +nobody +14d \(default\) +10d", run("renewal", "policy", "list").out)
