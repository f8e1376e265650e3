"""Rules 26 to 30: document types, encodings, budgets, and bytes that are no document."""

import codecs
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from gateway.verify import Reason
from tests.mutation.mutant import Fate, Mutant, Rule, variants
from tests.mutation.source import Source

_UNREADABLE: Final = frozenset(
    {Reason.ENCODING, Reason.DTD, Reason.MALFORMED, Reason.LIMITS, Reason.NOT_SOAP, Reason.STRUCTURE}
)

DOCTYPES: Final = (
    "<!DOCTYPE x>",
    "<!doctype html>",
    '<!DOCTYPE x SYSTEM "file:///etc/hostname">',
    '<!DOCTYPE x PUBLIC "-//x" "http://127.0.0.1:9/x.dtd">',
    '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>',
    '<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1:9/"> %p;]>',
    '<!DOCTYPE x [<!ATTLIST note xmlns CDATA "urn:forged">]>',
    "<!DOCTYPE x [<!ELEMENT x ANY><!ATTLIST x Id ID #IMPLIED>]>",
    "<!DOCTYPE x []>",
    "<!DOCTYPE\nx>",
    "<!DOCTYPE",
    "<!ENTITY a 'b'>",
)


def doctypes(source: Source) -> Iterator[Mutant]:
    """No document type declaration, wherever one might stand."""
    root = source.envelope
    for doctype in DOCTYPES:
        for where, prefix in (("", ""), (" behind a comment", "<!-- c -->"), (" behind an instruction", "<?pi d?>\n")):
            yield Mutant(f"{doctype}{where}", source.edited((root.start, root.start, prefix + doctype)))
        yield Mutant(f"{doctype} in the Body", source.edited((source.body.start, source.body.start, doctype)))
        yield Mutant(f"{doctype} at the end", source.edited((root.end, root.end, doctype)))


def encodings(source: Source) -> Iterator[Mutant]:
    """UTF-8, unless the policy says otherwise, and named in one way only."""
    root = source.envelope
    bare = source.text[root.start : root.end]
    admitted = {name.lower() for name in source.case.policy.encodings} | {"utf-8"}
    changes: dict[str, object] = {"content_type": None}
    for encoding in ("utf-7", "utf-32", "utf-32-le", "utf-32-be", "utf-16", "utf-16-le", "utf-16-be", "cp037", "cp500"):
        for declared in ("", f'<?xml version="1.0" encoding="{encoding}"?>'):
            if encoding.partition("-")[0] + encoding[3:6] in admitted or encoding in admitted:
                continue
            try:
                message = (declared + bare).encode(encoding)
            except UnicodeEncodeError:
                continue
            # What UTF-7 leaves as it is, is the same message in UTF-8.
            fate = Fate.EITHER if encoding == "utf-7" and not declared else Fate.REJECTED
            yield Mutant(f"in {encoding}{', declared' if declared else ''}", message, fate, changes)
    utf8 = bare.encode()
    for label, prefix in (
        ("two marks", codecs.BOM_UTF8 * 2),
        ("the mark of UTF-16", codecs.BOM_UTF16_LE),
        ("the other mark of UTF-16", codecs.BOM_UTF16_BE),
        ("the mark of UTF-32", codecs.BOM_UTF32_LE),
        ("XML 1.1", b'<?xml version="1.1"?>'),
        ("an unknown encoding", b'<?xml version="1.0" encoding="x-unknown"?>'),
        ("a mark and another encoding", codecs.BOM_UTF8 + b'<?xml version="1.0" encoding="ISO-8859-5"?>'),
        ("two declarations", b'<?xml version="1.0"?><?xml version="1.0"?>'),
        ("a declaration behind a space", b' <?xml version="1.0" encoding="UTF-8"?>'),
        ("a null", b"\0"),
        ("an octet that is not UTF-8", b"\xff"),
    ):
        yield Mutant(label, prefix + utf8, changes=changes)
    for content_type in (
        "text/xml; charset=utf-7",
        "text/xml; charset=x-unknown",
        "text/xml; charset=utf-8; charset=utf-16",
        'application/soap+xml; charset="UTF-32"',
    ):
        yield Mutant(content_type, codecs.BOM_UTF8 + utf8, changes={"content_type": content_type})


def budgets(source: Source) -> Iterator[Mutant]:
    """What a message may cost, in places that nobody signed and in places that somebody did."""
    policy = source.case.policy
    bombs = {
        "attributes": "<x " + " ".join(f'a{n}=""' for n in range(policy.max_attributes + 1)) + "/>",
        "depth": "<x>" * (policy.max_depth + 1) + "</x>" * (policy.max_depth + 1),
        "namespaces": "<x " + " ".join(f'xmlns:a{n}="urn:{n}"' for n in range(policy.max_namespaces + 1)) + "/>",
        "a namespace name": f'<x xmlns="urn:{"x" * 9000}"/>',
    }
    for label, bomb in bombs.items():
        for where, offset in (("Header", source.header.outer), ("Security", source.security.outer)):
            yield Mutant(f"{label} in {where}", source.edited((offset, offset, bomb)))
        if not source.body.empty:
            yield Mutant(f"{label} in the Body", source.edited((source.body.outer, source.body.outer, bomb)))
    for name, value in (("max_message_bytes", 1024), ("max_elements", 16)):
        small = policy.model_copy(update={name: value})
        yield Mutant(f"{name} = {value}", source.case.message + b" " * 1024, changes={"policy": small})


LARGE: Final = frozenset({"bst-x509v3", "c14n11", "wss4j/bst"})
"""The messages that are made large: it takes half a second each."""
_TEN_MEBIBYTES: Final = 10 * 1024 * 1024


def large(source: Source) -> Iterator[Mutant]:
    """Beyond ten megabytes, where libxml2 by itself gives up: honest in the Body, and no hiding place in the Header."""
    if source.id not in LARGE:
        return
    text = "QUJD" * (_TEN_MEBIBYTES // 4 + 1000)
    block = (source.header.outer, source.header.outer, f'<x:block xmlns:x="urn:x">{text}</x:block>')
    yield Mutant("an unsigned block", source.edited(block), Fate.ACCEPTED)
    for mutant in variants(source, "the Body", (source.body.outer, source.body.outer, f"<x>{text}</x>")):
        honest = Fate.ACCEPTED if mutant.is_signed_anew else Fate.REJECTED
        yield replace(mutant, fate=honest, reasons=frozenset({Reason.DIGEST_MISMATCH}))


def ragged(source: Source) -> Iterator[Mutant]:
    """Bytes that are no document any more."""
    message, text, root = source.case.message, source.text, source.envelope
    for number in range(1, 24):
        yield Mutant(f"{number}/24 of it", message[: len(message) * number // 24])
    for label, tail in (
        ("a null at the end", "\0"),
        ("text at the end", "x"),
        ("an element at the end", "<x/>"),
        ("the message again", text[root.start : root.end]),
        ("an unfinished comment", "<!--"),
        ("an entity at the end", "&amp;"),
    ):
        yield Mutant(label, source.encoded(text + tail))
    for node in (source.envelope, source.header, source.security, source.body):
        if not node.empty:
            yield Mutant(f"{node.name} not closed", source.edited((node.outer, node.end, "")))
            yield Mutant(f"{node.name} closed twice", source.edited((node.end, node.end, text[node.outer : node.end])))
            for label, piece in (
                ("an unknown entity", "&unknown;"),
                ("a control character", "\x01"),
                ("a lone surrogate's number", "&#xD800;"),
                ("a number beyond all", "&#x110000;"),
                ("an unbound prefix", "<unbound:x/>"),
                ("an attribute twice", '<x a="1" a="2"/>'),
                ("an attribute twice, by namespace", '<x xmlns:a="urn:a" xmlns:b="urn:a" a:x="" b:x=""/>'),
                ("the end of a section", "<x>]]></x>"),
                ("an angle in an attribute", '<x a="<"/>'),
            ):
                yield Mutant(f"{label} in {node.name}", source.edited((node.outer, node.outer, piece)))
    yield Mutant("nothing", b"", reasons=frozenset({Reason.MALFORMED}))
    yield Mutant("white space", b" \n" * 20, reasons=frozenset({Reason.MALFORMED}))


RULES: Final = (
    Rule("F26 document types", doctypes, _UNREADABLE),
    Rule("F27 encodings", encodings, _UNREADABLE),
    Rule("F28 budgets", budgets, _UNREADABLE | {Reason.DIGEST_MISMATCH}),
    Rule("F29 large texts", large, _UNREADABLE),
    Rule("F30 no documents", ragged, _UNREADABLE | {Reason.UNSIGNED}),
)
