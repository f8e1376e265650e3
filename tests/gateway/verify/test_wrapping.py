"""Signature wrapping: whatever is moved where, what a consumer reads is what was signed, or the message is rejected.

A grid: every place to which the signed element can be moved x every id that the forged one can carry x bare or wrapped,
over messages of several signers in both SOAP versions. The forged element stands where a consumer reads it.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
import xmlsec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from fixtures.manifest import FOLDER, Case, own_case, public_cases
from gateway.verify import Reason

WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
XML_DSIG = "{http://www.w3.org/2000/09/xmldsig#}"
MUTANTS_AT_LEAST = 1000
FITTING = {
    Reason.WRAPPING,
    Reason.PART_NOT_SIGNED,
    Reason.STRUCTURE,
    Reason.DUPLICATE_ID,
    Reason.DIGEST_MISMATCH,
    Reason.SIGNATURE_INVALID,
    Reason.UNSIGNED,
}

BODY_SOURCES = (
    "bst-x509v3",
    "bst-x509v3-soap12",
    "timestamp-signed",
    "timestamp-signed-soap12",
    "issuer-serial",
    "no-key-info",
    "c14n10",
    "c14n11",
    "no-transform",
    "exclusive-prefix-list-default",
    "enveloped-no-op",
    "str-transform-bst",
    "two-signatures-old-and-new",
    "two-signatures-soap12",
    "addressing-headers-soap12",
    "soap-default-namespace-12",
    "id-attribute-plain",
    "id-attribute-twice-on-one-element",
)
PUBLIC_SOURCES = (
    "cxf-issuer-serial",
    "cxf-str-transform",
    "rampart-req06",
    "peppol-helger-receipt",
    "phase4-usermessage11",
    "eet-response-2021",
    "eet-request-two-id-attributes",
    "nordea-2022-file-list-sha256",
    "difi-2017-transport-receipt",
    "face-gipuzkoa-2022",
)

SAME_VALUE = (
    ("wsu:Id", ' xmlns:zz="' + WSU + '" zz:Id="{id}"'),
    ("Id", ' Id="{id}"'),
    ("ID", ' ID="{id}"'),
    ("id", ' id="{id}"'),
    ("xml:id", ' xml:id="{id}"'),
)
IDS = (("no id", ""), ("new id", f' xmlns:zz="{WSU}" zz:Id="forged"'), *SAME_VALUE)


@dataclass(frozen=True)
class Target:
    """A signed element of a message: the text before it, its start tag, content, end tag, and the text after it."""

    before: str
    start: str
    content: str
    end: str
    after: str
    id: str

    @property
    def original(self) -> str:
        return self.start + self.content + self.end


def find(text: str, name: str) -> Target:
    """The first element of that local name; the message is one that was accepted, so that a pattern is enough."""
    tag = rf"(?:[\w.-]+:)?{name}"
    found = re.search(rf"(<{tag}(?=[\s>/])[^>]*?)(/>|>(.*?)(</{tag}\s*>))", text, re.DOTALL)
    assert found is not None
    start, empty, content, end = found[1] + ">", found[2] == "/>", found[3] or "", found[4] or ""
    if empty:
        end = f"</{found[1][1:].split()[0]}>"
    ids = re.findall(r'\s(?:[\w.-]+:)?Id="([^"]*)"', start)
    if name == "Timestamp" and "xmlns:wsu" not in start:
        # Out of the Security header, its prefix would be unbound. Exclusive C14N writes the declaration anyway.
        start = start.replace("<wsu:Timestamp", f'<wsu:Timestamp xmlns:wsu="{WSU}"')
    return Target(text[: found.start()], start, content, end, text[found.end() :], ids[0])


def forge(target: Target, attribute: str, content: str) -> str:
    """An element of the same name with another content, and with `attribute` for its id."""
    start = re.sub(r"""\s(?:[\w.-]+:)?(?:Id|ID|id)=(?:"[^"]*"|'[^']*')""", "", target.start)
    return start[:-1] + attribute.format(id=target.id) + ">" + content + target.end


def _after(pattern: str) -> Callable[[str, str], str | None]:
    def put(text: str, moved: str) -> str | None:
        found = re.search(pattern, text)
        return None if found is None else text[: found.end()] + moved + text[found.end() :]

    return put


def _before(pattern: str, *, last: bool = False) -> Callable[[str, str], str | None]:
    def put(text: str, moved: str) -> str | None:
        found = list(re.finditer(pattern, text))
        if not found:
            return None
        position = found[-1 if last else 0].start()
        return text[:position] + moved + text[position:]

    return put


def _start(name: str) -> str:
    return rf"<(?:[\w.-]+:)?{name}(?:\s[^>]*[^/>]|)>"


def _end(name: str) -> str:
    return rf"</(?:[\w.-]+:)?{name}\s*>"


FORGED_MARK = "@@forged@@"
PLACES: dict[str, Callable[[str, str], str | None]] = {
    "first in Header": _after(_start("Header")),
    "last in Header": _before(_end("Header"), last=True),
    "first in Security": _after(_start("Security")),
    "last in Security": _before(_end("Security")),
    "in Signature": _before(_end("Signature")),
    "in ds:Object": lambda text, moved: _before(_end("Signature"))(
        text, f'<o:Object xmlns:o="{XML_DSIG[1:-1]}">{moved}</o:Object>'
    ),
    "in KeyInfo": _before(_end("KeyInfo")),
    "in Timestamp": _before(_end("Timestamp")),
    "in a Timestamp of its own": lambda text, moved: _before(_end("Security"))(
        text, f'<t:Timestamp xmlns:t="{WSU}">{moved}</t:Timestamp>'
    ),
    "first in Envelope": _after(_start("Envelope")),
    "last in Envelope": _before(_end("Envelope"), last=True),
    "before the forged one": _before(FORGED_MARK),
    "after the forged one": _after(FORGED_MARK),
}
SECOND_ENVELOPE = ("first in Header", "last in Header", "last in Security", "first in Envelope", "last in Envelope")


def mutants(text: str, name: str, content: str) -> Iterator[tuple[str, str]]:
    """Every mutant of `text` in which the element `name` was moved and forged, with a label."""
    target = find(text, name)
    frame = target.before + FORGED_MARK + target.after
    envelope = re.search(r"<((?:[\w.-]+:)?)Envelope[^>]*?(\sxmlns(?::[\w.-]+)?=\"[^\"]*soap[^\"]*envelope/?\")", text)
    assert envelope is not None
    prefix, declaration = envelope[1], envelope[2]
    for id_label, attribute in IDS:
        forged = forge(target, attribute, content)
        for wrap_label, wrap in (("bare", "{}"), ("wrapped", '<w:Wrapper xmlns:w="urn:w" w:Id="w">{}</w:Wrapper>')):
            moved = wrap.format(target.original)
            for place, put in PLACES.items():
                made = put(frame, moved)
                if made is not None:
                    yield f"{place}, {id_label}, {wrap_label}", made.replace(FORGED_MARK, forged)
            for place in SECOND_ENVELOPE:
                inner = f"<{prefix}Envelope{declaration}><{prefix}Header/>{moved}</{prefix}Envelope>"
                made = PLACES[place](frame, inner)
                if made is not None:
                    yield f"second Envelope {place}, {id_label}, {wrap_label}", made.replace(FORGED_MARK, forged)
            opening = forged[: forged.index(">") + 1]
            for place, inside in (
                ("first in the forged one", moved + content),
                ("last in the forged one", content + moved),
                ("deep in the forged one", "<a><b><c>" + moved + "</c></b></a>" + content),
            ):
                yield f"{place}, {id_label}, {wrap_label}", frame.replace(FORGED_MARK, opening + inside + target.end)
        yield f"gone, {id_label}", frame.replace(FORGED_MARK, forged)


def body_mutants(case: Case) -> list[tuple[str, str]]:
    return list(mutants(case.message.decode(), "Body", '<forged xmlns="urn:forged">9999</forged>'))


def _public(identifier: str) -> Case:
    return next(case for case in public_cases() if case.id == identifier)


def _sources() -> list[str]:
    return [*BODY_SOURCES, *(PUBLIC_SOURCES if public_cases() else ())]


def _case(identifier: str) -> Case:
    return own_case(identifier) if identifier in BODY_SOURCES else _public(identifier)


def _assert_all_rejected(case: Case, made: list[tuple[str, str]]) -> None:
    assert case.verdict().accepted
    for label, mutant in made:
        message = mutant.encode()
        etree.fromstring(message, etree.XMLParser(collect_ids=False))  # a mutant that is no XML would prove nothing
        verdict = case.verdict(message)
        assert not verdict.accepted, f"{case.id}: {label}"
        fitting = FITTING | {Reason.REFERENCE_URI} if label.startswith("gone") else FITTING
        assert verdict.reason in fitting, f"{case.id}: {label}: {verdict.reason}: {verdict.detail}"
        assert verdict.verified_by == ()


@pytest.mark.parametrize("identifier", _sources())
def test_moved_body_is_rejected(identifier: str) -> None:
    case = _case(identifier)

    _assert_all_rejected(case, body_mutants(case))


@pytest.mark.parametrize("identifier", ["timestamp-signed", "timestamp-signed-soap12"])
def test_moved_timestamp_is_rejected(identifier: str) -> None:
    case = own_case(identifier)
    content = "<wsu:Created>2026-06-01T12:00:01Z</wsu:Created><wsu:Expires>2026-06-01T12:06:00Z</wsu:Expires>"

    _assert_all_rejected(case, list(mutants(case.message.decode(), "Timestamp", content)))


@pytest.mark.parametrize("identifier", ["addressing-headers", "addressing-headers-soap12"])
@pytest.mark.parametrize("name", ["To", "RelatesTo"])
def test_moved_header_is_rejected(identifier: str, name: str) -> None:
    case = own_case(identifier)

    _assert_all_rejected(case, list(mutants(case.message.decode(), name, "urn:forged")))


def test_the_grid_is_large() -> None:
    made = [mutant for identifier in BODY_SOURCES for _, mutant in body_mutants(own_case(identifier))]

    assert len(set(made)) > MUTANTS_AT_LEAST


@pytest.mark.parametrize("identifier", ["bst-x509v3", "bst-x509v3-soap12"])
def test_mutants_deceive_a_verifier_that_looks_at_ids_alone(identifier: str) -> None:
    """The control: libxmlsec, asked for the signature and nothing else, finds most of these attacks good."""
    made = body_mutants(own_case(identifier))
    deceived = sum(_libxmlsec_accepts(mutant.encode()) for _, mutant in made)

    assert deceived > len(made) / 4, f"{deceived} of {len(made)}"


def _libxmlsec_accepts(message: bytes) -> bool:
    root = etree.fromstring(message)
    node = root.find(f".//{XML_DSIG}Signature")
    assert node is not None
    xmlsec.tree.add_ids(root, ["Id"])
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_file(str(FOLDER / "keys" / "old.pem"), xmlsec.constants.KeyDataFormatCertPem)
    try:
        context.verify(node)
    except xmlsec.Error:
        return False
    return True


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    identifier=st.sampled_from(["bst-x509v3", "timestamp-signed-soap12", "two-signatures-old-and-new", "c14n10"]),
    steps=st.lists(
        st.tuples(
            st.sampled_from(["move", "copy", "remove", "rename", "id"]), st.integers(0, 200), st.integers(0, 200)
        ),
        min_size=1,
        max_size=4,
    ),
)
def test_what_is_accepted_is_what_was_signed(identifier: str, steps: list[tuple[str, int, int]]) -> None:
    """The oracle: whatever the surgery, an accepted message shows a naive consumer the Body that was signed."""
    case = own_case(identifier)
    root = etree.fromstring(case.message)
    original = _naive_body(root)
    for operation, first, second in steps:
        _operate(root, operation, first, second)
    message = etree.tostring(root)

    verdict = case.verdict(message)

    if verdict.accepted:
        assert _naive_body(etree.fromstring(message)) == original


def _naive_body(root: etree._Element) -> bytes:
    """What a consumer reads: the first Body below the Envelope, its id aside."""
    body = next(child for child in root if etree.QName(child).localname == "Body")
    return b"".join(etree.tostring(child, method="c14n", exclusive=True, with_comments=False) for child in body)


def _operate(root: etree._Element, operation: str, first: int, second: int) -> None:
    elements = [element for element in root.iter() if isinstance(element.tag, str)]
    one, other = elements[first % len(elements)], elements[second % len(elements)]
    parent = one.getparent()
    if parent is None or other is one or any(ancestor is one for ancestor in other.iterancestors()):
        return
    match operation:
        case "move":
            other.append(one)
        case "copy":
            other.append(etree.fromstring(etree.tostring(one, with_tail=False)))
        case "remove":
            parent.remove(one)
        case "rename":
            one.tag = other.tag
        case _:
            one.attrib.update(other.attrib)
