"""Step 7: what a Signature may consist of, from closed lists; everything else is refused before it costs anything."""

import pytest

from fixtures.generator import uris
from fixtures.generator.soap import STR_TRANSFORM, Reference, encode, prefix_list, signature, transform_with_prefixes
from gateway.verify import Policy, Reason
from gateway.verify.algorithms import _SIGNATURES, Canonicalization
from gateway.verify.grammar import (
    MAX_REFERENCES,
    MAX_TRANSFORMS,
    CanonicalizationMethod,
    SignatureGrammar,
    read_signature,
)
from gateway.verify.reason import Rejection
from gateway.verify.xml_names import SIGNATURE
from tests.gateway.verify.documents import parsed

EXCLUSIVE, INCLUSIVE_1_0, INCLUSIVE_1_1 = Canonicalization
DIGEST = encode(bytes(range(32)))
VALUE = encode(b"value")
BODY = Reference("#body", digest=DIGEST)
LONG = Reference("#" + "a" * 120, digest=DIGEST)
ENVELOPED = f'<ds:Transform Algorithm="{uris.ENVELOPED}"/>'


def read(text: str, policy: Policy | None = None) -> SignatureGrammar:
    root = parsed(f'<r xmlns:wsse="{uris.WSSE}">{text}</r>')
    return read_signature(next(root.iter(SIGNATURE)), policy or Policy())


def signed(*references: Reference, edit: tuple[str, str] = ("", ""), **given: str) -> str:
    """A Signature with `references`, in which the first text of `edit` is replaced by its second, once."""
    text = signature(*(references or (BODY,)), **({"key_info": "", "value": VALUE} | given))  # type: ignore[arg-type] # by name
    assert edit[0] in text
    return text.replace(*edit, 1)


def reference(*transforms: str, uri: str | None = "#body", **given: str) -> str:
    return signed(Reference(uri, transforms, **({"digest": DIGEST} | given)))


def test_a_signature_is_read() -> None:
    found = read(signed(BODY, Reference("#stamp", (), digest=DIGEST), key_info="<ds:KeyInfo/>"))

    assert found.id == "signature-1"
    assert found.algorithm.uri == uris.RSA_SHA256
    assert found.canonicalization == CanonicalizationMethod(EXCLUSIVE)
    assert found.value == b"value"
    assert found.key_info is found.element[2]
    assert found.signed_info is found.element[0]
    assert [(one.uri, one.id, one.digest, one.canonicalization) for one in found.references] == [
        ("#body", "body", bytes(range(32)), CanonicalizationMethod(EXCLUSIVE)),
        ("#stamp", "stamp", bytes(range(32)), CanonicalizationMethod(INCLUSIVE_1_0)),
    ]


def test_long_ids_that_begin_alike_are_two() -> None:
    """What is shown of them is the same."""
    found = read(signed(LONG, Reference(f"{LONG.uri}b", digest=DIGEST)))

    assert [one.id for one in found.references] == ["a" * 120, "a" * 120 + "b"]
    assert len({one.uri for one in found.references}) == 1


def test_what_may_be_absent() -> None:
    found = read(signed(edit=(' Id="signature-1"', "")))

    assert found.id is None
    assert found.key_info is None


@pytest.mark.parametrize(
    ("text", "method", "enveloped", "str_transform"),
    [
        (reference(), CanonicalizationMethod(INCLUSIVE_1_0), False, False),
        (reference(uris.EXCLUSIVE), CanonicalizationMethod(EXCLUSIVE), False, False),
        (reference(uris.C14N10), CanonicalizationMethod(INCLUSIVE_1_0), False, False),
        (reference(uris.C14N11), CanonicalizationMethod(INCLUSIVE_1_1), False, False),
        (reference(transform_with_prefixes("a b")), CanonicalizationMethod(EXCLUSIVE, ("a", "b")), False, False),
        (
            reference(transform_with_prefixes("#default")),
            CanonicalizationMethod(EXCLUSIVE, ("#default",)),
            False,
            False,
        ),
        (reference(transform_with_prefixes(" ")), CanonicalizationMethod(EXCLUSIVE), False, False),
        (reference(uris.ENVELOPED), CanonicalizationMethod(INCLUSIVE_1_0), True, False),
        (reference(uris.ENVELOPED, uris.EXCLUSIVE), CanonicalizationMethod(EXCLUSIVE), True, False),
        (reference(STR_TRANSFORM), CanonicalizationMethod(EXCLUSIVE), False, True),
        (
            reference(STR_TRANSFORM.replace(uris.EXCLUSIVE, uris.C14N10)),
            CanonicalizationMethod(INCLUSIVE_1_0),
            False,
            True,
        ),
    ],
)
def test_transforms(text: str, method: CanonicalizationMethod, enveloped: bool, str_transform: bool) -> None:
    (found,) = read(text).references

    assert (found.canonicalization, found.enveloped, found.str_transform) == (method, enveloped, str_transform)


@pytest.mark.parametrize("name", ["a", "8", "_-.:", "\u00fc", "b" * 256])
def test_a_reference_is_a_plain_fragment(name: str) -> None:
    assert read(reference(uri=f"#{name}")).references[0].id == name


def test_an_attachment_is_left_for_a_better_sentence() -> None:
    (found,) = read(reference("urn:attachment-transform", uri="cid:a@example")).references

    assert found.id is None
    assert found.uri == "cid:a@example"


STRUCTURE, LIMITS = Reason.STRUCTURE, Reason.LIMITS
TRANSFORM, ALGORITHM, URI = Reason.TRANSFORM_NOT_ALLOWED, Reason.ALGORITHM_NOT_ALLOWED, Reason.REFERENCE_URI
INCLUSIVE = '<ec:InclusiveNamespaces xmlns:ec="http://www.w3.org/2001/10/xml-exc-c14n#" PrefixList="a"/>'


@pytest.mark.parametrize(
    ("text", "reason", "detail"),
    [
        # Signature
        (signed(extra="<ds:Object/><x/>"), STRUCTURE, "it holds: SignedInfo, SignatureValue, Object, x"),
        (signed(extra="<ds:Object/>" * 5), LIMITS, "more than 4 Objects"),
        (signed(extra="<ds:Object><ds:Manifest/></ds:Object>"), STRUCTURE, "holds a Manifest"),
        (signed(extra="<ds:Object/><ds:KeyInfo/>"), STRUCTURE, "SignatureValue, Object, KeyInfo"),
        (signed(extra="<ds:KeyInfo/>", key_info="<ds:KeyInfo/>"), STRUCTURE, "SignatureValue, KeyInfo, KeyInfo"),
        (signed(extra="<?p?>"), STRUCTURE, "processing instruction"),
        (f'<d:Signature xmlns:d="{uris.DS}"/>', STRUCTURE, "it holds: $"),
        (
            signed(edit=("<ds:SignatureValue>", "<ds:SignedInfo/><ds:SignatureValue>")),
            STRUCTURE,
            "SignedInfo, SignedInfo",
        ),
        (signed(value="*"), STRUCTURE, "SignatureValue is not base64"),
        (signed(value="AA<x/>AA"), STRUCTURE, "SignatureValue must hold text alone"),
        # SignedInfo
        (signed(edit=("<ds:SignatureMethod", "<ds:Reference/><ds:SignatureMethod")), STRUCTURE, "SignedInfo must hold"),
        (signed(edit=("</ds:SignedInfo>", "<x/></ds:SignedInfo>")), STRUCTURE, "SignedInfo must hold"),
        (signed(edit=("<ds:SignedInfo>", "<ds:SignedInfo><?p?>")), STRUCTURE, "processing instruction"),
        (
            f'<ds:Signature xmlns:ds="{uris.DS}"><ds:SignedInfo/><ds:SignatureValue/></ds:Signature>',
            STRUCTURE,
            "SignedInfo must hold",
        ),
        (signed(method=""), ALGORITHM, r"signature algorithm \(none\) is not admitted"),
        (signed(method="urn:x\u202e"), ALGORITHM, r"signature algorithm urn:x\\u202e is not admitted"),
        (signed(method=uris.RSA_SHA1), ALGORITHM, "rests on SHA-1"),
        (signed(method=uris.HMAC_SHA256), ALGORITHM, "is not admitted"),
        (signed(method_content="<ds:HMACOutputLength>0</ds:HMACOutputLength>"), ALGORITHM, "carries parameters"),
        (signed(c14n=uris.EXCLUSIVE + "WithComment"), ALGORITHM, "WithComment is not admitted"),
        (signed(c14n=uris.C14N10 + "WithComments"), ALGORITHM, "WithComments is not admitted"),
        (
            signed(c14n=uris.C14N10 + "#WithComments", edit=("<ds:SignedInfo>", "<ds:SignedInfo><!-- -->")),
            ALGORITHM,
            "keeps comments is applied to a SignedInfo with some",
        ),
        (signed(edit=(f' Algorithm="{uris.EXCLUSIVE}"', "")), ALGORITHM, "canonicalization None is not admitted"),
        (signed(c14n=uris.C14N10, c14n_content=prefix_list("a")), ALGORITHM, "carries a parameter"),
        (signed(c14n_content=prefix_list("a") * 2), ALGORITHM, "carries a parameter"),
        (signed(c14n_content="<x/>"), ALGORITHM, "carries a parameter"),
        (signed(c14n_content=INCLUSIVE.replace("/>", "><x/></ec:InclusiveNamespaces>")), STRUCTURE, "must be empty"),
        (signed(c14n_content=prefix_list("a " * 65)), LIMITS, "more than 64 prefixes"),
        # Reference
        (signed(edit=("</ds:Reference>", "<x/></ds:Reference>")), STRUCTURE, "a Reference must hold"),
        (signed(edit=("<ds:DigestValue>", "<ds:DigestValue/><ds:DigestValue>")), STRUCTURE, "a Reference must hold"),
        (signed(edit=("<ds:Reference ", f'<ds:Reference Type="{uris.DS}Manifest" ')), STRUCTURE, "names a Manifest"),
        (reference(digest_method="urn:x"), ALGORITHM, "digest algorithm urn:x is not admitted"),
        (reference(digest_method=uris.SHA1), ALGORITHM, "a digest uses SHA-1"),
        (
            signed(edit=(f'Algorithm="{uris.SHA256}"/>', f'Algorithm="{uris.SHA256}"><x/></ds:DigestMethod>')),
            ALGORITHM,
            "a DigestMethod carries parameters",
        ),
        (reference(digest=encode(bytes(31))), STRUCTURE, "a DigestValue has 31 bytes instead of 32"),
        (reference(digest=""), STRUCTURE, "a DigestValue has 0 bytes instead of 32"),
        (reference(digest="*"), STRUCTURE, "DigestValue is not base64"),
        (reference(digest=f"<!-- -->{DIGEST}"), STRUCTURE, "DigestValue must hold text alone"),
        # URI
        (reference(uri=None), URI, "a Reference has no URI"),
        (reference(uri=""), URI, "not a plain same-document fragment: empty"),
        (reference(uri="#"), URI, "fragment: #$"),
        (reference(uri="body"), URI, "fragment: body"),
        (reference(uri="#a b"), URI, "fragment"),
        (reference(uri="#a&#10;"), URI, "fragment"),
        (reference(uri="#" + "b" * 1025), URI, "fragment"),
        (reference(uri="#a#b"), URI, "fragment"),
        (reference(uri="#a(b"), URI, "fragment"),
        (reference(uri="#a&lt;b"), URI, "fragment"),
        (reference(uri="#xpointer(/)"), URI, "fragment"),
        (reference(uri="file:///etc/hostname"), URI, "fragment"),
        (reference(uri="CID:a"), URI, "fragment"),
        # Transforms
        (reference(*[uris.ENVELOPED] * (MAX_TRANSFORMS + 1)), LIMITS, f"more than {MAX_TRANSFORMS} Transforms"),
        (reference("<x/>"), STRUCTURE, "must hold Transform elements"),
        (reference(transform_with_prefixes("a"), uri="cid:a"), STRUCTURE, "must hold Transform elements"),
        (reference("urn:x"), TRANSFORM, "the Transform urn:x is not admitted"),
        (reference("<ds:Transform/>"), TRANSFORM, r"the Transform \(none\) is not admitted"),
        (reference(uris.EXCLUSIVE, uris.EXCLUSIVE), TRANSFORM, "follows one that already yields octets"),
        (reference(uris.EXCLUSIVE, uris.ENVELOPED), TRANSFORM, "follows one that already yields octets"),
        (reference(STR_TRANSFORM, uris.EXCLUSIVE), TRANSFORM, "follows one that already yields octets"),
        (reference(uris.ENVELOPED, uris.ENVELOPED), TRANSFORM, "enveloped-signature is not admitted"),
        (reference(ENVELOPED.replace("/>", "><x/></ds:Transform>")), TRANSFORM, "is not admitted"),
        (reference(uris.ENVELOPED, STR_TRANSFORM), TRANSFORM, "STR-Transform is not admitted"),
        (reference(uris.STR_TRANSFORM), TRANSFORM, "must carry TransformationParameters"),
        (reference(STR_TRANSFORM.replace("CanonicalizationMethod", "Other")), TRANSFORM, "must carry"),
        (reference(STR_TRANSFORM.replace("TransformationParameters", "Other")), TRANSFORM, "must carry"),
        (
            reference(STR_TRANSFORM.replace("</wsse:T", "<ds:CanonicalizationMethod/></wsse:T")),
            TRANSFORM,
            "with one CanonicalizationMethod",
        ),
        (reference(STR_TRANSFORM.replace(uris.EXCLUSIVE, "urn:x")), TRANSFORM, "canonicalization urn:x"),
        (reference(transform_with_prefixes("a").replace(uris.EXCLUSIVE, uris.C14N11, 1)), TRANSFORM, "a parameter"),
        (reference(transform_with_prefixes("a " * 65)), LIMITS, "more than 64 prefixes"),
    ],
)
def test_what_is_refused(text: str, reason: Reason, detail: str) -> None:
    with pytest.raises(Rejection, match=detail) as caught:
        read(text)

    assert caught.value.reason is reason
    assert caught.value.detail.isprintable()


def test_references_are_counted() -> None:
    references = [Reference(f"#r{number}", digest=DIGEST) for number in range(MAX_REFERENCES + 1)]

    assert len(read(signed(*references[:-1])).references) == MAX_REFERENCES
    with pytest.raises(Rejection, match=f"more than {MAX_REFERENCES} References") as caught:
        read(signed(*references))
    assert caught.value.reason is LIMITS


def test_no_reference_covers_nothing() -> None:
    text = signature(key_info="", value=VALUE)

    with pytest.raises(Rejection, match="covers nothing") as caught:
        read(text)
    assert caught.value.reason is Reason.PART_NOT_SIGNED


@pytest.mark.parametrize("method", [uri for uri, algorithm in _SIGNATURES.items() if algorithm.uses_sha1])
def test_sha1_in_the_signature_alone_is_sha1(method: str) -> None:
    with pytest.raises(Rejection, match="rests on SHA-1") as caught:
        read(signed(method=method))
    assert caught.value.reason is ALGORITHM


@pytest.mark.parametrize("method", [uris.RSA_SHA1])
def test_sha1_is_a_matter_of_policy(method: str) -> None:
    sha1 = Reference("#body", digest_method=uris.SHA1, digest=encode(bytes(20)))

    found = read(signed(sha1, method=method), Policy(allow_sha1=True))

    assert found.algorithm.uses_sha1
    assert found.references[0].digest_algorithm.is_sha1
