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

CHAIN_START: Final = "0" * 64
"""What the first link of a chain has as the hash of the one before it."""

Content = Mapping[Any, Any]
"""What a link holds, by name: texts, integers, finite numbers, truth values, None, and lists of such contents."""


def link_hash(previous: str, content: Content, left_out: Set[str] = frozenset()) -> str:
    """The hash of a link of this `content`, without what `left_out` names, that follows one of the hash `previous`.

    Raises:
        ValueError: `previous` is no hash, or a value is of no type that links have.
        TypeError: `previous` is no text.
    """
    return hashlib.sha256(bytes.fromhex(previous) + canonical(content, left_out)).hexdigest()


def canonical(content: Content, left_out: Set[str] = frozenset()) -> bytes:
    """The one spelling of a content that is hashed, without what `left_out` names.

    Most contents are the rows of a table, with the same names time and again: a template is filled in, for an encoder
    of all of JSON takes twice as long, on every record of the gateway.

    Raises:
        ValueError: A value is of no type that links have, or a number that JSON does not know.
    """
    return _spelled(content, left_out).encode("ascii")


def _spelled(content: Content, left_out: Set[str] = frozenset()) -> str:
    template, names = _template(tuple(content), frozenset(left_out))
    spelled = [
        encode_basestring_ascii(value) if type(value) is str else value if type(value) is int else _other(value)
        for value in [content[name] for name in names]
    ]
    return template % tuple(spelled)


@lru_cache(maxsize=64)
def _template(names: tuple[str, ...], left_out: frozenset[str]) -> tuple[str, tuple[str, ...]]:
    """Where the values go, and in which order; `names` are those of columns, in which nothing is escaped."""
    kept = tuple(sorted(set(names) - left_out))
    return "{" + ",".join(f'"{name}":%s' for name in kept) + "}", kept


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
