"""The keystore as the door sees it."""

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path

from gateway.service.keystore_watch import KeystoreWatch
from keystore import TrustedCertificate, TrustSnapshot
from tests.gateway.exchange.harness import KEYS, add, http, run, signed, world


class Source:
    """A keystore in memory that can be out of order."""

    def __init__(self) -> None:
        self.newest = TrustSnapshot.of(revision=1)
        self.is_broken = False
        self.snapshots = 0

    def revision(self) -> int:
        if self.is_broken:
            raise OSError("disk gone")
        return self.newest.revision

    def snapshot(self) -> TrustSnapshot:
        self.snapshots += 1
        return self.newest


def certificate(alias: str, *endpoints: str) -> TrustedCertificate:
    entry = TrustedCertificate.from_pem(alias, (KEYS / f"{alias}.pem").read_bytes())
    return TrustedCertificate(entry.alias, entry.certificate, endpoints=frozenset(endpoints) or None)


def test_narrowed_once_per_revision_and_swapped_in_whole() -> None:
    async def scenario() -> None:
        source, seen = Source(), list[int]()
        watcher = KeystoreWatch(source, lambda snapshot: seen.append(snapshot.revision))
        watcher.load()
        assert watcher.trusted_aliases("orders") == ()
        before = watcher.for_endpoint("orders")
        assert watcher.for_endpoint("orders") is before
        await watcher.poll()
        assert (source.snapshots, watcher.for_endpoint("orders")) == (1, before)

        source.newest = TrustSnapshot.of(certificate("old", "orders"), certificate("new", "other"), revision=2)
        await watcher.poll()
        assert watcher.trusted_aliases("orders") == ("old",)
        assert watcher.trusted_aliases("other") == ("new",)
        assert (watcher.revision, seen, before.entries) == (2, [1, 2], ())

        source.is_broken = True
        await watcher.poll()
        assert (watcher.problem, watcher.trusted_aliases("orders")) == ("disk gone", ("old",))
        source.is_broken = False
        await watcher.poll()
        assert watcher.problem is None

    run(scenario())


def test_change_reaches_the_traffic_within_a_second(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path, trusted=()) as it:
            it.receiver.reply = http(signed("new"))
            assert (await it.ask()).status == 502
            assert it.last().reason == "unknown-key"
            await asyncio.to_thread(add, it.store, "new")
            changed = time.monotonic()
            while (await it.ask()).status != 200:
                assert time.monotonic() - changed < 10  # a second, where the machine is not busy
                await asyncio.sleep(0.02)
            await asyncio.to_thread(it.store.retire, "new", who="test", why="test", at=datetime.now(UTC))
            changed = time.monotonic()
            while (await it.ask()).status == 200:
                assert time.monotonic() - changed < 10  # a second, where the machine is not busy
                await asyncio.sleep(0.02)
            assert (it.last().reason, it.last().keystore_revision) == ("retired-key", 2)
            metrics = (await it.admin("/metrics")).body.decode()
            assert "wssgate_keystore_revision 2.0" in metrics
            assert 'wssgate_certificate_not_after_timestamp_seconds{alias="new",state="retired"}' in metrics

    run(scenario())
