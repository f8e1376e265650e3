"""Every kind of renewal from its start to its end, through HTTP: a receiver that signs by its own clock, which is off,
a gateway and each command as a process of its own, on a clock that the test moves (`renewal_world`).

What is printed at the decisive moments stands in `screens`, as a person has read it.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.databases import lay_out
from tests.gateway.renewal.renewal_world import DAY, HOUR, MINUTE, Programs, World, world

BOTH = ("GetOrder", "PlaceOrder")
FINGERPRINT = "D3:84:0F:52:81:B9:2C:23:87:83:0D:4F:73:0D:85:B1:77:FF:22:68:5A:66:E0:DA:1F:BD:C4:96:8F:F5:60:AA"
RELAPSED = "the old key came back after the switch"
SECOND = timedelta(seconds=1)


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Programs]:
    """See `Programs`."""
    made = Programs(tmp_path_factory.mktemp("programs"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database."""
    path = tmp_path_factory.mktemp("template") / "template.db"
    lay_out(path)
    return path


def start(it: World, *more: object) -> str:
    new = ("--new", "acme-2026.pem", "--alias", "acme-2026", "--name", "acme")
    return it.renewal("start", "--old", "acme-2024", *new, *more)


def trust(it: World) -> None:
    it.renewal("confirm", 2, "--by", "Rita", "--fingerprint", FINGERPRINT)
    it.wssgate("keystore", "trust", "acme-2026", "--reason", "compared by phone")


def retire_when_possible(it: World) -> None:
    """What is told as the next possible instant is neither too late nor too early."""
    possible = datetime.fromisoformat(it.status()["next_possible"])
    it.wait_until(possible - SECOND)
    assert "it is too early" in it.renewal("retire", "--reason", "switched", code=1)
    it.wait(SECOND)
    assert "The renewal acme is finished." in it.renewal("retire", "--reason", "switched")


def findings(it: World) -> list[object]:
    found = json.loads(it.wssgate("ledger", "verify", "--json").out)
    return [*(chain for chain in found["chains"] if chain["state"] != "intact"), *found["findings"]]


def test_all_eight_steps_to_the_sign_off(programs: Programs, tmp_path: Path, template: Path) -> None:
    with world(programs, tmp_path, template) as it, it.serving():
        owned = ("--guaranteed-delivery-time", "2d", "--owner", "Ann, integration", "--reason", "queues keep two days")
        it.renewal("policy", "set", "orders", *owned)
        it.ask(4, operations=BOTH)
        it.ask(4, server="b")
        start(it, "--contact", "Rita <rita@acme.example>")
        it.expected("steps_1_started", it.screen())
        (tmp_path / "sample.xml").write_bytes(it.sample("acme-2026"))
        assert "today its key is not trusted yet" in " ".join(it.renewal("rehearse", "sample.xml").split())
        trust(it)
        it.expected("steps_4_trusted", it.screen())
        assert FINGERPRINT[:5] in it.renewal("notice", 4)
        it.renewal("confirm", 4, "--note", "told Rita on the phone")
        it.wait(HOUR)
        it.receiver.signs("acme-2026", "a")
        it.ask(18, operations=BOTH, server="a")
        it.ask(2, server="b")
        it.expected("steps_5_lagging", it.screen())
        assert "GetOrder at b" in " ".join(it.renewal("notice", 7).split())
        assert "it is the key that carries" in " ".join(it.renewal("retire", "--reason", "x", code=1).split())
        it.receiver.signs("acme-2026", "b")
        it.ask(18, server="b")
        it.renewal("confirm", 6, "--by", "Rita", "--note", "deleted from the HSM")
        it.renewal("confirm", 7, "--by", "Rita")
        it.expected("steps_8_passing", it.screen())
        retire_when_possible(it)
        it.expected("steps_finished", it.screen("acme"))
        it.renewal("signoff", "acme", "--json", "s.json", "--html", "s.html", "--bundle", "s.bundle")
        it.ask(1, operations=BOTH)
        it.receiver.signs("acme-2024", "b")
        it.ask(1, server="b", status=502)
        for more in ((), ("--bundle", "s.bundle")):
            assert "come out as they are written" in it.renewal("verify-signoff", "s.json", *more)
        assert it.until_told(RELAPSED)["retired"] is True
        assert findings(it) == []


def test_an_announced_switch_that_comes_early(programs: Programs, tmp_path: Path, template: Path) -> None:
    with world(programs, tmp_path, template) as it, it.serving():
        it.environment["TZ"] = "Europe/Berlin"
        it.ask(4)
        # Half an hour after the clocks were put forward, as the partner's mail says it.
        start(it, "--announced", "2031-03-30T03:30+02:00")
        it.renewal("confirm", 2, "--by", "Rita", "--fingerprint", FINGERPRINT)
        it.expected("announced_before", it.screen())
        it.receiver.signs("acme-2026", since=it.now + 2 * DAY)
        it.wait(2 * DAY)
        it.ask(2, every=MINUTE, status=502)
        told = it.until_told("the switch came before the announced time")
        assert (told["announced"], told["first"]) == ("2031-03-30T01:30:00Z", "2031-03-28T09:21:04Z")
        it.expected("announced_early", it.screen())
        it.wssgate("keystore", "trust", "acme-2026", "--reason", "it came early")
        it.watched()
        it.ask(18)
        status = it.status()
        assert (status["steps"][6]["mark"], status["may_retire"]) == ("done", True), "watched for two days already"
        it.renewal("retire", "--reason", "switched")


def test_an_announced_switch_that_is_late(programs: Programs, tmp_path: Path, template: Path) -> None:
    with world(programs, tmp_path, template) as it, it.serving():
        it.environment["TZ"] = "Europe/Berlin"
        it.ask(4)
        start(it, "--announced", "2031-03-30T03:30+02:00")
        trust(it)
        it.renewal("confirm", 4)
        announced = datetime(2031, 3, 30, 1, 30, tzinfo=UTC)
        it.wait_until(announced - SECOND)
        assert it.status()["late"] is False
        it.wait(SECOND)
        it.ask(1)
        told = it.until_told("the announced time has passed, and the receiver has not switched")
        assert (told["announced"], told["level"]) == ("2031-03-30T01:30:00Z", "error")
        it.until_metric('wssgate_renewal_late{renewal="acme"}', 1)
        it.expected("announced_late", it.screen())
        it.receiver.signs("acme-2026")
        it.ask(18)
        assert it.status()["late"] is False
        retire_when_possible(it)


def test_a_switch_at_a_downtime(programs: Programs, tmp_path: Path, template: Path) -> None:
    with world(programs, tmp_path, template) as it, it.serving():
        it.ask(4, operations=BOTH)
        start(it, "--downtime")
        trust(it)
        it.renewal("confirm", 4)
        it.wait(HOUR)
        it.receiver.stop()
        it.ask(1, status=502)
        it.wait(4 * HOUR)
        it.expected("downtime_down", it.screen())
        it.receiver.start()
        it.receiver.signs("acme-2026")
        it.ask(18, operations=BOTH)
        it.expected("downtime_switched", it.screen())
        retire_when_possible(it)


def test_a_renewal_over_the_same_key(programs: Programs, tmp_path: Path, template: Path) -> None:
    with world(programs, tmp_path, template, new="renewed") as it, it.serving():
        it.ask(4)
        assert "acme-2026 has the same key as acme-2024" in start(it)
        it.expected("same_key_started", it.screen())
        it.renewal("confirm", 2, "--by", "Rita")
        it.wssgate("keystore", "trust", "acme-2026", "--reason", "compared by phone")
        it.watched()
        it.ask(2)
        it.receiver.signs("acme-2026")
        it.ask(2)
        it.renewal("confirm", 4)
        it.expected("same_key_trusted", it.screen())
        it.renewal("retire", "--reason", "renewed")
        it.watched()
        it.ask(2)
        it.receiver.signs("acme-2024")
        it.ask(1)
        it.expected("same_key_finished", it.screen("acme"))


def test_a_relapse_after_the_switch(programs: Programs, tmp_path: Path, template: Path) -> None:
    with world(programs, tmp_path, template) as it, it.serving():
        it.ask(4)
        it.ask(4, server="b")
        start(it)
        trust(it)
        it.renewal("confirm", 4)
        it.watched()
        it.receiver.signs("acme-2026")
        it.ask(18, server="a")
        it.ask(18, server="b")
        it.renewal("confirm", 6, "--by", "Rita")
        it.renewal("confirm", 7, "--by", "Rita")
        before = it.status()
        assert (before["steps"][6]["mark"], before["relapses"]) == ("done", [])
        it.wait(DAY)
        it.receiver.signs("acme-2024", "b")  # from a backup
        it.ask(3, server="b")
        told = it.until_told(RELAPSED)
        assert {name: told[name] for name in ("level", "endpoint", "operation", "server", "retired")} == {
            "level": "error",
            "endpoint": "orders",
            "operation": "{urn:orders}GetOrder",
            "server": "b",
            "retired": False,
        }
        it.until_metric('wssgate_renewal_relapses{renewal="acme"}', 1)
        it.expected("relapse", it.screen())
        it.renewal("retire", "--reason", "x", code=1)
        it.receiver.signs("acme-2026", "b")
        it.ask(80, server="b")
        it.expected("relapse_over", it.screen())
        retire_when_possible(it)


def test_a_key_that_is_withdrawn(programs: Programs, tmp_path: Path, template: Path) -> None:
    with world(programs, tmp_path, template) as it, it.serving():
        it.ask(4, operations=BOTH)
        start(it)
        trust(it)
        it.renewal("confirm", 4)
        it.watched()
        it.receiver.signs("acme-2026")
        it.ask(2, operations=BOTH)
        it.receiver.signs("acme-2024")
        it.ask(2, operations=BOTH)
        refused = it.renewal("withdraw", "--reason", "a client knows only the old one", code=1)
        it.expected("withdrawal_refused", refused)
        it.wait(2 * DAY)
        it.renewal("withdraw", "--reason", "a client knows only the old one")
        it.expected("withdrawal_done", it.screen("acme"))
        it.watched()
        it.ask(2, operations=BOTH)
        it.receiver.signs("acme-2026")
        it.ask(1, status=502)
        usage = json.loads(it.wssgate("report", "usage", "--json").out)
        assert usage
        assert findings(it) == []


def test_an_emergency(programs: Programs, tmp_path: Path, template: Path) -> None:
    with world(programs, tmp_path, template) as it, it.serving():
        it.administrator = -3 * HOUR  # an emergency waits for no clock
        it.ask(4, operations=BOTH)
        it.ask(3, server="b")
        it.watched()
        it.expected("emergency_start", start(it, "--compromised", "--reason", "stolen"))
        it.watched()
        it.ask(1, operations=BOTH, status=502)
        it.ask(2, server="b", status=502)
        it.expected("emergency_broken", it.screen())
        trust(it)
        it.watched()
        it.receiver.signs("acme-2026", "a")
        it.ask(18, operations=BOTH)
        it.expected("emergency_one_server_left", it.screen())
        it.receiver.signs("acme-2026", "b")
        it.ask(18, server="b")
        it.expected("emergency_over", it.screen())


def test_what_a_killed_gateway_could_not_record_keeps_the_old_key(
    programs: Programs, tmp_path: Path, template: Path
) -> None:
    with world(programs, tmp_path, template) as it:
        with it.serving():
            it.ask(4)
            start(it)
            trust(it)
        with it.serving():
            it.receiver.signs("acme-2026")
            it.ask(18)
            it.wait(3 * DAY)
            with it.without_database():
                it.receiver.signs("acme-2024")
                it.ask(1, status=503)
                it.kill()
        killed = it.now
        refused = " ".join(it.renewal("retire", "--reason", "switched", code=1).split())
        assert "ended before it had told which keys signed" in refused
        assert "start the gateway on this machine, which tells the ledger" in refused
        it.receiver.signs("acme-2026")
        with it.serving():
            assert list((tmp_path / "wssgate-signing.ends").glob("*.uses")) != []
            it.ask(1)
            refused = " ".join(it.renewal("retire", "--reason", "switched", code=1).split())
            assert "a gateway process was killed, and messages that needed it may have come" in refused
            it.ask(17)
            it.renewal("confirm", 6, "--by", "Rita", "--note", "deleted from the HSM")
            it.renewal("confirm", 7, "--by", "Rita")
            retire_when_possible(it)
            assert it.now >= killed + 2 * DAY
        assert findings(it) == []
        assert list((tmp_path / "wssgate-signing.ends").glob("*.uses")) == []
