"""A renewal's world whose alerts go somewhere, and what the outbox has of them."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import event

from gateway.alerts import AlertDesk
from gateway.config import Settings, load_settings
from gateway.ledger import (
    AlertFinding,
    Notice,
    end_alert,
    migrate,
    open_database,
    raise_alert,
    sum_up_alerts,
    told_notices,
)
from gateway.verify import EmbeddedCertificate
from keystore import KeyId, Thumbprint
from tests.gateway.exchange.harness import KEYS
from tests.gateway.ledger.load import NOON, rejected
from tests.gateway.ledger.watched_time import long_steps
from tests.gateway.renewal.progress.renewal_scene import GET, STEP, RenewalScene

CHANNEL = '[alerts.ops]\nwebhook = "http://127.0.0.1:9/"\nsecret = "0123456789abcdef"\n'


class AlertScene(RenewalScene):
    """Time passes in a moment; `told` gives what people were told since it was asked last."""

    seen: set[str]

    def told(self, kind: str | None = None) -> list[Notice]:
        """The notices that are new, the oldest first."""
        found = [notice for notice, _ in told_notices(self.engine)][::-1]
        new = [notice for notice in found if notice.id not in self.seen]
        self.seen |= {notice.id for notice in new}
        return [notice for notice in new if kind is None or notice.event == kind]

    def alerting(self) -> Settings:
        """The settings, with a channel."""
        path = self.settings.source
        if CHANNEL not in path.read_text():
            path.write_text(path.read_text() + CHANNEL)
        return load_settings(path)

    def write_down(self, desk: AlertDesk) -> None:
        """What the desk has taken goes into the outbox."""
        while (news := desk.first()) is not None:
            if isinstance(news, AlertFinding):
                raise_alert(self.engine, news, self.now)
            else:
                end_alert(self.engine, news.event, news.about, news.what, self.now)
            desk.done(news)
        sum_up_alerts(self.engine, self.now)

    def unknown(self, der: bytes | None, *, good: bool = True, reason: str = "unknown-key", **fields: Any) -> str:
        """A message that is signed with an unknown key came a minute later, with its certificate if there is one."""
        self.watcher.true += timedelta(minutes=1) // timedelta(microseconds=1)
        values: dict[str, Any] = {"time": self.watcher.instant(), "endpoint": "orders", "operation": GET} | fields
        made = rejected(reason, embedded=None if der is None else embedded(der, good=good), **values)
        self.watcher.record(made)
        self.watcher.beat()
        return made.id


def embedded(der: bytes, *, good: bool = True) -> EmbeddedCertificate:
    """A certificate that a message carried."""
    return EmbeddedCertificate(
        subject="CN=acme",
        issuer="CN=acme",
        serial=4711,
        not_before=NOON,
        not_after=NOON + timedelta(days=365),
        key_id=KeyId("a" * 64),
        thumbprint=Thumbprint(hashlib.sha256(der).hexdigest()),
        thumbprint_sha1="b" * 40,
        signature_good=good,
        der=der,
    )


def der_of(name: str) -> bytes:
    """One of the test certificates."""
    return x509.load_pem_x509_certificate((KEYS / f"{name}.pem").read_bytes()).public_bytes(Encoding.DER)


@contextmanager
def alert_scene(folder: Path) -> Iterator[AlertScene]:
    """One with the endpoint `orders`."""
    engine = open_database(f"sqlite:///{folder}/wssgate.db")
    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous = OFF"))
    migrate(engine)
    with long_steps(STEP * 1.2):
        made = AlertScene(engine, folder)
        made.seen = set()
        yield made
        made.close()
    engine.dispose()
