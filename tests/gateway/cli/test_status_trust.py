"""`wssgate status` says what is: whom an endpoint trusts, and whose messages would not verify all the same."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.cli import status
from gateway.cli.status_trust import EndpointTrust, trust_json
from gateway.config import load_settings
from gateway.vocabulary import Mode
from keystore import Alias, State, TrustedCertificate, TrustSnapshot
from tests.gateway.cli.running import Run
from tests.keystore.issuing import NOON, issue, pem_of

LATER = NOON + timedelta(days=10)


def _entry(alias: str, *, key: str = "", state: State = State.TRUSTED, **fields: Any) -> TrustedCertificate:
    names = {"revoked", "endpoints", "trusted_from"}
    own = {name: value for name, value in fields.items() if name in names}
    made = issue(alias, key=key, **{name: value for name, value in fields.items() if name not in names})
    return TrustedCertificate(Alias(alias), made, state=state, **own)


GOOD = _entry("good")
EARLY = _entry("early", not_before=LATER, not_after=LATER + timedelta(days=100))
EXPIRED = _entry("expired", not_after=NOON - timedelta(days=1))
WEAK = _entry("weak", key="rsa-1024")
STAGED = _entry("staged", state=State.STAGED)
FROM_LATER = _entry("from-later", trusted_from=LATER)
STOLEN = _entry("stolen", state=State.RETIRED, revoked=True)
TWIN = _entry("twin", key="stolen")
"""Trusted, and of a key that was stolen."""
RETIRED = _entry("retired", state=State.RETIRED)


def _trust(workplace: Path, *entries: TrustedCertificate, mode: Mode = Mode.ENFORCE) -> EndpointTrust:
    settings = load_settings(workplace / "gateway.toml").endpoints["orders"].model_copy(update={"mode": mode})
    return EndpointTrust.of(settings, TrustSnapshot.of(*entries), NOON)


def _lines(trust: EndpointTrust) -> list[str]:
    return [line.strip() for line, _ in trust.lines()]


def test_what_would_not_verify_is_not_trusts(workplace: Path) -> None:
    trust = _trust(workplace, GOOD, EARLY, EXPIRED, WEAK, STAGED, FROM_LATER, STOLEN, TWIN, RETIRED)
    assert _lines(trust) == [
        "trusts good, valid until 2026-09-09",
        "not valid yet early: it is trusted, and valid only from 2026-06-11 12:00:00Z on; what it signs is rejected",
        "expired expired: it was valid until 2026-05-31 12:00:00Z; what it signs is rejected",
        "too weak weak: the policy does not admit its key; what it signs is rejected",
        "compromised stolen: its key is in wrong hands; what it signs is rejected",
        "compromised twin: its key is in wrong hands; what it signs is rejected",
        "staged staged: known, not trusted yet",
        "staged from-later: known, not trusted yet",
    ]
    assert trust.verifies


def test_in_observe_mode_nothing_is_rejected(workplace: Path) -> None:
    trust = _trust(workplace, EARLY, WEAK, STOLEN, mode=Mode.OBSERVE)
    lines = _lines(trust)
    assert lines[0].startswith(
        "trusts nobody: every response is delivered unverified, in mode observe; wssgate keystore"
    )
    assert len(lines) == 4
    assert not any("rejected" in line for line in lines)
    assert not trust.verifies


@pytest.mark.parametrize("entries", [(), (EARLY,), (TWIN, STOLEN), (STAGED,)])
def test_an_endpoint_that_verifies_nothing_says_so(workplace: Path, entries: tuple[TrustedCertificate, ...]) -> None:
    assert _lines(_trust(workplace, *entries))[0].startswith("trusts nobody: every response is rejected; ")


def test_for_programs(workplace: Path) -> None:
    found = trust_json(_trust(workplace, GOOD, EARLY, TWIN, STOLEN, STAGED))
    trusted: Any = found["trusted"]
    assert {entry["alias"]: entry["refused"] for entry in trusted} == {
        "good": None,
        "early": "certificate-expired",
        "twin": "certificate-revoked",
    }
    compromised: Any = found["compromised"]
    assert [entry["alias"] for entry in compromised] == ["twin", "stolen"]
    assert found["verifies"] is True


def test_compromised_is_a_word_of_its_own_everywhere(run: Run, workplace: Path) -> None:
    for alias, certificate in (("stolen", issue("stolen")), ("twin", issue("twin", key="stolen")), ("new", issue("n"))):
        (workplace / f"{alias}.pem").write_bytes(pem_of(certificate))
        assert run("keystore", "add", alias, workplace / f"{alias}.pem", "--force").code == 0
    assert run("keystore", "retire", "stolen", "--reason", "theft", "--compromised", "--force").code == 0

    listed = {line.split()[0]: line.split()[1] for line in run("keystore", "list").out.splitlines()[1:4]}
    assert listed == {"stolen": "compromised", "twin": "compromised", "new": "trusted"}
    then = {line.split()[0]: line.split()[1] for line in run("keystore", "at", "4").out.splitlines()[1:4]}
    assert then == listed
    assert "compromised, retired as revoked" in " ".join(run("keystore", "show", "stolen").out.split())
    shown = run("status").out
    assert "compromised stolen: its key is in wrong hands" in shown
    assert "trusts twin" not in shown


def test_what_a_running_gateway_says_of_its_configuration_is_shown(
    run: Run, workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = "gateway.listen was changed, which takes effect after a restart only"
    running = {"status": "ready", "keystore": {"revision": 0}, "configuration": {"problem": problem}}
    monkeypatch.setattr(status, "running_gateway", lambda _: running)
    assert f"configuration: {problem}" in run("status").out
    assert json.loads(run("status", "--json").out)["gateway"]["configuration_problem"] == problem
    running["configuration"] = "strange"
    assert json.loads(run("status", "--json").out)["gateway"]["configuration_problem"] is None
