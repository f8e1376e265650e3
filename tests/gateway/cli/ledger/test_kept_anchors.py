"""`wssgate ledger verify --anchor FOLDER`: what a gateway keeps elsewhere, and the time stamps over it."""

import json
from pathlib import Path

import pytest

from gateway.ledger import open_database
from tests.gateway.anchoring.test_time_stamps import stamp_of
from tests.gateway.anchoring.time_stamp_authority import Authority, needs_openssl
from tests.gateway.cli.running import Run
from tests.gateway.ledger.proof.bundles import play

pytestmark = needs_openssl


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def folder(run: Run, workplace: Path, authority: Authority) -> Path:
    """Two days of anchors of a ledger, each with a time stamp; the configuration names the authority."""
    engine = open_database(f"sqlite:///{workplace}/wssgate.db")
    play(engine)
    engine.dispose()
    found = json.loads(run("ledger", "verify", "--json").out)
    words = [*found["signed_heads"], found["anchors"][0]["anchor"]]
    assert len(words) > 1
    folder = workplace / "anchors"
    folder.mkdir()
    for day, of_day in (("28", words[:1]), ("29", words)):
        lines = [*of_day, str(stamp_of(authority, of_day))]
        (folder / f"wssgate-anchors-2026-11-{day}.txt").write_text("".join(f"{line}\n" for line in lines))
    (folder / "readme.txt").write_text("other things may lie beside them\n")
    config = workplace / "gateway.toml"
    more = f'timestamp_authority = "http://127.0.0.1:9/"\ntimestamp_authority_ca = "{authority.root}"\n'
    config.write_text(config.read_text().replace("[gateway]\n", f"[gateway]\n{more}", 1))
    return folder


def test_a_folder_is_compared_and_its_time_stamps_are_verified(run: Run, folder: Path) -> None:
    ran = run("ledger", "verify", "--anchor", folder)
    assert (ran.code, ran.err) == (0, ""), ran
    said = " ".join(ran.out.split())
    assert said.count("were there by then.") == 2
    assert "the 1 line before line 2 of" in said
    found = json.loads(run("ledger", "verify", "--anchor", folder, "--json").out)
    first, second = found["time_stamps"]
    assert (found["intact"], first["state"], second["state"], second["detail"]) == (True, "holds", "holds", None)
    assert first["heads"] == second["heads"][:1]
    assert (first["line"], second["words"], len(second["heads"])) == (2, second["words"], second["words"])
    assert first["at"].endswith("Z")
    assert found["anchors_compared"] == len(second["heads"])
    one = run("ledger", "verify", "--anchor", folder / "wssgate-anchors-2026-11-28.txt", "--json")
    assert [stamp["state"] for stamp in json.loads(one.out)["time_stamps"]] == ["holds"]


def test_many_time_stamps_are_not_all_shown(run: Run, folder: Path) -> None:
    for file in sorted(folder.glob("wssgate-anchors-*.txt")):
        file.write_text(file.read_text() * 12)
    said = " ".join(run("ledger", "verify", "--anchor", folder).out.split())
    assert (said.count("were there by then."), "4 earlier time stamps hold as well." in said) == (20, True)


def test_a_time_stamp_that_does_not_hold_is_a_finding(run: Run, folder: Path) -> None:
    file = folder / "wssgate-anchors-2026-11-29.txt"
    lines = file.read_text().splitlines()
    file.write_text("\n".join(lines[1:]))  # what it was over is not all there
    ran = run("ledger", "verify", "--anchor", folder)
    said = " ".join(ran.out.split())
    assert (ran.code, "lines before the time stamp are missing" in said) == (1, True)
    assert f"line {len(lines) - 1}: lines" in said
    found = json.loads(run("ledger", "verify", "--anchor", folder, "--json").out)
    assert (found["intact"], [one["state"] for one in found["time_stamps"]]) == (False, ["holds", "does not hold"])


def test_a_time_stamp_by_somebody_else_is_a_finding(
    run: Run, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = folder / "wssgate-anchors-2026-11-29.txt"
    words = file.read_text().splitlines()[:-1]
    other = Authority(tmp_path_factory.mktemp("other"))
    file.write_text("\n".join([*words, str(stamp_of(other, words))]))
    assert run("ledger", "verify", "--anchor", folder).code == 1


@pytest.mark.parametrize("what", ["no authority is configured", "its file is gone"])
def test_what_cannot_be_verified_is_said_and_is_no_finding(
    run: Run, folder: Path, authority: Authority, what: str
) -> None:
    config = folder.parent / "gateway.toml"
    lines = config.read_text().splitlines()
    if what == "its file is gone":
        lines = [line.replace(str(authority.root), "gone.pem") for line in lines]
    else:
        lines = [line for line in lines if not line.startswith("timestamp_authority")]
    config.write_text("\n".join(lines))
    ran = run("ledger", "verify", "--anchor", folder, "--json")
    assert ran.code == 0, ran
    assert "2 time stamps could not be verified" in ran.err
    assert {one["state"] for one in json.loads(ran.out)["time_stamps"]} == {"not verified"}


def test_a_folder_without_anchors_is_refused(run: Run, workplace: Path) -> None:
    (workplace / "empty").mkdir()
    ran = run("ledger", "verify", "--anchor", "empty")
    assert (ran.code, "There is no anchor in 'empty'" in ran.err) == (2, True)
