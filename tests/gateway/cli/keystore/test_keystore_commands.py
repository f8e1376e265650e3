"""`wssgate keystore`: whom to trust, from the command line."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, pkcs12
from cryptography.x509.oid import NameOID

from tests.gateway.cli.running import Run

USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


def issue(
    name: str, *, ca: bool = False, marked: bool = False, days: int = 300
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """A self-signed certificate: a signer's, an authority's (`ca`), or a signer's that is `marked` as an authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    end = datetime.now(UTC) + timedelta(days=days)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(end - timedelta(days=365))
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=ca or marked, path_length=None), critical=True)
    )
    if ca:
        usage = dict.fromkeys(USAGES, False) | {"key_cert_sign": True, "crl_sign": True}
        builder = builder.add_extension(x509.KeyUsage(**usage), critical=True)
    return builder.sign(key, hashes.SHA256()), key


def certificate_of(*, bits: int = 2048, days: int = 300) -> x509.Certificate:
    """A self-signed certificate over an RSA key, valid for a year until then."""
    key = rsa.generate_private_key(65537, bits)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "acme")])
    end = datetime.now(UTC) + timedelta(days=days)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(end - timedelta(days=365)).not_valid_after(end)
    return builder.sign(key, hashes.SHA256())


def pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.PEM)


def listed(run: Run) -> dict[str, str]:
    entries = json.loads(run("keystore", "list", "--json").out)["entries"]
    return {entry["alias"]: entry["state"] for entry in entries}


def test_the_life_of_a_certificate(run: Run, workplace: Path, signed_files: Path) -> None:
    added = run(
        "keystore", "add", "acme-2024", signed_files / "old.pem", "-e", "orders", "--who", "ann", "--why", "first"
    )
    assert added.code == 0
    thumbprint = json.loads(run("keystore", "show", "acme-2024", "--json").out)["thumbprint"]
    assert ":".join(thumbprint.upper()[i : i + 2] for i in range(0, 32, 2)) in added.out
    assert "  ".join(thumbprint[i : i + 4] for i in range(0, 32, 4)) in added.out
    assert "wssgate report cutover" in added.out

    assert run("keystore", "add", "acme-2026", signed_files / "new.pem", "--stage").code == 0
    assert listed(run) == {"acme-2024": "trusted", "acme-2026": "staged"}
    assert run("keystore", "trust", "acme-2026", "--why", "renewal").code == 0
    too_early = run("keystore", "retire", "ACME-2024", "--reason", "switched", "--who", "bob")
    assert (too_early.code, too_early.out) == (1, "")
    assert "silence is no evidence" in too_early.err
    retired = run("keystore", "retire", "ACME-2024", "--reason", "switched", "--who", "bob", "--force")
    assert "by bob: switched" in retired.out
    assert "overridden: orders: no message was verified by another trusted key" in retired.out
    assert listed(run) == {"acme-2024": "retired", "acme-2026": "trusted"}
    assert run("keystore", "trust", "acme-2024").code == 1
    assert run("keystore", "restore", "acme-2024", "--reason", "too early").code == 0
    assert listed(run)["acme-2024"] == "trusted"

    lines = [json.loads(line) for line in run("keystore", "history", "--json").out.splitlines()]
    assert [(line["action"], line["alias"]) for line in lines] == [
        ("added", "acme-2024"),
        ("staged", "acme-2026"),
        ("trusted", "acme-2026"),
        ("retired", "acme-2024"),
        ("restored", "acme-2024"),
    ]
    assert (lines[0]["who"], lines[0]["why"]) == ("ann", "first")
    assert [bool(line["overrode"]) for line in lines] == [False, False, False, True, False]
    shown = run("keystore", "history", "acme-2024").out
    assert "by force" in shown
    assert "although orders: no message was verified by" in " ".join(shown.split())


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("second", "{}/old.pem"), 1, "in the keystore already, as first"),
        (("first", "{}/new.pem"), 1, "the alias first is in use"),
        (("x", "{}/old.key"), 1, "holds a private key"),
        (("x", "{}/missing.pem"), 3, "No such file"),
        (("x", "{}/old.xml"), 2, "XML document"),
        (("a b", "{}/new.pem"), 2, "'a b' cannot be an alias"),
        (("x", "{}/new.pem", "-e", "nope"), 2, "there is no endpoint 'nope'; the endpoints are: orders"),
        (("x", "{}/new.pem", "--password-file", "{}/missing.txt"), 3, "No such file"),
        (("x", "{}/new.pem", "--config", "nope.toml"), 2, "there is no such file"),
    ],
)
def test_each_refusal_has_its_own_answer_and_changes_nothing(
    run: Run, workplace: Path, signed_files: Path, arguments: tuple[str, ...], code: int, sentence: str
) -> None:
    assert run("keystore", "add", "first", signed_files / "old.pem").code == 0
    ran = run("keystore", "add", *(argument.format(signed_files) for argument in arguments))
    assert (ran.code, ran.out) == (code, "")
    assert sentence in ran.err
    assert listed(run) == {"first": "trusted"}


def test_expired_and_authority_certificates_need_force(run: Run, workplace: Path) -> None:
    for name, (certificate, _) in {"expired": issue("a", days=-2), "authority": issue("b", ca=True)}.items():
        file = workplace / f"{name}.pem"
        file.write_bytes(pem(certificate))
        refused = run("keystore", "add", name, file)
        assert (refused.code, "--force" in refused.err) == (1, True)
        forced = run("keystore", "add", name, file, "--force")
        assert (forced.code, "Warning" in forced.err) == (0, True)
    shown = run("keystore", "list").out
    assert "EXPIRED" in shown


def test_a_self_signed_certificate_that_is_marked_as_a_ca_is_a_signers_own(run: Run, workplace: Path) -> None:
    file = workplace / "marked.pem"
    file.write_bytes(pem(issue("b", marked=True)[0]))
    added = run("keystore", "add", "acme", file)
    assert (added.code, "marked as a CA certificate" in added.err, "--force" in added.err) == (0, True, False)
    assert listed(run) == {"acme": "trusted"}


def test_what_has_to_happen_before_its_messages_pass_is_said(run: Run, workplace: Path) -> None:
    cases = {
        "lapsed": (certificate_of(days=-2), ('expired_certificate = "accept" in the policy of orders',)),
        "weak": (certificate_of(bits=1024), ("minimum_rsa_bits = 1024 in the policy of orders",)),
        "early": (certificate_of(days=400), (" may be sent from 20",)),
        "plain": (certificate_of(), ("may be sent, and watch",)),
    }
    for name, (certificate, sentences) in cases.items():
        file = workplace / f"{name}.pem"
        file.write_bytes(pem(certificate))
        added = run("keystore", "add", name, file, "--force")
        assert added.code == 0
        assert [sentence for sentence in sentences if sentence not in added.out] == []
        assert ("dangerous" in added.out) == (name in {"lapsed", "weak"})
    admitted = "[endpoint.orders.policy]\nminimum_rsa_bits = 1024\n"
    configuration = (workplace / "gateway.toml").read_text()
    (workplace / "gateway.toml").write_text(configuration + admitted)
    (workplace / "weak-too.pem").write_bytes(pem(certificate_of(bits=1024)))
    assert "dangerous" not in run("keystore", "add", "weak-too", workplace / "weak-too.pem").out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("taken",), "the alias taken is in use"),
        (("a b",), "'a b' cannot be an alias"),
        (("new", "--replaces", "nobody"), "there is no entry 'nobody'"),
        (("new", "--from", "2030-01-01T00:00:00Z", "--until", "2029-01-01T00:00:00Z"), "end before it begins"),
    ],
)
def test_nobody_is_asked_for_a_password_in_vain(
    run: Run, workplace: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], sentence: str
) -> None:
    certificate, key = issue("acme")
    sealed = workplace / "acme.p12"
    sealed.write_bytes(
        pkcs12.serialize_key_and_certificates(b"x", key, certificate, None, BestAvailableEncryption(b"secret"))
    )
    (workplace / "taken.pem").write_bytes(pem(issue("taken")[0]))
    assert run("keystore", "add", "taken", workplace / "taken.pem").code == 0
    asked: list[str] = []
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)

    def typed(prompt: str, **_: object) -> str:
        asked.append(prompt)
        return "secret"

    monkeypatch.setattr("getpass.getpass", typed)
    alias, *options = arguments
    ran = run("keystore", "add", alias, sealed, *options)
    assert (ran.code in {1, 2}, sentence in ran.err, asked) == (True, True, [])
    assert run("keystore", "import", sealed, "--replaces", "nobody").code == 2
    assert asked == []
    assert run("keystore", "add", "new", sealed, "--allow-private-key").code == 0
    assert len(asked) == 1


def test_a_bundle_adds_its_signers_and_leaves_authorities_out(run: Run, workplace: Path) -> None:
    file = workplace / "bundle.pem"
    file.write_bytes(
        b"".join(pem(issue(name, ca=ca)[0]) for name, ca in (("ca", True), ("one", False), ("two", False)))
    )
    ran = run("keystore", "add", "acme", file)
    assert ran.code == 0
    assert "left out: CN=ca" in ran.err
    assert listed(run) == {"acme": "trusted", "acme-2": "trusted"}


def test_a_bundle_is_added_whole_or_not_at_all(run: Run, workplace: Path) -> None:
    file = workplace / "bundle.pem"
    file.write_bytes(pem(issue("good")[0]) + pem(issue("expired", days=-2)[0]))
    assert run("keystore", "add", "acme", file).code == 1
    assert listed(run) == {}


def test_a_protected_file(run: Run, workplace: Path) -> None:
    certificate, key = issue("protected")
    file, password = workplace / "store.p12", workplace / "password.txt"
    file.write_bytes(
        pkcs12.serialize_key_and_certificates(b"x", None, certificate, None, BestAvailableEncryption(b"s"))
    )
    assert run("keystore", "add", "x", file).code == 2
    password.write_text("wrong\n")
    assert run("keystore", "add", "x", file, "--password-file", password).code == 2
    password.write_text("s\n")
    assert run("keystore", "add", "x", file, "--password-file", password).code == 0

    both = workplace / "both.p12"
    other, key = issue("with-key")
    both.write_bytes(pkcs12.serialize_key_and_certificates(b"y", key, other, None, NoEncryption()))
    assert run("keystore", "add", "y", both).code == 1
    assert run("keystore", "add", "y", both, "--allow-private-key").code == 0
    assert listed(run) == {"x": "trusted", "y": "trusted"}


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"p" * 5000])
def test_a_password_file_without_a_password(run: Run, workplace: Path, signed_files: Path, content: bytes) -> None:
    password = workplace / "password.txt"
    password.write_bytes(content)
    ran = run("keystore", "add", "x", signed_files / "old.pem", "--password-file", password)
    assert (ran.code, "password file" in ran.err) == (2, True)


@pytest.mark.parametrize("command", ["show", "trust", "restore", "retire", "purge", "set", "history"])
def test_an_alias_that_is_not_there(run: Run, workplace: Path, command: str) -> None:
    needed = {key: ["--reason", "x"] for key in ("restore", "retire", "purge")} | {"set": ["--all-endpoints"]}
    ran = run("keystore", command, "nope", *needed.get(command, []))
    assert ran.code == 2
    assert "nope" in ran.err


def test_retiring_says_where_the_key_lives_on(run: Run, workplace: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    for serial in (1, 2):
        now = datetime.now(UTC)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "same key")])
        builder = x509.CertificateBuilder(name, name, key.public_key(), serial, now, now + timedelta(days=90))
        (workplace / f"{serial}.pem").write_bytes(pem(builder.sign(key, hashes.SHA256())))
        assert run("keystore", "add", f"entry-{serial}", workplace / f"{serial}.pem").code == 0
    ran = run("keystore", "retire", "entry-1", "--why", "renewed")
    assert "stays trusted through entry-2" in ran.out
    assert "overridden" not in ran.out, "the twin keeps the gate open"
    compromised = run("keystore", "retire", "entry-2", "--why", "stolen", "--compromised", "--json")
    (entry,) = json.loads(compromised.out)["entries"]
    assert entry["revoked"] is True
    assert run("keystore", "retire", "entry-2", "--why", "again").code == 1
    assert run("keystore", "restore", "entry-2", "--reason", "x").code == 1
    assert run("keystore", "purge", "entry-2", "--reason", "gone", "--force").code == 1


def test_export(run: Run, workplace: Path, signed_files: Path) -> None:
    for name in ("old", "new"):
        assert run("keystore", "add", name, signed_files / f"{name}.pem").code == 0
    exported = run("keystore", "export", "old")
    assert (
        x509.load_pem_x509_certificate(exported.out.encode()).public_bytes(Encoding.PEM)
        == (signed_files / "old.pem").read_bytes()
    )
    assert run("keystore", "export", "--all", "--to", "out").code == 0
    assert sorted(file.name for file in (workplace / "out" / "trusted").iterdir()) == ["new.pem", "old.pem"]
    assert run("keystore", "export", "--all", "--to", "out").code == 1
    assert run("keystore", "retire", "old", "--reason", "x", "--force").code == 0
    assert run("keystore", "export", "--all", "--to", "out").code == 1, "it is there, in another state"
    assert run("keystore", "export", "--all", "--to", "out", "--replace").code == 0
    files = sorted(str(file.relative_to(workplace / "out")) for file in (workplace / "out").rglob("*.pem"))
    assert files == ["retired/old.pem", "trusted/new.pem"]
    assert run("keystore", "export").code == 2
    assert run("keystore", "export", "old", "--all").code == 2
    assert run("keystore", "export", "old", "--to", "gateway.toml/x").code == 3


def test_what_a_certificate_smuggles_in_does_not_reach_the_terminal(run: Run, workplace: Path) -> None:
    file = workplace / "evil.pem"
    file.write_bytes(pem(issue("[red]\x1b[2J\u202e")[0]))
    ran = run("keystore", "add", "evil", file)
    assert ran.code == 0
    assert "[red]" in ran.out
    assert "\x1b" not in ran.out
    assert "\u202e" not in ran.out


def test_a_whole_bundle_is_imported_and_each_part_is_accounted_for(run: Run, workplace: Path) -> None:
    file = workplace / "store.p12"
    partners = [pkcs12.PKCS12Certificate(issue(name)[0], name.encode()) for name in ("Acme 2024", "Acme 2026")]
    others = [
        pkcs12.PKCS12Certificate(issue("Root", ca=True)[0], b"root"),
        pkcs12.PKCS12Certificate(issue("lapsed", days=-2)[0], b"lapsed"),
    ]
    file.write_bytes(pkcs12.serialize_java_truststore([*partners, *others], BestAvailableEncryption(b"s")))
    password = workplace / "password.txt"
    password.write_text("s\n")
    command = ("keystore", "import", file, "--password-file", password, "-e", "orders", "--stage")
    first = run(*command, "--reason", "move", "--json")
    assert first.code == 1, "one was refused"
    answer = json.loads(first.out)
    assert [(item["fate"], item["entry"] and item["entry"]["alias"]) for item in answer["items"]] == [
        ("added", "Acme-2024"),
        ("added", "Acme-2026"),
        ("skipped", None),
        ("refused", None),
    ]
    assert answer["revision"] == 1
    assert listed(run) == {"Acme-2024": "staged", "Acme-2026": "staged"}
    again = run(*command)
    assert (again.code, "2 kept, 1 skipped, 1 refused; keystore revision 1" in again.out) == (1, True)
    assert "it expired on" in " ".join(again.out.split())
    assert run(*command, "--force").code == 0
    assert run("keystore", "import", file, "--password-file", password, "-e", "nope").code == 2
    assert run("keystore", "import", workplace / "gateway.toml").code == 2


def test_what_was_trusted_then(run: Run, workplace: Path, signed_files: Path) -> None:
    before = datetime.now(UTC)
    assert "the keystore was empty" in run("keystore", "at", "0").out
    assert run("keystore", "add", "acme", signed_files / "old.pem", "--reason", "first", "--who", "eva").code == 0
    between = datetime.now(UTC)
    assert run("keystore", "add", "next", signed_files / "new.pem").code == 0
    assert run("keystore", "retire", "acme", "--reason", "x", "--force").code == 0

    empty = json.loads(run("keystore", "at", before.isoformat(), "--json").out)
    assert (empty["revision"], empty["time"], empty["entries"]) == (0, None, [])
    then = json.loads(run("keystore", "at", between.isoformat(), "--json").out)
    assert (then["revision"], then["who"], then["why"]) == (1, "eva", "first")
    assert [(entry["alias"], entry["state"]) for entry in then["entries"]] == [("acme", "trusted")]
    shown = run("keystore", "at", "3").out
    assert "retired" in shown
    assert "Keystore revision 3, made" in shown
    assert "by eva: first." in run("keystore", "at", "1").out
    ahead = run("keystore", "at", (before + timedelta(days=1)).isoformat())
    assert (ahead.code, "is yet to come" in ahead.err, "Keystore revision 3" in ahead.out) == (0, True, True)
    assert run("keystore", "at", datetime.now(UTC).isoformat()).err == ""
    for wrong in ("4", "-1", "yesterday", "9" * 30):
        assert run("keystore", "at", "--", wrong).code == 2
