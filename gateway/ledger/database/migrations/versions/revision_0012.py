"""No month of the records can be emptied at one blow, and records tell of the attachments of a message.

A trigger on TRUNCATE of the partitioned table is not asked where one of its partitions is emptied.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision: str | None = "0011"

_PARTITIONS = sa.text(
    "SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid "
    "WHERE inhparent = to_regclass('messages') ORDER BY relname"
)


def upgrade() -> None:
    """Add the column and the triggers."""
    op.add_column("messages", sa.Column("attachments", sa.Text))
    connection = op.get_bind()
    if connection.dialect.name != "postgresql":
        return
    for partition in connection.execute(_PARTITIONS).scalars():
        op.execute(
            f"CREATE TRIGGER {partition}_refuses_truncate BEFORE TRUNCATE ON {partition} FOR EACH STATEMENT "
            "EXECUTE FUNCTION wssgate_refuse_change('messages are append-only')"
        )
