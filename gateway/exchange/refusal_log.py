"""What the log says of requests that reach no endpoint: a line each, at a bounded rate.

Whoever can send a request can send many: a scanner must not fill the log. Beside one that never rests, the client whose
address has a typing error is found in what this client was answered: the Fault says the same.
"""

import time
from collections.abc import Callable
from typing import Final

import structlog

from gateway.bounded_lines import BoundedLines

_LONGEST_PATH: Final = 200

_log = structlog.get_logger("wssgate.door")


class RefusalLog:
    """Writes the lines of one gateway process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with all lines to be had; `clock` gives seconds that never go back."""
        self._lines = BoundedLines(clock)

    def refused(self, status: int, method: str, raw_path: bytes, sentence: str) -> None:
        """Tell that a request was answered with `status`; never its query, which may hold what is secret.

        How many were not told since the last line stands in the next one, and in the metrics.
        """
        fields = self._lines.take()
        if fields is None:
            return
        _log.warning(
            "request refused", status=status, method=method[:20], path=_shown(raw_path), why=sentence, **fields
        )


def _shown(raw_path: bytes) -> str:
    """A path as it came, percent-encoded, in printable ASCII; without parameters, which may hold a session."""
    path, parameters, _ = raw_path.partition(b";")
    text = "".join(chr(octet) if 0x21 <= octet <= 0x7E else f"%{octet:02X}" for octet in path[: _LONGEST_PATH + 1])
    return f"{text[:_LONGEST_PATH]}..." if parameters or len(path) > _LONGEST_PATH else text
