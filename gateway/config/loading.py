"""From a file and the environment to `Settings`: read, merge, validate, and explain what is wrong.

Settings also go from one process to another as JSON, so that a worker starts by what its supervisor has checked: the
file itself may have been broken meanwhile.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from gateway.config.environment import overrides, refuse_misspelled_endpoints, variables
from gateway.config.errors import ConfigurationError
from gateway.config.problems import describe
from gateway.config.settings import Settings
from gateway.config.toml_problems import toml_problem
from gateway.verify import Policy

_MAXIMUM_BYTES = 1024 * 1024
"""No configuration is that long; a wrong file given by mistake may be."""
_SQLITE = "sqlite:///"


def load_settings(path: Path | str) -> Settings:
    """Read the configuration at `path`; environment variables override what the file says.

    Raises:
        ConfigurationError: The file cannot be read, is no TOML, or says something that is not allowed.
    """
    source = Path(path)
    content = _read(source)
    tables = content.get("endpoint")
    named = tables if isinstance(tables, Mapping) else {}
    above = overrides(named)
    refuse_misspelled_endpoints(named, above)
    merged = _merge(content, above)
    _name_endpoints(merged, source)
    try:
        settings = Settings.model_validate({**merged, "source": source.absolute()})
    except ValidationError as error:
        raise ConfigurationError(describe(error, source, variables())) from error
    return _with_paths(settings)


def load_policy(path: Path | str) -> Policy:
    """Read a policy file: the same keys as a table [endpoint.NAME.policy], at the top level.

    Raises:
        ConfigurationError: The file cannot be read, is no TOML, or says something that is not allowed.
    """
    source = Path(path)
    content = _read(source)
    try:
        return Policy.model_validate(content)
    except ValidationError as error:
        raise ConfigurationError(describe(error, source, {}, model=Policy)) from error


def _read(source: Path) -> dict[str, Any]:
    try:
        with source.open("rb") as file:
            data = file.read(_MAXIMUM_BYTES + 1)
    except FileNotFoundError:
        raise ConfigurationError(
            [f"{source}: there is no such file; name another one, or make one with: wssgate init"]
        ) from None
    except OSError as error:
        raise ConfigurationError([f"{source}: cannot be read: {error.strerror or error}"]) from error
    if len(data) > _MAXIMUM_BYTES:
        raise ConfigurationError([f"{source}: is larger than 1 MiB, which no configuration is; name another file"])
    try:
        text = data.decode("utf-8")
        return tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigurationError([f"{source}: line {line} is not UTF-8; save the file as UTF-8"]) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError([f"{source}: {toml_problem(error, text)}"]) from error
    except RecursionError as error:
        raise ConfigurationError([f"{source}: is no configuration: its values are nested too deeply"]) from error


def _merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        present = merged.get(key)
        merged[key] = _merge(present, value) if isinstance(value, Mapping) and isinstance(present, Mapping) else value
    return merged


def _name_endpoints(merged: dict[str, Any], source: Path) -> None:
    """Tell each endpoint its name, which the file gives as the name of the table alone.

    Raises:
        ConfigurationError: A table sets `name` itself.
    """
    endpoints = merged.get("endpoint")
    if "source" in merged:
        raise ConfigurationError(
            [f"{source}: unknown key source; the tables are [gateway], [endpoint.NAME] and [alerts.NAME]"]
        )
    if not isinstance(endpoints, Mapping):
        return
    named = {}
    for name, endpoint in endpoints.items():
        if isinstance(endpoint, Mapping) and "name" in endpoint:
            raise ConfigurationError(
                [f"{source}: unknown key endpoint.{name}.name; the endpoint is named by its table, [endpoint.NAME]"]
            )
        named[name] = {**endpoint, "name": name} if isinstance(endpoint, Mapping) else endpoint
    merged["endpoint"] = named


def _with_paths(settings: Settings) -> Settings:
    """Let relative file names count from the folder of the configuration, wherever the command is started."""
    folder = settings.source.parent
    database = settings.gateway.database
    if database.startswith(_SQLITE):
        file = database.removeprefix(_SQLITE)
        if file and not file.startswith((":memory:", "file:")) and not Path(file).is_absolute():
            database = f"{_SQLITE}{folder / file}"
    endpoints = {
        name: endpoint.model_copy(
            update={
                key: folder / value
                for key in ("ca_file", "client_certificate", "client_key")
                if (value := getattr(endpoint, key)) is not None
            }
        )
        for name, endpoint in settings.endpoints.items()
    }
    gateway = settings.gateway
    files: dict[str, Path] = {"signing_key": folder / gateway.signing_key}
    if isinstance(gateway.anchor_to, Path):
        files["anchor_to"] = folder / gateway.anchor_to
    if gateway.renewal_templates is not None:
        files["renewal_templates"] = folder / gateway.renewal_templates
    for key in ("timestamp_authority_ca", "tls_certificate", "tls_key", "tls_client_ca"):
        if (file := getattr(gateway, key)) is not None:
            files[key] = folder / file
    return Settings.model_construct(
        source=settings.source,
        gateway=gateway.model_copy(update={"database": database, **files}),
        endpoint=MappingProxyType(endpoints),
        alerts=settings.alerts,
    )


def handed_over(settings: Settings) -> dict[str, object]:
    """`settings` in values that JSON knows."""
    return {
        "source": str(settings.source),
        "gateway": settings.gateway.model_dump(mode="json"),
        "endpoint": {name: endpoint.model_dump(mode="json") for name, endpoint in settings.endpoints.items()},
        "alerts": {name: channel.revealed() for name, channel in settings.alerts.items()},
    }


def taken_over(content: Mapping[str, object]) -> Settings:
    """The settings that `handed_over` made `content` of."""
    return Settings.model_validate(content)
