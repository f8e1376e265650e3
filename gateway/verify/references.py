"""Step 9: references to element objects, through their transforms, to digests (XMLDSIG 4.4.3, WSS-Core 8.3)."""

import base64
import hmac
from dataclasses import dataclass
from typing import Final

from lxml import etree

from gateway.verify.algorithms import Canonicalization
from gateway.verify.c14n import canonicalize
from gateway.verify.grammar import CanonicalizationMethod, ReferenceGrammar, SignatureGrammar
from gateway.verify.ids import IdIndex
from gateway.verify.keyinfo import read_token_reference, referenced_token
from gateway.verify.names import SECURITY_TOKEN_REFERENCE, WSSE, local_name
from gateway.verify.reason import Reason, Rejection
from gateway.verify.text import printable
from gateway.verify.verdict import SignedPart
from keystore import TrustSnapshot

_X509V3: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509v3"
# A comment that shares its parent with text splits that text in parsers that take the first text node for the whole.
# Asked of the parent, not of each comment: a hundred thousand comments beside each other must stay linear.
_SPLIT_TEXT: Final = etree.XPath("boolean(descendant-or-self::*[comment()][text()[normalize-space()]])")


@dataclass(slots=True, eq=False)
class ResolvedReference:
    """A Reference and the element object that it names. The object counts; its id and path are for the record."""

    grammar: ReferenceGrammar
    element: etree._Element
    part: SignedPart


class OctetBudget:
    """The octets that the canonical forms of one message may have in all.

    References to elements inside each other canonicalize the same content again and again.
    """

    __slots__ = ("_left",)

    def __init__(self, message_size: int) -> None:
        """Admit several times the message: two signatures over everything, and the parts of it again."""
        self._left = 16 * message_size + 65_536

    def spend(self, form: bytes) -> None:
        """Count `form`.

        Raises:
            Rejection: `limits`.
        """
        self._left -= len(form)
        if self._left < 0:
            raise Rejection(Reason.LIMITS, "the references cover the same content too many times")


def check_reference(
    reference: ReferenceGrammar,
    signature: SignatureGrammar,
    ids: IdIndex,
    trust: TrustSnapshot,
    budget: OctetBudget,
    *,
    has_markup_to_skip: bool,
) -> ResolvedReference:
    """Resolve `reference` and compare its digest.

    `has_markup_to_skip` says whether the document holds any comment or processing instruction at all.

    Raises:
        Rejection: `reference-uri`, `duplicate-id`, `transform-not-allowed`, `structure`, `limits`. A digest that
            differs is no error here: the part says that it is not intact.
    """
    element = _resolve(reference, ids)
    if reference.enveloped and any(ancestor is element for ancestor in signature.element.iterancestors()):
        raise Rejection(
            Reason.TRANSFORM_NOT_ALLOWED, f"{reference.uri} contains its own signature (enveloped-signature)"
        )
    if has_markup_to_skip:
        _refuse_split_text(element)
    if reference.str_transform:
        forms = _dereferenced(element, reference.canonicalization, ids, trust)
    else:
        method = reference.canonicalization
        forms = [canonicalize(element, method.method, method.prefixes)]
    for form in forms:
        budget.spend(form)
    algorithm = reference.digest_algorithm
    digests = [algorithm.digest(form) for form in forms]
    intact = any(hmac.compare_digest(digest, reference.digest) for digest in digests)
    part = SignedPart(
        name=part_name(element),
        path=path_of(element),
        uri=reference.uri,
        digest_algorithm=algorithm.uri,
        digest=digests[0].hex(),
        intact=intact,
    )
    return ResolvedReference(reference, element, part)


def part_name(element: etree._Element) -> str:
    """`Body` and `Timestamp` by their local name, anything else in Clark notation; printable."""
    tag = str(element.tag)
    name = local_name(tag)
    return name if name in {"Body", "Timestamp"} else printable(tag, 160)


def path_of(element: etree._Element) -> str:
    """The absolute position in local names, such as `/Envelope/Header/Security/Timestamp`."""
    steps = [local_name(str(element.tag))]
    steps += [local_name(str(ancestor.tag)) for ancestor in element.iterancestors()]
    return printable("/" + "/".join(reversed(steps)), 240)


def _resolve(reference: ReferenceGrammar, ids: IdIndex) -> etree._Element:
    if reference.id is None:
        raise Rejection(
            Reason.REFERENCE_URI, f"an attachment is signed ({reference.uri}): attachments are not supported"
        )
    element = ids.find(reference.id)
    if element is None:
        raise Rejection(Reason.REFERENCE_URI, f"no element has the id of the Reference {reference.uri}")
    return element


def _refuse_split_text(element: etree._Element) -> None:
    """Canonicalization drops comments; a consumer may then see another text than the signed one (threat rule 13)."""
    if next(element.iter(etree.PI), None) is not None:
        raise Rejection(Reason.STRUCTURE, f"a processing instruction stands inside the signed {part_name(element)}")
    if _SPLIT_TEXT(element):
        raise Rejection(Reason.STRUCTURE, f"a comment splits text inside the signed {part_name(element)}")


def _dereferenced(
    reference: etree._Element, method: CanonicalizationMethod, ids: IdIndex, trust: TrustSnapshot
) -> list[bytes]:
    """What the STR-Transform puts in the place of a SecurityTokenReference (WSS-Core 8.3).

    Several forms, where the reference only describes a certificate and several entries of the keystore fit: the one
    that was signed is the one whose digest matches.
    """
    if reference.tag != SECURITY_TOKEN_REFERENCE:
        raise Rejection(
            Reason.TRANSFORM_NOT_ALLOWED, "an STR-Transform is applied to something else than a token reference"
        )
    token = referenced_token(reference, ids)
    if token is not None:
        return [_with_default_namespace(canonicalize(token, method.method, method.prefixes))]
    if method.method is not Canonicalization.EXCLUSIVE:
        raise Rejection(
            Reason.TRANSFORM_NOT_ALLOWED,
            "an STR-Transform over a certificate of the keystore must canonicalize exclusively",
        )
    hint = read_token_reference(reference, ids)
    certificates = list(hint.certificates[:1]) or [entry.der for entry in trust.named_by(hint)]
    if not certificates:
        raise Rejection(
            Reason.REFERENCE_URI, "an STR-Transform covers a token that neither the message nor the keystore holds"
        )
    # The synthetic token as WSS4J writes it: the prefix of the reference, the ValueType alone, base64 unwrapped.
    prefix = f"{reference.prefix}:" if reference.prefix else ""
    declaration = f'xmlns:{reference.prefix}="{WSSE}"' if reference.prefix else f'xmlns="{WSSE}"'
    empty_default = 'xmlns="" ' if reference.prefix else ""
    return [
        (
            f"<{prefix}BinarySecurityToken {empty_default}{declaration} "
            f'ValueType="{_X509V3}">{base64.b64encode(der).decode()}</{prefix}BinarySecurityToken>'
        ).encode()
        for der in certificates
    ]


def _with_default_namespace(form: bytes) -> bytes:
    """The apex of the transform's output declares a default namespace; an absent one is written out (WSS-Core 8.3)."""
    tag_end = form.index(b">")
    if b" xmlns=" in form[:tag_end]:
        return form
    name_end = min(i for i in (form.find(b" "), tag_end) if i >= 0)
    return form[:name_end] + b' xmlns=""' + form[name_end:]
