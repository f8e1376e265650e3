"""Rules 8 to 11: ids, references, transforms, indirections."""

import html
from collections.abc import Iterator
from functools import partial
from typing import Final

from fixtures.generator import uris
from gateway.verify import Reason
from gateway.verify.xml_names import (
    DS,
    INCLUSIVE_NAMESPACES,
    KEY_INFO,
    REFERENCE,
    SAML_ASSERTIONS,
    SECURITY_TOKEN_REFERENCE,
    SIGNED_INFO,
    TRANSFORM,
    TRANSFORMS,
    WSU,
)
from tests.mutation.mutant import Fate, Mutant, Rule, variants
from tests.mutation.scanning import Edit, Node, content, end_tag, start_tag
from tests.mutation.source import Source

_BROKEN: Final = frozenset({Reason.SIGNATURE_INVALID, Reason.UNKNOWN_KEY, Reason.DIGEST_MISMATCH})

TWINS: Final = {
    "wsu:Id": f'xmlns:zz="{WSU}" zz:Id="{{id}}"',
    "Id": 'Id="{id}"',
    "Id in apostrophes": "Id='{id}'",
    "Id with spaces": 'Id = "{id}"',
    "Id spelled with a reference": 'Id="{spelled}"',
    "ID": 'ID="{id}"',
    "id": 'id="{id}"',
    "xml:id": 'xml:id="{id}"',
    "AssertionID": 'AssertionID="{id}"',
    "foreign Id": 'xmlns:zz="urn:z" zz:Id="{id}"',
    "foreign ID": 'xmlns:zz="urn:z" zz:ID="{id}"',
    "foreign id": 'xmlns:zz="urn:z" zz:id="{id}"',
}


def twins(source: Source) -> Iterator[Mutant]:
    """A second element with an id that is referred to, at every place."""
    places = {gap: node.name for node in source.envelope.walk() for gap in node.gaps()}
    for node in source.signed:
        identifier = node.ids[0]
        escaped = html.escape(identifier)
        spelled = f"&#{ord(identifier[0])};{html.escape(identifier[1:])}"
        for label, attribute in TWINS.items():
            written = attribute.format(id=escaped, spelled=spelled)
            for place, where in places.items():
                yield Mutant(
                    f"{label} of {node.local} {place} in {where}",
                    partial(source.edited, (place, place, f"<twin {written}/>")),
                    reasons=_TWIN | _MISPLACED,
                )
            for other in (source.envelope, source.header, source.security, *source.signatures):
                free = other not in source.signed and not other.ids
                if free and f"xmlns:zz={chr(34)}" not in start_tag(source.text, other):
                    at = other.start + 1 + len(other.name)
                    yield Mutant(f"{label} of {node.local} on {other.name}", source.edited((at, at, f" {written}")))


_TWIN: Final = frozenset({Reason.DUPLICATE_ID})
# Put among children that a grammar counts, the twin is a stranger there before it is a twin.
_MISPLACED: Final = frozenset(
    {
        Reason.STRUCTURE,
        Reason.ALGORITHM_NOT_ALLOWED,
        Reason.TRANSFORM_NOT_ALLOWED,
        Reason.SIGNATURE_INVALID,
        Reason.UNKNOWN_KEY,
        Reason.LIMITS,
    }
)

URIS: Final = {
    "empty": "",
    "a lone #": "#",
    "root": "#xpointer(/)",
    "by xpointer": "#xpointer(id('{id}'))",
    "a file": "file:///etc/hostname",
    "another host": "http://127.0.0.1:9/{id}",
    "an attachment": "cid:{id}",
    "a document": "{id}",
    "a document and a fragment": "other.xml#{id}",
    "quoted": "#{id}'",
    "an expression": "#{id}' or '1'='1",
    "spaces": " #{id}",
    "spaces behind": "#{id} ",
    "twice": "#{id}#{id}",
    "escaped": "#%69d",
    "unknown": "#nowhere-{id}",
    "very long": "#" + "x" * 300,
}


def references(source: Source) -> Iterator[Mutant]:
    """A Reference names an element of the message by a plain fragment, once."""
    for reference in _references(source):
        identifier = reference.attributes.get("URI", "").removeprefix("#")
        tag = start_tag(source.text, reference)
        for label, uri in URIS.items():
            written = _with_uri(tag, html.escape(uri.format(id=identifier)))
            yield from variants(source, f"{label}, {identifier}", (reference.start, reference.inner, written))
        yield from variants(source, f"no URI, {identifier}", (reference.start, reference.inner, _with_uri(tag, None)))
        again = source.text[reference.start : reference.end]
        yield from variants(source, f"{identifier} twice", (reference.end, reference.end, again), fate=Fate.EITHER)
        many = "".join(_with_uri(tag, f"#many-{n}") + source.text[reference.inner : reference.end] for n in range(33))
        yield from variants(source, "thirty-three more", (reference.end, reference.end, many))


def _with_uri(tag: str, value: str | None) -> str:
    start = tag.index(" URI=")
    quote = tag[start + 5]
    end = tag.index(quote, start + 6) + 1
    return tag[:start] + ("" if value is None else f' URI="{value}"') + tag[end:]


def _references(source: Source) -> Iterator[Node]:
    for seal in source.signatures:
        info = seal.child(SIGNED_INFO)
        if info is not None:
            yield from (child for child in info.children if child.tag == REFERENCE)


_SWA: Final = "http://docs.oasis-open.org/wss/oasis-wss-SwAProfile-1.1"
_XPATH: Final = "http://www.w3.org/TR/1999/REC-xpath-19991116"
FORBIDDEN: Final = {
    "XPath": (_XPATH, '<x:XPath xmlns:x="{ds}">true()</x:XPath>'),
    "XPath that drops all": (_XPATH, '<x:XPath xmlns:x="{ds}">false()</x:XPath>'),
    "XPath Filter 2": (
        "http://www.w3.org/2002/06/xmldsig-filter2",
        '<f:XPath xmlns:f="http://www.w3.org/2002/06/xmldsig-filter2" Filter="intersect">/</f:XPath>',
    ),
    "XSLT": (
        "http://www.w3.org/TR/1999/REC-xslt-19991116",
        '<t:stylesheet xmlns:t="http://www.w3.org/1999/XSL/Transform" version="1.0"/>',
    ),
    "base64": (f"{DS}base64", ""),
    "exclusive with comments": (f"{uris.EXCLUSIVE}WithComments", ""),
    "C14N 1.0 with comments": (f"{uris.C14N10}#WithComments", ""),
    "C14N 1.1 with comments": (f"{uris.C14N11}#WithComments", ""),
    "decryption": ("http://www.w3.org/2002/07/decrypt#XML", ""),
    "an unknown one": ("urn:transform", ""),
    "none named": ("", ""),
    "STR-Transform": (uris.STR_TRANSFORM, ""),
    "attachment": (
        f"{_SWA}#Attachment-Content-Signature-Transform",
        "",
    ),
    "Minimal C14N": ("http://www.w3.org/2000/09/xmldsig#minimal", ""),
}


def transforms(source: Source) -> Iterator[Mutant]:
    """Transforms are a closed list, and few."""
    for reference in _references(source):
        named = reference.attributes.get("URI", "")
        listed = reference.child(TRANSFORMS)
        if listed is None or listed.empty:
            continue
        for label, (uri, inside) in FORBIDDEN.items():
            element = _transform(uri, inside)
            for where, offset in (("before", listed.inner), ("behind", listed.outer)):
                yield from variants(source, f"{label} {where}, {named}", (offset, offset, element))
            # A fragment selects no comments that could be kept.
            fate = Fate.EITHER if "with comments" in label else Fate.REJECTED
            edit: Edit = (listed.inner, listed.outer, element)
            yield from variants(source, f"{label} instead, {named}", edit, fate=fate)
        same = source.text[listed.inner : listed.outer]
        yield from variants(source, f"the same again, {named}", (listed.outer, listed.outer, same))
        yield from variants(source, f"five hundred, {named}", (listed.outer, listed.outer, same * 500))
        for step in listed.children:
            if step.tag == TRANSFORM:
                at = step.start + 1 + len(step.name)
                foreign = start_tag(source.text, step) + "<x/>" + end_tag(step)
                yield from variants(source, f"a foreign child, {named}", (step.start, step.end, foreign))
                stray = (at, at, ' Extra="1"')
                yield from variants(source, f"an attribute, {named}", stray, fate=Fate.EITHER)
        # The elements are in their places: to leave out what surrounds nothing changes nothing.
        enveloped = _transform(uris.ENVELOPED, "")
        yield from variants(
            source, f"enveloped-signature, {named}", (listed.inner, listed.inner, enveloped), fate=Fate.EITHER
        )
        yield from variants(source, f"enveloped-signature twice, {named}", (listed.inner, listed.inner, enveloped * 2))


def _transform(uri: str, content: str) -> str:
    algorithm = f' Algorithm="{uri}"' if uri else ""
    return f'<x:Transform xmlns:x="{DS}"{algorithm}>{content.format(ds=DS)}</x:Transform>'


def prefix_lists(source: Source) -> Iterator[Mutant]:
    """Other PrefixLists: harmless where the signer signed them so, refused where they are too long or misplaced."""
    for node in source.envelope.walk():
        if node.tag != INCLUSIVE_NAMESPACES or node.parent is None or not node.empty:
            continue
        for label, value, fate in (
            ("unknown prefixes", "a b c", Fate.EITHER),
            ("none", "", Fate.EITHER),
            ("every prefix", "#default soap wsse wsu ds env", Fate.EITHER),
            ("too many", " ".join(f"p{n}" for n in range(65)), Fate.REJECTED),
        ):
            element = f'<x:InclusiveNamespaces xmlns:x="{uris.EXCLUSIVE}" PrefixList="{value}"/>'
            yield from variants(source, label, (node.start, node.end, element), fate=fate)
        inside = f'<x:InclusiveNamespaces xmlns:x="{uris.EXCLUSIVE}" PrefixList=""><y/></x:InclusiveNamespaces>'
        yield from variants(source, "with content", (node.start, node.end, inside))
        whole = source.text[node.start : node.end]
        yield from variants(source, "twice", (node.end, node.end, whole))


def indirections(source: Source) -> Iterator[Mutant]:
    """Objects, Manifests, keys and tokens elsewhere."""
    text = source.text
    for number, seal in enumerate(source.signatures):
        inside = f'x:{{}} xmlns:x="{DS}"'
        for label, element in (
            ("an Object", f'<{inside.format("Object")} Id="o"/>'),
            ("an Object with a Manifest", f"<{inside.format('Object')}><x:Manifest/></x:Object>"),
            ("a Manifest", f"<{inside.format('Manifest')}/>"),
            ("SignatureProperties", f"<{inside.format('SignatureProperties')}/>"),
            ("a stranger", '<x:stranger xmlns:x="urn:x"/>'),
        ):
            for where, offset in (("first", seal.inner), ("last", seal.outer)):
                # An Object behind the others may hold anything that nobody refers to.
                fate = Fate.EITHER if label == "an Object" and where == "last" else Fate.REJECTED
                yield Mutant(f"{label} {where} in {number}", source.edited((offset, offset, element)), fate)
        key_info = seal.child(KEY_INFO)
        if key_info is not None and not key_info.empty:
            for label, element in (
                ("RetrievalMethod", f'<{inside.format("RetrievalMethod")} URI="http://127.0.0.1:9/"/>'),
                ("a local RetrievalMethod", f'<{inside.format("RetrievalMethod")} URI="#body"/>'),
                (
                    "KeyInfoReference",
                    '<k:KeyInfoReference xmlns:k="http://www.w3.org/2009/xmldsig11#" URI="file:///etc/hostname"/>',
                ),
            ):
                for where, offset in (("first", key_info.inner), ("last", key_info.outer)):
                    yield Mutant(f"{label} {where}", source.edited((offset, offset, element)))
            for node in key_info.walk():
                if node.local == "Reference" and "URI" in node.attributes:
                    for uri in ("http://127.0.0.1:9/token", "file:///etc/hostname", ""):
                        tag = _with_uri(start_tag(text, node), uri)
                        edit: Edit = (node.start, node.end, tag + end_tag(node))
                        # A hint that leads nowhere says nothing; whoever goes there is seen by the judges.
                        yield Mutant(f"a token at {uri or 'nowhere'}", source.edited(edit), Fate.EITHER)
    for reference in _references(source):
        at = reference.start + 1 + len(reference.name)
        if "Type" not in reference.attributes:
            yield from variants(source, "a Manifest's Reference", (at, at, f' Type="{DS}Manifest"'))


def assertions(source: Source) -> Iterator[Mutant]:
    """A SAML assertion that is signed through its reference is neither altered nor exchanged for another."""
    text = source.text
    named = {
        name
        for node in source.signed
        if node.tag == SECURITY_TOKEN_REFERENCE
        for child in node.children
        for name in (child.attributes.get("URI", "").removeprefix("#"), content(text, child).strip())
    }
    for node in source.envelope.walk():
        if node.tag not in SAML_ASSERTIONS or named.isdisjoint(node.ids):
            continue
        identifier = next(name for name in node.ids if name in named)
        whole = text[node.start : node.end]
        other = whole.replace("user", "admin")
        renamed = whole.replace(f'"{identifier}"', '"somebody-else"')
        for where, offset in (("before", node.start), ("behind", node.end)):
            yield Mutant(f"another of that id {where}", source.edited((offset, offset, other)))
            yield Mutant(
                f"another in its place, itself {where}", source.edited((node.start, node.end, renamed + other))
            )
        yield Mutant("another in its place", source.edited((node.start, node.end, other)))
        yield Mutant("gone", source.edited((node.start, node.end, "")))
        for piece in ("<!-- -->", "<![CDATA[]]>", "<?p?>"):
            yield Mutant(
                f"{piece} in a text", source.edited((node.start, node.end, whole.replace("us", f"us{piece}", 1)))
            )


RULES: Final = (
    Rule("B8 twins", twins, _TWIN | _MISPLACED, share=3),
    Rule(
        "B9 reference URIs",
        references,
        _BROKEN | {Reason.REFERENCE_URI, Reason.LIMITS, Reason.STRUCTURE, Reason.TRANSFORM_NOT_ALLOWED},
    ),
    Rule(
        "B10 transforms",
        transforms,
        _BROKEN | {Reason.TRANSFORM_NOT_ALLOWED, Reason.LIMITS, Reason.STRUCTURE, Reason.REFERENCE_URI},
    ),
    Rule(
        "B10 PrefixLists",
        prefix_lists,
        _BROKEN | {Reason.LIMITS, Reason.STRUCTURE, Reason.TRANSFORM_NOT_ALLOWED, Reason.ALGORITHM_NOT_ALLOWED},
    ),
    Rule("B10 assertions", assertions, _BROKEN | {Reason.DUPLICATE_ID, Reason.REFERENCE_URI, Reason.STRUCTURE}),
    Rule("B11 indirections", indirections, _BROKEN | {Reason.STRUCTURE, Reason.REFERENCE_URI}),
)
