"""The reference in the documentation says what `--help` says."""

from pathlib import Path

import pytest

from gateway.cli.reference import reference
from tests.gateway.cli.running import Run

DOCUMENT = Path(__file__).parents[3] / "docs" / "reference.md"
COMMANDS = [line.split("`")[1] for line in reference().splitlines() if line.startswith("## `")]


def test_the_reference_is_up_to_date() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == reference(), (
        "run: python -m gateway.cli.reference > docs/reference.md"
    )


def test_no_command_is_left_out() -> None:
    named = {command.removeprefix("wssgate").strip() for command in COMMANDS}
    assert named >= {"init", "serve", "demo", "verify", "replay", "status", "migrate"}
    keystore = (
        "add",
        "import",
        "list",
        "show",
        "at",
        "trust",
        "set",
        "retire",
        "restore",
        "purge",
        "history",
        "export",
    )
    assert named >= {f"keystore {name}" for name in keystore}
    assert named >= {f"ledger {name}" for name in ("show", "prove", "verify-bundle", "verify", "export", "prune")}
    assert named >= {f"report {name}" for name in ("usage", "cutover", "rejections")}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("option", ["-h", "--help"])
def test_every_command_has_help_with_its_exit_codes(run: Run, command: str, option: str) -> None:
    ran = run(*command.split()[1:], option)
    assert ran.code == 0
    assert ran.err == ""
    assert ran.out.startswith(f"Usage: {command} ")
    assert "Exit codes: 0" in ran.out or "COMMAND [ARGS]" in ran.out
    assert "--json" in ran.out or "COMMAND [ARGS]" in ran.out
