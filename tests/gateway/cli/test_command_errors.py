"""Errors become a sentence and an exit code, without loading what they may come from."""

import sys
from importlib import import_module

import pytest
from sqlalchemy.exc import OperationalError

import gateway.service
import keystore
from gateway.cli.command_errors import FORESEEN, ChangeRefused, EnvironmentFailed, WrongUse, explain
from gateway.cli.exit_codes import ExitCode

HOMES = ("keystore.errors", "gateway.config.errors", "gateway.demo.errors", "gateway.ledger.errors")
"""Where the packages' trees of errors are. Those of `gateway.replay` and `gateway.cross_check` never leave the commands
that call them, which say more than the error knows.
"""
GIVEN_WRONG = {"FolderNotEmpty", "RecordNotFound", "FilterUnreadable", "BundleRefused"}
"""Errors of what was given on the command line, in packages that else tell of the environment."""
ERRORS = [
    kind
    for home in HOMES
    for kind in vars(import_module(home)).values()
    if isinstance(kind, type) and issubclass(kind, Exception) and kind.__module__ == home
] + [gateway.service.WorkersFailed]


def made(kind: type[Exception]) -> Exception:
    """An error of that class, whatever it takes to make one."""
    error = kind.__new__(kind)
    error.args = ("What happened.",)
    return error


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_every_error_of_the_packages_is_foreseen(kind: type[Exception]) -> None:
    explained = explain(made(kind))
    assert explained is not None
    assert explained[1] is (
        ExitCode.FINDINGS
        if issubclass(kind, keystore.Refused)
        else ExitCode.WRONG_USE
        if kind.__module__ in {"keystore.errors", "gateway.config.errors"} or kind.__name__ in GIVEN_WRONG
        else ExitCode.ENVIRONMENT
    )


def test_there_are_many_of_them() -> None:
    assert len(ERRORS) > 25


@pytest.mark.parametrize(("package", "name", "code"), FORESEEN)
def test_what_is_named_is_there(package: str, name: str, code: ExitCode) -> None:
    kind = getattr(import_module(package), name)
    assert issubclass(kind, Exception)
    assert explain(made(kind)) == (str(made(kind)), code)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (WrongUse("Wrong."), ("Wrong.", ExitCode.WRONG_USE)),
        (ChangeRefused("No."), ("No.", ExitCode.FINDINGS)),
        (EnvironmentFailed("Gone."), ("Gone.", ExitCode.ENVIRONMENT)),
        (FileNotFoundError(2, "No such file", "x.pem"), ("x.pem: No such file.", ExitCode.ENVIRONMENT)),
        (OSError("strange\nand long"), ("The system refused: strange.", ExitCode.ENVIRONMENT)),
        (
            OperationalError("SELECT 1", {}, ValueError("disk is full.\nreally")),
            ("The database failed: disk is full.", ExitCode.ENVIRONMENT),
        ),
        (ZeroDivisionError("a defect"), None),
    ],
)
def test_others(error: Exception, expected: tuple[str, ExitCode] | None) -> None:
    assert explain(error) == expected


def test_a_package_that_is_not_loaded_is_not_loaded_for_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "gateway.demo")
    assert explain(ZeroDivisionError("a defect")) is None
    assert "gateway.demo" not in sys.modules
