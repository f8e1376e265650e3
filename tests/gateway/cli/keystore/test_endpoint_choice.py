"""For which endpoints a new certificate is meant is said, or asked for; it is never every one by an oversight."""

import io
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.gateway.cli.keystore.test_keystore_commands import certificate_of, issue, listed, pem
from tests.gateway.cli.running import Run

KEY = ec.generate_private_key(ec.SECP256R1())
SUBJECT = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "acme")])

MORE = """
[endpoint.invoices]
path = "/invoices"
upstream = "http://127.0.0.1:9/invoices"
guaranteed_delivery_time = "1h"
"""


class Terminal(io.StringIO):
    """Standard input with a person before it."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def two_endpoints(workplace: Path) -> Path:
    with (workplace / "gateway.toml").open("a", encoding="utf-8") as configuration:
        configuration.write(MORE)
    return workplace


def over_one_key(name: str) -> x509.Certificate:
    """Certificates of that name over a key that all of them share."""
    return (
        x509.CertificateBuilder()
        .subject_name(SUBJECT)
        .issuer_name(SUBJECT)
        .public_key(KEY.public_key())
        .serial_number(1 + len(name))
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=300))
        .sign(KEY, hashes.SHA256())
    )


def endpoints_of(run: Run, alias: str) -> object:
    return json.loads(run("keystore", "show", alias, "--json").out)["endpoints"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("add", "acme", "{}/new.pem"),
        ("add", "acme", "{}/new.pem", "--stage", "--json"),
        ("add", "--from-message", "{}/new.xml", "--yes"),
        ("import", "{}/new.pem"),
    ],
)
def test_where_nobody_can_be_asked_it_has_to_be_said(
    run: Run, two_endpoints: Path, signed_files: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal("all\n") if "--json" in arguments else io.StringIO("all\n"))
    command = ["keystore", *(argument.format(signed_files) for argument in arguments)]
    refused = run(*command)
    assert (refused.code, refused.out, listed(run)) == (2, "", {})
    assert "--endpoint NAME or --all-endpoints; they are: orders, invoices." in refused.err
    both = run(*command, "-e", "orders", "--all-endpoints")
    assert (both.code, "contradict each other" in both.err) == (2, True)
    assert run(*command, "-e", "nope").code == 2
    assert run(*command, "--all-endpoints").code == 0
    assert [endpoints_of(run, alias) for alias in listed(run)] == [None]


@pytest.mark.parametrize(
    ("answers", "code", "endpoints"),
    [
        ("orders\n", 0, ["orders"]),
        (" invoices , orders\n", 0, ["invoices", "orders"]),
        ("all\n", 0, None),
        ("every\n\nall, orders\ninvoices\n", 0, ["invoices"]),
        ("x\ny\nz\nall\n", 2, None),
        ("", 130, None),
    ],
)
def test_a_person_is_asked(
    run: Run,
    two_endpoints: Path,
    signed_files: Path,
    monkeypatch: pytest.MonkeyPatch,
    answers: str,
    code: int,
    endpoints: list[str] | None,
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(answers))
    ran = run("keystore", "add", "acme", signed_files / "new.pem")
    assert ran.code == code
    assert "For which endpoints (orders, invoices, separated by commas, or all)?" in ran.err
    assert listed(run) == ({"acme": "trusted"} if code == 0 else {})
    if code == 0:
        assert endpoints_of(run, "acme") == endpoints


def test_nobody_is_asked_about_what_is_refused(
    run: Run, two_endpoints: Path, signed_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal("all\n"))
    lapsed = two_endpoints / "lapsed.pem"
    lapsed.write_bytes(pem(certificate_of(days=-2)))
    ran = run("keystore", "add", "acme", lapsed)
    assert (ran.code, "it expired on" in ran.err, "For which" in ran.err) == (1, True, False)


def test_what_a_message_carries_is_asked_about_as_well(
    run: Run, two_endpoints: Path, signed_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal("orders\ny\n"))
    ran = run("keystore", "add", "acme", "--from-message", signed_files / "new.xml")
    assert ran.code == 0
    assert ran.err.index("For which endpoints") < ran.err.index("Stage acme")
    assert (listed(run), endpoints_of(run, "acme")) == ({"acme": "staged"}, ["orders"])


def test_one_that_expires_soon_is_told(run: Run, workplace: Path) -> None:
    file = workplace / "soon.pem"
    file.write_bytes(pem(issue("soon", days=20)[0]))
    added = run("keystore", "add", "soon", file)
    assert (added.code, "it expires on 20" in added.err, "in 19 days" in added.err) == (0, True, True)


def test_another_certificate_over_a_retired_key_says_so(run: Run, workplace: Path, signed_files: Path) -> None:
    for name in ("first", "second"):
        (workplace / f"{name}.pem").write_bytes(pem(over_one_key(name)))
    assert run("keystore", "add", "first", workplace / "first.pem").code == 0
    beside = run("keystore", "add", "second", workplace / "second.pem", "--stage")
    assert "accepted again" not in beside.err, "the key is trusted anyway"
    for name in ("first", "second"):
        assert run("keystore", "retire", name, "--reason", "x", "--force").code == 0
    (workplace / "third.pem").write_bytes(pem(over_one_key("third")))
    staged = run("keystore", "add", "third", workplace / "third.pem", "--stage")
    expected = "the key of first, second was retired: signatures of it will be accepted again as soon as it is trusted"
    assert (staged.code, expected in staged.err) == (0, True)
    trusted = run("keystore", "trust", "third")
    assert "the key of first, second was retired: signatures of it are accepted again" in trusted.out
