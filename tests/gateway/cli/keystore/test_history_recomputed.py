"""The keystore's history, computed anew by the lines of Python in docs/evidence.md, which know nothing of wssgate."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.cli.workplace import open_workplace
from keystore.store import history_anchor
from tests.gateway.cli.keystore.test_keystore_commands import issue, pem
from tests.gateway.cli.running import Run

PAGE = (Path(__file__).parents[4] / "docs" / "evidence.md").read_text(encoding="utf-8")
SECTION = PAGE[PAGE.index("## The keystore's history") :]
PROGRAM = re.findall(r"^```python\n(.*?)^```", SECTION, re.DOTALL | re.MULTILINE)[0]


def recomputed(output: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", "-c", PROGRAM]
    return subprocess.run(command, input=output, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def history(run: Run, workplace: Path) -> str:
    """Revisions with one change and with two, by force, with a gate and without, with characters that JSON escapes."""
    (workplace / "both.pem").write_bytes(pem(issue("one")[0]) + pem(issue("two")[0]))
    (workplace / "new.pem").write_bytes(pem(issue("new")[0]))
    for arguments in (
        ("add", "old", "both.pem", "--who", 'Zoë "Z" Ω', "--reason", "tab\there \U0001f511"),
        ("add", "new", "new.pem", "--replaces", "old", "--until", "2099-01-01T00:00:00Z"),
        ("retire", "old", "--reason", "now", "--force"),
        ("purge", "old", "--reason", "now", "--force"),
        ("set", "new", "--alias", "newer"),
    ):
        assert run("keystore", *arguments).code == 0
    return run("keystore", "history", "--json").out


def test_forty_lines_and_nothing_of_ours_find_the_same_end(history: str, workplace: Path) -> None:
    used = {line.split()[1] for line in PROGRAM.splitlines() if line.startswith(("import ", "from "))}
    assert used == {"hashlib", "json", "sys"}
    assert len([line for line in PROGRAM.splitlines() if line.strip()]) <= 40
    with open_workplace(workplace / "gateway.toml") as place, place.engine.connect() as connection:
        end = history_anchor(connection)
    assert end is not None
    done = recomputed(history)
    assert (done.stdout, done.stderr, done.returncode) == (f"{end.revision} {end.hash}\n", "", 0)
    assert (end.revision, len(history.splitlines())) == (5, 6)
    assert recomputed("").stdout == f"0 {'0' * 64}\n"


def _changed(name: str, value: object) -> Callable[[list[dict[str, object]]], object]:
    return lambda lines: lines[3].update({name: value})


@pytest.mark.parametrize(
    ("tamper", "complaint"),
    [
        (_changed("who", "mallory"), "revision 3: what is shown is not what is hashed"),
        (_changed("overrode", None), "revision 3: what is shown is not what is hashed"),
        (_changed("gate", None), "revision 3: what is shown is not what is hashed"),
        (_changed("hash", "f" * 64), "revision 3 does not have the hash"),
        (lambda lines: lines.pop(2), "revision 2 is missing"),
        (lambda lines: lines.pop(0), "revision 1 does not have the hash"),
        (lambda lines: lines[3]["hashed"]["change"].update(entry="{}"), "revision 3 does not have the hash"),
        (lambda lines: lines[0]["hashed"]["revision"].update(time=1), "revision 1 does not have the hash"),
    ],
)
def test_what_was_altered_is_found(
    history: str, tamper: Callable[[list[dict[str, object]]], object], complaint: str
) -> None:
    lines = [json.loads(line) for line in history.splitlines()]
    tamper(lines)
    done = recomputed("".join(json.dumps(line) + "\n" for line in lines))
    assert (done.returncode, done.stdout, complaint in done.stderr) == (1, "", True)


def test_what_is_hashed_is_the_whole_entry(history: str) -> None:
    lines = [json.loads(line) for line in history.splitlines()]
    entry = json.loads(lines[2]["hashed"]["change"]["entry"])
    assert (entry["alias"], entry["trusted_until"], entry["scheduled_end"]) == ("new", None, 4070908800000000)
    assert json.loads(entry["replaces"]) == lines[2]["replaces"]
    assert [line["gate"] is None for line in lines] == [True, True, True, False, False, True]
