"""Rules 3 to 7: the structure of the Envelope, Security headers, Signatures, what is signed at all."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from gateway.verify import Reason
from gateway.verify.xml_names import DS, REFERENCE, SIGNATURE_VALUE, SIGNED_INFO, SOAP11, SOAP12, WSSE, WSSE11, XENC
from tests.mutation.mutant import Fate, Mutant, Rule, variants
from tests.mutation.scanning import Edit, content, end_tag, portable, start_tag
from tests.mutation.source import Source

_STRUCTURE: Final = frozenset({Reason.STRUCTURE, Reason.NOT_SOAP, Reason.DUPLICATE_ID})
_HEADERS: Final = frozenset({Reason.STRUCTURE, Reason.UNSIGNED, Reason.DUPLICATE_ID, Reason.LIMITS})
_SIGNED: Final = frozenset(
    {
        Reason.UNSIGNED,
        Reason.PART_NOT_SIGNED,
        Reason.STRUCTURE,
        Reason.SIGNATURE_INVALID,
        Reason.UNKNOWN_KEY,
        Reason.REFERENCE_URI,
        Reason.DIGEST_MISMATCH,
        Reason.TIMESTAMP_MISSING,
        Reason.DUPLICATE_ID,
        Reason.LIMITS,
    }
)


def misshapen(source: Source) -> Iterator[Mutant]:
    """An Envelope holds a Header and a Body of its own namespace, and nothing else."""
    text, header, body = source.text, source.header, source.body
    other = SOAP12 if source.soap == SOAP11 else SOAP11
    empty_body = f'<x:Body xmlns:x="{source.soap}"/>'
    insertions = {
        "a second Body": empty_body,
        "a Body of the other version": f'<x:Body xmlns:x="{other}"/>',
        "a Body without a namespace": '<Body xmlns=""/>',
        "a second Header": f'<x:Header xmlns:x="{source.soap}"/>',
        "a Header of the other version": f'<x:Header xmlns:x="{other}"/>',
        "a stranger": '<x:trailer xmlns:x="urn:x"/>',
        "an Envelope": f'<x:Envelope xmlns:x="{source.soap}">{empty_body}</x:Envelope>',
        "a Fault": f'<x:Fault xmlns:x="{source.soap}"/>',
        "an instruction": "<?pi data?>",
    }
    for label, element in insertions.items():
        for where, offset in (("first", header.start), ("between", body.start), ("last", body.end)):
            yield Mutant(f"{label} {where}", source.edited((offset, offset, element)))
    whole, seals = text[body.start : body.end], text[header.start : header.end]
    yield Mutant("Body before Header", source.edited((header.start, header.end, whole), (body.start, body.end, seals)))
    yield Mutant("no Body", source.edited((body.start, body.end, "")))
    yield Mutant(
        "the Body in a wrapper", source.edited((body.start, body.end, f'<w xmlns="urn:w">{portable(text, body)}</w>'))
    )
    swallowed = start_tag(text, body) + portable(text, header) + content(text, body) + end_tag(body)
    yield Mutant(
        "the Header in the Body",
        source.edited((header.start, header.end, ""), (body.start, body.end, swallowed)),
    )
    for label, namespace in (("the other", other), ("no", "urn:none")):
        yield Mutant(f"the namespace of {label} version", source.encoded(text.replace(source.soap, namespace)))
    yield Mutant(
        "an Envelope around the Envelope",
        source.edited(
            (source.envelope.start, source.envelope.end, f"<w>{text[source.envelope.start : source.envelope.end]}</w>")
        ),
    )


def security_headers(source: Source) -> Iterator[Mutant]:
    """Exactly one Security header is ours."""
    text, security, header = source.text, source.security, source.header
    actor_name = "actor" if source.soap == SOAP11 else "role"
    actor = source.case.policy.actor
    ours = "" if actor is None else f' xmlns:y="{source.soap}" y:{actor_name}="{actor}"'
    second = f'<x:Security xmlns:x="{WSSE}"{ours}/>'
    seal = portable(text, source.signatures[0])
    for label, element in (
        ("an empty one", second),
        ("one with the Signature", second[:-2] + f">{seal}</x:Security>"),
        ("the same", portable(text, security)),
    ):
        for where, offset in (("first", header.inner), ("last", header.outer)):
            yield Mutant(f"{label} {where}", source.edited((offset, offset, element)))
    name_end = security.start + 1 + len(security.name)
    if actor is None:
        for value in ("urn:other", "http://schemas.xmlsoap.org/soap/actor/next"):
            attribute = f' xmlns:y="{source.soap}" y:{actor_name}="{value}"'
            relabelled = source.edited((name_end, name_end, attribute))
            if f"{{{source.soap}}}{actor_name}" not in text and f":{actor_name}=" not in text:
                yield Mutant(f"ours relabelled for {value}", relabelled, reasons=frozenset({Reason.UNSIGNED}))
    for other in ("urn:other-1", "urn:other-2"):
        policy = source.case.policy.model_copy(update={"actor": other})
        yield Mutant(f"a policy for {other}", source.case.message, changes={"policy": policy})
    many = f'<x:Security xmlns:x="{WSSE}" xmlns:y="{source.soap}" y:{actor_name}="urn:many"/>' * 17
    yield Mutant("seventeen foreign ones", source.edited((header.outer, header.outer, many)))
    yield Mutant("none", source.edited((security.start, security.end, "")))
    yield Mutant(
        "of another namespace",
        source.edited((security.start, security.end, portable(text, security).replace(WSSE, "urn:wsse"))),
    )


def signatures(source: Source) -> Iterator[Mutant]:
    """All Signatures of our header count, and none elsewhere."""
    text = source.text
    # What is left of two is a message with one.
    spare = Fate.EITHER if len(source.verdict.signatures) > 1 else Fate.REJECTED
    for number, seal in enumerate(source.signatures):
        whole = portable(text, seal)
        gone: Edit = (seal.start, seal.end, "")
        for label, offset in (
            ("in Header", source.header.inner),
            ("behind Security", source.security.end),
            ("last in the Body", source.body.outer),
            ("beside the Body", source.body.end),
        ):
            yield Mutant(f"Signature {number} {label}", source.edited(gone, (offset, offset, whole)), spare)
        yield Mutant(f"Signature {number} gone", source.edited(gone), spare)
        wrapped = f'<x:Wrapper xmlns:x="urn:x">{whole}</x:Wrapper>'
        yield Mutant(f"Signature {number} wrapped", source.edited((seal.start, seal.end, wrapped)), spare)
        value = seal.child(SIGNATURE_VALUE)
        if value is not None:
            wrong = text[seal.start : value.inner] + "A" * 342 + "==" + text[value.outer : seal.end]
            broken = wrong.replace(' Id="', ' data-id="', 1)
            fate = Fate.EITHER if source.case.policy.signatures == "any" else Fate.REJECTED
            for where, offset in (("before", seal.start), ("behind", seal.end)):
                yield Mutant(f"a broken Signature {where} {number}", source.edited((offset, offset, broken)), fate)
    twenty = f'<d:Signature xmlns:d="{DS}"/>' * 20
    yield Mutant("twenty empty ones", source.edited((source.security.outer, source.security.outer, twenty)))
    if source.case.policy.signatures == "all":
        some_empty = f'<d:Signature xmlns:d="{DS}"/>'
        yield Mutant("an empty one", source.edited((source.security.outer, source.security.outer, some_empty)))


def uncovered(source: Source) -> Iterator[Mutant]:
    """What is not signed is not evidence."""
    for seal in source.signatures:
        info = seal.child(SIGNED_INFO)
        references = [] if info is None else [child for child in info.children if child.tag == REFERENCE]
        for reference in references:
            named = reference.attributes.get("URI", "").removeprefix("#")
            signed = next((node for node in source.signed if named in node.ids), None)
            alone = len(source.signatures) == 1 and signed in source.targets
            covering = alone and _is_required(source, signed)
            yield from variants(
                source,
                f"no Reference to {named}",
                (reference.start, reference.end, ""),
                fate=Fate.REJECTED if covering else Fate.EITHER,
            )
        if references:
            yield from variants(source, "no Reference at all", (references[0].start, references[-1].end, ""))
    for target in source.targets:
        if _is_required(source, target):
            yield Mutant(f"no {target.local}", source.edited((target.start, target.end, "")))
    absent = source.case.policy.model_copy(update={"required_parts": ("Body", "{urn:absent}absent")})
    yield Mutant("a required block is absent", source.case.message, changes={"policy": absent})
    block = '<a:absent xmlns:a="urn:absent"/>'
    yield Mutant(
        "a required block is not signed",
        source.edited((source.header.outer, source.header.outer, block)),
        changes={"policy": absent},
    )
    yield Mutant("nobody is trusted", source.case.message, changes={"trust": ()})


def _is_required(source: Source, node: object) -> bool:
    required = source.case.policy.required_parts
    if node is source.body:
        return "Body" in required
    if node is source.timestamp:
        return "Timestamp" in required
    return any(node is target and target.tag in required for target in source.targets)


def encrypted(source: Source) -> Iterator[Mutant]:
    """Nobody vouches for what nobody can read."""
    cipher = "<x:CipherData><x:CipherValue>AAAA</x:CipherValue></x:CipherData>"
    data = f'<x:EncryptedData xmlns:x="{XENC}">{cipher}</x:EncryptedData>'
    body, header = source.body, source.header
    yield from variants(source, "the Body's content", (body.start, body.end, _with(source, data)))
    if not body.empty:
        yield from variants(source, "in the Body", (body.outer, body.outer, data))
    block = f'<x:EncryptedHeader xmlns:x="{WSSE11}">{data}</x:EncryptedHeader>'
    yield Mutant("a header block", source.edited((header.outer, header.outer, block)))
    yield Mutant("a bare header block", source.edited((header.outer, header.outer, data)))
    include = '<i:Include xmlns:i="http://www.w3.org/2004/08/xop/include" href="cid:1"/>'
    yield from variants(source, "an attachment", (body.start, body.end, _with(source, include)))
    for content_type in ("multipart/related; boundary=x", 'Multipart/Signed; type="text/xml"'):
        yield Mutant(content_type, source.case.message, changes={"content_type": content_type})


def _with(source: Source, inside: str) -> str:
    return start_tag(source.text, source.body) + inside + end_tag(source.body)


def any_policy(source: Source) -> Iterator[Mutant]:
    """Where one good Signature is enough, it still has to cover what is required."""
    case = replace(source.case, policy=source.case.policy.model_copy(update={"signatures": "any"}))
    broken = f'<d:Signature xmlns:d="{DS}"/>'
    changes = {"policy": case.policy}
    yield Mutant(
        "an empty Signature beside",
        source.edited((source.security.outer, source.security.outer, broken)),
        Fate.EITHER,
        changes,
    )
    body = source.body
    if body in source.targets and "Body" in case.policy.required_parts:
        yield Mutant("another content", source.edited((body.start, body.end, _with(source, "<x/>"))), changes=changes)


RULES: Final = (
    Rule("A3 misshapen Envelope", misshapen, _STRUCTURE | _SIGNED),
    Rule("A4 Security headers", security_headers, _HEADERS | _SIGNED),
    Rule("A5 Signatures", signatures, _HEADERS | _SIGNED),
    Rule("A5 any Signature", any_policy, _SIGNED),
    Rule("A6 uncovered", uncovered, _SIGNED),
    Rule("A7 unreadable", encrypted, frozenset({Reason.STRUCTURE, Reason.DIGEST_MISMATCH, Reason.MALFORMED})),
)
