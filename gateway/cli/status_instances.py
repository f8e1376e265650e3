"""The part of `wssgate status` about the gateway processes: which there are, and which have not loaded the keystore."""

from collections.abc import Sequence

from gateway.cli.rich_output import cell, show, table
from gateway.cli.terminal import plain, say
from gateway.ledger import InstanceState, loaded_everywhere
from gateway.present import instant_json, instant_text


def instances_json(found: Sequence[InstanceState], revision: int) -> dict[str, object]:
    """All processes, and whether the newest `revision` of the keystore serves in every one of them."""
    return {
        "revision_loaded_everywhere": loaded_everywhere(found, revision),
        "rows": [
            {
                "instance": state.identity.instance,
                "host": state.identity.host,
                "pid": state.identity.pid,
                "version": state.identity.version,
                "started": instant_json(state.identity.started),
                "last_seen": instant_json(state.last_seen),
                "lag_seconds": round(state.lag.total_seconds(), 1),
                "gone": state.is_gone,
                "keystore_revision": state.keystore_revision,
            }
            for state in found
        ],
    }


def print_instances(found: Sequence[InstanceState], revision: int) -> None:
    """A line for each process, and one on what their revisions mean."""
    if not found:
        return
    say("")
    rows = table("instance", "revision", "heard from", "started", "version", numbers=("revision",))
    for state in found:
        identity = state.identity
        heard = f"{state.lag.total_seconds():.0f} s ago" + (": GONE" if state.is_gone else "")
        is_behind = state.keystore_revision < revision
        rows.add_row(
            cell(identity.instance),
            cell(state.keystore_revision, "yellow" if is_behind and not state.is_gone else ""),
            cell(heard, "red" if state.is_gone else ""),
            cell(instant_text(identity.started)),
            cell(identity.version),
        )
    show(rows)
    behind = [s.identity.instance for s in found if not s.is_gone and s.keystore_revision < revision]
    if behind:
        say(f"  not yet with keystore revision {revision}: {plain(', '.join(behind))}", style="yellow")
    elif loaded_everywhere(found, revision):
        say(f"  all of them serve with keystore revision {revision}: the receiver can be told", style="green")
    else:
        say("  none of them is running", style="yellow")
