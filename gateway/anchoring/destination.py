"""Where the configuration says that anchors go, and the time stamp that they get on their way. All of it blocks."""

import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from gateway.anchoring.anchor_files import append_anchors
from gateway.config import GatewaySettings
from gateway.ledger import TIME_STAMP_QUERY, LedgerError, TimeStamp, TimeStampAuthority
from gateway.posting import PostFailed, post

CLOSE_SECONDS: Final = 10.0
"""How long whoever ends waits for the last anchors."""
_LONGEST_ANSWER: Final = 256 * 1024
"""Octets of an authority's answer: some thousands, with its certificates."""


def is_wanted(settings: GatewaySettings) -> bool:
    """Whether anchors go anywhere."""
    return settings.anchor_to is not None or settings.timestamp_authority is not None


def time_stamp(words: Sequence[str], settings: GatewaySettings) -> TimeStamp | None:
    """A time stamp over `words`, asked for and verified; None where none is wanted.

    Raises:
        LedgerError: There is none to be had: the extra or the root is missing, or the answer does not hold.
        PostFailed: The authority did not answer.
    """
    url, roots = settings.timestamp_authority, settings.timestamp_authority_ca
    if url is None or roots is None:
        return None
    authority = TimeStampAuthority(roots)
    request = authority.request(words)
    answer = post(url, request.as_bytes(), {"Content-Type": TIME_STAMP_QUERY}, limit=_LONGEST_ANSWER)
    return authority.accept(request, answer, words)


def stamped(words: Sequence[str], settings: GatewaySettings) -> tuple[tuple[str, ...], str | None]:
    """The time stamp over `words`, as a word of its own, where one is wanted and to be had; and why there is none."""
    try:
        stamp = time_stamp(words, settings)
    except (LedgerError, PostFailed) as error:
        return (), str(error)
    return () if stamp is None else (str(stamp),), None


def deliver(words: Sequence[str], settings: GatewaySettings) -> str | None:
    """Write `words` to the folder, or send them to the URL; why that failed, or None."""
    place = settings.anchor_to
    try:
        if isinstance(place, Path):
            append_anchors(place, words, datetime.now(UTC))
        elif place is not None:
            text = "".join(f"{word}\n" for word in words)
            post(place, text.encode(), {"Content-Type": "text/plain; charset=utf-8"})
    except PostFailed as error:
        return str(error)
    except OSError as error:
        return f"{place}: {error.strerror or error}; is the folder there, and may this user write into it?"
    return None


def deliver_now(words: Sequence[str], settings: GatewaySettings) -> list[str]:
    """Deliver `words` to the folder or the URL and wait for it, `2 * CLOSE_SECONDS` at most; what went wrong, one
    sentence each.

    A time stamp is asked for only where there is a place to keep it.
    """
    if settings.anchor_to is None:
        return []
    problems: list[str] = []
    done = threading.Event()

    def run() -> None:
        try:
            stamp, problem = stamped(words, settings)
            problems.extend([] if problem is None else [problem])
            problem = deliver([*words, *stamp], settings)
            problems.extend([] if problem is None else [problem])
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody waits for what will not come
            problems.append(f"{type(error).__name__}: {error}")
        finally:
            done.set()

    # A daemon: a folder that hangs must not keep the process from ending.
    threading.Thread(target=run, name="anchors", daemon=True).start()
    if not done.wait(2 * CLOSE_SECONDS):
        return [*problems, f"{settings.anchor_to} did not take them within {2 * CLOSE_SECONDS:g} s"]
    return problems
