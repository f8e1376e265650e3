"""What a command loads before it can begin: modules are counted, for seconds depend on the machine."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

_SCRIPT = """
import json, sys
from gateway.cli import main
code = main(sys.argv[1:])
print()
print(json.dumps([code, sorted(sys.modules)]))
"""
DATABASE = {"sqlalchemy", "alembic", "psycopg", "gateway.ledger", "keystore.store"}
SERVICE = {"asyncio", "uvicorn", "aiohttp", "structlog", "prometheus_client", "gateway.service", "gateway.exchange"}
SETTINGS = {"pydantic_settings", "gateway.config"}
DEMO = {"zeep", "xmlsec", "gateway.demo"}
DISPLAY = {"rich"}
JAVA_KEYSTORES = {"jks", "Cryptodome", "pyasn1"}
VERIFICATION = {"lxml", "cryptography", "pydantic", "gateway.verify", "keystore"}


def loaded_by(*arguments: object) -> tuple[int, set[str]]:
    """The exit code of a command, and the modules that are loaded when it ends, its output being a pipe."""
    ran = subprocess.run(
        [sys.executable, "-c", _SCRIPT, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=True
    )
    code, modules = json.loads(ran.stdout.splitlines()[-1])
    return code, set(modules)


@pytest.mark.parametrize(
    ("option", "most"),
    [
        # Python's own, typer's 110, and a dozen of this package. pydantic or lxml with what they need are 80 and more.
        ("--help", 200),
        # With the standard library's reader of metadata, which brings the email package along.
        ("--version", 250),
    ],
)
def test_the_help_and_the_version_need_nothing_but_typer(option: str, most: int) -> None:
    code, modules = loaded_by(option)
    assert code == 0
    assert not modules & (DATABASE | SERVICE | SETTINGS | DEMO | DISPLAY | VERIFICATION)
    assert len(modules) < most


@pytest.mark.parametrize("arguments", [["keystore", "--help"], ["verfy"]], ids=" ".join)
def test_a_list_of_commands_loads_none_of_them(arguments: list[str]) -> None:
    # typer reads the values of options with pydantic.
    _, modules = loaded_by(*arguments)
    assert not modules & ((DATABASE | SERVICE | SETTINGS | DEMO | DISPLAY | VERIFICATION) - {"pydantic"})


@pytest.mark.parametrize("options", [[], ["--json"], ["--explain"]])
def test_verification_of_a_file_loads_the_verifier_alone(signed_files: Path, options: list[str]) -> None:
    code, modules = loaded_by("verify", signed_files / "old.xml", "--trust", f"a={signed_files / 'old.pem'}", *options)
    assert code == 0
    assert modules >= VERIFICATION
    assert not modules & (DATABASE | SERVICE | SETTINGS | DEMO | DISPLAY | JAVA_KEYSTORES)
    assert not modules & {"gateway.replay", "gateway.cross_check"}
    # Python's own and typer's, lxml, cryptography, pydantic, and 110 of the verifier, of what takes multipart bodies
    # apart, and of the keystore. What comes next where somebody is careless is larger: a reader of Java keystores has
    # 60 modules, SQLAlchemy 150.
    assert len(modules) < 480


def test_a_file_that_is_not_there_is_complained_of_without_more(tmp_path: Path) -> None:
    code, modules = loaded_by("verify", tmp_path / "none.xml")
    assert code == 3
    assert not modules & (DATABASE | SERVICE | SETTINGS | DEMO | DISPLAY)


@pytest.mark.parametrize(
    "arguments",
    [["status"], ["report", "unknown-keys"], ["ledger", "list"], ["keystore", "list"], ["alerts", "list"]],
    ids=" ".join,
)
def test_where_the_database_is_sqlite_no_driver_of_postgresql_is_loaded(workplace: Path, arguments: list[str]) -> None:
    code, modules = loaded_by(*arguments, "--config", workplace / "gateway.toml")
    assert code == 0
    assert not modules & ({"psycopg", "alembic", "uvicorn", "prometheus_client", "gateway.service"} | DEMO)


def test_what_a_command_loads_is_kept_from_the_garbage_collector_in_a_process_of_its_own(tmp_path: Path) -> None:
    script = (
        "import gc, sys; from gateway.cli import main; sys.argv = ['wssgate', *sys.argv[1:]]; "
        "main({}); print(); print(gc.get_freeze_count() > 10_000, gc.isenabled())"
    )
    for call, kept in (("", "True"), ("sys.argv[1:]", "False")):
        ran = subprocess.run(
            [sys.executable, "-c", script.format(call), "verify", tmp_path / "none.xml"],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert ran.stdout.split() == [kept, "True"]
