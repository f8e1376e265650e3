"""Counts held against what they were counted from.

A message whose operation was not known when it came may be counted together with others of that sort
(`gateway.present.OTHER_OPERATIONS`), and nobody can tell afterwards when a name became known: a number that is missing
under their own name may stand there instead; of accepted messages only where the endpoint has no room for more names.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from gateway.ledger.counts import Counts
from gateway.present import OTHER_OPERATIONS
from gateway.vocabulary import RecordedOutcome

Count = Sequence[int | None]
"""Messages, first, last; of uses of keys also the latest instant of signing."""
ByOperation = Mapping[str, Count]

_OPERATION: Final = 1
_USE_OUTCOME: Final = 7
_TRAFFIC_OUTCOME: Final = 3


def disagreement(
    recorded: Counts, told: Counts, *, whole: bool, is_full: Callable[[str], bool] = lambda _: False
) -> str | None:
    """The first cell in which `told` does not say what `recorded` says, in half a sentence; None where there is none.

    Args:
        recorded: Counted from records.
        told: By an event.
        whole: All records were there to be counted; else only some of them: `told` may say more.
        is_full: Whether accepted messages of an endpoint may be counted together with others.
    """
    uses, traffic = (recorded.uses.counts, told.uses.counts), (recorded.traffic.counts, told.traffic.counts)
    return _disagreement(*uses, _USE_OUTCOME, use_name, is_full, whole=whole) or _disagreement(
        *traffic, _TRAFFIC_OUTCOME, traffic_name, is_full, whole=whole
    )


def _disagreement(
    recorded: Mapping[Any, Count],
    told: Mapping[Any, Count],
    outcome: int,
    name: Callable[[Sequence[Any]], str],
    is_full: Callable[[str], bool],
    *,
    whole: bool,
) -> str | None:
    if recorded == told:
        return None
    groups: dict[tuple[Any, ...], tuple[dict[str, Count], dict[str, Count]]] = {}
    for side, counts in enumerate((recorded, told)):
        for key, count in counts.items():
            group = (*key[:_OPERATION], *key[_OPERATION + 1 :])
            groups.setdefault(group, ({}, {}))[side][key[_OPERATION]] = count
    for group, (counted, said) in sorted(groups.items(), key=lambda pair: pair[0]):
        if counted == said:
            continue
        may_be_others = group[outcome - 1] != RecordedOutcome.ACCEPTED or is_full(group[0])
        found = disagreeing_operation(counted, said, may_be_others=may_be_others, whole=whole)
        if found is not None:
            cell = (*group[:_OPERATION], found, *group[_OPERATION:])
            return f"{name(cell)}: {count_words(said.get(found))}, and by the records {count_words(counted.get(found))}"
    return None


def disagreeing_operation(counted: ByOperation, said: ByOperation, *, may_be_others: bool, whole: bool) -> str | None:
    """The operation in which the counts of cells that differ in nothing else disagree; None where they agree.

    Args:
        counted: From records, under their own names as far as they are known.
        said: What is held against that.
        may_be_others: The messages were rejected, or there was no room for more names.
        whole: Else `said` may say more.
    """
    differing = [
        one for one in sorted({*counted, *said}) if tuple(counted.get(one, _NONE)) != tuple(said.get(one, _NONE))
    ]
    if not whole:
        differing = [one for one in differing if _messages(counted, one) > _messages(said, one)]
    if not differing or not may_be_others or OTHER_OPERATIONS not in said:
        return differing[0] if differing else None
    own = [one for one in differing if one != OTHER_OPERATIONS]
    missing = sum(_messages(counted, one) - _messages(said, one) for one in own)
    others = _messages(said, OTHER_OPERATIONS) - _messages(counted, OTHER_OPERATIONS)
    if any(_messages(counted, one) < _messages(said, one) for one in own):
        return next(one for one in own if _messages(counted, one) < _messages(said, one))
    if missing > others or (whole and (missing != others or _around(counted.values()) != _around(said.values()))):
        return differing[0]
    return None


_NONE: Final = (0,)


def _messages(counts: ByOperation, operation: str) -> int:
    return counts.get(operation, _NONE)[0] or 0


def _around(counts: Iterable[Count]) -> tuple[int | None, int | None, int | None]:
    """The first, the last and the latest signed of all."""
    found = [tuple(count) for count in counts]
    signed = [count[3] for count in found if len(count) > 3 and count[3] is not None]
    return (
        min((count[1] or 0 for count in found), default=None),
        max((count[2] or 0 for count in found), default=None),
        max(signed, default=None),
    )


def use_name(key: Sequence[Any]) -> str:
    """The cell of uses of a key, for a sentence."""
    endpoint, operation, server, thumbprint, _, alias, role, outcome, _ = key
    where = f" by {server}" if server else ""
    return f"uses of {alias} ({thumbprint[:8]}) in {endpoint} {operation or '-'}{where}, {role}, {outcome}"


def traffic_name(key: Sequence[Any]) -> str:
    """The cell of messages, for a sentence."""
    endpoint, operation, kind, outcome, reason, released, _ = key
    why = f" ({reason})" if reason else ""
    passed = "released" if released else "held back"
    return f"messages of {endpoint} {operation or '-'}, {kind}, {outcome}{why}, {passed}"


def count_words(count: Count | None) -> str:
    """A count, for a sentence."""
    if count is None:
        return "none"
    messages, first, last, *signed = count
    rest = f", signed until {signed[0]}" if signed and signed[0] is not None else ""
    return f"{messages} from {first} to {last}{rest}"
