"""The hash chain: each link has SHA-256 over the hash of the link before it and its own content.

An altered link no longer fits its hash, nor do the hashes of all later ones; a link that is gone from the middle leaves
the next one without what it follows. Links that are gone at the end are missed only by a head that is kept apart, and
against somebody who writes the whole chain anew it helps only together with a hash that was kept elsewhere.

What is hashed is JSON in ASCII (RFC 8259), names sorted, no white space: the history of the keystore and the ledger of
the gateway are chained alike. A published hash never changes, so neither does this spelling.
"""

import hashlib
import math
from collections.abc import Mapping, Set
from functools import lru_cache
from json.encoder import encode_basestring_ascii
from typing import Any, Final

import orjson

CHAIN_START: Final = "0" * 64
"""What the first link of a chain has as the hash of the one before it."""

Content = Mapping[Any, Any]
"""What a link holds, by name: texts, integers, finite numbers, truth values, None, and lists of such contents."""
_SIMPLE: Final = frozenset({str, int, float, bool, type(None)})


def link_hash(previous: str, content: Content, left_out: Set[str] = frozenset()) -> str:
    """The hash of a link of this `content`, without what `left_out` names, that follows one of the hash `previous`.

    Raises:
        ValueError: `previous` is no hash, or a value is of no type that links have.
        TypeError: `previous` is no text.
    """
    return hashlib.sha256(bytes.fromhex(previous) + canonical(content, left_out)).hexdigest()


def canonical(content: Content, left_out: Set[str] = frozenset()) -> bytes:
    """The one spelling of a content that is hashed, without what `left_out` names.

    Nearly all are rows of a table: texts in ASCII, numbers, truth values. Of those `orjson` writes the very same octets
    in half the time, on every record of the gateway; whatever it would write otherwise is spelled here.

    Raises:
        ValueError: A value is of no type that links have, or a number that JSON does not know.
    """
    members = dict(content)
    for name in left_out:
        members.pop(name, None)
    fractions = _fractions(tuple(members), tuple(map(type, members.values())))
    if fractions is not None and (written := _written(members, fractions)) is not None:
        return written
    return _spelled(content, left_out).encode("ascii")


def _written(members: dict[Any, Any], fractions: tuple[str, ...]) -> bytes | None:
    """The same by `orjson`; None where it would write something else, or nothing."""
    for name in fractions:
        # It has an exponent where Python has none (1e16), and the other way round.
        members[name] = orjson.Fragment(_other(members[name]))
    try:
        written = orjson.dumps(members, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        return None  # an integer of more than 64 bits, or half of a surrogate pair
    # It escapes neither what is beyond ASCII nor the last character of ASCII.
    return written if written.isascii() and b"\x7f" not in written else None


def _spelled(content: Content, left_out: Set[str] = frozenset()) -> str:
    names = sorted(set(content) - left_out)
    return "{" + ",".join([f'"{name}":{_spelled_value(content[name])}' for name in names]) + "}"


def _spelled_value(value: object) -> str:
    if type(value) is str:
        return encode_basestring_ascii(value)
    return str(value) if type(value) is int else _other(value)


@lru_cache(maxsize=256)
def _fractions(names: tuple[Any, ...], kinds: tuple[type, ...]) -> tuple[str, ...] | None:
    """Which members of these types are fractions; None where one is of a type that is spelled here, or its name is."""
    if not _SIMPLE.issuperset(kinds) or not all(map(_is_plain, names)):
        return None
    return tuple([name for name, kind in zip(names, kinds, strict=True) if kind is float])


def _is_plain(name: object) -> bool:
    """Whether it is written as it is: as the names of columns are."""
    return type(name) is str and name.isascii() and name.isidentifier()


def _other(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and math.isfinite(value):
        return repr(value)
    if isinstance(value, list) and all(isinstance(one, Mapping) for one in value):
        return "[" + ",".join(map(_spelled, value)) + "]"
    raise ValueError(f"{value!r} is no value of a link")
