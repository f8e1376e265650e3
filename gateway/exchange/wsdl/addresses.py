"""From an address of the receiver to the gateway's own, without room for two readings of one address."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urldefrag, urljoin, urlsplit

_BELOW: Final = re.compile(r"(?:/(?!\.*(?:[;/]|\Z))[\w.~!$&'()*+,;=:@-]+)*/?", re.ASCII)
"""A path below the endpoint. No segment is empty or dots alone, with or without a parameter ("..;"), and nothing is
escaped: what "%2e", "%2f", a backslash or a full-width dot means is up to whoever resolves the address."""
_QUERY: Final = re.compile(r"[\w.~!$&'()*+,;=:@/?%-]*", re.ASCII)
_STANDARDS: Final = frozenset({"www.w3.org", "schemas.xmlsoap.org", "docs.oasis-open.org"})
_STANDARD: Final = re.compile(r"https?://([a-z0-9.-]+)((?:/(?!\.*(?:/|\Z))[\w.~-]+)+/?)", re.ASCII)
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the receiver is, and where the gateway stands for it; both without a trailing slash."""

    upstream: str
    gateway: str
    document: str = ""
    """The receiver's URL of the document that relative references stand in; without it they stand at `upstream`."""

    def translate(self, url: str) -> str | None:
        """The gateway's URL for `url` of the receiver; None where `url` is not below the endpoint.

        A path with dot segments, in whatever spelling, is below nothing: the client would resolve them at the gateway,
        where they lead out of the endpoint.
        """
        try:
            asked, own = urlsplit(url.strip()), urlsplit(self.upstream)
            same_origin = _origin(url.strip()) == _origin(self.upstream)
        except ValueError:
            return None
        own_path = own.path.rstrip("/")
        if not same_origin or not (asked.path == own_path or asked.path.startswith(f"{own_path}/")):
            return None
        rest = asked.path[len(own_path) :]
        if not _BELOW.fullmatch(rest) or not _QUERY.fullmatch(asked.query):
            return None
        return f"{self.gateway}{rest}{'?' if asked.query else ''}{asked.query}"

    def resolve(self, reference: str) -> str | None:
        """The gateway's URL for what `reference`, which may be relative, leads to at the receiver; None as above.

        A relative reference must not be left to the client, for which the document stands elsewhere: where the path of
        the endpoint is not that of the upstream, it may lead to anything beside the endpoint.
        """
        try:
            return self.translate(urljoin(self.document or self.upstream, reference.strip()))
        except ValueError:
            return None

    def resolve_fragment(self, reference: str) -> str | None:
        """The same for a part of a document; one of the document at hand stays as it is."""
        reference = reference.strip()
        if reference.startswith("#"):
            return reference
        resolved = self.resolve(reference)
        try:
            fragment = urldefrag(reference).fragment
        except ValueError:
            return None
        if resolved is None or not _QUERY.fullmatch(fragment):
            return None
        return f"{resolved}{'#' if fragment else ''}{fragment}"

    def is_the_receivers(self, url: str) -> bool:
        """Whether `url` is of the receiver's scheme, host and port, below the endpoint or not."""
        try:
            return _origin(url.strip()) == _origin(self.upstream)
        except ValueError:
            return False


def is_published_by_a_standard(url: str) -> bool:
    """Whether `url` is a schema of the standards themselves, xml.xsd and the like, which honest documents import from
    where it is. Nothing with a query: there are services that show other sites under these names.
    """
    found = _STANDARD.fullmatch(url)
    return found is not None and found[1] in _STANDARDS


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    return scheme, (parts.hostname or "").lower().rstrip("."), parts.port or _DEFAULT_PORTS.get(scheme)
