"""Multipart messages as stacks write them, in pieces that a mutation can change one by one."""

import base64
import quopri
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

from fixtures.manifest import field_cases

SOAP11: Final = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP12: Final = "http://www.w3.org/2003/05/soap-envelope"
XOP: Final = "http://www.w3.org/2004/08/xop/include"


@dataclass(frozen=True, slots=True)
class MimePart:
    """A part as it stands in a body."""

    fields: tuple[tuple[str, str], ...]
    content: bytes
    """Encoded as its Content-Transfer-Encoding says."""

    def field(self, name: str) -> str:
        """The value of a field; empty where there is none."""
        return next((value for known, value in self.fields if known.lower() == name.lower()), "")

    def with_field(self, name: str, value: str | None) -> "MimePart":
        """The part with another value of a field, with a new field, or without it."""
        if value is None or not self.field(name):
            kept = tuple(field for field in self.fields if field[0].lower() != name.lower())
            return replace(self, fields=kept if value is None else (*kept, (name, value)))
        changed = tuple((known, value if known.lower() == name.lower() else old) for known, old in self.fields)
        return replace(self, fields=changed)

    def head(self) -> bytes:
        """Its head, with the empty line."""
        return "".join(f"{name}: {value}\r\n" for name, value in self.fields).encode("latin-1") + b"\r\n"


@dataclass(frozen=True, slots=True)
class MimeMessage:
    """A multipart message."""

    name: str
    content_type: str
    boundary: str
    parts: tuple[MimePart, ...]
    preamble: bytes = b""
    epilogue: bytes = b"\r\n"

    def body(self) -> bytes:
        """Its octets."""
        delimiter = b"--" + self.boundary.encode()
        parts = (delimiter + b"\r\n" + part.head() + part.content + b"\r\n" for part in self.parts)
        return self.preamble + b"".join(parts) + delimiter + b"--" + self.epilogue

    def with_part(self, number: int, part: MimePart) -> "MimeMessage":
        """The message with another part in the place of one."""
        return replace(self, parts=(*self.parts[:number], part, *self.parts[number + 1 :]))

    @property
    def root(self) -> int:
        """Which part is the root."""
        for number, part in enumerate(self.parts):
            inner = part.field("Content-ID").strip("<>")
            if inner and any(f'start="{start}"' in self.content_type for start in (inner, f"<{inner}>")):
                return number
        return 0


Altered = Iterator[tuple[str, str, bytes]]
"""Mutants of a message: what was done, Content-Type, body."""


def include(href: str) -> str:
    """An Include as CXF writes it."""
    return f'<xop:Include xmlns:xop="{XOP}" href="{href}"/>'


def envelope(body: str, soap: str = SOAP11) -> bytes:
    """A SOAP message."""
    return f'<s:Envelope xmlns:s="{soap}"><s:Body><m:r xmlns:m="urn:m">{body}</m:r></s:Body></s:Envelope>'.encode()


def part(content: bytes, *fields: tuple[str, str]) -> MimePart:
    """A part."""
    return MimePart(fields, content)


@cache
def mime_sources() -> tuple[MimeMessage, ...]:
    """Honest messages with several parts, in the manners of several stacks."""
    return (*_written(), *_kept())


def _written() -> Iterator[MimeMessage]:
    binary = bytes(range(256)) + b"\r\n--\r\n\r\n-\n--\r"
    text = "Grüße,\r\nein Anhang.\r\n".encode()
    yield MimeMessage(
        "cxf-mtom",
        'multipart/related; type="application/xop+xml"; boundary="uuid:6f1e4a2c-1"; '
        'start="<root.message@cxf.apache.org>"; start-info="text/xml"',
        "uuid:6f1e4a2c-1",
        (
            part(
                envelope(
                    f"<m:a>{include('cid:a-1@cxf.apache.org')}</m:a><m:b>{include('cid:a-2@cxf.apache.org')}</m:b>"
                ),
                ("Content-Type", 'application/xop+xml; charset=UTF-8; type="text/xml"'),
                ("Content-Transfer-Encoding", "binary"),
                ("Content-ID", "<root.message@cxf.apache.org>"),
            ),
            part(
                binary,
                ("Content-Type", "application/octet-stream"),
                ("Content-Transfer-Encoding", "binary"),
                ("Content-ID", "<a-1@cxf.apache.org>"),
                ("Content-Disposition", 'attachment;name="a b.bin"'),
            ),
            part(b"", ("Content-Type", "text/plain"), ("Content-ID", "<a-2@cxf.apache.org>")),
        ),
        epilogue=b"",
    )
    yield MimeMessage(
        "wcf-mtom-soap12",
        'multipart/related; type="application/xop+xml";start="<http://tempuri.org/0>";'
        'boundary="uuid:53bac015-047d-4030-baf7-118016f7cd7d+id=1";start-info="application/soap+xml"',
        "uuid:53bac015-047d-4030-baf7-118016f7cd7d+id=1",
        (
            part(
                envelope(f"<m:a>{include('cid:http%3A%2F%2Ftempuri.org%2F1%2F635')}</m:a>", SOAP12),
                ("Content-ID", "<http://tempuri.org/0>"),
                ("Content-Transfer-Encoding", "8bit"),
                ("Content-Type", 'application/xop+xml;charset=utf-8;type="application/soap+xml"'),
            ),
            part(
                binary * 3,
                ("Content-ID", "<http://tempuri.org/1/635>"),
                ("Content-Transfer-Encoding", "binary"),
                ("Content-Type", "application/octet-stream"),
            ),
        ),
        preamble=b"\r\n",
    )
    yield MimeMessage(
        "saaj-attachments",
        'multipart/related; type="text/xml"; boundary="----=_Part_2_5156525.1151965151925"',
        "----=_Part_2_5156525.1151965151925",
        (
            part(envelope("<m:a href='cid:one'/>"), ("Content-Type", "text/xml; charset=utf-8")),
            part(
                base64.encodebytes(binary * 2).replace(b"\n", b"\r\n"),
                ("Content-Type", "image/png"),
                ("Content-ID", "one"),
                ("Content-Transfer-Encoding", "base64"),
            ),
            part(
                quopri.encodestring(text).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"),
                ("Content-Type", "text/plain; charset=utf-8"),
                ("Content-ID", "<two@acme.example>"),
                ("Content-Transfer-Encoding", "quoted-printable"),
            ),
            part(
                text, ("Content-ID", "<three>"), ("Content-Transfer-Encoding", "8BIT"), ("Content-Type", "text/plain")
            ),
            part(b"plain\r\n", ("Content-Transfer-Encoding", "7bit"), ("Content-Type", "text/plain")),
        ),
    )
    yield MimeMessage(
        "old-cxf-escaped-ids",
        'multipart/related; type="application/xop+xml"; boundary=MIMEBoundary_8418; start="0.root@apache.org"; '
        'start-info="application/soap+xml; action=\\"urn:op\\""; action="urn:op"',
        "MIMEBoundary_8418",
        (
            part(
                binary,
                ("Content-Type", "application/octet-stream"),
                ("Content-Transfer-Encoding", "binary"),
                ("Content-ID", "<dddbf7e4-2@http%3A%2F%2Fcxf.apache.org%2F>"),
            ),
            part(
                b'<?xml version="1.0" encoding="UTF-8"?>\r\n'
                + envelope(f"<m:a>{include('cid:dddbf7e4-2@http%3A%2F%2Fcxf.apache.org%2F')}</m:a>é", SOAP12),
                (
                    "Content-Type",
                    'application/xop+xml; charset=UTF-8; type="application/soap+xml; action=\\"urn:op\\"";',
                ),
                ("content-id", "<0.root@apache.org>"),
            ),
            part(
                b"eine zweite",
                ("Content-Type", 'application/pdf;\r\n\tname="a.pdf"'),
                ("Content-Disposition", "attachment;\r\n filename=a.pdf"),
                ("Content-ID", "\r\n <second@acme.example>"),
            ),
        ),
    )


def _kept() -> Iterator[MimeMessage]:
    """Those of the field; none where they are not at hand."""
    for case in field_cases():
        if case.file.suffix == ".mime" and case.content_type is not None:
            yield split(case.id, case.content_type, case.message)


def split(name: str, content_type: str, body: bytes) -> MimeMessage:
    """An honest message in its pieces."""
    found = re.search(r'boundary="?([^";]+)', content_type)
    assert found is not None
    boundary = found[1]
    delimiter = f"--{boundary}".encode()
    parts = []
    preamble, *texts, _ = body.split(delimiter)
    for text in texts:
        head, _, content = text[2:-2].partition(b"\r\n\r\n")
        pairs = (line.partition(": ") for line in head.decode("ascii").split("\r\n"))
        parts.append(MimePart(tuple((field, value) for field, _, value in pairs), content))
    made = MimeMessage(name, content_type, boundary, tuple(parts), preamble, body.rpartition(b"--")[2])
    assert made.body() == body
    return made
