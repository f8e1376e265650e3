"""What records add to the counts, by hour: uses of keys, and messages by what became of them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from gateway.ledger.hours import hour_of
from gateway.ledger.uses import Uses

MOST_NAMES: Final = 100
"""Operations of one endpoint beyond which a name from a rejected message is not counted by itself any more: services
have some tens."""
MOST_ACCEPTED_NAMES: Final = 1000
"""The same for one from an accepted message, and the names that clients make up of requests that receivers answer."""

TRAFFIC: Final = ("endpoint", "operation", "kind", "outcome", "reason", "released")
Kind = tuple[str, str, str, str, str, bool]
"""The columns of `TRAFFIC`."""
HourlyKind = tuple[str, str, str, str, str, bool, int]


class Traffic:
    """Messages by endpoint, operation, kind, outcome, reason, release and hour: how many, the first, the last."""

    __slots__ = ("counts",)

    def __init__(self, counts: dict[HourlyKind, list[int]] | None = None) -> None:
        """Start from `counts`."""
        self.counts = counts if counts is not None else {}

    def count_row(self, row: Mapping[Any, Any], operation: str, instant: int) -> None:
        """Count a record of `instant`, by the ledger's clock, under the name that its operation is counted by."""
        kind = (row["endpoint"], operation, row["kind"], row["outcome"], row["reason"], bool(row["released"]))
        self.add(kind, 1, instant, instant)

    def add(self, kind: Kind, messages: int, first: int, last: int) -> None:
        """Add what was counted elsewhere, all of it within one hour."""
        key = (*kind, hour_of(first))
        found = self.counts.get(key)
        if found is None:
            self.counts[key] = [messages, first, last]
            return
        found[0] += messages
        if first < found[1]:
            found[1] = first
        if last > found[2]:
            found[2] = last

    def merge(self, other: "Traffic") -> None:
        """Add all of `other`."""
        for key, (messages, first, last) in other.counts.items():
            self.add(key[:-1], messages, first, last)

    def rows(self) -> list[list[Any]]:
        """The counts as an event holds them, in a fixed order: a row for each hour, which its instants tell."""
        return [[*key[:-1], *count] for key, count in sorted(self.counts.items())]

    @classmethod
    def of_rows(cls, rows: Iterable[Sequence[Any]]) -> "Traffic":
        """The counts that an event holds."""
        traffic = cls()
        for row in rows:
            endpoint, operation, kind, outcome, reason, released, messages, first, last = row
            traffic.add((endpoint, operation, kind, outcome, reason, released), messages, first, last)
        return traffic


class Counts:
    """Both counts of the same records."""

    __slots__ = ("traffic", "uses")

    def __init__(self, uses: Uses | None = None, traffic: Traffic | None = None) -> None:
        """Start from `uses` and `traffic`."""
        self.uses = Uses() if uses is None else uses
        self.traffic = Traffic() if traffic is None else traffic

    def merge(self, other: "Counts") -> "Counts":
        """Add all of `other`, and give what came out."""
        self.uses.merge(other.uses)
        self.traffic.merge(other.traffic)
        return self

    def copy(self) -> "Counts":
        """The same counts, to go on with."""
        traffic = {key: list(count) for key, count in self.traffic.counts.items()}
        return Counts(self.uses.copy(), Traffic(traffic))

    def content(self) -> dict[str, list[list[Any]]]:
        """As an event holds them."""
        return {"uses": self.uses.rows(), "traffic": self.traffic.rows()}

    @classmethod
    def of_content(cls, content: Mapping[str, Any]) -> "Counts":
        """The counts that an event holds."""
        return cls(Uses.of_rows(content["uses"]), Traffic.of_rows(content["traffic"]))
