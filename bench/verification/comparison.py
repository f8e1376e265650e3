"""Verification beside its peers on the same bytes, and beside the floor."""

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from bench.measuring import Call, Contestant, Timing, compare
from bench.targets import Target
from bench.verification.floor import CHECK, floor
from bench.verification.memory import ISOLATED, memory_of
from bench.verification.messages import SIZES, signed_message, with_other_tags
from bench.verification.verifiers import libxmlsec, signxml, wssgate, wssgate_anew, wssgate_in_turn, zeep
from bench.verification.wss4j import Wss4j, Wss4jMissing
from fixtures.manifest import FOLDER, entry

ONE_KEY: Final = "wssgate"
"""A `Verifier` that knows how its partner writes: the steady state of a gateway."""
TWO_KEYS: Final = "wssgate, 2 keys"
OTHER_TAGS: Final = "wssgate, other tags"
"""Each message with other tags in its Body than the ones before."""
ANEW: Final = "wssgate, anew"
"""By the whole procedure, with nothing remembered of other messages, as everybody else here."""
_MESSAGES: Final = 200
_MANY_UP_TO: Final = 100 * 1024
"""Octets of messages of which so many can be signed in a moment."""
XMLSEC: Final = "python-xmlsec"
WSS4J: Final = "WSS4J 4"
MOST_OF_XMLSEC: Final = 0.45
"""Of its time, at every size."""
MOST_OF_WSS4J: Final = {"5 KB": 0.55, "50 KB": 1.0, "1 MB": 1.0, "10 MB": 0.7}


def run(console: Console) -> dict[str, Any]:
    """Measure every size, print a table for each, return the figures."""
    results: dict[str, dict[str, Timing]] = {}
    memory: dict[str, dict[str, int]] = {}
    targets: list[Target] = []
    with ExitStack() as stack:
        java = _java(console, stack)
        for name, size in SIZES.items():
            message = signed_message(size)
            results[name] = timings = compare(_contestants(message, java))
            memory[name] = {verifier: memory_of(verifier, message) for verifier in ISOLATED}
            console.print(_table(name, len(message), timings, memory[name]))
            targets += _targets(name, timings)
            _show_added_key(console, name, timings)
        peak = None if java is None else java.memory_peak
    if peak is not None:
        console.print(
            f"The Java process came to {peak / 1e6:,.0f} MB of memory, with the settings that it has of itself."
        )
    for target in targets:
        target.show(console)
    return {
        "sizes": {name: _figures(timings, memory[name]) for name, timings in results.items()},
        "wss4j_memory_peak": peak,
        "targets": [target.figures for target in targets],
    }


def _java(console: Console, stack: ExitStack) -> Wss4j | None:
    try:
        return stack.enter_context(Wss4j(FOLDER / "keys" / "old.pem"))
    except Wss4jMissing as missing:
        console.print(str(missing))
        return None


def _contestants(message: bytes, java: Wss4j | None) -> Mapping[str, Contestant | Call]:
    signer = entry("old")
    found: dict[str, Contestant | Call] = {
        ONE_KEY: wssgate(message, signer),
        TWO_KEYS: wssgate(message, signer, entry("new")),
    }
    if len(message) <= _MANY_UP_TO:
        found[OTHER_TAGS] = wssgate_in_turn(with_other_tags(len(message), _MESSAGES), signer)
    found |= {
        ANEW: wssgate_anew(message, signer),
        XMLSEC: libxmlsec(message, signer),
        "zeep": zeep(message, signer),
        "signxml": signxml(message, signer),
        **floor(message, signer),
    }
    if java is not None:
        java.load(message)
        found[WSS4J] = java
    return found


def _targets(size: str, timings: Mapping[str, Timing]) -> list[Target]:
    targets = [
        Target(f"{size}: time of {XMLSEC}", timings[ONE_KEY].ratio_to(timings[XMLSEC]), MOST_OF_XMLSEC, unit="x")
    ]
    if WSS4J in timings:
        ratio = timings[ONE_KEY].ratio_to(timings[WSS4J])
        targets.append(Target(f"{size}: time of {WSS4J}", ratio, MOST_OF_WSS4J[size], unit="x"))
    return targets


def _show_added_key(console: Console, size: str, timings: Mapping[str, Timing]) -> None:
    added = timings[TWO_KEYS].difference_to(timings[ONE_KEY])
    console.print(
        f"{size}: a second trusted key adds {added:,.0f} µs; a bare signature check takes "
        f"{timings[CHECK].microseconds:,.0f} µs"
    )


def _table(name: str, size: int, timings: Mapping[str, Timing], memory: Mapping[str, int]) -> Table:
    table = Table(
        title=f"Verification of {name} ({size:,} bytes): processor time, median and quartiles", title_justify="left"
    )
    table.add_column("verifier", no_wrap=True)
    for column in ("µs", "quartiles", f"x {XMLSEC}", "quartiles", f"x {WSS4J}", "MB added"):
        table.add_column(column, justify="right", no_wrap=True)
    for verifier, timing in timings.items():
        xmlsec, wss4j = timings[XMLSEC], timings.get(WSS4J)
        table.add_row(
            verifier,
            f"{timing.microseconds:,.0f}",
            "{:,.0f} - {:,.0f}".format(*timing.spread),
            f"{timing.ratio_to(xmlsec):.2f}",
            "{:.2f} - {:.2f}".format(*timing.ratio_spread_to(xmlsec)),
            "" if wss4j is None else f"{timing.ratio_to(wss4j):.2f}",
            f"{memory[verifier] / 1e6:,.1f}" if verifier in memory else "",
        )
    return table


def _figures(timings: Mapping[str, Timing], memory: Mapping[str, int]) -> dict[str, Any]:
    return {
        verifier: {
            "microseconds": timing.microseconds,
            "quartiles": timing.spread,
            "ratio_to_xmlsec": timing.ratio_to(timings[XMLSEC]),
            "ratio_to_wss4j": timing.ratio_to(timings[WSS4J]) if WSS4J in timings else None,
            "memory_added": memory.get(verifier),
        }
        for verifier, timing in timings.items()
    }
