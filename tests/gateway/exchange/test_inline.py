"""What is judged in the event loop, and what leaves it because it might hold it up."""

import gzip
import threading
from pathlib import Path
from typing import Any

import pytest

from fixtures.costly import AT, CONTENT_TYPE, HOSTILE, TRUSTED, Costly
from fixtures.manifest import trust
from gateway.exchange.judgement import INLINE_BYTES, runs_inline
from gateway.verify import Policy, Verifier, verify
from gateway.verify.budget import MAX_NAMESPACE_WORK, WorkBudget
from gateway.wire.outbound import UpstreamResponse
from keystore import TrustSnapshot
from tests.gateway.exchange.harness import http, run, signed, world

TRUST = TrustSnapshot.of(*trust(*TRUSTED))
CROWDED = next(case for case in HOSTILE if case.name == "namespaces x elements, just admitted")


def response(body: bytes, *headers: tuple[bytes, bytes]) -> UpstreamResponse:
    return UpstreamResponse(200, headers, body)


@pytest.mark.parametrize(
    ("size", "headers", "inline"),
    [
        (INLINE_BYTES, (), True),
        (INLINE_BYTES + 1, (), False),
        (1, ((b"Content-Encoding", b"gzip"),), False),
        (1, ((b"content-encoding", b"identity"),), False),
    ],
)
def test_what_may_hold_up_the_event_loop_leaves_it(
    size: int, headers: tuple[tuple[bytes, bytes], ...], inline: bool
) -> None:
    assert runs_inline(response(b"<" * size, *headers)) is inline


def test_a_small_compressed_response_is_judged_in_a_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[str] = []

    def watched(*arguments: Any, **options: Any) -> Any:
        threads.append(threading.current_thread().name)
        return verify_by(*arguments, **options)

    verify_by = Verifier.verify
    monkeypatch.setattr(Verifier, "verify", watched)

    async def scenario() -> None:
        async with world(tmp_path) as it:
            for reply in (http(signed()), http(gzip.compress(signed()), Content_Encoding="gzip")):
                it.receiver.reply = reply
                assert (await it.ask()).status == 200

    run(scenario())
    assert threads[0] == threading.current_thread().name
    assert threads[1].startswith("verify")


@pytest.mark.parametrize("encoding", ["utf-8", "iso-8859-15", "utf-16"])
def test_a_small_message_of_many_namespaces_leaves_the_event_loop(encoding: str) -> None:
    message = CROWDED.make(INLINE_BYTES // 3).decode().encode(encoding)
    assert len(message) < INLINE_BYTES
    assert not runs_inline(response(message))


@pytest.mark.parametrize("case", HOSTILE, ids=lambda case: case.id)
def test_what_stays_in_the_event_loop_has_few_namespaces_to_compare(
    case: Costly, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A twentieth of what a message may come to; the time is measured by `python -m bench hostile`."""
    message = case.make(INLINE_BYTES - 1024)
    spent = []
    spend = WorkBudget.spend_namespaces

    def counted(budget: WorkBudget, comparisons: int) -> None:
        spent.append(comparisons)
        spend(budget, comparisons)

    monkeypatch.setattr(WorkBudget, "spend_namespaces", counted)
    verify(message, TRUST, Policy(), AT, content_type=CONTENT_TYPE)
    assert sum(spent) <= MAX_NAMESPACE_WORK // 20 or not runs_inline(response(message))
