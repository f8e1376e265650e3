"""`wssgate keystore add --from-message`: shown, proven as far as it goes, staged, never trusted."""

import io
import json
import re
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates
from lxml import etree

from fixtures.generator.keys import certificate, private_key, private_pem
from fixtures.generator.soap import BODY, direct, signature, token
from fixtures.manifest import entry, own_case
from gateway.demo.keys import make_key_pair
from gateway.demo.service import answer
from gateway.demo.signing import sign
from gateway.verify import ADVICE, Reason
from keystore import TrustedCertificate
from tests.gateway.cli.running import Ran, Run
from tests.gateway.verify.judging import made

_PROTECTED = BestAvailableEncryption(b"for-tests-only")


class Terminal(io.StringIO):
    """Standard input with a person before it."""

    def isatty(self) -> bool:
        return True


def listed(run: Run) -> dict[str, str]:
    entries = json.loads(run("keystore", "list", "--json").out)["entries"]
    return {entry["alias"]: entry["state"] for entry in entries}


def add(run: Run, file: Path, *arguments: object) -> Ran:
    return run("keystore", "add", "--from-message", file, *arguments)


def test_what_the_message_carries_is_shown_and_staged(run: Run, workplace: Path, signed_files: Path) -> None:
    ran = add(run, signed_files / "new.xml", "--alias", "acme-2026", "-e", "orders", "--yes", "--who", "ann")
    assert (ran.code, ran.err) == (0, "")
    expected = TrustedCertificate.from_pem("x", (signed_files / "new.pem").read_bytes())
    digits = expected.thumbprint.upper()
    assert ":".join(digits[i : i + 2] for i in range(0, 32, 2)) in ran.out
    assert "  ".join(expected.thumbprint[i : i + 4] for i in range(0, 32, 4)) in ran.out
    assert "good under this certificate" in ran.out
    assert "If it were trusted, this message would be accepted at" in ran.out
    assert "wssgate keystore trust acme-2026" in ran.out
    shown = json.loads(run("keystore", "show", "acme-2026", "--json").out)
    assert (shown["state"], shown["endpoints"]) == ("staged", ["orders"])
    assert (shown["thumbprint"], shown["added_by"]) == (expected.thumbprint, "ann")


@pytest.mark.parametrize(
    ("case", "signer"),
    [
        ("bst-x509v3", "old"),
        ("bst-pkipath", "leaf"),
        ("bst-pkcs7", "leaf"),
        ("x509-data-bare", "old"),
        ("x509-data-in-str", "old"),
        ("embedded-certificate", "old"),
        ("body-altered", "old"),
    ],
)
def test_every_way_to_carry_a_certificate_gives_the_signers_own(
    run: Run, workplace: Path, case: str, signer: str
) -> None:
    ran = add(run, own_case(case).file, "--yes", "--json")
    assert ran.code == 0, ran.err
    change = json.loads(ran.out)
    (added,) = change["entries"]
    assert (added["thumbprint"], added["state"]) == (entry(signer).thumbprint, "staged")
    assert added["signature_good"] is True
    assert added["alias"].endswith(f"-{added['thumbprint'][:8]}")
    assert change["message"]["reason"] == ("digest-mismatch" if case == "body-altered" else None)


def test_several_signatures_bring_several_certificates(run: Run, workplace: Path) -> None:
    file = workplace / "two.xml"
    tokens = token("old", number=1) + token("new", number=2)
    signatures = [signature(BODY, key_info=direct(number), number=number) for number in (1, 2)]
    file.write_bytes(made(tokens + "".join(signatures), "old", "new"))
    ran = add(run, file, "acme", "--yes")
    assert ran.code == 0, ran.err
    assert "If it were trusted, this message would be accepted" in ran.out
    assert listed(run) == {"acme": "staged", "acme-2": "staged"}


def test_a_wrong_signature_proves_nothing(run: Run, workplace: Path) -> None:
    file = own_case("signature-value-altered").file
    refused = add(run, file, "--yes")
    assert refused.code == 1
    assert "NOT good under this certificate" in refused.out
    assert "may be anybody's" in refused.err
    assert listed(run) == {}
    told = add(run, file, "a", "--yes", "--force")
    assert (told.code, "do not trust it before that is known" in told.out) == (0, True)
    assert "keystore trust" not in told.out, "the advice is not against what was just said"
    for command in ("retire", "purge"):
        assert run("keystore", command, "a", "--force", "--reason", "x").code == 0
    forced = add(run, file, "--yes", "--force", "--json")
    assert (forced.code, json.loads(forced.out)["entries"][0]["signature_good"]) == (0, False)


@pytest.mark.parametrize("name", ["old.pem", "old.der", "old.key.pem", "old.p12"])
def test_a_key_file_is_told_from_a_message(run: Run, workplace: Path, name: str) -> None:
    file, key = workplace / name, private_key("old")
    match name:
        case "old.p12":
            file.write_bytes(serialize_key_and_certificates(b"old", key, certificate("old"), None, _PROTECTED))
        case "old.key.pem":
            file.write_bytes(private_pem("old") + certificate("old").public_bytes(Encoding.PEM))
        case _:
            form = Encoding.PEM if name.endswith(".pem") else Encoding.DER
            file.write_bytes(certificate("old").public_bytes(form))

    ran = add(run, file, "--yes")

    assert (ran.code, ran.out) == (2, "")
    assert "it is a key file and no message" in ran.err
    assert listed(run) == {}


def test_what_the_advice_on_a_key_says_can_be_typed(run: Run, workplace: Path, signed_files: Path) -> None:
    assert run("keystore", "add", "acme", signed_files / "new.pem", "--stage").code == 0
    for reason, before in ((Reason.STAGED_KEY, "staged"), (Reason.RETIRED_KEY, "retired")):
        assert listed(run) == {"acme": before}
        (command,) = set(re.findall(r"with wssgate keystore ([a-z]+ ALIAS(?: --reason TEXT)?)", ADVICE[reason]))

        assert run("keystore", *command.replace("ALIAS", "acme").split()).code == 0

        assert listed(run) == {"acme": "trusted"}
        run("keystore", "retire", "acme", "--reason", "x", "--force")


@pytest.mark.parametrize(("answer", "code", "staged"), [("y\n", 0, 1), ("n\n", 1, 0), ("\n", 1, 0)])
def test_a_person_is_asked(
    run: Run,
    workplace: Path,
    signed_files: Path,
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    code: int,
    staged: int,
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    ran = add(run, signed_files / "new.xml", "acme-2026")
    assert ran.code == code
    assert "good under this certificate" in ran.out
    assert "Stage acme-2026 (known, not trusted)?" in ran.err
    assert len(listed(run)) == staged


def test_nobody_is_asked_about_what_is_refused(
    run: Run, workplace: Path, signed_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("keystore", "add", "acme", signed_files / "new.pem").code == 0
    assert run("keystore", "retire", "acme", "--compromised", "--reason", "stolen").code == 0
    monkeypatch.setattr(sys, "stdin", Terminal("y\n"))
    for arguments, sentence in ((("next",), "as acme (retired)"), (("acme", "-e", "orders"), "as acme (retired)")):
        ran = add(run, signed_files / "new.xml", *arguments)
        assert (ran.code, sentence in ran.err, "Stage" in ran.err) == (1, True, False)
        assert "good under this certificate" in ran.out
        assert "would be accepted" not in ran.out, "what is refused is not recommended"


def test_what_trust_alone_does_not_mend_is_said(run: Run, workplace: Path) -> None:
    ran = add(run, own_case("body-altered").file, "acme", "--yes")
    assert ran.code == 0
    assert "Trusting it alone does not let this message pass." in ran.out
    assert "something changed the named part after it was signed" in ran.out


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_where_nobody_can_be_asked_nothing_changes(
    run: Run, workplace: Path, signed_files: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal("y\n") if arguments else io.StringIO("y\n"))
    ran = add(run, signed_files / "new.xml", "acme-2026", *arguments)
    assert (ran.code, "say --yes" in ran.err) == (2, True)
    assert listed(run) == {}


def test_what_is_known_already_is_named(run: Run, workplace: Path, signed_files: Path) -> None:
    assert run("keystore", "add", "acme-2024", signed_files / "old.pem").code == 0
    ran = add(run, signed_files / "old.xml", "again", "--yes")
    assert (ran.code, "as acme-2024 (trusted)" in ran.err) == (1, True)
    assert listed(run) == {"acme-2024": "trusted"}


@pytest.mark.parametrize(
    ("case", "sentence"),
    [
        ("issuer-serial", "it only names one (serial number"),
        ("no-key-info", "names no key"),
        ("dangling-token-reference", "(a reference to a token that the message does not hold)"),
        ("key-value-rsa", "it only names one (public key"),
        ("algorithm-md5", "name it with --endpoint"),
        ("html", "carries no certificate of a signer"),
        ("unsigned", "carries no certificate of a signer"),
    ],
)
def test_a_message_without_a_certificate_says_what_it_has(run: Run, workplace: Path, case: str, sentence: str) -> None:
    ran = add(run, own_case(case).file, "--yes")
    assert (ran.code, ran.out) == (2, "")
    assert sentence in ran.err
    assert listed(run) == {}


def test_a_certificate_that_cannot_be_read_is_told_from_none(run: Run, workplace: Path) -> None:
    file = workplace / "x.xml"
    file.write_bytes(made(token(content=b"no certificate") + signature(BODY, key_info=direct()), "old"))
    ran = add(run, file, "--yes")
    assert (ran.code, "that the message carries cannot be read" in ran.err) == (2, True)
    assert listed(run) == {}


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("{}/missing.xml", "--yes"), 3, "No such file"),
        (("{}/new.xml", "a", "{}/new.pem"), 2, "leave out: FILE"),
        (("{}/new.xml", "a", "--alias", "b"), 2, "leave out: ALIAS and --alias"),
        (("{}/new.xml", "--from", "2026-06-01T00:00:00Z", "--allow-private-key"), 2, "--from, --allow-private-key"),
        (("{}/new.xml", "a b", "--yes"), 2, "'a b' cannot be an alias"),
        (("{}/new.xml", "-e", "nope"), 2, "there is no endpoint 'nope'"),
    ],
)
def test_wrong_use_is_named(
    run: Run, workplace: Path, signed_files: Path, arguments: tuple[str, ...], code: int, sentence: str
) -> None:
    ran = add(run, *(argument.format(signed_files) for argument in arguments))  # type: ignore[arg-type]  # texts will do
    assert (ran.code, ran.out) == (code, "")
    assert sentence in ran.err
    assert listed(run) == {}


@pytest.mark.parametrize("arguments", [(), ("acme",), ("acme", "{}/new.pem", "--yes"), ("--alias", "a", "{}/new.pem")])
def test_without_a_message_the_plain_form_is_asked_for(
    run: Run, workplace: Path, signed_files: Path, arguments: tuple[str, ...]
) -> None:
    ran = run("keystore", "add", *(argument.format(signed_files) for argument in arguments))
    assert (ran.code, ran.out) == (2, "")
    assert "wssgate keystore add ALIAS FILE" in ran.err


def test_what_a_certificate_smuggles_in_does_not_reach_the_terminal(run: Run, workplace: Path) -> None:
    make_key_pair(workplace, "evil", "[red]\x1b[2J\u202e")
    envelope = etree.fromstring(answer("Order", "4711", "129.00"))
    sign(envelope, workplace / "evil.key", workplace / "evil.pem")
    file = workplace / "evil.xml"
    file.write_bytes(etree.tostring(envelope))
    ran = add(run, file, "--yes")
    assert (ran.code, "[red]" in ran.out) == (0, True)
    assert "\x1b" not in ran.out + ran.err
    assert "\u202e" not in ran.out + ran.err
