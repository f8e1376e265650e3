"""What a receiver sends: answers that are signed, with a forged order in places that no signature covers."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from fixtures.generator import soap
from fixtures.generator.signing import sign
from tests.gateway.exchange.harness import SOAP

Version = Literal["1.1", "1.2"]
VERSIONS: Final[tuple[Version, ...]] = ("1.1", "1.2")
TEXT: Final = "ä +AOQ- =C3=A4 %C3%A4"
"""What is signed. Read as UTF-7, quoted-printable or a URL, or in another encoding, it is something else."""
FORGED: Final = "the text that nobody signed"
XML_TYPE: Final = {"1.1": "text/xml", "1.2": "application/soap+xml"}


def order(text: str = TEXT) -> str:
    """The content of a Body."""
    return f'<Order xmlns="urn:orders">{text}</Order>'


def signed(
    version: Version = "1.1",
    content: str = order(),
    encoding: str = "utf-8",
    *,
    prefix: str = "s",
    prolog: str = "",
    root_attributes: str = "",
    header: str = "",
    behind_body: str = "",
    object_content: str = "",
    epilog: str = "",
) -> bytes:
    """An answer with a Body and a Timestamp, created now, that are signed; nothing else of it is."""
    now = datetime.now(UTC)
    created, expires = (f"{instant:%Y-%m-%dT%H:%M:%S.%fZ}" for instant in (now, now + timedelta(minutes=5)))
    extra = f"<ds:Object>{object_content}</ds:Object>" if object_content else ""
    signature = soap.signature(soap.BODY, soap.TIMESTAMP, key_info="", extra=extra)
    envelope = soap.Envelope(
        soap.timestamp(created, expires) + signature,
        content,
        version,
        prefix,
        prolog=prolog,
        root_attributes=root_attributes,
        headers_before=header,
        epilog=epilog,
    )
    end = f"</{prefix}:Envelope>" if prefix else "</Envelope>"
    before, found, after = envelope.text().rpartition(f"{end}{epilog}")
    return sign(f"{before}{behind_body}{found}{after}", "old", encoding=encoding)


def forged(version: Version, prefix: str = "x", envelope: str = "Envelope") -> str:
    """An answer that nobody signed."""
    return (
        f'<{prefix}:{envelope} xmlns:{prefix}="{SOAP[version]}"><{prefix}:Body>{order(FORGED)}</{prefix}:Body>'
        f"</{prefix}:{envelope}>"
    )


def part(version: Version, content: str | None = None) -> str:
    """A forged answer as the one part of a multipart entity with the boundary `b` (RFC 2046, 5.1)."""
    content = forged(version) if content is None else content
    lines = ("", "--b", f"Content-Type: {XML_TYPE[version]}; charset=utf-8", "Content-ID: <root>", "", content)
    return "\r\n".join((*lines, "--b--", ""))


def encoded_part(version: Version) -> str:
    """The same in base64, without a character that XML would take for markup."""
    content = base64.b64encode(forged(version).encode()).decode()
    fields = (f"Content-Type: {XML_TYPE[version]}; charset=utf-8", "Content-Transfer-Encoding: base64")
    return "\r\n".join(("", "--b", *fields, "", content, "--b--", ""))


def instruction(version: Version) -> str:
    """A processing instruction that holds a part."""
    return f"<?p {part(version)}?>"


def http(body: bytes, *fields: str, status: str = "200 OK") -> bytes:
    """An HTTP response with the header fields `fields`, line by line as they are."""
    lines = (f"HTTP/1.1 {status}", *fields, "Connection: close", f"Content-Length: {len(body)}", "", "")
    return "\r\n".join(lines).encode("latin-1") + body
