"""The typed values of the configuration: durations, addresses, paths and URLs, each with its own clear refusal."""

import re
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, PlainValidator

from gateway.present import DURATION_UNITS, duration_text
from gateway.verify import shown_operation

_DURATION = re.compile(r"([0-9]{1,9})(ms|s|m|h|d|w)")
_LONGEST = timedelta(days=36_525)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_ENDPOINT_PATH = re.compile(r"/|(?:/[A-Za-z0-9._~!$&'()*+,;=:@-]+)+")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_HOST_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
_HIGHEST_PORT = 65535
_OPERATION = re.compile(r"(?:\{[^{}\s\x00-\x20\x7f]+\})?[^\W\d][\w.\-]*")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}")
"""RFC 9110, 5.6.2."""
_SECRET_FIELDS = frozenset(
    {
        "authentication-info",
        "authorization",
        "proxy-authenticate",
        "proxy-authentication-info",
        "set-cookie",
        "set-cookie2",
        "www-authenticate",
    }
)


def _duration(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(
            'must be a duration: a whole number with ms, s, m, h, d or w behind it, such as "30s" or "14d"'
        )
    length = int(match[1]) * DURATION_UNITS[match[2]]
    if length > _LONGEST:
        raise ValueError("must be at most 100 years")
    return length


Duration = Annotated[timedelta, BeforeValidator(_duration), PlainSerializer(duration_text)]
"""A length of time, written such as "250ms", "30s", "14d"."""


def _deadline(length: timedelta) -> timedelta:
    if not timedelta(milliseconds=10) <= length <= timedelta(hours=1):
        raise ValueError('must lie between "10ms" and "1h"')
    return length


Deadline = Annotated[Duration, AfterValidator(_deadline)]
"""A length of time after which something under way is given up."""


def _anchor_interval(length: timedelta) -> timedelta:
    if not timedelta(seconds=1) <= length <= timedelta(days=7):
        raise ValueError('must lie between "1s" and "7d"')
    return length


AnchorInterval = Annotated[Duration, AfterValidator(_anchor_interval)]
"""How long the newest records may be without an anchor."""


def _network(value: object) -> IPv4Network | IPv6Network:
    if isinstance(value, IPv4Network | IPv6Network):
        return value
    try:
        return ip_network(value if isinstance(value, str) else "")
    except ValueError as error:
        raise ValueError(f'must be an address or a network such as "10.1.2.3" or "10.1.0.0/16" ({error})') from error


Network = Annotated[IPv4Network | IPv6Network, PlainValidator(_network), PlainSerializer(str)]
"""A network of addresses; a single address is the smallest one."""


class ListenAddress(str):
    """Where to listen, written HOST:PORT (an IPv6 address in brackets); port 0 lets the system choose one."""

    __slots__ = ("host", "port")

    host: str
    """Without brackets."""
    port: int

    def __new__(cls, value: str) -> Self:
        """Read `value`.

        Raises:
            ValueError: `value` is not HOST:PORT.
        """
        refusal = 'must be HOST:PORT, such as "127.0.0.1:8080" or "[::1]:8080"'
        host, colon, port = value.rpartition(":")
        if not colon or not port.isascii() or not port.isdigit() or int(port[:6]) > _HIGHEST_PORT:
            raise ValueError(refusal)
        if host.startswith("[") and host.endswith("]"):
            host = host[1:-1]
            try:
                ip_address(host)
            except ValueError:
                raise ValueError(refusal) from None
        elif not _HOST_NAME.fullmatch(host):
            raise ValueError(refusal)
        address = super().__new__(cls, value)
        address.host, address.port = host, int(port)
        return address

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can connect."""
        return is_loopback(self.host)

    @property
    def url(self) -> str:
        """The http URL of this address, without a trailing slash."""
        return f"http://{self}"


def is_loopback(host: str) -> bool:
    """Whether `host`, a name or an address, is this machine and cannot be reached from another."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _listen_address(value: object) -> ListenAddress:
    return ListenAddress(value if isinstance(value, str) else "")


def _host_name(value: str) -> str:
    if not _HOST_NAME.fullmatch(value):
        raise ValueError('must be the name of a host, without scheme and port, such as "gateway-1.example"')
    return value.lower()


HostName = Annotated[str, AfterValidator(_host_name)]
"""The name of a host, in small letters."""


Listen = Annotated[ListenAddress, PlainValidator(_listen_address), PlainSerializer(str)]
"""An address to listen on, written HOST:PORT."""


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError(
            "must be 1 to 64 letters, digits, dots, underscores or hyphens, starting with a letter or digit"
        )
    return value


Name = Annotated[str, AfterValidator(_name)]
"""A name that may stand in log lines, headers and labels."""


def _endpoint_path(value: str) -> str:
    path = value.rstrip("/") or "/"
    if not _ENDPOINT_PATH.fullmatch(path) or any(segment in {".", ".."} for segment in path.split("/")):
        raise ValueError(
            'must start with "/" and have neither "%", "?", "#", empty nor dot segments, such as "/orders"'
        )
    return path


EndpointPath = Annotated[str, AfterValidator(_endpoint_path)]
"""A path prefix; a trailing slash makes no difference."""


def _operation(value: str) -> str:
    if not _OPERATION.fullmatch(value):
        raise ValueError(
            "must be the name of the element that a request has in its Body, alone or with its namespace in braces, "
            'such as "GetOrder" or "{urn:acme:orders}GetOrder"'
        )
    shown = shown_operation(value) or ""
    if shown.endswith("...") and not value.endswith("..."):
        raise ValueError("is longer than the 300 characters to which records cut the names of operations")
    return shown


Operation = Annotated[str, AfterValidator(_operation)]
"""An operation as records call it: in Clark notation, or its local name, which stands for it in whatever namespace."""


def _server_field(value: str) -> str:
    name = value.lower()
    if not _TOKEN.fullmatch(value):
        raise ValueError(
            'must be the name of a header field of the response that says which server answered, such as "X-Backend"; '
            'or "peer" for the address that the gateway is connected to'
        )
    if name in _SECRET_FIELDS:
        raise ValueError('cannot be used: records hold no cookies and no credentials; name a field such as "X-Backend"')
    return name


ServerField = Annotated[str, AfterValidator(_server_field)]
"""The name of a header field of responses in small letters, or `peer`."""


def http_url(value: str) -> str:
    """`value`, where it is an absolute http or https URL without a user, a password or a fragment.

    Raises:
        ValueError: It is none.
    """
    refusal = 'must be an absolute http or https URL, such as "https://receiver.example/ws/orders"'
    if any(character.isspace() or not character.isprintable() for character in value) or not value.isascii():
        raise ValueError(refusal)
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise ValueError(refusal) from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        raise ValueError(refusal)
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not hold a user name or password: the client's own Authorization header is passed on")
    if parts.fragment:
        raise ValueError('must not hold a fragment ("#...")')
    return value


HttpUrl = Annotated[str, AfterValidator(http_url)]
"""An absolute http or https URL, kept as it was written."""


def _anchor_place(value: object) -> Path | str:
    if isinstance(value, Path):
        return value
    if not isinstance(value, str) or not value or not value.isprintable():
        raise ValueError('must be a folder, or an http or https URL such as "https://anchors.example/wssgate"')
    if not _SCHEME.match(value):
        return Path(value)
    if "@" in urlsplit(value).netloc:
        raise ValueError("must not hold a user name or password: they would stand in the log")
    return http_url(value)


AnchorPlace = Annotated[Path | str, PlainValidator(_anchor_place), PlainSerializer(str)]
"""Where anchors go: a folder (a path) or an absolute http or https URL (a text)."""
