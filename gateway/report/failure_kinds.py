"""How a receiver fails, told apart by what its records say, and what to do about each.

A record holds the sentence that the failure was told with (`gateway.wire.outbound.errors`), in the words of whichever
version wrote it: what is not known any more is `other`, never wrong.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from gateway.ledger import MessageRecord
from gateway.verify import advice_on
from gateway.vocabulary import RecordedOutcome


class FailureKind(StrEnum):
    """What went wrong between the gateway and the receiver."""

    NAME = "name"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    TLS = "tls"
    TIMEOUT = "timeout"
    BROKEN_OFF = "broken-off"
    NOT_HTTP = "not-http"
    REDIRECT = "redirect"
    STATUS = "status"
    REQUEST = "request"
    DEFECT = "defect"
    OTHER = "other"


_BEGINNINGS: Final = (
    ("the host name of the receiver cannot be resolved", FailureKind.NAME),
    ("no connection to the receiver: connection refused", FailureKind.REFUSED),
    ("no connection to the receiver was made within", FailureKind.UNREACHABLE),
    ("no connection to the receiver", FailureKind.UNREACHABLE),
    ("TLS with the receiver failed", FailureKind.TLS),
    ("the receiver did not answer within", FailureKind.TIMEOUT),
    ("the receiver closed the connection", FailureKind.BROKEN_OFF),
    ("the receiver sent something before it was asked", FailureKind.BROKEN_OFF),
    ("the connection to the receiver failed", FailureKind.BROKEN_OFF),
    ("the connections to the receiver were closed", FailureKind.BROKEN_OFF),
    ("the receiver answered with a redirect", FailureKind.REDIRECT),
    ("the receiver answered the retrieval with HTTP status", FailureKind.STATUS),
    ("the receiver's answer is not HTTP", FailureKind.NOT_HTTP),
    ("the receiver answered with HTTP status", FailureKind.NOT_HTTP),
    ("the request holds", FailureKind.REQUEST),
    ("the verification broke down", FailureKind.DEFECT),
    ("the rewriting broke down", FailureKind.DEFECT),
)

FAILURE_ADVICE: Final[Mapping[FailureKind, str]] = {
    FailureKind.NAME: (
        "Check the host name in upstream, and whether this machine resolves it (getent hosts NAME): a typing error, a "
        "name server that is down, or a name that is known inside of the partner's network alone."
    ),
    FailureKind.REFUSED: (
        "Nobody listens at that address and port: ask the receiver administrator whether the system is up, and check "
        "host and port in upstream."
    ),
    FailureKind.UNREACHABLE: (
        "Packets do not get there or back: ask whoever keeps the firewalls and routes between this machine and the "
        "receiver; check host and port in upstream."
    ),
    FailureKind.TLS: (
        "Look at the words behind it: where the receiver's certificate is not accepted, name its authority with "
        "ca_file, or have the certificate renewed; where it asks for a certificate of ours, set client_certificate."
    ),
    FailureKind.TIMEOUT: (
        "Ask the receiver administrator why it is slow; where such answers are meant to take that long, raise "
        "upstream_timeout."
    ),
    FailureKind.BROKEN_OFF: (
        "Ask the receiver administrator, and the load balancer administrator, who closes connections: a restart, a "
        "crash, or an idle limit that is shorter than the answer takes."
    ),
    FailureKind.NOT_HTTP: (
        "Check port and scheme in upstream: something else than an HTTP server answers there, or a device in between "
        "does."
    ),
    FailureKind.REDIRECT: (
        "The gateway follows no redirect, for an answer from elsewhere would be verified as the receiver's: where the "
        "new address is the receiver's own, set it as upstream; a page to log in means that the client's credentials "
        "are missing."
    ),
    FailureKind.STATUS: "Ask the receiver administrator where the WSDL is: this address has none.",
    FailureKind.REQUEST: "The client sent a header field that cannot be passed on: look for the client.",
    FailureKind.DEFECT: "This is a defect of the gateway; nothing was delivered. Please report it with the record.",
    FailureKind.OTHER: "Look at the record: wssgate ledger show ID; then ask the receiver administrator.",
}


def failure_kind(detail: str) -> FailureKind:
    """What the failure was, of which a record says `detail`."""
    return next((kind for beginning, kind in _BEGINNINGS if detail.startswith(beginning)), FailureKind.OTHER)


def record_advice(record: MessageRecord) -> str | None:
    """What to do about a message that was rejected or failed; None where there is nothing to do."""
    if record.outcome == RecordedOutcome.FAILED:
        return FAILURE_ADVICE[failure_kind(record.detail)]
    return advice_on(record.reason)
