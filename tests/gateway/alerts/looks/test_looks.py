"""What the process that sends finds in the database: each thing once, and its repeats in sums."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from gateway.alerts.looks import disk_look
from gateway.alerts.looks.declared_key_look import DeclaredKeyLook
from gateway.alerts.looks.disk_look import look_at_disks
from gateway.alerts.looks.receiver_look import look_for_receivers
from gateway.alerts.looks.unknown_key_look import MOST_AN_HOUR, look_for_unknown_keys
from gateway.alerts.looks.unsigned_look import look_for_unsigned
from gateway.ledger import sum_up_alerts, writers_now
from keystore import TrustedCertificate
from keystore.store import Terms
from tests.gateway.alerts.looks.alert_scene import AlertScene, alert_scene, der_of
from tests.gateway.renewal.progress.renewal_scene import DAY, HOUR, MINUTE, NEW, OLD


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[AlertScene]:
    with alert_scene(tmp_path) as made:
        yield made


class TestUnknownKeys:
    def look(self, scene: AlertScene) -> None:
        look_for_unknown_keys(scene.engine, scene.settings, scene.now)
        sum_up_alerts(scene.engine, scene.now)

    def test_each_fingerprint_is_told_once_with_its_record(self, scene: AlertScene) -> None:
        first = scene.unknown(der_of("new"))
        self.look(scene)
        self.look(scene)
        (notice,) = scene.told()
        assert (notice.event, notice.endpoint, notice.records) == ("unknown-key", "orders", (first,))
        assert "its signature is good" in notice.what
        assert "CN=" in notice.what
        scene.unknown(b"no certificate", good=False, reason="signature-invalid")
        self.look(scene)
        (notice,) = scene.told()
        assert "no signature of it was good so far" in notice.what

    def test_what_was_added_before_anybody_was_told_is_no_news(self, scene: AlertScene) -> None:
        scene.unknown(der_of("new"))
        scene.unknown(der_of("p256"))
        certificate = x509.load_der_x509_certificate(der_of("new"))
        scene.store.add("added", certificate, who="eva", why="from the record", at=scene.now)
        self.look(scene)
        (notice,) = scene.told()
        assert notice.about[1] == TrustedCertificate.from_der("p256", der_of("p256")).thumbprint

    def test_repeats_come_in_hourly_sums(self, scene: AlertScene) -> None:
        for _ in range(3):
            scene.unknown(der_of("new"))
            self.look(scene)
        (notice,) = scene.told()
        assert notice.times == 1
        scene.wait(HOUR)
        self.look(scene)
        (notice,) = scene.told()
        assert (notice.times, notice.new_times) == (3, 2)
        scene.wait(DAY)
        self.look(scene)
        assert scene.told() == []

    def test_a_key_without_a_certificate_is_told_as_well(self, scene: AlertScene) -> None:
        record = scene.unknown(None)
        self.look(scene)
        (notice,) = scene.told()
        assert "carry no certificate" in notice.what
        assert notice.records == (record,)
        self.look(scene)
        assert scene.told() == []

    def test_what_came_days_ago_or_elsewhere_is_not_told(self, scene: AlertScene) -> None:
        scene.unknown(der_of("new"))
        scene.unknown(None)
        scene.unknown(der_of("p256"), endpoint="invoices")
        scene.wait(2 * DAY)
        self.look(scene)
        assert scene.told() == []


def test_a_stranger_with_many_certificates_makes_few_alerts(scene: AlertScene) -> None:
    for number in range(60):
        scene.unknown(b"%d" % number)
        if number % 20 == 19:
            TestUnknownKeys().look(scene)
    told = scene.told()
    by_name = [notice for notice in told if "SHA-256" in notice.what]
    others = [notice for notice in told if notice not in by_name]
    assert len(by_name) <= MOST_AN_HOUR + 1  # the sixty messages took an hour
    assert len(others) <= 2
    assert "different unknown certificates" in others[0].what


class TestDeclaredKeys:
    def test_a_staged_key_that_is_seen_is_told_with_what_to_do(self, scene: AlertScene) -> None:
        look = DeclaredKeyLook()
        scene.stage()
        look(scene.engine, scene.settings, scene.now)
        assert scene.told() == []
        scene.messages(2, NEW, reason="staged-key")
        look(scene.engine, scene.settings, scene.now)
        look(scene.engine, scene.settings, scene.now)
        (notice,) = scene.told()
        assert (notice.event, notice.times, len(notice.records)) == ("staged-key", 2, 1)
        assert notice.run.startswith("wssgate keystore trust acme-2026 --config ")

    def test_the_first_message_with_the_new_key_is_told_once(self, scene: AlertScene) -> None:
        look = DeclaredKeyLook()
        scene.messages(2, OLD)
        scene.stage()
        scene.trust()
        successor(scene)
        look(scene.engine, scene.settings, scene.now)
        assert scene.told() == []
        scene.messages(3, NEW)
        for one in (look, DeclaredKeyLook()):
            one(scene.engine, scene.settings, scene.now)
        (notice,) = scene.told()
        assert (notice.event, notice.endpoint) == ("new-key", "orders")
        assert "acme-2026" in notice.what
        scene.wait(3 * DAY)
        scene.messages(1, NEW)
        DeclaredKeyLook()(scene.engine, scene.settings, scene.now)
        assert scene.told() == []

    def test_a_key_that_has_been_in_use_for_long_is_not_new(self, scene: AlertScene) -> None:
        scene.stage()
        scene.trust()
        scene.messages(1, NEW)
        scene.wait(2 * DAY)
        successor(scene)
        scene.messages(1, NEW)
        DeclaredKeyLook()(scene.engine, scene.settings, scene.now)
        assert scene.told() == []

    def test_a_key_that_replaces_nothing_is_not_new(self, scene: AlertScene) -> None:
        scene.messages(2, OLD)
        DeclaredKeyLook()(scene.engine, scene.settings, scene.now)
        assert scene.told() == []


def successor(scene: AlertScene) -> None:
    scene.store.adjust("acme-2026", Terms(replaces=frozenset({OLD.thumbprint})), who="eva", why="", at=scene.now)


class TestUnsigned:
    def unsigned(self, scene: AlertScene, **fields: Any) -> None:
        scene.unknown(None, reason="unsigned", **fields)

    def test_what_used_to_be_signed_and_is_not_is_told(self, scene: AlertScene) -> None:
        scene.messages(1, OLD)
        self.unsigned(scene)
        self.unsigned(scene)
        look_for_unsigned(scene.engine, scene.settings, scene.now)
        look_for_unsigned(scene.engine, scene.settings, scene.now)
        (notice,) = scene.told()
        assert (notice.event, notice.times) == ("no-longer-signed", 2)
        assert "GetOrder come without a signature" in notice.what
        assert notice.what.endswith("rejected")

    def test_in_mode_observe_it_says_that_they_are_delivered(self, scene: AlertScene) -> None:
        scene.messages(1, OLD)
        self.unsigned(scene, released=True)
        look_for_unsigned(scene.engine, scene.settings, scene.now)
        assert "delivered, for the endpoint only observes" in scene.told()[0].what

    def test_what_was_never_signed_and_faults_are_not_told(self, scene: AlertScene) -> None:
        self.unsigned(scene)
        scene.messages(1, OLD)
        self.unsigned(scene, operation="{urn:orders}Other")
        self.unsigned(scene, response_element="{http://schemas.xmlsoap.org/soap/envelope/}Fault")
        scene.wait(MINUTE)
        look_for_unsigned(scene.engine, scene.settings, scene.now)
        assert scene.told() == []


class TestReceivers:
    def test_a_receiver_that_fails_and_comes_back_is_told_twice(
        self, scene: AlertScene, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (writer,) = writers_now(scene.engine)
        told: dict[str, bool | None] = {"a": None}

        def writers(*_: object, lately: bool) -> list[Any]:
            assert lately
            return [
                dataclasses.replace(
                    writer,
                    writer=name,
                    instance=name,
                    serves=True,
                    states={"orders": {"serving": True, "reachable": reachable, "since": 1_780_000_000_000_000}},
                )
                for name, reachable in told.items()
            ]

        monkeypatch.setattr("gateway.alerts.looks.receiver_look.writers_now", writers)

        def look() -> list[str]:
            look_for_receivers(scene.engine, scene.settings, scene.now)
            return [notice.what for notice in scene.told()]

        assert look() == []
        told["a"] = False
        (what,) = look()
        assert "The receiver of orders gives no usable answer" in what
        assert look() == []
        told["a"] = None
        assert look() == [], "what is not known is neither"
        told["a"] = True
        assert look() == ["The receiver of orders can be reached again"]
        told["b"] = False
        scene.wait(2 * HOUR)
        (what,) = look()
        assert "from b; other gateways reach it" in what


class TestDisks:
    def look(self, scene: AlertScene, total: int, free: int) -> tuple[list[Any], list[Any]]:
        found: list[Any] = []
        over: list[Any] = []
        look_at_disks(
            scene.settings, scene.now, found.append, lambda *words: over.append(words), lambda _: (total, free)
        )
        return found, over

    @pytest.mark.parametrize(
        ("total", "free", "is_full"),
        [
            (20 * 1024, 1 * 1024, True),
            (20 * 1024, 5 * 1024, False),
            (1024 * 1024, 9 * 1024, True),
            (1024 * 1024, 50 * 1024, False),
            (1024, 500, True),
            (1024, 600, False),
        ],
    )
    def test_nearly_full_is_a_share_of_small_disks_and_a_size_of_large_ones(
        self, scene: AlertScene, total: int, free: int, *, is_full: bool
    ) -> None:
        found, over = self.look(scene, total * 1024**2, free * 1024**2)
        assert (len(found), len(over)) == ((1, 0) if is_full else (0, 1))

    def test_at_the_edge_it_is_neither(self, scene: AlertScene) -> None:
        found, over = self.look(scene, 100 * 1024**3, int(10.5 * 1024**3))
        assert (found, over) == ([], [])

    def test_a_folder_that_is_gone_is_no_disk(self, scene: AlertScene, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(_: Path) -> tuple[int, int]:
            raise FileNotFoundError

        monkeypatch.setattr(disk_look, "disk_usage", fail)
        found: list[Any] = []
        look_at_disks(scene.settings, scene.now, found.append, lambda *words: found.append(words), fail)
        assert found == []

    def test_the_disks_of_this_machine_have_a_size(self, scene: AlertScene) -> None:
        total, free = disk_look.disk_usage(scene.settings.source.parent)
        assert 0 <= free <= total
