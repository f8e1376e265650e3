"""SECURITY.md says what is promised; here it is held against the tests it points to, and against the code."""

import ast
import importlib
import inspect
import json
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
from pydantic import BaseModel

from gateway.config import GatewaySettings, alert_channels, load_settings, settings
from gateway.config.settings import EndpointSettings
from gateway.verify import Policy, Reason, policy

ROOT: Final = Path(__file__).parents[1]
TEXT: Final = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
POINTER: Final = re.compile(r"`(tests/[\w/]+\.py)::(\w+)(?:\[[^`]*\])?`")
POINTERS: Final = sorted(set(POINTER.findall(TEXT)))
PROMISES: Final = {
    int(number): text
    for number, text in re.findall(r"^(\d+)\. (.*?)(?=^\d+\. |^#)", TEXT, flags=re.MULTILINE | re.DOTALL)
}


def section(heading: str) -> str:
    """The text below the one `heading`, up to the next of its rank."""
    (found,) = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", TEXT, flags=re.MULTILINE | re.DOTALL)
    return str(found)


def rows(heading: str) -> list[tuple[str, str, str]]:
    """The cells of the one table of three columns in a section, its head left out."""
    lines = re.findall(r"^\| (.*?) \| (.*?) \| (.*?) \|$", section(heading), flags=re.MULTILINE)
    return [line for line in lines if "---" not in line[0]][1:]


# Promises and the tests that show them


def test_promises_are_numbered_without_a_gap_and_grouped() -> None:
    assert list(PROMISES) == [*range(1, 65)]
    groups = re.findall(r"^### ([A-Z])\. \S", section("Promises"), flags=re.MULTILINE)
    assert groups == list("ABCDEFGHIJKL")


@pytest.mark.parametrize("number", PROMISES)
def test_a_promise_names_the_code_that_keeps_it_and_a_test_that_shows_it(number: int) -> None:
    said, code, tests = re.fullmatch(r"(.*)- code: (.*)- tests: (.*)", PROMISES[number], flags=re.DOTALL).groups()  # type: ignore[union-attr]  # None fails as well

    assert said.strip().endswith(".")
    named = re.findall(r"`([^`]+)`", code)
    assert named
    for path in named:
        assert (ROOT / path).is_file(), path
    assert re.sub(POINTER, "", tests).strip(" \n,") == "", "nothing but pointers"
    assert POINTER.search(tests)


@cache
def _tests_in(path: str) -> frozenset[str]:
    module = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return frozenset(node.name for node in module.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@pytest.mark.parametrize(("path", "name"), POINTERS)
def test_a_pointer_names_a_test_that_exists(path: str, name: str) -> None:
    assert (ROOT / path).is_file()
    assert name.startswith("test_")
    assert name in _tests_in(path)


def test_nothing_that_looks_like_a_pointer_is_passed_over() -> None:
    assert TEXT.count("::") == len(POINTER.findall(TEXT)) > 100


def test_every_rule_that_the_code_cites_is_a_promise() -> None:
    cited = set()
    for package in ("gateway", "keystore"):
        for file in (ROOT / package).rglob("*.py"):
            for listed in re.findall(
                r"[Tt]hreat rules? ([\d ,]+(?:(?:and|to) \d+)?)", file.read_text(encoding="utf-8")
            ):
                cited |= {int(number) for number in re.findall(r"\d+", listed)}
    assert len(cited) > 10
    assert cited <= set(PROMISES)


def test_every_reason_is_what_some_promise_rejects_as() -> None:
    named: set[str] = set()
    for text in PROMISES.values():
        for sentence in re.findall(r"Rejected as ([^.]*)\.", text):
            named |= set(re.findall(r"`([^`]+)`", sentence))
    assert named == {str(reason) for reason in Reason}


# Numbers

UNITS: Final = {
    "": 1,
    "KiB": 1024,
    "MiB": 1024 * 1024,
    "MB": 1_000_000,
    "ms": 1,
    "s": 1,
    "h": 3600,
    "d": 86_400,
}
MODELS: Final[dict[str, type[BaseModel]]] = {"policy": Policy, "gateway": GatewaySettings, "endpoint": EndpointSettings}


def _in_code(name: str) -> Any:
    """The default of a setting, or the constant of that name."""
    table, _, key = name.partition(".")
    if table in MODELS and key in MODELS[table].model_fields:
        return MODELS[table].model_fields[key].default
    *modules, last = name.split(".")
    try:
        owner: Any = importlib.import_module(".".join(modules))
    except ModuleNotFoundError:
        owner = getattr(importlib.import_module(".".join(modules[:-1])), modules[-1])
    if is_dataclass(owner):
        return next(field.default for field in fields(owner) if field.name == last)
    return getattr(owner, last)


@pytest.mark.parametrize(("what", "value", "name"), rows("The limits"), ids=lambda cell: cell.strip("`"))
def test_a_limit_is_the_one_in_force(what: str, value: str, name: str) -> None:
    number, _, unit = value.partition(" ")
    written = int(number.replace(",", "")) * UNITS[unit]
    found = _in_code(name.strip("`"))

    if isinstance(found, timedelta):
        found = found.total_seconds()
    assert what
    assert written == found


def test_every_limit_of_the_policy_is_in_the_table() -> None:
    named = {name.strip("`").removeprefix("policy.") for _, _, name in rows("The limits") if "`policy." in name}
    assert named == {name for name, field in Policy.model_fields.items() if type(field.default) is int}


LIMITS_NOTHING: Final = {
    "gateway.verify.fastpath.header_prefix.MAX_PREFIX",
    "gateway.verify.fastpath.header_prefix.MAX_TAGS",
    "gateway.verify.fastpath.header_prefix.MAX_VALUES",
}
"""A longer header prefix is not remembered, and verified all the same."""


def test_every_limit_of_the_verifier_and_the_door_is_in_the_table() -> None:
    there = {
        f"{'.'.join(file.relative_to(ROOT).with_suffix('').parts)}.{name}"
        for room in ("verify", "attachments")
        for file in (ROOT / "gateway" / room).rglob("*.py")
        for name in re.findall(r"^(MAX_\w+)", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
    }
    assert there - LIMITS_NOTHING <= {name.strip("`") for _, _, name in rows("The limits")}
    assert there > LIMITS_NOTHING


NAMES: Final = re.compile(r"SHA-\d+|SOAP 1\.[12]|UTF-\d+|XML 1\.1|HTTP/1\.[01]|PKCS#\d+|MD5|libxml2|base64|Axis2")


def test_no_number_stands_where_it_is_not_compared() -> None:
    prose = re.sub(r"`[^`]*`", "", TEXT)
    prose = re.sub(r"^\|.*$|^\d+\. ", "", prose, flags=re.MULTILINE)
    prose = NAMES.sub("", prose)
    assert re.findall(r".*\d.*", prose) == []


# Dangerous options


def _appended() -> Iterator[ast.Call]:
    """Where a danger is added to what is shown."""
    for module in (policy, settings, alert_channels):
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if isinstance(node, ast.FunctionDef) and node.name in {"dangers", "warnings"}:
                yield from (
                    call
                    for call in ast.walk(node)
                    if isinstance(call, ast.Call)
                    and isinstance(call.func, ast.Attribute)
                    and call.func.attr == "append"
                )


def _toml(tables: dict[str, dict[str, str]]) -> str:
    return "".join(
        f"[{table}]\n" + "".join(f"{key} = {value}\n" for key, value in values.items())
        for table, values in tables.items()
    )


@pytest.mark.parametrize(("table", "setting", "shown"), rows("Dangerous options"), ids=lambda cell: cell.strip("`"))
def test_a_dangerous_option_is_shown_in_these_words(tmp_path: Path, table: str, setting: str, shown: str) -> None:
    key, _, value = setting.strip("`").partition(" = ")
    tables: dict[str, dict[str, str]] = {
        "gateway": {},
        "endpoint.NAME": {"path": json.dumps("/"), "upstream": json.dumps("https://receiver.example/")},
        "endpoint.NAME.policy": {},
        "alerts.NAME": {"webhook": json.dumps("https://pager.example/"), "secret": json.dumps("0123456789abcdef")},
    }
    config = tmp_path / "gateway.toml"
    config.write_text(_toml(tables))
    assert load_settings(config).warnings == ()

    tables[table.strip("`")][key] = value
    config.write_text(_toml(tables))

    (warning,) = load_settings(config).warnings
    assert shown in warning


def test_every_dangerous_option_is_in_the_table() -> None:
    assert len(rows("Dangerous options")) == len(list(_appended()))
    assert len({shown for _, _, shown in rows("Dangerous options")}) == len(rows("Dangerous options"))


def test_the_readme_leads_here() -> None:
    assert "](SECURITY.md)" in (ROOT / "README.md").read_text(encoding="utf-8")
