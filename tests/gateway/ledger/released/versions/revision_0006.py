"""The history of the keystore becomes a hash chain, and what is there already is chained as it is found."""

import hashlib
import json
from itertools import groupby
from operator import itemgetter

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision: str | None = "0005"

_START = "0" * 64

# The rows are hashed here as `keystore.store.chain` did when this revision was published, from tables described for it
# alone: what the code becomes later must not change what this migration does.
_revisions = sa.table(
    "keystore_revisions", sa.column("revision"), sa.column("time"), sa.column("who"), sa.column("why")
)
_history = sa.table(
    "keystore_history",
    sa.column("id"),
    sa.column("revision"),
    sa.column("entry_id"),
    sa.column("action"),
    sa.column("alias"),
    sa.column("thumbprint"),
    sa.column("entry"),
    sa.column("overrode"),
)
_chain = sa.table("keystore_chain", sa.column("revision"), sa.column("hash"))
_head = sa.table("keystore_head", sa.column("id"), sa.column("hash"))


def upgrade() -> None:
    """Create the table of hashes, fill it, and give the head the last of them.

    A command of the former version that is still running cannot make a revision without a hash: it knows nothing of the
    head's new column, which takes no row without a value.
    """
    _add_hash_to_head()
    op.create_table(
        "keystore_chain",
        sa.Column(
            "revision",
            sa.BigInteger,
            sa.ForeignKey("keystore_revisions.revision"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    for change in ("UPDATE", "DELETE", "TRUNCATE"):
        _refuse(change)
    _chain_what_is_there()


def _add_hash_to_head() -> None:
    if op.get_bind().dialect.name == "postgresql":
        # Takes the table for itself, and so waits for changes that are under way.
        op.add_column("keystore_head", sa.Column("hash", sa.String(64)))
        op.execute(sa.update(_head).values(hash=_START))
        op.alter_column("keystore_head", "hash", nullable=False)
        return
    # SQLite adds no such column to a table that is there.
    op.rename_table("keystore_head", "keystore_head_before")
    op.create_table(
        "keystore_head",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    op.execute("INSERT INTO keystore_head SELECT id, revision, '' FROM keystore_head_before")
    op.drop_table("keystore_head_before")


def _refuse(change: str) -> None:
    trigger = f"CREATE TRIGGER keystore_chain_refuses_{change.lower()} BEFORE {change} ON keystore_chain"
    sentence = "keystore_chain is append-only"
    if op.get_bind().dialect.name == "postgresql":
        scope = "STATEMENT" if change == "TRUNCATE" else "ROW"
        op.execute(f"{trigger} FOR EACH {scope} EXECUTE FUNCTION wssgate_refuse_change('{sentence}')")
    elif change != "TRUNCATE":  # which SQLite does not know
        op.execute(f"{trigger} BEGIN SELECT RAISE(ABORT, '{sentence}'); END")


def _chain_what_is_there() -> None:
    connection = op.get_bind()
    changes = [column for column in _history.c if column.name != "revision"]
    query = (
        sa.select(*_revisions.c, *(column.label(f"change_{column.name}") for column in changes))
        .join_from(_revisions, _history, _history.c.revision == _revisions.c.revision)
        .order_by(_revisions.c.revision, _history.c.id)
    )
    end = _START
    for number, rows in groupby(connection.execute(query).mappings().all(), key=itemgetter("revision")):
        of_it = list(rows)
        content = {column.name: of_it[0][column.name] for column in _revisions.c} | {
            "changes": [{column.name: row[f"change_{column.name}"] for column in changes} for row in of_it]
        }
        text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        end = hashlib.sha256(bytes.fromhex(end) + text.encode("ascii")).hexdigest()
        connection.execute(sa.insert(_chain).values(revision=number, hash=end))
    connection.execute(sa.update(_head).values(hash=end))
