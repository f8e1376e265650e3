"""`wssgate keystore show`: one entry, with its fingerprints."""

from gateway.cli.exit_codes import PLAIN
from gateway.cli.keystore.change_options import AliasArgument
from gateway.cli.keystore.due_end_display import due_json, due_sentence, ends_that_are_due
from gateway.cli.keystore.entry_display import entry_json, names_of, print_entry
from gateway.cli.keystore.last_messages import last_seen
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, now
from gateway.cli.terminal import plain, print_json, say
from gateway.cli.workplace import open_workplace
from gateway.present import instant_json, instant_text

EPILOG = PLAIN


def command(
    alias: AliasArgument,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Show one entry with its fingerprints, to be compared with its owner over the phone."""
    with open_workplace(config) as workplace:
        entry = workplace.keystore.get(alias)
        since = workplace.keystore.states_since().get(entry.id)
        verified = last_seen(workplace.engine, None, accepted=True).get(entry.thumbprint)
        recognised = last_seen(workplace.engine, None, accepted=False).get(entry.thumbprint)
        at = now()
        end = ends_that_are_due(workplace, at).get(entry.id)
        names = names_of(workplace.keystore.entries())
    if as_json:
        measured = {"state_since": since, "last_verified": verified, "last_recognised": recognised}
        print_json(
            {"schema": "wssgate.keystore-entry/1"}
            | entry_json(entry, at)
            | {name: instant_json(instant) for name, instant in measured.items()}
            | {"end_due": due_json(end)}
        )
        return
    say(entry.alias, style="bold")
    print_entry(entry, at, names)
    if end is not None:
        say(f"  {plain(due_sentence(end))}", style="red")
    say(f"  It has been {entry.state} since {instant_text(since)}.")
    say(
        f"  Its key signed an accepted message last at {instant_text(verified)}."
        if verified
        else "  Its key has signed no accepted message yet."
    )
    if recognised:
        say(f"  Its key signed a rejected message, last at {instant_text(recognised)}.", style="yellow")
