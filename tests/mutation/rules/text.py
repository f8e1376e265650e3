"""Rules 12 to 16: canonicalization and text."""

import re
from collections.abc import Iterator
from typing import Final

from fixtures.generator import uris
from gateway.verify import Reason
from gateway.verify.xml_names import (
    BINARY_SECURITY_TOKEN,
    CANONICALIZATION_METHOD,
    DIGEST_VALUE,
    DS,
    SIGNATURE_METHOD,
    SIGNATURE_VALUE,
    SIGNED_INFO,
)
from tests.mutation.mutant import Fate, Mutant, Rule, variants
from tests.mutation.scanning import Edit, Node, content, end_tag, start_tag
from tests.mutation.source import Source

_BROKEN: Final = frozenset({Reason.SIGNATURE_INVALID, Reason.UNKNOWN_KEY, Reason.DIGEST_MISMATCH})
_REFUSED: Final = _BROKEN | {Reason.STRUCTURE, Reason.MALFORMED}
_REFERENCE: Final = re.compile(r"&[^;]*;")


def relative_namespaces(source: Source) -> Iterator[Mutant]:
    """What has no canonical form is not equal to anything."""
    for target in source.targets:
        for label, element in (
            ("relative", '<r:r xmlns:r="relative"/>'),
            ("relative on an attribute", '<r xmlns:r="../x" r:a="1"/>'),
            ("relative and unused", '<r xmlns:r="relative"/>'),
        ):
            if not target.empty:
                yield from variants(source, f"{label} in {target.local}", (target.outer, target.outer, element))
        if target.empty or any(target is not node and target in node.ancestors() for node in source.signatures):
            continue
        at = target.start + 1 + len(target.name)
        yield from variants(source, f"relative on {target.local}", (at, at, ' xmlns:relative="relative"'))


def _leaves(source: Source) -> Iterator[Node]:
    """Signed elements that hold a text and nothing else."""
    for target in source.targets:
        for node in target.walk():
            text = content(source.text, node)
            if not node.children and len(text.strip()) > 1 and "<" not in text:
                yield node


def split_texts(source: Source) -> Iterator[Mutant]:
    """A text in pieces reads differently to different consumers, though its canonical form may be the same."""
    for node in _leaves(source):
        text = content(source.text, node)
        if _REFERENCE.search(text):
            continue
        middle = node.inner + len(text) // 2
        for label, offset in (("before", node.inner), ("in", middle), ("behind", node.outer)):
            for what, piece in (
                ("a comment", "<!-- c -->"),
                ("an empty comment", "<!---->"),
                ("an instruction", "<?pi data?>"),
                ("an empty section", "<![CDATA[]]>"),
                ("a section", "<![CDATA[0]]>"),
            ):
                # What canonicalization keeps is signed like the rest.
                fate = Fate.EITHER if piece.startswith("<?") else Fate.REJECTED
                yield from variants(source, f"{what} {label} {node.name}", (offset, offset, piece), fate=fate)
        for what, edits in (
            ("the second half in a section", [(middle, node.outer, f"<![CDATA[{text[len(text) // 2 :]}]]>")]),
            ("the first half in a section", [(node.inner, middle, f"<![CDATA[{text[: len(text) // 2]}]]>")]),
        ):
            yield Mutant(f"{what}, {node.name}", source.edited(*edits))
        yield Mutant(
            f"all in a section, {node.name}",
            source.edited((node.inner, node.outer, f"<![CDATA[{text}]]>")),
            Fate.EITHER,
        )


def comments(source: Source) -> Iterator[Mutant]:
    """Comments between elements are harmless, with text beside them they are not; instructions are signed."""
    for target in source.targets:
        for node in target.walk():
            for gap in node.gaps():
                yield from variants(source, f"a comment in {node.name}", (gap, gap, "<!-- 1 < 2 -->"), fate=Fate.EITHER)
                yield from variants(
                    source, f"an instruction in {node.name}", (gap, gap, "<?php echo 1?>"), fate=Fate.EITHER
                )


def _values(source: Source) -> Iterator[Node]:
    for seal in source.signatures:
        yield from (node for node in seal.walk() if node.tag in {DIGEST_VALUE, SIGNATURE_VALUE} and not node.empty)
    yield from (node for node in source.security.children if node.tag == BINARY_SECURITY_TOKEN and not node.empty)


INSERTIONS: Final = {
    "a comment": "<!-- -->",
    "an element": "<x/>",
    "an instruction": "<?p?>",
    "an asterisk": "*",
    "a sign of equality": "=",
    "an accent": "&#233;",
    "a null": "&#0;",
    "a url-safe sign": "-",
    "four signs": "AAAA",
    "a section": "<![CDATA[AAAA]]>",
    "a zero-width space": "&#x200b;",
    "a no-break space": "&#160;",
}


def base64_values(source: Source) -> Iterator[Mutant]:
    """Base64 is one strict text of its exact length."""
    for node in _values(source):
        hint = node.tag == BINARY_SECURITY_TOKEN and node not in source.signed
        # A token is a hint: what it says wrongly must not matter.
        fate = Fate.EITHER if hint else Fate.REJECTED
        for label, piece in INSERTIONS.items():
            for where, offset in (("before", node.inner), ("behind", node.outer)):
                yield Mutant(f"{label} {where} {node.local}", source.edited((offset, offset, piece)), fate)
        text = content(source.text, node).strip()
        for label, other in (
            ("nothing", ""),
            ("space", "  \n "),
            ("half of it", text[: len(text) // 8 * 4]),
            ("twice", text + text),
            ("hexadecimal", text.encode().hex()),
            ("unpadded", text.rstrip("=")),
            ("other trailing bits", _other_bits(text)),
            ("zeros", re.sub(r"[A-Za-z0-9+/](?=.)", "A", text)),
        ):
            if other != text:
                yield Mutant(f"{label} for {node.local}", source.edited((node.inner, node.outer, other)), fate)
        wrapped = "\n".join(text[start : start + 60] for start in range(0, len(text), 60))
        # The SignatureValue itself is not signed: how it is wrapped is its writer's choice.
        free = Fate.ACCEPTED if node.tag == SIGNATURE_VALUE else Fate.EITHER
        clean = not any(node is inner or node in inner.ancestors() for inner in source.signed) and not any(
            signed in node.ancestors() for signed in source.signed
        )
        yield Mutant(
            f"wrapped, {node.local}",
            source.edited((node.inner, node.outer, f"\n{wrapped}\r\n\t")),
            free if clean else Fate.EITHER,
        )


def _other_bits(text: str) -> str:
    """The same octets, with bits set that nobody reads."""
    found = re.search(r"([A-Za-z0-9+/])(=+)$", text)
    if found is None:
        return text + "===="
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return text[: found.start()] + alphabet[alphabet.index(found[1]) ^ 1] + found[2]


def grammar(source: Source) -> Iterator[Mutant]:
    """One SignedInfo, one SignatureValue, in their order, and nothing that nobody knows."""
    text = source.text
    for number, seal in enumerate(source.signatures):
        info, value = seal.child(SIGNED_INFO), seal.child(SIGNATURE_VALUE)
        if info is None or value is None:
            continue
        infos, values = text[info.start : info.end], text[value.start : value.end]
        for label, edits in {
            "two SignedInfos": [(info.end, info.end, infos)],
            "two SignatureValues": [(value.end, value.end, values)],
            "no SignedInfo": [(info.start, info.end, "")],
            "no SignatureValue": [(value.start, value.end, "")],
            "the value first": [(info.start, info.start, values), (value.start, value.end, "")],
            "SignedInfo in a wrapper": [(info.start, info.end, f"<w>{infos}</w>")],
        }.items():
            yield Mutant(f"{label}, {number}", source.edited(*edits))
        yield from _misshapen_info(source, info)


def _misshapen_info(source: Source, info: Node) -> Iterator[Mutant]:
    text = source.text
    yield from variants(source, "a stranger in SignedInfo", (info.outer, info.outer, '<x:x xmlns:x="urn:x"/>'))
    yield from variants(source, "a stranger first in SignedInfo", (info.inner, info.inner, '<x:x xmlns:x="urn:x"/>'))
    yield from variants(source, "an instruction in SignedInfo", (info.inner, info.inner, "<?pi?>"))
    for node in info.walk():
        if node.tag in {CANONICALIZATION_METHOD, SIGNATURE_METHOD}:
            yield from variants(source, f"no {node.local}", (node.start, node.end, ""))
            yield from variants(source, f"{node.local} twice", (node.end, node.end, text[node.start : node.end]))
        if node.tag == CANONICALIZATION_METHOD:
            kept = (f"{uris.EXCLUSIVE}WithComments", f"{uris.C14N10}#WithComments")
            for uri in (*kept, f"{uris.C14N10}WithComments", "", "urn:c14n", f"{DS}base64"):
                tag = re.sub(r'(\sAlgorithm\s*=\s*)(?:"[^"]*"|\'[^\']*\')', rf'\1"{uri}"', start_tag(text, node))
                edit: Edit = (node.start, node.end, tag + content(text, node) + end_tag(node))
                # Where there is no comment it keeps none.
                fate = Fate.EITHER if uri.endswith("WithComments") else Fate.REJECTED
                yield from variants(source, f"CanonicalizationMethod {uri or 'without a name'}", edit, fate=fate)


def rebound_prefixes(source: Source) -> Iterator[Mutant]:
    """Declarations outside of what is signed, bound to something else."""
    text = source.text
    for node in (source.envelope, source.header, source.security):
        for prefix in sorted(node.declared):
            pattern = re.compile(rf'\sxmlns{":" if prefix else ""}{re.escape(prefix)}\s*=\s*(?:"[^"]*"|\'[^\']*\')')
            found = pattern.search(text, node.start, node.inner)
            if found is None:
                continue
            rebound = f' xmlns{":" if prefix else ""}{prefix}="urn:rebound"'
            yield Mutant(
                f"{prefix or 'the default'} on {node.name}",
                source.edited((found.start(), found.end(), rebound)),
                # Where only values use the prefix, exclusive C14N cannot see it: the verdict says so (rule 16).
                Fate.EITHER,
            )


RULES: Final = (
    Rule("C12 relative namespaces", relative_namespaces, _REFUSED),
    Rule("C13 split texts", split_texts, _REFUSED),
    Rule("C13 comments", comments, _REFUSED),
    Rule("C14 base64", base64_values, _REFUSED | {Reason.REFERENCE_URI}),
    Rule(
        "C15 grammar",
        grammar,
        _REFUSED | {Reason.ALGORITHM_NOT_ALLOWED, Reason.TRANSFORM_NOT_ALLOWED, Reason.PART_NOT_SIGNED},
    ),
    Rule(
        "C16 prefixes",
        rebound_prefixes,
        _REFUSED | {Reason.NOT_SOAP, Reason.UNSIGNED, Reason.PART_NOT_SIGNED, Reason.TIMESTAMP_MISSING},
    ),
)
