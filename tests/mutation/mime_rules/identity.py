"""Which part is which: parts moved, dropped and added, Content-IDs, heads that disagree."""

import re
from dataclasses import replace
from typing import Final

from tests.mutation.mime_source import Altered, MimeMessage, MimePart, envelope


def _parts(source: MimeMessage) -> Altered:
    """Parts that are swapped, dropped, added, emptied, put into each other."""
    parts = source.parts
    forged_root = MimePart(parts[source.root].fields, envelope("<m:forged/>"))
    forged = MimePart((("Content-Type", "text/plain"), ("Content-ID", "<forged@x>")), b"forged")
    nested = MimePart((("Content-Type", 'multipart/mixed; boundary="in"'),), b"--in\r\n\r\nx\r\n--in--\r\n")
    letter = MimePart((("Content-Type", "message/rfc822"),), b"Content-Type: text/xml\r\n\r\n<a/>")
    nothing = MimePart((), b"x")
    without_id = forged.with_field("Content-ID", None)
    for label, added in {
        "forged root": forged_root,
        "forged root without id": forged_root.with_field("Content-ID", None),
        "forged part": forged,
        "nested": nested,
        "letter": letter,
        "no head": nothing,
        "no id": without_id,
        "empty": MimePart((), b""),
    }.items():
        for number in range(len(parts) + 1):
            made = replace(source, parts=(*parts[:number], added, *parts[number:]))
            yield f"{label} at {number}", source.content_type, made.body()
        for number in range(len(parts)):
            yield f"{label} instead of {number}", source.content_type, source.with_part(number, added).body()
    for first in range(len(parts)):
        for second in range(len(parts)):
            swapped = list(parts)
            swapped[first], swapped[second] = parts[second], parts[first]
            yield f"swap {first} {second}", source.content_type, replace(source, parts=tuple(swapped)).body()
            contents = source.with_part(first, replace(parts[first], content=parts[second].content))
            yield f"content of {second} in {first}", source.content_type, contents.body()
            heads = source.with_part(first, replace(parts[first], fields=parts[second].fields))
            yield f"head of {second} on {first}", source.content_type, heads.body()
    for number, part in enumerate(parts):
        dropped = replace(source, parts=(*parts[:number], *parts[number + 1 :]))
        yield f"without {number}", source.content_type, dropped.body()
        doubled = replace(source, parts=(*parts[:number], part, *parts[number:]))
        yield f"twice {number}", source.content_type, doubled.body()
        yield f"empty {number}", source.content_type, source.with_part(number, replace(part, content=b"")).body()
        bare = source.body().replace(part.head() + part.content, part.head()[:-2], 1)
        yield f"only the head of {number}", source.content_type, bare
    many = replace(source, parts=(*parts, *(replace(without_id, content=str(n).encode()) for n in range(101))))
    yield "more than a hundred", source.content_type, many.body()
    yield "none", source.content_type, replace(source, parts=()).body()


def _ids(source: MimeMessage) -> Altered:
    """Content-IDs that readers compare in several ways, and a start that names another part."""
    known = [part.field("Content-ID").strip("\r\n <>") for part in source.parts]
    for number, part in enumerate(source.parts):
        own = known[number] or "none"
        others = {f"that of {other}": known[other] for other in range(len(known)) if other != number and known[other]}
        values: dict[str, str | None] = {
            "missing": None,
            "empty": "",
            "empty brackets": "<>",
            "no brackets": own,
            "one bracket": f"<{own}",
            "two brackets": f"<<{own}>>",
            "brackets and text": f"<{own}> x",
            "comment": f"<{own}> (comment)",
            "quoted": f'"{own}"',
            "spaces": f"< {own} >",
            "cid": f"<cid:{own}>",
            "CID": f"<CID:{own}>",
            "escaped": "<" + "".join(f"%{ord(c):02x}" for c in own) + ">",
            "escaped once": f"<{own.replace('@', '%40')}>",
            "escaped twice": f"<{own.replace('@', '%2540')}>",
            "bad escape": f"<{own}%zz>",
            "plus": f"<{own}+>",
            "encoded word": f"<=?utf-8?q?{own}?=>",
            "umlaut": f"<{own}ä>",
            "escaped umlaut": f"<{own}%C3%A4>",
            "other case": f"<{own.swapcase()}>",
            "long": f"<{own}{'x' * 300}>",
        }
        for label, other in others.items():
            values[label] = f"<{other}>"
            values[f"{label}, other case"] = f"<{other.swapcase()}>"
            values[f"{label}, escaped"] = f"<{other.replace('@', '%40')}>"
            values[f"{label}, no brackets"] = other
            values[f"{label}, cid"] = f"<cid:{other}>"
        for label, value in values.items():
            altered = source.with_part(number, part.with_field("Content-ID", value))
            yield f"part {number}: {label}", source.content_type, altered.body()
        for name in ("Content-ID", "content-id", "Content-Location"):
            for value in (f"<{own}>", "<another@x>", *others.values()):
                second = replace(part, fields=(*part.fields, (name, value)))
                yield f"part {number}: {name} {value}", source.content_type, source.with_part(number, second).body()
    plain = re.sub(r'; *start="[^"]*"', "", source.content_type)
    for start in (*known, *(f"<{one}>" for one in known), "<missing@x>", "", "<>", "none", "<cid:one>", "<start=one>"):
        yield f"start {start}", f'{plain}; start="{start}"', source.body()
        yield f"start {start} twice", f'{source.content_type}; start="{start}"', source.body()
        yield f"start {start} unquoted", f"{plain}; start={start}", source.body()
        yield f"start {start} extended", f"{plain}; start*=utf-8''{start}", source.body()
        yield f"start {start} hidden", f'{plain}; x="start={start}"', source.body()


def _heads(source: MimeMessage) -> Altered:
    """Heads that disagree, or that readers take differently."""
    types = ("text/xml", "application/soap+xml", "application/xop+xml", "text/plain", "", "application/xml", "text/XML")
    for name in ("type", "start-info", "startinfo", "charset"):
        plain = re.sub(rf';\s*{name}="(?:[^"\\]|\\.)*"', "", source.content_type)
        yield f"without {name}", plain, source.body()
        for value in (*types, "utf-8", "UTF-16", "iso-8859-1", 'text/xml; action=\\"x\\"', 'text/xml; type=\\"x/y\\"'):
            yield f'{name}="{value}"', f'{plain}; {name}="{value}"', source.body()
            yield f'{name}="{value}" too', f'{source.content_type}; {name}="{value}"', source.body()
            yield f"{name}={value} unquoted", f"{plain}; {name}={value}", source.body()
    root = source.parts[source.root]
    own = root.field("Content-Type")
    for value in (
        *types,
        *(f'application/xop+xml; type="{one}"' for one in types),
        *(own + f"; charset={one}" for one in ("utf-8", "UTF-16", "iso-8859-1", "utf-7", '""', "'utf-8'")),
        own + '; type="text/xml"',
        own + "; type*=x",
        own + " (comment)",
        own + ";",
        own.upper(),
        own.replace(";", "\r\n ;"),
        own.replace(";", "\r\n\r\n ;"),
        "multipart/related; boundary=x",
        "message/rfc822",
    ):
        altered = root.with_field("Content-Type", value)
        yield f"root of {value}", source.content_type, source.with_part(source.root, altered).body()
    for number, part in enumerate(source.parts):
        yield from _one_head(source, number, part)


def _one_head(source: MimeMessage, number: int, part: MimePart) -> Altered:
    body, head = source.body(), part.head()

    def with_head(octets: bytes) -> bytes:
        return body.replace(head + part.content, octets + part.content, 1)

    for name, value in part.fields:
        line = f"{name}: {value}\r\n".encode("latin-1")
        for label, text in {
            "twice": line * 2,
            "twice, other case": line + line.swapcase(),
            "dropped": b"",
            "other case": line.swapcase(),
            "folded": f"{name}:\r\n {value}\r\n".encode("latin-1"),
            "folded by a tab": f"{name}:\r\n\t{value}\r\n".encode("latin-1"),
            "folded by an empty line": f"{name}: {value}\r\n \r\n".encode("latin-1"),
            "space before": b" " + line,
            "space before the colon": f"{name} : {value}\r\n".encode("latin-1"),
            "no colon": f"{name} {value}\r\n".encode("latin-1"),
            "no space": f"{name}:{value}\r\n".encode("latin-1"),
            "LF": line[:-2] + b"\n",
            "CR": line[:-2] + b"\r",
            "CR CR LF": line[:-2] + b"\r\r\n",
            "NUL": line[:-2] + b"\0\r\n",
            "form feed": line[:-2] + b"\x0c\r\n",
            "umlaut": line[:-2] + b"\xe4\r\n",
            "umlaut in the name": b"\xe4" + line,
            "sign in the name": b"(" + line,
            "a line between": line + b"\r\n",
            "a LF line between": line + b"\n",
            "LF fold": f"{name}:\n {value}\r\n".encode("latin-1"),
            "From line": b"From x\r\n" + line,
            "text line": b"text\r\n" + line,
        }.items():
            yield f"part {number}: {name}: {label}", source.content_type, with_head(head.replace(line, text, 1))
    for field in (
        f"Content-Length: {len(part.content)}",
        f"Content-Length: {len(part.content) + 1}",
        "Content-Length: 0",
        "Content-Encoding: gzip",
        "Transfer-Encoding: chunked",
        "MIME-Version: 1.0",
        "Content-Description: =?utf-8?q?x?=",
        "Content-Disposition: form-data; name=x",
        "X: " + "x" * 9000,
        ":",
        ": x",
        "x",
    ):
        added = with_head(f"{field}\r\n".encode() + head)
        yield f"part {number}: {field[:40]}", source.content_type, added


RULES: Final = {
    "parts": _parts,
    "ids": _ids,
    "heads": _heads,
}
