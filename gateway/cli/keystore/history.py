"""`wssgate keystore history`: every change to the keystore."""

from typing import Annotated

import typer

from gateway.cli.exit_codes import PLAIN
from gateway.cli.keystore.entry_display import names_of, replaces_text
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from gateway.cli.rich_output import cell, show, table
from gateway.cli.terminal import print_json, say
from gateway.cli.workplace import open_workplace
from gateway.present import instant_json, instant_text
from keystore import Thumbprint
from keystore.store import gate_answers, gate_sentences

EPILOG = PLAIN


def command(
    alias: Annotated[str | None, typer.Argument(metavar="[ALIAS]", help="Only this entry.")] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Every change to the keystore, oldest first: what, when, by whom and why, and what the gates saw.

    With --json and without ALIAS it is all that the hash of each revision is made of: docs/evidence.md says how to
    compute the hashes anew.
    """
    with open_workplace(config) as workplace:
        items = workplace.keystore.history(alias)
        names = names_of(workplace.keystore.entries())
        if alias is not None and not items:
            workplace.keystore.get(alias)  # which says that there is none of that name
    if as_json:
        for item in items:
            print_json(
                {
                    "schema": "wssgate.keystore-history/1",
                    "revision": item.revision,
                    "time": instant_json(item.time),
                    "who": item.who,
                    "why": item.why,
                    "action": str(item.action),
                    "alias": str(item.alias),
                    "thumbprint": str(item.thumbprint),
                    "overrode": item.overrode or None,
                    "gate": _gate(item.gate),
                    "replaces": [str(thumbprint) for thumbprint in item.entry.replaces],
                    "hash": item.hash,
                    "hashed": {"revision": dict(item.hashed_revision), "change": dict(item.hashed_change)},
                }
            )
        return
    if not items:
        say("Nothing has been changed yet.")
        return
    shown = table("revision", "time", "action", "alias", "who", "why", numbers=("revision",))
    successors: dict[int, tuple[Thumbprint, ...]] = {}
    for item in items:
        shown.add_row(
            cell(item.revision),
            cell(instant_text(item.time)),
            cell(item.action),
            cell(item.alias),
            cell(item.who),
            cell(item.why or "-"),
        )
        if item.overrode:
            shown.add_row("", "", "", "", cell("by force", "red"), cell(f"although {item.overrode}", "red"))
        for sentence in gate_sentences(item.gate):
            shown.add_row("", "", "", "", cell("the gate"), cell(sentence))
        if item.entry.replaces != successors.get(item.entry.id, ()):
            successors[item.entry.id] = item.entry.replaces
            shown.add_row("", "", "", "", cell("replaces"), cell(replaces_text(item.entry, names) or "nobody any more"))
    show(shown)


def _gate(text: str) -> object:
    """What the gates saw; the text as it is where somebody has written over it."""
    answers = gate_answers(text)
    if answers is None:
        return text
    told = [{"summary": one.summary, "blockers": list(one.blockers), "evidence": one.evidence} for one in answers]
    return {"answers": told} if told else None
