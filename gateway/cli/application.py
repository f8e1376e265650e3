"""The tree of commands."""

from importlib.metadata import version
from typing import Annotated

import typer

from gateway.cli import (
    demo,
    init,
    keystore_add,
    keystore_change,
    keystore_end,
    keystore_export,
    keystore_import,
    keystore_read,
    keystore_sync,
    ledger_export,
    ledger_prune,
    ledger_verify,
    migrate,
    replay,
    report,
    serve,
    status,
    verify,
)

_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}

application = typer.Typer(
    name="wssgate",
    # Plain text: the same on every terminal, in a pipe and in the documentation.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    no_args_is_help=True,
    context_settings=_SETTINGS,
    epilog="Exit codes: 0 done, everything accepted; 1 done, and something was rejected or refused; 2 wrong use or "
    "configuration; 3 the environment failed (database, file, network); 130 Ctrl-C.",
)
_keystore = typer.Typer(
    rich_markup_mode=None,
    no_args_is_help=True,
    context_settings=_SETTINGS,
    help="Whom to trust: certificates, from their arrival until they are forgotten.",
)
_report = typer.Typer(
    rich_markup_mode=None,
    no_args_is_help=True,
    context_settings=_SETTINGS,
    help="What happened: which key verified what, how far the cutover is, what was rejected.",
)
_ledger = typer.Typer(
    rich_markup_mode=None,
    no_args_is_help=True,
    context_settings=_SETTINGS,
    help="The records: verify that they are all there and unchanged, export them, remove old ones.",
)


def _print_version(value: bool) -> None:
    if value:
        typer.echo(f"wssgate {version('wssgate')}")
        raise typer.Exit


@application.callback()
def _wssgate(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version, then end.")
    ] = False,
) -> None:
    """A gateway in front of a SOAP endpoint that verifies every signed response with every trusted certificate, and
    records which key verified each of them.
    """


application.command("init", epilog=init.EPILOG)(init.init_command)
application.command("serve", epilog=serve.EPILOG)(serve.serve_command)
application.command("demo", epilog=demo.EPILOG)(demo.demo_command)
application.command("verify", epilog=verify.EPILOG)(verify.verify_command)
application.command("replay", epilog=replay.EPILOG)(replay.replay_command)
application.add_typer(_keystore, name="keystore")
application.add_typer(_report, name="report")
application.add_typer(_ledger, name="ledger")
application.command("status", epilog=status.EPILOG)(status.status_command)
application.command("migrate", epilog=migrate.EPILOG)(migrate.migrate_command)

_keystore.command("add", epilog=keystore_add.EPILOG)(keystore_add.add_command)
_keystore.command("import", epilog=keystore_import.EPILOG)(keystore_import.import_command)
_keystore.command("list", epilog=keystore_read.EPILOG)(keystore_read.list_command)
_keystore.command("show", epilog=keystore_read.EPILOG)(keystore_read.show_command)
_keystore.command("trust", epilog=keystore_change.TRUST_EPILOG)(keystore_change.trust_command)
_keystore.command("set", epilog=keystore_change.SET_EPILOG)(keystore_change.set_command)
_keystore.command("retire", epilog=keystore_end.EPILOG)(keystore_end.retire_command)
_keystore.command("restore", epilog=keystore_change.TRUST_EPILOG)(keystore_change.restore_command)
_keystore.command("purge", epilog=keystore_end.EPILOG)(keystore_end.purge_command)
_keystore.command("history", epilog=keystore_read.EPILOG)(keystore_read.history_command)
_keystore.command("at", epilog=keystore_read.EPILOG)(keystore_read.at_command)
_keystore.command("sync", epilog=keystore_sync.EPILOG)(keystore_sync.sync_command)
_keystore.command("export", epilog=keystore_export.EPILOG)(keystore_export.export_command)

_report.command("usage", epilog=report.EPILOG)(report.usage_command)
_report.command("cutover", epilog=report.CUTOVER_EPILOG)(report.cutover_command)
_report.command("rejections", epilog=report.EPILOG)(report.rejections_command)

_ledger.command("verify", epilog=ledger_verify.EPILOG)(ledger_verify.verify_command)
_ledger.command("export", epilog=ledger_export.EPILOG)(ledger_export.export_command)
_ledger.command("prune", epilog=ledger_prune.EPILOG)(ledger_prune.prune_command)
