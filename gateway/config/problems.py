"""Validation errors in words: file, key, value, what is allowed."""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from gateway.config.alert_channels import AlertChannel
from gateway.config.settings import EndpointSettings, GatewaySettings, Settings
from gateway.verify import Policy

_LONGEST_VALUE = 80
_SECRET_KEYS = {"database"}
"""Keys whose value may hold a password."""


def describe(
    error: ValidationError, source: Path, variables: Mapping[str, str], *, model: type[BaseModel] = Settings
) -> list[str]:
    """One sentence for each finding of `error`.

    `variables` maps the upper-case names of environment variables that are set to their spelling there: a finding
    about a value that comes from one of them names it in place of the file.
    """
    findings = error.errors(include_url=False)
    return [_sentence(finding, source, variables, model) for finding in findings if not _follows(finding, findings)]


def _follows(finding: ErrorDetails, findings: Sequence[ErrorDetails]) -> bool:
    """Whether `finding` only says that a list is too short because its items were refused."""
    steps = finding["loc"]
    return finding["type"] == "too_short" and any(
        len(other["loc"]) > len(steps) and other["loc"][: len(steps)] == steps for other in findings
    )


def _sentence(finding: ErrorDetails, source: Path, variables: Mapping[str, str], model: type[BaseModel]) -> str:
    steps = finding["loc"]
    key = _key(steps)
    variable = variables.get("WSSGATE_" + "__".join(str(step) for step in steps).upper())
    where = f"environment variable {variable}" if variable else str(source)
    prefix = f"{where}: "
    if finding["type"] == "extra_forbidden":
        return prefix + _unknown_key(steps, model)
    if finding["type"] == "missing":
        if steps == ("endpoint",):
            return prefix + "there is no endpoint; add a table [endpoint.NAME] with path and upstream"
        return prefix + f"{key} is missing; {_hint(steps)}"
    if steps == ("endpoint",) and finding["type"] == "too_short":
        return prefix + "there is no endpoint; add a table [endpoint.NAME] with path and upstream"
    message = _message(finding)
    if len(steps) == 3 and steps[0] == "endpoint" and steps[2] == "name":
        return f"{prefix}the endpoint name {_value(steps, finding['input'])} {message}"
    if not steps:
        return prefix + message
    if finding["type"] == "value_error" and isinstance(finding["input"], Mapping):
        return f"{prefix}{key}: {message}"
    return f"{prefix}{key} = {_value(steps, finding['input'])} {message}"


def _key(steps: Iterable[str | int]) -> str:
    key = ""
    for step in steps:
        key += f"[{step}]" if isinstance(step, int) else f".{step}" if key else step
    return key


def _message(finding: ErrorDetails) -> str:
    message = finding["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
    message = message.replace("a valid dictionary", "a table").replace("a valid mapping", "a table")
    if message.startswith(("allowed are", "a required part")):
        return f"is not allowed: {message}"
    return message[:1].lower() + message[1:]


def _value(steps: Sequence[str | int], value: Any) -> str:
    # Of alerts everything may hold one: the URL of a channel, an argument of a command.
    if steps and (steps[-1] in _SECRET_KEYS or steps[0] == "alerts"):
        return "(not shown)"
    if isinstance(value, bool):
        return str(value).lower()
    text = f'"{value}"' if isinstance(value, str) else repr(value)
    text = "".join(character if character.isprintable() else "?" for character in text)
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 3] + "..."


def _unknown_key(steps: Sequence[str | int], model: type[BaseModel]) -> str:
    owner = _owner(steps[:-1], model)
    names = [field.alias or name for name, field in owner.model_fields.items() if name not in {"source", "name"}]
    unknown = str(steps[-1])
    close = get_close_matches(unknown, names, n=1)
    if close:
        return f"unknown key {_key(steps)}; did you mean {close[0]}?"
    return f"unknown key {_key(steps)}; allowed are {', '.join(sorted(names))}"


def _owner(steps: Sequence[str | int], model: type[BaseModel]) -> type[BaseModel]:
    match steps:
        case ["gateway"]:
            return GatewaySettings
        case ["endpoint", _]:
            return EndpointSettings
        case ["endpoint", _, "policy"]:
            return Policy
        case ["alerts", _]:
            return AlertChannel
        case _:
            return model


def _hint(steps: Sequence[str | int]) -> str:
    match steps[-1]:
        case "path":
            return 'say under which path clients call it, such as path = "/orders"'
        case "upstream":
            return 'say where the receiver is, such as upstream = "https://receiver.example/ws/orders"'
        case _:
            return "add it"
