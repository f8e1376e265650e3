"""The examples for Prometheus and Grafana: each alert fires on what it is for and on nothing else, and each query is
answered by a real Prometheus that scrapes a running gateway.
"""

import asyncio
import json
import re
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
import yaml  # type: ignore[import-untyped]  # comes with uvicorn[standard], without types

from tests.gateway.alerts.hooks import Hook, channel, webhook
from tests.gateway.exchange.harness import World, envelope, http, run, signed, world

EXAMPLES: Final = Path(__file__).parents[2] / "docs" / "examples"
ALERTS: Final = EXAMPLES / "prometheus-alerts.yaml"
DASHBOARD: Final = EXAMPLES / "grafana-dashboard.json"
PROMETHEUS: Final = shutil.which("prometheus")
PROMTOOL: Final = shutil.which("promtool")

needs_prometheus = pytest.mark.skipif(
    PROMETHEUS is None or PROMTOOL is None, reason="Prometheus is not installed (on Debian: apt-get install prometheus)"
)

GATEWAY: Final = 'instance="127.0.0.1:8081",job="wssgate"'
MESSAGES: Final = "wssgate_messages_total{%s,endpoint=%s,kind=%s,outcome=%s,reason=%s}"


def messages(outcome: str, reason: str = "", endpoint: str = "orders", kind: str = "message") -> str:
    return MESSAGES % (GATEWAY, *(json.dumps(one) for one in (endpoint, kind, outcome, reason)))


HONEST: Final = {
    'up{instance="127.0.0.1:8081",job="wssgate"}': "1+0x60",
    messages("accepted"): "0+60x60",
    f"wssgate_ledger_queue{{{GATEWAY}}}": "3+0x60",
    f"wssgate_keystore_revision{{{GATEWAY}}}": "7+0x60",
    'wssgate_keystore_revision{instance="127.0.0.2:8081",job="wssgate"}': "7+0x60",
    f'wssgate_upstream_seconds_bucket{{{GATEWAY},endpoint="orders",le="0.1"}}': "0+60x60",
    f'wssgate_upstream_seconds_bucket{{{GATEWAY},endpoint="orders",le="10"}}': "0+60x60",
    f'wssgate_upstream_seconds_bucket{{{GATEWAY},endpoint="orders",le="+Inf"}}': "0+60x60",
    f'wssgate_ledger_wait_seconds_bucket{{{GATEWAY},le="0.025"}}': "0+60x60",
    f'wssgate_ledger_wait_seconds_bucket{{{GATEWAY},le="1"}}': "0+60x60",
    f'wssgate_ledger_wait_seconds_bucket{{{GATEWAY},le="+Inf"}}': "0+60x60",
    f'wssgate_requests_refused_total{{{GATEWAY},status="404"}}': "0+1x60",
    f'wssgate_second_opinions_total{{{GATEWAY},endpoint="orders",opinion="agrees"}}': "0+60x60",
    f"wssgate_worker_ends_total{{{GATEWAY}}}": "2+0x60",
    f'wssgate_renewal_relapses{{{GATEWAY},renewal="acme"}}': "0+0x60",
    f'wssgate_renewal_late{{{GATEWAY},renewal="acme"}}': "0+0x60",
    f'wssgate_certificate_expiry_days{{{GATEWAY},alias="acme-2026",renewal="none"}}': "300+0x60",
    f'wssgate_certificate_expiry_days{{{GATEWAY},alias="acme-2024",renewal="open"}}': "30+0x60",
    f'wssgate_alerts_waiting{{{GATEWAY},channel="mail"}}': "0+0x60",
    f'wssgate_alerts_sent_total{{{GATEWAY},channel="mail"}}': "0+1x60",
    f'wssgate_alerts_failed_total{{{GATEWAY},channel="mail"}}': "0+0x60",
    # A mail server that is busy now and then: what failed is taken at the next attempt.
    f'wssgate_alerts_waiting{{{GATEWAY},channel="pager"}}': "1+0x60",
    f'wssgate_alerts_sent_total{{{GATEWAY},channel="pager"}}': "0+1x60",
    f'wssgate_alerts_failed_total{{{GATEWAY},channel="pager"}}': "0+1x60",
}
"""A gateway on a good day: a scrape a minute, for an hour."""

SLOW: Final = {
    f'wssgate_upstream_seconds_bucket{{{GATEWAY},endpoint="orders",le="0.1"}}': "0+10x60",
}

WRONG: Final[list[tuple[str, dict[str, str]]]] = [
    ("WssgateDown", {'up{instance="127.0.0.1:8081",job="wssgate"}': "1+0x29 0+0x30"}),
    # Forty minutes without a sample, then the first one ever: what increase() does not see.
    ("WssgateRejects", {messages("rejected", "unknown-key"): "_x38 1+0x21"}),
    ("WssgateRejects", {messages("rejected", "unknown-key"): "5+0x37 6+0x22"}),
    ("WssgateNothingAccepted", {messages("accepted"): "9+0x60", messages("passed"): "0+1x60"}),
    ("WssgateNotRecorded", {messages("unrecorded"): "_x38 1+0x21"}),
    ("WssgateNotRecorded", {messages("unrecorded"): "1+0x37 3+0x22"}),
    ("WssgateReceiverFails", {messages("failed", kind="error"): "1+1x60"}),
    ("WssgateReceiverIsSlow", SLOW),
    ("WssgateTurnsAway", {f'wssgate_requests_refused_total{{{GATEWAY},status="503"}}': "_x38 1+0x21"}),
    ("WssgateTurnsAway", {f'wssgate_requests_refused_total{{{GATEWAY},status="503"}}': "1+0x37 9+0x22"}),
    ("WssgateLedgerIsSlow", {f'wssgate_ledger_wait_seconds_bucket{{{GATEWAY},le="0.025"}}': "0+30x60"}),
    ("WssgateLedgerFallsBehind", {f"wssgate_ledger_queue{{{GATEWAY}}}": "3+0x20 5000+0x39"}),
    (
        "WssgateJudgesDisagree",
        {f'wssgate_second_opinions_total{{{GATEWAY},endpoint="orders",opinion="disagrees"}}': "_x38 1+0x21"},
    ),
    (
        "WssgateJudgesDisagree",
        {f'wssgate_second_opinions_total{{{GATEWAY},endpoint="orders",opinion="failed"}}': "1+0x37 2+0x22"},
    ),
    ("WssgateKeystoresDiffer", {f"wssgate_keystore_revision{{{GATEWAY}}}": "7+0x20 8+0x39"}),
    ("WssgateWorkersMissing", {f"wssgate_worker_ends_total{{{GATEWAY}}}": "2+0x37 3+0x22"}),
    ("WssgateOldKeyIsBack", {f'wssgate_renewal_relapses{{{GATEWAY},renewal="acme"}}': "0+0x20 1+0x39"}),
    ("WssgateSwitchIsLate", {f'wssgate_renewal_late{{{GATEWAY},renewal="acme"}}': "0+0x20 1+0x39"}),
    (
        "WssgateCertificateExpires",
        {f'wssgate_certificate_expiry_days{{{GATEWAY},alias="acme-2026",renewal="none"}}': "59+0x60"},
    ),
    (
        "WssgateCertificateExpiresSoon",
        {f'wssgate_certificate_expiry_days{{{GATEWAY},alias="acme-2024",renewal="open"}}': "6+0x60"},
    ),
    (
        "WssgateAlertsDoNotArrive",
        {
            f'wssgate_alerts_waiting{{{GATEWAY},channel="mail"}}': "0+0x15 1+0x44",
            f'wssgate_alerts_sent_total{{{GATEWAY},channel="mail"}}': "3+0x60",
            # After the first minutes it is tried each quarter of an hour.
            f'wssgate_alerts_failed_total{{{GATEWAY},channel="mail"}}': "0+0x15 4+0x14 5+0x14 6+0x14",
        },
    ),
]
AT: Final = "40m"


def rules() -> Iterator[dict[str, Any]]:
    for group in yaml.safe_load(ALERTS.read_text())["groups"]:
        yield from group["rules"]


def firing(folder: Path, series: dict[str, str]) -> str:
    """What promtool says where nothing is expected to fire."""
    test = {
        "rule_files": [str(ALERTS)],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": name, "values": values} for name, values in series.items()],
                "alert_rule_test": [{"eval_time": AT, "alertname": rule["alert"]} for rule in rules()],
            }
        ],
    }
    file = folder / "test.yaml"
    file.write_text(yaml.safe_dump(test))
    assert PROMTOOL is not None
    ran = subprocess.run([PROMTOOL, "test", "rules", file], capture_output=True, text=True, timeout=120, check=False)
    return ran.stdout + ran.stderr


@needs_prometheus
def test_on_a_good_day_no_alert_fires(tmp_path: Path) -> None:
    assert "SUCCESS" in firing(tmp_path, HONEST)


@needs_prometheus
@pytest.mark.parametrize(("alert", "series"), WRONG, ids=lambda one: one if isinstance(one, str) else "")
def test_each_alert_fires_on_what_it_is_for_alone(tmp_path: Path, alert: str, series: dict[str, str]) -> None:
    told = firing(tmp_path, HONEST | series)
    assert set(re.findall(r"alertname: (\w+)", told)) == {alert}, told
    assert "SUCCESS" not in told


def test_each_alert_has_its_case_and_says_what_to_do() -> None:
    assert [rule["alert"] for rule in rules()] == list(dict.fromkeys(alert for alert, _ in WRONG))
    for rule in rules():
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert rule["annotations"].keys() == {"summary", "next"}


def queries() -> list[str]:
    """Those of the dashboard, as Grafana would send them with everything chosen."""
    board = json.loads(DASHBOARD.read_text())
    found = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    for name, value in (("$job", "wssgate"), ("$endpoint", ".*"), ("$__rate_interval", "1m")):
        found = [one.replace(name, value) for one in found]
    assert not [one for one in found if "$" in one]
    return found


@asynccontextmanager
async def scraping(folder: Path, address: str) -> AsyncIterator[str]:
    """A Prometheus that scrapes `address` each second, with the alerts; its URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        own = f"127.0.0.1:{probe.getsockname()[1]}"
    config = folder / "prometheus.yml"
    config.write_text(
        yaml.safe_dump(
            {
                "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
                "rule_files": [str(ALERTS)],
                "scrape_configs": [{"job_name": "wssgate", "static_configs": [{"targets": [address]}]}],
            }
        )
    )
    assert PROMETHEUS is not None
    process = await asyncio.create_subprocess_exec(
        PROMETHEUS,
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address={own}",
        "--log.level=error",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield f"http://{own}"
    finally:
        process.terminate()
        await process.wait()


async def ask(session: aiohttp.ClientSession, url: str, **parameters: str) -> Any:
    """The data of an answer; None where Prometheus does not serve yet."""
    try:
        async with session.get(url, params=parameters) as response:
            answer = await response.json()
    except (aiohttp.ClientError, OSError):
        return None
    return answer["data"] if answer["status"] == "success" else answer


async def traffic(it: World) -> None:
    """Something of everything: accepted, rejected, failed, and what reaches nobody."""
    for reply in (http(signed("old")), http(signed("new")), http(envelope("<Order/>")), b""):
        it.receiver.reply = reply
        await it.ask()
    await it.ask("GET", "/nowhere")


@needs_prometheus
def test_each_query_is_answered_with_what_a_running_gateway_tells(tmp_path: Path) -> None:
    async def scenario(hook: Hook) -> None:
        async with (
            # The table of a channel may follow the last one of the endpoint.
            world(tmp_path, policy=channel(hook)) as it,
            scraping(tmp_path, it.gateway.admin_address) as url,
            aiohttp.ClientSession() as session,
        ):
            empty = set(queries())
            # Rates need two samples of what grows.
            while empty:
                await traffic(it)
                await asyncio.sleep(0.5)
                for query in sorted(empty):
                    found = await ask(session, f"{url}/api/v1/query", query=query)
                    if found is not None and found.get("result"):
                        empty.discard(query)
                    else:
                        assert found is None or "result" in found, (query, found)
            names = await ask(session, f"{url}/api/v1/label/endpoint/values", **{"match[]": "wssgate_messages_total"})
            assert names == ["orders"]
            groups = (await ask(session, f"{url}/api/v1/rules"))["groups"]
            told = [rule for group in groups for rule in group["rules"]]
            assert len(told) == len(list(rules()))
            assert {rule["health"] for rule in told} <= {"ok", "unknown"}
            assert not [rule["lastError"] for rule in told if "lastError" in rule]

    with webhook() as hook:
        run(scenario(hook), 120)


def test_what_examples_ask_for_is_measured() -> None:
    source = "".join(path.read_text() for path in (EXAMPLES.parents[1] / "gateway").rglob("*.py"))
    text = "\n".join([*queries(), *(rule["expr"] for rule in rules())])
    for name in set(re.findall(r"wssgate_\w+", text)):
        assert f'"{re.sub("_(total|bucket)$", "", name)}"' in source, name


def test_panels_do_not_lie_over_each_other() -> None:
    places: dict[tuple[int, int], str] = {}
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        place = panel["gridPos"]
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert x < 24
                assert places.setdefault((x, y), panel["title"]) == panel["title"]
