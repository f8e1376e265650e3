"""Where independent judges and this verifier may differ, each with its reason.

Where both come to the same, there is nothing to explain; every other outcome needs an entry here, or it is a finding.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

from lxml import etree

from fixtures.manifest import Case
from gateway.verify import Reason
from gateway.verify.xml_names import REFERENCE, SIGNATURE
from tests.judges import read

Divergences = dict[str, Callable[[Case, bytes], bool]]


def holds(pattern: str) -> Callable[[Case, bytes], bool]:
    """Whether the message holds something of that pattern."""
    compiled = re.compile(pattern.encode(), re.DOTALL)
    return lambda _, message: compiled.search(message) is not None


XMLSEC_DIVERGENCES: Divergences = {
    "libxmlsec knows no STR-Transform": holds("#STR-Transform"),
    "libxmlsec, as its wheel is built, knows no Ed25519": holds("#eddsa-ed25519"),
    "libxmlsec knows no RSASSA-PSS with parameters": holds("#rsa-pss"),
}
"""Why libxmlsec does not find good what we accept -> in which messages. Nowhere else it may differ; there it must."""
XMLSEC_DIVERGENCES_ON_MUTANTS: Divergences = XMLSEC_DIVERGENCES | {
    "libxmlsec canonicalizes nothing in a document with a relative namespace name": holds(
        r'xmlns(?::\w+)?="(?:relative|\.\./x)"'
    ),
}
XMLSEC_TOLERATES: Divergences = {
    "libxmlsec fills up an ECDSA value that is too short; XMLDSIG 6.4.3 knows one length": lambda case, _: (
        case.id == "wss4j_debian/bst-p521-ecdsa-sha512-cut-value"
    ),
}
"""Why libxmlsec finds good what we reject as broken -> in which messages."""

OTHER_WIDTHS: Final = "libxmlsec reads the halves of an ECDSA value at any width; XMLDSIG 6.4.3 knows one"
"""The same, in mutants whose values were made longer or shorter."""

_INCLUSIVE = {
    "c14n10",
    "c14n11",
    "c14n11-xml-base-and-id",
    "no-transform",
    "signed-info-c14n10",
    "signed-info-c14n11",
    "xml-attributes-on-ancestors-c14n10",
    "xml-attributes-on-ancestors-c14n11",
    "wss4j/bst-c14n10-rich",
    "wss4j/bst-c14n11-rich",
    "wss4j_debian/issuer-serial-c14n10-timestamp-rich",
    "wss4j_debian/issuer-serial-c14n11-timestamp-rich",
    "xml_crypto/bst-c14n10-soap12-timestamp-token-token-first",
    "xml_crypto/embedded-new-sha256-rsa-mgf1-c14n10-soap12-timestamp-timestamp-last",
    "xml_crypto/issuer-serial-new-sha256-rsa-mgf1-c14n10-timestamp-to-relatesto-signature-first",
    "xml_crypto/key-name-new-rsa-sha1-c14n10-soap12-timestamp-to-relatesto-timestamp-last",
    "xml_crypto/key-value-new-rsa-sha1-c14n10-timestamp-timestamp-last",
    "xml_crypto/none-new-rsa-sha512-c14n10-soap12-signature-first",
    "xml_crypto/ski-new-digest-sha512-c14n10-soap12-timestamp-to-relatesto-timestamp-last",
    "xml_crypto/thumbprint-new-rsa-sha512-c14n10-timestamp-to-relatesto-timestamp-last",
    "xml_crypto/x509-certificate-new-rsa-sha1-c14n10",
    "xml_crypto/bst-c14n10-namespaces",
    "xml_crypto/bst-c14n10-soap12-timestamp-default-namespace",
    "xml_crypto/bst-c14n10-soap12-timestamp-fault",
    "xml_crypto/bst-c14n10-soap12-timestamp-pretty",
    "xmlsec1/bst-rich-no-transforms",
    "xmlsec1/thumbprint-c14n10-rich",
    "xmlsec1/thumbprint-c14n11-rich",
}
SIGNXML_DIVERGENCES: Divergences = {
    "signxml knows no STR-Transform": holds("#STR-Transform"),
    "signxml knows no Ed25519": holds("#eddsa-ed25519"),
    "signxml knows no RSASSA-PSS with parameters": holds("#rsa-pss"),
    "signxml keeps the comments that a fragment does not select (XMLDSIG 4.4.3.3)": lambda case, message: (
        b"WithComments" in message and case.id.startswith("transform-")
    ),
    "signxml keeps the empty prefix for an empty PrefixList": lambda case, _: case.id == "exclusive-prefix-list-empty",
    "signxml canonicalizes subtrees inclusively as lxml does, with what is wrong there": lambda case, _: (
        case.id in _INCLUSIVE
    ),
    "signxml writes elements in ASCII on the way, which has no way to write other names": lambda case, _: (
        case.id.startswith(("names-beyond-ascii-", "attributes-sorted-by-code-point-"))
    ),
    "signxml accepts no certificate out of its validity": lambda case, _: case.policy.expired_certificate == "accept",
}


def _has_text_behind(case: Case, message: bytes) -> bool:
    """Whether text follows an element that a Reference names, in the same parent."""
    root = read(case, message)
    named = {(reference.get("URI") or "").removeprefix("#") for reference in root.iter(REFERENCE)}
    return any(
        (element.tail or "").strip() and not named.isdisjoint(str(value) for value in element.values())
        for element in root.iter(etree.Element)
    )


SIGNXML_DIVERGENCES_ON_MUTANTS: Divergences = SIGNXML_DIVERGENCES | {
    "signxml parses a message once more, without what admits a text of ten megabytes": lambda _, message: (
        len(message) > 10_000_000
    ),
    "signxml keeps the empty prefix for an empty PrefixList, put there by a mutation": holds(r'PrefixList="\s*"'),
    "signxml takes along the text behind a signed element": _has_text_behind,
    "signxml canonicalizes subtrees inclusively as lxml does, where a mutation asks for it": holds(
        "(?:REC-xml-c14n-20010315|xml-c14n11)#WithComments"
    ),
}


def _inherits_xml_attributes(case: Case, message: bytes) -> bool:
    """Whether xml:attributes stand around the Signature, and something is canonicalized inclusively."""
    return re.search(rb"REC-xml-c14n-20010315|xml-c14n11", message) is not None and any(
        str(name).startswith(_XML)
        for signature in read(case, message).iter(SIGNATURE)
        for ancestor in signature.iterancestors()
        for name in ancestor.keys()  # noqa: SIM118 - of an element, not of a dict
    )


_XML: Final = "{http://www.w3.org/XML/1998/namespace}"
SIGNXML_TOLERATES_IN_MUTANTS: Divergences = {
    "signxml, by lxml, gives no xml:attributes of ancestors to what it canonicalizes inclusively": (
        _inherits_xml_attributes
    ),
}

CRYPTOGRAPHIC: Final = frozenset({Reason.SIGNATURE_INVALID, Reason.DIGEST_MISMATCH, Reason.UNKNOWN_KEY})
"""What a judge finds out by itself: where we say so, no judge may find the signature good under a trusted key."""
OURS: Final[Mapping[Reason, str]] = {
    Reason.LIMITS: "judges have no budgets",
    Reason.DUPLICATE_ID: "a judge takes the element that it was told of, or the first one",
    Reason.WRAPPING: "judges do not ask where the signed element stands",
    Reason.STRUCTURE: "judges know no SOAP, and read base64, comments and unknown children generously",
    Reason.TRANSFORM_NOT_ALLOWED: "judges know more transforms",
    Reason.ALGORITHM_NOT_ALLOWED: "judges know more algorithms, and SHA-1",
    Reason.WEAK_KEY: "judges take short keys",
    Reason.REFERENCE_URI: "judges know xpointers, and References to one element twice",
    Reason.PART_NOT_SIGNED: "judges do not ask what is signed",
    Reason.UNSIGNED: "judges take a Signature that is not meant for us",
    Reason.TIMESTAMP_MISSING: "judges have no clock",
    Reason.TIMESTAMP_STALE: "judges have no clock",
    Reason.NOT_SOAP: "judges know no SOAP",
    Reason.RETIRED_KEY: "judges take the key that they are given",
    Reason.STAGED_KEY: "judges take the key that they are given",
    Reason.CERTIFICATE_REVOKED: "judges take the key that they are given",
    Reason.CERTIFICATE_EXPIRED: "judges take the key that they are given",
    Reason.UNCORRELATED: "judges know no requests",
    Reason.DTD: "judges are shown a tree, and not how it was written",
    Reason.ENCODING: "judges are shown a tree, and not how it was written",
    Reason.MALFORMED: "judges are shown a tree, and not how it was written",
}
"""Why a judge may find good what we refuse."""


def divergence(case: Case, table: Divergences, message: bytes | None = None) -> str | None:
    text = case.message if message is None else message
    return next((why for why, applies in table.items() if applies(case, text)), None)


class UnexplainedError(AssertionError):
    """A judge and the verifier differ, and no table says why."""


def explained(reason: Reason, good: bool) -> str:
    """How the comparison came out, where we refuse.

    Raises:
        UnexplainedError: The judge finds it good, and the table has no reason why it may.
    """
    if not good:
        return "agrees: not good"
    if reason in CRYPTOGRAPHIC or reason not in OURS:
        raise UnexplainedError(f"{reason}, and a judge finds it good")
    return f"{reason}: {OURS[reason]}"
