"""`wssgate keystore list`: the entries of the keystore."""

from gateway.cli.exit_codes import PLAIN
from gateway.cli.keystore.due_end_display import due_json, due_sentence, ends_that_are_due
from gateway.cli.keystore.entry_display import (
    compromised_keys,
    endpoints_text,
    entry_json,
    expiry_cell,
    key_cell,
    names_of,
    replaces_text,
    state_cell,
)
from gateway.cli.keystore.last_messages import last_seen
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, EndpointOption, JsonOption, now
from gateway.cli.rich_output import cell, show, table
from gateway.cli.terminal import plain, print_json, say
from gateway.cli.workplace import open_workplace
from gateway.present import day_text, instant_json, instant_text

EPILOG = PLAIN


def command(
    endpoint: EndpointOption = None, config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False
) -> None:
    """List the entries: their states and since when, for which endpoints, valid until when, and when seen last."""
    with open_workplace(config) as workplace:
        if endpoint is not None:
            workplace.endpoint(endpoint)
        at = now()
        present = workplace.keystore.entries()
        entries = [
            entry for entry in present if endpoint is None or entry.endpoints is None or endpoint in entry.endpoints
        ]
        verified = last_seen(workplace.engine, endpoint, accepted=True)
        recognised = last_seen(workplace.engine, endpoint, accepted=False)
        seen = {**recognised, **{key: max(at, recognised.get(key, at)) for key, at in verified.items()}}
        since = workplace.keystore.states_since()
        revision = workplace.keystore.revision()
        due = ends_that_are_due(workplace, at)
    if as_json:
        listed = [
            entry_json(entry, at)
            | {
                "state_since": instant_json(since.get(entry.id)),
                "last_seen": instant_json(seen.get(entry.thumbprint)),
                "last_verified": instant_json(verified.get(entry.thumbprint)),
                "end_due": due_json(due.get(entry.id)),
            }
            for entry in entries
        ]
        print_json({"schema": "wssgate.keystore/1", "revision": revision, "entries": listed})
        return
    if not entries:
        say("The keystore is empty. Next: wssgate keystore add ALIAS FILE")
        return
    names, compromised = names_of(present), compromised_keys(present)
    successors = ("replaces",) if any(entry.replaces for entry in entries) else ()
    shown = table("alias", "state", "since", "endpoints", "key id", "valid until", "last seen", *successors)
    for entry in entries:
        shown.add_row(
            cell(entry.alias),
            state_cell(entry, at, compromised),
            cell(day_text(since.get(entry.id))),
            cell(endpoints_text(entry)),
            key_cell(entry),
            expiry_cell(entry, at),
            cell(instant_text(seen.get(entry.thumbprint))),
            *(cell(replaces_text(entry, names) or "-") for _ in successors),
        )
    show(shown)
    for entry in entries:
        if entry.id in due:
            say(plain(due_sentence(due[entry.id])), style="red")
    say(f"Keystore revision {revision}.", style="dim")
