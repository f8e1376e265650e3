"""The first tables: the head, the revisions, the entries, and what each revision did to them."""

import sqlalchemy as sa
from alembic import op

from keystore.store.migrations.append_only import refuse_changes

revision = "0001"
down_revision: str | None = None


def upgrade() -> None:
    """Create every table."""
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
    refuse_changes("keystore_revisions", "keystore_history")
