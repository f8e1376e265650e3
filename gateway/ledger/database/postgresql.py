"""PostgreSQL: how we connect to it, and how long we wait for it.

A database that does not answer must cost a bounded time, wherever it stops: while connecting, in a statement, before a
lock, in the middle of somebody else's transaction, or without a word because its machine is gone.
"""

from typing import TYPE_CHECKING, Any, Final, cast

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from gateway.ledger.errors import DatabaseUnavailable, DatabaseUnsupported

if TYPE_CHECKING:
    # Loaded when somebody connects: the driver takes a tenth of a second of each command, and SQLite needs none of it.
    from gateway.ledger.database.patient_connection import PatientConnection

CONNECT_SECONDS: Final = 5
"""How long one attempt to connect may take; several hosts in the URL are tried one after the other."""
IDLE_SECONDS: Final = 5
"""After that the server ends a transaction in which nothing happens: a gateway that was suspended in the middle of one
would hold the counts of a busy hour, and every other gateway would wait for them."""
LOCK_SECONDS: Final = 8
"""How long a statement waits for a lock; longer than `IDLE_SECONDS`, so that it outlasts who hangs."""
STATEMENT_SECONDS: Final = 10
"""How long a statement may take; below the time that a response waits for its record."""
PATIENCE_SECONDS: Final = 12
"""How long this side waits for any word; after that the connection is given up, for the server no longer keeps its own
limits: it is stopped, or its machine is gone."""
LONG_SECONDS: Final = 300
"""The same for one statement of a report, an examination or a migration, which may walk through everything."""

OLDEST_VERSION: Final = 14
"""The oldest major version: the oldest one that PostgreSQL itself still maintained when this was written."""

_DEFAULTS: Final = {
    "connect_timeout": CONNECT_SECONDS,
    "application_name": "wssgate",
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
}
"""What libpq is told unless the URL says something else."""
_SESSION: Final = (
    f"SET statement_timeout = '{STATEMENT_SECONDS}s'; SET lock_timeout = '{LOCK_SECONDS}s'; "
    f"SET idle_in_transaction_session_timeout = '{IDLE_SECONDS}s'"
)
_LONG: Final = f"SET LOCAL statement_timeout = '{LONG_SECONDS}s'; SET LOCAL idle_in_transaction_session_timeout = 0"


def postgresql_engine(url: URL) -> Engine:
    """An engine for the database at `url`, which has been connected to once.

    Raises:
        DatabaseUnsupported: The server is too old, or the database is not in UTF-8.
        DatabaseUnavailable: There is no connection.
    """
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_pre_ping=True,  # after a restart of the server the first to come does not meet a dead connection
        pool_size=3,
        max_overflow=7,
        pool_timeout=STATEMENT_SECONDS,
    )
    event.listen(engine, "do_connect", _connect)
    event.listen(engine, "checkout", _forget_patience)
    try:
        with engine.connect() as connection:
            _check_server(driver_connection(connection))
    except SQLAlchemyError as error:
        engine.dispose()
        raise DatabaseUnavailable(f"the database cannot be opened: {explain_postgresql(error, engine)}") from error
    except DatabaseUnsupported:
        engine.dispose()
        raise
    return engine


def driver_connection(connection: Connection) -> "PatientConnection":
    """The connection of psycopg behind `connection`; `_connect` makes no others."""
    return cast("PatientConnection", connection.connection.driver_connection)


def connection_parameters(url: URL) -> dict[str, Any]:
    """What libpq is told for `url`."""
    _, parameters = url.get_dialect()().create_connect_args(url)
    return {**_DEFAULTS, **{name: value for name, value in parameters.items() if name != "context"}}


def allow_long(connection: Connection) -> None:
    """Let the statements of this transaction take long, and let whoever reads their rows take its time."""
    driver_connection(connection).patience = LONG_SECONDS + PATIENCE_SECONDS
    connection.exec_driver_sql(_LONG)


def _connect(_dialect: Dialect, _entry: ConnectionPoolEntry, _args: object, parameters: dict[str, Any]) -> Any:
    from gateway.ledger.database.patient_connection import PatientConnection

    connection = PatientConnection.connect(**{**_DEFAULTS, **parameters}, autocommit=True)
    connection.patience = PATIENCE_SECONDS
    try:
        # By a statement, not among the parameters of the connection: those do not pass every pooler.
        connection.execute(_SESSION)
    except BaseException:
        connection.close()
        raise
    connection.autocommit = False
    return connection


def _forget_patience(connection: "PatientConnection", _entry: ConnectionPoolEntry, _proxy: object) -> None:
    connection.patience = PATIENCE_SECONDS


def _check_server(connection: "PatientConnection") -> None:
    version = connection.info.server_version // 10_000
    if version < OLDEST_VERSION:
        raise DatabaseUnsupported(
            f"the server is PostgreSQL {version}; wssgate needs version {OLDEST_VERSION} or newer: upgrade the server"
        )
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise DatabaseUnsupported(
            f"the encoding of the database is {encoding}, which does not hold every message's text: "
            "make one with createdb --encoding=UTF8 --template=template0"
        )


def explain_postgresql(error: BaseException, engine: Engine) -> str:
    """What an error of the server or of the connection means and what to do, for the end of a sentence."""
    where = engine.url.set(drivername="postgresql").render_as_string(hide_password=True)
    original = getattr(error, "orig", None) or error
    # Several lines are several hosts tried, and hints for people who look at the server.
    lines = [line.strip() for line in str(original).splitlines() if line.strip()]
    cause = (lines[0] if lines else type(original).__name__).rstrip(".")
    advice = _BY_STATE.get(getattr(original, "sqlstate", None) or "")
    if advice is None:
        advice = next((advice for sign, advice in _BY_WORDING if sign in str(original).lower()), None)
    return f"{cause} ({where})" + (f"; {advice}" if advice else "")


_RECONNECTS = "look at the server's log; the gateway connects again by itself"
_BY_STATE: Final = {
    "42P01": "the database is empty or of an older version: run `wssgate migrate`",
    "42501": "GRANT the user what is missing: it must own the tables, and needs CREATE on the schema to migrate",
    "25006": "this server only reads, it is a standby: name the primary in the URL",
    "53100": "free space on the server's disk",
    "53300": "the server has no connection left: raise its max_connections, or run fewer workers",
    "55P03": "another session holds a lock for too long: look for it in pg_stat_activity",
    "57014": "the server is too slow or waits for a lock: look into pg_stat_activity",
    "57P01": _RECONNECTS,
    "57P02": _RECONNECTS,
    "57P03": _RECONNECTS,
    "25P03": "this process was suspended in the middle of a transaction; the gateway connects again by itself",
}
"""By SQLSTATE, for the wording is in the server's language."""
_BY_WORDING: Final = (
    ("no password supplied", "put it into ~/.pgpass or PGPASSWORD, or into the URL"),
    ("authentication failed", "check user and password: in the URL, in ~/.pgpass or in PGPASSWORD"),
    ("pg_hba.conf", "let pg_hba.conf on the server admit this user from this machine"),
    ("does not exist", "create it on the server with createuser or createdb, or correct the URL"),
    ("connection refused", "start PostgreSQL there, or correct host and port in the URL"),
    ("no such file or directory", "start PostgreSQL, or correct the folder of its socket in the URL"),
    ("resolve", "correct the host in the URL, or the name service of this machine"),
    ("name or service not known", "correct the host in the URL, or the name service of this machine"),
    ("timeout expired", "check the network between here and the server"),
    ("invalid connection option", "write only options of libpq behind the ? in the URL"),
    ("starting up", _RECONNECTS),
    ("shutting down", _RECONNECTS),
    ("remaining connection slots", "raise the server's max_connections, or run fewer workers"),
    ("too many clients", "raise the server's max_connections, or run fewer workers"),
    (
        "no answer for",
        "the server is stopped, overloaded, or its machine is gone; the gateway connects again by itself",
    ),
    ("connection", _RECONNECTS),
)
"""For what libpq says, which has no SQLSTATE."""
