"""Where the elements of a message stand in its text, so that a mutation leaves every other character as it is.

A tree would do for reading. Written out again it would change quotes, sections and declarations, and with them what is
shown: an attacker edits bytes.
"""

import html
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

_TOKENS: Final = re.compile(
    r"<!\[CDATA\[.*?\]\]>|<!--.*?-->|<\?.*?\?>"
    r"|</(?P<end>[^\s>]+)\s*>"
    r"|<(?P<start>[^\s/>!?]+)(?P<attributes>(?:[^<>\"']|\"[^\"]*\"|'[^']*')*?)(?P<empty>/?)>",
    re.DOTALL,
)
_ATTRIBUTE: Final = re.compile(r"\s(?P<name>[^\s=]+)\s*=\s*(?P<value>\"[^\"]*\"|'[^']*')")
_ID_NAMES: Final = frozenset({"Id", "ID", "id", "iD", "AssertionID"})

Edit = tuple[int, int, str]
"""Start, end, and what stands there afterwards."""


@dataclass(slots=True, eq=False)
class Node:
    """One element: its names, and its offsets in the text."""

    name: str
    """As written, with its prefix."""
    namespaces: Mapping[str, str]
    """In scope; the empty prefix is the default namespace."""
    declared: frozenset[str]
    """The prefixes that its own start tag declares."""
    attributes: Mapping[str, str]
    """By the name as written; namespace declarations left out."""
    start: int
    inner: int
    """Behind the start tag."""
    outer: int
    """Before the end tag; where the element is written as empty, the same as `inner`."""
    end: int
    empty: bool
    parent: "Node | None"
    children: list["Node"] = field(default_factory=list)

    @property
    def local(self) -> str:
        """The name without its prefix."""
        return self.name.rpartition(":")[2]

    @property
    def tag(self) -> str:
        """The name in Clark notation."""
        namespace = self.namespaces.get(self.name.rpartition(":")[0], "")
        return f"{{{namespace}}}{self.local}" if namespace else self.local

    @property
    def ids(self) -> tuple[str, ...]:
        """Values of whatever some stack takes for an id."""
        return tuple(value for name, value in self.attributes.items() if name.rpartition(":")[2] in _ID_NAMES)

    def walk(self) -> Iterator["Node"]:
        """The element and everything below it, in document order."""
        yield self
        for child in self.children:
            yield from child.walk()

    def ancestors(self) -> Iterator["Node"]:
        """Its parent, and so on."""
        node = self.parent
        while node is not None:
            yield node
            node = node.parent

    def child(self, tag: str) -> "Node | None":
        """The first child of that tag."""
        return next((child for child in self.children if child.tag == tag), None)

    def gaps(self) -> Iterator[int]:
        """Every offset at which an element could be put among the children."""
        if not self.empty:
            yield self.inner
            yield from (child.end for child in self.children)


def scan(text: str) -> Node:
    """The root element of `text`, which is well-formed and has no document type declaration."""
    root: Node | None = None
    open_nodes: list[Node] = []
    for token in _TOKENS.finditer(text):
        if token["end"] is not None:
            node = open_nodes.pop()
            assert node.name == token["end"]
            node.outer, node.end = token.start(), token.end()
        elif token["start"] is not None:
            node = _opened(token, open_nodes[-1] if open_nodes else None)
            if node.parent is None:
                root = node
            else:
                node.parent.children.append(node)
            if not node.empty:
                open_nodes.append(node)
    assert root is not None
    assert not open_nodes
    return root


def _opened(token: re.Match[str], parent: Node | None) -> Node:
    written = {m["name"]: html.unescape(m["value"][1:-1]) for m in _ATTRIBUTE.finditer(token["attributes"])}
    declared = {
        name.partition(":")[2]: value for name, value in written.items() if name == "xmlns" or name.startswith("xmlns:")
    }
    return Node(
        name=token["start"],
        namespaces={**(parent.namespaces if parent else {}), **declared},
        declared=frozenset(declared),
        attributes={n: v for n, v in written.items() if n != "xmlns" and not n.startswith("xmlns:")},
        start=token.start(),
        inner=token.end(),
        outer=token.end(),
        end=token.end(),
        empty=token["empty"] == "/",
        parent=parent,
    )


def edited(text: str, edits: Iterable[Edit]) -> str:
    """`text` after `edits`, which do not overlap; insertions at one offset keep their order."""
    pieces: list[str] = []
    position = 0
    for start, end, new in sorted(edits, key=lambda edit: (edit[0], edit[1])):
        assert position <= start <= end, "the edits overlap"
        pieces += [text[position:start], new]
        position = end
    return "".join([*pieces, text[position:]])


def start_tag(text: str, node: Node) -> str:
    """The start tag of `node`, never in the form of an empty element."""
    written = text[node.start : node.inner]
    return written[:-2].rstrip() + ">" if node.empty else written


def end_tag(node: Node) -> str:
    """The end tag of `node`."""
    return f"</{node.name}>"


def content(text: str, node: Node) -> str:
    """What stands between the tags."""
    return text[node.inner : node.outer]


def portable(text: str, node: Node) -> str:
    """The element, with the declarations it inherits in its start tag: it means the same wherever it is put."""
    tag = start_tag(text, node)
    inherited = "".join(
        f' xmlns{":" if prefix else ""}{prefix}="{html.escape(uri)}"'
        for prefix, uri in node.namespaces.items()
        if prefix not in node.declared and (uri or not prefix)
    )
    name_end = 1 + len(node.name)
    return tag[:name_end] + inherited + tag[name_end:] + content(text, node) + end_tag(node)


def without_ids(tag: str) -> str:
    """A start tag without any id."""
    return _ATTRIBUTE.sub(
        lambda found: "" if found["name"].rpartition(":")[2] in _ID_NAMES else found[0],
        tag,
    )


def with_attribute(tag: str, attribute: str) -> str:
    """A start tag (not an empty element) with `attribute` added."""
    return tag[:-1] + (" " + attribute if attribute else "") + ">"
