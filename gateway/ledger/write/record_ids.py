"""Record ids: UUID version 7 (RFC 9562, 5.7), growing within a process."""

import os
import threading
import time

_RANDOM_BITS = 74
"""rand_a (12 bits) and rand_b (62 bits), used as one number (RFC 9562, 6.2, method 2)."""
_STEP_BITS = 32
"""Bits of the random step between two ids of one millisecond: large enough that a neighbour cannot be guessed."""

_lock = threading.Lock()
_last_millisecond = 0
_last_random = 0


def new_record_id() -> str:
    """A fresh UUIDv7 in its usual spelling; greater than every id that this process has made before.

    A clock that is set back does not make ids go back: the last millisecond is kept until the clock has caught up.
    """
    global _last_millisecond, _last_random
    now = time.time_ns() // 1_000_000
    with _lock:
        if now > _last_millisecond:
            _last_millisecond = now
            # The top bit stays free, so that steps within the millisecond do not overflow.
            _last_random = int.from_bytes(os.urandom(10)) >> (80 - _RANDOM_BITS + 1)
        else:
            _last_random += 1 + int.from_bytes(os.urandom(_STEP_BITS // 8))
            if _last_random >> _RANDOM_BITS:
                _last_millisecond += 1
                _last_random = int.from_bytes(os.urandom(10)) >> (80 - _RANDOM_BITS + 1)
        millisecond, random = _last_millisecond, _last_random
    rand_a, rand_b = random >> 62, random & ((1 << 62) - 1)
    number = (millisecond & ((1 << 48) - 1)) << 80 | 0x7 << 76 | rand_a << 64 | 0b10 << 62 | rand_b
    digits = f"{number:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
