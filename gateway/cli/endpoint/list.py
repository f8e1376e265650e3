"""`wssgate endpoint list`: which endpoints the gateways recorded, and how well they were watched."""

from datetime import timedelta

from gateway.cli.endpoint.recorded_endpoints import DAY, FORTNIGHT, KnownEndpoint, RecordedEndpoints
from gateway.cli.exit_codes import PLAIN
from gateway.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from gateway.cli.rich_output import cell, show, table
from gateway.cli.terminal import print_json, say
from gateway.cli.workplace import open_workplace
from gateway.present import day_text, instant_json, instant_text

EPILOG = PLAIN


def command(config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """List the endpoints that gateways served: since when and until when, by which of them, how much of the time
    somebody watched, and what was said of those that ended.

    Gates ask for all of them that were served within 90 days and have neither ended nor got another name.
    """
    with open_workplace(config) as workplace:
        endpoints = RecordedEndpoints.of(workplace)
    found = [endpoints.known(name) for name in endpoints.names()]
    if as_json:
        print_json(
            {
                "schema": "wssgate.endpoints/1",
                "taken_at": instant_json(endpoints.evidence.taken_at),
                "endpoints": [_json(one) for one in found],
            }
        )
        return
    shown = table("endpoint", "served", "by", "watched 24 h", "14 d", "receiver", "state")
    for one in found:
        shown.add_row(
            cell(one.name, "bold"),
            cell(_served(one)),
            cell("\n".join(one.instances) or "-"),
            cell(_share(one.watched_day, DAY)),
            cell(_share(one.watched_fortnight, FORTNIGHT)),
            cell(*_receiver(one)),
            cell(*_state(one)),
        )
    show(shown)
    say(f"By the ledger's clock at {instant_text(endpoints.evidence.taken_at)}, its latest event.")
    for one in found:
        if one.closing is not None:
            what = "ended" if one.closing.new_name is None else f"is called {one.closing.new_name}"
            say(f"  {one.name} {what}: {one.closing.who}, {instant_text(one.closing.at)}: {one.closing.reason}")
        elif not one.configured and not one.served_now_by:
            say(
                f"  {one.name} is neither configured here nor served now, and gates ask for it all the same; next: "
                f"wssgate endpoint end {one.name} --reason TEXT, or endpoint rename {one.name} NEW --reason TEXT",
                style="yellow",
            )


def _json(one: KnownEndpoint) -> dict[str, object]:
    closing = one.closing
    return {
        "name": one.name,
        "configured": one.configured,
        "served_since": instant_json(one.served_since),
        "served_until": instant_json(one.served_until),
        "instances": list(one.instances),
        "served_now_by": list(one.served_now_by),
        "reachable": one.reachable,
        "watched_seconds": {
            "24h": int(one.watched_day.total_seconds()),
            "14d": int(one.watched_fortnight.total_seconds()),
        },
        "closing": None
        if closing is None
        else {
            "what": "ended" if closing.new_name is None else "renamed",
            "new_name": closing.new_name,
            "at": instant_json(closing.at),
            "who": closing.who,
            "reason": closing.reason,
        },
    }


def _served(one: KnownEndpoint) -> str:
    if one.served_since is None:
        return "before configurations were recorded" if not one.configured else "not yet"
    return f"{day_text(one.served_since)} to {'now' if one.served_now_by else day_text(one.served_until)}"


def _share(watched: timedelta, whole: timedelta) -> str:
    return f"{100 * watched // whole} %"


def _receiver(one: KnownEndpoint) -> tuple[str, str]:
    if not one.served_now_by:
        return "-", ""
    if one.reachable is None:
        return "not known", "yellow"
    return ("reachable", "green") if one.reachable else ("not reachable", "red")


def _state(one: KnownEndpoint) -> tuple[str, str]:
    if one.closing is not None:
        return ("ended" if one.closing.new_name is None else f"now {one.closing.new_name}"), ""
    if one.configured:
        return ("served", "") if one.served_now_by else ("not served now", "yellow")
    return ("served elsewhere" if one.served_now_by else "gone"), "yellow"
