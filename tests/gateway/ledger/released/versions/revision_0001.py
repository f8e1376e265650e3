"""The first schema: the ledger with its roll-ups, and the keystore."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision: str | None = None


_APPEND_ONLY = """
CREATE FUNCTION wssgate_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '%', TG_ARGV[0];
END
$$
"""


def upgrade() -> None:
    """Create every table."""
    if _is_postgresql():
        op.execute(_APPEND_ONLY)
    _create_messages()
    _create_roll_ups()
    _create_keystore()


def _is_postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def _refuse(trigger: str, change: str, table: str, sentence: str) -> None:
    """Let the database itself refuse `change` to the rows of `table`."""
    if _is_postgresql():
        scope = "STATEMENT" if change == "TRUNCATE" else "ROW"
        op.execute(
            f"CREATE TRIGGER {trigger} BEFORE {change} ON {table} "
            f"FOR EACH {scope} EXECUTE FUNCTION wssgate_refuse_change('{sentence}')"
        )
    elif change != "TRUNCATE":  # which SQLite does not know
        op.execute(f"CREATE TRIGGER {trigger} BEFORE {change} ON {table} BEGIN SELECT RAISE(ABORT, '{sentence}'); END")


def _create_messages() -> None:
    # On PostgreSQL the table is partitioned by month, so that pruning is dropping; unique there can only be what has
    # the time in it. That no chain has two rows of one number is seen to by the heads of the chains, which move only
    # from where their writer stands.
    partitioned = _is_postgresql()
    op.create_table(
        "messages",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("writer", sa.String(36), nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("previous_hash", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("time", sa.BigInteger, nullable=False),
        sa.Column("instance", sa.Text, nullable=False),
        sa.Column("endpoint", sa.Text, nullable=False),
        sa.Column("mode", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("operation", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("released", sa.Boolean, nullable=False),
        sa.Column("verified_by", sa.Text, nullable=False),
        sa.Column("recognised", sa.Text, nullable=False),
        sa.Column("signatures", sa.Text, nullable=False),
        sa.Column("soap_version", sa.Text),
        sa.Column("message_id", sa.Text),
        sa.Column("relates_to", sa.Text),
        sa.Column("warnings", sa.Text, nullable=False),
        sa.Column("body_sha256", sa.Text, nullable=False),
        sa.Column("request_bytes", sa.BigInteger, nullable=False),
        sa.Column("response_bytes", sa.BigInteger, nullable=False),
        sa.Column("upstream_status", sa.Integer),
        sa.Column("upstream_ms", sa.Float, nullable=False),
        sa.Column("verify_ms", sa.Float, nullable=False),
        sa.Column("keystore_revision", sa.BigInteger, nullable=False),
        sa.Column("replay_keys", sa.Text, nullable=False),
        sa.Column("fresh_until", sa.BigInteger),
        sa.Column("replay_check", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", *(["time"] if partitioned else [])),
        sa.UniqueConstraint("writer", "sequence", *(["time"] if partitioned else []), name="messages_chain"),
        postgresql_partition_by="RANGE (time)",
    )
    op.create_index("messages_by_time", "messages", ["time"])
    op.create_index("messages_by_cell", "messages", ["endpoint", "operation", "time"])
    if partitioned:
        op.execute("CREATE TABLE messages_remainder PARTITION OF messages DEFAULT")
    _refuse("messages_are_append_only", "UPDATE", "messages", "messages are append-only")
    _refuse("messages_refuses_truncate", "TRUNCATE", "messages", "messages are append-only")
    op.create_table(
        "chains",
        sa.Column("writer", sa.String(36), primary_key=True),
        sa.Column("instance", sa.Text, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    op.create_table(
        "replay_guard",
        sa.Column("replay_key", sa.Text, primary_key=True),
        sa.Column("seen", sa.BigInteger, nullable=False),
        sa.Column("expires", sa.BigInteger, nullable=False),
    )
    op.create_index("replay_guard_by_expiry", "replay_guard", ["expires"])


def _create_roll_ups() -> None:
    op.create_table(
        "traffic_hourly",
        sa.Column("endpoint", sa.Text, primary_key=True),
        sa.Column("operation", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("outcome", sa.Text, primary_key=True),
        sa.Column("reason", sa.Text, primary_key=True),
        sa.Column("released", sa.Boolean, primary_key=True),
        sa.Column("hour", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("messages", sa.BigInteger, nullable=False),
        sa.Column("first_seen", sa.BigInteger, nullable=False),
        sa.Column("last_seen", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "key_usage_hourly",
        sa.Column("endpoint", sa.Text, primary_key=True),
        sa.Column("operation", sa.Text, primary_key=True),
        sa.Column("thumbprint", sa.String(64), primary_key=True),
        sa.Column("how", sa.String(16), primary_key=True),
        sa.Column("hour", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("alias", sa.Text, nullable=False),
        sa.Column("key_id", sa.String(64), nullable=False),
        sa.Column("messages", sa.BigInteger, nullable=False),
        sa.Column("first_seen", sa.BigInteger, nullable=False),
        sa.Column("last_seen", sa.BigInteger, nullable=False),
    )


def _create_keystore() -> None:
    # SQLite numbers only INTEGER primary keys by itself.
    row_id = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "keystore_head",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "keystore_revisions",
        sa.Column("revision", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("time", sa.BigInteger, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
    )
    op.create_index("ix_keystore_revisions_time", "keystore_revisions", ["time"])
    op.create_table(
        "keystore_entries",
        sa.Column("id", row_id, primary_key=True),
        sa.Column("alias", sa.String(64), nullable=False),
        sa.Column("alias_folded", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("certificate", sa.LargeBinary),
        sa.Column("thumbprint", sa.String(64), nullable=False),
        sa.Column("key_id", sa.String(64), nullable=False),
        sa.Column("endpoints", sa.Text),
        sa.Column("trusted_from", sa.BigInteger),
        sa.Column("trusted_until", sa.BigInteger),
        sa.Column("revoked", sa.Boolean, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("added_at", sa.BigInteger, nullable=False),
        sa.Column("added_by", sa.Text, nullable=False),
        sa.Column("changed_at", sa.BigInteger, nullable=False),
        sa.Column("revision", sa.BigInteger, sa.ForeignKey("keystore_revisions.revision"), nullable=False),
    )
    present = sa.text("state <> 'purged'")
    for name, column in (("keystore_entries_alias", "alias_folded"), ("keystore_entries_thumbprint", "thumbprint")):
        op.create_index(name, "keystore_entries", [column], unique=True, sqlite_where=present, postgresql_where=present)
    op.create_table(
        "keystore_history",
        sa.Column("id", row_id, primary_key=True),
        sa.Column("revision", sa.BigInteger, sa.ForeignKey("keystore_revisions.revision"), nullable=False),
        sa.Column("entry_id", row_id, nullable=False),
        sa.Column("action", sa.String(16), nullable=False),
        sa.Column("alias", sa.String(64), nullable=False),
        sa.Column("thumbprint", sa.String(64), nullable=False),
        sa.Column("entry", sa.Text, nullable=False),
    )
    op.create_index("ix_keystore_history_revision", "keystore_history", ["revision"])
    op.create_index("ix_keystore_history_entry_id", "keystore_history", ["entry_id"])
    for table in ("keystore_revisions", "keystore_history"):
        for change in ("UPDATE", "DELETE", "TRUNCATE"):
            _refuse(f"{table}_refuses_{change.lower()}", change, table, f"{table} is append-only")
