"""A folder of Alembic revisions, and the table in which a database says which of them it has had.

The keystore has such a folder, and whoever keeps other tables in the same database may have another one, each with a
version table of its own. Revisions are numbered `0001`, `0002`, ... and stand in `versions/NAME_NNNN.py`.
"""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, String, column, inspect, select, table

if TYPE_CHECKING:
    from alembic.config import Config


class SchemaStatus(StrEnum):
    """How the tables of a database compare with those that this program needs."""

    EMPTY = "empty"
    OUTDATED = "outdated"
    CURRENT = "current"
    NEWER = "newer"
    """Made by a newer version of this program, which must not be written to."""
    FOREIGN = "foreign"
    """There are tables, but not ours: some other program's database."""
    DAMAGED = "damaged"
    """Some of our tables are missing, or are not as any version of this program made them."""


@dataclass(frozen=True, slots=True)
class MigrationScripts:
    """The revisions in `folder`, of which `version_table` says the last one that a database has had."""

    folder: Path
    version_table: str

    @property
    def known(self) -> tuple[str, ...]:
        """Every revision, oldest first; read from the file names, for Alembic is slow to load."""
        return tuple(sorted(path.stem[-4:] for path in (self.folder / "versions").glob("*_[0-9][0-9][0-9][0-9].py")))

    def applied(self, connection: Connection) -> str | None:
        """The last revision that the database has had; None before the first one."""
        if not inspect(connection).has_table(self.version_table):
            return None
        version = column("version_num", String)
        return connection.execute(select(version).select_from(table(self.version_table))).scalar_one_or_none()

    def status_of(self, revision: str) -> SchemaStatus:
        """What it says of a database that `revision` is its last one."""
        known = self.known
        if revision not in known:
            return SchemaStatus.NEWER
        return SchemaStatus.CURRENT if revision == known[-1] else SchemaStatus.OUTDATED

    def adopt(self, connection: Connection, revision: str) -> None:
        """Write down that the database has had `revision`, without doing anything of it."""
        from alembic import command  # imported here because many open a database and few migrate it

        command.stamp(self._config(connection), revision)

    def upgrade(self, connection: Connection, revision: str = "head") -> None:
        """Bring the database to `revision`, the newest one by default, in the transaction of `connection`."""
        from alembic import command

        command.upgrade(self._config(connection), revision)

    def _config(self, connection: Connection) -> "Config":
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(self.folder).replace("%", "%%"))
        config.attributes["connection"] = connection
        config.attributes["version_table"] = self.version_table
        return config
