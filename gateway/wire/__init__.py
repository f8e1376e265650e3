"""HTTP/1.1 in and out: connections, heads, framing, content coding. Knows no SOAP.

BodyRefused        a request body that is too long, too slow, or broke off
UpstreamFailure    the receiver gave no usable response; each kind has its own safe sentence
CodingRefused      the body of a response cannot be decoded, or is larger than admitted
"""

from gateway.wire.content_coding import BodyDamaged, BodyTooLarge, CodingRefused, CodingUnknown, coding_of, decode
from gateway.wire.header_fields import Headers, is_field_value, passing, request_headers, single, unforwardable_field
from gateway.wire.inbound.accepting import SharingServer
from gateway.wire.inbound.answer import Answer, Message, Receive, Scope, Send, send_answer
from gateway.wire.inbound.client_tls import ClientTls, client_tls_context
from gateway.wire.inbound.listening import Server, bind, bound_address
from gateway.wire.inbound.protocol import ProtocolLimits, protocol_class
from gateway.wire.inbound.request_body import BodyRefused, ClientGone, read_body
from gateway.wire.outbound import (
    Unreachable,
    Unsendable,
    UpstreamClient,
    UpstreamFailure,
    UpstreamResponse,
    tls_context,
)

__all__ = [
    # from clients
    "Answer",
    "BodyRefused",
    "ClientGone",
    "ClientTls",
    "Message",
    "ProtocolLimits",
    "Receive",
    "Scope",
    "Send",
    "Server",
    "SharingServer",
    "bind",
    "bound_address",
    "client_tls_context",
    "protocol_class",
    "read_body",
    "send_answer",
    # to receivers
    "Unreachable",
    "Unsendable",
    "UpstreamClient",
    "UpstreamFailure",
    "UpstreamResponse",
    "tls_context",
    # heads and bodies
    "BodyDamaged",
    "BodyTooLarge",
    "CodingRefused",
    "CodingUnknown",
    "Headers",
    "coding_of",
    "decode",
    "is_field_value",
    "passing",
    "request_headers",
    "single",
    "unforwardable_field",
]
