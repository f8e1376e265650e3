"""`wssgate keystore add`: a certificate enters the keystore."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.command_errors import WrongUse
from gateway.cli.exit_codes import epilog
from gateway.cli.instant_options import parse_instant
from gateway.cli.key_files import chosen_signers, numbered_aliases
from gateway.cli.keystore.change_options import ReasonOption, ReplacesOption, WhoOption, system_user
from gateway.cli.keystore.entry_display import entry_json, names_of, print_entry
from gateway.cli.keystore.key_file_options import AllowPrivateKeyOption, PasswordFileOption, read_with_password
from gateway.cli.keystore.staging_from_message import StagingRequest, stage_from_message
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, now
from gateway.cli.terminal import plain, print_json, say, warn
from gateway.cli.workplace import Workplace, open_workplace
from keystore import Alias, State
from keystore.store import Added, NewCertificate

EPILOG = epilog("the certificate was refused; nothing has changed then")


def command(
    alias: Annotated[
        str | None, typer.Argument(metavar="ALIAS", help="Name of the entry, such as acme-2026.", show_default=False)
    ] = None,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="PEM, DER, PKCS#7, PKCS#12, JKS or JCEKS; - is standard input."),
    ] = None,
    from_message: Annotated[
        Path | None,
        typer.Option(
            "--from-message",
            metavar="FILE",
            help="Instead of FILE: stage the certificate that this signed message carries, after showing it.",
        ),
    ] = None,
    named: Annotated[
        str | None,
        typer.Option("--alias", metavar="ALIAS", help="With --from-message: its name. By default one is made up."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="With --from-message: stage it without asking.")] = False,
    endpoints: Annotated[
        list[str] | None,
        typer.Option("--endpoint", "-e", metavar="NAME", help="Trust it for this endpoint only; may be repeated."),
    ] = None,
    stage: Annotated[
        bool, typer.Option("--stage", help="Make it known without trusting it: it is recognised, and rejected.")
    ] = False,
    trusted_from: Annotated[
        datetime | None,
        typer.Option("--from", metavar="RFC3339", parser=parse_instant, help="Trust it from this instant on."),
    ] = None,
    trusted_until: Annotated[
        datetime | None,
        typer.Option(
            "--until",
            metavar="RFC3339",
            parser=parse_instant,
            help="End the trust at this instant, if that is safe then; else it goes on, with an alarm.",
        ),
    ] = None,
    replaces: ReplacesOption = None,
    password_file: PasswordFileOption = None,
    allow_private_key: AllowPrivateKeyOption = False,
    force: Annotated[
        bool, typer.Option("--force", help="Add an expired certificate, or one of a certification authority.")
    ] = False,
    who: WhoOption = None,
    reason: ReasonOption = "",
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Add a certificate to the keystore, and trust it at once.

    With --from-message it is only staged: a message can show who signed it, not whether that is your partner.
    The kind of FILE is told by its content. A bundle of several certificates adds ALIAS, ALIAS-2 and so on, all of them
    or none. Running gateways load the change within a second. Compare the fingerprints that are shown with the
    certificate's owner, over a second channel.
    """
    with open_workplace(config) as workplace:
        for endpoint in endpoints or []:
            workplace.endpoint(endpoint)
        if from_message is not None:
            _refuse_beside_from_message(
                {
                    "FILE": file is not None,
                    "--from": trusted_from is not None,
                    "--until": trusted_until is not None,
                    "--password-file": password_file is not None,
                    "--allow-private-key": allow_private_key,
                    "ALIAS and --alias": alias is not None and named is not None,
                }
            )
            request = StagingRequest(
                file=from_message,
                alias=named if alias is None else alias,
                endpoints=tuple(endpoints or ()),
                replaces=tuple(replaces or ()),
                who=who or system_user(),
                why=reason,
                at=now(),
                force=force,
                confirmed=yes,
                as_json=as_json,
            )
            stage_from_message(request, workplace)
            return
        if alias is None or file is None:
            raise WrongUse("Say what to add: wssgate keystore add ALIAS FILE, or --from-message FILE.")
        if named is not None or yes:
            raise WrongUse("--alias and --yes go with --from-message; write wssgate keystore add ALIAS FILE.")
        read = read_with_password(file, password_file, allow_private_key=allow_private_key)
        chosen = chosen_signers(read, force=force)
        names = numbered_aliases(Alias(alias), len(chosen.certificates))
        certificates = [
            NewCertificate(name, found.certificate) for name, found in zip(names, chosen.certificates, strict=True)
        ]
        added = workplace.keystore.add_many(
            certificates,
            who=who or system_user(),
            why=reason,
            at=now(),
            endpoints=endpoints or None,
            stage=stage,
            force=force,
            trusted_from=trusted_from,
            trusted_until=trusted_until,
            replaces=replaces or (),
        )
        remarks = [*read.notes, *(f"{left.what}: {left.why}" for left in read.left_out), *chosen.remarks]
        if as_json:
            print_json(_json(added, remarks))
        else:
            _print(added, remarks, workplace)


def _refuse_beside_from_message(given: Mapping[str, bool]) -> None:
    unfit = [name for name, is_given in given.items() if is_given]
    if unfit:
        raise WrongUse(f"With --from-message leave out: {', '.join(unfit)}.")


def _json(added: tuple[Added, ...], remarks: list[str]) -> dict[str, object]:
    return {
        "schema": "wssgate.keystore-change/1",
        "revision": added[0].revision,
        "entries": [entry_json(one.entry, now()) for one in added],
        "warnings": [*remarks, *(warning for one in added for warning in one.warnings)],
    }


_STATES = {
    State.STAGED: "staged: known, not trusted yet",
    State.RETIRED: "retired: recognised, not trusted",
}


def _print(added: tuple[Added, ...], remarks: list[str], workplace: Workplace) -> None:
    names = names_of(workplace.keystore.entries())
    for one in added:
        state = _STATES.get(one.entry.state, "trusted")
        say(f"Added {one.entry.alias} ({state}), keystore revision {one.revision}.", style="green")
        print_entry(one.entry, now(), names)
        for warning in one.warnings:
            warn(f"{one.entry.alias}: {warning}")
    for remark in remarks:
        warn(remark)
    entry = added[0].entry
    if entry.state is State.RETIRED:
        return
    say("Next: compare the SHA-256 fingerprint with the certificate's owner, over the phone, then")
    if entry.state is State.STAGED:
        say(f"  wssgate keystore trust {entry.alias} --config {plain(workplace.shown_source)}")
    else:
        say("  tell the receiver administrator that responses signed with this key may be sent, and watch")
        say(f"  wssgate report cutover --config {plain(workplace.shown_source)}")
