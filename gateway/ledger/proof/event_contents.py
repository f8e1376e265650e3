"""Whether an event holds what one of its kind holds: nothing that reads events later needs to doubt it."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from gateway.ledger.event import Event, EventKind, event_hash
from gateway.ledger.hours import hour_of

_HASH: Final = re.compile(r"[0-9a-f]{64}")
_USE_NAMES: Final = 8
_KIND_NAMES: Final = 5

Check = Callable[[Any], bool]


def content_fault(kind: str, content: Mapping[str, Any]) -> str | None:
    """What is wrong with the content of an event of this kind, in half a sentence; None where nothing is."""
    checks = _CHECKS.get(kind)
    if checks is None:
        return f"it is of the kind {kind!r}, which is never written"
    for name, check in checks.items():
        if name not in content:
            if name in _NOT_TOLD_BY_ALL:
                continue
            return f"it does not tell {name}"
        if not check(content[name]):
            return f"what it tells of {name} was never written by this program"
    return None


def checked_event(row: Mapping[Any, Any]) -> Event | None:
    """The event in a row of the table, where it fits its hash and holds what one of its kind holds."""
    try:
        event = Event.of_row(row)
        fits = event_hash(event.previous_hash, row) == event.hash
    except (ValueError, TypeError, KeyError):
        return None  # never written by this program
    return event if fits and content_fault(event.kind, event.content) is None else None


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _is_hash(value: Any) -> bool:
    return isinstance(value, str) and _HASH.fullmatch(value) is not None


def _is_place(value: Any) -> bool:
    """Where the chains of another writer end."""
    checks = (_is_text, _is_count, _is_hash, _is_count, _is_hash)
    return _is_row(value, checks)


def _is_kept(value: Any) -> bool:
    return _is_row(value, (_is_count, _is_hash))


def _is_span(value: Any) -> bool:
    return _is_row(value, (_is_count, _is_count)) and value[0] <= value[1]


def _is_row(value: Any, checks: tuple[Check, ...]) -> bool:
    return (
        isinstance(value, list)
        and len(value) == len(checks)
        and all(check(one) for check, one in zip(checks, value, strict=True))
    )


def _list_of(check: Check) -> Check:
    return lambda value: isinstance(value, list) and all(map(check, value))


def _by_name(check: Check) -> Check:
    return lambda value: isinstance(value, dict) and all(map(check, value.values()))


def _is_use(value: Any, *, least: int = 1) -> bool:
    if not isinstance(value, list) or len(value) != _USE_NAMES + 4:
        return False
    signed = value[-1]
    return (
        all(map(_is_text, value[:_USE_NAMES]))
        and _is_counted(value[_USE_NAMES:-1], least)
        and (signed is None or type(signed) is int)
    )


def _is_traffic(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == _KIND_NAMES + 4
        and all(map(_is_text, value[:_KIND_NAMES]))
        and isinstance(value[_KIND_NAMES], bool)
        and _is_counted(value[_KIND_NAMES + 1 :])
    )


def _is_counted(value: list[Any], least: int = 1) -> bool:
    """Whether these are a number of messages, the first and the last, all within one hour."""
    messages, first, last = value
    return all(map(_is_count, value)) and messages >= least and first <= last and hour_of(first) == hour_of(last)


def _is_endpoint_state(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("serving"), bool)
        and isinstance(value.get("reachable"), bool | None)
        and (value.get("since") is None or _is_count(value["since"]))
    )


def _is_configured_endpoint(value: Any) -> bool:
    return isinstance(value, dict) and ("retention" not in value or _is_count(value["retention"]))


def _is_earlier(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and type(value.get("until")) is int
        and _is_count(value.get("closed"))
        and _is_hash(value.get("traffic"))
        and _is_hash(value.get("key_usage"))
    )


def _is_histories(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() >= {"keystore", "renewals"} and all(map(_is_kept, value.values()))


def _is_checkpoint(value: Any) -> bool:
    return _is_row(value, (_is_text, _is_count, _is_hash, _is_count))


_NOT_TOLD_BY_ALL: Final = frozenset({"pruned", "earlier", "histories"})
"""The first two by the first event of all, the last one since there are statements."""
_COUNTS: Final[Mapping[str, Check]] = {"uses": _list_of(_is_use), "traffic": _list_of(_is_traffic)}
_ENDED: Final[Mapping[str, Check]] = {"endpoint": _is_text, "reason": _is_text, "who": _is_text}
_CHECKS: Final[Mapping[str, Mapping[str, Check]]] = {
    EventKind.STARTED: {
        "instance": _is_text,
        "public_key": _is_text,
        "heads": _list_of(_is_place),
        "pruned": _list_of(_is_checkpoint),
        "earlier": _is_earlier,
        "histories": _is_histories,
    },
    EventKind.CONFIGURATION: {"endpoints": _by_name(_is_configured_endpoint)},
    EventKind.HEARTBEAT: {"seconds": _is_count, "endpoints": _by_name(_is_endpoint_state), **_COUNTS},
    EventKind.SEALED: {
        "from": _is_count,
        "until": _is_count,
        "watched": _by_name(_list_of(_is_span)),
        **_COUNTS,
        "kept": _list_of(_is_kept),
        "sealed": _is_count,
        "sealed_hash": _is_hash,
        "heads": _list_of(_is_place),
        "histories": _is_histories,
    },
    EventKind.PRUNED: {
        "writer": _is_text,
        "sequence": _is_count,
        "hash": _is_hash,
        "time": _is_count,
        "at": _is_count,
        "after": _is_count,
        **_COUNTS,
    },
    EventKind.RECOVERED: {"what": _is_text, "expected": _list_of(lambda _: True), "found": _list_of(lambda _: True)},
    EventKind.UNRECORDED: {"uses": _list_of(lambda value: _is_use(value, least=0))},
    EventKind.ENDED: _ENDED,
    EventKind.RENAMED: {**_ENDED, "new_name": _is_text},
    EventKind.STOPPED: {},
}
