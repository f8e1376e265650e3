"""The triggers by which the database itself refuses to change what is evidence: whether they are as they were made.

Whoever owns the database can take them away, and would before changing anything: that one is gone, or says something
else, is a finding of its own. The migrations made them; a test holds this list against a database that they made.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, text

from gateway.ledger.database.connections import is_postgresql
from gateway.ledger.database.partitions import partition_tables
from gateway.ledger.proof.ledger_findings import ChainState, Finding

_ROLL_UPS: Final = "roll-ups are never removed"
_OURS: Final = "wssgate"
_ALWAYS: Final = "1 = 1"
_NO_RECORD: Final = (
    "NOT EXISTS (SELECT 1 FROM messages WHERE writer = NEW.writer AND sequence = NEW.sequence AND hash = NEW.hash)"
)
_NOT_COVERED: Final = "NOT EXISTS (SELECT 1 FROM checkpoints WHERE writer = OLD.writer AND sequence >= OLD.sequence)"
_NOT_SUMMED_UP: Final = (
    "OLD.kind <> 'heartbeat' OR NOT EXISTS (SELECT 1 FROM events WHERE writer = OLD.writer AND kind = 'rollup-sealed' "
    "AND number > OLD.number)"
)


@dataclass(frozen=True, slots=True)
class Trigger:
    """One trigger, as both kinds of database have it."""

    name: str
    change: str
    """UPDATE, DELETE, INSERT or, on PostgreSQL alone, TRUNCATE."""
    table: str
    message: str
    """What the database says when it refuses."""
    condition: str | None = None
    """When it refuses; None without asking."""
    function: str = ""
    """What PostgreSQL calls where there is no condition."""

    @property
    def on_sqlite(self) -> str:
        """Its definition there."""
        when = "" if self.condition is None else f"WHEN {self.condition} "
        return (
            f"CREATE TRIGGER {self.name} BEFORE {self.change} ON {self.table} "
            f"{when}BEGIN SELECT RAISE(ABORT, '{self.message}'); END"
        )

    @property
    def on_postgresql(self) -> str:
        """Its definition there, and the body of the function that it calls."""
        scope = "STATEMENT" if self.change == "TRUNCATE" else "ROW"
        call = f"{_OURS}_{self.name}()" if self.condition else f"{self.function}('{self.message}')"
        row = "OLD" if self.change == "DELETE" else "NEW"
        body = (
            "BEGIN RAISE EXCEPTION '%', TG_ARGV[0]; END"
            if self.condition is None
            else f"BEGIN IF {self.condition} THEN RAISE EXCEPTION '{self.message}'; END IF; RETURN {row}; END"
        )
        trigger = f"CREATE TRIGGER {self.name} BEFORE {self.change} ON {self.table} FOR EACH {scope}"
        return f"{trigger} EXECUTE FUNCTION {call} {body}"


_STATEMENTS: Final = "statements are append-only"
_STATEMENTS_END: Final = "the end of the statements only moves on"
_LEDGER: Final = f"{_OURS}_refuse_change"
_KEYSTORE: Final = "keystore_refuse_change"
TRIGGERS: Final = (
    Trigger("messages_are_append_only", "UPDATE", "messages", "messages are append-only", function=_LEDGER),
    Trigger("messages_refuses_truncate", "TRUNCATE", "messages", "messages are append-only", function=_LEDGER),
    Trigger("messages_are_only_pruned", "DELETE", "messages", "messages are append-only", _NOT_COVERED),
    Trigger("checkpoints_are_records", "INSERT", "checkpoints", "no record has this hash", _NO_RECORD),
    Trigger("checkpoints_stay_records", "UPDATE", "checkpoints", "no record has this hash", _NO_RECORD),
    Trigger("checkpoints_stay", "DELETE", "checkpoints", "checkpoints are never removed", _ALWAYS),
    Trigger("events_are_append_only", "UPDATE", "events", "events are append-only", _ALWAYS),
    Trigger("events_are_only_summed_up", "DELETE", "events", "events are append-only", _NOT_SUMMED_UP),
    Trigger("key_uses_stay", "DELETE", "key_uses_hourly", _ROLL_UPS, _ALWAYS),
    Trigger(
        "key_uses_only_grow",
        "UPDATE",
        "key_uses_hourly",
        "roll-ups only grow",
        "NEW.messages < OLD.messages OR NEW.last_seen < OLD.last_seen",
    ),
    Trigger("key_usage_stays", "DELETE", "key_usage_hourly", _ROLL_UPS, _ALWAYS),
    Trigger("key_usage_is_closed", "UPDATE", "key_usage_hourly", "these roll-ups are closed", _ALWAYS),
    Trigger("traffic_stays", "DELETE", "traffic_hourly", _ROLL_UPS, _ALWAYS),
    Trigger("traffic_only_grows", "UPDATE", "traffic_hourly", "roll-ups only grow", "NEW.messages < OLD.messages"),
    Trigger("receipt_layouts_stay", "DELETE", "receipt_layouts", "layouts of receipts are append-only", _ALWAYS),
    Trigger(
        "receipt_layouts_never_change", "UPDATE", "receipt_layouts", "layouts of receipts are append-only", _ALWAYS
    ),
    Trigger("chains_stay", "DELETE", "chains", "chains are never removed", _ALWAYS),
    Trigger("renewal_statements_never_change", "UPDATE", "renewal_statements", _STATEMENTS, _ALWAYS),
    Trigger("renewal_statements_stay", "DELETE", "renewal_statements", _STATEMENTS, _ALWAYS),
    Trigger("renewal_statements_refuses_truncate", "TRUNCATE", "renewal_statements", _STATEMENTS, function=_LEDGER),
    Trigger(
        "renewal_statements_end_moves_on",
        "UPDATE",
        "renewal_statements_head",
        _STATEMENTS_END,
        "NEW.number <= OLD.number",
    ),
    Trigger("renewal_statements_end_stays", "DELETE", "renewal_statements_head", _STATEMENTS_END, _ALWAYS),
    Trigger(
        "renewal_statements_head_refuses_truncate",
        "TRUNCATE",
        "renewal_statements_head",
        _STATEMENTS_END,
        function=_LEDGER,
    ),
    *(
        Trigger(f"{table}_refuses_truncate", "TRUNCATE", table, message, function=_LEDGER)
        for table, message in (
            ("events", "events are append-only"),
            ("key_uses_hourly", _ROLL_UPS),
            ("key_usage_hourly", _ROLL_UPS),
            ("traffic_hourly", _ROLL_UPS),
            ("receipt_layouts", "layouts of receipts are append-only"),
            ("chains", "chains are never removed"),
            ("checkpoints", "checkpoints are never removed"),
            ("signature_uses", "signatures are only forgotten by age"),
            ("expected_operations", "expected operations are only replaced"),
        )
    ),
    *(
        Trigger(f"{table}_refuses_{change.lower()}", change, table, f"{table} is append-only", function=_KEYSTORE)
        for table in ("keystore_revisions", "keystore_history", "keystore_chain")
        for change in ("UPDATE", "DELETE", "TRUNCATE")
    ),
)

_ON_SQLITE: Final = "SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger'"
_ON_POSTGRESQL: Final = """
SELECT tgname, tgrelid::regclass::text, pg_get_triggerdef(pg_trigger.oid, true) || ' ' || prosrc
FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid WHERE NOT tgisinternal AND tgparentid = 0
"""
_DISABLED: Final = """
SELECT tgname, tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'O'
"""


def trigger_findings(connection: Connection) -> Iterator[Finding]:
    """Every trigger of the tables of ledger and keystore that is gone, changed, disabled, or not ours."""
    ours = {trigger.name: trigger for trigger in (*TRIGGERS, *_of_partitions(connection))}
    on_postgresql = is_postgresql(connection)
    missing = {name for name, trigger in ours.items() if on_postgresql or trigger.change != "TRUNCATE"}
    for name, table, definition in connection.execute(text(_ON_POSTGRESQL if on_postgresql else _ON_SQLITE)):
        trigger = ours.get(name)
        missing.discard(name)
        if trigger is None:
            yield _finding(name, table, "nobody knows it")
            continue
        made = trigger.on_postgresql if on_postgresql else trigger.on_sqlite
        if _words(definition) != _words(made):
            yield _finding(name, table, "it is not what it was made")
    for name in sorted(missing):
        yield _finding(name, ours[name].table, "it is gone")
    if on_postgresql:
        for name, table in connection.execute(text(_DISABLED)):
            yield _finding(name, table, "it is switched off")


def _of_partitions(connection: Connection) -> Iterator[Trigger]:
    for table in partition_tables(connection):
        yield Trigger(f"{table}_refuses_truncate", "TRUNCATE", table, "messages are append-only", function=_LEDGER)


def _finding(name: str, table: str, what: str) -> Finding:
    return Finding("trigger", ChainState.ALTERED, f"{name} on {table}: {what}")


def _words(definition: str) -> str:
    """The definition without what may be written in different ways."""
    return re.sub(r"\s+", " ", definition.replace("public.", "")).strip()
