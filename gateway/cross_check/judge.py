"""libxmlsec over a message that the verification accepted.

What is judged is each signature that made the message acceptable: its value under the key that verified it, and the
digests of its references. Which elements the references name is resolved here, by the verification's own strict rules,
and only those elements' ids are made known to libxmlsec, which would take the first of two by itself. Where the parts
have to stand, how fresh they are and whom to trust is WS-Security, of which libxmlsec knows nothing.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from lxml import etree

from gateway.cross_check.opinion import CrossCheck, Opinion
from gateway.verify import NO_ATTACHMENTS, Attachments, Outcome, Policy, Reason, Verdict, printable
from gateway.verify.parts import (
    RSA_PSS,
    IdIndex,
    KeyFamily,
    SignatureGrammar,
    find_security_header,
    local_name,
    read_document,
    read_envelope,
    read_signature,
)
from keystore import SigningKey, Thumbprint, TrustSnapshot

if TYPE_CHECKING:
    import xmlsec

MAX_EXPANDED: Final = 4 * 1024 * 1024
"""Octets of attachments that are put into the message for libxmlsec, which holds all of it several times."""
_AGREES: Final = CrossCheck(Opinion.AGREES)


def second_opinion(
    message: bytes,
    verdict: Verdict,
    trust: TrustSnapshot,
    policy: Policy,
    *,
    content_type: str | None = None,
    attachments: Attachments = NO_ATTACHMENTS,
) -> CrossCheck:
    """What libxmlsec says of `message`, which `verify` has accepted as `verdict` with `trust` and `policy`.

    What `xop:Include` names is put in for it, up to `MAX_EXPANDED` octets; it reads no attachments by itself.

    Never raises: a judge that breaks down, or cannot be loaded, is an opinion of its own (`failed`).
    """
    try:
        if attachments.stand_ins:
            if attachments.size > MAX_EXPANDED:
                return CrossCheck(Opinion.NOT_JUDGED, "the attachments are too large to be put in for libxmlsec")
            if policy.attachments == "references":
                return CrossCheck(Opinion.NOT_JUDGED, "libxmlsec is not asked about what names attachments")
            message = b"".join(attachments.expanded(message))
        return _judged(message, verdict, trust, policy, content_type)
    except Exception as error:  # noqa: BLE001 - whatever it says about a message must not stop the traffic
        return CrossCheck(Opinion.FAILED, f"libxmlsec could not be asked: {_sentence(error)}")


def disputed(verdict: Verdict, opinion: CrossCheck) -> Verdict:
    """`verdict` where two opinions must agree: rejected if `opinion` is contrary, else as it is."""
    if not verdict.accepted or not opinion.is_contrary:
        return verdict
    return replace(
        verdict,
        outcome=Outcome.REJECTED,
        reason=Reason.DISPUTED,
        detail=f"accepted by this gateway's own verification, and not by its second opinion: {opinion.detail}",
        verified_by=(),
        replay_keys=(),
        fresh_until=None,
    )


def _judged(
    message: bytes, verdict: Verdict, trust: TrustSnapshot, policy: Policy, content_type: str | None
) -> CrossCheck:
    document = read_document(message, policy, content_type)
    security, _ = find_security_header(read_envelope(document.root), policy.actor)
    ids = IdIndex(document, ())
    keys = {entry.thumbprint: entry.public_key for entry in trust.entries}
    not_judged: CrossCheck | None = None
    asked = False
    for element, report in zip(security.signatures, verdict.signatures, strict=True):
        if not report.verified_by:
            continue  # It was tolerated beside one that verifies, and made nothing acceptable.
        asked = True
        grammar = read_signature(element, policy)
        unknown = _unknown_construct(grammar)
        if unknown is not None:
            not_judged = CrossCheck(Opinion.NOT_JUDGED, unknown)
            continue
        opinion = _opinion_on(grammar, _key_of(report.verified_by[0].thumbprint, keys), ids)
        if opinion is not _AGREES:
            return opinion
    if not asked:
        return CrossCheck(Opinion.FAILED, "there is no signature to be judged")
    return not_judged or _AGREES


def _unknown_construct(grammar: SignatureGrammar) -> str | None:
    """What libxmlsec, as its wheels are built, is known not to know; None where it knows everything."""
    if any(reference.attachment is not None for reference in grammar.references):
        return "libxmlsec reads no attachments (cid:)"
    if any(reference.str_transform for reference in grammar.references):
        return "libxmlsec knows no STR-Transform"
    if grammar.algorithm.family is KeyFamily.ED25519:
        return "libxmlsec knows no Ed25519"
    if grammar.algorithm.uri == RSA_PSS:
        return "libxmlsec knows no RSASSA-PSS with parameters"
    return None


def _key_of(thumbprint: Thumbprint, keys: Mapping[Thumbprint, SigningKey | None]) -> SigningKey:
    key = keys.get(thumbprint)
    if key is None:
        raise LookupError("the key that verified the message is not among those trusted")
    return key


def _opinion_on(grammar: SignatureGrammar, key: SigningKey, ids: IdIndex) -> CrossCheck:
    import xmlsec  # imported here because it is large, may be missing, and is asked only where it is wanted

    try:
        context = xmlsec.SignatureContext()
        pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        context.key = xmlsec.Key.from_memory(pem, xmlsec.constants.KeyDataFormatPem)
        for reference in grammar.references:
            element = ids.find(reference.id or "")
            if element is None:
                return CrossCheck(Opinion.DISAGREES, f"no element has the id of the Reference {reference.uri}")
            _register(context, element, reference.id or "")
        context.verify(grammar.element)
    except xmlsec.VerificationError:
        return CrossCheck(Opinion.DISAGREES, "libxmlsec finds the signature value or a digest wrong")
    except xmlsec.Error as error:
        return CrossCheck(Opinion.FAILED, f"libxmlsec could not verify the signature: {_sentence(error)}")
    return _AGREES


def _register(context: "xmlsec.SignatureContext", element: etree._Element, value: str) -> None:
    """Make the id attribute known by which a Reference names `element`."""
    names = (str(name) for name, found in element.items() if str(found) == value)
    attribute = etree.QName(next(name for name in names if local_name(name).lower().endswith("id")))
    context.register_id(element, attribute.localname, attribute.namespace)


def _sentence(error: Exception) -> str:
    return printable(f"{type(error).__name__}: {error}", 200)
