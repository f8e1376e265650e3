"""The outbox: what somebody should know, what is told of it, and how far each notice has got on its way.

And the roll-ups by hour, for who looks every few seconds at what the last day counted.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision: str | None = "0010"


def upgrade() -> None:
    """Create the tables and the indexes."""
    op.create_index("key_uses_by_hour", "key_uses_hourly", ["hour"])
    op.create_index("traffic_by_hour", "traffic_hourly", ["hour"])
    op.create_table(
        "alerts",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("event", sa.String(32), nullable=False),
        sa.Column("about", sa.Text, nullable=False),
        sa.Column("endpoint", sa.Text, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("run", sa.Text, nullable=False),
        sa.Column("records", sa.Text, nullable=False),
        sa.Column("except_channel", sa.Text, nullable=False),
        sa.Column("first_at", sa.BigInteger, nullable=False),
        sa.Column("last_at", sa.BigInteger, nullable=False),
        sa.Column("times", sa.BigInteger, nullable=False),
        sa.Column("is_on", sa.Boolean, nullable=False),
        sa.Column("told_times", sa.BigInteger, nullable=False),
        sa.Column("told_on", sa.Boolean, nullable=False),
        sa.Column("told_at", sa.BigInteger, nullable=False),
        sa.Column("notices", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "alert_notices",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("alert", sa.String(64), nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("made", sa.BigInteger, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("except_channel", sa.Text, nullable=False),
        sa.Column("handed_out", sa.Boolean, nullable=False),
    )
    op.create_index("alert_notices_by_time", "alert_notices", ["made"])
    op.create_table(
        "alert_deliveries",
        sa.Column("notice", sa.String(36), primary_key=True),
        sa.Column("channel", sa.String(64), primary_key=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.BigInteger, nullable=False),
        sa.Column("next_try", sa.BigInteger, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("problem", sa.Text, nullable=False),
    )
    op.create_index("alert_deliveries_by_state", "alert_deliveries", ["state", "channel", "next_try"])
