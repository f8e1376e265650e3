"""What most commands work on: the configuration, its database, and the keystore in it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from gateway.cli.command_errors import EnvironmentFailed, WrongUse
from gateway.config import EndpointSettings, Settings, load_settings
from gateway.ledger import SchemaStatus, open_database, schema_state, shown_url
from keystore.store import KeystoreStore


@dataclass(frozen=True, slots=True)
class Workplace:
    """An open database and what belongs to it."""

    settings: Settings
    engine: Engine
    keystore: KeystoreStore

    @property
    def shown_source(self) -> Path:
        """The configuration's file as it would be typed from here."""
        source = self.settings.source
        return source.relative_to(Path.cwd()) if source.is_relative_to(Path.cwd()) else source

    def endpoint(self, name: str) -> EndpointSettings:
        """The endpoint of that name.

        Raises:
            WrongUse: there is none.
        """
        found = self.settings.endpoints.get(name)
        if found is None:
            known = ", ".join(self.settings.endpoints)
            raise WrongUse(f"{self.settings.source}: there is no endpoint {name!r}; the endpoints are: {known}.")
        return found


@contextmanager
def open_workplace(config: Path) -> Iterator[Workplace]:
    """Open the database that `config` names, and close it afterwards.

    A schema that is missing or old is an error: commands that read must not change a database that a running gateway of
    another version works on.

    Raises:
        ConfigurationError: the configuration is wrong.
        LedgerError: the database cannot be opened.
        EnvironmentFailed: its schema has to be migrated first.
    """
    settings = load_settings(config)
    engine = open_database(settings.gateway.database, create=False)
    try:
        state = schema_state(engine)
        if state.status is not SchemaStatus.CURRENT:
            found = "has no tables yet" if state.status is SchemaStatus.EMPTY else f"has schema {state.found}"
            raise EnvironmentFailed(
                f"The database {shown_url(settings.gateway.database)} {found}, and {state.needed} is needed: "
                f"run wssgate migrate --config {config}."
            )
        yield Workplace(settings, engine, KeystoreStore(engine))
    finally:
        engine.dispose()
