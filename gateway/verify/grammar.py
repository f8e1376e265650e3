"""Step 7: the grammar of a Signature and its algorithms, from closed lists (XMLDSIG 4, threat rules 9 to 15, 18).

Nothing is computed here: what is not understood completely is refused before it can cost anything.
"""

import re
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Final

from lxml import etree

from gateway.verify.algorithms import (
    ENVELOPED_SIGNATURE,
    MANIFEST_TYPE,
    MGF1,
    RSA_PSS,
    STR_TRANSFORM,
    WITH_COMMENTS,
    Canonicalization,
    DigestAlgorithm,
    SignatureAlgorithm,
    canonicalization,
    digest_algorithm,
    pss_algorithm,
    signature_algorithm,
)
from gateway.verify.attachment_grammar import SignedAttachment, read_attachment
from gateway.verify.element_content import base64_text, child_elements, sole_text
from gateway.verify.policy import Policy
from gateway.verify.printable_text import printable
from gateway.verify.reason import Reason, Rejection
from gateway.verify.xml_names import (
    CANONICALIZATION_METHOD,
    DIGEST_METHOD,
    DIGEST_VALUE,
    INCLUSIVE_NAMESPACES,
    KEY_INFO,
    MANIFEST,
    MASK_GENERATION_FUNCTION,
    OBJECT,
    REFERENCE,
    RSA_PSS_PARAMS,
    SALT_LENGTH,
    SIGNATURE_METHOD,
    SIGNATURE_VALUE,
    SIGNED_INFO,
    TRAILER_FIELD,
    TRANSFORM,
    TRANSFORMATION_PARAMETERS,
    TRANSFORMS,
    local_name,
)

MAX_SIGNATURES: Final = 8
"""Signatures in one Security header: real messages carry one, sometimes two."""
MAX_REFERENCES: Final = 32
"""References of one Signature: every WS-Addressing header, Body, Timestamp and token fit several times over."""
MAX_TRANSFORMS: Final = 2
"""Transforms of one Reference: 500 of them took 17 s."""
_MAX_PREFIXES: Final = 64

# A plain same-document fragment. Real stacks send ids that are no NCName, such as #8 or #{7D2B-1}; what could be an
# XPointer or the end of a quoted value stays out.
_FRAGMENT: Final = re.compile(r"#([^\s\"'()<#]{1,1024})")
# Those of them that are ASCII and stand in a canonical form as they are written.
_PLAIN_FRAGMENT: Final = re.compile(rb"[!$%*+,\-./0-9:;=?@A-Z\[\\\]^_`a-z{|}~]{1,1024}")
MAX_OBJECTS: Final = 4
"""ds:Object elements of one Signature: XAdES properties need one."""
_WITH_SHA1: Final = Policy(allow_sha1=True)
"""Under which every algorithm is read that there is."""
_DEFAULT_PSS_DIGEST: Final = "http://www.w3.org/2001/04/xmlenc#sha256"
"""What RSAPSSParams mean where they do not name a hash (RFC 9231, 2.3.9)."""


@dataclass(frozen=True, slots=True)
class CanonicalizationMethod:
    """A canonicalization with its InclusiveNamespaces PrefixList."""

    method: Canonicalization
    prefixes: tuple[str, ...] = ()
    with_comments: bool = False
    """Its identifier is the one that keeps comments, which is admitted only where there are none to be kept."""

    @property
    def uri(self) -> str:
        """The identifier."""
        return f"{str(self.method).rstrip('#')}#{WITH_COMMENTS}" if self.with_comments else str(self.method)


_PLAIN: Final = {
    (method, kept): CanonicalizationMethod(method, with_comments=kept)
    for method in Canonicalization
    for kept in (False, True)
}


PLAIN_EXCLUSIVE: Final = _PLAIN[Canonicalization.EXCLUSIVE, False]
"""Exclusive canonicalization without a PrefixList; wherever it is read, it is this object."""


@dataclass(slots=True, eq=False)
class ReferenceGrammar:
    """One ds:Reference, read and admitted, nothing resolved yet."""

    uri: str
    """As in the message, printable."""
    id: str | None
    """The id that the fragment names; None for an attachment (`cid:`)."""
    transforms: tuple[str, ...]
    """URIs, in order."""
    canonicalization: CanonicalizationMethod
    enveloped: bool
    str_transform: bool
    digest_algorithm: DigestAlgorithm
    digest: bytes
    attachment: SignedAttachment | None = None
    """Set for an attachment: which one, and what of it is signed."""


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
    children = _signature_children(signature)
    parts = child_elements(children[0])
    if [part.tag for part in parts[:2]] != [CANONICALIZATION_METHOD, SIGNATURE_METHOD] or any(
        part.tag != REFERENCE for part in parts[2:]
    ):
        raise Rejection(Reason.STRUCTURE, "SignedInfo must hold CanonicalizationMethod, SignatureMethod and References")
    if not parts[2:]:
        raise Rejection(Reason.PART_NOT_SIGNED, "the signature covers nothing: it has no Reference")
    if len(parts) - 2 > MAX_REFERENCES:
        raise Rejection(Reason.LIMITS, f"a signature has more than {MAX_REFERENCES} References")
    algorithm = _signature_method(parts[1], policy)
    method = _canonicalization_method(parts[0], Reason.ALGORITHM_NOT_ALLOWED)
    if method.with_comments and next(children[0].iter(etree.Comment), None) is not None:
        raise Rejection(
            Reason.ALGORITHM_NOT_ALLOWED, "a canonicalization that keeps comments is applied to a SignedInfo with some"
        )
    return SignatureGrammar(
        element=signature,
        id=_id(signature),
        signed_info=children[0],
        canonicalization=method,
        algorithm=algorithm,
        references=tuple([_reference(part, policy) for part in parts[2:]]),
        value=base64_text(children[1]),
        key_info=children[2] if len(children) > 2 else None,
    )


def read_what_was_signed(signature: etree._Element) -> SignatureGrammar:
    """Read of `signature` what tells who made its value, whatever else is wrong with it or not admitted.

    SHA-1 is read, and so are the References that can be read; it says nothing about what may be accepted.

    Raises:
        Rejection: It cannot be told, for want of SignedInfo or SignatureValue or by an unknown algorithm.
    """
    signed_info, value = signature.find(SIGNED_INFO), signature.find(SIGNATURE_VALUE)
    method = None if signed_info is None else signed_info.find(CANONICALIZATION_METHOD)
    algorithm = None if signed_info is None else signed_info.find(SIGNATURE_METHOD)
    if signed_info is None or value is None or method is None or algorithm is None:
        raise Rejection(Reason.STRUCTURE, "a Signature lacks what was signed")
    references = []
    for child in islice(signed_info.iterchildren(REFERENCE), MAX_REFERENCES):
        with suppress(Rejection):
            references.append(_reference(child, _WITH_SHA1))
    uri = algorithm.get("Algorithm")
    return SignatureGrammar(
        element=signature,
        id=_id(signature),
        signed_info=signed_info,
        canonicalization=_canonicalization_method(method, Reason.ALGORITHM_NOT_ALLOWED),
        # A parameter that an algorithm does not have was signed with the rest, and changes nothing about its value.
        algorithm=_pss_method(child_elements(algorithm), _WITH_SHA1)
        if uri == RSA_PSS
        else signature_algorithm(uri, _WITH_SHA1),
        references=tuple(references),
        value=base64_text(value),
        key_info=signature.find(KEY_INFO),
    )


def _signature_children(signature: etree._Element) -> list[etree._Element]:
    """SignedInfo, SignatureValue and, where it is there, KeyInfo; behind them only Objects may stand.

    An Object is for XAdES properties, say: what References name in it is digested like anything (XMLDSIG 4.6).
    """
    children = child_elements(signature)
    tags = [child.tag for child in children]
    count = 3 if tags[2:3] == [KEY_INFO] else 2
    objects = children[count:]
    if tags[:2] != [SIGNED_INFO, SIGNATURE_VALUE] or any(child.tag != OBJECT for child in objects):
        shown = ", ".join(printable(local_name(str(tag)), 40) for tag in tags[:6])
        raise Rejection(
            Reason.STRUCTURE,
            f"a Signature must hold SignedInfo, SignatureValue, at most one KeyInfo and Objects; it holds: {shown}",
        )
    if len(objects) > MAX_OBJECTS:
        raise Rejection(Reason.LIMITS, f"a Signature holds more than {MAX_OBJECTS} Objects")
    if any(next(child.iter(MANIFEST), None) is not None for child in objects):
        raise Rejection(Reason.STRUCTURE, "a Signature holds a Manifest")
    return children[:count]


def _id(element: etree._Element) -> str | None:
    value = element.get("Id")
    return None if value is None else printable(str(value))


def _signature_method(element: etree._Element, policy: Policy) -> SignatureAlgorithm:
    parameters = child_elements(element)
    if element.get("Algorithm") == RSA_PSS:
        return _pss_method(parameters, policy)
    algorithm = signature_algorithm(element.get("Algorithm"), policy)
    if parameters:
        # HMACOutputLength, say: a parameter that is not understood must not be ignored.
        raise Rejection(Reason.ALGORITHM_NOT_ALLOWED, "the SignatureMethod carries parameters")
    return algorithm


def _pss_method(parameters: list[etree._Element], policy: Policy) -> SignatureAlgorithm:
    """RSASSA-PSS with RSAPSSParams (RFC 9231, 2.3.9): admitted with the parameters that the plain identifiers mean."""
    if [parameter.tag for parameter in parameters] not in ([], [RSA_PSS_PARAMS]):
        raise Rejection(Reason.ALGORITHM_NOT_ALLOWED, "the SignatureMethod carries parameters that are no RSAPSSParams")
    found: dict[str, etree._Element] = {}
    for child in child_elements(parameters[0]) if parameters else ():
        if child.tag not in {DIGEST_METHOD, MASK_GENERATION_FUNCTION, SALT_LENGTH, TRAILER_FIELD} or child.tag in found:
            raise Rejection(Reason.ALGORITHM_NOT_ALLOWED, "the RSAPSSParams hold something else than their parameters")
        found[str(child.tag)] = child
    digest = _pss_digest(found.get(DIGEST_METHOD), policy)
    mask = found.get(MASK_GENERATION_FUNCTION)
    inner = [] if mask is None else child_elements(mask)
    if (
        (
            mask is not None
            and (mask.get("Algorithm") != MGF1 or [child.tag for child in inner] not in ([], [DIGEST_METHOD]))
        )
        or _pss_digest(inner[0] if inner else None, policy) is not digest
        or _number(found.get(SALT_LENGTH), digest.size) != digest.size
        or _number(found.get(TRAILER_FIELD), 1) != 1
    ):
        raise Rejection(
            Reason.ALGORITHM_NOT_ALLOWED,
            "RSASSA-PSS is admitted with MGF1 over the hash that is signed, a salt of its length and the usual trailer",
        )
    return pss_algorithm(digest)


def _pss_digest(element: etree._Element | None, policy: Policy) -> DigestAlgorithm:
    if element is not None and len(element):
        raise Rejection(Reason.ALGORITHM_NOT_ALLOWED, "a DigestMethod carries parameters")
    return digest_algorithm(_DEFAULT_PSS_DIGEST if element is None else element.get("Algorithm"), policy)


def _number(element: etree._Element | None, default: int) -> int | None:
    if element is None:
        return default
    digits = sole_text(element)
    return int(digits) if re.fullmatch("[0-9]{1,9}", digits) else None


def _canonicalization_method(element: etree._Element, reason: Reason) -> CanonicalizationMethod:
    uri = element.get("Algorithm")
    known = canonicalization(uri)
    if known is None:
        raise Rejection(reason, f"canonicalization {printable(str(uri))} is not admitted")
    children = child_elements(element)
    if not children:
        return _PLAIN[known]
    method, with_comments = known
    if method is not Canonicalization.EXCLUSIVE or len(children) > 1 or children[0].tag != INCLUSIVE_NAMESPACES:
        raise Rejection(reason, "a canonicalization carries a parameter that is not an InclusiveNamespaces PrefixList")
    if len(children[0]):
        raise Rejection(Reason.STRUCTURE, "InclusiveNamespaces must be empty")
    prefixes = tuple(str(children[0].get("PrefixList") or "").split())
    if len(prefixes) > _MAX_PREFIXES:
        raise Rejection(Reason.LIMITS, f"a PrefixList names more than {_MAX_PREFIXES} prefixes")
    return CanonicalizationMethod(method, prefixes, with_comments)


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
    if len(steps) > MAX_TRANSFORMS:
        raise Rejection(Reason.LIMITS, f"a Reference has more than {MAX_TRANSFORMS} Transforms")
    if name is None:
        signed = read_attachment(str(element.get("URI")), steps)
        return ReferenceGrammar(
            uri,
            None,
            tuple(map(printable, signed.transforms)),
            PLAIN_EXCLUSIVE,
            False,
            False,
            algorithm,
            digest,
            signed,
        )
    transforms, method, enveloped, str_transform = _transforms(steps)
    return ReferenceGrammar(uri, name, transforms, method, enveloped, str_transform, algorithm, digest)


def _uri(element: etree._Element) -> tuple[str, str | None]:
    """The URI for people, and the id in it; nothing is ever opened. Without an id it is that of an attachment."""
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


def is_plain_fragment(octets: bytes) -> bool:
    """Whether `octets`, behind the number sign of a URI, are a fragment that a Reference may have, and ASCII."""
    return _PLAIN_FRAGMENT.fullmatch(octets) is not None


def _transforms(steps: list[etree._Element]) -> tuple[tuple[str, ...], CanonicalizationMethod, bool, bool]:
    """The transforms' URIs, the canonicalization they come to, whether enveloped-signature or STR-Transform is in."""
    # No canonicalization among them means C14N 1.0 (XMLDSIG 4.4.3.2); Spring XWSS sends it.
    method = _PLAIN[Canonicalization.INCLUSIVE_1_0, False]
    uris = []
    canonicalized = enveloped = str_transform = False
    for step in steps:
        uri = str(step.get("Algorithm") or "")
        uris.append(printable(uri))
        if step.tag != TRANSFORM:
            raise Rejection(Reason.STRUCTURE, "Transforms must hold Transform elements, without foreign content")
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
