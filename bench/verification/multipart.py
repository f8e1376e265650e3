"""Verification of multipart messages beside WSS4J, on the same bytes: those that other stacks signed.

Processor time, as everywhere: a message is taken apart, parsed and verified, its attachments included.
"""

from collections.abc import Mapping
from typing import Final

from bench.measuring import Contestant, Timing, compare
from bench.verification.wss4j import Wss4jMultipart
from fixtures.interop.multipart.cases import MultipartCase, multipart_cases
from fixtures.manifest import FOLDER

MESSAGES: Final[Mapping[str, str]] = {
    "SwA, 5 KB": "wss4j/content-more",
    "SwA, 1 MB": "wss4j/content-large",
    "MTOM, 5 KB": "cxf/mtom-more",
    "MTOM, 1 MB": "cxf/mtom-large",
}
"""An attachment of that size: signed for itself, or included by the signed Body. Nothing but the Body is signed beside,
for WSS4J judges a Timestamp by the present time."""
WSS4J: Final = "WSS4J 4"


def message(name: str) -> MultipartCase:
    """The message `name` of `MESSAGES`."""
    return next(case for case in multipart_cases() if case.id == MESSAGES[name])


def java() -> Wss4jMultipart:
    """WSS4J that trusts the signer of all of them; it is started by `with`."""
    return Wss4jMultipart(FOLDER / "keys" / "old.pem")


def contestant(running: Wss4jMultipart, name: str) -> Contestant:
    """WSS4J, warm with the message `name`."""
    case = message(name)
    running.load_multipart(case.content_type, case.body)
    return running


def wss4j_alone() -> dict[str, Timing]:
    """What WSS4J takes for each message."""
    with java() as running:
        return {name: compare({WSS4J: contestant(running, name)})[WSS4J] for name in MESSAGES}


if __name__ == "__main__":
    for found, timing in wss4j_alone().items():
        print(f"{found}: {WSS4J} takes {timing.microseconds:,.0f} µs")
