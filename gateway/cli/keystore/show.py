"""`wssgate keystore show`: one entry, with its fingerprints."""

from gateway.cli.exit_codes import PLAIN
from gateway.cli.keystore.change_options import AliasArgument
from gateway.cli.keystore.entry_display import entry_json, print_entry
from gateway.cli.keystore.last_messages import last_seen
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, now
from gateway.cli.terminal import print_json, say
from gateway.cli.workplace import open_workplace
from gateway.ledger import How
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
        verified = last_seen(workplace.engine, None, How.VERIFIED).get(entry.thumbprint)
        recognised = last_seen(workplace.engine, None, How.RECOGNISED).get(entry.thumbprint)
    if as_json:
        measured = {"state_since": since, "last_verified": verified, "last_recognised": recognised}
        print_json(
            {"schema": "wssgate.keystore-entry/1"}
            | entry_json(entry, now())
            | {name: instant_json(instant) for name, instant in measured.items()}
        )
        return
    say(entry.alias, style="bold")
    print_entry(entry, now())
    say(f"  It has been {entry.state} since {instant_text(since)}.")
    say(
        f"  It verified a message last at {instant_text(verified)}."
        if verified
        else "  It has verified no message yet."
    )
    if recognised:
        say(f"  It was recognised in a message that was rejected, last at {instant_text(recognised)}.", style="yellow")
