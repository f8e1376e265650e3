"""`wssgate init`: a configuration with comments, and its database."""

import json
import os
import re
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.command_errors import ChangeRefused, EnvironmentFailed, WrongUse
from gateway.cli.exit_codes import epilog
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from gateway.cli.terminal import plain, print_json, say
from gateway.config import load_settings
from gateway.ledger import migrate, open_database, refuse_loose_database, shown_url

EPILOG = epilog("the configuration exists already and was left alone")

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
"""TOML 1.0, keys; a name with a dot, for instance, needs quotes."""

_TEMPLATE = """\
# wssgate: the gateway's configuration. Relative file names count from the folder of this file.
# Environment variables override: WSSGATE_GATEWAY__DATABASE, for instance. SIGHUP makes a running gateway read it again.

[gateway]
listen = {listen}               # where SOAP clients connect
# tls_certificate = "gateway.pem"         # serve clients over TLS alone; tls_key, if its key is in another file
admin = {admin}                # /healthz, /readyz, /metrics: for operators only
database = {database}     # the keystore and the records

# One table for each receiver system. Responses from `upstream` are verified with the certificates that the keystore
# trusts for this endpoint: wssgate keystore add ALIAS FILE --endpoint {endpoint}
[endpoint.{endpoint}]
path = {path}                          # what clients call: http://{listen_host}{path_text}
upstream = {upstream}
mode = {mode}                       # "observe" delivers what would be rejected, and records it
guaranteed_delivery_time = "14d"          # after this time nothing signed with the old key is under way any more
retention = "90d"                         # old keys are kept that long after they were exchanged
# ca_file = "receiver-ca.pem"             # trust only these authorities for the TLS connection to the receiver
# client_certificate = "tenant.pem"       # show this certificate to the receiver
# client_key = "tenant.key"
# unsigned_faults = "pass"                # the receiver does not sign its SOAP Faults

[endpoint.{endpoint}.policy]
# What a trusted signature must cover; add header blocks as "{{namespace}}Name". Without "Timestamp" a recorded response
# can be played again.
required_parts = ["Body", "Timestamp"]
# allow_sha1 = true                       # dangerous: for receivers that cannot sign with SHA-256 yet
"""


def command(
    config: ConfigOption = DEFAULT_CONFIG,
    endpoint: Annotated[str, typer.Option("--endpoint", "-e", metavar="NAME", help="Name of the endpoint.")] = "orders",
    path: Annotated[
        str | None, typer.Option("--path", metavar="PATH", help="Path that clients call. By default /NAME.")
    ] = None,
    upstream: Annotated[
        str | None, typer.Option("--upstream", metavar="URL", help="Address of the receiver system. Has to be said.")
    ] = None,
    mode: Annotated[
        str, typer.Option("--mode", metavar="MODE", help="enforce, or observe to begin without rejecting anything.")
    ] = "enforce",
    listen: Annotated[
        str, typer.Option("--listen", metavar="HOST:PORT", help="Where SOAP clients connect.")
    ] = "127.0.0.1:8080",
    admin: Annotated[
        str, typer.Option("--admin", metavar="HOST:PORT", help="Where operators connect.")
    ] = "127.0.0.1:8081",
    database: Annotated[
        str, typer.Option("--database", metavar="URL", help="Database for the keystore and the records.")
    ] = "sqlite:///wssgate.db",
    as_json: JsonOption = False,
) -> None:
    """Write a configuration with comments and make its database.

    Nothing that exists is overwritten.
    """
    if upstream is None:
        raise WrongUse(
            "Say where the receiver system is: wssgate init --upstream https://HOST/PATH; responses are fetched there."
        )
    text = _TEMPLATE.format(
        listen=_quoted(listen),
        listen_host=plain(listen),
        admin=_quoted(admin),
        database=_quoted(database),
        endpoint=endpoint if _BARE_KEY.fullmatch(endpoint) else _quoted(endpoint),
        path=_quoted(path or f"/{endpoint}"),
        path_text=plain(path or f"/{endpoint}"),
        upstream=_quoted(upstream),
        mode=_quoted(mode),
    )
    _write_new(config, text)
    try:
        settings = load_settings(config)
        refuse_loose_database(settings.gateway.database)
        engine = open_database(settings.gateway.database)
        try:
            state = migrate(engine)
        finally:
            engine.dispose()
    except Exception:
        # Nothing half-done is left: with the mistake corrected, the same command must work.
        config.unlink(missing_ok=True)
        raise
    if as_json:
        print_json(
            {
                "schema": "wssgate.init/1",
                "configuration": str(config),
                "database": shown_url(settings.gateway.database),
                "database_schema": state.revision,
            }
        )
        return
    say(f"Wrote {config} and made the database {shown_url(settings.gateway.database)}.", style="green")
    say("Next:")
    say(f"  1. look through {config}")
    say(f"  2. wssgate keystore add ALIAS FILE --endpoint {endpoint} --config {config}")
    say(f"  3. wssgate serve --config {config}")


def _quoted(value: str) -> str:
    # A JSON string without escapes above ASCII is a TOML basic string as well.
    return json.dumps(value, ensure_ascii=False)


def _write_new(config: Path, text: str) -> None:
    try:
        descriptor = os.open(config, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise ChangeRefused(f"{config} exists already and was left alone; name another file with --config.") from None
    except OSError as error:
        raise EnvironmentFailed(f"{config} cannot be written: {error.strerror}.") from error
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
