"""Step 7: the grammar of a Signature and its algorithms, from closed lists (XMLDSIG 4, threat rules 9 to 15, 18).

Nothing is computed here: what is not understood completely is refused before it can cost anything.
"""

import re
from dataclasses import dataclass
from typing import Final

from lxml import etree

from gateway.verify.algorithms import (
    ENVELOPED_SIGNATURE,
    MANIFEST_TYPE,
    STR_TRANSFORM,
    Canonicalization,
    DigestAlgorithm,
    SignatureAlgorithm,
    canonicalization,
    digest_algorithm,
    signature_algorithm,
)
from gateway.verify.names import (
    CANONICALIZATION_METHOD,
    DIGEST_METHOD,
    DIGEST_VALUE,
    INCLUSIVE_NAMESPACES,
    KEY_INFO,
    REFERENCE,
    SIGNATURE_METHOD,
    SIGNATURE_VALUE,
    SIGNED_INFO,
    TRANSFORM,
    TRANSFORMATION_PARAMETERS,
    TRANSFORMS,
    local_name,
)
from gateway.verify.policy import Policy
from gateway.verify.reason import Reason, Rejection
from gateway.verify.text import base64_text, child_elements, printable

MAX_SIGNATURES: Final = 8
"""Signatures in one Security header: real messages carry one, sometimes two."""
MAX_REFERENCES: Final = 32
"""References of one Signature: every WS-Addressing header, Body, Timestamp and token fit several times over."""
MAX_TRANSFORMS: Final = 2
"""Transforms of one Reference: 500 of them took 17 s."""
_MAX_PREFIXES: Final = 64

# A plain same-document fragment. Real stacks send ids that are no NCName, such as #8.
_FRAGMENT: Final = re.compile(r"#([\w.:\-]{1,256})")


@dataclass(frozen=True, slots=True)
class CanonicalizationMethod:
    """A canonicalization with its InclusiveNamespaces PrefixList."""

    method: Canonicalization
    prefixes: tuple[str, ...] = ()


_PLAIN: Final = {method: CanonicalizationMethod(method) for method in Canonicalization}


@dataclass(slots=True, eq=False)
class ReferenceGrammar:
    """One ds:Reference, read and admitted, nothing resolved yet."""

    uri: str
    """As in the message, printable."""
    id: str | None
    """The id that the fragment names; None for an attachment (`cid:`), which cannot be resolved here."""
    transforms: tuple[str, ...]
    """URIs, in order."""
    canonicalization: CanonicalizationMethod
    enveloped: bool
    str_transform: bool
    digest_algorithm: DigestAlgorithm
    digest: bytes


@dataclass(slots=True, eq=False)
class SignatureGrammar:
    """One ds:Signature, read and admitted."""

    element: etree._Element
    id: str | None
    signed_info: etree._Element
    canonicalization: CanonicalizationMethod
    algorithm: SignatureAlgorithm
    references: tuple[ReferenceGrammar, ...]
    value: bytes
    key_info: etree._Element | None


def read_signature(signature: etree._Element, policy: Policy) -> SignatureGrammar:
    """Read `signature`.

    Raises:
        Rejection: `structure`, `algorithm-not-allowed`, `transform-not-allowed`, `reference-uri`, `limits`.
    """
    children = child_elements(signature)
    tags = [child.tag for child in children]
    if tags not in ([SIGNED_INFO, SIGNATURE_VALUE], [SIGNED_INFO, SIGNATURE_VALUE, KEY_INFO]):
        shown = ", ".join(printable(local_name(str(tag)), 40) for tag in tags[:6])
        raise Rejection(
            Reason.STRUCTURE, f"a Signature must hold SignedInfo, SignatureValue and at most KeyInfo; it holds: {shown}"
        )
    parts = child_elements(children[0])
    if [part.tag for part in parts[:2]] != [CANONICALIZATION_METHOD, SIGNATURE_METHOD] or any(
        part.tag != REFERENCE for part in parts[2:]
    ):
        raise Rejection(Reason.STRUCTURE, "SignedInfo must hold CanonicalizationMethod, SignatureMethod and References")
    if not parts[2:]:
        raise Rejection(Reason.PART_NOT_SIGNED, "the signature covers nothing: it has no Reference")
    if len(parts) - 2 > MAX_REFERENCES:
        raise Rejection(Reason.LIMITS, f"a signature has more than {MAX_REFERENCES} References")
    references: list[ReferenceGrammar] = []
    algorithm = _signature_method(parts[1], policy)
    method = _canonicalization_method(parts[0], Reason.ALGORITHM_NOT_ALLOWED)
    for part in parts[2:]:
        reference = _reference(part, policy)
        # By the id too: what is shown of two long URIs may be the same.
        if any((reference.uri, reference.id) == (other.uri, other.id) for other in references):
            raise Rejection(Reason.REFERENCE_URI, f"two References name {reference.uri}")
        references.append(reference)
    return SignatureGrammar(
        element=signature,
        id=_id(signature),
        signed_info=children[0],
        canonicalization=method,
        algorithm=algorithm,
        references=tuple(references),
        value=base64_text(children[1]),
        key_info=children[2] if len(children) > 2 else None,
    )


def _id(element: etree._Element) -> str | None:
    value = element.get("Id")
    return None if value is None else printable(str(value))


def _signature_method(element: etree._Element, policy: Policy) -> SignatureAlgorithm:
    algorithm = signature_algorithm(element.get("Algorithm"), policy)
    if child_elements(element):
        # HMACOutputLength, RSAPSSParams: a parameter that is not understood must not be ignored.
        raise Rejection(Reason.ALGORITHM_NOT_ALLOWED, "the SignatureMethod carries parameters")
    return algorithm


def _canonicalization_method(element: etree._Element, reason: Reason) -> CanonicalizationMethod:
    uri = element.get("Algorithm")
    method = canonicalization(uri)
    if method is None:
        raise Rejection(reason, f"canonicalization {printable(str(uri))} is not admitted")
    children = child_elements(element)
    if not children:
        return _PLAIN[method]
    if method is not Canonicalization.EXCLUSIVE or len(children) > 1 or children[0].tag != INCLUSIVE_NAMESPACES:
        raise Rejection(reason, "a canonicalization carries a parameter that is not an InclusiveNamespaces PrefixList")
    if len(children[0]):
        raise Rejection(Reason.STRUCTURE, "InclusiveNamespaces must be empty")
    prefixes = tuple(str(children[0].get("PrefixList") or "").split())
    if len(prefixes) > _MAX_PREFIXES:
        raise Rejection(Reason.LIMITS, f"a PrefixList names more than {_MAX_PREFIXES} prefixes")
    return CanonicalizationMethod(method, prefixes)


def _reference(element: etree._Element, policy: Policy) -> ReferenceGrammar:
    children = child_elements(element)
    tags = [child.tag for child in children]
    if tags == [TRANSFORMS, DIGEST_METHOD, DIGEST_VALUE]:
        steps = child_elements(children.pop(0))
    elif tags == [DIGEST_METHOD, DIGEST_VALUE]:
        steps = []
    else:
        raise Rejection(Reason.STRUCTURE, "a Reference must hold Transforms (optional), DigestMethod and DigestValue")
    if element.get("Type") == MANIFEST_TYPE:
        raise Rejection(Reason.STRUCTURE, "a Reference names a Manifest")
    uri, name = _uri(element)
    algorithm = digest_algorithm(children[0].get("Algorithm"), policy)
    if len(children[0]):
        raise Rejection(Reason.ALGORITHM_NOT_ALLOWED, "a DigestMethod carries parameters")
    digest = base64_text(children[1])
    if len(digest) != algorithm.size:
        raise Rejection(Reason.STRUCTURE, f"a DigestValue has {len(digest)} bytes instead of {algorithm.size}")
    transforms, method, enveloped, str_transform = _transforms(steps, attachment=name is None)
    return ReferenceGrammar(uri, name, transforms, method, enveloped, str_transform, algorithm, digest)


def _uri(element: etree._Element) -> tuple[str, str | None]:
    """The URI for people, and the id in it; nothing is ever opened."""
    uri = element.get("URI")
    if uri is None:
        raise Rejection(Reason.REFERENCE_URI, "a Reference has no URI")
    text = str(uri)
    if text.startswith("cid:"):
        return printable(text), None
    fragment = _FRAGMENT.fullmatch(text)
    if fragment is None:
        shown = printable(text) or "empty"
        raise Rejection(Reason.REFERENCE_URI, f"the Reference URI is not a plain same-document fragment: {shown}")
    return printable(text), fragment[1]


def _transforms(
    steps: list[etree._Element], *, attachment: bool
) -> tuple[tuple[str, ...], CanonicalizationMethod, bool, bool]:
    """The transforms' URIs, the canonicalization they come to, whether enveloped-signature or STR-Transform is in."""
    if len(steps) > MAX_TRANSFORMS:
        raise Rejection(Reason.LIMITS, f"a Reference has more than {MAX_TRANSFORMS} Transforms")
    # No canonicalization among them means C14N 1.0 (XMLDSIG 4.4.3.2); Spring XWSS sends it.
    method = _PLAIN[Canonicalization.INCLUSIVE_1_0]
    uris = []
    canonicalized = enveloped = str_transform = False
    for step in steps:
        uri = str(step.get("Algorithm") or "")
        uris.append(printable(uri))
        if step.tag != TRANSFORM or (attachment and len(step)):
            raise Rejection(Reason.STRUCTURE, "Transforms must hold Transform elements, without foreign content")
        if attachment:
            continue  # An attachment is refused when it is resolved, with a better sentence.
        if canonicalized or str_transform:
            raise Rejection(Reason.TRANSFORM_NOT_ALLOWED, "a Transform follows one that already yields octets")
        if uri == ENVELOPED_SIGNATURE and not enveloped and not child_elements(step):
            enveloped = True
        elif uri == STR_TRANSFORM and not enveloped:
            method, str_transform = _str_transform_method(step), True
        elif canonicalization(uri) is not None:
            method, canonicalized = _canonicalization_method(step, Reason.TRANSFORM_NOT_ALLOWED), True
        else:
            raise Rejection(Reason.TRANSFORM_NOT_ALLOWED, f"the Transform {printable(uri) or '(none)'} is not admitted")
    return tuple(uris), method, enveloped, str_transform


def _str_transform_method(step: etree._Element) -> CanonicalizationMethod:
    """The CanonicalizationMethod inside TransformationParameters (WSS-Core 8.3)."""
    children = child_elements(step)
    if len(children) == 1 and children[0].tag == TRANSFORMATION_PARAMETERS:
        methods = child_elements(children[0])
        if len(methods) == 1 and methods[0].tag == CANONICALIZATION_METHOD:
            return _canonicalization_method(methods[0], Reason.TRANSFORM_NOT_ALLOWED)
    raise Rejection(
        Reason.TRANSFORM_NOT_ALLOWED,
        "an STR-Transform must carry TransformationParameters with one CanonicalizationMethod",
    )
