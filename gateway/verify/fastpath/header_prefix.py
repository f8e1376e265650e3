"""The header prefix of a message, from its first octet to the end of the Body's start tag, cut at its values.

It is how a template begins to be made of a message that was accepted (`template_making`).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from lxml import etree

from gateway.verify.xml_names import (
    BINARY_SECURITY_TOKEN,
    DIGEST_VALUE,
    ID_NAMES,
    SIGNATURE_CONFIRMATION,
    SIGNATURE_VALUE,
)

MAX_PREFIX: Final = 16_384
"""Octets of a header prefix that is kept: a few certificates and a dozen references."""
MAX_TAGS: Final = 256
"""Elements in it."""
MAX_VALUES: Final = 128
"""Values in it: each is looked for in every message, and takes memory. Anybody may add header blocks to a message."""

# Attribute values in double quotes without character references: a prefix that is written otherwise is not kept.
_TAG: Final = re.compile(
    rb"<(?P<end>/?)[A-Za-z_][\w.\-]*(?::[A-Za-z_][\w.\-]*)?"
    rb"(?P<attributes>(?:[ \t\r\n]+[\w.\-:]+=\"[^\"<&]*\")*)[ \t\r\n]*(?P<empty>/?)>(?P<text>[^<&]*)"
)
_ATTRIBUTE: Final = re.compile(rb"([\w.\-:]+)=\"([^\"]*)\"")
_DECLARATION: Final = re.compile(rb"(?:<\?xml[ \t\r\n][^?<>]*\?>[ \t\r\n]*)?")
_ID_NAMES: Final = frozenset(name.encode() for name in ID_NAMES)


class Differs(Exception):  # noqa: N818 - no error: the whole procedure decides
    """Something is not as it was in the message that a template was made from."""


Path = tuple[int, ...]
"""The way from the root element down, by positions among the children."""
BODY: Final[Path] = (1,)
"""Where the Body is in an Envelope with a Header and without comments."""


@dataclass(frozen=True, slots=True)
class Value:
    """Octets of a header prefix that another message of the same template may have others for."""

    path: Path
    """Of the element that has it."""
    attribute: bytes
    """The name of the attribute, as it is written; empty where the value is the element's text."""
    start: int
    end: int

    @property
    def is_id(self) -> bool:
        """Whether the attribute is one that some stack takes for an id."""
        return self.attribute.rpartition(b":")[2] in _ID_NAMES

    @property
    def is_fragment(self) -> bool:
        """Whether it is the id in a same-document URI."""
        return self.attribute == b"URI"


@dataclass(frozen=True, slots=True)
class StartTag:
    """One element of a header prefix, in octets."""

    path: Path
    start: int
    """Where its start tag begins."""
    attributes: tuple[tuple[bytes, int, int], ...]
    """The name of each, and where its value begins and ends."""
    text: tuple[int, int]
    """Where the text of an element without children begins and ends; nothing for other elements."""


@dataclass(frozen=True, slots=True)
class CutPrefix:
    """A header prefix, cut."""

    values: tuple[Value, ...]
    paths: frozenset[Path]
    """Of every element that begins in it."""
    envelope_end: int
    """Where the start tag of the root element ends."""
    body_start: int
    """Where that of the Body begins."""
    end: int
    """Where it ends, and with it the prefix."""

    def find(self, path: Path, attribute: bytes = b"") -> int | None:
        """The position among the values of that attribute, or text, of the element at `path`."""
        for position, value in enumerate(self.values):
            if value.path == path and value.attribute == attribute:
                return position
        return None


def cut_prefix(text: bytes, root: etree._Element, body: Path, signature: Path) -> CutPrefix | None:
    """The header prefix of the document `text`, whose Body is at `body` and whose Signature at `signature`.

    None where it is too long, or holds anything but plain tags and plain text.
    """
    tags = start_tags(text, body)
    if tags is None:
        return None
    # In document order, as the tags are: there are neither comments nor instructions.
    elements = zip(tags, root.iter(), strict=False)
    values = [value for tag, element in elements for value in _values(tag, text, element, signature)]
    if len(values) > MAX_VALUES:
        return None
    return CutPrefix(
        tuple(values),
        frozenset(tag.path for tag in tags),
        envelope_end=tags[0].text[0],
        body_start=tags[-1].start,
        end=tags[-1].text[0],
    )


def element_at(root: etree._Element, path: Iterable[int]) -> etree._Element:
    """The element at `path`."""
    element = root
    for position in path:
        element = element[position]
    return element


def path_to(element: etree._Element) -> Path:
    """The path of `element`."""
    steps = []
    parent = element.getparent()
    while parent is not None:
        steps.append(parent.index(element))
        element, parent = parent, parent.getparent()
    return tuple(reversed(steps))


def start_tags(text: bytes, body: Path) -> list[StartTag] | None:
    """The start tags of the document `text`, in order, up to that of the element at `body`."""
    declaration = _DECLARATION.match(text)
    position = declaration.end() if declaration is not None else 0
    tags: list[StartTag] = []
    open_elements: list[tuple[Path, int]] = []
    """The path of each, and how many children it has had so far."""
    started: re.Match[bytes] | None = None
    while len(tags) < MAX_TAGS:
        tag = _TAG.match(text, position, MAX_PREFIX)
        if tag is None:
            return None
        position = tag.end()
        if tag["end"]:
            if not open_elements:
                return None
            open_elements.pop()
            if started is not None:
                tags[-1] = replace(tags[-1], text=started.span("text"))
            started = None
            continue
        path: Path = ()
        if open_elements:
            parent, children = open_elements[-1]
            open_elements[-1] = parent, children + 1
            path = (*parent, children)
        attributes = tuple((found[1], *found.span(2)) for found in _ATTRIBUTE.finditer(text, *tag.span("attributes")))
        tags.append(StartTag(path, tag.start(), attributes, (tag.start("text"), tag.start("text"))))
        if path == body:
            return None if tag["empty"] else tags
        started = None if tag["empty"] else tag
        if not tag["empty"]:
            open_elements.append((path, 0))
    return None


def _values(tag: StartTag, text: bytes, element: etree._Element, signature: Path) -> list[Value]:
    values = []
    signed = tag.path[: len(signature)] == signature
    for name, start, end in tag.attributes:
        value = Value(tag.path, name, start, end)
        if name == b"xmlns" or name.startswith(b"xmlns:"):
            continue
        if value.is_id or (name == b"Value" and element.tag == SIGNATURE_CONFIRMATION):
            values.append(value)
        elif signed and value.is_fragment and text.startswith(b"#", start):
            values.append(Value(tag.path, name, start + 1, end))
    start, end = tag.text
    # What a KeyInfo and a token say stays as it is: it names the key, and each key has templates of its own.
    varies = element.tag in {DIGEST_VALUE, SIGNATURE_VALUE} if signed else element.tag != BINARY_SECURITY_TOKEN
    if varies and text[start:end].strip():
        values.append(Value(tag.path, b"", start, end))
    return values
