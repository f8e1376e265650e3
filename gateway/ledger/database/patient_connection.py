"""A connection to PostgreSQL that gives up; loaded where there is one, since with SQLite nobody needs its driver."""

from typing import Any

import psycopg
from psycopg.abc import RV, PQGen


class PatientConnection(psycopg.Connection[Any]):
    """A connection that gives up when the server says nothing for `patience` seconds."""

    patience: float
    """To be set as soon as it is connected; libpq limits how long that takes."""

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        """Wait for the server, as every operation does; a silence ends the connection."""
        if timeout is not None:
            return super().wait(gen, interval, timeout)
        try:
            return super().wait(gen, interval, self.patience)
        except psycopg.errors._WaitTimeout as error:  # noqa: SLF001 - psycopg has no public name for it
            self.pgconn.finish()
            raise psycopg.OperationalError(f"no answer for {self.patience:g} s") from error

    def __del__(self, *_: object) -> None:
        """Close what nobody has any more: a pool that was disposed of collects what comes back to it unclosed."""
        if hasattr(self, "pgconn"):
            self.close()
