"""A ledger in which everything is that a verification looks at, written by real writers at instants of its own.

Gateways in June, of which one is killed; some of them again in September; what is older than 90 days is pruned in
October by the command; then a little more traffic, of which a backup knows nothing.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final
from unittest.mock import patch

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine

from gateway.ledger import (
    Anchor,
    LedgerReport,
    LedgerWriter,
    MessageRecord,
    Prunable,
    SignedHead,
    SigningKey,
    StatementsAnchor,
    add_statement,
    anchors,
    find_anchors,
    find_signed_heads,
    find_statements_anchors,
    migrate,
    open_database,
    prune,
    reading,
    recent_signed_heads,
    statements_anchor,
    verify_ledger,
    writing,
)
from gateway.ledger.clock import LedgerClock
from gateway.ledger.database.partitions import make_partitions
from gateway.ledger.write.transactions import ChainTransactions
from keystore import State, to_microseconds
from keystore.store import (
    Action,
    HistoryAnchor,
    HistoryReport,
    HistoryState,
    StoredEntry,
    history_anchor,
    verify_history,
)
from keystore.store.revision import new_revision
from tests.gateway.ledger.load import NEW, OLD, OPERATIONS, accepted, rejected
from tests.gateway.ledger.watched_time import Watcher, long_steps, served
from tests.keystore.store.authoring import BY

JUNE: Final = datetime(2026, 6, 1, 12, 10, tzinfo=UTC)
SEPTEMBER: Final = datetime(2026, 9, 28, 12, 10, tzinfo=UTC)
OCTOBER: Final = datetime(2026, 10, 5, 12, 10, tzinfo=UTC)
RETENTION: Final = timedelta(days=90)
HOUR: Final = timedelta(hours=1)
SERVED: Final = {"orders": served(), "invoices": served()}


def _key(number: int) -> SigningKey:
    return SigningKey.of(Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32))


ALPHA: Final = _key(1)
BETA: Final = _key(2)
EVIL: Final = _key(66)
"""The key of somebody who writes into the database and is no gateway."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What was written down elsewhere, when all was well."""

    anchors: tuple[Anchor, ...]
    signed_heads: tuple[SignedHead, ...]
    history: tuple[HistoryAnchor, ...]
    statements: tuple[StatementsAnchor, ...]
    pinned: tuple[str, ...] = (ALPHA.public, BETA.public)


@dataclass(frozen=True, slots=True)
class Seen:
    """What the verification says of the ledger and of the keystore."""

    ledger: LedgerReport
    history: HistoryReport

    @property
    def is_intact(self) -> bool:
        return self.ledger.is_intact and self.history.state is HistoryState.INTACT

    @property
    def sentences(self) -> list[str]:
        found = [f"{c.state} {c.event}: {c.detail}" for c in self.ledger.chains if not c.is_intact]
        found += [f"{f.about}: {f.detail}" for f in self.ledger.findings]
        return found + ([] if self.history.state is HistoryState.INTACT else [f"keystore: {self.history.detail}"])


def see(engine: Engine, kept: Kept | None = None, *, signed: bool = False) -> Seen:
    """Verify with nothing from elsewhere; with `kept` by its anchors; `signed` by its signed heads and keys as well."""
    report = verify_ledger(
        engine,
        () if kept is None else kept.anchors,
        kept.signed_heads if kept is not None and signed else (),
        pinned=kept.pinned if kept is not None and signed else None,
        pruned_before=OCTOBER - RETENTION,
        statements_anchors=() if kept is None else kept.statements,
    )
    relied_on = {one for chain in report.chains for one in chain.relied_on}
    revision = max((chain.keystore_revision for chain in report.chains), default=0)
    with reading(engine) as connection:
        history = verify_history(
            connection,
            (*(() if kept is None else kept.history), *report.keystore_ends),
            seen_revision=revision,
            relied_on=relied_on,
        )
    return Seen(report, history)


def keep(engine: Engine) -> Kept:
    """What is there to be kept, read out of a text as somebody does it."""
    text = " ".join(map(str, [*anchors(engine), *recent_signed_heads(engine, 10**18)]))
    with reading(engine) as connection:
        end = history_anchor(connection)
        text += f" {statements_anchor(connection)}"
    assert end is not None
    return Kept(tuple(find_anchors(text)), tuple(find_signed_heads(text)), (end,), tuple(find_statements_anchors(text)))


def write(url: str) -> None:
    """Write the ledger, but for its last hour."""
    engine = open_database(url)
    migrate(engine)
    with writing(engine) as connection:
        make_partitions(connection, JUNE)
    with writing(engine) as connection:
        make_partitions(connection, SEPTEMBER - timedelta(days=20))
    _trust(engine)
    _say(engine, "acme-2026", JUNE)
    with long_steps():
        alpha = Watcher(engine, JUNE, SERVED, instance="alpha/1", key=ALPHA)
        beta = Watcher(engine, JUNE, SERVED, instance="beta/1", key=BETA)
        killed = Watcher(engine, JUNE, SERVED, instance="beta/2", key=BETA)
        lost = Watcher(engine, JUNE, SERVED, instance="beta/4", key=BETA)
        for _ in range(2):
            _an_hour(alpha, beta, killed)
        lost.record(_old(lost), _new(lost))
        _kill(lost)
        killed.record(_old(killed), _new(killed), _stale(killed))
        for watcher in (alpha, beta, killed):
            watcher.true = to_microseconds(SEPTEMBER)
            watcher.beat()
        for _ in range(3):
            _an_hour(alpha, beta, killed)
        killed.record(_new(killed), _old(killed))
        _kill(killed)
        for watcher in (alpha, beta):
            watcher.true = to_microseconds(OCTOBER)
            watcher.beat()
        _prune(engine, alpha.true)
        _an_hour(alpha, beta)
        alpha.stop()
        beta.stop()
    engine.dispose()


def write_on(url: str) -> None:
    """The last hour, of two new processes: the old key is used once more."""
    engine = open_database(url)
    with long_steps():
        at = OCTOBER + 3 * HOUR
        alpha = Watcher(engine, at, SERVED, instance="alpha/2", key=ALPHA)
        beta = Watcher(engine, at, SERVED, instance="beta/3", key=BETA)
        _an_hour(alpha, beta)
        alpha.record(_old(alpha))
        beta.record(_new(beta))
        _say(engine, "acme-2026", at)
        alpha.stop()
        beta.stop()
    _say(engine, "acme-2026", at)
    engine.dispose()


def _kill(watcher: Watcher) -> None:
    """Let it tell nothing more, and not that it ends."""
    with patch.object(ChainTransactions, "write", side_effect=OSError("the process was killed")):
        watcher.stop()


def _an_hour(*watchers: Watcher) -> None:
    for watcher in watchers:
        watcher.record(_old(watcher), _new(watcher), _stale(watcher))
    for watcher in watchers:
        watcher.watch(HOUR)


def _old(watcher: Watcher) -> MessageRecord:
    return accepted(OLD, time=watcher.instant(), operation=OPERATIONS[0], keystore_revision=1)


def _new(watcher: Watcher) -> MessageRecord:
    return accepted(NEW, time=watcher.instant(), endpoint="invoices", server="b1", keystore_revision=1)


def _stale(watcher: Watcher) -> MessageRecord:
    return rejected(
        "timestamp-stale", recognised=(OLD,), time=watcher.instant(), operation=OPERATIONS[1], keystore_revision=1
    )


def _prune(engine: Engine, true: int) -> None:
    clock = LedgerClock(lambda: true, lambda: true / 1e6, lambda _: None)
    writer = LedgerWriter(engine, "alpha/9 (ledger prune)", key=ALPHA, clock=clock)
    prunable = Prunable({"orders": OCTOBER - RETENTION}, OCTOBER - RETENTION)
    assert prune(engine, prunable, at=OCTOBER, tell=writer.tell, pause_seconds=0).total == 23
    assert writer.close(10)


def _say(engine: Engine, renewal: str, at: datetime) -> None:
    """Two statements, of which the next event of a gateway knows."""
    for step in (2, 4):
        content = {"step": step, "by": "Ann", "note": "", "fingerprint": ""}
        add_statement(engine, renewal, "confirmed", "bob", content, at)


def _trust(engine: Engine) -> None:
    """Keystore revision 1 trusts both keys, revision 2 retires the old one."""
    entries = [
        StoredEntry(
            id=0,
            alias=key.alias,
            state=State.TRUSTED,
            der=None,
            certificate=None,
            thumbprint=key.thumbprint,
            key_id=key.key_id,
            endpoints=None,
            trusted_from=None,
            trusted_until=None,
            revoked=False,
            note="",
            added_at=BY["at"],
            added_by=BY["who"],
            changed_at=BY["at"],
            revision=0,
        )
        for key in (OLD, NEW)
    ]
    with new_revision(engine, **BY) as revision:
        made = [revision.add(entry, Action.ADDED) for entry in entries]
    with new_revision(engine, **BY) as revision:
        revision.change(replace(made[0], state=State.RETIRED), Action.RETIRED)
