"""Evidence: who signed, whatever the outcome; events of the writers; roll-ups by role; what is signed itself.

Records from before have no signers, and chains from before no events: NULL tells them apart from silence.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision: str | None = "0007"

_OPEN_HEARTBEAT = (
    "OLD.kind <> 'heartbeat' OR NOT EXISTS (SELECT 1 FROM events WHERE writer = OLD.writer AND kind = 'rollup-sealed' "
    "AND number > OLD.number)"
)

_NEVER_EMPTIED = {
    "events": "events are append-only",
    "key_uses_hourly": "roll-ups are never removed",
    "key_usage_hourly": "roll-ups are never removed",
    "traffic_hourly": "roll-ups are never removed",
    "receipt_layouts": "layouts of receipts are append-only",
    "chains": "chains are never removed",
    "checkpoints": "checkpoints are never removed",
    "signature_uses": "signatures are only forgotten by age",
    "expected_operations": "expected operations are only replaced",
}


def upgrade() -> None:
    """Add columns, tables and triggers."""
    for column in (
        sa.Column("server", sa.Text),
        sa.Column("response_element", sa.Text),
        sa.Column("signers", sa.Text),
        sa.Column("receipts", sa.Text),
        sa.Column("clock_offset", sa.BigInteger),
    ):
        op.add_column("messages", column)
    for column in (
        sa.Column("event_number", sa.BigInteger),
        sa.Column("event_hash", sa.String(64)),
        sa.Column("time", sa.BigInteger),
        sa.Column("signature", sa.Text),
    ):
        op.add_column("chains", column)
    op.create_table(
        "events",
        sa.Column("writer", sa.String(36), primary_key=True),
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("previous_hash", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("time", sa.BigInteger, nullable=False),
        sa.Column("clock_offset", sa.BigInteger, nullable=False),
        sa.Column("records", sa.BigInteger, nullable=False),
        sa.Column("records_hash", sa.String(64), nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("signature", sa.Text),
    )
    op.create_index("events_by_kind", "events", ["kind", "time"])
    op.create_table(
        "signature_uses",
        sa.Column("day", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("signature_id", sa.LargeBinary(20), primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "key_uses_hourly",
        sa.Column("endpoint", sa.Text, primary_key=True),
        sa.Column("operation", sa.Text, primary_key=True),
        sa.Column("server", sa.Text, primary_key=True),
        sa.Column("thumbprint", sa.String(64), primary_key=True),
        sa.Column("role", sa.String(16), primary_key=True),
        sa.Column("outcome", sa.String(16), primary_key=True),
        sa.Column("hour", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("alias", sa.Text, nullable=False),
        sa.Column("key_id", sa.String(64), nullable=False),
        sa.Column("messages", sa.BigInteger, nullable=False),
        sa.Column("first_seen", sa.BigInteger, nullable=False),
        sa.Column("last_seen", sa.BigInteger, nullable=False),
        sa.Column("last_signed", sa.BigInteger),
    )
    op.create_table(
        "expected_operations",
        sa.Column("endpoint", sa.Text, primary_key=True),
        sa.Column("operation", sa.Text, primary_key=True),
        sa.Column("seen", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "receipt_layouts",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("endpoint", sa.Text, nullable=False),
        sa.Column("layout", sa.Text, nullable=False),
    )
    _refuse("events_are_append_only", "UPDATE ON events", "1 = 1", "events are append-only")
    _refuse("events_are_only_summed_up", "DELETE ON events", _OPEN_HEARTBEAT, "events are append-only")
    _refuse("key_uses_stay", "DELETE ON key_uses_hourly", "1 = 1", "roll-ups are never removed")
    _refuse(
        "key_uses_only_grow",
        "UPDATE ON key_uses_hourly",
        "NEW.messages < OLD.messages OR NEW.last_seen < OLD.last_seen",
        "roll-ups only grow",
    )
    _refuse("key_usage_stays", "DELETE ON key_usage_hourly", "1 = 1", "roll-ups are never removed")
    _refuse("key_usage_is_closed", "UPDATE ON key_usage_hourly", "1 = 1", "these roll-ups are closed")
    _refuse("traffic_stays", "DELETE ON traffic_hourly", "1 = 1", "roll-ups are never removed")
    _refuse("traffic_only_grows", "UPDATE ON traffic_hourly", "NEW.messages < OLD.messages", "roll-ups only grow")
    _refuse("receipt_layouts_stay", "DELETE ON receipt_layouts", "1 = 1", "layouts of receipts are append-only")
    _refuse("receipt_layouts_never_change", "UPDATE ON receipt_layouts", "1 = 1", "layouts of receipts are append-only")
    _refuse("chains_stay", "DELETE ON chains", "1 = 1", "chains are never removed")
    if op.get_bind().dialect.name == "postgresql":  # SQLite knows no TRUNCATE
        for table, message in _NEVER_EMPTIED.items():
            op.execute(
                f"CREATE TRIGGER {table}_refuses_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT "
                f"EXECUTE FUNCTION wssgate_refuse_change('{message}')"
            )


def _refuse(name: str, change: str, condition: str, message: str) -> None:
    """Let the database itself refuse `change` to rows that fulfil `condition`."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            f"CREATE TRIGGER {name} BEFORE {change} WHEN {condition} BEGIN SELECT RAISE(ABORT, '{message}'); END"
        )
        return
    # The condition of a trigger on PostgreSQL cannot look into tables: its function does.
    row = "OLD" if change.startswith("DELETE") else "NEW"
    op.execute(
        f"CREATE FUNCTION wssgate_{name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF {condition} THEN RAISE EXCEPTION '{message}'; END IF; RETURN {row}; END $$"
    )
    op.execute(f"CREATE TRIGGER {name} BEFORE {change} FOR EACH ROW EXECUTE FUNCTION wssgate_{name}()")
