"""`wssgate keystore list`, `show` and `history`: what is in the keystore, and how it came there."""

from datetime import datetime, timedelta
from typing import Annotated

import typer
from sqlalchemy import Engine

from gateway.cli.entries import endpoints_text, entry_json, print_entry
from gateway.cli.exit_codes import PLAIN
from gateway.cli.instants import parse_instant
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, EndpointOption, JsonOption, now
from gateway.cli.terminal import cell, plain, print_json, say, show, table, warn
from gateway.cli.workplace import open_workplace
from gateway.ledger import How, usage
from gateway.present import day_text, instant_json, instant_text
from keystore import State
from keystore.store import StoredEntry

EPILOG = PLAIN

EXPIRES_SOON = timedelta(days=30)
_KEY_ID_DIGITS = 16
_REVISION_DIGITS = 18


def list_command(
    endpoint: EndpointOption = None, config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False
) -> None:
    """List the entries: their states and since when, for which endpoints, valid until when, and when seen last."""
    with open_workplace(config) as workplace:
        if endpoint is not None:
            workplace.endpoint(endpoint)
        entries = [
            entry
            for entry in workplace.keystore.entries()
            if endpoint is None or entry.endpoints is None or endpoint in entry.endpoints
        ]
        verified = _last_seen(workplace.engine, endpoint, How.VERIFIED)
        recognised = _last_seen(workplace.engine, endpoint, How.RECOGNISED)
        last_seen = {**recognised, **{key: max(at, recognised.get(key, at)) for key, at in verified.items()}}
        since = workplace.keystore.states_since()
        revision = workplace.keystore.revision()
    at = now()
    if as_json:
        listed = [
            entry_json(entry, at)
            | {
                "state_since": _optional(since.get(entry.id)),
                "last_seen": _optional(last_seen.get(entry.thumbprint)),
                "last_verified": _optional(verified.get(entry.thumbprint)),
            }
            for entry in entries
        ]
        print_json({"schema": "wssgate.keystore/1", "revision": revision, "entries": listed})
        return
    if not entries:
        say("The keystore is empty. Next: wssgate keystore add ALIAS FILE")
        return
    shown = table("alias", "state", "since", "endpoints", "key id", "valid until", "last seen")
    for entry in entries:
        shown.add_row(
            cell(entry.alias),
            cell(entry.problem or entry.state_at(at), _state_style(entry, at)),
            cell(day_text(since.get(entry.id))),
            cell(endpoints_text(entry)),
            cell(entry.key_id[:_KEY_ID_DIGITS]),
            cell(*_expiry(entry, at)),
            cell(instant_text(last_seen.get(entry.thumbprint))),
        )
    show(shown)
    say(f"Keystore revision {revision}.", style="dim")


def show_command(
    alias: Annotated[str, typer.Argument(metavar="ALIAS", help="Name of the entry.")],
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Show one entry with its fingerprints, to be compared with its owner over the phone."""
    with open_workplace(config) as workplace:
        entry = workplace.keystore.get(alias)
        since = workplace.keystore.states_since().get(entry.id)
        verified = _last_seen(workplace.engine, None, How.VERIFIED).get(entry.thumbprint)
        recognised = _last_seen(workplace.engine, None, How.RECOGNISED).get(entry.thumbprint)
    if as_json:
        measured = {"state_since": since, "last_verified": verified, "last_recognised": recognised}
        print_json(
            {"schema": "wssgate.keystore-entry/1"}
            | entry_json(entry, now())
            | {name: _optional(instant) for name, instant in measured.items()}
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


def history_command(
    alias: Annotated[str | None, typer.Argument(metavar="[ALIAS]", help="Only this entry.")] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Every change to the keystore, oldest first: what, when, by whom and why."""
    with open_workplace(config) as workplace:
        items = workplace.keystore.history(alias)
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
                }
            )
        return
    if not items:
        say("Nothing has been changed yet.")
        return
    shown = table("revision", "time", "action", "alias", "who", "why", numbers=("revision",))
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
    show(shown)


def at_command(
    when: Annotated[
        str,
        typer.Argument(metavar="TIME", help="An instant such as 2026-06-01T12:00:00Z, or the number of a revision."),
    ],
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """What was trusted at an instant in the past, or in a revision: its entries, with the states that they had then."""
    wanted = int(when) if when.isdecimal() and len(when) <= _REVISION_DIGITS else parse_instant(when)
    with open_workplace(config) as workplace:
        past = workplace.keystore.past(wanted)
    # In the revision that is asked for by its number: as it was the moment it was made.
    at = wanted if isinstance(wanted, datetime) else past.time or now()
    if at > now():
        warn(f"{instant_text(at)} is yet to come: this is what the keystore says today, and it may still be changed.")
    if as_json:
        print_json(
            {
                "schema": "wssgate.keystore-at/1",
                "at": instant_json(at),
                "revision": past.number,
                "time": None if past.time is None else instant_json(past.time),
                "who": past.who,
                "why": past.why,
                "entries": [entry_json(entry, at) for entry in past.entries],
            }
        )
        return
    if past.time is None:
        say("Nothing: the keystore was empty then.")
        return
    shown = table("alias", "state", "endpoints", "key id", "valid until")
    for entry in past.entries:
        shown.add_row(
            cell(entry.alias),
            cell(entry.problem or entry.state_at(at), _state_style(entry, at)),
            cell(endpoints_text(entry)),
            cell(entry.key_id[:_KEY_ID_DIGITS]),
            cell(*_expiry(entry, at)),
        )
    show(shown)
    why = f": {plain(past.why)}" if past.why else ""
    say(f"Keystore revision {past.number}, made {instant_text(past.time)} by {plain(past.who)}{why}.", style="dim")


def _last_seen(engine: Engine, endpoint: str | None, how: How) -> dict[str, datetime]:
    """The last message of each certificate, by its thumbprint."""
    seen: dict[str, datetime] = {}
    for row in usage(engine, endpoint, how=how):
        seen[row.thumbprint] = max(row.last_seen, seen.get(row.thumbprint, row.last_seen))
    return seen


def _optional(instant: datetime | None) -> str | None:
    return None if instant is None else instant_json(instant)


def _state_style(entry: StoredEntry, at: datetime) -> str:
    if entry.problem:
        return "red"
    return {State.TRUSTED: "green", State.STAGED: "yellow"}.get(entry.state_at(at), "dim")


def _expiry(entry: StoredEntry, at: datetime) -> tuple[str, str]:
    if entry.certificate is None:
        return "-", ""
    end = entry.certificate.not_valid_after_utc
    if end < at:
        return f"{day_text(end)} EXPIRED", "red"
    if end < at + EXPIRES_SOON:
        return f"{day_text(end)} soon", "yellow"
    return day_text(end), ""
