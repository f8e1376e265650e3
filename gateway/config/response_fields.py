"""The names of response header fields that a configuration may admit, and those that it cannot.

Proxies and servers in front of the gateway take orders from the response fields of what is behind them: to deliver a
file, to ask another server, to keep, purge or assemble content. The receiver's fields are signed by nobody, so these
orders would be those of whoever is on the wire. Others describe the body or the connection, which are the gateway's.
"""

import re
from typing import Annotated, Final

from pydantic import AfterValidator, Field

MOST_FIELD_NAMES: Final = 64
_NO_LETTER: Final = re.compile(r"[^a-z0-9]")
"""Readers that make names of variables of these write the same for all of them."""
_TOKEN: Final = re.compile(r"[!#$%&'*+.^`|~0-9A-Za-z-]{1,64}")
"""RFC 9110, 5.6.2, without `_`: what CGI, WSGI and PHP make of a name with it is that of another field with `-`."""
_NEVER: Final = frozenset(
    {
        # The connection and its framing (RFC 9110, 7.6.1).
        "connection",
        "expect",
        "host",
        "http2-settings",
        "keep-alive",
        "max-forwards",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        # The body, of which the gateway says itself what it is; with what starts with "content-".
        "accept-ranges",
        "digest",
        "etag",
        "last-modified",
        "mime-version",
        "repr-digest",
        "status",  # the status itself, where a server speaks CGI or FastCGI (RFC 3875, 6.3.3)
        # Away from the gateway, or around it.
        "alt-svc",
        "alt-used",
        "forwarded",
        "refresh",
        "service-worker-allowed",
        "sourcemap",
        "clear-site-data",
        "x-http-method",
        "x-http-method-override",
        "x-method-override",
        "x-original-url",
        "x-rewrite-url",
        # To proxies: which content to deliver, what to keep and what to purge.
        "arr-disable-session-affinity",  # IIS Application Request Routing
        "cache-tag",  # Cloudflare and others
        "cache-group-invalidation",  # RFC 9875
        "cache-groups",
        "link",  # Apache httpd and nginx push what it names to clients of HTTP/2
        "no-vary-search",
        "x-cache-tags",
        "x-cascade",  # Rack
        "x-esi",
        "x-ttl",
        "xkey",  # Varnish
    }
)
_NEVER_STARTS: Final = (
    "content-",
    "proxy-",
    "sec-",
    "wssgate-",
    "edge-",  # Akamai
    "lsc-",  # LiteSpeed
    "surrogate-",  # Varnish, Fastly, Squid: caching and Edge Side Includes
    "x-accel",  # nginx, Caddy
    "x-akamai-",
    "x-appengine-",  # Google's front end
    "x-arr-",
    "x-envoy-",
    "x-esi-",
    "x-forwarded",
    "x-lighttpd-",
    "x-litespeed-",
    "x-lsadc-",
    "x-perlbal-",
    "x-reproxy",  # perlbal
    "x-sendfile",  # Apache, lighttpd, Cherokee, Hiawatha
    "x-varnish",
)
_NEVER_ENDS: Final = ("cdn-cache-control",)  # RFC 9213, also with the name of a network before it


def _response_field(value: str) -> str:
    name = value.lower()
    read = _NO_LETTER.sub("-", name)
    if not _TOKEN.fullmatch(value):
        raise ValueError(
            "must be the name of a header field: 1 to 64 letters, digits, hyphens or other characters of a token "
            '(RFC 9110, 5.6.2), and no "_", such as "X-Acme-Trace"'
        )
    if read in _NEVER or read.startswith(_NEVER_STARTS) or read.endswith(_NEVER_ENDS):
        raise ValueError(
            "cannot be passed on: proxies in front of the gateway act on it, or it describes the connection or the "
            'body, which are the gateway\'s; allowed are other names, such as "X-Acme-Trace"'
        )
    return name


def _once(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


ResponseFields = Annotated[
    tuple[Annotated[str, AfterValidator(_response_field)], ...],
    Field(max_length=MOST_FIELD_NAMES),
    AfterValidator(_once),
]
"""Names of header fields of a response that may leave besides those that always may, in small letters."""
