"""Step 9: references to element objects, through their transforms, to digests (XMLDSIG 4.4.3, WSS-Core 8.3)."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from lxml import etree

from gateway.verify.algorithms import Canonicalization, DigestAlgorithm
from gateway.verify.budget import WorkBudget
from gateway.verify.c14n import canonicalize, count_elements
from gateway.verify.grammar import CanonicalizationMethod, ReferenceGrammar, SignatureGrammar
from gateway.verify.ids import IdIndex
from gateway.verify.keyinfo import read_token_reference, referenced_token
from gateway.verify.message_parts import NO_ATTACHMENTS, Attachments
from gateway.verify.printable_text import printable
from gateway.verify.reason import Reason, Rejection
from gateway.verify.verdict import SignedPart
from gateway.verify.xml_names import SECURITY_TOKEN_REFERENCE, WSSE, local_name
from keystore import TrustSnapshot

MAX_CONTAINERS: Final = 3
"""Signed elements around a signed element: content within all of them is canonicalized as often."""
_X509V3: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509v3"
# A comment that shares its parent with text splits that text in parsers that take the first text node for the whole.
# Asked of the parent, not of each comment: a hundred thousand comments beside each other must stay linear.
_SPLIT_TEXT: Final = etree.XPath("boolean(descendant-or-self::*[comment()][text()[normalize-space()]])")


@dataclass(slots=True, eq=False)
class ResolvedReference:
    """A Reference and the element object that it names. The object counts; its id and path are for the record."""

    grammar: ReferenceGrammar
    element: etree._Element
    digested: etree._Element | None
    """What of the message the digest is over: `element`, or the token that an STR-Transform put in its place.

    None where that was a certificate of the keystore: then nothing that stands in the message is signed by it.
    """
    part: SignedPart
    form: bytes
    """The canonical form."""


Places = Mapping[etree._Element, tuple[str, str]]  # noqa: SLF001 - lxml's only name for its type
"""Name and path of the parts that are usually signed."""


class CanonicalForms:
    """The canonical forms that the References of one message need, each made once."""

    __slots__ = ("_ancestors", "_attachments", "_budget", "_containers", "_digests", "_made")

    def __init__(self, budget: WorkBudget, attachments: Attachments = NO_ATTACHMENTS) -> None:
        """Make them within `budget`; the base64 of `attachments` is read into them where it belongs."""
        self._budget = budget
        self._attachments = attachments
        self._digests: dict[tuple[bytes, DigestAlgorithm], bytes] = {}
        self._made: dict[tuple[etree._Element, CanonicalizationMethod], bytes] = {}
        self._ancestors: dict[etree._Element, frozenset[etree._Element]] = {}
        self._containers: dict[etree._Element, int] = {}

    def of(self, element: etree._Element, method: CanonicalizationMethod) -> bytes:
        """The canonical form of `element`.

        Raises:
            Rejection: `structure`, where it has none; `limits`.
        """
        form = self._made.get((element, method))
        if form is None:
            self._refuse_nesting(element)
            copied = method.method is not Canonicalization.EXCLUSIVE
            self._budget.foresee_form(partial(count_elements, element), copied=copied)
            form = canonicalize(element, method.method, method.prefixes, self._budget)
            self._budget.spend_form(form, copied=copied)
            self._made[element, method] = form
        return form

    def digest(self, form: bytes, algorithm: DigestAlgorithm) -> bytes:
        """The digest of `form`, with what attachments hold in its place (XOP 1.0, 3.2)."""
        attachments = self._attachments
        if not attachments.stand_ins:
            return algorithm.digest(form)
        digest = self._digests.get((form, algorithm))
        if digest is None:
            # Once, however many References name it: what attachments hold may be long. A PrefixList makes another form.
            self._budget.spend_octets(attachments.size_in(form))
            digest = self._digests[form, algorithm] = algorithm.digest_of(attachments.expanded(form))
        return digest

    def _refuse_nesting(self, element: etree._Element) -> None:
        if element in self._ancestors:
            return
        ancestors = frozenset(element.iterancestors())
        self._containers[element] = len(ancestors & self._ancestors.keys())
        for other, above in self._ancestors.items():
            if element in above:
                self._containers[other] += 1
        self._ancestors[element] = ancestors
        if max(self._containers.values()) > MAX_CONTAINERS:
            raise Rejection(Reason.LIMITS, f"more than {MAX_CONTAINERS} signed elements stand within each other")


def check_reference(
    reference: ReferenceGrammar,
    signature: SignatureGrammar,
    ids: IdIndex,
    trust: TrustSnapshot,
    canonical: CanonicalForms,
    places: Places,
    *,
    may_hold_comments: bool,
) -> ResolvedReference:
    """Resolve `reference` and compare its digest.

    `places` names those parts that are usually signed; `may_hold_comments` says whether the document
    holds any comment at all.

    Raises:
        Rejection: `reference-uri`, `duplicate-id`, `transform-not-allowed`, `structure`, `limits`. A digest that
            differs is no error here: the part says that it is not intact.
    """
    element = _resolve(reference, ids)
    if reference.enveloped:
        _refuse_enveloping(element, signature.element, reference.uri)
    token = _token(element, reference, ids) if reference.str_transform else None
    digested = token if reference.str_transform else element
    if may_hold_comments and digested is not None:
        _refuse_split_text(digested)
    if token is not None:
        forms = [_with_default_namespace(canonical.of(token, reference.canonicalization))]
    elif reference.str_transform:
        forms = _described(element, reference.canonicalization, ids, trust)
    else:
        forms = [canonical.of(element, reference.canonicalization)]
    algorithm = reference.digest_algorithm
    digests = [canonical.digest(form, algorithm) for form in forms]
    intact = reference.digest in digests
    name, path = places.get(element) or (printable(str(element.tag), 160), path_of(element))
    part = SignedPart(
        name=name,
        path=path,
        uri=reference.uri,
        digest_algorithm=algorithm.uri,
        digest=digests[0].hex(),
        intact=intact,
    )
    return ResolvedReference(reference, element, digested, part, forms[0])


def path_of(element: etree._Element) -> str:
    """The absolute position in local names, such as `/Envelope/Header/Security/Timestamp`."""
    steps = [local_name(str(element.tag))]
    steps += [local_name(str(ancestor.tag)) for ancestor in element.iterancestors()]
    return printable("/" + "/".join(reversed(steps)), 240)


def _resolve(reference: ReferenceGrammar, ids: IdIndex) -> etree._Element:
    element = None if reference.id is None else ids.find(reference.id)
    if element is None:
        raise Rejection(Reason.REFERENCE_URI, f"no element has the id of the Reference {reference.uri}")
    return element


def _refuse_enveloping(element: etree._Element, signature: etree._Element, uri: str) -> None:
    """enveloped-signature leaves out the Signature with all that is in it; admitted where that leaves out nothing."""
    if any(ancestor is element for ancestor in signature.iterancestors()):
        raise Rejection(Reason.TRANSFORM_NOT_ALLOWED, f"{uri} contains its own signature (enveloped-signature)")
    if element is signature or any(ancestor is signature for ancestor in element.iterancestors()):
        raise Rejection(Reason.TRANSFORM_NOT_ALLOWED, f"{uri} is part of its own signature (enveloped-signature)")


def _refuse_split_text(element: etree._Element) -> None:
    """Canonicalization drops comments; a consumer may then see another text than the signed one (threat rule 13)."""
    if _SPLIT_TEXT(element):
        raise Rejection(Reason.STRUCTURE, f"a comment splits text inside the signed {local_name(str(element.tag))}")


def _token(reference: etree._Element, grammar: ReferenceGrammar, ids: IdIndex) -> etree._Element | None:
    """The token of the message that the STR-Transform puts in the place of a SecurityTokenReference (WSS-Core 8.3)."""
    if reference.tag != SECURITY_TOKEN_REFERENCE:
        raise Rejection(
            Reason.TRANSFORM_NOT_ALLOWED, "an STR-Transform is applied to something else than a token reference"
        )
    token = referenced_token(reference, ids)
    comment = None if token is None else next(token.iter(etree.Comment), None)
    if comment is not None and grammar.canonicalization.with_comments:
        # Unlike a fragment, which never selects comments, the transform may hand them on (XMLDSIG 4.4.3.3).
        raise Rejection(
            Reason.TRANSFORM_NOT_ALLOWED, "an STR-Transform that keeps comments is applied to a token with some"
        )
    return token


def _described(
    reference: etree._Element, method: CanonicalizationMethod, ids: IdIndex, trust: TrustSnapshot
) -> list[bytes]:
    """What the STR-Transform puts in the place of a SecurityTokenReference that only describes a certificate.

    Several forms, where several entries of the keystore fit: the one that was signed is the one whose digest matches.
    """
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
