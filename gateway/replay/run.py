"""One file, verified as it would have been when it arrived."""

import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from gateway.attachments import OpenedBody, open_body
from gateway.cross_check import CrossCheck, disputed, second_opinion
from gateway.replay.captured_response import CapturedResponse, read_response, size_limit, with_content_type
from gateway.replay.errors import CaptureUnreadable
from gateway.replay.verification_instant import Instant, InstantSource
from gateway.verify import Policy, Verdict, Verifier
from keystore import TrustSnapshot


@dataclass(frozen=True, slots=True)
class Replayed:
    """A verdict on one captured response."""

    file: Path
    verdict: Verdict
    instant: Instant
    body_bytes: int
    verify_ms: float
    """Milliseconds of the verification that gave the verdict, without a second opinion."""
    opinion: CrossCheck | None = None
    """What another implementation said of an accepted message; None where it was not asked."""


def with_second_opinion(
    verdict: Verdict, opened: OpenedBody, trust: TrustSnapshot, policy: Policy
) -> tuple[Verdict, CrossCheck | None]:
    """`verdict` on a message where two opinions must agree, and the second one; None where there was nothing to ask."""
    if not verdict.accepted:
        return verdict, None
    opinion = second_opinion(
        opened.message,
        verdict,
        trust,
        policy,
        content_type=opened.content_type,
        attachments=opened.attachments,
    )
    return disputed(verdict, opinion), opinion


def replay_file(
    file: Path,
    trust: TrustSnapshot,
    verifier: Verifier,
    *,
    at: datetime | None = None,
    content_type: str | None = None,
    ask_again: bool = False,
) -> Replayed:
    """Verify the response captured in `file`.

    `verifier` is best one for all files of a run: captures of one partner are written alike. `at` overrides every
    instant that the capture itself suggests (see `InstantSource`); `content_type` stands in where the capture has none;
    `ask_again` asks for a second opinion on what is accepted, which must agree.

    Raises:
        CaptureUnreadable: `file` cannot be read, or holds a broken HTTP response.
    """
    policy = verifier.policy
    try:
        with file.open("rb") as stream:
            data = stream.read(size_limit(policy.max_message_bytes))
        changed = datetime.fromtimestamp(file.stat().st_mtime, UTC)
    except OSError as error:
        raise CaptureUnreadable(f"{error.strerror or error}.") from error
    response = with_content_type(read_response(data, policy.max_message_bytes), content_type)
    opened = open_body(response.body, response.content_type, policy)
    replayed = _at_its_instant(file, response, opened, trust, verifier, at, changed)
    if not ask_again:
        return replayed
    verdict, opinion = with_second_opinion(replayed.verdict, opened, trust, policy)
    return replace(replayed, verdict=verdict, opinion=opinion)


def _at_its_instant(
    file: Path,
    response: CapturedResponse,
    opened: OpenedBody,
    trust: TrustSnapshot,
    verifier: Verifier,
    at: datetime | None,
    changed: datetime,
) -> Replayed:
    instant = _known_instant(response, at)
    if instant is not None:
        return _replayed(file, response, opened, trust, verifier, instant)
    first = _replayed(file, response, opened, trust, verifier, Instant(changed, InstantSource.FILE_TIME))
    # Only the verifier reads messages; so the Timestamp is known after a first verification.
    timestamp = first.verdict.timestamp
    if timestamp is None or timestamp.created is None:
        return first
    return _replayed(file, response, opened, trust, verifier, Instant(timestamp.created, InstantSource.TIMESTAMP))


def _known_instant(response: CapturedResponse, at: datetime | None) -> Instant | None:
    if at is not None:
        return Instant(at, InstantSource.GIVEN)
    if response.date is not None:
        return Instant(response.date, InstantSource.DATE_HEADER)
    return None


def _replayed(
    file: Path,
    response: CapturedResponse,
    opened: OpenedBody,
    trust: TrustSnapshot,
    verifier: Verifier,
    instant: Instant,
) -> Replayed:
    started = time.perf_counter()
    verdict = verifier.verify(
        opened.message, trust, instant.at, content_type=opened.content_type, attachments=opened.attachments
    )
    elapsed = (time.perf_counter() - started) * 1000
    return Replayed(file, verdict, instant, len(response.body), elapsed)
