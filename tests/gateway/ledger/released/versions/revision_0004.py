"""Pruning: checkpoints of the chains, and triggers by which nothing else can be taken out of them."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision: str | None = "0003"

_STANDS_ON_NO_RECORD = (
    "NOT EXISTS (SELECT 1 FROM messages WHERE writer = NEW.writer AND sequence = NEW.sequence AND hash = NEW.hash)"
)
_COVERED_BY_NONE = "NOT EXISTS (SELECT 1 FROM checkpoints WHERE writer = OLD.writer AND sequence >= OLD.sequence)"


def upgrade() -> None:
    """Create the tables and the triggers."""
    op.create_table(
        "checkpoints",
        sa.Column("writer", sa.String(36), primary_key=True),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("time", sa.BigInteger, nullable=False),
        sa.Column("pruned_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "chores",
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("held_until", sa.BigInteger, nullable=False),
        sa.Column("finished", sa.BigInteger, nullable=False),
    )
    _refuse("messages_are_only_pruned", "DELETE ON messages", _COVERED_BY_NONE, "messages are append-only")
    _refuse("checkpoints_are_records", "INSERT ON checkpoints", _STANDS_ON_NO_RECORD, "no record has this hash")
    _refuse("checkpoints_stay_records", "UPDATE ON checkpoints", _STANDS_ON_NO_RECORD, "no record has this hash")
    _refuse("checkpoints_stay", "DELETE ON checkpoints", "1 = 1", "checkpoints are never removed")


def _refuse(name: str, change: str, condition: str, message: str) -> None:
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
