"""No rule at all: elements moved, copied and renamed at random, and bytes changed at random, from a seed."""

import random
from collections.abc import Iterator
from functools import partial
from typing import Final

from gateway.verify import Reason
from tests.mutation.mutant import Fate, Mutant, Rule
from tests.mutation.scanning import Node, end_tag, portable, scan, start_tag
from tests.mutation.source import Source

ROUNDS: Final = 400
PIECES: Final = (b"<a>", b"</a>", b"<!--", b"-->", b"]]>", b"<![CDATA[", b"<?x ?>", b"&#0;", b"&lt;", b"'", b'"', b"=")


def surgery(source: Source) -> Iterator[Mutant]:
    """Up to four operations on elements chosen at random."""
    for seed in range(ROUNDS):
        yield Mutant(f"surgery {seed}", partial(operated, source, seed), Fate.EITHER)


def operated(source: Source, seed: int) -> bytes:
    """The message after operations that follow from `seed`."""
    draw = random.Random(f"{source.id} {seed}")  # noqa: S311 - the same mutants every time, no secrets
    text = source.text
    for _ in range(draw.randint(1, 4)):
        text = draw.choice(OPERATIONS)(text, draw)
    return source.encoded(text)


def _elements(text: str) -> list[Node]:
    return list(scan(text).walk())


def _move(text: str, draw: random.Random) -> str:
    nodes = _elements(text)
    one, other = draw.choice(nodes), draw.choice(nodes)
    if one.parent is None or other is one or one in other.ancestors() or other.empty:
        return text
    gap = draw.choice(list(other.gaps()))
    moved = portable(text, one)
    if gap <= one.start:
        return text[:gap] + moved + text[gap : one.start] + text[one.end :]
    return text[: one.start] + text[one.end : gap] + moved + text[gap:]


def _copy(text: str, draw: random.Random) -> str:
    nodes = _elements(text)
    one, other = draw.choice(nodes), draw.choice(nodes)
    gaps = list(other.gaps())
    if not gaps or one is other or one in other.ancestors():
        return text
    gap = draw.choice(gaps)
    return text[:gap] + portable(text, one) + text[gap:]


def _remove(text: str, draw: random.Random) -> str:
    one = draw.choice(_elements(text))
    return text if one.parent is None else text[: one.start] + text[one.end :]


def _rename(text: str, draw: random.Random) -> str:
    nodes = _elements(text)
    one, other = draw.choice(nodes), draw.choice(nodes)
    prefix = other.name.rpartition(":")[0]
    if prefix and one.namespaces.get(prefix) != other.namespaces.get(prefix):
        return text
    tag = "<" + other.name + start_tag(text, one)[1 + len(one.name) :]
    return text[: one.start] + tag + text[one.inner : one.outer] + end_tag(other) + text[one.end :]


def _exchange_ids(text: str, draw: random.Random) -> str:
    named = [node for node in _elements(text) if node.ids]
    if len(named) < 2:
        return text
    one, other = draw.sample(named, 2)
    if one.start > other.start:
        one, other = other, one
    first = text[one.start : one.inner].replace(f'"{one.ids[0]}"', f'"{other.ids[0]}"')
    second = text[other.start : other.inner].replace(f'"{other.ids[0]}"', f'"{one.ids[0]}"')
    if one.inner > other.start:
        return text
    return text[: one.start] + first + text[one.inner : other.start] + second + text[other.inner :]


OPERATIONS: Final = (_move, _copy, _remove, _rename, _exchange_ids)


def octets(source: Source) -> Iterator[Mutant]:
    """Bytes flipped, cut, doubled, turned round and overwritten."""
    for seed in range(ROUNDS):
        yield Mutant(f"octets {seed}", partial(garbled, source, seed), Fate.EITHER)


def garbled(source: Source, seed: int) -> bytes:
    """The message after changes of its bytes that follow from `seed`."""
    draw = random.Random(f"{source.id} octets {seed}")  # noqa: S311 - the same mutants every time, no secrets
    message = bytearray(source.case.message)
    for _ in range(draw.randint(1, 3)):
        start = draw.randrange(len(message))
        end = min(len(message), start + draw.randint(1, 12))
        match draw.randrange(5):
            case 0:
                message[start] ^= 1 << draw.randrange(8)
            case 1:
                del message[start:end]
            case 2:
                message[start:start] = message[start:end]
            case 3:
                message[start:end] = message[start:end][::-1]
            case _:
                message[start:end] = draw.choice(PIECES)
        if not message:
            break
    return bytes(message)


RULES: Final = (
    Rule("random surgery", surgery, frozenset(Reason), share=2),
    Rule("random octets", octets, frozenset(Reason), share=2),
)
