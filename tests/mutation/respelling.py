"""Other spellings of an element that canonicalization erases: whatever is drawn, the canonical form is the same.

What our rules refuse on purpose is left out: comments and sections beside text, instructions (threat rule 13).
"""

import random
import re
from typing import Final

from tests.mutation.scanning import Node

_ATTRIBUTE: Final = re.compile(r"\s([^\s=]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")
_CHARACTER: Final = re.compile(r"&[^;]*;|.", re.DOTALL)
_SPACES: Final = (" ", "\n", "\t", "  ", "\r\n ")


def respelled(text: str, node: Node, draw: random.Random) -> str:
    """The element `node` of `text`, spelled otherwise."""
    attributes = [(m[1], m[2] if m[2] is not None else m[3]) for m in _ATTRIBUTE.finditer(_inside(text, node))]
    if draw.random() < 0.3:
        # A declaration that says again what is in scope, of the element's own prefix.
        prefix = node.name.rpartition(":")[0]
        uri = node.namespaces.get(prefix)
        if prefix not in node.declared and uri is not None and not re.search("[&<\"']", uri):
            attributes.append((f"xmlns:{prefix}" if prefix else "xmlns", uri))
    draw.shuffle(attributes)
    written = "".join(
        f"{draw.choice(_SPACES)}{name}{_gap(draw)}={_gap(draw)}{_quoted(value, draw)}" for name, value in attributes
    )
    start, end = f"<{node.name}{written}{_gap(draw)}", f"</{node.name}{_gap(draw)}>"
    inside = _content(text, node, draw)
    if not inside and draw.random() < 0.5:
        return f"{start}/>"
    return f"{start}>{inside}{end}"


def _inside(text: str, node: Node) -> str:
    return text[node.start + 1 + len(node.name) : node.inner - (2 if node.empty else 1)]


def _gap(draw: random.Random) -> str:
    return draw.choice(_SPACES) if draw.random() < 0.2 else ""


def _quoted(value: str, draw: random.Random) -> str:
    spelled = _by_number(value, draw)
    quote = "'" if '"' in spelled or ("'" not in spelled and draw.random() < 0.5) else '"'
    return f"{quote}{spelled}{quote}"


def _by_number(text: str, draw: random.Random) -> str:
    """Some letters and digits as character references."""

    def spell(found: re.Match[str]) -> str:
        character = found[0]
        if len(character) > 1 or not character.isalnum() or draw.random() > 0.1:
            return character
        return draw.choice(("&#{0};", "&#x{0:x};", "&#x{0:X};", "&#00{0};")).format(ord(character))

    return _CHARACTER.sub(spell, text)


def _content(text: str, node: Node, draw: random.Random) -> str:
    if node.empty:
        return ""
    pieces, position = [], node.inner
    for child in node.children:
        pieces += [_text(text[position : child.start], draw), respelled(text, child, draw)]
        position = child.end
    last = text[position : node.outer]
    if not node.children and last.strip() and not re.search("[&<\r]", last) and draw.random() < 0.2:
        return f"<![CDATA[{last}]]>"
    return "".join([*pieces, _text(last, draw)])


def _text(text: str, draw: random.Random) -> str:
    return text if "<" in text else _by_number(text, draw)
