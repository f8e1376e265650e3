"""A WSDL or schema made to lead nowhere but to the gateway.

Service addresses become the gateway's, and so do the addresses of further documents, or the document is refused.
Whatever else a client would follow, or would let change its way, is translated or removed. Names stay, although many
look like addresses: namespaces, actions, transports, kinds of tokens and claims.

No relative reference is left for the client to resolve. It has the document from elsewhere than the receiver meant.
"""

import re
from collections.abc import Callable, Iterator
from enum import Enum, auto
from functools import cache, lru_cache
from itertools import count
from typing import Final, TypeVar
from urllib.parse import urlsplit

from lxml import etree

from gateway.exchange.wsdl.addresses import Addresses, is_published_by_a_standard
from gateway.verify import Policy, Reason, Rejection, parse_document, parse_without_remarks, serialize_document

_Found = TypeVar("_Found")

_ROOTS: Final = frozenset(
    {
        "{http://schemas.xmlsoap.org/wsdl/}definitions",
        "{http://www.w3.org/ns/wsdl}description",
        "{http://www.w3.org/2001/XMLSchema}schema",
    }
)
_FOR_BROWSERS: Final = (
    "{http://www.w3.org/1999/xhtml}*",
    "{http://www.w3.org/2000/svg}*",
    "{http://www.w3.org/1998/Math/MathML}*",
)
"""Of what a browser would show, or run, only the text stays, as documentation."""
_DOCUMENTATION: Final = "{http://schemas.xmlsoap.org/wsdl/}documentation"
_XINCLUDE: Final = re.compile(r"https?://www\.w3\.org/.*xinclude", re.IGNORECASE)
_STANDARDS: Final = ("http://www.w3.org/", "http://schemas.xmlsoap.org/", "http://docs.oasis-open.org/")
"""Namespaces in which it is known what is an address."""
_XML: Final = "http://www.w3.org/XML/1998/namespace"
_WSDL_2_HTTP: Final = re.compile(r"http://www\.w3\.org/.*wsdl/http$")

_IMPORTS: Final = frozenset({"import", "include", "redefine", "override"})
_HINTS: Final = frozenset({"schemalocation", "nonamespaceschemalocation", "wsdllocation"})
_NAMES: Final = frozenset({"namespace", "targetnamespace", "soapaction", "action", "name", "type", "transport", "uri"})
"""Attributes whose values are names in whatever namespace."""
_OPERATION_PATH: Final = re.compile(
    r"(?:/|(?:/(?!\.*(?:[;/?]|\Z))[\w.~!$&'()*+,;={}-]+)+/?)(?:\?[^\s\\<>\"]*)?", re.ASCII
)
_LOOKS_LIKE_A_REFERENCE: Final = re.compile(r"[\s\ufeff]*(?:[A-Za-z][A-Za-z0-9+.-]*:|[/\\?]|\.\.?[/\\])")
_UNPRINTABLE: Final = re.compile(r"[^\x21-\x7e]")
_LONGEST_SHOWN: Final = 200
_MOST_ADDRESSES: Final = 10_000
"""Different addresses of one document. Taking one apart takes some 20 microseconds; 16 MB have room for millions."""

_MOST_GROWTH: Final = 4 * 1024 * 1024
"""Characters that a document may gain: an address of two characters becomes one of a hundred."""
_NAMES_REMEMBERED: Final = 1024
_METADATA_EXCHANGE: Final = re.compile(r"(?:^|[/:-])mex/?$", re.IGNORECASE)
_SETTINGS: Final = re.compile(
    # What Apache CXF takes from a port for the settings of its connection, the proxy among them.
    r"https?://(?:cxf\.apache\.org/|schemas\.iona\.com/"
    # Trust stores, token services and handlers of Metro; its change to a protocol of its own.
    r"|schemas\.sun\.com/|java\.sun\.com/xml/ns/(?:wsit/.*(?:soaptcp|transport)|metro/management)"
    # Key stores and classes of Axis2.
    r"|ws\.apache\.org/(?:rampart|sandesha2)/"
    # Answers on a connection that the receiver makes.
    r"|schemas\.microsoft\.com/net/2006/06/duplex)"
    # Queues, and the directory that is asked for them.
    r"|jms/?$|/jms/|^urn:jndi|jndi/?$",
    re.IGNORECASE,
)

_SERVICE = "a service address that is not below the endpoint's upstream was replaced by the endpoint's own"
_REFERENCE = "a reference to what is not below the endpoint's upstream was removed"
_POLICY = "a reference to a policy that is not below the endpoint's upstream was removed: give clients the policy"
_ATTACHED = "a policy for other addresses than the service's was removed"
_ISSUER = "the address of an issuer of tokens was removed: clients need it in their own configuration"
_METADATA = "metadata that clients would fetch past the gateway was removed"
_SETTING = "settings for a client's connections and keys were removed: they belong in its own configuration"
_ANSWERS = "a demand for answers on another connection was removed: answers come through the gateway"

_LEADING: Final = {
    "Issuer": _ISSUER,
    "MetadataReference": _METADATA,
    "MetadataSection": _METADATA,
    "MetadataExchange": _METADATA,
    "PolicyAttachment": _ATTACHED,
    "AppliesTo": _ATTACHED,
    "NonAnonymousResponses": _ANSWERS,
}
"""Elements that are removed with all they hold, by their local name: there are many drafts of their namespaces."""


def rewrite(document: bytes, policy: Policy, addresses: Addresses) -> tuple[bytes, tuple[str, ...]]:
    """`document` with nothing in it that leads past the gateway, and warnings about what could not be translated.

    Service addresses are always replaced, whatever they hold: a client that went to the receiver itself would go
    unverified. The same goes for the documents that this one imports, only that nothing can stand in for those.

    Raises:
        Rejection: The document is not XML that the gateway reads, is neither a WSDL nor a schema, imports a document
            from elsewhere than the endpoint's upstream, or is to be completed with XInclude.
    """
    root = parse_document(document, policy)
    if root.tag not in _ROOTS:
        raise Rejection(Reason.STRUCTURE, "the document is neither a WSDL nor a schema")
    # Comments and instructions part texts, and the latter name stylesheets, catalogs and schemas.
    root = parse_without_remarks(serialize_document(root))
    # Not unwrapped: what is inside may need namespaces that they declare, and each child would declare them again.
    for element in list(root.iter(*_FOR_BROWSERS)):
        element.attrib.clear()
        element.tag = _DOCUMENTATION
    rewriting = _Rewriting(addresses)
    rewriting.remove_below(root)
    # Listed beforehand: an iteration over the tree ends where the element that comes next is taken out.
    for element in list(root.iter("{*}*")):
        rewriting.rewrite_element(element)
    return serialize_document(root), tuple(rewriting.warnings)


class _Rewriting:
    """One document's way through."""

    def __init__(self, addresses: Addresses) -> None:
        self.warnings: dict[str, None] = {}
        self._grown = 0
        self._gateway = addresses.gateway
        self._host = (urlsplit(addresses.upstream).hostname or "").lower()
        spent = count(1)
        self._translate = _bounded(addresses.translate, spent)
        self._resolve = _bounded(addresses.resolve, spent)
        self._resolve_fragment = _bounded(addresses.resolve_fragment, spent)
        self._is_the_receivers = _bounded(addresses.is_the_receivers, spent)

    def remove_below(self, root: etree._Element) -> None:
        """Take out the elements that lead away by what they are, with all they hold."""
        parents = [root]
        while parents:
            parent = parents.pop()
            for element in list(parent):
                warning = self._reason_to_remove(element)
                if warning is None:
                    parents.append(element)
                else:
                    self._warn(warning)
                    # What follows it goes with it: in these documents nothing but white space.
                    parent.remove(element)

    def rewrite_element(self, element: etree._Element) -> None:
        """Make the attributes and the text of `element` lead to the gateway or nowhere."""
        tag = str(element.tag)
        for name, value in element.items():
            role = _role(tag, name)
            if role is _Role.NAME:
                continue
            rewritten = self._value(role, value)
            if rewritten is None:
                del element.attrib[name]
            elif rewritten != value:
                self._grow(len(rewritten) - len(value))
                element.set(name, rewritten)
        parent = element.getparent()
        role = _role_of_text(tag, "" if parent is None else str(parent.tag))
        if role is _Role.NAME:
            return
        children = list(element)
        if role is _Role.SERVICE:
            text = "".join(element.itertext("{*}*"))
        else:
            # Some readers put together what stands between children.
            text = (element.text or "") + "".join(child.tail or "" for child in children)
        rewritten = self._value(role, text) or ""
        if rewritten != text:
            self._grow(len(rewritten) - len(text))
            for child in children:
                element.remove(child)
            element.text = rewritten

    def _reason_to_remove(self, element: etree._Element) -> str | None:
        tag = str(element.tag)
        warning = _reason_by_name(tag)
        if warning is not None:
            return warning
        namespace, local = _split(tag)
        if local == "Anonymous" and "addressing" in namespace and (element.text or "").strip() == "prohibited":
            return _ANSWERS
        if local == "PolicyReference" and not self._refers_to_a_policy_within_reach(element):
            return _POLICY
        return None

    def _value(self, role: "_Role", value: str) -> str | None:
        """The value that stands in for `value`; None where none does."""
        match role:
            case _Role.IMPORT:
                return self._imported(value)
            case _Role.SERVICE:
                return self._service(value)
            case _Role.REFERENCE:
                return self._reference(value, self._resolve)
            case _Role.PERHAPS:
                return self._reference(value, self._resolve) if _LOOKS_LIKE_A_REFERENCE.match(value) else value
            case _Role.POLICIES:
                return self._policies(value)
            case _Role.PATH if _OPERATION_PATH.fullmatch(value):
                return value
            case _Role.PATH:
                self._warn(_REFERENCE)
            case _Role.SETTING:
                self._warn(_SETTING)
            case _Role.UNKNOWN:
                return self._unknown(value)
        return None

    def _unknown(self, value: str) -> str | None:
        """An address or a name: one of the receiver is translated, and one of others passes for a name."""
        # Readers of addresses leave these characters out, wherever they stand.
        url = value.strip().translate({ord(control): None for control in "\t\r\n"})
        if self._host not in url.lower() or not self._is_the_receivers(url):
            return value
        return self._reference(url, self._translate)

    def _service(self, location: str) -> str:
        translated = self._translate(location)
        if translated is None:
            self._warn(_SERVICE)
            return self._gateway
        return translated

    def _imported(self, location: str) -> str:
        location = location.strip()
        # Without a location, or with this document's, there is nothing to fetch.
        if not location or location.startswith("#") or is_published_by_a_standard(location):
            return location
        resolved = self._resolve(location)
        if resolved is not None:
            return resolved
        raise Rejection(
            Reason.STRUCTURE,
            f"the document imports {_shown(location)}, which is not below the endpoint's upstream: clients would fetch "
            "it past the gateway; let the receiver serve it there, or give clients a copy of the documents",
        )

    def _reference(self, value: str, look_up: Callable[[str], str | None]) -> str | None:
        stripped = value.strip()
        if not stripped or stripped.startswith("#"):
            return stripped
        found = look_up(stripped)
        if found is None:
            self._warn(_REFERENCE)
        return found

    def _refers_to_a_policy_within_reach(self, element: etree._Element) -> bool:
        for name, value in element.items():
            if _split(name)[1].lower() == "uri":
                resolved = self._resolve_fragment(value)
                if resolved is None:
                    return False
                element.set(name, resolved)
        return True

    def _policies(self, value: str) -> str | None:
        resolved = {self._resolve_fragment(uri): None for uri in value.split()}
        kept = " ".join(uri for uri in resolved if uri is not None)
        if None in resolved:
            self._warn(_POLICY)
        return kept or None

    def _grow(self, characters: int) -> None:
        self._grown += max(0, characters)
        if self._grown > _MOST_GROWTH:
            raise Rejection(Reason.LIMITS, f"its addresses would make the document {_MOST_GROWTH} characters longer")

    def _warn(self, warning: str) -> None:
        self.warnings[warning] = None


class _Role(Enum):
    """What an attribute or a text is to those who read the document."""

    NAME = auto()
    SERVICE = auto()
    IMPORT = auto()
    REFERENCE = auto()
    PERHAPS = auto()
    """A reference if it looks like one."""
    HINT = auto()
    """Where a document is that clients do without."""
    POLICIES = auto()
    PATH = auto()
    """What a client puts behind the address of the service."""
    SETTING = auto()
    UNKNOWN = auto()


@lru_cache(maxsize=_NAMES_REMEMBERED)
def _role(tag: str, name: str) -> _Role:
    (namespace, local), (own, attribute) = _split(tag), _split(name)
    element, attribute = local.lower(), attribute.lower()
    imports = element in _IMPORTS and not own
    if (own, attribute) == (_XML, "base") or (attribute in _HINTS and not imports):
        return _Role.HINT
    if _METADATA_EXCHANGE.search(own) or _SETTINGS.search(own):
        return _Role.SETTING
    if attribute == "policyuris":
        return _Role.POLICIES
    if attribute == "location" and (element == "operation" or _WSDL_2_HTTP.match(own)):
        return _Role.PATH
    if _names_a_place(attribute):
        if imports:
            return _Role.IMPORT
        if element in {"address", "endpoint"}:
            return _Role.SERVICE
        return _Role.REFERENCE if attribute in {"href", "src"} or attribute.endswith("location") else _Role.PERHAPS
    return _Role.NAME if attribute in _NAMES or (own or namespace).startswith(_STANDARDS) else _Role.UNKNOWN


@lru_cache(maxsize=_NAMES_REMEMBERED)
def _role_of_text(tag: str, parent: str) -> _Role:
    namespace, local = _split(tag)
    if local in {"Address", "To"} and ("addressing" in namespace or _split(parent)[1] == "EndpointReference"):
        return _Role.SERVICE
    if _names_a_place(local.lower()):
        return _Role.PERHAPS
    return _Role.NAME if namespace.startswith(_STANDARDS) else _Role.UNKNOWN


@lru_cache(maxsize=_NAMES_REMEMBERED)
def _reason_by_name(tag: str) -> str | None:
    namespace, local = _split(tag)
    if _XINCLUDE.match(namespace):
        raise Rejection(
            Reason.STRUCTURE,
            "the document includes others by XInclude, which clients would fetch past the gateway; let the receiver "
            "serve it as a whole, or give clients a copy of the documents",
        )
    if _SETTINGS.search(namespace):
        return _SETTING
    if _METADATA_EXCHANGE.search(namespace) or (local == "Metadata" and "addressing" in namespace):
        return _METADATA
    return _LEADING.get(local)


def _bounded(look_up: Callable[[str], _Found], spent: Iterator[int]) -> Callable[[str], _Found]:
    """`look_up`, once for each address, and for so many of them at most."""

    def bounded(url: str) -> _Found:
        if next(spent) > _MOST_ADDRESSES:
            raise Rejection(Reason.LIMITS, f"the document has more than {_MOST_ADDRESSES} different addresses")
        return look_up(url)

    return cache(bounded)


def _names_a_place(name: str) -> bool:
    return name in {"href", "src", "system", "address", "endpoint"} or name.endswith(("location", "url", "-uri"))


def _split(name: str) -> tuple[str, str]:
    namespace, _, local = name.rpartition("}")
    return namespace[1:], local


def _shown(location: str) -> str:
    shown = _UNPRINTABLE.sub("?", location)
    return shown if len(shown) <= _LONGEST_SHOWN else f"{shown[:_LONGEST_SHOWN]}..."
