"""The tree of commands: listed here, and imported one by one.

`wssgate keystore retire` stands in `gateway/cli/keystore/retire.py`, as it is typed. Such a module holds `command`, the
function that typer makes the command of, and `EPILOG`, the end of its help. It is imported when its command is invoked,
or asked for its own help; so a command waits for what it needs itself, and for nothing that others need.
"""

import gc
from collections.abc import Mapping
from importlib import import_module
from keyword import iskeyword
from typing import Annotated, Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

COMMANDS: Final[Mapping[str, str]] = {
    "init": "Write a configuration with comments and make its database.",
    "serve": "Run the gateway.",
    "demo": "Run a whole renewal on this machine, in about a minute.",
    "verify": "Verify SOAP messages in files, without configuration or database.",
    "replay": "Verify captured responses again, against any trust and policy.",
    "status": "Show configuration, trust, processes and traffic.",
    "tail": "Show messages as they are recorded by whichever gateway, one line each, until Ctrl-C.",
    "migrate": "Bring the database to the schema that this version needs.",
    "keystore add": "Add a certificate to the keystore, and trust it at once.",
    "keystore import": "Add every certificate of a key file that is not there yet, such as those of a Java keystore.",
    "keystore list": "List the entries: their states and since when, for which endpoints, valid until when, and when "
    "seen last.",
    "keystore show": "Show one entry with its fingerprints, to be compared with its owner over the phone.",
    "keystore trust": "Trust an entry that is staged.",
    "keystore set": "Change for which endpoints, from when and until when an entry is trusted, whose successor "
    "it is, or its name.",
    "keystore retire": "Trust an entry no more.",
    "keystore restore": "Trust an entry again that was retired.",
    "keystore purge": "Delete the certificate of an entry that was retired; its history stays.",
    "keystore history": "Every change to the keystore, oldest first: what, when, by whom and why, and what the gates "
    "saw.",
    "keystore at": "What was trusted at an instant in the past, or in a revision: its entries, with the states that "
    "they had then.",
    "keystore sync": "Show what brings the keystore to what a folder says, and with --apply do it.",
    "keystore export": "Write certificates as PEM, each with what else the keystore says of it in comments above.",
    "endpoint list": "List the endpoints that gateways served: since when and until when, by which of them, how much "
    "of the time somebody watched, and what was said of those that ended.",
    "endpoint end": "Say that an endpoint is no more, so that no gate asks for it any longer.",
    "endpoint rename": "Say that an endpoint has another name, so that what was recorded under the old one counts for "
    "the new one.",
    "renewal start": "Start a renewal: from here on the new certificate is the declared successor of the old one.",
    "renewal status": "Show where a renewal stands: what it waits for, its eight steps with what each rests on, and "
    "who signs with which key.",
    "renewal list": "List the renewals that are open, the next due first, and the certificates that expire without "
    "one.",
    "renewal infer": "Show which key took over from which one, as far as the ledger tells, whoever started a renewal.",
    "renewal change": "Change an open renewal: its announced date, endpoints, contacts; or it becomes an emergency.",
    "renewal confirm": "Record that a step was confirmed, and by whom.",
    "renewal rehearse": "Verify samples that the receiver signed with its new key, as if that were trusted already.",
    "renewal waive": "Record that an operation need not switch, by name: the gate does not ask for it any more.",
    "renewal retire": "Retire the old certificates of a renewal through the gate, and finish it with the last of them.",
    "renewal withdraw": "Take the new certificate back: it is trusted no more, the old one stays, and the renewal is "
    "closed.",
    "renewal abandon": "Close a renewal that nobody follows any further; the keystore stays as it is.",
    "renewal policy set": "Record how long the guaranteed delivery time of an endpoint is, whose decision that is, and "
    "why.",
    "renewal policy list": "List the guaranteed delivery times: as decided, as configured, and as the gateways serve.",
    "renewal notice": "Write the message to the receiver administrator that belongs to a step.",
    "renewal signoff": "Write the sign-off of a renewal: which key signed what, when somebody watched, and who said "
    "what.",
    "renewal verify-signoff": "Recompute each figure of a sign-off or a retirement certificate, and name those that do "
    "not come out.",
    "report usage": "Which key verified how many responses of which operation, since when; and what was rejected.",
    "report cutover": "How far each operation of each endpoint has switched to the new key, and which one lags behind.",
    "report expiry": "Which certificates expire, and whether a renewal is open for them.",
    "report rejections": "What was rejected, and for which reasons.",
    "report failures": "What the receivers failed with: name, connection, TLS, time, redirect; how often, why, and "
    "what to do.",
    "report unknown-keys": "Which unknown keys signed what was rejected, as far as the messages carried their "
    "certificates.",
    "alerts test": "Send a test alert over each channel of the configuration, and say which of them took it.",
    "alerts list": "List what people were told of: what lasts at present first, then the newest.",
    "alerts history": "List the alerts as they were sent, the newest last, with what became of each on its way to each "
    "channel.",
    "ledger verify": "Verify the ledger and the keystore's history: intact, altered, missing, truncated, or not by a "
    "known gateway.",
    "ledger list": "List the newest messages that a filter names, the oldest of them first, one line each.",
    "ledger show": "Show one record with everything that is known of it, and check its receipts.",
    "ledger prove": "Write a bundle that proves records to people who have no access to this database.",
    "ledger verify-bundle": "Verify a bundle that ledger prove wrote, without configuration or database.",
    "ledger export": "Write records, the oldest first, however many there are.",
    "ledger prune": "Remove records that are older than their endpoint's retention.",
}
"""Each command as it is typed after `wssgate`, with the first paragraph of its help, which a test compares."""

GROUPS: Final[Mapping[str, str]] = {
    "keystore": "Whom to trust: certificates, from their arrival until they are deleted.",
    "endpoint": "The endpoints that gateways served: which count, and which have ended or got another name.",
    "renewal": "The renewal itself: eight steps from the new certificate's arrival to the deletion of the old one.",
    "renewal policy": "The guaranteed delivery times: a policy of the site, with an owner and a reason.",
    "report": "What happened: which key verified what, how far the cutover is, what was rejected.",
    "alerts": "What people are told without asking: over mail and other services, webhooks and commands.",
    "ledger": "The records: show and prove them, verify that they are all there and unchanged, export and remove them.",
}
"""The groups of commands, with their help."""

_SETTINGS: Final = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class ListedCommand(TyperCommand):
    """A command as its group lists it: its name and summary. Its module is not imported yet."""

    def __init__(self, path: str, *, own_process: bool = False) -> None:
        *folders, name = path.split()
        super().__init__(name, help=COMMANDS[path], rich_markup_mode=None)
        self.module = ".".join(["gateway.cli", *folders, f"{name}_" if iskeyword(name) else name.replace("-", "_")])
        """Where the command stands; `import` cannot be the name of a module, nor can a name with a hyphen."""
        self.own_process = own_process

    def load(self) -> Any:
        """The command itself, out of its module."""
        # typer keeps the click that it is built on to itself, hence `Any`.
        module = _loaded(self.module, to_stay=self.own_process)
        alone = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False)
        # What no parameter takes is an error, but for a command that has a word to say about it.
        extra = {"allow_extra_args": getattr(module, "SEES_EXTRA_ARGUMENTS", False)}
        alone.command(self.name, epilog=module.EPILOG, context_settings=extra)(module.command)
        return typer.main.get_command(alone)


def _loaded(module: str, *, to_stay: bool) -> Any:
    """The module of a command, with all that it needs.

    With `to_stay` the garbage collector looks at none of that, now or when the process ends: it takes a third of the
    time of a command that only reads.
    """
    if not to_stay:
        return import_module(module)
    gc.disable()
    try:
        return import_module(module)
    finally:
        gc.freeze()
        gc.enable()


class _Group(TyperGroup):
    """Commands of which only the one that is invoked is loaded."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, found, rest = super().resolve_command(ctx, args)
        return name, found.load() if isinstance(found, ListedCommand) else found, rest


def _print_version(value: bool) -> None:
    if value:
        from importlib.metadata import version  # reads the metadata with half of the email package

        typer.echo(f"wssgate {version('wssgate')}")
        raise typer.Exit


def _wssgate(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version, then end.")
    ] = False,
) -> None:
    """A gateway in front of a SOAP endpoint that verifies every signed response with every trusted certificate, and
    records which key verified each of them.
    """


def command_tree(*, own_process: bool = False) -> TyperGroup:
    """`wssgate` with everything below it, none of it loaded.

    `own_process`: this process runs one command and ends.
    """
    application = typer.Typer(
        name="wssgate",
        cls=_Group,
        # Plain text: the same on every terminal, in a pipe and in the documentation.
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        add_completion=True,
        no_args_is_help=True,
        context_settings=_SETTINGS,
        epilog="Exit codes: 0 done, everything accepted; 1 done, and something was rejected or refused; 2 wrong use or "
        "configuration; 3 the environment failed (database, file, network); 130 Ctrl-C.",
    )
    application.callback()(_wssgate)
    made_root: Any = typer.main.get_command(application)
    root: TyperGroup = made_root
    groups = {
        name: _Group(
            name=name.rpartition(" ")[2],
            help=text,
            no_args_is_help=True,
            rich_markup_mode=None,
            context_settings=_SETTINGS,
        )
        for name, text in GROUPS.items()
    }
    for path in COMMANDS:
        group, _, _ = path.rpartition(" ")
        (groups[group] if group else root).add_command(ListedCommand(path, own_process=own_process))
    # After the commands, as they are listed in the help.
    for name, made in groups.items():
        group, _, _ = name.rpartition(" ")
        (groups[group] if group else root).add_command(made)
    return root
