"""Where independent judges and this verifier may differ, each with its reason: the tables, and how they are asked.

What a judge says of one Signature is compared with the verifier's report on it. Where both come to the same, there is
nothing to explain; every other outcome needs an entry here, or it is a finding.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from lxml import etree

from fixtures.manifest import Case
from gateway.verify import Reason, SignatureReport, Verdict
from gateway.verify.envelope import find_security_header, read_envelope
from gateway.verify.reason import Rejection
from gateway.verify.verdict import CheckResult
from keystore import SigningKey, TrustedCertificate
from tests.judges import libxmlsec_accepts, points_outside, read, signatures

Divergences = dict[str, Callable[[Case, bytes], bool]]


def holds(pattern: str) -> Callable[[Case, bytes], bool]:
    """Whether the message holds something of that pattern."""
    compiled = re.compile(pattern.encode(), re.DOTALL)
    return lambda _, message: compiled.search(message) is not None


XMLSEC_DIVERGENCES: Divergences = {
    "libxmlsec knows no STR-Transform": holds("#STR-Transform"),
    "libxmlsec, as its wheel is built, knows no Ed25519": holds("#eddsa-ed25519"),
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
    "signxml's schema admits no PrefixList in a CanonicalizationMethod": holds(
        r"CanonicalizationMethod[^>]*[^/]>\s*<[^>]*InclusiveNamespaces"
    ),
    "signxml's schema admits no empty KeyInfo": lambda case, _: case.id == "empty-key-info",
    "signxml keeps the empty prefix for an empty PrefixList": lambda case, _: case.id == "exclusive-prefix-list-empty",
    "signxml canonicalizes subtrees inclusively as lxml does, with what is wrong there": lambda case, _: (
        case.id in _INCLUSIVE
    ),
    "signxml writes elements in ASCII on the way, which has no way to write other names": lambda case, _: (
        case.id.startswith(("names-beyond-ascii-", "attributes-sorted-by-code-point-"))
    ),
    "signxml accepts no certificate out of its validity": lambda case, _: case.policy.expired_certificate == "accept",
}
SIGNXML_DIVERGENCES_ON_MUTANTS: Divergences = SIGNXML_DIVERGENCES | {
    "signxml parses a message once more, without what admits a text of ten megabytes": lambda _, message: (
        len(message) > 10_000_000
    ),
    "signxml's schema admits no attributes of others on a Transform": holds('Transform Extra="1"'),
    "signxml's schema admits no empty X509Data": holds(r"<(?:\w+:)?X509Data[^>]*>\s*</"),
    "signxml's schema admits no KeyInfo without anything of its own in it": holds(
        r"<(?:\w+:)?KeyInfo[^>]*(?:/>|>\s*(?:</|<rubbish/></))"
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


def usable(entries: tuple[TrustedCertificate, ...]) -> Iterator[SigningKey]:
    yield from (found.public_key for found in entries if found.public_key is not None)


def reported(case: Case, message: bytes, verdict: Verdict) -> list[tuple[int, SignatureReport]]:
    """The reports of a verdict, each with the position of its Signature among those of all Security headers."""
    if not verdict.signatures:
        return []
    root = read(case, message)
    everywhere = signatures(root)
    ours = find_security_header(read_envelope(root), case.policy.actor)[0].signatures
    return [(everywhere.index(node), report) for node, report in zip(ours, verdict.signatures, strict=True)]


def libxmlsec_finds_good(case: Case, message: bytes, position: int, key: SigningKey) -> bool:
    """libxmlsec's word on one Signature, of a message that is parsed anew: it leaves its marks on a tree."""
    root = read(case, message)
    return libxmlsec_accepts(root, signatures(root)[position], key)


def any_good(case: Case, message: bytes, position: int) -> bool:
    return any(libxmlsec_finds_good(case, message, position, key) for key in usable(case.trust))


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


# Mutants before libxmlsec

_MOST_SIGNATURES: Final = 8
"""Signatures of one message that are shown to it: as many as the verifier looks at."""


def libxmlsec_on_mutant(case: Case, message: bytes, verdict: Verdict) -> str:
    """How libxmlsec's word on `message` compares with our `verdict` on it, in a line for a table.

    `case` says under which conditions it was judged. Whatever libxml2 reads is shown to libxmlsec, whether the verifier
    would have read it or not.

    Raises:
        UnexplainedError: They differ, and no table says why.
    """
    root = _leniently_read(case, message)
    if root is None:
        return "not shown: libxml2 reads no document"
    if points_outside(root):
        return "not shown: libxmlsec would open what a Reference names outside of the message"
    lines = list(_lines(case, message, verdict))
    if not lines:
        return "not shown: there is no Signature in a Security header"
    return next((line for line in lines if not line.startswith("agrees")), lines[0])


def _lines(case: Case, message: bytes, verdict: Verdict) -> Iterator[str]:
    keys = {found.alias: found.public_key for found in case.trust}
    reports = reported(case, message, verdict)
    for position, report in reports:
        if report.reason is None:
            told = [key for by in report.verified_by if (key := keys[by.alias]) is not None]
            why = divergence(case, XMLSEC_DIVERGENCES_ON_MUTANTS, message)
            good = bool(told) and all(_finds_good(case, message, position, key) for key in told)
            if not good and why is None:
                raise UnexplainedError("libxmlsec does not find good what we find good")
            # Of two signatures, one may be of the kind that it does not know.
            yield "agrees: good" if good else str(why)
        else:
            good = _finds_any_good(case, message, position)
            wide = good and report.reason in CRYPTOGRAPHIC and _has_another_width(report)
            yield f"{report.reason}: {OTHER_WIDTHS}" if wide else explained(report.reason, good)
    if not reports:
        # It came to no Signature of ours.
        root = _leniently_read(case, message)
        assert root is not None
        for position in range(min(_MOST_SIGNATURES, len(signatures(root)))):
            assert verdict.reason is not None
            yield explained(verdict.reason, _finds_any_good(case, message, position))


def _has_another_width(report: SignatureReport) -> bool:
    """Whether an ECDSA value was tried on no key, because none makes values of that length."""
    return "#ecdsa-" in report.signature_algorithm and all(
        check.result is CheckResult.NOT_APPLICABLE for check in report.checks
    )


def _finds_good(case: Case, message: bytes, position: int, key: SigningKey) -> bool:
    root = _leniently_read(case, message)
    assert root is not None
    return libxmlsec_accepts(root, signatures(root)[position], key)


def _finds_any_good(case: Case, message: bytes, position: int) -> bool:
    return any(_finds_good(case, message, position, key) for key in usable(case.trust))


def _leniently_read(case: Case, message: bytes) -> etree._Element | None:
    """The message as the verifier reads it, or else as libxml2 does by itself; nothing is fetched."""
    try:
        return read(case, message)
    except Rejection:
        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True)
    try:
        return etree.fromstring(message, parser)
    except (etree.XMLSyntaxError, ValueError):
        return None
