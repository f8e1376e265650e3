"""`wssgate keystore add`: a certificate enters the keystore."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from gateway.cli.command_errors import WrongUse
from gateway.cli.exit_codes import epilog
from gateway.cli.instant_options import parse_instant
from gateway.cli.key_files import STANDARD_INPUT, chosen_signers, numbered_aliases
from gateway.cli.keystore.change_options import ReasonOption, ReplacesOption, WhoOption, system_user
from gateway.cli.keystore.endpoint_choice import AllEndpointsOption, endpoint_choice
from gateway.cli.keystore.entry_display import entry_json, names_of, print_entry
from gateway.cli.keystore.key_file_options import AllowPrivateKeyOption, PasswordFileOption, read_with_password
from gateway.cli.keystore.staging_from_message import stage_from_message
from gateway.cli.keystore.staging_from_record import stage_from_record
from gateway.cli.keystore.staging_steps import StagingRequest
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, now
from gateway.cli.terminal import plain, print_json, say, warn
from gateway.cli.workplace import Workplace, open_workplace
from gateway.present import instant_text
from keystore import Alias, AliasInUse, State, Terms
from keystore.store import Added, NewCertificate, StoredEntry

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
    from_record: Annotated[
        str | None,
        typer.Option(
            "--from-record",
            metavar="ID",
            help="Instead of FILE: stage the certificate that the message of this record carried, after showing it.",
        ),
    ] = None,
    named: Annotated[
        str | None,
        typer.Option(
            "--alias",
            metavar="ALIAS",
            help="With --from-message or --from-record: its name. By default one is made up.",
        ),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="With --from-message or --from-record: stage it without asking.")
    ] = False,
    endpoints: Annotated[
        list[str] | None,
        typer.Option("--endpoint", "-e", metavar="NAME", help="Trust it for this endpoint only; may be repeated."),
    ] = None,
    all_endpoints: AllEndpointsOption = False,
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

    With --from-message or --from-record it is only staged: a message can show who signed it, not whether that is your
    partner. From a record it is meant for the endpoint of the record, unless --endpoint names another.
    The kind of FILE is told by its content. A bundle of several certificates adds ALIAS, ALIAS-2 and so on, all of them
    or none. Running gateways load the change within a second. Compare the fingerprints that are shown with the
    certificate's owner, over a second channel.
    """
    with open_workplace(config) as workplace:
        if from_message is not None or from_record is not None:
            _refuse_beside(
                "--from-record" if from_message is None else "--from-message",
                {
                    "--from-record": from_message is not None and from_record is not None,
                    "FILE": file is not None,
                    "--from": trusted_from is not None,
                    "--until": trusted_until is not None,
                    "--password-file": password_file is not None,
                    "--allow-private-key": allow_private_key,
                    "ALIAS and --alias": alias is not None and named is not None,
                },
            )
            request = StagingRequest(
                alias=named if alias is None else alias,
                endpoints=tuple(endpoints or ()),
                every_endpoint=all_endpoints,
                replaces=tuple(replaces or ()),
                who=who or system_user(),
                why=reason,
                at=now(),
                force=force,
                confirmed=yes,
                as_json=as_json,
            )
            if from_message is not None:
                stage_from_message(from_message, request, workplace)
            elif from_record is not None:
                stage_from_record(from_record, request, workplace)
            return
        if alias is None or file is None:
            raise WrongUse(
                "Say what to add: wssgate keystore add ALIAS FILE, or --from-message FILE, or --from-record ID."
            )
        if named is not None or yes:
            raise WrongUse(
                "--alias and --yes go with --from-message and --from-record; write wssgate keystore add ALIAS FILE."
            )
        choice = endpoint_choice(
            workplace,
            endpoints or (),
            every=all_endpoints,
            can_ask=not as_json and str(file) != STANDARD_INPUT,
        )
        first = Alias(alias)
        Terms(None, trusted_from, trusted_until)  # refuses what they cannot mean
        read = read_with_password(
            file,
            password_file,
            allow_private_key=allow_private_key,
            before_asking=lambda: _refuse_early(workplace, first, replaces or ()),
        )
        chosen = chosen_signers(read, force=force)
        names = numbered_aliases(first, len(chosen.certificates))
        certificates = [
            NewCertificate(name, found.certificate) for name, found in zip(names, chosen.certificates, strict=True)
        ]

        def add(meant: frozenset[str] | None, *, rehearse: bool = False) -> tuple[Added, ...]:
            with workplace.keystore.revising(who=who or system_user(), why=reason, at=now()) as draft:
                terms = Terms(meant, trusted_from, trusted_until, draft.thumbprints_of(replaces or ()))
                if rehearse:
                    draft.drop()
                return draft.add_many(certificates, terms, stage=stage, force=force)

        if choice.asked_of:
            add(None, rehearse=True)
        added = add(choice.settle())
        remarks = [*read.notes, *(f"{left.what}: {left.why}" for left in read.left_out), *chosen.remarks]
        if as_json:
            print_json(_json(added, remarks))
        else:
            _print(added, remarks, workplace)


def _refuse_beside(option: str, given: Mapping[str, bool]) -> None:
    unfit = [name for name, is_given in given.items() if is_given]
    if unfit:
        raise WrongUse(f"With {option} leave out: {', '.join(unfit)}.")


def _refuse_early(workplace: Workplace, alias: Alias, replaces: Sequence[str]) -> None:
    """Refuse what no certificate could be added as, before somebody looks for the password of the file.

    Raises:
        AliasInUse: There is an entry of that name.
        UnknownAlias: There is no entry that it could replace.
    """
    for entry in workplace.keystore.entries():
        if entry.alias.lower() == alias.lower():
            raise AliasInUse(
                f"the alias {entry.alias} is in use (SHA-256 {entry.thumbprint[:16]}…): choose another alias, or look "
                f"at it with wssgate keystore show {entry.alias}"
            )
    for name in replaces:
        workplace.keystore.get(name)


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
        for obstacle in _obstacles(entry, workplace):
            say(f"  {obstacle}, then")
        from_when = _from_when(entry)
        say(f"  tell the receiver administrator that responses signed with this key may be sent{from_when}, and watch")
        say(f"  wssgate report cutover --config {plain(workplace.shown_source)}")


def _obstacles(entry: StoredEntry, workplace: Workplace) -> list[str]:
    """What the policies of its endpoints have to admit before messages signed with it pass."""
    trusted = entry.trusted()
    policies = [
        (name, endpoint.policy)
        for name, endpoint in workplace.settings.endpoints.items()
        if entry.endpoints is None or name in entry.endpoints
    ]
    found = []
    if trusted is not None and isinstance(trusted.public_key, RSAPublicKey):
        bits = trusted.public_key.key_size
        names = ", ".join(name for name, policy in policies if policy.minimum_rsa_bits > bits)
        if names:
            found.append(f"set minimum_rsa_bits = {bits} in the policy of {plain(names)}, which is dangerous")
    if trusted is not None and trusted.not_after < now():
        names = ", ".join(name for name, policy in policies if policy.expired_certificate != "accept")
        if names:
            found.append(f'set expired_certificate = "accept" in the policy of {plain(names)}, which is dangerous')
    return found


def _from_when(entry: StoredEntry) -> str:
    """Since when it counts, where that is yet to come."""
    trusted = entry.trusted()
    begins = [entry.trusted_from, None if trusted is None else trusted.not_before]
    later = [begin for begin in begins if begin is not None and begin > now()]
    return f" from {instant_text(max(later))} on" if later else ""
