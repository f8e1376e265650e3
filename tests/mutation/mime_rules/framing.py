"""Where parts begin and end: boundaries, delimiters, bodies cut short, single octets."""

import random
import re
from dataclasses import replace
from typing import Final

from tests.mutation.mime_source import Altered, MimeMessage

_CUTS: Final = 60
_ALTERED_OCTETS: Final = 250


def _named_boundaries(source: MimeMessage) -> Altered:
    """The boundary that the Content-Type names."""
    body, given = source.body(), source.boundary
    found = re.search(r'boundary=(?:"[^"]*"|[^;]*)', source.content_type)
    assert found is not None
    other = "other"
    values = {
        "shorter": f'boundary="{given[:-1]}"',
        "longer": f'boundary="{given}x"',
        "with two hyphens": f'boundary="{given}--"',
        "with hyphens before": f'boundary="--{given}"',
        "other case": f'boundary="{given.swapcase()}"',
        "space behind": f'boundary="{given} "',
        "space before": f'boundary=" {given}"',
        "without quotes": f"boundary={given}",
        "single quotes": f"boundary='{given}'",
        "no end quote": f'boundary="{given}',
        "escaped": f'boundary="\\{given}"',
        "upper-case name": f'BOUNDARY="{given}"',
        "space around": f'boundary = "{given}"',
        "empty": 'boundary=""',
        "missing": "x=y",
        "encoded word": f'boundary="=?utf-8?q?{given}?="',
        "comment": f'boundary="{given}" (a comment)',
        "comment before": f'(boundary="{other}") boundary="{given}"',
        "continued": f'boundary*0="{given[:3]}"; boundary*1="{given[3:]}"',
        "extended": f"boundary*=utf-8''{given}",
        "extended too": f"boundary=\"{given}\"; boundary*=utf-8''{other}",
        "twice": f'boundary="{given}"; boundary="{given}"',
        "other first": f'boundary="{other}"; boundary="{given}"',
        "other last": f'boundary="{given}"; boundary="{other}"',
        "other name": f'xboundary="{other}"; boundary="{given}"',
        "hidden in action": f'boundary="{given}"; action="urn:x; boundary={other}"',
        "hidden in action, quoted": f'boundary="{given}"; action="; boundary=\\"{other}\\"; x="',
        "hidden in x": f'x="boundary={other}"; boundary="{given}"',
        "too long": f'boundary="{given}{"x" * 71}"',
        "umlaut": f'boundary="{given}ä"',
        "tab": f'boundary="{given}\t"',
        "percent": f'boundary="%2d{given}"',
        "trailing semicolon": f'boundary="{given}";',
        "two semicolons": f'boundary="{given}";;',
        "fold": f'\r\n boundary="{given}"',
    }
    for label, value in values.items():
        yield label, source.content_type.replace(found[0], value), body
    for media_type in ("multipart/mixed", "Multipart/Related", "multipart/related x", "message/rfc822", "text/xml", ""):
        yield media_type, source.content_type.replace("multipart/related", media_type), body


def _delimiters(source: MimeMessage) -> Altered:
    """The delimiter lines of the body."""
    body = source.body()
    delimiter = b"--" + source.boundary.encode()
    places = [found.start() for found in re.finditer(re.escape(delimiter), body)]
    for number, place in enumerate(places):
        begin, end = place - 2 if place else 0, place + len(delimiter)
        is_last = number == len(places) - 1
        line = delimiter + b"--" if is_last else delimiter
        end = place + len(line) + (0 if is_last else 2)
        lines = {
            "LF": b"\r\n" + line + b"\n",
            "CR": b"\r\n" + line + b"\r",
            "LF before": b"\n" + line + b"\r\n",
            "CR before": b"\r" + line + b"\r\n",
            "nothing before": line + b"\r\n",
            "space before": b"\r\n " + line + b"\r\n",
            "space behind": b"\r\n" + line + b" \r\n",
            "tab behind": b"\r\n" + line + b"\t\r\n",
            "text behind": b"\r\n" + line + b"x\r\n",
            "a hyphen behind": b"\r\n" + line + b"-\r\n",
            "hyphens behind": b"\r\n" + line + b"--\r\n",
            "hyphens and text behind": b"\r\n" + line + b"--x\r\n",
            "hyphens, space and text behind": b"\r\n" + line + b"-- x\r\n",
            "NUL behind": b"\r\n" + line + b"\0\r\n",
            "a hyphen less": b"\r\n" + line[1:] + b"\r\n",
            "other case": b"\r\n" + line.swapcase() + b"\r\n",
            "twice": b"\r\n" + line + b"\r\n" + line + b"\r\n",
            "twice, a line between": b"\r\n" + line + b"\r\n\r\n" + line + b"\r\n",
            "twice, an empty part between": b"\r\n" + line + b"\r\n\r\n\r\n" + line + b"\r\n",
            "dropped": b"\r\n",
            "a line more before": b"\r\n\r\n" + line + b"\r\n",
            "a line more behind": b"\r\n" + line + b"\r\n\r\n",
        }
        for label, text in lines.items():
            yield f"delimiter {number}: {label}", source.content_type, body[:begin] + text + body[end:]
    for label, text in {
        "CRLF": b"\r\n",
        "white space": b" \t\r\n",
        "LF": b"\n",
        "text": b"This is a multipart message.\r\n",
        "a head": b"Content-Type: text/xml\r\n\r\n",
        "much white space": b" " * 2000 + b"\r\n",
    }.items():
        yield f"before: {label}", source.content_type, text + body
        yield f"behind: {label}", source.content_type, body + text
    yield "a second message behind", source.content_type, body + b"\r\n" + body
    yield "a second message before", source.content_type, body + b"\r\n\r\n" + body


def _boundary_in_parts(source: MimeMessage) -> Altered:
    """The text of the boundary where no part ends."""
    delimiter = b"--" + source.boundary.encode()
    forged = b"Content-ID: <forged@x>\r\n\r\nforged"
    texts = {
        "text": delimiter,
        "LF line": b"\n" + delimiter + b"\n",
        "CR line": b"\r" + delimiter + b"\r",
        "padded line": b"\r\n" + delimiter + b" \r\n",
        "begin of a longer line": b"\r\n" + delimiter + b"0\r\n",
        "end of a line": b"\r\nx" + delimiter + b"\r\n",
        "end": b"\r\n" + delimiter + b"--\r\n",
        "LF end": b"\n" + delimiter + b"--\n",
        "a part": b"\r\n" + delimiter + b"\r\n" + forged + b"\r\n",
        "a LF part": b"\n" + delimiter + b"\n" + forged + b"\n",
        "a hyphen less": b"\r\n" + delimiter[1:] + b"\r\n",
        "other case": b"\r\n" + delimiter.swapcase() + b"\r\n",
    }
    for number, part in enumerate(source.parts):
        for where in (0, len(part.content) // 2, len(part.content)):
            for label, text in texts.items():
                altered = replace(part, content=part.content[:where] + text + part.content[where:])
                yield (
                    f"part {number} at {where}: {label}",
                    source.content_type,
                    source.with_part(number, altered).body(),
                )
        for label, text in texts.items():
            field = part.with_field("Content-Description", text.decode())
            yield f"head {number}: {label}", source.content_type, source.with_part(number, field).body()


def _truncated(source: MimeMessage) -> Altered:
    """Cut short, and cut at the begin."""
    body = source.body()
    cuts = {len(body) * number // _CUTS for number in range(1, _CUTS)} | {len(body) - n for n in range(1, 12)}
    for cut in sorted(cuts):
        yield f"up to {cut}", source.content_type, body[:cut]
    for cut in (1, 2, 3, 4, len(body) // 2):
        yield f"from {cut}", source.content_type, body[cut:]
    for number, part in enumerate(source.parts):
        for cut in {len(part.content) * eighth // 8 for eighth in range(8)}:
            short = source.with_part(number, replace(part, content=part.content[:cut]))
            yield f"part {number} up to {cut}", source.content_type, short.body()


def _octets(source: MimeMessage) -> Altered:
    """Single octets altered, inserted, deleted; the most of them where framing is."""
    body = source.body()
    chance = random.Random(source.name)  # noqa: S311 - no secrets
    framing = [
        place
        for found in re.finditer(rb"--[!-~]{6,}|[A-Za-z-]+:[^\r]*\r\n|\r\n", body)
        for place in range(*found.span())
    ]
    for number in range(_ALTERED_OCTETS):
        place = chance.choice(framing) if number % 4 else chance.randrange(len(body))
        octet = bytes([chance.choice(b'\r\n\t -:;="<>()\\\0\x7f\xe4%=aZ0') if number % 2 else chance.randrange(256)])
        kind, begin, end = ("altered", 0, 1), ("inserted", 0, 0), ("deleted", 0, 1)
        which = (kind, begin, end)[chance.randrange(3)]
        text = b"" if which[0] == "deleted" else octet
        yield f"{which[0]} at {place}: {octet!r}", source.content_type, body[:place] + text + body[place + which[2] :]
    for number in range(_ALTERED_OCTETS // 3):
        place = chance.randrange(len(source.content_type))
        sign = chance.choice('"; =,\\()<>/*%aZ-')
        altered = source.content_type[:place] + sign + source.content_type[place + number % 2 :]
        yield f"Content-Type at {place}: {sign}", altered, body


RULES: Final = {
    "named boundary": _named_boundaries,
    "delimiters": _delimiters,
    "boundary in parts": _boundary_in_parts,
    "truncated": _truncated,
    "octets": _octets,
}
