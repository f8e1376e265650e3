"""The addresses inside a WSDL or schema: those of services lead to the gateway, those of documents nowhere else."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from gateway.verify import Policy, Reason
from gateway.verify.parsing import parse_document, serialize_document
from gateway.verify.reason import Rejection

_WSDL: Final = "http://schemas.xmlsoap.org/wsdl/"
_WSDL_2: Final = "http://www.w3.org/ns/wsdl"
_XSD: Final = "http://www.w3.org/2001/XMLSchema"
_XINCLUDE: Final = "http://www.w3.org/2001/XInclude"
_XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
_ROOTS: Final = frozenset({f"{{{_WSDL}}}definitions", f"{{{_WSDL_2}}}description", f"{{{_XSD}}}schema"})
_IMPORTS: Final = tuple(
    f"{{{namespace}}}{name}"
    for namespace in (_WSDL, _WSDL_2, _XSD, _XINCLUDE)
    for name in ("import", "include", "redefine", "override")
)
_LOCATIONS: Final = ("location", "schemaLocation", "href")
_HINTS: Final = (
    f"{{{_XSI}}}schemaLocation",
    f"{{{_XSI}}}noNamespaceSchemaLocation",
    "{http://www.w3.org/XML/1998/namespace}base",
)
"""Attributes that may stand anywhere and would lead a client elsewhere: it does without them."""
_RELATIVE: Final = re.compile(r"(?!//|[A-Za-z][A-Za-z0-9+.\-]*:)[^\x00-\x1f\x7f\\]*")
"""A relative reference (RFC 3986, 4.2) that stays with the host that the document came from."""
_STANDARD: Final = re.compile(
    r"https?://(?:www\.w3\.org|schemas\.xmlsoap\.org|docs\.oasis-open\.org)/[\x21-\x5b\x5d-\x7e]*"
)
"""Schemas of the standards themselves, xml.xsd and the like, which honest documents import from where they are."""
_UNPRINTABLE: Final = re.compile(r"[^\x21-\x7e]")
_LONGEST_SHOWN: Final = 200
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the receiver is, and where the gateway stands for it; both without a trailing slash."""

    upstream: str
    gateway: str

    def translate(self, url: str) -> str | None:
        """The gateway's URL for `url` of the receiver; None where `url` is not below the endpoint."""
        try:
            asked, own = urlsplit(url.strip()), urlsplit(self.upstream)
            same_origin = _origin(asked.scheme, asked.hostname, asked.port) == _origin(
                own.scheme, own.hostname, own.port
            )
        except ValueError:
            return None
        own_path = own.path.rstrip("/")
        if not same_origin or not (asked.path == own_path or asked.path.startswith(f"{own_path}/")):
            return None
        query = f"?{asked.query}" if asked.query else ""
        return f"{self.gateway}{asked.path[len(own_path) :]}{query}"


def rewrite(document: bytes, policy: Policy, addresses: Addresses) -> tuple[bytes, tuple[str, ...]]:
    """`document` with the addresses of the receiver replaced, and warnings about what could not be translated.

    Service addresses are always replaced, whatever they hold: a client that went to the receiver itself would go
    unverified. The same goes for the documents that this one imports, only that nothing can stand in for those.

    Raises:
        Rejection: The document is not XML that the gateway reads, is neither a WSDL nor a schema, or imports a
            document from elsewhere than the endpoint's upstream.
    """
    root = parse_document(document, policy)
    if root.tag not in _ROOTS:
        raise Rejection(Reason.STRUCTURE, "the document is neither a WSDL nor a schema")
    warnings: list[str] = []
    for element in root.iter(_IMPORTS):
        for attribute in _LOCATIONS:
            location = element.get(attribute)
            if location is not None:
                element.set(attribute, _imported(location, addresses))
    for address in root.iter("{*}address"):
        if address.get("location") is not None:
            address.set("location", _service(address.get("location", ""), addresses, warnings))
    for reference in root.iter("{*}EndpointReference"):
        for address in reference.iterchildren("{*}Address"):
            text = str(address.xpath("string()"))
            # Comments and the like, which split the text, go with it.
            for child in list(address):
                address.remove(child)
            address.text = _service(text, addresses, warnings)
    for element in root.iter(f"{{{_WSDL_2}}}endpoint"):
        if element.get("address") is not None:
            element.set("address", _service(element.get("address", ""), addresses, warnings))
    for element in root.iter("{*}*"):
        for hint in _HINTS:
            element.attrib.pop(hint, None)
    return serialize_document(root), tuple(dict.fromkeys(warnings))


def _service(location: str, addresses: Addresses, warnings: list[str]) -> str:
    translated = addresses.translate(location)
    if translated is None:
        warnings.append(
            "a service address that is not below the endpoint's upstream was replaced by the endpoint's own"
        )
        return addresses.gateway
    return translated


def _imported(location: str, addresses: Addresses) -> str:
    location = location.strip()
    translated = addresses.translate(location)
    if translated is not None:
        return translated
    if _RELATIVE.fullmatch(location) or _STANDARD.fullmatch(location):
        return location
    raise Rejection(
        Reason.STRUCTURE,
        f"the document imports {_shown(location)}, which is not below the endpoint's upstream: clients would fetch it "
        "past the gateway; let the receiver serve it there, or give clients a copy of the documents",
    )


def _shown(location: str) -> str:
    shown = _UNPRINTABLE.sub("?", location)
    return shown if len(shown) <= _LONGEST_SHOWN else f"{shown[:_LONGEST_SHOWN]}..."


def _origin(scheme: str, host: str | None, port: int | None) -> tuple[str, str, int | None]:
    scheme = scheme.lower()
    return scheme, (host or "").lower(), port or _DEFAULT_PORTS.get(scheme)
