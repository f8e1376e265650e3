"""Documents drawn from a seed, dense with what canonicalization must get right; each element has an `Id`."""

import random
from dataclasses import dataclass, field
from typing import Final

_PREFIXES: Final = ("", "a", "b", "c")
_NAMESPACES: Final = ("urn:1", "urn:2", "urn:3")
_TEXTS: Final = (
    "x",
    " \n\t ",
    "a&#13;b",
    "&#9;&#10;",
    "&lt;&amp;&gt;]]&gt;",
    "\"quoted\" and 'quoted'",
    "<![CDATA[<raw>&amp;]]>",
    "é ä €",
    "\U0001f511 \U00010348",
    "a\r\nb",
)
_ELEMENTS: Final = ("e", "f", "größe", "豈", "\U00010000")
_ATTRIBUTES: Final = ("p", "q", "é", "豈", "\U00010000")
"""Names sort by code point: the last but one before the last, although in UTF-16 they sort the other way round."""
_NODES: Final = ("<!-- a comment -->", "<!---->", "<?target data?>", "<?target?>")
_VALUES: Final = ("", "v", "&quot;&lt;&amp;>", "a&#9;b&#10;c&#13;d", "two  spaces", "\U0001f511", "a\nb\tc", "'")
_XML_ATTRIBUTES: Final = {
    "lang": ("en", "de-AT", ""),
    "space": ("default", "preserve"),
    "base": (
        "http://host.example/folder/file",
        "http://host.example/other/",
        # No dot segments: libxml2 drops leading ones, against C14N 1.1, appendix A.
        "folder/",
        "file",
        "/rooted/file",
    ),
}
_MAX_DEPTH: Final = 7


@dataclass
class RandomDocument:
    """The text of a document, and how many elements have an `Id` from `i0`, the root, onwards."""

    seed: int
    mark: str = "@signature@"
    """Stands in the text, below the root, where a Signature may be put."""
    elements: int = 0
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311 - the same documents every time, no secrets

    def text(self) -> str:
        """The document; drawn once, from the seed."""
        return self._element({"": ""}, 0)

    def apexes(self, count: int) -> list[str]:
        """Ids of up to `count` elements below the root, at any depth; known once the text was drawn."""
        below = range(1, self.elements)
        return [f"i{number}" for number in self._random.sample(below, min(count, len(below)))]

    def prefix_list(self) -> str:
        """Up to four prefixes for an exclusive canonicalization."""
        return " ".join(self._random.sample(["#default", "a", "b", "c", "unknown"], self._random.randint(1, 4)))

    def _element(self, scope: dict[str, str], depth: int) -> str:
        draw = self._random
        declared: dict[str, str] = {}
        for prefix in _PREFIXES:
            if draw.random() < 0.25:
                declared[prefix] = draw.choice(_NAMESPACES)
        if draw.random() < 0.15:
            declared[""] = ""
        inside = scope | declared
        bound = [prefix for prefix in _PREFIXES if prefix in inside]
        name = _qualified(draw.choice(bound), draw.choice(_ELEMENTS))
        attributes = [f'xmlns{":" if prefix else ""}{prefix}="{uri}"' for prefix, uri in declared.items()]
        attributes += [f'Id="i{self.elements}"', *self._attributes(inside)]
        self.elements += 1
        draw.shuffle(attributes)
        content = self._content(inside, depth)
        start = f"<{name} {' '.join(attributes)}"
        return f"{start}/>" if not content else f"{start}>{content}</{name}>"

    def _attributes(self, scope: dict[str, str]) -> list[str]:
        draw = self._random
        named: dict[tuple[str, str], str] = {}
        for prefix in draw.choices([p for p in _PREFIXES if p in scope], k=draw.randint(0, 3)):
            local = draw.choice(_ATTRIBUTES)
            # Two prefixes may be bound to one namespace: an attribute stands once in it.
            named[scope[prefix] if prefix else "", local] = _qualified(prefix, local)
        written = [f'{name}="{draw.choice(_VALUES)}"' for name in named.values()]
        for name, values in _XML_ATTRIBUTES.items():
            if draw.random() < 0.2:
                written.append(f'xml:{name}="{draw.choice(values)}"')
        if draw.random() < 0.1:
            written.append(f'xml:id="x{self.elements}"')
        return written

    def _content(self, scope: dict[str, str], depth: int) -> str:
        draw = self._random
        parts: list[str] = [] if depth else [self.mark, self._element(scope, 1)]
        for _ in range(draw.randint(0, 4)):
            match draw.randrange(4):
                case 0:
                    parts.append(draw.choice(_TEXTS))
                case 1:
                    parts.append(draw.choice(_NODES))
                case _ if depth < _MAX_DEPTH:
                    parts.append(self._element(scope, depth + 1))
                case _:
                    pass
        return "".join(parts)


def _qualified(prefix: str, local: str) -> str:
    return f"{prefix}:{local}" if prefix else local
