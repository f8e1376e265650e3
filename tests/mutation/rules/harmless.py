"""The control: changes that mean nothing. A verifier that rejects everything would pass all the other rules."""

import re
from collections.abc import Iterator
from typing import Final

from gateway.verify import Reason
from gateway.verify.xml_names import SOAP11, WSSE
from tests.mutation.mutant import Fate, Mutant, Rule
from tests.mutation.scanning import Node, start_tag
from tests.mutation.source import Source


def outside(source: Source) -> Iterator[Mutant]:
    """Whatever stands where nothing is signed and nobody looks."""
    root, header = source.envelope, source.header
    actor = "actor" if source.soap == SOAP11 else "role"
    free = header not in source.signed and root not in source.signed
    spaces = {
        "white space at the end": (root.end, root.end, "\r\n \t"),
        "a comment at the end": (root.end, root.end, "<!-- end -->"),
        "a comment before the Envelope": (root.start, root.start, "<!-- <!DOCTYPE x> -->"),
    }
    if free:
        foreign = f'<x:Security xmlns:x="{WSSE}" xmlns:y="{source.soap}" y:{actor}="urn:somebody"/>'
        spaces |= {
            "white space in the Header": (header.inner, header.inner, "\n  "),
            "a block": (header.outer, header.outer, '<x:block xmlns:x="urn:x" x:a="1">text</x:block>'),
            "a block with an id of its own": (header.inner, header.inner, '<x xmlns="" Id="nobody-else-has-it"/>'),
            "twins that nobody refers to": (
                header.outer,
                header.outer,
                '<x xmlns="" Id="twin-0"/><x xmlns="" ID="twin-0"/>',
            ),
            "a foreign Security header": (header.outer, header.outer, foreign),
            "a comment in the Envelope": (source.body.start, source.body.start, "<!-- c -->"),
        }
    for label, edit in spaces.items():
        yield Mutant(label, source.edited(edit), Fate.ACCEPTED)
    if not source.text.startswith("<?xml") and source.encoding == "utf-8" and not source.mark:
        for declaration in ('<?xml version="1.0"?>', "<?xml version='1.0' encoding='utf-8' standalone='yes'?>\n"):
            if not source.text[0].isspace() and source.text.startswith("<"):
                yield Mutant(declaration, source.encoded(declaration + source.text), Fate.ACCEPTED)


def spellings(source: Source) -> Iterator[Mutant]:
    """Other ways to write the same start tag, inside of what is signed: canonicalization erases the difference."""
    for node in _signed_nodes(source):
        tag = start_tag(source.text, node)
        if node.empty:
            full = tag + f"</{node.name}>"
            yield Mutant(f"{node.name} in two tags", source.edited((node.start, node.end, full)), Fate.ACCEPTED)
        elif node.inner == node.outer:
            short = source.text[node.start : node.inner - 1] + "/>"
            yield Mutant(f"{node.name} in one tag", source.edited((node.start, node.end, short)), Fate.ACCEPTED)
        attributes = re.findall(r"\s+[^\s=]+\s*=\s*(?:\"[^\"]*\"|'[^']*')", tag)
        name_end = 1 + len(node.name)
        if tag[name_end:-1].strip() and "".join(attributes) == tag[name_end:-1].rstrip():
            turned = tag[:name_end] + "".join(reversed(attributes)) + "\n\t>"
            respaced = re.sub(r"(\s)([^\s=]+)=", r"\1\n\2 = ", tag)
            end = node.inner if not node.empty else node.end
            closing = "" if not node.empty else f"</{node.name}>"
            yield Mutant(f"{node.name}, other order", source.edited((node.start, end, turned + closing)), Fate.ACCEPTED)
            if "=" not in re.sub(r'"[^"]*"', "", respaced).replace(" = ", ""):
                yield Mutant(
                    f"{node.name}, other spaces", source.edited((node.start, end, respaced + closing)), Fate.ACCEPTED
                )
            if "'" not in tag:
                quoted = tag.replace('"', "'")
                yield Mutant(
                    f"{node.name}, other quotes", source.edited((node.start, end, quoted + closing)), Fate.ACCEPTED
                )
        if not node.empty:
            yield Mutant(f"</{node.name} >", source.edited((node.end - 1, node.end - 1, " \n")), Fate.ACCEPTED)


def _signed_nodes(source: Source) -> Iterator[Node]:
    seen = set()
    for target in source.targets:
        for node in target.walk():
            if node.start not in seen:
                seen.add(node.start)
                yield node


def characters(source: Source) -> Iterator[Mutant]:
    """Characters of signed texts and attributes, spelled by their numbers."""
    for node in _signed_nodes(source):
        text = source.text[node.inner : node.outer]
        if node.children or not text.strip() or "&" in text or "<" in text or "\r" in text:
            continue
        for label, pattern in (("decimal", "&#{0};"), ("hexadecimal", "&#x{0:x};"), ("with zeros", "&#0000{0};")):
            spelled = pattern.format(ord(text[0])) + text[1:]
            yield Mutant(f"{label} in {node.name}", source.edited((node.inner, node.outer, spelled)), Fate.ACCEPTED)
        section = f"<![CDATA[{text}]]>"
        yield Mutant(f"a section in {node.name}", source.edited((node.inner, node.outer, section)), Fate.ACCEPTED)


_NONE: Final[frozenset[Reason]] = frozenset()
RULES: Final = (
    Rule("harmless outside", outside, _NONE),
    Rule("harmless spellings", spellings, _NONE),
    Rule("harmless characters", characters, _NONE),
)
