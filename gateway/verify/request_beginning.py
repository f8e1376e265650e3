"""What the first octets of a request show without a parse: its SOAP version, its operation, and where its Header is.

For requests as nearly all clients write them: an Envelope, perhaps a Header, a Body and in it an element, tags written
in ASCII. Whatever is written otherwise is left to the parser. Why the octets cannot say another thing than the parser:

a. A `<` begins a tag, for up to the operation there are neither comments, CDATA sections, instructions (but the XML
   declaration) nor a DOCTYPE, and no attribute value has one in it (XML 1.0, 2.4, 3.1).
b. Of the elements before the Body only one is called as the Envelope's Header, and it is the Envelope's first child. So
   the end tag of that name is its own, and what follows it is the Envelope's next child.
c. Envelope, Header and Body have one prefix, declared at the Envelope and not again at the other two. That of the
   operation is declared at itself, at the Body or at the Envelope, the nearest counts (Namespaces in XML, 6.1).
d. No reference and no white space is in a value that is used, so that it is as it is written.
e. UTF-16 has zeros between the octets of a tag; all the other encodings that a policy may admit write it as ASCII does.
"""

import re
from functools import lru_cache
from typing import Final, NamedTuple

from gateway.verify.printable_text import shown_operation
from gateway.verify.xml_names import SOAP_NAMESPACES

_LONGEST: Final = 64 * 1024
"""Octets up to the Header's end, and from there to the operation, that are looked at: the event loop does this."""
_SHORT: Final = 4096
"""Octets of tags of which is remembered what they say: a megabyte in all."""
_NAME: Final = rb"[A-Za-z_][\w.\-]*+"
# Every quantifier is possessive: what does not match is found out in one pass.
_ATTRIBUTES: Final = (
    rb"((?:[ \t\r\n]++" + _NAME + rb"(?::" + _NAME + rb")?+=(?:\"[^\"<&]*+\"|'[^'<&]*+'))*+)[ \t\r\n]*+"
)
_ENVELOPE: Final = re.compile(
    rb"(?:<\?xml[ \t\r\n][^?<>]*+\?>)?+[ \t\r\n]*+<((?:"
    + _NAME
    + rb":)?+)Envelope"
    + _ATTRIBUTES
    + rb">[ \t\r\n]*+(?:<\1Header"
    + _ATTRIBUTES
    + rb"(/?+)>)?+"
)
_BODY: Final = re.compile(
    rb"[ \t\r\n]*+<((?:"
    + _NAME
    + rb":)?+)Body"
    + _ATTRIBUTES
    + rb">[ \t\r\n]*+<((?:"
    + _NAME
    + rb":)?+)("
    + _NAME
    + rb")"
    + _ATTRIBUTES
    + rb"/?+>"
)
_ATTRIBUTE: Final = re.compile(rb"([\w.\-:]+)=(?:\"([^\"]*)\"|'([^']*)')")
_PLAIN: Final = re.compile(rb"[!-~]+")
_VERSIONS: Final = {namespace.encode(): version for version, namespace in SOAP_NAMESPACES.items()}


class Beginning(NamedTuple):
    """What is known of a request by its beginning."""

    soap_version: str
    """`1.1` or `1.2`."""
    operation: str | None
    """The Body's first child in Clark notation, as a verdict says it."""
    header: tuple[int, int]
    """Where the header blocks begin and end."""


def beginning_of(body: bytes) -> Beginning | None:
    """The beginning of the request `body`; None where its octets leave a doubt, or its Body has no element.

    Of a request that is not well-formed further on, or too large to be read, it says what its beginning asks for.
    """
    envelope = _ENVELOPE.match(body, 0, _LONGEST)
    if envelope is None:
        return None
    prefix, declared, of_header, is_empty = envelope.groups()
    start = end = position = envelope.end()
    if of_header is not None and not is_empty:
        tag = b"</" + prefix + b"Header>"
        end = body.find(tag, start, start + _LONGEST)
        if (
            end < 0
            or body.find(b"<" + prefix + b"Header", start, end) >= 0
            or body.find(b"<!", start, end) >= 0
            or body.find(b"<?", start, end) >= 0
        ):
            return None
        position = end + len(tag)
    inside = _BODY.match(body, position, position + _LONGEST)
    if inside is None:
        return None
    words = prefix, declared, of_header, *inside.groups()
    # A client writes the same tags time and again; what a stranger writes otherwise each time fills no memory.
    read = _remembered if inside.end() - position + envelope.end() <= _SHORT else _read
    found = read(*words)
    return None if found is None else Beginning(*found, (start, end))


def _read(
    prefix: bytes,
    declared: bytes,
    of_header: bytes | None,
    again: bytes,
    of_body: bytes,
    its_prefix: bytes,
    name: bytes,
    its_own: bytes,
) -> tuple[str, str | None] | None:
    """Version and operation from the tags: prefix and attributes of the Envelope, attributes of the Header, prefix and
    attributes of the Body, prefix, name and attributes of the operation.
    """
    declaration = _declaration(prefix)
    version = _VERSIONS.get(_value(declared, declaration) or b"")
    if (
        version is None
        or again != prefix
        or declaration in of_body
        or (of_header is not None and declaration in of_header)
    ):
        return None
    declaration = _declaration(its_prefix)
    namespace = _value(its_own, declaration)
    if namespace is None:
        namespace = _value(of_body, declaration)
    if namespace is None:
        namespace = _value(declared, declaration)
    if namespace and _PLAIN.fullmatch(namespace):
        operation = f"{{{namespace.decode()}}}{name.decode()}"
    elif namespace or its_prefix:
        return None  # such as a prefix that nobody declares, which the parser refuses
    else:
        operation = name.decode()
    return version, shown_operation(operation)


_remembered: Final = lru_cache(maxsize=256)(_read)


def _declaration(prefix: bytes) -> bytes:
    """What declares `prefix`, which ends with a colon or is empty."""
    return b"xmlns:" + prefix[:-1] + b"=" if prefix else b"xmlns="


def _value(attributes: bytes, declaration: bytes) -> bytes | None:
    """The namespace that `declaration` gives; None where it is not among `attributes`."""
    if declaration not in attributes:
        return None
    for found, value, otherwise in _ATTRIBUTE.findall(attributes):
        if found + b"=" == declaration:
            return bytes(value or otherwise)
    return None
