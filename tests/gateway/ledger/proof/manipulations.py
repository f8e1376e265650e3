# ruff: noqa: S608 - the statements are those of this file
"""What somebody who has the database to himself might do to it, and by what it is seen.

`PLAIN`: by what the database itself holds. `ANCHORS`: only beside anchors that were kept elsewhere. `SIGNED`: only
beside signed heads and public keys that were kept elsewhere. `HARMLESS`: by nothing, and it changes no answer in
anybody's favour.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, select, text, update

from gateway.ledger import EventKind, SigningKey
from gateway.ledger.database.ledger_tables import renewal_statements, renewal_statements_head
from gateway.ledger.event import content_text
from gateway.ledger.record_rows import Row
from gateway.ledger.statements import statement_hash
from keystore import CHAIN_START
from tests.gateway.ledger.load import OLD
from tests.gateway.ledger.proof.forging import Edit, Forged, forge
from tests.gateway.ledger.proof.scene import ALPHA, EVIL


class By(StrEnum):
    """By what a manipulation is seen."""

    PLAIN = "the database itself"
    ANCHORS = "anchors"
    SIGNED = "signed heads"
    HARMLESS = "nothing, harmless"


Act = Callable[[Connection], None]


@dataclass(frozen=True, slots=True)
class Manipulation:
    """One of them."""

    name: str
    by: By
    act: Act
    keeps_triggers_away: bool = False


HOUR: Final = 3_600_000_000
_OLD: Final = f"'%{OLD.thumbprint}%'"


def _sql(*statements: str) -> Act:
    def act(connection: Connection) -> None:
        for statement in statements:
            connection.execute(text(statement.replace(":", r"\:")))

    return act


def _writer(instance: str) -> str:
    return f"(SELECT writer FROM chains WHERE instance = '{instance}')"


def _forged(edit: Edit, key: SigningKey | None) -> Act:
    return lambda connection: forge(connection, edit, key)


def _all_events(found: dict[str, Forged], kind: EventKind) -> Iterator[Row]:
    for one in found.values():
        yield from (event for event in one.events if event["kind"] == kind)


def _contents(kind: EventKind, change: Callable[[dict[str, Any]], object]) -> Edit:
    """Change what every event of a kind tells."""

    def edit(found: dict[str, Forged]) -> None:
        for event in _all_events(found, kind):
            content = json.loads(event["content"])
            change(content)
            event["content"] = content_text(content)

    return edit


def _nothing(_: dict[str, Forged]) -> None:
    """As it is, but for key and signatures."""


def _without_old_key(found: dict[str, Forged]) -> None:
    """Its uses of the last hour."""
    records = found["alpha/2"].records
    records[:] = [row for row in records if OLD.thumbprint not in row["signers"]]


def _dated_back(found: dict[str, Forged]) -> None:
    """Everything of the last hour, by two days."""
    for instance in ("alpha/2", "beta/3"):
        for row in (*found[instance].records, *found[instance].events):
            row["clock_offset"] -= 48 * HOUR


def _records_dated_back(found: dict[str, Forged]) -> None:
    for row in found["alpha/2"].records:
        row["time"] -= 48 * HOUR


def _last_record_dated_back(found: dict[str, Forged]) -> None:
    found["alpha/2"].records[-1]["time"] -= 48 * HOUR


def _renamed(old: str, new: str) -> Edit:
    def edit(found: dict[str, Forged]) -> None:
        for row in found["alpha/2"].records:
            for column in ("signers", "verified_by", "recognised"):
                row[column] = row[column].replace(old, new)

    return edit


def _not_needed(found: dict[str, Forged]) -> None:
    for row in found["alpha/2"].records:
        row["signers"] = row["signers"].replace('"needed":true', '"needed":false')


def _repeated(found: dict[str, Forged]) -> None:
    for row in found["alpha/2"].records:
        row["signers"] = row["signers"].replace('"repeated":false', '"repeated":true')


def _without_signers(found: dict[str, Forged]) -> None:
    for row in found["alpha/2"].records:
        row["signers"] = "[]"


def _before_signers(found: dict[str, Forged]) -> None:
    """As if it were from before anybody looked for signers."""
    for row in found["alpha/2"].records:
        row["signers"] = row["clock_offset"] = None


def _inserted(instance: str) -> Edit:
    """A record at the end of a real chain."""

    def edit(found: dict[str, Forged]) -> None:
        one = found[instance]
        more = dict(one.records[-1]) | {"id": "invented", "sequence": one.records[-1]["sequence"] + 1}
        one.records.append(more)
        for event in one.events[-2:]:
            event["records"] += 1

    return edit


def _invented(*, with_events: bool) -> Edit:
    """A writer that never was: like a real one, under another name."""

    def edit(found: dict[str, Forged]) -> None:
        real = found["beta/3"]
        writer = "00000000-0000-4000-8000-000000000000"
        records = [dict(row) | {"id": f"invented-{row['sequence']}"} for row in real.records]
        told = [dict(event) | {"writer": writer} for event in real.events] if with_events else []
        for event in told[:1]:
            event["content"] = event["content"].replace("beta/3", "gamma/1")
        head = dict(real.head) | {"writer": writer, "instance": "gamma/1"}
        found["gamma/1"] = Forged(head, records, told, (0, "0" * 64))

    return edit


def _alone(edit: Edit, instances: Sequence[str], key: SigningKey | None) -> Act:
    """Write only these chains anew: the others stay as they are, with their signatures."""

    def act(connection: Connection) -> None:
        forge(connection, edit, key, only=instances)

    return act


def _cut(instance: str, records: int, number: int) -> Edit:
    def edit(found: dict[str, Forged]) -> None:
        one = found[instance]
        one.records[:] = one.records[: len(one.records) - records]
        one.events[:] = one.events[: len(one.events) - number]

    return edit


def _before_signers_alone(found: dict[str, Forged]) -> None:
    _before_signers(found)
    found["alpha/2"].events.clear()


def _cut_all(found: dict[str, Forged]) -> None:
    """The last hour, as if the database were from before it: the two processes never were."""
    for instance in ("alpha/2", "beta/3"):
        found[instance].records.clear()
        found[instance].events.clear()


def _without_events(instance: str, *kinds: EventKind) -> Edit:
    def edit(found: dict[str, Forged]) -> None:
        found[instance].take_out(set(kinds))

    return edit


def _watched_more(content: dict[str, Any]) -> None:
    content["watched"] = {"orders": [[content["from"] - 72 * HOUR, content["until"]]]}


def _reachable(content: dict[str, Any]) -> None:
    for state in content["endpoints"].values():
        state |= {"serving": True, "reachable": True, "since": None}
    content["seconds"] = 45_000_000


def _short_delivery(content: dict[str, Any]) -> None:
    for endpoint in content["endpoints"].values():
        endpoint["guaranteed_delivery_time"] = 1000


def _short_retention(content: dict[str, Any]) -> None:
    for endpoint in content["endpoints"].values():
        endpoint["retention"] = 1000


def _announced_younger(content: dict[str, Any]) -> None:
    content["time"] = content["at"]


_CHECKPOINT: Final = (
    f"INSERT INTO checkpoints SELECT writer, sequence, hash, time, time FROM messages WHERE sequence = 3 "
    f"AND writer = {_writer('alpha/2')}"
)
_DELETE_PRUNED: Final = f"DELETE FROM messages WHERE sequence <= 3 AND writer = {_writer('alpha/2')}"
_USES: Final = f"WHERE thumbprint = '{OLD.thumbprint}'"
_PRUNED_HOURS: Final = "hour < (SELECT min(time) FROM messages) / 3600000000"


_ADD_USE: Final = (
    "INSERT INTO key_uses_hourly SELECT endpoint, operation, server, '{0}', role, outcome, hour, alias, key_id, 1, "
    "first_seen, last_seen, NULL FROM key_uses_hourly WHERE {1} LIMIT 1"
)
_ADD_TRAFFIC: Final = (
    "INSERT INTO traffic_hourly SELECT endpoint, '{{urn:x}}Never', kind, outcome, reason, released, hour, 1, "
    "first_seen, last_seen FROM traffic_hourly WHERE {0} LIMIT 1"
)


def _event(set_: str, where: str) -> str:
    return f"UPDATE events SET {set_} WHERE {where}"


def _drop(name: str, table: str) -> Act:
    def act(connection: Connection) -> None:
        on = "" if connection.dialect.name == "sqlite" else f" ON {table}"
        connection.execute(text(f"DROP TRIGGER {name}{on}"))

    return act


def _weaken(connection: Connection) -> None:
    """Let a trigger refuse nothing any more."""
    if connection.dialect.name == "sqlite":
        connection.execute(text("DROP TRIGGER traffic_stays"))
        body = "WHEN 1 = 0 BEGIN SELECT RAISE(ABORT, 'roll-ups are never removed'); END"
        connection.execute(text(f"CREATE TRIGGER traffic_stays BEFORE DELETE ON traffic_hourly {body}"))
    else:
        body = "BEGIN RETURN OLD; END"
        connection.execute(
            text(f"CREATE OR REPLACE FUNCTION wssgate_traffic_stays() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$")
        )


def _strange_trigger(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        body = "BEGIN DELETE FROM key_uses_hourly WHERE hour = NEW.hour; END"
        connection.execute(text(f"CREATE TRIGGER helpful AFTER INSERT ON key_uses_hourly {body}"))
    else:
        body = "BEGIN RETURN NULL; END"
        connection.execute(text(f"CREATE FUNCTION helpful() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$"))
        connection.execute(
            text("CREATE TRIGGER helpful BEFORE INSERT ON key_uses_hourly FOR EACH ROW EXECUTE FUNCTION helpful()")
        )


def _switch_off(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        connection.execute(text("DROP TRIGGER chains_stay"))
    else:
        connection.execute(text("ALTER TABLE chains DISABLE TRIGGER chains_stay"))


def _switch_off_in_a_month(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        connection.execute(text("DROP TRIGGER messages_are_only_pruned"))
    else:
        connection.execute(text("ALTER TABLE messages_2026_10 DISABLE TRIGGER messages_are_only_pruned"))


def _statements_anew(edit: Callable[[list[Row]], None]) -> Act:
    """The statements after `edit`, hashes and end and all."""

    def act(connection: Connection) -> None:
        rows: list[Row] = [dict(row) for row in connection.execute(select(renewal_statements)).mappings()]
        edit(rows)
        hashed = CHAIN_START
        for row in rows:
            row["previous_hash"] = hashed
            row["hash"] = hashed = statement_hash(hashed, row)
        connection.execute(delete(renewal_statements))
        if rows:
            connection.execute(insert(renewal_statements), rows)
        connection.execute(update(renewal_statements_head).values(number=len(rows), hash=hashed))

    return act


def _cut_off(kept: int) -> Callable[[list[Row]], None]:
    def edit(rows: list[Row]) -> None:
        del rows[kept:]

    return edit


def _said_by_another(number: int) -> Callable[[list[Row]], None]:
    def edit(rows: list[Row]) -> None:
        rows[number - 1]["who"] = "mallory"

    return edit


def _said_earlier(number: int) -> Callable[[list[Row]], None]:
    def edit(rows: list[Row]) -> None:
        rows[number - 1]["at"] = 1

    return edit


def _said_nothing(number: int) -> Callable[[list[Row]], None]:
    def edit(rows: list[Row]) -> None:
        rows[number - 1]["content"] = "[]"

    return edit


M = Manipulation
MANIPULATIONS: Final = (
    # Records, as they stand.
    M("a record's outcome is altered", By.PLAIN, _sql("UPDATE messages SET outcome = 'rejected' WHERE sequence = 8")),
    M("a record's signers are altered", By.PLAIN, _sql("UPDATE messages SET signers = '[]' WHERE sequence = 8")),
    M("a record's time is altered", By.PLAIN, _sql("UPDATE messages SET time = time - 1 WHERE sequence = 8")),
    M("a record's clock is altered", By.PLAIN, _sql("UPDATE messages SET clock_offset = -9 WHERE sequence = 8")),
    M("a record is deleted in the middle", By.PLAIN, _sql("DELETE FROM messages WHERE sequence = 8")),
    M("a record is deleted at the beginning", By.PLAIN, _sql("DELETE FROM messages WHERE sequence = 7")),
    M("records are deleted at the end", By.PLAIN, _sql("DELETE FROM messages WHERE sequence > 10")),
    M(
        "a record is inserted at the end",
        By.PLAIN,
        _sql(
            "CREATE TEMP TABLE one AS SELECT * FROM messages WHERE sequence = 4",
            "UPDATE one SET id = substr('x' || writer, 1, 36), sequence = 5, previous_hash = hash",
            "INSERT INTO messages SELECT * FROM one",
        ),
    ),
    M(
        "a record is inserted with an invented writer",
        By.PLAIN,
        _sql(
            f"CREATE TEMP TABLE one AS SELECT * FROM messages WHERE sequence = 1 AND writer = {_writer('alpha/2')}",
            "UPDATE one SET id = 'x', writer = 'x'",
            "INSERT INTO messages SELECT * FROM one",
        ),
    ),
    # Records, the chain written anew.
    M(
        "uses of the old key are taken out, the chain written anew",
        By.PLAIN,
        _alone(_without_old_key, ["alpha/2"], None),
    ),
    M(
        "uses of the old key are taken out, the chain signed with an own key",
        By.PLAIN,
        _alone(_without_old_key, ["alpha/2"], EVIL),
    ),
    M("uses of the old key are taken out, everything signed anew", By.ANCHORS, _forged(_without_old_key, EVIL)),
    M("uses of the old key are taken out, nothing signed any more", By.ANCHORS, _forged(_without_old_key, None)),
    M("the old key is called the new one, everything anew", By.ANCHORS, _forged(_renamed("1" * 64, "2" * 64), EVIL)),
    M("signers are no longer needed, everything anew", By.ANCHORS, _forged(_not_needed, EVIL)),
    M("signatures become repetitions, everything anew", By.ANCHORS, _forged(_repeated, EVIL)),
    M("nobody signed, everything anew", By.ANCHORS, _forged(_without_signers, EVIL)),
    M("records are dated back, everything anew", By.ANCHORS, _forged(_records_dated_back, EVIL)),
    M("the last record is dated back, everything anew", By.PLAIN, _forged(_last_record_dated_back, EVIL)),
    M("a clock is altered, everything anew", By.ANCHORS, _forged(_dated_back, EVIL)),
    M("a record is inserted at the end, everything anew", By.SIGNED, _forged(_inserted("alpha/2"), EVIL)),
    M("a record is inserted at the end, the chain anew", By.PLAIN, _alone(_inserted("alpha/2"), ["alpha/2"], None)),
    # Writers that never were.
    M("a writer without events is invented", By.PLAIN, _alone(_invented(with_events=False), ["gamma/1"], None)),
    M("a writer is invented, unsigned", By.SIGNED, _alone(_invented(with_events=True), ["gamma/1"], None)),
    M("a writer is invented, with an own key", By.SIGNED, _alone(_invented(with_events=True), ["gamma/1"], EVIL)),
    M(
        "a writer of a known instance is invented",
        By.PLAIN,
        _sql(
            "INSERT INTO chains SELECT 'x', instance, 0, hash, NULL, NULL, NULL, NULL FROM chains WHERE instance = "
            "'alpha/2'"
        ),
    ),
    # Chains cut short.
    M(
        "the head is moved back",
        By.PLAIN,
        _sql("UPDATE chains SET sequence = 3, hash = '0' WHERE instance = 'alpha/2'"),
    ),
    M("the head is deleted", By.PLAIN, _sql("DELETE FROM chains WHERE instance = 'alpha/2'")),
    M(
        "the head names another instance",
        By.PLAIN,
        _sql("UPDATE chains SET instance = 'x/1' WHERE instance = 'alpha/2'"),
    ),
    M("the head is not signed any more", By.PLAIN, _sql("UPDATE chains SET signature = NULL")),
    M(
        "the head has the signature of another",
        By.PLAIN,
        _sql("UPDATE chains SET signature = (SELECT min(signature) FROM chains)"),
    ),
    M("the head is dated back", By.PLAIN, _sql("UPDATE chains SET time = time - 1")),
    M("the head forgets its events", By.PLAIN, _sql("UPDATE chains SET event_number = NULL, event_hash = NULL")),
    M("a chain is cut short with its head, the chain anew", By.PLAIN, _alone(_cut("beta/1", 3, 3), ["beta/1"], None)),
    M("a chain is cut short, everything anew", By.ANCHORS, _forged(_cut("beta/3", 1, 2), EVIL)),
    M("events are cut off, everything anew", By.SIGNED, _forged(_cut("beta/3", 0, 2), EVIL)),
    M(
        "a whole chain is deleted",
        By.PLAIN,
        _sql(
            f"DELETE FROM messages WHERE writer = {_writer('beta/1')}",
            f"DELETE FROM events WHERE writer = {_writer('beta/1')}",
            "DELETE FROM chains WHERE instance = 'beta/1'",
        ),
    ),
    M("the last hour is cut off, everything anew", By.ANCHORS, _forged(_cut_all, EVIL)),
    # Hourly counts.
    M("uses of the old key are deleted", By.PLAIN, _sql(f"DELETE FROM key_uses_hourly {_USES}")),
    M("uses of pruned hours are deleted", By.PLAIN, _sql(f"DELETE FROM key_uses_hourly WHERE {_PRUNED_HOURS}")),
    M("uses are fewer", By.PLAIN, _sql(f"UPDATE key_uses_hourly SET messages = messages - 1 {_USES} AND messages > 1")),
    M(
        "uses of pruned hours are more",
        By.PLAIN,
        _sql(f"UPDATE key_uses_hourly SET messages = messages + 1 WHERE {_PRUNED_HOURS}"),
    ),
    M("uses end earlier", By.PLAIN, _sql("UPDATE key_uses_hourly SET last_seen = last_seen - 1")),
    M("uses begin later", By.PLAIN, _sql("UPDATE key_uses_hourly SET first_seen = first_seen + 1")),
    M("uses were signed at another time", By.PLAIN, _sql("UPDATE key_uses_hourly SET last_signed = 1")),
    M("uses have another role", By.PLAIN, _sql("UPDATE key_uses_hourly SET role = 'present' WHERE role = 'needed'")),
    M(
        "uses have another outcome",
        By.PLAIN,
        _sql("UPDATE key_uses_hourly SET outcome = 'x' WHERE outcome = 'rejected'"),
    ),
    M("uses are by another server", By.PLAIN, _sql("UPDATE key_uses_hourly SET server = 'b2' WHERE server = 'b1'")),
    M(
        "uses are of another operation",
        By.PLAIN,
        _sql(f"UPDATE key_uses_hourly SET operation = '*' {_USES} AND outcome = 'rejected'"),
    ),
    M("uses are of another hour", By.PLAIN, _sql(f"UPDATE key_uses_hourly SET hour = hour - 1000 {_USES}")),
    M("uses have another alias", By.PLAIN, _sql(f"UPDATE key_uses_hourly SET alias = 'acme-2026' {_USES}")),
    M("uses have another key", By.PLAIN, _sql(f"UPDATE key_uses_hourly SET key_id = 'b' {_USES}")),
    M("uses are added", By.PLAIN, _sql(_ADD_USE.format("9" * 64, "1 = 1"))),
    M("uses are added in a pruned hour", By.PLAIN, _sql(_ADD_USE.format("9" * 64, _PRUNED_HOURS))),
    M("messages are deleted", By.PLAIN, _sql("DELETE FROM traffic_hourly WHERE outcome = 'rejected'")),
    M("messages of pruned hours are deleted", By.PLAIN, _sql(f"DELETE FROM traffic_hourly WHERE {_PRUNED_HOURS}")),
    M("messages are more", By.PLAIN, _sql("UPDATE traffic_hourly SET messages = messages + 1")),
    M("messages have another reason", By.PLAIN, _sql("UPDATE traffic_hourly SET reason = 'x' WHERE reason <> ''")),
    M("messages are added", By.PLAIN, _sql(_ADD_TRAFFIC.format("1 = 1"))),
    M("messages are added in a pruned hour", By.PLAIN, _sql(_ADD_TRAFFIC.format(_PRUNED_HOURS))),
    M(
        "a use from before roles is invented",
        By.PLAIN,
        _sql(
            f"INSERT INTO key_usage_hourly VALUES ('orders', 'x', '{OLD.thumbprint}', 'verified', 1, 'a', 'a', 1, 1, 1)"
        ),
    ),
    # Pruning.
    M("records are removed behind an invented checkpoint", By.PLAIN, _sql(_CHECKPOINT, _DELETE_PRUNED)),
    M("a checkpoint is invented", By.PLAIN, _sql(_CHECKPOINT)),
    M(
        "a checkpoint is moved on",
        By.PLAIN,
        _sql(
            "UPDATE checkpoints SET sequence = 8, hash = (SELECT hash FROM messages WHERE sequence = 8 AND "
            f"writer = {_writer('alpha/1')}) WHERE writer = {_writer('alpha/1')}",
            f"DELETE FROM messages WHERE sequence <= 8 AND writer = {_writer('alpha/1')}",
        ),
    ),
    M("a checkpoint is dated back", By.PLAIN, _sql("UPDATE checkpoints SET time = time - 1")),
    M("a checkpoint has another hash", By.PLAIN, _sql(f"UPDATE checkpoints SET hash = '{'f' * 64}'")),
    M("a checkpoint is deleted", By.PLAIN, _sql("DELETE FROM checkpoints")),
    M(
        "a pruned record was younger, everything anew",
        By.PLAIN,
        _forged(_contents(EventKind.PRUNED, _announced_younger), EVIL),
    ),
    M("the announcement is deleted", By.PLAIN, _sql("DELETE FROM events WHERE kind = 'pruned'")),
    M(
        "the retention is shortened, everything anew",
        By.SIGNED,
        _forged(_contents(EventKind.CONFIGURATION, _short_retention), EVIL),
    ),
    # Events.
    M(
        "heartbeats are deleted",
        By.PLAIN,
        _sql(f"DELETE FROM events WHERE kind = 'heartbeat' AND writer = {_writer('alpha/2')}"),
    ),
    M(
        "heartbeats are deleted, everything anew",
        By.SIGNED,
        _forged(_without_events("alpha/2", EventKind.HEARTBEAT), EVIL),
    ),
    M(
        "a heartbeat is altered",
        By.PLAIN,
        _sql(_event("content = replace(content, 'false', 'true')", "kind = 'heartbeat'")),
    ),
    M("a heartbeat is dated back", By.PLAIN, _sql(_event("time = time - 1", "kind = 'heartbeat'"))),
    M("a heartbeat tells of another clock", By.PLAIN, _sql(_event("clock_offset = -9", "kind = 'heartbeat'"))),
    M(
        "heartbeats become reachable, everything anew",
        By.SIGNED,
        _forged(_contents(EventKind.HEARTBEAT, _reachable), EVIL),
    ),
    M(
        "a heartbeat is added",
        By.PLAIN,
        _sql(
            "CREATE TEMP TABLE one AS SELECT * FROM events WHERE kind = 'heartbeat' AND number = 3",
            "UPDATE one SET number = 99",
            "INSERT INTO events SELECT * FROM one",
        ),
    ),
    M("a sum is deleted", By.PLAIN, _sql("DELETE FROM events WHERE kind = 'rollup-sealed' AND number < 9")),
    M("a sum is altered", By.PLAIN, _sql(_event("content = replace(content, '1', '2')", "kind = 'rollup-sealed'"))),
    M("more was watched, everything anew", By.SIGNED, _forged(_contents(EventKind.SEALED, _watched_more), EVIL)),
    M("the first event is deleted", By.PLAIN, _sql("DELETE FROM events WHERE number = 1")),
    M(
        "the first event names another key",
        By.PLAIN,
        _sql(_event(f"content = replace(content, '{ALPHA.public}', '{EVIL.public}')", "number = 1")),
    ),
    M("all events are deleted", By.PLAIN, _sql("DELETE FROM events")),
    M("a configuration is deleted", By.PLAIN, _sql("DELETE FROM events WHERE kind = 'configuration'")),
    M(
        "a configuration is altered",
        By.PLAIN,
        _sql(_event("content = replace(content, 'all', 'any')", "kind = 'configuration'")),
    ),
    M(
        "the delivery time is shortened, everything anew",
        By.SIGNED,
        _forged(_contents(EventKind.CONFIGURATION, _short_delivery), EVIL),
    ),
    M(
        "configurations are taken out, everything anew",
        By.SIGNED,
        _forged(_without_events("alpha/2", EventKind.CONFIGURATION), EVIL),
    ),
    M("events are not signed any more", By.PLAIN, _sql(_event("signature = NULL", "1 = 1"))),
    M("nothing is signed any more, everything anew", By.SIGNED, _forged(_nothing, None)),
    M("everything is signed with an own key", By.SIGNED, _forged(_nothing, EVIL)),
    M("one chain is signed with an own key", By.PLAIN, _alone(_nothing, ["alpha/2"], EVIL)),
    M("one chain is not signed any more", By.PLAIN, _alone(_nothing, ["alpha/2"], None)),
    M("records become older than signers, events deleted", By.PLAIN, _alone(_before_signers_alone, ["alpha/2"], None)),
    # The keystore.
    M("the history of the keystore is altered", By.PLAIN, _sql("UPDATE keystore_history SET action = 'added'")),
    M("who changed the keystore is altered", By.PLAIN, _sql("UPDATE keystore_revisions SET who = 'nobody'")),
    M("an entry is trusted past the history", By.PLAIN, _sql("UPDATE keystore_entries SET state = 'trusted'")),
    M("the head of the history is moved back", By.PLAIN, _sql("UPDATE keystore_head SET revision = 1")),
    M(
        "the last revision of the keystore is cut off, with its head",
        By.PLAIN,
        _sql(
            "DELETE FROM keystore_history WHERE revision = 2",
            "DELETE FROM keystore_chain WHERE revision = 2",
            "UPDATE keystore_entries SET state = 'trusted', revision = 1",
            "DELETE FROM keystore_revisions WHERE revision = 2",
            "UPDATE keystore_head SET revision = 1, hash = (SELECT hash FROM keystore_chain WHERE revision = 1)",
        ),
    ),
    # Statements.
    M("a statement is altered", By.PLAIN, _sql("UPDATE renewal_statements SET who = 'x' WHERE number = 2")),
    M("a statement is dated back", By.PLAIN, _sql("UPDATE renewal_statements SET at = at - 1 WHERE number = 2")),
    M("a statement is deleted", By.PLAIN, _sql("DELETE FROM renewal_statements WHERE number = 2")),
    M("the last statement is deleted", By.PLAIN, _sql("DELETE FROM renewal_statements WHERE number = 6")),
    M("all statements are deleted", By.PLAIN, _sql("DELETE FROM renewal_statements")),
    M("the end of the statements is deleted", By.PLAIN, _sql("DELETE FROM renewal_statements_head")),
    M(
        "the end of the statements has another hash",
        By.PLAIN,
        _sql(f"UPDATE renewal_statements_head SET hash = '{'f' * 64}'"),
    ),
    M("statements are cut off, with their end", By.PLAIN, _statements_anew(_cut_off(3))),
    M("statements that no event knows yet are cut off", By.ANCHORS, _statements_anew(_cut_off(5))),
    M("a statement is altered, all of them anew", By.PLAIN, _statements_anew(_said_by_another(4))),
    M("a statement that no event knows yet is altered, anew", By.ANCHORS, _statements_anew(_said_by_another(6))),
    M("statements run backwards, all of them anew", By.PLAIN, _statements_anew(_said_earlier(6))),
    M("a statement is no object, all of them anew", By.PLAIN, _statements_anew(_said_nothing(6))),
    M("all statements never were", By.PLAIN, _statements_anew(_cut_off(0))),
    # Triggers.
    M("a trigger is dropped", By.PLAIN, _drop("key_uses_stay", "key_uses_hourly"), keeps_triggers_away=True),
    M(
        "a trigger of the keystore is dropped",
        By.PLAIN,
        _drop("keystore_chain_refuses_update", "keystore_chain"),
        keeps_triggers_away=True,
    ),
    M("a trigger refuses nothing any more", By.PLAIN, _weaken, keeps_triggers_away=True),
    M("a trigger is switched off", By.PLAIN, _switch_off, keeps_triggers_away=True),
    M("a trigger is switched off for a month", By.PLAIN, _switch_off_in_a_month, keeps_triggers_away=True),
    M("a strange trigger is added", By.PLAIN, _strange_trigger, keeps_triggers_away=True),
    # What is no evidence.
    M("remembered signatures are deleted", By.HARMLESS, _sql("DELETE FROM signature_uses")),
    M("the list of processes is deleted", By.HARMLESS, _sql("DELETE FROM instances")),
)


def as_table() -> str:
    """The manipulations and by what they are seen, as `docs/evidence.md` shows them."""
    lines = [
        "| what is done to the database | database alone | with anchors | with signed heads and keys |",
        "|---|---|---|---|",
    ]
    older = ("an older database is put back as a whole", By.ANCHORS)
    for name, by in [*((one.name, one.by) for one in MANIPULATIONS), older]:
        seen = {By.PLAIN: "seen | seen | seen", By.ANCHORS: "- | seen | seen", By.SIGNED: "- | - | seen"}
        lines.append(f"| {name} | {seen.get(by, '- | - | harmless')} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(as_table())
