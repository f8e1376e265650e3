"""Content codings under a cap (threat rule 32)."""

import gzip
import random
import zlib
from operator import attrgetter

import pytest

from fixtures.costly import AT, CODED, CONTENT_TYPE, TRUSTED, Costly
from fixtures.manifest import trust
from gateway.verify import Policy, Reason, verify
from gateway.wire import BodyDamaged, BodyTooLarge
from gateway.wire.content_coding import MAX_RATIO, UNSUSPICIOUS, decode
from keystore import TrustSnapshot

LIMIT = 1024 * 1024
POLICY = Policy(max_message_bytes=LIMIT)


@pytest.mark.parametrize("case", CODED, ids=attrgetter("id"))
def test_a_hostile_body_is_rejected_and_never_decoded_beyond_the_limit(case: Costly) -> None:
    assert judged(case.make(LIMIT)) in case.reasons


def judged(body: bytes) -> Reason | None:
    """What `body` is rejected for, by the decoder or by the verifier behind it."""
    try:
        message = decode(body, "gzip", LIMIT)
    except BodyTooLarge:
        return Reason.LIMITS
    except BodyDamaged:
        return Reason.MALFORMED
    assert len(message) <= LIMIT
    return verify(message, TrustSnapshot.of(*trust(*TRUSTED)), POLICY, AT, content_type=CONTENT_TYPE).reason


def test_a_body_is_decoded_up_to_the_limit_and_not_beyond() -> None:
    assert decode(gzip.compress(b"x" * LIMIT), "gzip", LIMIT) == b"x" * LIMIT
    with pytest.raises(BodyTooLarge):
        decode(gzip.compress(b"x" * (LIMIT + 1)), "gzip", LIMIT)


def test_members_share_one_limit() -> None:
    half = gzip.compress(b"x" * (LIMIT // 2))
    assert len(decode(half * 2, "gzip", LIMIT)) == LIMIT
    with pytest.raises(BodyTooLarge):
        decode(half * 3, "gzip", LIMIT)


@pytest.mark.parametrize("wbits", [zlib.MAX_WBITS, -zlib.MAX_WBITS], ids=["zlib format", "bare"])
def test_deflate_is_read_in_either_format(wbits: int) -> None:
    packer = zlib.compressobj(wbits=wbits)
    body = packer.compress(b"<a/>" * 100) + packer.flush()

    assert decode(body, "deflate", LIMIT) == b"<a/>" * 100
    with pytest.raises(BodyDamaged, match="followed by other bytes"):
        decode(body + b"more", "deflate", LIMIT)


def test_a_body_that_grows_as_no_honest_one_does_is_not_decoded_to_the_limit() -> None:
    bomb = gzip.compress(b"x" * 8 * UNSUSPICIOUS)
    assert len(bomb) * MAX_RATIO < UNSUSPICIOUS

    with pytest.raises(BodyTooLarge, match="grows more than 100 times"):
        decode(bomb, "gzip", 64 * LIMIT)
    small = gzip.compress(b"x" * UNSUSPICIOUS)
    assert len(decode(small, "gzip", 64 * LIMIT)) == UNSUSPICIOUS
    honest = random.Random(1).randbytes(40_000).hex().encode() * 40  # noqa: S311 - the same on every run
    assert decode(gzip.compress(honest), "gzip", 64 * LIMIT) == honest
