"""`wssgate renewal status`, `list` and `infer`, the line in `wssgate status`, and `report expiry`."""

import json
import time
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.cli.rich_output import clear
from gateway.ledger import EventKind, LedgerWriter, MessageRecord, open_database
from gateway.verify import VerifiedBy
from keystore import TrustedCertificate
from tests.gateway.cli.running import Run
from tests.gateway.ledger.load import accepted
from tests.gateway.report.scene import GET, PLACE, signers
from tests.keystore.issuing import issue, pem_of

NOW = datetime.now(UTC)
DAY = timedelta(days=1)


@pytest.fixture
def started(run: Run, workplace: Path) -> Path:
    """`acme-2024` in use, and a renewal that was started; its certificates expire in 50 and 400 days."""
    for name, days in (("old", 50), ("new", 400)):
        made = issue(f"acme-{name}", not_before=NOW - DAY, not_after=NOW + days * DAY)
        (workplace / f"{name}.pem").write_bytes(pem_of(made))
    assert run("keystore", "add", "acme-2024", "old.pem", "-e", "orders").code == 0
    record(workplace, *(message(workplace, "old", operation) for operation in (GET, PLACE)))
    assert run("renewal", "start", "--old", "acme-2024", "--new", "new.pem", "--alias", "acme-2026").code == 0
    return workplace


def message(folder: Path, key: str, operation: str | None) -> MessageRecord:
    alias = {"old": "acme-2024", "new": "acme-2026"}[key]
    by = TrustedCertificate.from_pem(alias, (folder / f"{key}.pem").read_bytes())
    entry = VerifiedBy(by.alias, by.key_id, by.thumbprint)
    return accepted(entry, time=datetime.now(UTC), operation=operation, signers=signers([by]))


def record(folder: Path, *records: MessageRecord) -> None:
    engine = open_database(f"sqlite:///{folder}/wssgate.db")
    writer = LedgerWriter(engine, "test", started={"version": "test"})
    try:
        for one in records:
            writer.submit(one).result(10)
        content = {"endpoints": {}, "keystore_revision": 1}
        writer.tell(EventKind.HEARTBEAT, content).result(10)
    finally:
        writer.close()
        engine.dispose()


def test_where_a_renewal_stands(run: Run, started: Path) -> None:
    shown = run("renewal", "status")
    assert shown.code == 0
    assert shown.out.startswith("Renewal acme-2026, open since ")
    assert "run          wssgate renewal confirm 2 acme-2026 --by NAME --fingerprint HEX" in shown.out
    assert "GetOrder    only-old" in shown.out
    told = json.loads(run("renewal", "status", "ACME-2026", "--json").out)
    assert (told["schema"], told["renewal"]["name"]) == ("wssgate.renewal-status/1", "acme-2026")
    assert [step["mark"] for step in told["steps"][:3]] == ["done", "waiting", "waiting"]
    assert {cell["state"] for cell in told["coverage"]} == {"only-old"}


def test_each_command_that_it_names_is_one(run: Run, started: Path) -> None:
    commands = json.loads(run("renewal", "status", "--json").out)["run"]
    assert commands == ["wssgate renewal confirm 2 acme-2026 --by NAME --fingerprint HEX"]
    fingerprint = json.loads(run("renewal", "status", "--json").out)["renewal"]["new"]["thumbprint"]
    typed = commands[0].replace("HEX", fingerprint).split()[1:]
    assert run(*typed).code == 0
    (command,) = json.loads(run("renewal", "status", "--json").out)["run"]
    assert run(*command.split()[1:]).code == 0
    assert json.loads(run("renewal", "status", "--json").out)["steps"][2]["mark"] == "done"


def test_a_waiver_as_it_is_proposed_can_be_typed(run: Run, started: Path) -> None:
    assert run("keystore", "trust", "acme-2026").code == 0
    record(started, message(started, "new", GET))
    told = json.loads(run("renewal", "status", "--json").out)
    cells = {cell["operation"]: cell["state"] for cell in told["coverage"]}
    assert cells == {GET: "only-new", PLACE: "only-old"}
    record(started, *(message(started, "new", GET) for _ in range(3)))
    assert run("renewal", "waive", f"orders:{PLACE}", "acme-2026", "--reason", "once a year", "--by", "Rita").code == 0
    told = json.loads(run("renewal", "status", "--json").out)
    assert {cell["operation"]: cell["state"] for cell in told["coverage"]}[PLACE] == "waived"


def test_a_configuration_of_another_name_is_named_in_commands(run: Run, started: Path) -> None:
    (started / "gateway.toml").rename(started / "other.toml")
    told = json.loads(run("renewal", "status", "--json", "--config", "other.toml").out)
    assert told["run"] == ["wssgate renewal confirm 2 acme-2026 --by NAME --fingerprint HEX --config other.toml"]


def test_it_is_shown_again_until_it_is_interrupted(run: Run, started: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[float] = []

    def sleep(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", sleep)
    shown = run("renewal", "status", "--watch", "--json")
    assert shown.code == 130
    assert (looks, len(shown.out.splitlines())) == ([5.0, 5.0, 5.0], 3)
    clear()


def test_which_one_has_to_be_said(run: Run, workplace: Path) -> None:
    assert run("renewal", "status").code == 2
    assert "no renewal is open" in run("renewal", "status").err
    assert "there is no renewal 'x'" in run("renewal", "status", "x").err


def test_the_list(run: Run, started: Path) -> None:
    shown = run("renewal", "list")
    assert shown.code == 0
    first, second, *_ = shown.out.splitlines()
    assert first == "acme-2026: acme-2024 -> acme-2026 at orders; step 2 of 8 waiting"
    assert second.startswith("  waiting for the receiver administrator, to read out the fingerprint of acme-2026 since")
    told = json.loads(run("renewal", "list", "--json").out)
    (one,) = told["renewals"]
    assert (one["name"], one["step"], one["mark"], one["open"]) == ("acme-2026", 2, "waiting", True)
    assert told["due_without_renewal"] == []
    assert run("renewal", "abandon", "--reason", "no time").code == 0
    shown = run("renewal", "list")
    assert shown.out.startswith("No renewal is open.\ndue: acme-2024 expires on ")
    told = json.loads(run("renewal", "list", "--all", "--json").out)
    assert (told["renewals"][0]["closed"], told["due_without_renewal"][0]["alias"]) == ("abandoned", "acme-2024")
    assert "; abandoned " in run("renewal", "list", "--all").out


def test_the_list_before_the_first_renewal(run: Run, workplace: Path) -> None:
    assert run("renewal", "list").out == "No renewal is open.\n"
    assert run("renewal", "list", "--all").out == "No renewal was ever started.\n"


def test_a_line_in_status(run: Run, started: Path) -> None:
    (line,) = (line for line in run("status").out.splitlines() if line.startswith("renewal "))
    assert line.startswith(
        "renewal acme-2026: step 2 of 8 waiting; waiting for the receiver administrator, to read out"
    )
    (told,) = json.loads(run("status", "--json").out)["renewals"]
    assert (told["name"], told["step"], told["mark"]) == ("acme-2026", 2, "waiting")


def test_cutovers_that_nobody_started(run: Run, started: Path) -> None:
    assert run("renewal", "infer").out == "No key took over from another one in what is on record.\n"
    record(started, message(started, "new", GET))
    shown = run("renewal", "infer", "--endpoint", "orders").out
    assert shown.startswith(
        "orders: acme-2024 -> acme-2026; under way\n  the renewal acme-2026; declared in the keystore"
    )
    assert "only the old key: PlaceOrder" in shown
    assert "next:" not in shown
    told = json.loads(run("renewal", "infer", "--json").out)
    assert [(one["endpoint"], one["new_came_last"], one["renewal"]) for one in told["cutovers"]] == [
        ("orders", False, "acme-2026")
    ]
    assert run("renewal", "infer", "--endpoint", "nowhere").code == 2


def test_the_start_of_one_is_proposed(run: Run, workplace: Path) -> None:
    for name, alias in (("old", "acme-2024"), ("new", "acme-2026")):
        (workplace / f"{name}.pem").write_bytes(pem_of(issue(f"acme-{name}", not_after=NOW + 400 * DAY)))
        assert run("keystore", "add", alias, f"{name}.pem").code == 0
    record(workplace, message(workplace, "old", GET))
    record(workplace, message(workplace, "new", GET))
    shown = run("renewal", "infer").out
    assert "orders: acme-2024 -> acme-2026; the new key came last in every operation" in shown
    assert "no renewal was started; not declared in the keystore" in shown
    line = next(line for line in shown.splitlines() if line.startswith("  next: "))
    assert line == "  next: wssgate renewal start --old acme-2024 --new acme-2026 --endpoint orders"
    assert run(*line.split()[2:]).code == 0


@pytest.mark.parametrize(("options", "code"), [((), 0), (("--within", "30d"), 0), (("--within", "60w"), 1)])
def test_certificates_that_expire(run: Run, started: Path, options: Collection[str], code: int) -> None:
    shown = run("report", "expiry", *options)
    # The new one is staged, and that of the open renewal is looked after.
    assert shown.code == 0
    assert "acme-2024" in shown.out
    assert run("renewal", "abandon", "--reason", "no time").code == 0
    assert run("report", "expiry", *options).code == (0 if "30d" in options else 1)


def test_certificates_that_expire_without_a_renewal(run: Run, workplace: Path) -> None:
    assert run("report", "expiry").out == "Nothing that is trusted expires within 60d without a renewal.\n"
    (workplace / "old.pem").write_bytes(pem_of(issue("acme", not_after=NOW + 50.5 * DAY)))
    assert run("keystore", "add", "acme-2024", "old.pem").code == 0
    shown = run("report", "expiry")
    assert shown.code == 1
    assert "none: due" in shown.out
    assert "in 50 days, and no renewal is open: ask for a new certificate, then wssgate renewal start" in shown.out
    told = json.loads(run("report", "expiry", "--json").out)
    assert (told["due"], told["certificates"][0]["days_left"]) == (1, 50)
    assert run("report", "expiry", "--within", "50d").code == 0
    assert run("report", "expiry", "--within", "soon").code == 2
