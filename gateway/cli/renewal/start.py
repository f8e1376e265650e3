"""`wssgate renewal start`: a renewal begins, and what is new is declared."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.command_errors import ChangeRefused
from gateway.cli.exit_codes import epilog
from gateway.cli.keystore.gate_refusals import gates_of, instant_of_revoking
from gateway.cli.keystore.key_file_options import AllowPrivateKeyOption, PasswordFileOption
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from gateway.cli.renewal.announced_date import AnnouncedDate, AnnouncedOption
from gateway.cli.renewal.certificates import NewEntry, new_entry, old_entries
from gateway.cli.renewal.renewal_entries import entry_of
from gateway.cli.renewal.renewal_options import WhoOption, as_typed, author_of, print_renewal_json
from gateway.cli.renewal.starting import (
    broken_cells,
    covered_endpoints,
    delivery_time_warnings,
    renewal_name,
    same_key_sentence,
    say_revoked,
)
from gateway.cli.terminal import say, warn
from gateway.cli.workplace import Workplace, open_workplace
from gateway.present import day_text
from gateway.renewal import (
    Author,
    NewRenewal,
    PlannedCertificate,
    Renewal,
    planned,
    read_renewals,
    refuse_start,
    start_renewal,
)
from keystore import Fingerprint, State
from keystore.store import NewCertificate, StoredEntry, Terms

EPILOG = epilog("refused, because it contradicts the keystore or another renewal; nothing has changed then")


def command(
    old: Annotated[
        list[str],
        typer.Option("--old", metavar="ALIAS", help="The entry that shall be replaced; may be repeated."),
    ],
    new: Annotated[
        str,
        typer.Option("--new", metavar="FILE|ALIAS", help="The new certificate: a key file, or an entry that is there."),
    ],
    endpoints: Annotated[
        list[str] | None,
        typer.Option(
            "--endpoint",
            "-e",
            metavar="NAME",
            help="Which endpoint it is about; may be repeated. By default all that trust the old one.",
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option("--name", metavar="NAME", help="What to call it; by default as the new entry."),
    ] = None,
    alias: Annotated[
        str | None, typer.Option("--alias", metavar="ALIAS", help="What to call the new entry, if --new is a file.")
    ] = None,
    announced: AnnouncedOption = None,
    downtime: Annotated[
        bool, typer.Option("--downtime", help="The receiver can hold one key only, and switches in a downtime.")
    ] = False,
    compromised: Annotated[
        bool,
        typer.Option("--compromised", help="Emergency: the old key is in wrong hands. It is revoked now, everywhere."),
    ] = False,
    contacts: Annotated[
        list[str] | None,
        typer.Option("--contact", metavar="TEXT", help='A receiver administrator, "NAME <ADDRESS>"; may be repeated.'),
    ] = None,
    password_file: PasswordFileOption = None,
    allow_private_key: AllowPrivateKeyOption = False,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept for ever.")] = "",
    who: WhoOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Start a renewal: from here on the new certificate is the declared successor of the old one.

    A new certificate from a file is staged: it is recognised, and not trusted before you have compared its fingerprint
    and said wssgate keystore trust. The old one stays as it is, unless --compromised: then it is revoked at once, and
    what breaks by that is told. In an emergency without a new certificate revoke the old one first, with wssgate
    keystore retire --compromised, and start when the new one is there.
    """
    with open_workplace(config) as workplace:
        author = author_of(who)
        request = _Request(
            tuple(old),
            new,
            tuple(endpoints or ()),
            name,
            alias,
            announced,
            downtime,
            compromised,
            tuple(contacts or ()),
            reason,
            password_file,
            allow_private_key,
        )
        _start(request, workplace, author, as_json=as_json)


@dataclass(frozen=True, slots=True)
class _Request:
    """What the command line asked for."""

    old: tuple[str, ...]
    new: str
    endpoints: tuple[str, ...]
    name: str | None
    alias: str | None
    announced: AnnouncedDate | None
    downtime: bool
    compromised: bool
    contacts: tuple[str, ...]
    reason: str
    password_file: Path | None
    allow_private_key: bool


def _start(request: _Request, workplace: Workplace, author: Author, *, as_json: bool) -> None:
    at = author.told_at
    entries = workplace.keystore.entries()
    old = old_entries(entries, request.old, at, compromised=request.compromised)
    new = new_entry(
        entries,
        request.new,
        request.alias,
        at,
        password_file=request.password_file,
        allow_private_key=request.allow_private_key,
    )
    endpoints = covered_endpoints(workplace, old, new, request.endpoints)
    renewals = read_renewals(workplace.engine)
    plan = NewRenewal(
        name=renewal_name(renewals, request.name, new.certificate.alias),
        endpoints=endpoints,
        old=tuple(_planned(entry) for entry in old),
        new=planned(new.certificate),
        reason=request.reason,
        announced=None if request.announced is None else request.announced.at,
        announced_text="" if request.announced is None else request.announced.text,
        downtime=request.downtime,
        compromised=request.compromised,
        contacts=request.contacts,
    )
    refuse_start(renewals, plan)
    broken = broken_cells(workplace, old) if request.compromised else []
    warnings = [*new.remarks, *_into_keystore(request, workplace, author, old, new)]
    renewal = start_renewal(workplace.engine, plan, author)
    warnings += delivery_time_warnings(workplace, renewal, read_renewals(workplace.engine))
    state = _state_of_new(workplace, renewal, at)
    next_commands = _next_commands(workplace, renewal, state)
    if as_json:
        print_renewal_json(renewal, [*warnings, *broken], next_commands)
        return
    _print(renewal, state, warnings, broken, next_commands)


def _planned(entry: StoredEntry) -> PlannedCertificate:
    trusted = entry.trusted()
    if trusted is None:
        raise ChangeRefused(f"{entry.alias} cannot be read.")
    return planned(trusted)


def _into_keystore(
    request: _Request, workplace: Workplace, author: Author, old: Sequence[StoredEntry], new: NewEntry
) -> list[str]:
    """Declare what is new, and revoke what is in wrong hands, in one revision; what the keystore warns of."""
    replaced = frozenset(entry.thumbprint for entry in old)
    why = request.reason or f"renewal of {', '.join(str(entry.alias) for entry in old)}"
    revoked = [entry for entry in old if not entry.revoked] if request.compromised else []
    declared = new.entry is not None and replaced <= set(new.entry.replaces)
    if declared and not revoked:
        return []
    at = instant_of_revoking(workplace, author.told_at) if revoked else author.told_at
    gates = gates_of(workplace, at) if revoked else None
    warnings: list[str] = []
    with workplace.keystore.revising(who=author.who, why=why, at=at, gates=gates) as draft:
        if new.entry is None:
            terms = Terms(_meant_for(request, old), replaces=replaced)
            certificate = NewCertificate(new.certificate.alias, new.certificate.certificate)
            warnings += draft.add(certificate, terms, state=State.STAGED).warnings
        elif not declared and (entry := entry_of(draft.entries, planned(new.certificate))) is not None:
            terms = Terms(entry.endpoints, entry.trusted_from, entry.trusted_until, replaced.union(entry.replaces))
            warnings += draft.adjust(entry.alias, terms).warnings
        for gone in revoked:
            warnings += draft.retire(gone.alias, revoked=True).warnings
    return warnings


def _meant_for(request: _Request, old: Sequence[StoredEntry]) -> frozenset[str] | None:
    """For which endpoints the new entry is meant: as was asked for, else as the old ones."""
    if request.endpoints:
        return frozenset(request.endpoints)
    named: set[str] = set()
    for entry in old:
        if entry.endpoints is None:
            return None
        named |= entry.endpoints
    return frozenset(named)


def _state_of_new(workplace: Workplace, renewal: Renewal, at: datetime) -> State:
    return workplace.keystore.get(renewal.new.alias).state_at(at)


def _next_commands(workplace: Workplace, renewal: Renewal, state: State) -> list[str]:
    compare = f"renewal confirm 2 {renewal.name} --by NAME --fingerprint HEX"
    trust = f"keystore trust {renewal.new.alias}" if state is State.STAGED else f"renewal confirm 4 {renewal.name}"
    return [as_typed(f"wssgate {compare}", workplace), as_typed(f"wssgate {trust}", workplace)]


def _print(
    renewal: Renewal, state: State, warnings: Sequence[str], broken: Sequence[str], next_commands: Sequence[str]
) -> None:
    old = ", ".join(str(one.alias) for one in renewal.old)
    say(f"The renewal {renewal.name} is open: {renewal.new.alias} replaces {old}.", style="green")
    say(f"  endpoints     {', '.join(renewal.endpoints)}")
    say(f"  new           {renewal.new.alias} ({state}), valid until {day_text(renewal.new.not_after)}")
    for part in Fingerprint("SHA-256", bytes.fromhex(renewal.new.thumbprint)).colon_pairs:
        say(f"                {part}")
    if renewal.announced is not None:
        say(f"  announced     {renewal.announced_text}")
    if renewal.has_same_key:
        say(same_key_sentence(renewal))
    if renewal.compromised:
        say_revoked(renewal, broken)
    for warning in warnings:
        warn(warning)
    say("Next: let the receiver administrator read the SHA-256 fingerprint to you over the phone, then")
    for command_line in next_commands:
        say(f"  {command_line}")
