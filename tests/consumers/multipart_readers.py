"""Readers of multipart messages that are not ours, and clients that ask for such: what each makes of the parts."""

import hashlib
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import requests
import zeep
from zeep.transports import Transport
from zeep.wsdl.attachments import MessagePack

from tests.consumers.programs import ROOM, Program, read_by_java

READERS: Final = ("cxf", "saaj")
_SECONDS: Final = 30


@dataclass(frozen=True)
class ReadPart:
    """A part beside the root."""

    content_id: str | None
    size: int
    sha256: str
    """Of the decoded content."""


@dataclass(frozen=True)
class MultipartReading:
    """What a reader made of a message: the first alone, or all others."""

    refused: str | None = None
    body: str = ""
    """Text of the Body with base64 in the place of every xop:Include; its first 300 characters."""
    body_sha256: str = ""
    """Of the whole of it, in UTF-8."""
    included: tuple[tuple[str, str], ...] = ()
    """`href` of each xop:Include in the Body, and the SHA-256 of what it named, in document order."""
    attachments: tuple[ReadPart, ...] = ()

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> Self:
        """From a line of Multipart.java."""
        if "refused" in found:
            return cls(found["refused"])
        return cls(
            None,
            found["body"],
            found["body_sha256"],
            tuple((include["href"], include["sha256"]) for include in found["included"]),
            tuple(ReadPart(**part) for part in found["attachments"]),
        )


@dataclass(frozen=True)
class Documents:
    """What a client got of a response: the first alone, or all others."""

    refused: str | None = None
    account: str | None = None
    documents: tuple[str, ...] = ()
    """SHA-256 of each base64 element (`document`, `octets`) of the order."""
    attachments: tuple[ReadPart, ...] = ()


def read_all(messages: Iterable[tuple[str, bytes]], folder: Path) -> list[dict[str, MultipartReading]]:
    """What Apache CXF and SAAJ make of each message (Content-Type, body), by the names of `READERS`.

    One process of Java reads all of them, some hundred a second; they are laid in `folder`.

    Raises:
        ConsumerMissingError: There is no JDK or no Maven, or the jars cannot be fetched.
        ConsumerFailedError: A jar is not the one that is wanted, or the program failed.
    """
    lines = []
    for number, (content_type, body) in enumerate(messages):
        path = folder / f"{number:06d}.mime"
        path.write_bytes(body)
        lines.append(f"{b64encode(content_type.encode('latin-1')).decode()}\t{path}\n")
    listing = folder / "listing.tsv"
    listing.write_text("".join(lines), encoding="utf-8")
    found = read_by_java(listing)
    assert [line["reader"] for line in found] == [*READERS] * len(lines)
    readings = [MultipartReading.of(line) for line in found]
    return [dict(zip(READERS, pair, strict=True)) for pair in zip(readings[::2], readings[1::2], strict=True)]


def ask_java(program: Program, kind: str, version: str, url: str) -> Documents:
    """What the client `kind` of `READERS` gets from `url`, in SOAP `version`; `program` is that of java_multipart()."""
    found = program.ask(kind, version, url)
    if "refused" in found:
        return Documents(found["refused"])
    parts = tuple(ReadPart(**part) for part in found["attachments"])
    return Documents(None, found["account"], tuple(found["documents"]), parts)


class ZeepDocuments:
    """zeep, in this process: it reads XOP, and hands out other parts as they are."""

    def __init__(self) -> None:
        """Read the WSDL."""
        session = requests.Session()
        session.trust_env = False
        transport = Transport(session=session, operation_timeout=_SECONDS)  # type: ignore[no-untyped-call]  # zeep has no types
        self._client: Any = zeep.Client(str(ROOM / "documents.wsdl"), transport=transport)  # type: ignore[no-untyped-call]  # as above

    def ask(self, version: str, url: str) -> Documents:
        """What it gets from `url`, in SOAP `version`."""
        service = self._client.create_service(f"{{urn:example:orders}}Soap{version.replace('.', '')}", url)
        try:
            order: Any = service.getOrder("1")
        except Exception as error:  # noqa: BLE001 - whatever it raises, it read nothing
            return Documents(f"{type(error).__name__}: {error}")
        parts: tuple[ReadPart, ...] = ()
        if isinstance(order, MessagePack):
            parts = tuple(_part(found) for found in order.attachments)
            order = order.root
        # An empty element is None to it.
        documents = tuple(hashlib.sha256(octets or b"").hexdigest() for octets in (*order.document, *order.octets))
        return Documents(None, order.account, documents, parts)


def _part(found: Any) -> ReadPart:
    content_id = found.content_id
    name = None if content_id is None else content_id.removeprefix("<").removesuffix(">")
    return ReadPart(name, len(found.content), hashlib.sha256(found.content).hexdigest())
