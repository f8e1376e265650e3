"""`wssgate renewal retire`: the old certificates go, and with the last of them the renewal is finished."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated

import typer

from gateway.cli.command_errors import ChangeRefused, WrongUse
from gateway.cli.keystore.change_options import ForceOption, need_reason
from gateway.cli.keystore.entry_display import print_gate, print_warnings
from gateway.cli.keystore.gate_refusals import GATED_EPILOG, gates_of, reporting_blockers
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from gateway.cli.renewal.renewal_entries import entry_of
from gateway.cli.renewal.renewal_options import RenewalArgument, WhoOption, as_typed, author_of, print_renewal_json
from gateway.cli.terminal import say
from gateway.cli.workplace import Workplace, open_workplace
from gateway.renewal import (
    Author,
    Closure,
    PlannedCertificate,
    Renewal,
    certifying_gates,
    close_renewal,
    read_renewals,
    record_retirement,
)
from keystore import State, Thumbprint
from keystore.store import Changed, StoredEntry

EPILOG = GATED_EPILOG


def command(
    name: RenewalArgument = None,
    old: Annotated[
        list[str] | None,
        typer.Option("--old", metavar="ALIAS", help="Only this old certificate; may be repeated. By default all."),
    ] = None,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for the history.")] = "",
    who: WhoOption = None,
    force: ForceOption = False,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Retire the old certificates of a renewal through the gate, and finish it with the last of them.

    The same gate as wssgate keystore retire, and as there all or nothing: what is missing is named, with the earliest
    safe time. Cells that were waived are not asked whether they switched; the guaranteed delivery time passes for all.
    For each a retirement certificate is written: what was counted, what the gate saw, what spoke against it. It stays
    with the renewal, and its SHA-256 in the keystore's history; wssgate renewal signoff shows it.
    """
    need_reason(reason, force=force)
    author = author_of(who)
    with open_workplace(config) as workplace, reporting_blockers(as_json=as_json):
        renewal = read_renewals(workplace.engine).named(name)
        _refuse_closed(renewal)
        chosen = _chosen(renewal, old or ())
        why = reason or f"renewal {renewal.name}: replaced by {renewal.new.alias}"
        changes, certificates = _retire(workplace, renewal, chosen, author, why, force=force)
        for planned, _ in changes:
            certificate = certificates.get(planned.thumbprint)
            if certificate is not None:  # of an entry that was trusted nowhere no gate is asked
                renewal = record_retirement(workplace.engine, renewal.name, planned, certificate, author)
        unfinished = _unfinished(workplace, renewal, author.told_at)
        if not unfinished:
            renewal = close_renewal(workplace.engine, renewal.name, Closure.FINISHED, why, author)
        warnings = [warning for _, changed in changes for warning in changed.warnings]
        purge = [as_typed(f"wssgate keystore purge {one.alias}", workplace) for one in renewal.old]
        if as_json:
            print_renewal_json(renewal, warnings, [] if unfinished else purge)
            return
        for planned, changed in changes:
            say(f"{planned.alias} is {changed.entry.note}.", style="green")
            print_gate(changed)
        print_warnings(tuple(warnings))
        if unfinished:
            say(f"The renewal {renewal.name} stays open: {unfinished}.")
        else:
            say(f"The renewal {renewal.name} is finished.", style="green")
            say("Old keys are kept for at least 90 days after they were exchanged; then")
            for line in purge:
                say(f"  {line}")


def _refuse_closed(renewal: Renewal) -> None:
    if renewal.closed is not None:
        raise ChangeRefused(f"The renewal {renewal.name} is {renewal.closed.how} already: there is nothing to retire.")


def _chosen(renewal: Renewal, aliases: Sequence[str]) -> list[PlannedCertificate]:
    by_alias = {str(one.alias).casefold(): one for one in renewal.old}
    for alias in aliases:
        if alias.casefold() not in by_alias:
            known = ", ".join(str(one.alias) for one in renewal.old)
            raise WrongUse(f"{alias!r} is not an old certificate of the renewal {renewal.name}; those are: {known}.")
    return [by_alias[alias.casefold()] for alias in dict.fromkeys(aliases)] or list(renewal.old)


def _retire(
    workplace: Workplace,
    renewal: Renewal,
    chosen: Sequence[PlannedCertificate],
    author: Author,
    why: str,
    *,
    force: bool,
) -> tuple[list[tuple[PlannedCertificate, Changed]], Mapping[Thumbprint, str]]:
    """Retire what is not retired yet, all in one revision or nothing; with the retirement certificates."""
    entries = workplace.keystore.entries()
    due = [one for one in chosen if _is_left(entries, one)]
    if not due:
        return [], {}
    gates = certifying_gates(workplace.engine, lambda: gates_of(workplace, author.told_at), renewal, due)
    changes = []
    with workplace.keystore.revising(who=author.who, why=why, at=author.told_at, gates=gates) as draft:
        for planned in due:
            entry = entry_of(draft.entries, planned)
            if entry is not None:
                changes.append((planned, draft.retire(entry.alias, force=force)))
    return changes, {one.thumbprint: one.text for one in gates.made}


def _unfinished(workplace: Workplace, renewal: Renewal, at: datetime) -> str:
    """Why the renewal stays open, in half a sentence; empty where it does not."""
    entries = workplace.keystore.entries()
    left = [str(old.alias) for old in renewal.old if _is_left(entries, old)]
    if left:
        return f"{', '.join(left)} is still trusted"
    new = entry_of(entries, renewal.new)
    return "" if new is not None and new.state_at(at) is State.TRUSTED else f"{renewal.new.alias} is not trusted"


def _is_left(entries: Sequence[StoredEntry], old: PlannedCertificate) -> bool:
    entry = entry_of(entries, old)
    return entry is not None and entry.state is not State.RETIRED
