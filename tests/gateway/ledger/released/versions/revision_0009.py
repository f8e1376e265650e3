"""Statements: what people say of renewals, append-only, in one chain of hashes; and its end, which only moves on."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision: str | None = "0008"

_CHAIN_START = "0" * 64
_APPEND_ONLY = "statements are append-only"
_HEAD = "the end of the statements only moves on"


def upgrade() -> None:
    """Create the tables and the triggers."""
    op.create_table(
        "renewal_statements",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("renewal", sa.Text, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("told_at", sa.BigInteger, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("previous_hash", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    head = op.create_table(
        "renewal_statements_head",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    op.bulk_insert(head, [{"id": 1, "number": 0, "hash": _CHAIN_START}])
    _refuse("renewal_statements_never_change", "UPDATE ON renewal_statements", "1 = 1", _APPEND_ONLY)
    _refuse("renewal_statements_stay", "DELETE ON renewal_statements", "1 = 1", _APPEND_ONLY)
    _refuse("renewal_statements_end_moves_on", "UPDATE ON renewal_statements_head", "NEW.number <= OLD.number", _HEAD)
    _refuse("renewal_statements_end_stays", "DELETE ON renewal_statements_head", "1 = 1", _HEAD)
    if op.get_bind().dialect.name == "postgresql":
        for table, message in (("renewal_statements", _APPEND_ONLY), ("renewal_statements_head", _HEAD)):
            op.execute(
                f"CREATE TRIGGER {table}_refuses_truncate BEFORE TRUNCATE ON {table} "
                f"FOR EACH STATEMENT EXECUTE FUNCTION wssgate_refuse_change('{message}')"
            )


def _refuse(name: str, change: str, condition: str, message: str) -> None:
    """Let the database itself refuse `change` to rows that fulfil `condition`."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            f"CREATE TRIGGER {name} BEFORE {change} WHEN {condition} BEGIN SELECT RAISE(ABORT, '{message}'); END"
        )
        return
    row = "OLD" if change.startswith("DELETE") else "NEW"
    op.execute(
        f"CREATE FUNCTION wssgate_{name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF {condition} THEN RAISE EXCEPTION '{message}'; END IF; RETURN {row}; END $$"
    )
    op.execute(f"CREATE TRIGGER {name} BEFORE {change} FOR EACH ROW EXECUTE FUNCTION wssgate_{name}()")
