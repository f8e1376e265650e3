"""One verification in a fresh process: `python -m bench.hostile.measured CODING TYPE < message`, figures as JSON.

Nothing but the verifier is loaded here, so that the peak of memory is the verifier's. A small honest message goes
first: what is set up once for a process is no cost of the message.
"""

import json
import resource
import sys
import time
from typing import Final

from bench.memory import peak, peak_from_now
from fixtures.costly.case import AT, CONTENT_TYPE, TRUSTED
from fixtures.manifest import own_case, trust
from gateway.attachments import open_body
from gateway.verify import Policy, Reason, verify
from gateway.wire import BodyDamaged, BodyTooLarge, decode
from keystore import TrustSnapshot

_POLICY: Final = Policy()
_CPU_SECONDS: Final = 120
_MEMORY: Final = 6 * 1024**3
"""Where a measurement ends by force, in seconds and octets: a hostile message must not take the machine with it."""


def main() -> None:
    """Measure the message on standard input."""
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    coding, content_type = sys.argv[1:]
    snapshot = TrustSnapshot.of(*trust(*TRUSTED))
    _judge(own_case("bst-x509v3").message, "identity", CONTENT_TYPE, snapshot)
    message = sys.stdin.buffer.read()
    before = peak_from_now()
    start, wall = time.process_time(), time.perf_counter()
    reason = _judge(message, coding, content_type, snapshot)
    figures = {
        "reason": reason,
        "milliseconds": (time.process_time() - start) * 1e3,
        "wall_milliseconds": (time.perf_counter() - wall) * 1e3,
        "memory_before": before,
        "memory_peak": peak(),
    }
    sys.stdout.write(json.dumps(figures))


def _judge(message: bytes, coding: str, content_type: str, snapshot: TrustSnapshot) -> str | None:
    """What the gateway does with a body: decode, take apart, verify."""
    try:
        body = decode(message, coding, _POLICY.max_message_bytes)
    except BodyTooLarge:
        return str(Reason.LIMITS)
    except BodyDamaged:
        return str(Reason.MALFORMED)
    opened = open_body(body, content_type, _POLICY)
    verdict = verify(
        opened.message, snapshot, _POLICY, AT, content_type=opened.content_type, attachments=opened.attachments
    )
    return None if verdict.reason is None else str(verdict.reason)


if __name__ == "__main__":
    main()
