"""Signs mutants anew: with the receiver's own key, so that nothing but the rule stands in the way, or a stranger's.

What is admitted or not does not matter here. Digests and values are made as if every forbidden thing were ignored,
which is what a careless verifier would do.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable
from functools import cache
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from lxml import etree

from fixtures.generator import uris
from fixtures.generator.keys import PrivateKey, private_key
from fixtures.manifest import FOLDER
from gateway.verify.algorithms import STR_TRANSFORM, Canonicalization
from gateway.verify.c14n import canonicalize
from gateway.verify.reason import Rejection
from gateway.verify.xml_names import (
    CANONICALIZATION_METHOD,
    DIGEST_METHOD,
    DIGEST_VALUE,
    INCLUSIVE_NAMESPACES,
    REFERENCE,
    SIGNATURE,
    SIGNATURE_METHOD,
    SIGNATURE_VALUE,
    SIGNED_INFO,
    TRANSFORM,
)
from tests.mutation.scanning import Edit, Node, edited, scan
from tests.mutation.source import Source

_HASHES: Final[dict[str, Callable[[], hashes.HashAlgorithm]]] = {
    "md5": hashes.MD5,
    "sha1": hashes.SHA1,
    "sha224": hashes.SHA224,
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}
_HASH_NAME: Final = re.compile(r"md5|sha(?:1|224|256|384|512)\b")


@cache
def keys_of(source: Source) -> tuple[PrivateKey, ...] | None:
    """The private keys of the message's signatures, in order; None where they are not ours to have."""
    if FOLDER not in source.case.file.parents:
        return None
    aliases = [[by.alias for by in report.verified_by] for report in source.verdict.signatures]
    if not all(aliases):
        return None
    return tuple(_key(names[0]) for names in aliases)


def sealed(source: Source, text: str) -> str | None:
    """`text`, a mutant of the source, signed anew by its signers; None where their keys are not at hand."""
    keys = keys_of(source)
    return None if keys is None else _sealed(source, text, keys)


def sealed_by_stranger(source: Source, text: str) -> str | None:
    """`text` signed anew, all signatures with a key that nobody trusts; None where it has other signatures."""
    keys = []
    for report in source.verdict.signatures:
        family = "p256" if "ecdsa" in report.signature_algorithm else "foreign"
        keys.append(_strange_key("Ed25519" if "eddsa" in report.signature_algorithm else family))
    return _sealed(source, text, tuple(keys))


@cache
def _key(alias: str) -> PrivateKey:
    return private_key("old" if alias == "renewed" else alias)


@cache
def _strange_key(kind: str) -> PrivateKey:
    if kind == "p256":
        return ec.generate_private_key(ec.SECP256R1())
    return ed25519.Ed25519PrivateKey.generate() if kind == "Ed25519" else private_key("foreign")


def _sealed(source: Source, text: str, keys: tuple[PrivateKey, ...]) -> str | None:
    for number, key in enumerate(keys):
        nodes = _signatures(source, text)
        if len(nodes) != len(keys):
            return None
        text = edited(text, _digests(text, nodes[number]))
        text = edited(text, _value(text, _signatures(source, text)[number], key))
    return text


def _signatures(source: Source, text: str) -> list[Node]:
    header = scan(text).child(f"{{{source.soap}}}Header")
    blocks = () if header is None else header.children
    same = [b for b in blocks if b.tag == source.security.tag and b.attributes == source.security.attributes]
    return [child for block in same[:1] for child in block.children if child.tag == SIGNATURE]


def _element(text: str, node: Node) -> etree._Element:
    """The parsed element of `node`."""
    root = etree.fromstring(
        re.sub(r"^\s*<\?xml[^>]*\?>", "", text).encode("utf-8", "xmlcharrefreplace"),
        etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True, collect_ids=False),
    )
    path = []
    inner = node
    for ancestor in node.ancestors():
        path.append(ancestor.children.index(inner))
        inner = ancestor
    element = root
    for index in reversed(path):
        element = [child for child in element if isinstance(child.tag, str)][index]
    return element


def _digests(text: str, signature: Node) -> list[Edit]:
    info = signature.child(SIGNED_INFO)
    if info is None:
        return []
    edits: list[Edit] = []
    root = _element(text, signature).getroottree().getroot()
    for reference in info.children:
        method, value = reference.child(DIGEST_METHOD), reference.child(DIGEST_VALUE)
        if reference.tag != REFERENCE or method is None or value is None:
            continue
        transforms = [node for node in reference.walk() if node.tag == TRANSFORM]
        name = reference.attributes.get("URI", "").removeprefix("#")
        element = next((found for found in root.iter(etree.Element) if name in found.attrib.values()), None)
        algorithm = _HASH_NAME.search(method.attributes.get("Algorithm", ""))
        by_token = any(node.attributes.get("Algorithm") == STR_TRANSFORM for node in transforms)
        if element is None or algorithm is None or by_token or value.empty or value.children:
            continue
        form = _form(element, transforms[-1] if transforms else None)
        digest = base64.b64encode(hashlib.new(algorithm[0], form, usedforsecurity=False).digest()).decode()
        edits.append(_kept(text, value, digest))
    return edits


def _kept(text: str, node: Node, value: str) -> Edit:
    """`value` in the place of the base64 of `node`, with whatever a mutation has put around it."""
    start = len(text[node.inner : node.outer]) - len(text[node.inner : node.outer].lstrip())
    found = re.compile(r"[A-Za-z0-9+/]{16,}={0,2}(?:(?:\s|&#13;)*[A-Za-z0-9+/]+={0,2})*").search(
        text, node.inner, node.outer
    )
    if found is None:
        return (node.inner + start, node.inner + start, "")
    return (found.start(), found.end(), value)


def _form(element: etree._Element, method: Node | None) -> bytes:
    """The canonical form that the Transform or CanonicalizationMethod `method` asks for; C14N 1.0 without one."""
    uri = uris.C14N10 if method is None else method.attributes.get("Algorithm", "")
    listed = None if method is None else method.child(INCLUSIVE_NAMESPACES)
    prefixes = () if listed is None else tuple(listed.attributes.get("PrefixList", "").split())
    # A fragment selects no comments (XMLDSIG 4.4.3.3), and a SignedInfo with some is refused before its form counts.
    uri = uri.removesuffix("#WithComments") if "exc-c14n" not in uri else uri.removesuffix("WithComments")
    known = uri if uri in set(Canonicalization) else uris.EXCLUSIVE
    try:
        return canonicalize(element, Canonicalization(known), prefixes if known == uris.EXCLUSIVE else ())
    except Rejection:
        return b""  # No canonical form: what a failing canonicalizer would hand out.


def _value(text: str, signature: Node, key: PrivateKey) -> list[Edit]:
    info, value = signature.child(SIGNED_INFO), signature.child(SIGNATURE_VALUE)
    if info is None or value is None or value.empty:
        return []
    method = info.child(SIGNATURE_METHOD)
    uri = "" if method is None else method.attributes.get("Algorithm", "")
    if method is not None and uri == uris.RSA_PSS:
        named = next((node.attributes.get("Algorithm", "") for node in method.walk() if node.tag == DIGEST_METHOD), "")
        hashed = _HASH_NAME.search(named)
        uri = f"#{hashed[0] if hashed else 'sha256'}-rsa-MGF1"
    octets = _form(_element(text, info), info.child(CANONICALIZATION_METHOD))
    return [_kept(text, value, base64.b64encode(_signed(octets, uri, key)).decode())]


def _signed(octets: bytes, uri: str, key: PrivateKey) -> bytes:
    """The signature that `uri` names; what the key cannot make it makes with SHA-256."""
    if "hmac" in uri:
        public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return hmac.digest(public, octets, "sha256")
    name = _HASH_NAME.search(uri.rpartition("#")[2])
    algorithm = _HASHES[name[0] if name else "sha256"]()
    if isinstance(key, rsa.RSAPrivateKey):
        if "MGF1" in uri:
            return key.sign(octets, padding.PSS(padding.MGF1(algorithm), algorithm.digest_size), algorithm)
        return key.sign(octets, padding.PKCS1v15(), algorithm)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        size = (key.curve.key_size + 7) // 8
        r, s = decode_dss_signature(key.sign(octets, ec.ECDSA(algorithm)))
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")
    assert isinstance(key, ed25519.Ed25519PrivateKey)
    return key.sign(octets)
