"""Channels, real ones: what arrives, and what is said of those that hang, refuse, redirect, drip, fail or chatter."""

import json
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from gateway import posting
from gateway.alerts import deliver_notice, notice_json, notice_text, notice_title, program
from gateway.config import AlertChannel
from gateway.ledger import Notice
from tests.gateway.alerts.hooks import SECRET, TOKEN, Hook, webhook
from tests.gateway.alerts.mail_server import mail_server
from tests.gateway.anchoring.collector import Behaviour, chatter, drip, hang, refuse, send_to, take_and_drip

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
NOTICE = Notice(
    id="11111111-1111-4111-8111-111111111111",
    alert="ab" * 32,
    number=2,
    event="unknown-key",
    about=("orders", "ab"),
    endpoint="orders",
    what="A message came\x1b[31m whose certificate\nnobody knows",
    run="wssgate report unknown-keys --endpoint orders",
    records=("r1", "r2"),
    since=NOON,
    last=NOON + timedelta(minutes=5),
    made=NOON + timedelta(hours=1),
    times=7,
    new_times=6,
    is_over=False,
)


def of_hook(hook: Hook) -> AlertChannel:
    return AlertChannel(webhook=SecretStr(hook.url), secret=SecretStr(SECRET))


def of_command(folder: Path, text: str, *words: str) -> AlertChannel:
    (folder / "page.py").write_text(text)
    return AlertChannel(command=(sys.executable, str(folder / "page.py"), *words))


def test_a_webhook_gets_it_signed_and_with_everything_in_it() -> None:
    with webhook() as hook:
        assert deliver_notice(NOTICE, of_hook(hook)) is None
    assert hook.alerts == [json.loads(json.dumps(notice_json(NOTICE)))]
    (alert,) = hook.alerts
    assert alert["schema"] == "wssgate.alert/1"
    assert (alert["times"], alert["new_times"], alert["records"]) == (7, 6, ["r1", "r2"])
    assert (alert["since"], alert["severity"], alert["over"]) == ("2026-06-01T12:00:00Z", "error", False)


@pytest.mark.parametrize(
    ("behaviour", "sentence"),
    [
        (refuse, "the webhook answered with the status 507"),
        (hang, "the webhook did not answer within 0.5 s"),
        (drip, "the webhook did not answer within 0.5 s"),
        (send_to("http://127.0.0.1:9/elsewhere"), "status 307, and a redirect is not followed"),
        (chatter, None),
        (take_and_drip, None),
    ],
)
def test_a_webhook_that_misbehaves_costs_little_and_its_url_is_not_told(
    behaviour: Behaviour, sentence: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posting, "POST_SECONDS", 0.5)
    with webhook(behaviour) as hook:
        began = time.monotonic()
        problem = deliver_notice(NOTICE, of_hook(hook))
        assert time.monotonic() - began < 5
    if sentence is None:
        assert problem is None
    else:
        assert problem is not None
        assert sentence in problem
        assert TOKEN not in problem


def test_a_webhook_that_is_not_there_is_said_to_be_so() -> None:
    with webhook() as hook:
        channel = of_hook(hook)
    problem = deliver_notice(NOTICE, channel)
    assert problem is not None
    assert "the webhook cannot be reached" in problem
    assert TOKEN not in problem


def test_a_command_gets_it_on_standard_input_without_a_shell_and_without_our_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WSSGATE_GATEWAY__DATABASE", f"postgresql://gate:{SECRET}@h/db")
    text = "import json, os, sys\n"
    text += "json.dump([sys.argv[1:], dict(os.environ), json.load(sys.stdin)], open(sys.argv[1], 'w'))"
    channel = of_command(tmp_path, text, str(tmp_path / "got"), "$HOME; *")
    assert deliver_notice(NOTICE, channel) is None
    words, environment, alert = json.loads((tmp_path / "got").read_text())
    assert words[1:] == ["$HOME; *"]
    assert SECRET not in json.dumps(environment)
    assert "PATH" in environment
    assert alert == json.loads(json.dumps(notice_json(NOTICE)))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            f"import sys; print('{SECRET}'); print('{SECRET}', file=sys.stderr); sys.exit(7)",
            "ended with the exit code 7",
        ),
        (f"raise ValueError('{SECRET}')", "ended with the exit code 1"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "was ended by signal 11"),
    ],
)
def test_a_command_that_fails_is_said_to_and_what_it_prints_is_not_told(
    tmp_path: Path, text: str, sentence: str, capfd: pytest.CaptureFixture[str]
) -> None:
    problem = deliver_notice(NOTICE, of_command(tmp_path, text, SECRET))
    assert problem is not None
    assert sentence in problem
    assert SECRET not in problem + "".join(capfd.readouterr())


def test_a_command_that_is_not_there_is_said_to_be_so(tmp_path: Path) -> None:
    problem = deliver_notice(NOTICE, AlertChannel(command=(str(tmp_path / SECRET),)))
    assert problem == "the command cannot be started: No such file or directory"


def test_a_command_that_hangs_is_killed_with_what_it_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "PROGRAM_SECONDS", 1.0)
    text = (
        "import subprocess, sys, time\n"
        "later = 'import sys, time; time.sleep(5); open(sys.argv[1], \"w\")'\n"
        "subprocess.Popen([sys.executable, '-c', later, sys.argv[1]])\n"
        "time.sleep(60)"
    )
    began = time.monotonic()
    problem = deliver_notice(NOTICE, of_command(tmp_path, text, str(tmp_path / "alive")))
    assert problem == "the command did not end within 1 s and was killed"
    assert time.monotonic() - began < 5
    time.sleep(max(0.0, began + 7 - time.monotonic()))
    assert not (tmp_path / "alive").exists()


def test_a_command_that_reads_nothing_and_prints_without_end_fills_nothing(tmp_path: Path) -> None:
    assert deliver_notice(NOTICE, of_command(tmp_path, "print('x' * 50_000_000)")) is None


def test_apprise_delivers_it() -> None:
    got: list[dict[str, Any]] = []

    def take(handler: Any) -> None:
        got.append(json.loads(handler.body))
        handler.answer(200)

    with webhook(take) as hook:
        url = f"json://127.0.0.1:{hook.server.server_address[1]}/{TOKEN}"
        assert deliver_notice(NOTICE, AlertChannel(apprise=SecretStr(url))) is None
    (sent,) = got
    assert sent["title"] == "wssgate [orders]: signed with an unknown key"
    assert "Next: wssgate report unknown-keys --endpoint orders" in sent["message"]


def test_apprise_delivers_it_by_mail() -> None:
    with mail_server() as server:
        assert deliver_notice(NOTICE, AlertChannel(apprise=SecretStr(server.url(SECRET)))) is None
    (text,) = server.texts()
    assert server.messages[0]["Subject"] == "wssgate [orders]: signed with an unknown key"
    assert "Record: r1" in text
    assert "wssgate report unknown-keys --endpoint orders" in text


def test_what_apprise_cannot_deliver_is_said_without_the_url(capfd: pytest.CaptureFixture[str]) -> None:
    with webhook(refuse) as hook:
        url = f"json://gate:{SECRET}@127.0.0.1:{hook.server.server_address[1]}/{TOKEN}"
        problem = deliver_notice(NOTICE, AlertChannel(apprise=SecretStr(url)))
    assert problem is not None
    assert problem.startswith("apprise could not deliver it")
    nonsense = deliver_notice(NOTICE, AlertChannel(apprise=SecretStr(f"nothing-like-it://{SECRET}")))
    assert nonsense is not None
    assert nonsense.startswith("apprise does not understand the URL")
    printed = "".join(capfd.readouterr())
    assert not any(secret in text for secret in (SECRET, TOKEN) for text in (problem, nonsense, printed))


def test_apprise_that_hangs_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "PROGRAM_SECONDS", 2.0)
    with webhook(drip) as hook:
        url = f"json://127.0.0.1:{hook.server.server_address[1]}/"
        began = time.monotonic()
        assert deliver_notice(NOTICE, AlertChannel(apprise=SecretStr(url))) == (
            "apprise did not end within 2 s and was killed"
        )
        assert time.monotonic() - began < 8


def test_without_apprise_the_advice_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from gateway.alerts import channels

    bare = tmp_path / "bare.py"
    bare.write_text(
        Path(channels._APPRISE).read_text().replace('import_module("apprise")', 'import_module("appprise")')
    )
    monkeypatch.setattr(channels, "_APPRISE", bare)
    problem = deliver_notice(NOTICE, AlertChannel(apprise=SecretStr("json://127.0.0.1")))
    assert problem == "apprise is not installed: pip install 'wssgate[alerts]'"


def test_the_text_has_everything_and_nothing_that_fakes_another_line() -> None:
    assert notice_title(NOTICE) == "wssgate [orders]: signed with an unknown key"
    assert notice_text(NOTICE).splitlines() == [
        "A message came\\x1b[31m whose certificate\\nnobody knows.",
        "",
        "Since: 2026-06-01 12:00:00Z",
        "Last:  2026-06-01 12:05:00Z",
        "How often: 7 times, 6 since the last alert",
        "Record: r1",
        "Record: r2",
        "",
        "Next: wssgate report unknown-keys --endpoint orders",
        "",
        "unknown-key, alert abababababab, notice 2",
    ]
