"""The manual pages say what `--help` says, and are ones that man can show."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from gateway.cli.command_tree import COMMANDS, GROUPS
from gateway.cli.man_pages import man_pages, write_pages

FOLDER = Path(__file__).parents[3] / "docs" / "man"
PAGES = dict(man_pages())


def test_the_pages_are_up_to_date_and_none_is_left_out() -> None:
    on_disk = {file.name: file.read_text(encoding="utf-8") for file in FOLDER.iterdir()}
    assert on_disk == PAGES, "run: python -m gateway.cli.man_pages docs/man"
    names = {f"wssgate-{name.replace(' ', '-')}.1" for name in (*COMMANDS, *GROUPS)}
    assert set(PAGES) == {"wssgate.1", *names}


def test_a_page_says_what_the_command_takes() -> None:
    page = PAGES["wssgate-keystore-restore.1"]
    for part in (
        ".SH NAME\nwssgate\\-keystore\\-restore \\- Trust an entry again",
        ".SH ARGUMENTS\n.TP\n.B ALIAS",
        ".B \\-\\-reason, \\-\\-why TEXT",
        ".SH EXIT STATUS\n0 done; 1 ",
        ".SH SEE ALSO\n.BR wssgate\\-keystore (1)",
    ):
        assert part in page
    assert ".SH COMMANDS\n.TP\n.BR wssgate\\-keystore\\-add (1)\nAdd a certificate" in PAGES["wssgate-keystore.1"]


def test_pages_of_commands_that_are_no_more_go(tmp_path: Path) -> None:
    (tmp_path / "wssgate-gone.1").write_text("x")
    (tmp_path / "other.1").write_text("x")
    write_pages(tmp_path / "man")
    write_pages(tmp_path)
    assert {file.name for file in tmp_path.glob("*.1")} == {*PAGES, "other.1"}
    assert {file.name for file in (tmp_path / "man").iterdir()} == set(PAGES)


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
def test_every_page_is_set_without_a_warning() -> None:
    files = sorted(str(file) for file in FOLDER.iterdir())
    ran = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww", "-rLL=80n", *files],
        capture_output=True,
        check=True,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
    assert ran.stderr.decode() == ""
    assert b"--reason" in ran.stdout.replace(b"\x1b[1m", b"").replace(b"\x1b[0m", b"")
