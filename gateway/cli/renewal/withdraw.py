"""`wssgate renewal withdraw`: the new key did not work; it goes, and the old one stays."""

from dataclasses import replace
from typing import Annotated

import typer

from gateway.cli.command_errors import ChangeRefused, WrongUse
from gateway.cli.keystore.change_options import ForceOption
from gateway.cli.keystore.entry_display import print_gate, print_warnings
from gateway.cli.keystore.gate_refusals import GATED_EPILOG, gates_of, reporting_blockers
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from gateway.cli.renewal.renewal_entries import entry_of
from gateway.cli.renewal.renewal_options import RenewalArgument, WhoOption, author_of, print_renewal_json
from gateway.cli.terminal import say
from gateway.cli.workplace import Workplace, open_workplace
from gateway.renewal import Author, Closure, Renewal, close_renewal, read_renewals
from keystore import GateClosed, State
from keystore.store import Changed, Terms

EPILOG = GATED_EPILOG


def command(
    name: RenewalArgument = None,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept for ever.")] = "",
    who: WhoOption = None,
    force: ForceOption = False,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Take the new certificate back: it is trusted no more, the old one stays, and the renewal is closed.

    A certificate that is only staged goes at once; one that is trusted passes the same gate as wssgate keystore retire,
    for messages that it signed may be under way. It stays recognised, and is nobody's declared successor any more.
    Nothing of what was recorded is lost.
    """
    if not reason.strip():
        raise WrongUse("--reason TEXT must say why: it stays in the ledger, for whoever asks later on.")
    author = author_of(who)
    with open_workplace(config) as workplace, reporting_blockers(as_json=as_json):
        renewal = read_renewals(workplace.engine).named(name)
        if renewal.closed is not None:
            raise ChangeRefused(f"The renewal {renewal.name} is {renewal.closed.how} already: nothing is left of it.")
        _refuse_without_old(workplace, renewal)
        try:
            changed = _take_back(workplace, renewal, author, reason, force=force)
        except GateClosed as closed:
            what = f"the renewal {renewal.name} is not withdrawn, and {renewal.new.alias} stays trusted"
            raise GateClosed(what, closed.blockers) from closed
        renewal = close_renewal(workplace.engine, renewal.name, Closure.WITHDRAWN, reason, author)
    warnings = () if changed is None else changed.warnings
    if as_json:
        print_renewal_json(renewal, warnings)
        return
    old = ", ".join(str(one.alias) for one in renewal.old)
    say(f"The renewal {renewal.name} is withdrawn: {renewal.new.alias} is not trusted, and {old} stays.", style="green")
    if changed is not None:
        print_gate(changed)
    print_warnings(tuple(warnings))


def _refuse_without_old(workplace: Workplace, renewal: Renewal) -> None:
    """See to it that something stays; in an emergency nothing of the old one could."""
    entries = workplace.keystore.entries()
    old = [entry_of(entries, one) for one in renewal.old]
    if renewal.compromised or any(entry is not None and entry.state is State.TRUSTED for entry in old):
        return
    gone = ", ".join(str(one.alias) for one in renewal.old)
    raise ChangeRefused(
        f"{gone} is not trusted any more, so there is nothing to go back to: restore it first (wssgate keystore "
        "restore), then withdraw the new one."
    )


def _take_back(workplace: Workplace, renewal: Renewal, author: Author, why: str, *, force: bool) -> Changed | None:
    """Retire the new entry, and take its declaration away, in one revision."""
    entry = entry_of(workplace.keystore.entries(), renewal.new)
    if entry is None:
        return None
    gates = gates_of(workplace, author.told_at) if entry.state is State.TRUSTED else None
    changed: Changed | None = None
    with workplace.keystore.revising(who=author.who, why=why, at=author.told_at, gates=gates) as draft:
        entry = entry_of(draft.entries, renewal.new) or entry
        if entry.state is State.TRUSTED and gates is None:
            raise ChangeRefused(f"Somebody has just trusted {entry.alias}: run the same command again.")
        replaced = frozenset(entry.replaces) - {old.thumbprint for old in renewal.old}
        # The declaration first: while it stands, the gate takes the new key's messages for still to come.
        if replaced != frozenset(entry.replaces):
            terms = Terms(entry.endpoints, entry.trusted_from, entry.trusted_until, replaced)
            changed = draft.adjust(entry.alias, terms, force=force)
        if entry.state is not State.RETIRED:
            adjusted, changed = changed, draft.retire(entry.alias, force=force)
            if adjusted is not None:
                changed = replace(changed, warnings=(*adjusted.warnings, *changed.warnings))
    return changed
