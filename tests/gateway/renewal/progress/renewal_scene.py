"""A renewal in a real ledger and a real keystore, while the days pass in a moment."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Engine

from gateway.config import Settings, load_settings
from gateway.ledger import InstanceIdentity, record_heartbeat
from gateway.renewal import (
    Closed,
    Closure,
    Confirmation,
    Renewal,
    RenewalStatus,
    SitePolicy,
    Waiver,
    gates_now,
    judge_renewal,
    measured_now,
    planned,
)
from gateway.verify import VerifiedBy
from keystore import TrustedCertificate
from keystore.store import KeystoreStore
from tests.gateway.ledger.load import NOON, accepted, rejected
from tests.gateway.ledger.watched_time import Watcher, served
from tests.gateway.report.scene import DAY, GET, MINUTE, NEW, OLD, PLACE, certificate, signers

HOUR: Final = timedelta(hours=1)
DELIVERY: Final = timedelta(days=2)
STEP: Final = timedelta(minutes=30)
"""From one heartbeat to the next; `long_steps` has to admit it."""
CONFIGURATION: Final = """
[gateway]
database = "sqlite:///{folder}/wssgate.db"
signing_key = "{folder}/signing.key"
{endpoints}
"""
ENDPOINT: Final = """
[endpoint.{name}]
path = "/{name}"
upstream = "http://127.0.0.1:9/"
guaranteed_delivery_time = "2d"
switch_quiet_time = "1h"
switch_smallest_share = 0.5
"""
"""Sixteen messages and an hour of quiet make a cell count as switched."""

__all__ = ["DAY", "GET", "MINUTE", "NEW", "OLD", "PLACE", "certificate"]


def settings_of(folder: Path, *names: str) -> Settings:
    """A configuration with these endpoints."""
    path = folder / "gateway.toml"
    endpoints = "".join(ENDPOINT.format(name=name) for name in names)
    path.write_text(CONFIGURATION.format(folder=folder, endpoints=endpoints))
    return load_settings(path)


def renewal_of(
    old: TrustedCertificate | Sequence[TrustedCertificate] = OLD, new: TrustedCertificate = NEW, **fields: Any
) -> Renewal:
    """A renewal as its statements would add up to."""
    olds = [old] if isinstance(old, TrustedCertificate) else list(old)
    values: dict[str, Any] = {
        "name": "acme",
        "started_at": NOON,
        "started_by": "eva",
        "reason": "",
        "endpoints": ("orders",),
        "old": tuple(planned(one) for one in olds),
        "new": planned(new),
    }
    return Renewal(**(values | fields))


class RenewalScene:
    """`acme-2024` is trusted since long ago; the renewal to `acme-2026` begins at noon."""

    def __init__(self, engine: Engine, folder: Path, *, endpoints: Sequence[str] = ("orders",)) -> None:
        self.engine = engine
        self.store = KeystoreStore(engine)
        self.settings = settings_of(folder, *endpoints)
        self.policies: dict[str, SitePolicy] = {}
        self.ahead = timedelta(0)
        """How far the ledger's clock is ahead of the true time: as far as that of a gateway ever was."""
        self.administrator = timedelta(0)
        """How far the clock of whoever types is ahead of the ledger's."""
        self.renewal = renewal_of(endpoints=tuple(endpoints))
        self.store.add("acme-2024", OLD.certificate, who="eva", why="", at=NOON - 90 * DAY)
        # The ledger's clock begins before noon, and the first traffic with it.
        self.watcher = Watcher(engine, NOON - STEP, {name: served(DELIVERY) for name in endpoints})
        self.watcher.watch(STEP, STEP)

    def close(self) -> None:
        self.watcher.stop()

    @property
    def now(self) -> datetime:
        """By the ledger's clock."""
        return self.watcher.instant() + self.ahead

    @property
    def typed_at(self) -> datetime:
        """By the clock of whoever types."""
        return self.now + self.administrator

    def set_gateway_clock(self, off: timedelta) -> None:
        """Somebody sets the clock of the gateway's machine, so that it is off by this."""
        self.watcher.off = off // timedelta(microseconds=1)
        self.ahead = max(self.ahead, off)
        self.watcher.beat()

    # what happens

    def stage(self, new: TrustedCertificate = NEW) -> None:
        """The new certificate arrives."""
        self.store.add(str(new.alias), new.certificate, who="eva", why="", at=self.typed_at, stage=True, force=True)

    def trust(self, alias: str = "acme-2026") -> None:
        self.store.trust(alias, who="eva", why="compared by phone", at=self.typed_at, force=True)

    def retire(self, alias: str = "acme-2024", *, force: bool = False, **more: Any) -> None:
        gates = gates_now(self.engine, self.settings, self.typed_at)
        self.store.retire(alias, who="eva", why="switched", at=self.typed_at, gates=gates, force=force, **more)

    def wait(self, length: timedelta, *, watched: bool = True) -> None:
        """Time passes, with or without a gateway that watches."""
        if watched:
            self.watcher.watch(length, STEP)
        else:
            self.watcher.sleep(length)

    def messages(
        self,
        count: int,
        by: TrustedCertificate,
        *,
        operations: Collection[str | None] = (GET,),
        server: str = "",
        every: timedelta = 10 * MINUTE,
        endpoint: str = "orders",
        reason: str | None = None,
    ) -> None:
        """So many answers of each operation, the first one after `every`."""
        entry = VerifiedBy(by.alias, by.key_id, by.thumbprint)
        for _ in range(count):
            self.watcher.true += every // timedelta(microseconds=1)
            for operation in operations:
                values: dict[str, Any] = {
                    "time": self.watcher.instant() + self.watcher.off * timedelta(microseconds=1),
                    "operation": operation,
                    "server": server,
                    "endpoint": endpoint,
                    "signers": signers([by]),
                }
                made = accepted(entry, **values) if reason is None else rejected(reason, recognised=(entry,), **values)
                self.watcher.record(made)
            self.watcher.beat()

    # what people say

    def confirm(self, step: int, **fields: Any) -> None:
        values: dict[str, Any] = {"step": step, "at": self.now, "by": "Rita", "who": "eva"}
        self.renewal = replace(
            self.renewal, confirmations=(*self.renewal.confirmations, Confirmation(**(values | fields)))
        )

    def waive(self, operation: str, *, server: str = "", endpoint: str = "orders") -> None:
        said = Waiver(self.now, "Rita", "eva", "used once a year", endpoint, operation, server)
        self.renewal = replace(self.renewal, waivers=(*self.renewal.waivers, said))

    def end(self, how: Closure) -> None:
        self.renewal = replace(self.renewal, closed=Closed(how, self.now, "eva", "because"))

    def load(self, revision: int | None = None, instance: str = "host/1") -> None:
        """A gateway process has loaded that revision of the keystore, by default the newest."""
        identity = InstanceIdentity(instance, instance, "host", 1, "1", NOON)
        record_heartbeat(self.engine, identity, self.store.revision() if revision is None else revision)

    # the question

    def status(self, renewal: Renewal | None = None) -> RenewalStatus:
        asked = renewal or self.renewal
        (measured,) = measured_now(self.engine, self.store, self.settings, [asked], self.policies, self.typed_at)
        return judge_renewal(asked, measured)

    def marks(self) -> dict[int, str]:
        return {step.number: str(step.mark) for step in self.status().steps}
