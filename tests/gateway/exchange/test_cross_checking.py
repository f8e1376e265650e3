"""The gateway asks libxmlsec, where it is told to: what happens to the response, the record, the log, the metrics."""

import re
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from fixtures.manifest import own_case
from gateway.attachments import OpenedBody
from gateway.config import EndpointSettings
from gateway.cross_check import CrossCheck, Opinion, second_opinion
from gateway.exchange import cross_checking as second_opinions
from gateway.exchange.cross_checking import reviewed
from gateway.exchange.judgement import INLINE_BYTES
from keystore import TrustSnapshot
from tests.gateway.exchange.harness import SECRET, http, run, signed, signed_with_timestamp, world

GOOD = http(signed())
LARGE = http(signed(content=f"<Order xmlns='urn:orders'>{SECRET * (INLINE_BYTES // len(SECRET) + 1)}</Order>"))


@pytest.fixture
def suspicious(monkeypatch: pytest.MonkeyPatch) -> None:
    """libxmlsec is shown other bytes than those that were verified, so that it comes to disagree."""

    def shown_other_bytes(message: bytes, *others: Any, **more: Any) -> CrossCheck:
        return second_opinion(message.replace(SECRET.encode(), b"other"), *others, **more)

    monkeypatch.setattr(second_opinions, "second_opinion", shown_other_bytes)


def asked(metrics: bytes) -> dict[str, float]:
    found = re.findall(rb'wssgate_second_opinions_total\{endpoint="orders",opinion="([a-z-]+)"\} ([0-9.]+)', metrics)
    return {name.decode(): float(count) for name, count in found}


@pytest.mark.parametrize("reply", [GOOD, LARGE], ids=["inline", "in-a-thread"])
@pytest.mark.parametrize(
    ("mode", "opinion"),
    [
        ("off", None),
        ("sample", CrossCheck(Opinion.AGREES)),
        ("always", CrossCheck(Opinion.AGREES)),
    ],
)
def test_where_both_agree_the_response_passes(
    tmp_path: Path, mode: str, opinion: CrossCheck | None, reply: bytes
) -> None:
    async def scenario() -> None:
        async with world(tmp_path, f'second_opinion = "{mode}"\nsecond_opinion_rate = 1') as it:
            it.receiver.reply = reply
            response = await it.ask()
            assert response.status == 200
            assert (it.last().outcome, it.last().second_opinion) == ("accepted", opinion)
            metrics = (await it.admin("/metrics")).body
            assert asked(metrics) == ({} if opinion is None else {"agrees": 1})

    run(scenario())


@pytest.mark.parametrize("reply", [GOOD, LARGE], ids=["inline", "in-a-thread"])
@pytest.mark.parametrize(
    ("second", "mode", "status", "outcome", "reason"),
    [
        ("off", "enforce", 200, "accepted", None),
        ("sample", "enforce", 200, "accepted", None),
        ("always", "enforce", 502, "rejected", "disputed"),
        ("always", "observe", 200, "rejected", "disputed"),
    ],
)
def test_where_they_disagree(
    tmp_path: Path,
    suspicious: None,
    second: str,
    mode: str,
    status: int,
    outcome: str,
    reason: str | None,
    reply: bytes,
) -> None:
    async def scenario() -> None:
        configured = f'mode = "{mode}"\nsecond_opinion = "{second}"\nsecond_opinion_rate = 1'
        async with world(tmp_path, configured) as it:
            it.receiver.reply = reply
            with capture_logs() as logs:
                response = await it.ask()
                await it.told()
            record = it.last()
            assert (response.status, record.outcome, record.reason) == (status, outcome, reason)
            assert (SECRET.encode() in response.body) is (status == 200)
            assert b"libxmlsec" not in response.body
            alarms = [line for line in logs if line["event"] == "second opinion: not agreed"]
            if second == "off":
                assert (record.second_opinion, alarms) == (None, [])
                return
            assert record.second_opinion.opinion is Opinion.DISAGREES
            assert [(line["log_level"], line["record"], line["delivered"]) for line in alarms] == [
                ("error", record.id, status == 200)
            ]
            assert asked((await it.admin("/metrics")).body) == {"disagrees": 1}

    run(scenario())


def test_a_disputed_message_is_not_remembered_as_seen(tmp_path: Path, suspicious: None) -> None:
    async def scenario() -> None:
        async with world(tmp_path, 'second_opinion = "always"') as it:
            it.receiver.reply = http(signed_with_timestamp())
            for _ in range(2):
                assert (await it.ask()).status == 502
                assert it.last().reason == "disputed"

    run(scenario())


def test_what_is_rejected_anyway_is_not_asked_about(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path, 'second_opinion = "always"') as it:
            it.receiver.reply = http(signed("foreign"))
            await it.ask()
            assert (it.last().reason, it.last().second_opinion) == ("unknown-key", None)
            assert asked((await it.admin("/metrics")).body) == {}

    run(scenario())


def test_a_construct_that_cannot_be_judged_passes_and_is_on_record(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path, 'second_opinion = "always"') as it:
            it.receiver.reply = http(own_case("str-transform-bst").message)
            with capture_logs() as logs:
                response = await it.ask()
                await it.told()
            record = it.last()
            assert (response.status, record.outcome) == (200, "accepted")
            assert record.second_opinion == CrossCheck(Opinion.NOT_JUDGED, "libxmlsec knows no STR-Transform")
            assert [line for line in logs if line["event"] == "second opinion: not agreed"] == []
            assert asked((await it.admin("/metrics")).body) == {"not-judged": 1}

    run(scenario())


def test_a_sample_is_as_large_as_the_rate_says() -> None:
    case = own_case("str-transform-bst")
    endpoint = EndpointSettings(
        name="orders",
        path="/orders",
        upstream="http://127.0.0.1:9/",
        second_opinion="sample",
        second_opinion_rate=0.5,
        policy=case.policy,
    )
    verdict, trust = case.verdict(), TrustSnapshot.of(*case.trust)

    asked_about = sum(
        reviewed(verdict, OpenedBody(case.message, case.content_type), endpoint, trust).opinion is not None
        for _ in range(200)
    )

    # Outside of this, 200 fair throws land once in ten to the eleventh.
    assert 52 <= asked_about <= 148
