"""What is wrong with a file that is no TOML, with the key where that is a key that stands twice.

tomllib says "Cannot overwrite a value (at line 7, column 20)", of which not everybody sees that line 7 repeats line 3.
"""

import re
from collections.abc import Iterator
from tomllib import TOMLDecodeError
from typing import Final

_REPEATED_KEY: Final = re.compile(r"Cannot overwrite a value \(at line (\d+), column \d+\)")
_REPEATED_TABLE: Final = re.compile(r"Cannot declare \(.*\) twice \(at line (\d+), column \d+\)", re.DOTALL)
_TABLE: Final = re.compile(r"\s*\[\s*([^\[\]]+?)\s*\]\s*(?:#.*)?")
_KEY: Final = re.compile(r"""\s*((?:[A-Za-z0-9_.-]|"[^"]*"|'[^']*')+)\s*=.*""")


def toml_problem(error: TOMLDecodeError, text: str) -> str:
    """What is wrong with `text`, for the end of a sentence."""
    said = str(error)
    for pattern, kind in ((_REPEATED_TABLE, "table"), (_REPEATED_KEY, "key")):
        found = pattern.fullmatch(said)
        if found is None:
            continue
        places = _places(text, int(found[1]), kind)
        line, name = places[-1] if places else (0, "")
        first = next((number for number, other in places[:-1] if other == name), None)
        if first is not None:
            return f"line {line}: the {kind} {name} stands twice, first on line {first}; keep one of the two"
    return f"is no TOML: {said}"


def _places(text: str, until: int, kind: str) -> list[tuple[int, str]]:
    """Where tables, or keys, stand up to the line `until`: line and full name of each."""
    return [(line, name) for line, found, name in _names(text, until) if found == kind]


def _names(text: str, until: int) -> Iterator[tuple[int, str, str]]:
    """Line, kind and full name of whatever looks like a table or a key: a guess, since the text is no TOML."""
    table = ""
    for number, line in enumerate(text.split("\n")[:until], start=1):
        header, key = _TABLE.fullmatch(line.rstrip("\r")), _KEY.fullmatch(line.rstrip("\r"))
        if header is not None:
            table = _plain(header[1])
            yield number, "table", f"[{table}]"
        elif key is not None:
            name = _plain(key[1])
            yield number, "key", f"{table}.{name}" if table else name


def _plain(name: str) -> str:
    """A name without the quotes and blanks that may stand in it: it means the same."""
    return re.sub(r"[\s\"']", "", name)
