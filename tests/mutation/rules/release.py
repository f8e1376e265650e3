"""Rules 41 and 43: messages within the message, where nobody signed anything, under every Content-Type.

A consumer of the MIME kind looks for parts between boundaries, one of the textual kind for an Envelope in the text.
What is accepted leaves under a Content-Type made by the gateway, so that only the second has to be asked (consumer.py).
"""

from collections.abc import Iterator
from typing import Final

from gateway.verify import Reason
from gateway.verify.xml_names import SOAP11, SOAP12
from tests.mutation.mutant import Fate, Mutant, Rule
from tests.mutation.scanning import Edit
from tests.mutation.source import Source

_REFUSED: Final = frozenset({Reason.STRUCTURE})
_SEEN: Final = (
    'text/xml; x="multipart/related"; type="text/xml"; boundary="b"',
    'text/xml; action="multipart/related; boundary=b"',
    '(c)multipart/related; type="text/xml"; boundary="b"',
    "text/xml; boundary=b; x=multipart%2Frelated",
    "message/rfc822",
    "text/xml, multipart/mixed; boundary=b",
)
_OTHER: Final = ("application/xml", "text/plain; boundary=b", "application/xop+xml; type=text/xml", "", "text/xml; x=1")


def _forged(source: Source) -> str:
    return f'<x:Envelope xmlns:x="{source.soap}"><x:Body><forged/></x:Body></x:Envelope>'


def _part(inside: str) -> str:
    return f"\r\n--b\r\nContent-Type: text/xml\r\n\r\n{inside}\r\n--b--\r\n"


def _places(source: Source) -> dict[str, int]:
    """Where nobody signs: around the Envelope, in it, in its Header and in the Security header."""
    places = {"before": source.envelope.start, "behind": source.envelope.end}
    if source.envelope not in source.signed:
        places["between"] = source.body.start
        if source.header not in source.signed:
            places |= {"first in the Header": source.header.inner, "last in the Header": source.header.outer}
            if source.security not in source.signed:
                places |= {"first in Security": source.security.inner, "last in Security": source.security.outer}
    return places


def _inserted(source: Source) -> Iterator[tuple[str, str, Edit]]:
    forged = _forged(source)
    for where, offset in _places(source).items():
        yield "instruction", where, (offset, offset, f"<?p {_part(forged)}?>")
        # node-soap takes one comment away and looks at the next.
        yield "comments", where, (offset, offset, f"<!-- c --><!--{_part(forged).replace('--', '- -')}-->")
        if where not in {"before", "behind", "between"}:
            yield "element", where, (offset, offset, f'<h xmlns="urn:h">{forged}</h>')
            for name, namespace in (("Body", SOAP11), ("Body", SOAP12), ("Header", SOAP12), ("Envelope", SOAP11)):
                yield name, where, (offset, offset, f'<y:{name} xmlns:y="{namespace}"/>')
            yield "section", where, (offset, offset, f'<h xmlns="urn:h"><![CDATA[{_part(forged)}]]></h>')
            yield "beginning of a comment", where, (offset, offset, '<h xmlns="urn:h"><![CDATA[<!--]]></h>')
        elif where == "between":
            yield "text", where, (offset, offset, _part("text"))


def messages(source: Source) -> Iterator[Mutant]:
    """Another message in an unsigned place."""
    for what, where, edit in _inserted(source):
        yield Mutant(f"{what} {where}", source.edited(edit))


def content_types(source: Source) -> Iterator[Mutant]:
    """A Content-Type that some reader takes for multipart, with and without a part in the body."""
    forged = _forged(source).replace("<", "&lt;").replace('"', "&quot;")
    block = f'<h xmlns="urn:h" a="{_part(forged)}">{_part(forged)}</h>'
    parted = source.case.message
    if source.header not in source.signed and source.envelope not in source.signed:
        parted = source.edited((source.header.outer, source.header.outer, block))
    for content_type in _SEEN:
        for label, message in (("as it is", source.case.message), ("with a part", parted)):
            yield Mutant(f"{content_type}, {label}", message, changes={"content_type": content_type})
    plain = source.encoding == "utf-8"
    for content_type in _OTHER if plain else ():
        for label, message in (("as it is", source.case.message), ("with a part", parted)):
            yield Mutant(f"{content_type}, {label}", message, Fate.ACCEPTED, {"content_type": content_type})


RULES: Final = (
    Rule("I41 content types", content_types, _REFUSED),
    Rule("I43 messages in the message", messages, _REFUSED | {Reason.DUPLICATE_ID, Reason.LIMITS}, share=2),
)
