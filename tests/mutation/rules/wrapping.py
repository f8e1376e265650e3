"""Rules 1 and 2: signed elements moved elsewhere, forged ones in their place."""

import html
from collections.abc import Iterator
from functools import partial
from typing import Final

from gateway.verify import Reason
from gateway.verify.xml_names import DS, SIGNATURE, TIMESTAMP, WSU
from tests.mutation.mutant import Mutant, Rule
from tests.mutation.scanning import (
    Edit,
    Node,
    content,
    end_tag,
    portable,
    start_tag,
    with_attribute,
    without_ids,
)
from tests.mutation.source import Source

REASONS: Final = frozenset(
    {
        Reason.WRAPPING,
        Reason.PART_NOT_SIGNED,
        Reason.STRUCTURE,
        Reason.DUPLICATE_ID,
        Reason.DIGEST_MISMATCH,
        Reason.SIGNATURE_INVALID,
        Reason.UNSIGNED,
        Reason.LIMITS,
        # Put between a Signature's own parts, the moved element makes another of its rules speak first.
        Reason.ALGORITHM_NOT_ALLOWED,
        Reason.TRANSFORM_NOT_ALLOWED,
        Reason.TIMESTAMP_STALE,
        Reason.UNKNOWN_KEY,
    }
)
GONE: Final = REASONS | {Reason.REFERENCE_URI}

IDS: Final = {
    "no id": "",
    "new id": f'xmlns:zz="{WSU}" zz:Id="forged"',
    "same wsu:Id": f'xmlns:zz="{WSU}" zz:Id="{{id}}"',
    "same Id": 'Id="{id}"',
    "same ID": 'ID="{id}"',
    "same id": 'id="{id}"',
    "same xml:id": 'xml:id="{id}"',
    "same AssertionID": 'AssertionID="{id}"',
    "same foreign Id": 'xmlns:zz="urn:z" zz:Id="{id}"',
}
FORGED: Final = '<forged xmlns="urn:forged">9999</forged>'
_FRESH: Final = "<{0}Created>2026-06-01T12:00:01Z</{0}Created><{0}Expires>2026-06-01T12:06:00Z</{0}Expires>"


def forged_content(target: Node) -> str:
    """What an attacker would have a consumer read."""
    if target.tag != TIMESTAMP:
        return FORGED if target.local == "Body" else "urn:forged"
    prefix = target.name.rpartition(":")[0]
    return _FRESH.format(f"{prefix}:" if prefix else "")


def wraps(source: Source) -> dict[str, str]:
    """What the moved element is put into."""
    prefix, namespace = source.envelope.name.rpartition(":")[0], source.soap
    colon = f"{prefix}:" if prefix else ""
    declaration = f'xmlns{":" if prefix else ""}{prefix}="{namespace}"'
    return {
        "bare": "{}",
        "wrapped": '<w:Wrapper xmlns:w="urn:w" w:Id="w">{}</w:Wrapper>',
        "in a second Envelope": f"<{colon}Envelope {declaration}><{colon}Header/>{{}}</{colon}Envelope>",
        "in an Object": f'<o:Object xmlns:o="{DS}">{{}}</o:Object>',
        "in a Timestamp": f'<t:Timestamp xmlns:t="{WSU}">{{}}</t:Timestamp>',
    }


def _grid(source: Source, target: Node) -> Iterator[Mutant]:
    """Every place x every id x every wrapping; the forged element stands where the signed one stood."""
    text = source.text
    moved = portable(text, target)
    forged = forged_content(target)
    places: dict[int, str] = {}
    for node in source.envelope.walk():
        if node is target or target in node.ancestors():
            continue
        for gap in node.gaps():
            places.setdefault(gap, f"{gap - node.inner} octets into {node.name}")
    for id_label, attribute in IDS.items():
        opening = with_attribute(without_ids(start_tag(text, target)), attribute.format(id=html.escape(target.ids[0])))
        instead = opening + forged + end_tag(target)
        replaced: Edit = (target.start, target.end, instead)
        for wrap_label, wrap in wraps(source).items():
            wrapped = wrap.format(moved)
            for place, where in places.items():
                if place == target.end:
                    edits: list[Edit] = [(target.start, target.end, instead + wrapped)]
                elif place == target.start:
                    edits = [(target.start, target.end, wrapped + instead)]
                else:
                    edits = [replaced, (place, place, wrapped)]
                yield Mutant(f"{target.local} {where}, {id_label}, {wrap_label}", partial(source.edited, *edits))
            for where, inside in (
                ("first in the forged one", wrapped + forged),
                ("last in the forged one", forged + wrapped),
                ("deep in the forged one", f"<a><b><c>{wrapped}</c></b></a>{forged}"),
            ):
                edit = (target.start, target.end, opening + inside + end_tag(target))
                yield Mutant(f"{target.local} {where}, {id_label}, {wrap_label}", partial(source.edited, edit))
        yield Mutant(f"{target.local} gone, {id_label}", source.edited(replaced), reasons=GONE)


def moved_body(source: Source) -> Iterator[Mutant]:
    """The grid over the Body."""
    if source.body in source.targets:
        yield from _grid(source, source.body)


def moved_headers(source: Source) -> Iterator[Mutant]:
    """The grid over the Timestamp and the signed header blocks."""
    required = source.case.policy.required_parts
    for target in source.targets:
        if target is not source.body and (target.tag in required or target is source.timestamp):
            yield from _grid(source, target)


def saml_raider(source: Source) -> Iterator[Mutant]:
    """XSW1 to XSW8 of SAMLRaider, ported from Assertion and Response to Body and Envelope."""
    if source.body not in source.targets:
        return
    text, body, seal = source.text, source.body, source.signatures[-1]
    original = portable(text, body)
    plain = start_tag(text, body)
    envelope = wraps(source)["in a second Envelope"].format(original)
    last_in_seal = seal.outer
    for id_label in ("no id", "new id", "same wsu:Id", "same Id"):
        attribute = IDS[id_label].format(id=html.escape(body.ids[0]))
        opening = with_attribute(without_ids(plain), attribute)
        forged = opening + FORGED + end_tag(body)
        placed: Edit = (body.start, body.end, forged)
        key_info = seal.children[-1]
        attacks: dict[str, list[Edit]] = {
            "1": [placed, (last_in_seal, last_in_seal, envelope)],
            "2": [placed, (seal.end, seal.end, envelope)],
            "3": [(body.start, body.start, forged)],
            "4": [(body.start, body.end, opening + FORGED + original + end_tag(body))],
            "5": [(body.start, body.end, forged + original)],
            "6": [placed, (key_info.outer, key_info.outer, original)],
            "7": [placed, (source.header.outer, source.header.outer, f"<Extensions>{original}</Extensions>")],
            "8": [placed, (last_in_seal, last_in_seal, f'<o:Object xmlns:o="{DS}">{original}</o:Object>')],
        }
        for number, edits in attacks.items():
            if number == "6" and (key_info.empty or key_info.local != "KeyInfo"):
                continue
            yield Mutant(f"XSW{number}, {id_label}", source.edited(*edits))
    # The seal goes with the signed Body, as in the attacks on enveloped signatures.
    whole = portable(text, seal)
    for label, inside in (("before", whole + content(text, body)), ("behind", content(text, body) + whole)):
        yield Mutant(
            f"the Signature {label} what it signs", source.edited((seal.start, seal.end, ""), _body(source, inside))
        )


def _body(source: Source, inside: str) -> Edit:
    body = source.body
    return (body.start, body.end, start_tag(source.text, body) + inside + end_tag(body))


def signed_copies(source: Source) -> Iterator[Mutant]:
    """Signed elements in two places: which of them was meant is anybody's guess."""
    text = source.text
    for node in source.signed:
        if node.tag == SIGNATURE:
            continue
        for where, place in (("Header", source.header.outer), ("Security", source.security.outer)):
            if not node.start < place < node.end:
                yield Mutant(f"{node.local} again in {where}", source.edited((place, place, portable(text, node))))


RULES: Final = (
    Rule("A1 moved Body", moved_body, REASONS, share=10),
    Rule("A1 SAMLRaider", saml_raider, REASONS, share=2),
    Rule("A1 signed twice", signed_copies, REASONS),
    Rule("A2 moved headers", moved_headers, REASONS, share=10),
)
