"""The tree of commands: it stands in folders as it is typed, and says of each command what its help says."""

from pathlib import Path

import pytest

import gateway.cli
from gateway.cli import main
from gateway.cli.command_tree import COMMANDS, GROUPS, ListedCommand
from tests.gateway.cli.running import Run

FOLDER = Path(gateway.cli.__path__[0])


@pytest.mark.parametrize("path", COMMANDS)
def test_the_summary_is_the_first_paragraph_of_the_help(path: str) -> None:
    listed = ListedCommand(path)
    help_text = listed.load().help
    assert " ".join(help_text.split("\n\n")[0].split()) == COMMANDS[path]
    assert listed.get_short_help_str(200) == listed.load().get_short_help_str(200)


@pytest.mark.parametrize("path", COMMANDS)
def test_a_command_stands_where_it_is_typed(path: str) -> None:
    file = FOLDER / f"{path.replace(' ', '/').replace('-', '_')}.py"
    assert file.is_file() or file.with_name(f"{file.stem}_.py").is_file()


def test_every_module_that_is_a_command_can_be_typed() -> None:
    modules = {file for file in FOLDER.rglob("*.py") if "\ndef command(" in file.read_text(encoding="utf-8")}
    assert modules == {
        FOLDER.joinpath(*ListedCommand(path).module.split(".")[2:]).with_suffix(".py") for path in COMMANDS
    }


@pytest.mark.parametrize("group", [(), *(tuple(name.split()) for name in GROUPS)])
def test_a_group_lists_its_commands_in_their_order(run: Run, group: tuple[str, ...]) -> None:
    listed = [line.split()[0] for line in run(*group, "--help").out.partition("Commands:\n")[2].splitlines() if line]
    prefix = " ".join(group)
    names = [path.removeprefix(prefix).strip() for path in COMMANDS if path.rpartition(" ")[0] == prefix]
    assert listed[: len(names)] == names


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("wssgate keystore re", {"retire", "restore"}),
        ("wssgate rene", {"renewal"}),
        ("wssgate renewal policy ", {"set", "list"}),
        ("wssgate keystore add --al", {"--alias", "--all-endpoints", "--allow-private-key"}),
    ],
)
def test_the_shell_completes_commands_and_options(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, typed: str, expected: set[str]
) -> None:
    monkeypatch.setenv("_WSSGATE_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", typed)
    monkeypatch.setenv("COMP_CWORD", str(len(typed.split(" ")) - 1))
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 0
    assert set(capsys.readouterr().out.split()) == expected


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_installed_for_the_shell(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shell: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("shellingham.detect_shell", lambda: (shell, f"/bin/{shell}"))
    with pytest.raises(SystemExit) as ended:
        main(["--install-completion"])
    assert ended.value.code == 0
    assert f"{shell} completion installed in" in " ".join(capsys.readouterr().out.split())
    written = "".join(file.read_text(encoding="utf-8") for file in tmp_path.rglob("*") if file.is_file())
    assert "_WSSGATE_COMPLETE=complete_" in written
