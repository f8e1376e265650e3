"""How often "switched" would be said too early: renewals in which one of the receiver's servers is forgotten.

`python -m bench.switching` prints the table that the constants of the rule were chosen by (see
`gateway.renewal.cutover.switch_rule`). In each renewal the receiver's servers go to the new key one after the other,
all but one, which goes on signing with the old key for half a year or for `_MOST_OLD` of its messages. The real
judgement is asked at each moment at which it could say "switched" for the first time: after the last new-key message
before each old-key one. Said once, it was said too early. Nothing was seen before: how long the old key's pauses are
has to be learned on the way. The roll-ups tell pauses as the ledger does, by the first and last instants of hours.

Deterministic: the same seed gives the same table.
"""

import argparse
import math
import random
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import product
from typing import Final

from rich.console import Console
from rich.table import Table

from gateway.ledger import Role, Succession, UsageRow
from gateway.renewal import Cell, CellState, CellUsage, Goal, SwitchCriteria, judge_cell
from gateway.vocabulary import RecordedOutcome
from keystore import KeyId, Thumbprint

SHARES: Final = (0.01, 0.02, 0.05, 0.1, 0.25, 0.5)
"""What the forgotten server gets of the messages."""
SERVERS: Final = (1, 2, 4, 8)
RATES: Final = {
    "1 a day": 1 / 86_400,
    "1 an hour": 1 / 3600,
    "1 in 10 min": 1 / 600,
    "1 a minute": 1 / 60,
    "1 in 10 s": 0.1,
    "1 a second": 1.0,
    "10 a second": 10.0,
    "100 a second": 100.0,
}
BOUND: Final = 0.01
_DAY: Final = 86_400.0
_LAG: Final = 180 * _DAY
_MOST_OLD: Final = 200
"""Later pauses find the longest one known so well that they do not matter any more (see the rule's docstring)."""
_BURST: Final = 50
_STAGING: Final = 300
"""Messages within which the other servers switch, at the most a tenth of the time."""
_START: Final = datetime(2026, 6, 1, tzinfo=UTC)
_OLD, _NEW = KeyId("a" * 64), KeyId("b" * 64)
_THUMBPRINTS: Final = {_OLD: Thumbprint("1" * 64), _NEW: Thumbprint("2" * 64)}
_GOAL: Final = Goal((), (), (), (), frozenset({_NEW}), frozenset({_OLD}), frozenset({_OLD, _NEW}))


class Steady:
    """Messages at any time, independently of each other."""

    def __init__(self, rate: float, chance: random.Random) -> None:
        self._rate, self._chance, self.time = rate, chance, 0.0

    def advance(self, messages: int) -> None:
        """Go on to the message after so many."""
        self.time += self._chance.gammavariate(messages, 1 / self._rate)


class Bursts:
    """Bursts at any time, and silence between them."""

    def __init__(self, rate: float, chance: random.Random) -> None:
        self._every, self._chance, self._place, self.time = _BURST / rate, chance, 0, 0.0

    def advance(self, messages: int) -> None:
        """Go on to the message after so many."""
        bursts, self._place = divmod(self._place + messages, _BURST)
        if bursts:
            self.time += self._chance.gammavariate(bursts, self._every)
        self.time += min(messages, self._place) * 0.001


class Nightly:
    """One job a night that takes an hour."""

    def __init__(self, rate: float, _chance: random.Random) -> None:
        self._each, self._sent, self.time = max(1, round(rate * _DAY)), 0, 0.0

    def advance(self, messages: int) -> None:
        """Go on to the message after so many."""
        self._sent += messages
        night, place = divmod(self._sent, self._each)
        self.time = night * _DAY + 3600 * place / self._each


class Even:
    """One message after the other, day and night."""

    def __init__(self, rate: float, _chance: random.Random) -> None:
        self._rate, self.time = rate, 0.0

    def advance(self, messages: int) -> None:
        """Go on to the message after so many."""
        self.time += messages / self._rate


Traffic = Steady | Bursts | Nightly | Even
TRAFFIC: Final[Mapping[str, Callable[[float, random.Random], Traffic]]] = {
    "steady": Steady,
    "bursts": Bursts,
    "nightly": Nightly,
    "even": Even,
}


class RandomTurns:
    """Each message goes to any server, by its share."""

    def __init__(self, _rate: float, chance: random.Random) -> None:
        self._chance = chance

    def until_old(self, share: float) -> int:
        """How many new-key messages come before the next old-key one."""
        return int(math.log(1 - self._chance.random()) / math.log(1 - share)) if share < 1 else 0


class RoundRobin:
    """Each server in its turn, weighted by its share."""

    def __init__(self, _rate: float, chance: random.Random) -> None:
        self._due = chance.random()

    def until_old(self, share: float) -> int:
        """How many new-key messages come before the next old-key one."""
        turns = max(1, math.ceil((1 - self._due) / share))
        self._due += turns * share - 1
        return turns - 1


class OneServerPerBurst:
    """Who comes next is drawn once for each burst: a balancer that leaves a connection where it is."""

    def __init__(self, _rate: float, chance: random.Random) -> None:
        self._chance, self._left = chance, 0

    def until_old(self, share: float) -> int:
        """How many new-key messages come before the next old-key one."""
        if self._left:
            self._left -= 1
            return 0
        self._left = _BURST - 1
        return _BURST * int(math.log(1 - self._chance.random()) / math.log(1 - share))


class OneJobANight:
    """The forgotten server does nothing but one job a night, which nobody else does."""

    def __init__(self, rate: float, _chance: random.Random) -> None:
        self._a_day, self._left = rate * _DAY, 0

    def until_old(self, share: float) -> int:
        """How many new-key messages come before the next old-key one."""
        if self._left:
            self._left -= 1
            return 0
        self._left = max(1, round(self._a_day * share)) - 1
        return max(0, round(self._a_day) - self._left - 1)


Balancing = RandomTurns | RoundRobin | OneServerPerBurst | OneJobANight
BALANCING: Final[Mapping[str, Callable[[float, random.Random], Balancing]]] = {
    "random": RandomTurns,
    "round robin": RoundRobin,
    "one server a burst": OneServerPerBurst,
    "one job a night": OneJobANight,
}


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of renewal."""

    traffic: str
    balancing: str
    rate: str
    servers: int
    share: float

    def run(self, number: int, criteria: SwitchCriteria, seed: int) -> bool:
        """Play the renewal of that number; tell whether "switched" was said too early."""
        chance = random.Random(f"{seed} {self} {number}")  # noqa: S311 - chances, no secrets
        rate = RATES[self.rate]
        traffic, balancing = TRAFFIC[self.traffic](rate, chance), BALANCING[self.balancing](rate, chance)
        staging = min(_LAG / 10, _STAGING / rate)
        others = sorted(chance.uniform(0, staging) for _ in range(self.servers - 2))
        watched = _Watched(criteria)
        for _ in range(_MOST_OLD + _STAGING * (self.servers > 2)):
            while others and others[0] <= traffic.time:
                others.pop(0)
            late = len(others) / (self.servers - 1) if self.servers > 1 else 1
            new = balancing.until_old(self.share + (1 - self.share) * late)
            if watched.go_on(new, traffic):
                return True
            if traffic.time > _LAG:
                break
        return False


class _Watched:
    """What the ledger counts of one cell, and what is said of it."""

    def __init__(self, criteria: SwitchCriteria) -> None:
        self._criteria = criteria
        # The last message before the first server switched.
        self._first_old, self._last_old, self._longest = -1.0, -1.0, 0.0
        self._first_new: float | None = None
        self._new = self._old = 0

    def go_on(self, new: int, traffic: Traffic) -> bool:
        """Count so many new-key messages, and the old-key one after them; whether "switched" is said before that."""
        left = new + 1
        if new and self._first_new is None:
            traffic.advance(1)
            self._first_new, left = traffic.time, new
        self._new += new
        if new >= self._criteria.fewest_messages:  # by fewer nothing is switched: the judgement need not be asked
            if left > 1:
                traffic.advance(left - 1)
            if self._judged(new, traffic.time).state is CellState.SWITCHED:
                return True
            left = 1
        traffic.advance(left)
        self._old_at(traffic.time)
        return False

    def _old_at(self, time: float) -> None:
        """As the roll-ups have it: pauses from hour to hour."""
        if time // 3600 != self._last_old // 3600 and self._first_new is not None:
            self._longest = max(self._longest, time - self._last_old)
        self._last_old = time
        self._old += self._first_new is not None

    def _judged(self, since: int, last_new: float) -> Cell:
        assert self._first_new is not None
        new = _row(_NEW, self._new, self._first_new, last_new, 0)
        rows = [new, _row(_OLD, self._old + 1, self._first_old, self._last_old, self._longest)]
        together = rows if self._old else rows[:1]
        usage = CellUsage(endpoint="orders", operation="Get", rows=rows, shown=rows, together=together)
        after_first = self._first_new

        def count(thumbprints: Sequence[Thumbprint], after: datetime, _roles: Collection[Role]) -> Succession:
            from_first = after < _at(after_first)
            if _THUMBPRINTS[_OLD] in thumbprints:
                return Succession(self._old, None, exact=True)
            return Succession(self._new if from_first else since, None, exact=True)

        return judge_cell(usage, _GOAL, _START, count, self._criteria)


def _row(key: KeyId, messages: int, first: float, last: float, longest: float) -> UsageRow:
    return UsageRow(
        endpoint="orders",
        operation="Get",
        server="",
        alias=key[:1],
        key_id=key,
        thumbprint=_THUMBPRINTS[key],
        role=Role.NEEDED,
        outcome=RecordedOutcome.ACCEPTED,
        messages=messages,
        share=1.0,
        first_seen=_at(first),
        last_seen=_at(last),
        last_signed=None,
        longest_gap=timedelta(seconds=longest),
    )


def _at(seconds: float) -> datetime:
    return _START + timedelta(seconds=seconds)


def wrong(case: Case, runs: int, criteria: SwitchCriteria, seed: int = 1) -> float:
    """In what share of so many renewals "switched" was said too early."""
    return sum(case.run(number, criteria, seed) for number in range(runs)) / runs


def main() -> None:
    """Print the table, and what it does not cover."""
    parser = argparse.ArgumentParser(prog="python -m bench.switching", description=__doc__)
    parser.add_argument("--runs", type=int, default=2000, help="renewals of each kind (a tenth where chances are slim)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=1)
    arguments = parser.parse_args()
    console, criteria = Console(width=140), SwitchCriteria()
    with ProcessPoolExecutor(arguments.processes) as pool:
        worst = _print_promised(console, criteria, pool, arguments.runs, arguments.seed)
        _print_beyond(console, pool, arguments.runs // 10, arguments.seed)
    console.print(f"too early in {_percent(worst)} at the most, bound {_percent(BOUND)}: {_met(worst)}")


def _print_promised(console: Console, criteria: SwitchCriteria, pool: Executor, runs: int, seed: int) -> float:
    kinds = list(product(("steady", "bursts", "nightly"), ("random", "round robin"), RATES))
    cases = [Case(*kind, servers, share) for kind in kinds for share in SHARES for servers in SERVERS]
    found = dict(zip(cases, pool.map(partial(_asked, runs, criteria, seed), cases, chunksize=4), strict=True))
    table = Table(title='"Switched" said too early, worst of 1 to 8 servers, by the share of the one that lags behind')
    for heading in ("traffic", "balancing", "rate", "takes at least", *(f"{share:.0%}" for share in SHARES)):
        table.add_column(heading, justify="left" if heading in {"traffic", "balancing"} else "right")
    for traffic, balancing, rate in kinds:
        figures = [max(found[Case(traffic, balancing, rate, n, share)] for n in SERVERS) for share in SHARES]
        takes = max(criteria.quiet_time, timedelta(seconds=criteria.fewest_messages / RATES[rate]))
        table.add_row(traffic, balancing, rate, f"{takes / timedelta(hours=1):,.0f} h", *map(_percent, figures))
    console.print(table)
    return max(found.values())


def _print_beyond(console: Console, pool: Executor, runs: int, seed: int) -> None:
    """What the rule cannot know by itself, and what helps."""
    hour, half = SwitchCriteria(), SwitchCriteria(smallest_share=0.25)
    day = SwitchCriteria(quiet_time=timedelta(hours=25))
    listed = [
        *((Case("even", "one job a night", "1 a minute", 2, s), c) for s in (0.01, 0.1, 0.5) for c in (hour, day)),
        *((Case("bursts", "one server a burst", "1 a minute", 2, s), hour) for s in (0.01, 0.1, 0.25, 0.5)),
        *((Case("steady", "random", "1 a minute", 2, s), hour) for s in (0.005, 0.002)),
        *((Case("steady", "random", "1 in 10 min", 2, s), half) for s in (0.5, 0.25, 0.1, 0.05)),
    ]
    asked = [(case, runs, criteria, seed) for case, criteria in listed]
    figures = list(pool.map(wrong, *zip(*asked, strict=True)))
    table = Table(title="Beyond what is promised")
    for heading in ("traffic", "balancing", "rate", "share", "quiet time", "smallest share", "too early"):
        table.add_column(heading)
    for (case, given), figure in zip(listed, figures, strict=True):
        limits = f"{given.quiet_time / timedelta(hours=1):.0f} h", f"{given.smallest_share:.0%}"
        table.add_row(case.traffic, case.balancing, case.rate, f"{case.share:.1%}", *limits, _percent(figure))
    console.print(table)


def _asked(runs: int, criteria: SwitchCriteria, seed: int, case: Case) -> float:
    # Above 2 % the chance that 800 messages in a row are new is less than one in 10^17; in turns nothing is left to it.
    slim = case.share > 2 * criteria.smallest_share or case.balancing == "round robin"
    return wrong(case, max(1, runs // 10) if slim else runs, criteria, seed)


def _percent(share: float) -> str:
    return f"{share:.2%}" if share else "0"


def _met(worst: float) -> str:
    return "met" if worst < BOUND else "NOT MET"


if __name__ == "__main__":
    main()
