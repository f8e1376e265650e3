"""Anchors on their way into a folder or to a server, which may do what it likes."""

import os
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog

from gateway import posting
from gateway.anchoring import AnchorDelivery, deliver_now, destination
from gateway.anchoring.anchor_files import append_anchors
from gateway.config import GatewaySettings
from gateway.posting import PostFailed, post
from tests.gateway.anchoring.collector import (
    Behaviour,
    chatter,
    collector,
    drip,
    hang,
    refuse,
    send_to,
    take,
    take_and_drip,
)

WORDS = ["wssgate.signed-head/1,1", "wssgate.signed-head/1,2", "wssgate.keystore-anchor/1,3"]


def settings(place: object, **more: object) -> GatewaySettings:
    return GatewaySettings.model_validate({"anchor_to": str(place), **more})


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers have half a second."""
    monkeypatch.setattr(posting, "POST_SECONDS", 0.5)


@pytest.fixture
def said() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as lines:
        yield lines


def until(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.01)


def lines_of(folder: Path) -> list[str]:
    (file,) = folder.iterdir()
    assert file.name == f"wssgate-anchors-{datetime.now(UTC):%Y-%m-%d}.txt"
    text = file.read_text()
    assert text.endswith("\n")
    return text.splitlines()


def test_a_folder_gets_one_file_a_day_with_a_word_a_line(tmp_path: Path) -> None:
    delivery = AnchorDelivery(lambda: settings(tmp_path))
    delivery.send(WORDS)
    delivery.send(WORDS[:1])
    assert delivery.close(10)
    assert lines_of(tmp_path) == [*WORDS, *WORDS[:1]]
    append_anchors(tmp_path, WORDS[:1], datetime(2026, 3, 1, 23, 59, tzinfo=UTC))
    assert (tmp_path / "wssgate-anchors-2026-03-01.txt").read_text() == f"{WORDS[0]}\n"


def test_a_word_that_was_cut_off_by_a_full_disk_takes_no_other_with_it(tmp_path: Path) -> None:
    (tmp_path / f"wssgate-anchors-{datetime.now(UTC):%Y-%m-%d}.txt").write_text("whole\nhalf a wo")
    assert deliver_now(WORDS, settings(tmp_path)) == []
    assert lines_of(tmp_path) == ["whole", "half a wo", *WORDS]


def test_many_processes_write_into_one_file_without_mixing_their_words(tmp_path: Path) -> None:
    def write(number: int) -> None:
        for turn in range(20):
            append_anchors(tmp_path, [f"{number}-{turn}-{place}" for place in range(50)], datetime.now(UTC))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = lines_of(tmp_path)
    assert len(found) == 4 * 20 * 50
    for start in range(0, len(found), 50):
        assert len({line.rpartition("-")[0] for line in found[start : start + 50]}) == 1


def test_a_folder_that_is_not_there_is_not_made_and_waited_for(tmp_path: Path, said: list[Any]) -> None:
    folder = tmp_path / "mounted"
    delivery = AnchorDelivery(lambda: settings(folder), retry_seconds=0.02)
    delivery.send(WORDS)
    until(lambda: delivery.status()["problem"] is not None)
    assert "is the folder there, and may this user write into it?" in delivery.status()["problem"]
    assert (delivery.status()["waiting"], folder.exists()) == (3, False)
    time.sleep(0.2)
    folder.mkdir()
    until(lambda: delivery.status()["waiting"] == 0)
    assert delivery.close(10)
    assert lines_of(folder) == WORDS
    assert [line["event"] for line in said] == [
        "anchors cannot be delivered; they are kept and tried again",
        "anchors are delivered again",
    ], "once each, however often it was tried"


def test_a_pipe_in_the_place_of_the_file_hangs_nobody(tmp_path: Path) -> None:
    pipe = tmp_path / f"wssgate-anchors-{datetime.now(UTC):%Y-%m-%d}.txt"
    os.mkfifo(pipe)
    assert len(deliver_now(WORDS, settings(tmp_path))) == 1


def test_a_server_gets_the_words_of_each_round_in_one_request() -> None:
    with collector() as server:
        delivery = AnchorDelivery(lambda: settings(server.url))
        delivery.send(WORDS)
        delivery.send(WORDS[:1])
        assert delivery.close(10)
        assert [body.decode().splitlines() for body in server.got] == [WORDS, WORDS[:1]]
        assert server.types == ["text/plain; charset=utf-8"] * 2


@pytest.mark.parametrize(
    ("behaviour", "sentence"),
    [
        (refuse, "answered with the status 507"),
        (hang, "did not answer within 0.5 s"),
        (drip, "did not answer within 0.5 s"),
    ],
)
def test_a_server_that_does_not_take_them_gets_them_again_when_it_is_back(
    soon: None, said: list[Any], behaviour: Behaviour, sentence: str
) -> None:
    with collector(behaviour) as server:
        delivery = AnchorDelivery(lambda: settings(server.url), retry_seconds=0.02)
        delivery.send(WORDS)
        delivery.send(WORDS[:1])
        until(lambda: delivery.status()["problem"] is not None)
        assert sentence in delivery.status()["problem"]
        until(lambda: server.asked > 2)
        assert server.got == []
        server.behaviour = take
        until(lambda: delivery.status()["waiting"] == 0)
        assert server.words() == [*WORDS, *WORDS[:1]], "all of them, in their order"
        assert delivery.close(10)
        assert delivery.status()["delivered"]


def test_a_server_that_is_not_there_at_all_is_told_and_tried_again(soon: None) -> None:
    with collector() as server:
        url, port = server.url, server.server_address[1]
    delivery = AnchorDelivery(lambda: settings(url), retry_seconds=0.02)
    delivery.send(WORDS)
    until(lambda: delivery.status()["problem"] is not None)
    assert "cannot be reached" in delivery.status()["problem"]
    assert str(port) in delivery.status()["problem"]
    assert not delivery.close(10)


def test_nobody_waits_for_a_delivery_that_broke_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a case that nobody thought of")

    monkeypatch.setattr(destination, "append_anchors", broken)
    assert deliver_now(WORDS, settings(tmp_path)) == ["RuntimeError: a case that nobody thought of"]


@pytest.mark.parametrize("behaviour", [chatter, take_and_drip])
def test_whoever_has_taken_them_may_say_what_he_likes(soon: None, behaviour: Behaviour) -> None:
    with collector(behaviour) as server:
        assert deliver_now(WORDS, settings(server.url)) == []
        assert server.asked == 1


def test_a_redirect_is_not_followed(soon: None) -> None:
    with collector() as elsewhere, collector(send_to(elsewhere.url)) as server:
        (problem,) = deliver_now(WORDS, settings(server.url))
        assert "status 307, and a redirect is not followed" in problem
        assert elsewhere.asked == 0


def test_the_end_waits_no_longer_than_it_says(soon: None, monkeypatch: pytest.MonkeyPatch, said: list[Any]) -> None:
    monkeypatch.setattr(posting, "POST_SECONDS", 30.0)
    with collector(hang) as server:
        delivery = AnchorDelivery(lambda: settings(server.url))
        began = time.monotonic()
        delivery.send(WORDS)
        assert time.monotonic() - began < 15, "whoever sends waits for nothing"
        until(lambda: server.asked == 1)
        began = time.monotonic()
        assert not delivery.close(0.3)
        assert time.monotonic() - began < 15
        assert said[-1]["event"] == "anchors were not delivered to the end"
        assert said[-1]["words"] == 3


def test_of_many_that_wait_the_newest_are_kept(soon: None, said: list[Any]) -> None:
    with collector(refuse) as server:
        delivery = AnchorDelivery(lambda: settings(server.url), retry_seconds=60)
        for number in range(30):
            delivery.send([f"{number}-{place}" for place in range(100)])
        assert delivery.status()["waiting"] <= 1000
        assert any("were dropped" in line["event"] for line in said)
        server.behaviour = take
        assert delivery.close(20)
        assert server.words()[-1000:] == [f"{number}-{place}" for number in range(20, 30) for place in range(100)]


def test_nothing_is_sent_where_nothing_is_wanted() -> None:
    delivery = AnchorDelivery(GatewaySettings)
    delivery.send(WORDS)
    assert (delivery.status()["waiting"], delivery.close(1)) == (0, True)


def test_where_to_follows_the_configuration(tmp_path: Path) -> None:
    places = [tmp_path / "first", tmp_path / "second"]
    for place in places:
        place.mkdir()
    delivery = AnchorDelivery(lambda: settings(places[0]))
    delivery.send(WORDS[:1])
    until(lambda: delivery.status()["waiting"] == 0)
    places.pop(0)
    delivery.send(WORDS[1:])
    assert delivery.close(10)
    assert [lines_of(tmp_path / name) for name in ("first", "second")] == [WORDS[:1], WORDS[1:]]


def test_tls_is_verified(soon: None, tmp_path: Path) -> None:
    from gateway.demo.keys import make_key_pair

    make_key_pair(tmp_path, "server", "ACME")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem", tmp_path / "server.key")
    with collector() as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        with pytest.raises(PostFailed, match="certificate verify failed"):
            post(server.url.replace("http:", "https:"), b"x", {})
        assert server.got == []


def test_no_proxy_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with collector() as proxy, collector() as server:
        monkeypatch.setenv("http_proxy", proxy.url)
        assert deliver_now(WORDS, settings(server.url)) == []
        assert (proxy.asked, server.asked) == (0, 1)
