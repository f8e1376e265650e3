"""The language in which people say which records they mean: `key:acme-2024 op:Quote outcome:rejected since:2h`.

Terms of the form `name:value`, parted by white space; a value with white space in it stands in quotes, as in a shell.
A record has to fit every name; of several terms of one name it has to fit one.
"""

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from difflib import get_close_matches
from functools import partial
from typing import Any, Final

from gateway.ledger.errors import FilterUnreadable
from gateway.ledger.read.stored_records import RecordFilter
from gateway.present import read_instant_or_age
from gateway.verify import Reason
from gateway.vocabulary import MessageKind, Mode, RecordedOutcome

MOST_TERMS: Final = 64

_Read = Callable[[str, datetime], Any]


@dataclass(frozen=True, slots=True)
class FilterName:
    """A name that a term may begin with."""

    field: str
    """Of `RecordFilter`."""
    meaning: str
    """For people."""
    read: _Read
    several: bool = True
    """Whether it may stand more than once."""


def _text(value: str, _now: datetime) -> str:
    return value


def _word(words: Sequence[str], value: str, _now: datetime) -> str:
    if value.lower() in words:
        return value.lower()
    close = get_close_matches(value.lower(), words, 1)
    meant = f", did you mean {close[0]}?" if close else "."
    raise ValueError(f"{value!r} is none of {', '.join(words)}{meant}")


def _status(value: str, _now: datetime) -> int:
    if not (value.isascii() and value.isdigit() and len(value) == 3):
        raise ValueError(f"{value!r} is no HTTP status: write three digits, such as 500.")
    return int(value)


def _yes_or_no(value: str, now: datetime) -> bool:
    return _word(("yes", "no"), value, now) == "yes"


def _one_of(words: Sequence[str]) -> _Read:
    return partial(_word, [str(word) for word in words])


FILTER_NAMES: Final[Mapping[str, FilterName]] = {
    "endpoint": FilterName("endpoint", "the endpoint", _text),
    "op": FilterName("operation", "the operation: {namespace}name, or the name alone", _text),
    "key": FilterName("key", "a key that signed it: an alias, a thumbprint or a key id", _text),
    "server": FilterName("server", "the server that answered", _text),
    "outcome": FilterName("outcome", ", ".join(RecordedOutcome), _one_of(list(RecordedOutcome))),
    "reason": FilterName("reason", "why it was rejected, such as unknown-key", _one_of(list(Reason))),
    "mode": FilterName("mode", ", ".join(Mode), _one_of(list(Mode))),
    "kind": FilterName("kind", ", ".join(MessageKind), _one_of(list(MessageKind))),
    "status": FilterName("status", "the receiver's HTTP status", _status),
    "released": FilterName("released", "yes or no: whether it was let through", _yes_or_no, several=False),
    "message": FilterName("message_id", "its wsa:MessageID, or the one that it answers", _text),
    "instance": FilterName("instance", "the gateway that wrote it", _text),
    "since": FilterName(
        "since", "an instant in RFC 3339, or an age such as 2h; included", read_instant_or_age, several=False
    ),
    "until": FilterName("until", "the same; left out itself", read_instant_or_age, several=False),
}
"""Every name, with what its value is."""


def parse_filter(
    texts: Sequence[str], now: datetime, *, beside: RecordFilter | None = None, names: Sequence[str] | None = None
) -> RecordFilter:
    """Read the terms of `texts`.

    Args:
        texts: One text or several; each may hold several terms.
        now: What ages are counted back from.
        beside: What was asked for already by other means; a name that says it again is an error.
        names: Those that may be used; None admits all of them.

    Raises:
        FilterUnreadable: Something in it is no term; the error is a sentence that says what to write.
    """
    base = beside or RecordFilter()
    admitted = list(FILTER_NAMES) if names is None else list(names)
    found: dict[str, list[Any]] = {}
    terms = [term for text in texts for term in _terms(text)]
    if len(terms) > MOST_TERMS:
        raise FilterUnreadable(f"the filter has {len(terms)} terms; {MOST_TERMS} are the most")
    for term in terms:
        name, known = _name(term, admitted)
        if getattr(base, known.field) is not None:
            raise FilterUnreadable(f"{term!r}: {name} is said by an option already; leave one of them out")
        value = term.partition(":")[2]
        if not value:
            raise FilterUnreadable(f"{term!r} names nothing: write {name}:VALUE, {known.meaning}")
        try:
            found.setdefault(known.field, []).append(known.read(value, now))
        except ValueError as error:
            raise FilterUnreadable(f"{term!r}: {str(error).rstrip('.')}") from error
        if len(found[known.field]) > 1 and not known.several:
            raise FilterUnreadable(f"{term!r}: {name} can be given once only")
    fields: dict[str, Any] = {
        field: values[0] if len(values) == 1 else tuple(values) for field, values in found.items()
    }
    wanted = replace(base, **fields)
    if wanted.since is not None and wanted.until is not None and wanted.since >= wanted.until:
        raise FilterUnreadable("nothing lies between since and until: until must be later than since")
    return wanted


def _terms(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise FilterUnreadable(f"{text!r}: a quote is opened and not closed") from error


def _name(term: str, admitted: Sequence[str]) -> tuple[str, FilterName]:
    name, colon, _ = term.partition(":")
    name = name.lower()
    if colon and name in admitted:
        return name, FILTER_NAMES[name]
    if colon and name in FILTER_NAMES:
        raise FilterUnreadable(f"{term!r}: {name} cannot be asked for here, where counts are kept; {_listed(admitted)}")
    meant = _meant(term if not colon else name, admitted, is_name=bool(colon))
    raise FilterUnreadable(f"{term!r} is no term of a filter{meant}; {_listed(admitted)}")


def _listed(admitted: Sequence[str]) -> str:
    return f"write name:value with one of the names {', '.join(admitted)}"


def _meant(word: str, admitted: Sequence[str], *, is_name: bool) -> str:
    """The term that somebody probably meant."""
    if is_name:
        close = get_close_matches({"operation": "op", "alias": "key"}.get(word, word), admitted, 1)
        return f", did you mean {close[0]}:...?" if close else ""
    for name in ("outcome", "reason"):
        words: Sequence[str] = list(RecordedOutcome) if name == "outcome" else list(Reason)
        if word.lower() in words and name in admitted:
            return f", did you mean {name}:{word.lower()}?"
    return ""
