"""What further trusted keys cost: from one to a thousand, with a hint that is right and without any.

The unit for a further key is a bare check that fails, under the same keys: the library raises an exception then, which
costs more than a check that succeeds, and a thousand keys do not fit into the caches as one does.
"""

from collections.abc import Mapping
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from bench.measuring import Call, Timing, compare
from bench.targets import Target
from bench.verification.crowd import strangers
from bench.verification.floor import failing_checks
from bench.verification.messages import AT, SIZES, signed_message
from bench.verification.verifiers import wssgate
from fixtures.manifest import entry
from gateway.verify import Policy, verify
from keystore import TrustSnapshot

COUNTS: Final = (1, 2, 10, 100, 1_000)
HINTED: Final = "right hint"
BLIND: Final = "no hint"
FAILING: Final = "failing checks alone"
MOST_OF_FAILING: Final = 1.1
"""Of their time, for as many further keys: what is not arithmetic is at most a tenth."""
MOST_WITH_HINT: Final = 1.1
"""Of the time with one key, for a thousand."""


def run(console: Console) -> dict[str, Any]:
    """Measure, print a table, return the figures."""
    size = SIZES["5 KB"]
    signer = entry("old")
    crowd = strangers(max(COUNTS) - 1)
    hinted, blind = signed_message(size), signed_message(size, hint=False)
    calls: dict[str, Call] = {FAILING: failing_checks(blind, crowd)}
    for count in COUNTS:
        # The signer comes last: an order that helps nobody who goes by it.
        trusted = (*crowd[: count - 1], signer)
        calls[_name(count, HINTED)] = wssgate(hinted, *trusted)
        calls[_name(count, BLIND)] = wssgate(blind, *trusted)
    timings = compare(calls)
    console.print(_table(timings))
    targets = _targets(timings, _checks_without_hint(blind, TrustSnapshot.of(*crowd, signer)))
    for target in targets:
        target.show(console)
    return {
        "microseconds": {name: timing.microseconds for name, timing in timings.items()},
        "targets": [target.figures for target in targets],
    }


def _name(count: int, how: str) -> str:
    return f"{count:,} keys, {how}"


def _table(timings: Mapping[str, Timing]) -> Table:
    table = Table(title="Trusted keys, message of 5 KB: processor time, median and quartiles", title_justify="left")
    table.add_column("keys", justify="right")
    for how in (HINTED, BLIND):
        for column in (f"{how}, µs", "quartiles", "x 1 key"):
            table.add_column(column, justify="right", no_wrap=True)
    for count in COUNTS:
        cells = [f"{count:,}"]
        for how in (HINTED, BLIND):
            timing = timings[_name(count, how)]
            cells += [
                f"{timing.microseconds:,.0f}",
                "{:,.0f} - {:,.0f}".format(*timing.spread),
                f"{timing.ratio_to(timings[_name(1, how)]):.2f}",
            ]
        table.add_row(*cells)
    return table


def _checks_without_hint(message: bytes, trust: TrustSnapshot) -> int:
    """How many keys a message that names none is checked under."""
    verdict = verify(message, trust, Policy(), AT)
    return len(verdict.signatures[0].checks)


def _targets(timings: Mapping[str, Timing], checks: int) -> list[Target]:
    most = max(COUNTS)
    hinted = timings[_name(most, HINTED)].ratio_to(timings[_name(1, HINTED)])
    added = timings[_name(most, BLIND)].difference_to(timings[_name(1, BLIND)])
    alone = timings[FAILING].microseconds
    return [
        Target(f"{most:,} keys with a right hint: time of one key", hinted, MOST_WITH_HINT, unit="x"),
        Target(f"{most:,} keys without a hint: signature checks for each further key", (checks - 1) / (most - 1), 1.0),
        Target(
            f"{most:,} keys without a hint: time of the further ones, in bare checks under them ("
            f"{alone / (most - 1):.1f} µs each)",
            added / alone,
            MOST_OF_FAILING,
            unit="x",
        ),
    ]
