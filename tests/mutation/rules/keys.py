"""Rules 17 to 22: keys and algorithms."""

import base64
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Final

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from fixtures.generator import uris
from fixtures.generator.soap import issuer_serial_data, key_value, x509_data
from fixtures.manifest import entry
from gateway.verify import Reason
from gateway.verify.xml_names import DIGEST_METHOD, DS, KEY_INFO, SIGNATURE_METHOD, SIGNATURE_VALUE
from keystore import Alias, State, TrustedCertificate
from tests.mutation.mutant import Fate, Mutant, Rule, variants
from tests.mutation.scanning import Edit, Node, content, edited, end_tag, start_tag
from tests.mutation.sealing import sealed_by_stranger
from tests.mutation.source import Source

_STRANGE: Final = frozenset({Reason.UNKNOWN_KEY, Reason.SIGNATURE_INVALID})
_BROKEN: Final = _STRANGE | {Reason.DIGEST_MISMATCH}
_ALGORITHMS: Final = _BROKEN | {Reason.ALGORITHM_NOT_ALLOWED, Reason.STRUCTURE}


def _key_infos() -> dict[str, str]:
    """What a message may say of its key; the stranger's is the certificate `foreign`."""
    return {
        "a certificate": f"<ds:X509Data>{x509_data('foreign')[13:-14]}</ds:X509Data>",
        "a bare key": key_value("foreign")[len("<ds:KeyInfo>") : -len("</ds:KeyInfo>")],
        "a name": "<ds:KeyName>old</ds:KeyName>",
        "issuer and serial number": issuer_serial_data("foreign"),
        "issuer and serial number of a trusted one": issuer_serial_data("old"),
        "nothing": "",
        "rubbish": "<rubbish/>",
    }


def strangers(source: Source) -> Iterator[Mutant]:
    """A message of somebody's own making, signed well with a key that nobody trusts."""
    body = source.body
    inside = start_tag(source.text, body) + "<forged>9999</forged>" + end_tag(body)
    for label, text in (
        ("the same content", source.text),
        ("another content", edited(source.text, [(body.start, body.end, inside)])),
    ):
        again = sealed_by_stranger(source, text)
        if again is not None:
            yield Mutant(label, source.encoded(again))
            for what, information in _key_infos().items():
                said = _saying(again, information)
                if said is not None:
                    yield Mutant(f"{label}, carrying {what}", source.encoded(said))


_KEY_INFO: Final = re.compile(r"(<((?:[\w.-]+:)?)KeyInfo\b[^>]*?)(?:/>|>.*?</\2KeyInfo\s*>)", re.DOTALL)


def _saying(text: str, information: str) -> str | None:
    """The text with another content of its first KeyInfo."""
    found = _KEY_INFO.search(text)
    if found is None:
        return None
    inside = f'<ds:KeyInfo xmlns:ds="{DS}">{information}</ds:KeyInfo>'
    return text[: found.start()] + inside + text[found.end() :]


def key_infos(source: Source) -> Iterator[Mutant]:
    """A hint orders the candidates, and neither grants nor takes trust."""
    for seal in source.signatures:
        node = seal.child(KEY_INFO)
        if node is None:
            continue
        covered = any(signed is node or signed in node.walk() or node in signed.walk() for signed in source.signed)
        covered = covered or any(signed in seal.ancestors() or signed is seal for signed in source.signed)
        fate = Fate.EITHER if covered else Fate.ACCEPTED
        for what, information in _key_infos().items():
            inside = f'<ds:KeyInfo xmlns:ds="{DS}">{information}</ds:KeyInfo>'
            yield Mutant(f"saying {what}", source.edited((node.start, node.end, inside)), fate)
        yield Mutant("saying nothing at all", source.edited((node.start, node.end, "")), fate)


METHODS: Final = (
    f"{DS}hmac-sha1",
    uris.HMAC_SHA256,
    f"{DS}dsa-sha1",
    uris.DSA_SHA256,
    uris.RSA_MD5,
    uris.RSA_RIPEMD160,
    uris.RSA_SHA224,
    f"{uris._MORE}ecdsa-sha224",
    "http://www.w3.org/2007/05/xmldsig-more#rsa-pss",
    "http://www.w3.org/2007/05/xmldsig-more#sha224-rsa-MGF1",
    "http://www.w3.org/2021/04/xmldsig-more#eddsa-ed448",
    uris.RSA_SHA256.upper(),
    f" {uris.RSA_SHA256}",
    "none",
    "",
)
DIGESTS: Final = (
    f"{uris._MORE}md5",
    f"{uris._MORE}sha224",
    "http://www.w3.org/2001/04/xmlenc#ripemd160",
    "http://www.w3.org/2007/05/xmldsig-more#sha3-256",
    "urn:identity",
    uris.SHA256.upper(),
    "",
)
_ALGORITHM: Final = re.compile(r'(\sAlgorithm\s*=\s*)(?:"[^"]*"|\'[^\']*\')')


def algorithms(source: Source) -> Iterator[Mutant]:
    """Algorithms are closed lists; what is not in them is refused even where the signature would be good."""
    for node in _methods(source):
        if node.tag not in {SIGNATURE_METHOD, DIGEST_METHOD}:
            continue
        for uri in METHODS if node.tag == SIGNATURE_METHOD else DIGESTS:
            # Without parameters it means SHA-256 throughout.
            fate = Fate.EITHER if uri == uris.RSA_PSS else Fate.REJECTED
            yield from variants(source, f"{node.local} {uri or 'empty'}", _named(source, node, uri), fate=fate)
        tag = start_tag(source.text, node)
        yield from variants(
            source, f"{node.local} without a name", (node.start, node.end, _ALGORITHM.sub("", tag) + end_tag(node))
        )
        for label, parameter in (
            ("HMACOutputLength", f'<x:HMACOutputLength xmlns:x="{DS}">8</x:HMACOutputLength>'),
            ("RSAPSSParams", '<x:RSAPSSParams xmlns:x="http://www.w3.org/2007/05/xmldsig-more#"/>'),
            ("a stranger", "<x/>"),
        ):
            yield from variants(
                source, f"{node.local} with {label}", (node.start, node.end, tag + parameter + end_tag(node))
            )


def _methods(source: Source) -> Iterator[Node]:
    yield from (node for seal in source.signatures for node in seal.walk())


def sha1(source: Source) -> Iterator[Mutant]:
    """SHA-1 by policy only."""
    if source.case.policy.allow_sha1:
        return
    for node in _methods(source):
        if node.tag == DIGEST_METHOD:
            yield from variants(source, "a SHA-1 digest", _named(source, node, uris.SHA1))
        elif node.tag == SIGNATURE_METHOD:
            for uri in (uris.RSA_SHA1, f"{uris._MORE}ecdsa-sha1", f"{uris.MORE07}sha1-rsa-MGF1"):
                yield from variants(source, f"a SHA-1 signature {uri}", _named(source, node, uri))


def _named(source: Source, node: Node, uri: str) -> Edit:
    tag = _ALGORITHM.sub(rf'\1"{uri}"', start_tag(source.text, node))
    return (node.start, node.end, tag + content(source.text, node) + end_tag(node))


def values(source: Source) -> Iterator[Mutant]:
    """A signature value has one form and one length."""
    for number, seal in enumerate(source.signatures):
        node = seal.child(SIGNATURE_VALUE)
        if node is None:
            continue
        value = base64.b64decode(content(source.text, node).replace("&#13;", ""))
        half = len(value) // 2
        r, s = int.from_bytes(value[:half], "big"), int.from_bytes(value[half:], "big")
        forms = {
            "empty": b"",
            "one octet": b"\x00",
            "a zero before": b"\x00" + value,
            "a zero behind": value + b"\x00",
            "one octet less": value[:-1],
            "one octet less in front": value[1:],
            "zeros": bytes(len(value)),
            "ones": b"\xff" * len(value),
            "the number one": bytes(len(value) - 1) + b"\x01",
            "reversed": value[::-1],
            "halves exchanged": value[half:] + value[:half],
            "in DER": encode_dss_signature(r, s),
            "r zero": bytes(half) + value[half:],
            "s zero": value[:half] + bytes(half),
            "halves with a zero before": b"\x00" + value[:half] + b"\x00" + value[half:],
            **{f"bit {bit} flipped": _flipped(value, bit) for bit in range(0, len(value) * 8, 97)},
        }
        modulus = _modulus(source, number)
        if modulus is not None:
            larger = int.from_bytes(value, "big") + modulus
            forms["plus the modulus"] = larger.to_bytes(len(value) + 1, "big")
            forms["the modulus"] = modulus.to_bytes((modulus.bit_length() + 7) // 8, "big")
            forms["its negative"] = (modulus - int.from_bytes(value, "big")).to_bytes(len(value), "big")
        for label, form in forms.items():
            if form != value:
                written = base64.b64encode(form).decode()
                yield Mutant(f"{label}, {number}", source.edited((node.inner, node.outer, written)))


def _flipped(value: bytes, bit: int) -> bytes:
    changed = bytearray(value)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def _modulus(source: Source, number: int) -> int | None:
    reports = [report for report in source.verdict.signatures if report.verified_by]
    aliases = {by.alias for by in reports[number].verified_by}
    for candidate in source.case.trust:
        if candidate.alias in aliases and isinstance(candidate.public_key, rsa.RSAPublicKey):
            return candidate.public_key.public_numbers().n
    return None


def trust(source: Source) -> Iterator[Mutant]:
    """The message as it is, judged by a keystore that does not trust it, or not yet, or no more."""
    message, case = source.case.message, source.case
    used = _signers(source)
    others = tuple(found for found in case.trust if found not in used)
    yield Mutant("nobody", message, changes={"trust": ()}, reasons=_STRANGE)
    yield Mutant("others", message, changes={"trust": (*others, entry("retired"))}, reasons=_STRANGE)
    if any(report.reason is not None for report in source.verdict.signatures):
        return  # Of two signatures, one was never trusted.
    for state, reason in ((State.RETIRED, Reason.RETIRED_KEY), (State.STAGED, Reason.STAGED_KEY)):
        changed = tuple(found.with_state(state) for found in case.trust)
        yield Mutant(f"{state} ones", message, changes={"trust": changed}, reasons=frozenset({reason}))
    withdrawn = tuple(replace(found.with_state(State.RETIRED), revoked=True) for found in case.trust)
    yield Mutant(
        "withdrawn ones", message, changes={"trust": withdrawn}, reasons=frozenset({Reason.CERTIFICATE_REVOKED})
    )


def validity(source: Source) -> Iterator[Mutant]:
    """The message as it is, outside of the certificates' validity, under a policy that minds."""
    message, case = source.case.message, source.case
    if any(report.reason is not None for report in source.verdict.signatures):
        return
    policy = case.policy.model_copy(update={"expired_certificate": "reject"})
    used = _signers(source)
    for label, at in (
        ("not valid yet", min(found.not_before for found in used) - timedelta(seconds=1)),
        ("expired", max(found.not_after for found in used) + timedelta(days=1)),
    ):
        yield Mutant(
            label,
            message,
            changes={"at": at, "policy": policy},
            reasons=frozenset({Reason.CERTIFICATE_EXPIRED}),
        )


def sizes(source: Source) -> Iterator[Mutant]:
    """A policy that wants longer keys than the one that signed."""
    used = _signers(source)
    found = {entry.public_key.key_size for entry in used if isinstance(entry.public_key, rsa.RSAPublicKey)}
    if len(found) == 1 and all(isinstance(entry.public_key, rsa.RSAPublicKey) for entry in used):
        if any(report.reason is not None for report in source.verdict.signatures):
            return
        stronger = source.case.policy.model_copy(update={"minimum_rsa_bits": max(found) + 1})
        weak = frozenset({Reason.WEAK_KEY})
        yield Mutant("too weak", source.case.message, changes={"policy": stronger}, reasons=weak)


def families(source: Source) -> Iterator[Mutant]:
    """Keys of other families beside the one that signed, or instead of it; its method called that of another family."""
    used = {entry.key_id for entry in _signers(source)}
    others = tuple(found for found in map(entry, _FAMILIES) if found.key_id not in used)
    message, case = source.case.message, source.case
    yield Mutant("beside others", message, Fate.ACCEPTED, {"trust": (*others, *case.trust)})
    yield Mutant("others alone", message, changes={"trust": others})
    for node in _methods(source):
        if node.tag == SIGNATURE_METHOD:
            for uri in (uris.RSA_SHA256, uris.PSS_SHA256, uris.ECDSA_SHA256, uris.ED25519):
                if f'"{uri}"' not in start_tag(source.text, node):
                    edit = _named(source, node, uri)
                    yield Mutant(f"called {uri}", source.edited(edit), changes={"trust": (*others, *case.trust)})


_FAMILIES: Final = ("rsa4096", "p256", "p384", "p521", "ed25519")


def twins(source: Source) -> Iterator[Mutant]:
    """Further certificates over the key that signed: every trusted one is named, and no other counts."""
    message, case = source.case.message, source.case
    used = _signers(source)
    again = tuple(replace(found, alias=Alias(f"again-{number}")) for number, found in enumerate(used))
    if any(report.reason is not None for report in source.verdict.signatures):
        return
    yield Mutant("trusted again", message, Fate.ACCEPTED, {"trust": (*case.trust, *again)})
    yield Mutant("trusted again, first", message, Fate.ACCEPTED, {"trust": (*again, *case.trust)})
    retired = tuple(found.with_state(State.RETIRED) for found in again)
    yield Mutant("retired beside", message, Fate.ACCEPTED, {"trust": (*retired, *case.trust)})
    first = tuple(found.with_state(State.RETIRED) if found in used else found for found in case.trust)
    yield Mutant("retired, and trusted again", message, Fate.ACCEPTED, {"trust": (*first, *again)})
    withdrawn = tuple(replace(found, revoked=True) for found in retired)
    yield Mutant(
        "withdrawn beside",
        message,
        changes={"trust": (*case.trust, *withdrawn)},
        reasons=frozenset({Reason.CERTIFICATE_REVOKED}),
    )


def _signers(source: Source) -> list[TrustedCertificate]:
    aliases = {by.alias for report in source.verdict.signatures for by in report.verified_by}
    return [found for found in source.case.trust if found.alias in aliases]


STRANGERS: Final = Rule("D17 strangers", strangers, _BROKEN | {Reason.REFERENCE_URI})
RULES: Final = (
    STRANGERS,
    Rule("D17 hints", key_infos, _BROKEN | {Reason.STRUCTURE, Reason.REFERENCE_URI, Reason.DUPLICATE_ID}),
    Rule("D18 algorithms", algorithms, _ALGORITHMS),
    Rule("D18 SHA-1", sha1, _ALGORITHMS),
    Rule("D19 values", values, _STRANGE | {Reason.DIGEST_MISMATCH, Reason.STRUCTURE}),
    Rule("D17 trust", trust, _STRANGE),
    Rule("D18 key sizes", sizes, _STRANGE),
    Rule("D20 families", families, _BROKEN | {Reason.ALGORITHM_NOT_ALLOWED}),
    Rule("D21 validity", validity, _STRANGE),
    Rule("D22 certificates of one key", twins, _STRANGE),
)
