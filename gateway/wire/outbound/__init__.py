"""Requests to receivers, on connections that carry one response for each request.

UpstreamClient     sends requests to one receiver
UpstreamResponse   a response as it came, with the lease of its connection
UpstreamFailure    no usable response came; its classes are in `gateway.wire.outbound.errors`
tls_context        TLS as the settings of an endpoint want it
"""

from gateway.wire.outbound.client import UpstreamClient, UpstreamResponse
from gateway.wire.outbound.errors import (
    BrokenOff,
    Disconnected,
    NotHttp,
    Redirected,
    TimedOut,
    TlsFailed,
    Unreachable,
    Unsendable,
    UpstreamFailure,
)
from gateway.wire.outbound.tls import tls_context

__all__ = [
    "BrokenOff",
    "Disconnected",
    "NotHttp",
    "Redirected",
    "TimedOut",
    "TlsFailed",
    "Unreachable",
    "Unsendable",
    "UpstreamClient",
    "UpstreamFailure",
    "UpstreamResponse",
    "tls_context",
]
