"""`wssgate migrate`: bring the database to the schema that this version needs."""

from gateway.cli.exit_codes import PLAIN
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from gateway.cli.terminal import plain, print_json, say
from gateway.config import load_settings
from gateway.ledger import migrate, open_database, schema_state, shown_url

EPILOG = PLAIN


def command(config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """Bring the database to the schema that this version needs.

    Does nothing where it is there already. serve does the same when it starts.
    """
    settings = load_settings(config)
    engine = open_database(settings.gateway.database)
    try:
        before = schema_state(engine)
        after = migrate(engine)
    finally:
        engine.dispose()
    if as_json:
        print_json(
            {
                "schema": "wssgate.migrate/1",
                "database": shown_url(settings.gateway.database),
                "before": before.revision,
                "after": after.revision,
            }
        )
    elif before == after:
        say(f"{plain(shown_url(settings.gateway.database))}: nothing to do, the schema is {after.found}.")
    else:
        say(f"{plain(shown_url(settings.gateway.database))}: schema {before.found} -> {after.found}.")
