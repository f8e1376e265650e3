"""Time stamps over anchors, by an authority that is started here."""

import builtins
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog

from gateway.anchoring import AnchorDelivery, deliver_now
from gateway.config import GatewaySettings
from gateway.ledger import (
    StampedWords,
    TimeStamp,
    TimeStampAuthority,
    TimeStampRefused,
    TimeStampsUnavailable,
    find_stamped,
)
from tests.gateway.anchoring.collector import Collector, collector, refuse
from tests.gateway.anchoring.time_stamp_authority import Authority, needs_openssl, serving

pytestmark = needs_openssl
WORDS = ["wssgate.signed-head/1,1", "wssgate.keystore-anchor/1,2"]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def server(authority: Authority) -> Iterator[Collector]:
    with serving(authority) as server:
        yield server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "anchors"
    folder.mkdir()
    return folder


@pytest.fixture
def said() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as lines:
        yield lines


def settings(authority: Authority, server: Collector, place: object) -> GatewaySettings:
    more = {} if place is None else {"anchor_to": str(place)}
    return GatewaySettings.model_validate(
        {"timestamp_authority": server.url, "timestamp_authority_ca": str(authority.root), **more}
    )


def stamped(folder: Path) -> list[StampedWords]:
    return [found for file in folder.iterdir() for found in find_stamped(file.read_text())]


def stamp_of(authority: Authority, words: list[str]) -> TimeStamp:
    made = TimeStampAuthority(authority.root)
    request = made.request(words)
    return made.accept(request, authority.reply(request.as_bytes()), words)


def test_each_round_gets_a_stamp_that_is_verified_later(
    authority: Authority, server: Collector, folder: Path, said: list[Any]
) -> None:
    delivery = AnchorDelivery(lambda: settings(authority, server, folder))
    before = datetime.now(UTC) - timedelta(seconds=2)
    delivery.send(WORDS)
    delivery.send(WORDS[:1])
    assert delivery.close(20)
    first, second = stamped(folder)
    assert (first.words, second.words) == (tuple(WORDS), tuple(WORDS[:1]))
    verifier = TimeStampAuthority(authority.root)
    for one in (first, second):
        assert before <= verifier.time_of(one) <= datetime.now(UTC) + timedelta(seconds=1)
    assert [line["stamp"] for line in said if line["event"] == "time stamp"] == [str(first.stamp), str(second.stamp)]


def test_openssl_itself_verifies_what_is_kept(
    authority: Authority, server: Collector, folder: Path, tmp_path: Path
) -> None:
    assert deliver_now(WORDS, settings(authority, server, folder)) == []
    (one,) = stamped(folder)
    data, response = tmp_path / "words.txt", tmp_path / "stamp.tsr"
    data.write_text("".join(f"{word}\n" for word in one.words))
    response.write_bytes(one.stamp.response)
    ran = subprocess.run(
        ["openssl", "ts", "-verify", "-data", data, "-in", response, "-CAfile", authority.root],
        capture_output=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr


def test_a_command_asks_for_no_stamp_that_nothing_keeps(authority: Authority, server: Collector) -> None:
    assert deliver_now(WORDS, settings(authority, server, None)) == []
    assert server.asked == 0


@pytest.mark.parametrize("change", ["altered", "removed", "added", "swapped", "digest", "count", "response"])
def test_words_that_were_changed_afterwards_are_not_what_was_stamped(
    authority: Authority, server: Collector, folder: Path, change: str
) -> None:
    assert deliver_now([*WORDS, "wssgate.signed-head/1,3"], settings(authority, server, folder)) == []
    (file,) = folder.iterdir()
    lines = file.read_text().splitlines()
    if change == "altered":
        lines[1] = lines[1].replace("2", "9")
    elif change == "removed":
        del lines[0]
    elif change == "added":
        lines.insert(3, "wssgate.signed-head/1,4")
    elif change == "swapped":
        lines[0], lines[1] = lines[1], lines[0]
    elif change == "digest":
        head, count, digest, response = lines[3].split(",")
        lines[3] = ",".join([head, count, "0" * 64, response])
    elif change == "count":
        lines[3] = lines[3].replace(",3,", ",2,", 1)
    else:
        head, count, digest, response = lines[3].split(",")
        lines[3] = ",".join([head, count, digest, response[:-100]])
    found = list(find_stamped("\n".join(lines)))
    assert len(found) == 1
    with pytest.raises(TimeStampRefused):
        TimeStampAuthority(authority.root).time_of(found[0])


def test_a_stamp_of_another_authority_does_not_count(authority: Authority, tmp_path: Path) -> None:
    other = Authority(tmp_path)
    one = StampedWords(stamp_of(other, WORDS), tuple(WORDS))
    with pytest.raises(TimeStampRefused, match="does not hold"):
        TimeStampAuthority(authority.root).time_of(one)


def test_an_answer_to_another_question_does_not_count(authority: Authority) -> None:
    made = TimeStampAuthority(authority.root)
    request, other = made.request(WORDS), made.request(WORDS)
    with pytest.raises(TimeStampRefused, match="Nonce"):
        made.accept(request, authority.reply(other.as_bytes()), WORDS)
    with pytest.raises(TimeStampRefused):
        made.accept(request, authority.reply(made.request(["other"]).as_bytes()), WORDS)


def test_an_authority_that_refuses_is_told_with_its_reason(authority: Authority) -> None:
    made = TimeStampAuthority(authority.root)
    with pytest.raises(TimeStampRefused, match="did not grant it"):
        made.accept(made.request(WORDS), authority.reply(b"0\x03\x02\x01\x01"), WORDS)


def test_no_answer_is_more_than_a_refusal(authority: Authority) -> None:
    """Whatever comes, it is a refusal with a sentence: cut off, and with any byte changed."""
    made = TimeStampAuthority(authority.root)
    request = made.request(WORDS)
    answer = authority.reply(request.as_bytes())
    changed = [answer[:length] for length in range(0, len(answer), 37)]
    changed += [
        answer[:place] + bytes([answer[place] ^ (1 << place % 8)]) + answer[place + 1 :]
        for place in range(0, len(answer), 5)
    ]
    accepted = 0
    for one in changed:
        try:
            made.accept(request, one, WORDS)
        except TimeStampRefused:
            continue
        accepted += 1
    # A byte of the outermost lengths or of the certificates that nothing rests on may be another one.
    assert accepted < len(changed) // 10


@pytest.mark.parametrize("behaviour", ["refuses", "answers nonsense", "is not there"])
def test_without_a_stamp_the_anchors_go_all_the_same(
    authority: Authority, folder: Path, said: list[Any], behaviour: str
) -> None:
    with collector(refuse if behaviour == "refuses" else lambda handler: handler.answer(200, b"hello")) as server:
        if behaviour == "is not there":
            with collector() as gone:
                url = gone.url
        else:
            url = server.url
        found = settings(authority, server, folder).model_copy(update={"timestamp_authority": url})
        delivery = AnchorDelivery(lambda: found)
        delivery.send(WORDS)
        delivery.send(WORDS)
        assert delivery.close(20)
        assert delivery.status()["timestamp_problem"]
    (file,) = folder.iterdir()
    assert file.read_text().splitlines() == [*WORDS, *WORDS]
    assert [line["event"] for line in said] == ["no time stamp: the anchors go without one"], "told once"


def test_without_a_folder_the_stamp_is_in_the_log(authority: Authority, server: Collector, said: list[Any]) -> None:
    delivery = AnchorDelivery(lambda: settings(authority, server, None))
    delivery.send(WORDS)
    assert delivery.close(20)
    assert [line["event"] for line in said] == ["time stamp"]


def test_the_root_must_be_there(authority: Authority, tmp_path: Path) -> None:
    with pytest.raises(TimeStampsUnavailable, match="cannot be read"):
        TimeStampAuthority(tmp_path / "none.pem")
    (tmp_path / "empty.pem").write_text("nothing")
    with pytest.raises(TimeStampsUnavailable, match="holds no certificates in PEM"):
        TimeStampAuthority(tmp_path / "empty.pem")


def test_without_the_extra_it_says_how_to_install_it(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *arguments: Any) -> Any:
        if name == "rfc3161_client":
            raise ImportError(name)
        return real(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(TimeStampsUnavailable, match=r"pip install 'wssgate\[timestamps\]'"):
        TimeStampAuthority(authority.root)
