"""What the octets of a part mean: transfer encodings, and what xop:Include makes of them."""

import base64
import re
from dataclasses import replace
from typing import Final

from tests.mutation.mime_source import SOAP11, XOP, Altered, MimeMessage, envelope, include

_INCLUDE: Final = re.compile(rb"<(?:[A-Za-z]+:)?Include\b[^>]*(?:/>|></(?:[A-Za-z]+:)?Include>)")


def _transfer_encodings(source: MimeMessage) -> Altered:
    """Another encoding than the content has, and one that decoders read differently."""
    names = (
        "binary",
        "8bit",
        "7bit",
        "base64",
        "quoted-printable",
        "Base64",
        "x-uuencode",
        "base64 ",
        "",
        "(c) base64",
    )
    encoded = base64.encodebytes(bytes(range(200))).replace(b"\n", b"\r\n")
    flat = encoded.replace(b"\r\n", b"")
    texts = {
        "lines": ("base64", encoded),
        "one line": ("base64", flat),
        "no last line end": ("base64", encoded[:-2]),
        "LF lines": ("base64", encoded.replace(b"\r\n", b"\n")),
        "CR lines": ("base64", encoded.replace(b"\r\n", b"\r")),
        "uneven lines": ("base64", flat[:40] + b"\r\n" + flat[40:]),
        "lines within a group": ("base64", flat[:41] + b"\r\n" + flat[41:82] + b"\r\n" + flat[82:]),
        "empty lines": ("base64", encoded.replace(b"\r\n", b"\r\n\r\n")),
        "empty lines behind": ("base64", encoded + b"\r\n\r\n"),
        "line before": ("base64", b"\r\n" + encoded),
        "spaces": ("base64", flat[:40] + b" " + flat[40:]),
        "space behind": ("base64", flat + b" "),
        "signs between": ("base64", flat[:40] + b"!$" + flat[40:]),
        "url alphabet": ("base64", b"-_-_"),
        "padding missing": ("base64", flat.rstrip(b"=")),
        "padding more": ("base64", flat + b"="),
        "padding alone": ("base64", b"===="),
        "padding within": ("base64", b"YQ==" + flat),
        "padding within a line": ("base64", b"YQ==\r\nYQ=="),
        "bits left": ("base64", b"YR=="),
        "bits left of two": ("base64", b"YWJ="),
        "text behind": ("base64", flat + b"abc"),
        "NUL": ("base64", flat[:40] + b"\0" + flat[40:]),
        "empty": ("base64", b""),
        "only a line end": ("base64", b"\r\n"),
        "quoted": ("quoted-printable", b"a=3Db=E4\r\nc =\r\nd"),
        "quoted, small digits": ("quoted-printable", b"a=3db"),
        "quoted, half": ("quoted-printable", b"a=3"),
        "quoted, no digits": ("quoted-printable", b"a=zz"),
        "quoted, space behind": ("quoted-printable", b"a \r\nb"),
        "quoted, space at the end": ("quoted-printable", b"a "),
        "quoted, space behind =": ("quoted-printable", b"a= \r\nb"),
        "quoted, continued at the end": ("quoted-printable", b"a=\r\n"),
        "quoted, = at the end": ("quoted-printable", b"a="),
        "quoted, LF": ("quoted-printable", b"a=\nb\nc"),
        "quoted, CR": ("quoted-printable", b"a\rb"),
        "quoted, umlaut": ("quoted-printable", b"a\xe4b"),
        "quoted, long": ("quoted-printable", b"a" * 100),
        "quoted, underscores": ("quoted-printable", b"a_b"),
        "7bit, umlaut": ("7bit", b"a\xe4"),
        "7bit, NUL": ("7bit", b"a\0"),
        "8bit, NUL": ("8bit", b"a\0"),
    }
    for number, part in enumerate(source.parts):
        for name in (*names, None):
            claimed = source.with_part(number, part.with_field("Content-Transfer-Encoding", name))
            yield f"part {number}: {name}", source.content_type, claimed.body()
        for label, (name, text) in texts.items():
            altered = replace(part.with_field("Content-Transfer-Encoding", name), content=text)
            yield f"part {number}: {label}", source.content_type, source.with_part(number, altered).body()
        retyped = part.with_field("Content-Transfer-Encoding", None)
        for name in ("text/plain", "text/xml", "application/octet-stream", "image/svg+xml"):
            for ending, lines in {"LF": b"\n", "CR": b"\r", "CR LF": b"\r\n"}.items():
                content = re.sub(rb"\r\n|\r|\n", lines, part.content)
                altered = replace(retyped.with_field("Content-Type", name), content=content)
                yield f"part {number}: {name}, {ending}", source.content_type, source.with_part(number, altered).body()
        whole = replace(part.with_field("Content-Transfer-Encoding", "base64"), content=base64.b64encode(part.content))
        yield f"part {number}: base64 anew", source.content_type, source.with_part(number, whole).body()


def _xop(source: MimeMessage) -> Altered:
    """xop:Include that names others, stands elsewhere or is not alone."""
    number = source.root
    root = source.parts[number]
    known = [part.field("Content-ID").strip("\r\n <>") for part in source.parts]
    mine = next((one for place, one in enumerate(known) if place != number and one), "none")
    href = f"cid:{mine}"
    one = include(href)
    in_references = "".join(f"&#{ord(character)};" for character in XOP)
    addresses = (
        *(f"cid:{other}" for other in known),
        *(f"cid:{other.replace('@', '%40')}" for other in known),
        *(f"cid:{other.replace('@', '%2540')}" for other in known),
        *(f"CID:{other}" for other in known),
        *(f"cid:{other.swapcase()}" for other in known),
        "",
        "cid:",
        mine,
        f"cid:<{mine}>",
        f"cid:{mine}#x",
        f"cid:{mine}?x",
        f" {href}",
        f"{href} ",
        f"cid:cid:{mine}",
        f"cid:{mine}%00",
        f"cid:{mine}%",
        f"cid:{mine}&#0;",
        f"cid:&#{ord(mine[0])};{mine[1:]}",
        "cid:missing@x",
        "http://127.0.0.1/x",
        "file:///etc/hostname",
        "#x",
    )
    bodies = {f"href {address}": f"<m:a>{include(address)}</m:a>" for address in addresses}
    bodies |= {
        "twice": f"<m:a>{one}</m:a><m:b>{one}</m:b>",
        "twice in one": f"<m:a>{one}{one}</m:a>",
        "text before": f"<m:a>x{one}</m:a>",
        "text behind": f"<m:a>{one}x</m:a>",
        "space before": f"<m:a> {one}</m:a>",
        "space behind": f"<m:a>{one}\n</m:a>",
        "comment before": f"<m:a><!-- x -->{one}</m:a>",
        "comment behind": f"<m:a>{one}<!-- x --></m:a>",
        "instruction before": f"<m:a><?x y?>{one}</m:a>",
        "section before": f"<m:a><![CDATA[]]>{one}</m:a>",
        "section behind": f"<m:a>{one}<![CDATA[x]]></m:a>",
        "reference before": f"<m:a>&#120;{one}</m:a>",
        "element before": f"<m:a><m:x/>{one}</m:a>",
        "open element before": f"<m:a><m:x></m:x>{one}</m:a>",
        "element behind": f"<m:a>{one}<m:x/></m:a>",
        "open and closed": f"<m:a>{one.replace('/>', '></xop:Include>')}</m:a>",
        "content": f"<m:a>{one.replace('/>', '>x</xop:Include>')}</m:a>",
        "space within": f"<m:a>{one.replace('/>', '> </xop:Include>')}</m:a>",
        "child": f"<m:a>{one.replace('/>', '><m:x/></xop:Include>')}</m:a>",
        "comment within": f"<m:a>{one.replace('/>', '><!-- --></xop:Include>')}</m:a>",
        "no href": f'<m:a><xop:Include xmlns:xop="{XOP}"/></m:a>',
        "attribute": "<m:a>" + one.replace("/>", ' a="b"/>') + "</m:a>",
        "foreign attribute": "<m:a>" + one.replace("/>", ' s:a="b"/>') + "</m:a>",
        "href of the namespace": f"<m:a>{one.replace(' href', ' xop:href')}</m:a>",
        "default prefix": f'<m:a><Include xmlns="{XOP}" href="{href}"/></m:a>',
        "other prefix": f'<m:a xmlns:i="{XOP}"><i:Include href="{href}"/></m:a>',
        "single quotes": f"<m:a><i:Include xmlns:i='{XOP}' href='{href}'\n/></m:a>",
        "an angle in an attribute": f"<m:a b='/>'>{one}</m:a>",
        "an angle in a namespace": f"<m:a xmlns:q='>'>{one}</m:a>",
        "written with references": f'<m:a><i:Include xmlns:i="&#104;{XOP[1:]}" href="{href}"/></m:a>',
        "wholly with references": f'<m:a><i:Include xmlns:i="{in_references}" href="{href}"/></m:a>',
        "space in the namespace": f'<m:a><i:Include xmlns:i="{XOP} " href="{href}"/></m:a>',
        "other name": f'<m:a><i:include xmlns:i="{XOP}" href="{href}"/></m:a>',
        "other element": f'<m:a><i:Other xmlns:i="{XOP}"/></m:a>',
        "attribute of the namespace": f'<m:a xmlns:i="{XOP}" i:href="{href}"/>',
        "in a section": f"<m:a><![CDATA[{one}]]></m:a>",
        "in a comment": f"<m:a><!--{one}--></m:a>",
        "in an Include": f"<m:a>{one.replace('/>', f'>{one}</xop:Include>')}</m:a>",
        "not well-formed": f"<m:a>{one}",
        "none": "<m:a/>",
    }
    for label, text in bodies.items():
        yield label, source.content_type, source.with_part(number, replace(root, content=envelope(text))).body()
    wholes = {
        "the root element": one.encode(),
        "a document type": b"<!DOCTYPE x [<!ENTITY e 'x'>]>" + envelope(f"<m:a>{one}</m:a>"),
        "a mark": b"\xef\xbb\xbf" + envelope(f"<m:a>ä{one}</m:a><m:b>ü</m:b>".replace("ä", "")),
        "UTF-16": envelope(f"<m:a>{one}</m:a>").decode().encode("utf-16"),
        "Latin-1": b'<?xml version="1.0" encoding="iso-8859-1"?>' + envelope(f"<m:a>{one}</m:a>"),
        "windows-1252": b'<?xml version="1.0" encoding="windows-1252"?>' + envelope(f"<m:a>{one}</m:a>"),
        "UTF-7": b'<?xml version="1.0" encoding="utf-7"?>' + envelope(f"<m:a>{one}</m:a>"),
        "empty": b"",
        "behind the Envelope": envelope("<m:a/>", SOAP11) + one.encode(),
    }
    for label, octets in wholes.items():
        yield label, source.content_type, source.with_part(number, replace(root, content=octets)).body()
    yield from _own_includes(source)
    for place, part in enumerate(source.parts):
        if place != number:
            inner = replace(part, content=envelope(f"<m:a>{one}</m:a>"))
            yield f"in part {place}", source.content_type, source.with_part(place, inner).body()


def _own_includes(source: MimeMessage) -> Altered:
    """The Includes of the root as it is: each names another part, or something else stands in its place."""
    number = source.root
    root = source.parts[number]
    known = [part.field("Content-ID").strip("\r\n <>") for part in source.parts]
    for count, found in enumerate(_INCLUDE.finditer(root.content), 1):
        texts = {
            **{f"cid:{other}": include(f"cid:{other}").encode() for other in known},
            "nothing": b"",
            "another text": b"YW5vdGhlcg==",
            "an address": include("http://127.0.0.1/x").encode(),
            "written anew": found[0].replace(b" href", b"\thref"),
            "a comment behind": found[0] + b"<!-- x -->",
            **{
                f"the octets of {place}": base64.b64encode(part.content)
                for place, part in enumerate(source.parts)
                if place != number
            },
        }
        for label, text in texts.items():
            content = root.content[: found.start()] + text + root.content[found.end() :]
            altered = source.with_part(number, replace(root, content=content))
            yield f"{label} in the place of Include {count}", source.content_type, altered.body()


RULES: Final = {
    "transfer encodings": _transfer_encodings,
    "xop": _xop,
}
