"""A renewal from its start to the retirement, with real signatures, in a real ledger and a real keystore."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

from sqlalchemy import Engine

from gateway.config import Settings, load_settings
from gateway.ledger import MessageRecord
from gateway.renewal import (
    Author,
    MeasuredGates,
    NewRenewal,
    PlannedCertificate,
    Renewal,
    certifying_gates,
    confirm_step,
    gates_now,
    make_signoff,
    planned,
    read_renewals,
    record_retirement,
    record_sign_off,
    set_site_policy,
    start_renewal,
    waive_cell,
)
from gateway.renewal.progress import RenewalStatus, judge_renewal, measured_now
from gateway.renewal.signoff import Signoff
from gateway.verify import Policy, Verdict, verify
from keystore import Alias, State, TrustedCertificate, TrustSnapshot
from keystore.store import KeystoreStore
from tests.gateway.ledger.load import NOON, accepted
from tests.gateway.ledger.proof.bundles import KEY
from tests.gateway.ledger.receipt_samples import AT, ROOT, certificate
from tests.gateway.ledger.watched_time import Watcher, long_steps, served

DAY: Final = timedelta(days=1)
HOUR: Final = timedelta(hours=1)
GET: Final = "{urn:orders}GetOrder"
PLACE: Final = "{urn:orders}PlaceOrder"
NAME: Final = "acme"
OLD_MESSAGE, NEW_MESSAGE = "timestamp-signed", "new-key"
CONFIGURATION: Final = """
[gateway]
database = "sqlite:///{folder}/wssgate.db"
signing_key = "{folder}/signing.key"
[endpoint.orders]
path = "/orders"
upstream = "http://127.0.0.1:9/"
guaranteed_delivery_time = "2d"
switch_quiet_time = "1h"
switch_smallest_share = 0.5
"""


class SignoffScene:
    """`acme-2024` is trusted since long ago, and messages come every hour; the renewal begins a day after noon."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine = engine
        self.store = KeystoreStore(engine)
        path = folder / "gateway.toml"
        path.write_text(CONFIGURATION.format(folder=folder))
        self.path = path
        self.settings: Settings = load_settings(path)
        self.store.add("acme-2024", certificate("old"), who="eva", why="onboarding", at=NOON - 90 * DAY)
        self.watcher = Watcher(engine, NOON, {"orders": served(2 * DAY)}, key=KEY)

    @property
    def now(self) -> datetime:
        return self.watcher.instant()

    @property
    def author(self) -> Author:
        return Author("eva", self.now)

    def hours(self, count: int, *cells: tuple[str, str, str], watched: bool = True) -> None:
        """So many hours, with a message of each cell (message, operation, server) at the end of each."""
        for _ in range(count):
            if watched:
                self.watcher.watch(HOUR, HOUR / 2)
            else:
                self.watcher.sleep(HOUR)
            self.messages(*cells)

    def messages(self, *cells: tuple[str, str, str], **fields: Any) -> list[MessageRecord]:
        """A message of each of these cells, now."""
        return self.watcher.record(
            *(
                record_of(
                    message,
                    time=self.now,
                    operation=operation,
                    server=server,
                    keystore_revision=self.store.revision(),
                    **fields,
                )
                for message, operation, server in cells
            )
        )

    def planned(self, alias: str) -> PlannedCertificate:
        found = self.store.get(alias).trusted()
        assert found is not None
        return planned(found)

    def start(self, **fields: Any) -> None:
        """The new certificate is there, and the renewal begins."""
        self.store.add(
            "acme-2026",
            certificate("new"),
            who="eva",
            why="from Rita",
            at=self.now,
            replaces=("acme-2024",),
            force=True,
        )
        values: dict[str, Any] = {
            "name": NAME,
            "endpoints": ("orders",),
            "old": (self.planned("acme-2024"),),
            "new": self.planned("acme-2026"),
            "reason": "the old certificate ends in autumn",
            "contacts": ("Rita Receiver <rita@receiver.example>",),
        }
        start_renewal(self.engine, NewRenewal(**(values | fields)), self.author)

    def decide(self) -> None:
        """The delivery time has an owner, and a reason."""
        set_site_policy(self.engine, "orders", 2 * DAY, "Olga Owner", "agreed with logistics", self.author)

    def gates(self) -> MeasuredGates:
        """As they are now."""
        return gates_now(self.engine, self.settings, self.now)

    def retire(self, *, force: bool = False) -> str:
        """Retire the old certificate, and give the SHA-256 of the retirement certificate."""
        renewal = self.renewal
        gates = certifying_gates(self.engine, self.gates, renewal, renewal.old)
        self.store.retire("acme-2024", who="eva", why="renewed", at=self.now, gates=gates, force=force)
        made = gates.made[-1]
        record_retirement(self.engine, NAME, renewal.old[0], made.text, self.author)
        return made.sha256

    def play(self) -> None:
        """The usual story: two servers, of which one lags behind; a pause; the retirement; a late message."""
        cells = (GET, "app-1"), (GET, "app-2"), (PLACE, "app-1")
        self.hours(24, *((OLD_MESSAGE, *cell) for cell in cells))
        self.start()
        self.decide()
        confirm_step(
            self.engine, NAME, 2, self.author, by="Rita", fingerprint=str(self.planned("acme-2026").thumbprint)
        )
        confirm_step(self.engine, NAME, 4, self.author, by="eva", note="by mail")
        self.hours(6, *((OLD_MESSAGE, *cell) for cell in cells))
        self.hours(10, (NEW_MESSAGE, *cells[0]), (OLD_MESSAGE, *cells[1]), (NEW_MESSAGE, *cells[2]))
        self.hours(3, watched=False)
        self.hours(50, *((NEW_MESSAGE, *cell) for cell in cells))
        waive_cell(
            self.engine,
            NAME,
            self.author,
            endpoint="orders",
            operation="{urn:orders}Archive",
            by="Olga Owner",
            reason="once a year",
        )
        confirm_step(self.engine, NAME, 7, self.author, by="Rita", note="all servers")
        self.hours(2, *((NEW_MESSAGE, *cell) for cell in cells))

    @property
    def renewal(self) -> Renewal:
        return read_renewals(self.engine).named(NAME)

    def status(self) -> RenewalStatus:
        renewals = read_renewals(self.engine)
        renewal = renewals.named(NAME)
        (measured,) = measured_now(self.engine, self.store, self.settings, [renewal], renewals.policies, self.now)
        return judge_renewal(renewal, measured)

    def sign_off(self) -> Signoff:
        """Made and recorded."""
        signoff = make_signoff(self.engine, self.renewal, self.status(), "eva")
        record_sign_off(self.engine, NAME, signoff.text.encode(), "wssgate.signoff/1", self.author)
        return signoff


@lru_cache
def _verdict(message: str, *, is_retired: bool) -> Verdict:
    states = {"acme-2024": State.RETIRED if is_retired else State.TRUSTED, "acme-2026": State.TRUSTED}
    trust = TrustSnapshot(
        [
            TrustedCertificate(Alias(alias), certificate(name), state=states[alias])
            for alias, name in (("acme-2024", "old"), ("acme-2026", "new"))
        ],
        1,
    )
    return verify((ROOT / "messages" / f"{message}.xml").read_bytes(), trust, Policy(), AT)


def record_of(message: str, *, is_retired: bool = False, **fields: Any) -> MessageRecord:
    """The record of a fixture; with `is_retired` as it is rejected once the old certificate is retired."""
    verdict = _verdict(message, is_retired=is_retired)
    values: dict[str, Any] = {
        "outcome": str(verdict.outcome),
        "reason": None if verdict.reason is None else str(verdict.reason),
        "detail": verdict.detail,
        "released": verdict.accepted,
        "verified_by": verdict.verified_by,
        "recognised": verdict.recognised,
        "signatures": verdict.signatures,
        "signers": verdict.signers,
    }
    return replace(accepted(*verdict.verified_by), **(values | fields))


@contextmanager
def days_pass() -> Iterator[None]:
    """Let heartbeats be far from each other, and statements take the time of who makes them."""
    with long_steps(HOUR), patch("gateway.ledger.statements.server_or_latest", lambda _: 0):
        yield
