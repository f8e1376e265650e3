"""When the ledger recorded anything at all: silence is evidence only while somebody was listening."""

from datetime import datetime

from sqlalchemy import Engine, select

from gateway.ledger.database.connections import reading
from gateway.ledger.database.tables import traffic_hourly
from gateway.ledger.hours import MICROSECONDS_PER_HOUR
from keystore import from_microseconds


def recorded_hours(engine: Engine) -> list[datetime]:
    """The beginnings of all hours (UTC) in which a message was recorded at any endpoint, oldest first.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    query = select(traffic_hourly.c.hour).distinct().order_by(traffic_hourly.c.hour)
    with reading(engine) as connection:
        return [from_microseconds(hour * MICROSECONDS_PER_HOUR) for hour in connection.execute(query).scalars()]
