"""Verification of multipart messages beside WSS4J, on the same bytes: those that other stacks signed.

Processor time, as everywhere: a message is taken apart, parsed and verified, its attachments included.
"""

from collections.abc import Mapping
from contextlib import ExitStack
from datetime import datetime
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from bench.measuring import Call, Contestant, Timing, compare
from bench.targets import Target
from bench.verification.wss4j import Wss4jMissing, Wss4jMultipart
from fixtures.interop.multipart.cases import MultipartCase, multipart_cases
from fixtures.manifest import FOLDER, entry
from gateway.attachments import open_body, what_leaves
from gateway.verify import Policy, Verdict, Verifier
from keystore import TrustSnapshot

MESSAGES: Final[Mapping[str, str]] = {
    "SwA, 5 KB": "wss4j/content-more",
    "SwA, 1 MB": "wss4j/content-large",
    "MTOM, 5 KB": "cxf/mtom-more",
    "MTOM, 1 MB": "cxf/mtom-large",
}
"""An attachment of that size: signed for itself, or included by the signed Body. Nothing but the Body is signed beside,
for WSS4J judges a Timestamp by the present time."""
OURS: Final = "wssgate"
RELEASED: Final = "wssgate, and what leaves"
"""With what is made for the client: a multipart message written anew, or the plain one."""
WSS4J: Final = "WSS4J 4"
MOST_OF_WSS4J: Final = 1.0
"""Of its time, for each message."""


def run(console: Console) -> dict[str, Any]:
    """Measure every message, print a table, return the figures."""
    results: dict[str, dict[str, Timing]] = {}
    with ExitStack() as stack:
        running = _java(console, stack)
        for name in MESSAGES:
            contestants: dict[str, Contestant | Call] = {OURS: wssgate(name), RELEASED: wssgate(name, released=True)}
            if running is not None:
                contestants[WSS4J] = contestant(running, name)
            results[name] = compare(contestants)
    console.print(_table(results))
    targets = [
        Target(f"{name}: time of {WSS4J}", timings[OURS].ratio_to(timings[WSS4J]), MOST_OF_WSS4J, unit="x")
        for name, timings in results.items()
        if WSS4J in timings
    ]
    for target in targets:
        target.show(console)
    return {
        "messages": {name: _figures(timings) for name, timings in results.items()},
        "targets": [target.figures for target in targets],
    }


def wssgate(name: str, *, released: bool = False) -> Call:
    """A `Verifier` with the message `name` of `MESSAGES`, from its octets; where it is to be `released`, what leaves is
    made too."""
    case = message(name)
    policy = Policy.model_validate(case.policy)
    trust, verifier, at = TrustSnapshot.of(entry("old")), Verifier(policy), datetime.fromisoformat(case.at)
    content_type, body = " ".join(case.content_type.split()), case.body

    def call() -> Verdict:
        opened = open_body(body, content_type, policy)
        verdict = verifier.verify(
            opened.message, trust, at, content_type=opened.content_type, attachments=opened.attachments
        )
        if not verdict.accepted:
            raise AssertionError(verdict.detail)
        if released:
            what_leaves(opened, verdict, policy)
        return verdict

    return call


def message(name: str) -> MultipartCase:
    """The message `name` of `MESSAGES`."""
    return next(case for case in multipart_cases() if case.id == MESSAGES[name])


def java() -> Wss4jMultipart:
    """WSS4J that trusts the signer of all of them; it is started by `with`."""
    return Wss4jMultipart(FOLDER / "keys" / "old.pem")


def contestant(running: Wss4jMultipart, name: str) -> Contestant:
    """WSS4J, warm with the message `name`."""
    case = message(name)
    running.load_multipart(case.content_type, case.body)
    return running


def _java(console: Console, stack: ExitStack) -> Wss4jMultipart | None:
    try:
        return stack.enter_context(java())
    except Wss4jMissing as missing:
        console.print(str(missing))
        return None


def _table(results: Mapping[str, Mapping[str, Timing]]) -> Table:
    table = Table(title="Multipart messages: processor time, median and quartiles", title_justify="left")
    for column in ("message", "verifier"):
        table.add_column(column, no_wrap=True)
    for column in ("µs", "quartiles", f"x {WSS4J}"):
        table.add_column(column, justify="right", no_wrap=True)
    for name, timings in results.items():
        for verifier, timing in timings.items():
            table.add_row(
                name,
                verifier,
                f"{timing.microseconds:,.0f}",
                "{:,.0f} - {:,.0f}".format(*timing.spread),
                f"{timing.ratio_to(timings[WSS4J]):.2f}" if WSS4J in timings else "",
            )
    return table


def _figures(timings: Mapping[str, Timing]) -> dict[str, Any]:
    return {
        verifier: {
            "microseconds": timing.microseconds,
            "quartiles": timing.spread,
            "ratio_to_wss4j": timing.ratio_to(timings[WSS4J]) if WSS4J in timings else None,
        }
        for verifier, timing in timings.items()
    }
