"""What environment variables say: settings that override the file, and nothing that nobody reads.

    WSSGATE_GATEWAY__DATABASE           gateway.database
    WSSGATE_ENDPOINT__ORDERS__MODE      endpoint.orders.mode
    WSSGATE_ALERTS__MAIL__APPRISE       alerts.mail.apprise

A variable that looks like one of ours and is none would be a setting that somebody relies on and that has no effect:
it is an error. What Kubernetes sets in each container of a name space that has a service called `wssgate` is not ours.
"""

import os
import re
from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from typing import Any, Final

from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict, SettingsError

from gateway.config.alert_channels import AlertChannel
from gateway.config.errors import ConfigurationError
from gateway.config.settings import EndpointSettings, GatewaySettings
from gateway.verify import Policy

PREFIX: Final = "WSSGATE_"
_OF_COMMANDS: Final = ("WSSGATE_CONFIG", "WSSGATE_DEBUG", "WSSGATE_WHO")
"""What the commands read that is no setting."""
_TABLES: Final = ("WSSGATE_GATEWAY", "WSSGATE_ENDPOINT", "WSSGATE_ALERTS")
_OF_SERVICES: Final = re.compile(r"\w+_SERVICE_(HOST|PORT(_\w+)?)|\w+_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?")
_SERVICE_ADDRESS: Final = re.compile(r"(tcp|udp|sctp)://.*")
"""The value of NAME_PORT, as Kubernetes sets it."""
_FIELD = re.compile(r'field "(\w+)"')


class _Environment(BaseSettings):
    """The shape by which variables such as WSSGATE_GATEWAY__DATABASE are found; it is never instantiated."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter="__", case_sensitive=False)

    gateway: GatewaySettings
    endpoint: dict[str, EndpointSettings]
    alerts: dict[str, AlertChannel]


def overrides(endpoints: Iterable[str]) -> dict[str, Any]:
    """What the variables say, in the shape of the file, whose `endpoints` are proposed where one is misspelled.

    Raises:
        ConfigurationError: A value cannot be read, or there is a variable that nobody reads.
    """
    unknown = [_unknown(spelled, endpoints) for name, spelled in variables().items() if not _is_known(name)]
    if unknown:
        raise ConfigurationError(unknown)
    try:
        return EnvSettingsSource(_Environment)()
    except SettingsError as error:
        raise ConfigurationError([_unreadable(error)]) from error


def refuse_misspelled_endpoints(endpoints: Collection[str], above: Mapping[str, Any]) -> None:
    """Refuse variables `above` about an endpoint that is none of the file's `endpoints`, and that they do not make.

    Raises:
        ConfigurationError: There is one.
    """
    tables = above.get("endpoint")
    wrong = []
    for name, table in tables.items() if isinstance(tables, Mapping) else ():
        if name in endpoints or not isinstance(table, Mapping) or {"path", "upstream"} <= table.keys():
            continue
        begin = f"{PREFIX}ENDPOINT__{name}".upper()
        spelled = next((own for upper, own in variables().items() if upper.startswith(f"{begin}__")), begin)
        close = get_close_matches(name, list(endpoints), n=1)
        meant = f"did you mean {PREFIX}ENDPOINT__{close[0].upper()}__...?" if close else "one needs path and upstream"
        wrong.append(f"environment variable {spelled}: the file has no endpoint {name}; {meant}")
    if wrong:
        raise ConfigurationError(wrong)


def variables() -> Mapping[str, str]:
    """The environment variables that look like ours: as they are spelled, by their upper-case name."""
    return {name.upper(): name for name in os.environ if name.upper().startswith(PREFIX)}


def _is_known(name: str) -> bool:
    if name in _OF_COMMANDS or name in _TABLES or name.startswith(tuple(f"{table}__" for table in _TABLES)):
        return True
    if _OF_SERVICES.fullmatch(name):
        return True
    return name.endswith("_PORT") and _SERVICE_ADDRESS.fullmatch(os.environ.get(name, "")) is not None


def _unknown(spelled: str, endpoints: Iterable[str]) -> str:
    known = [*_OF_COMMANDS, *(f"WSSGATE_GATEWAY__{field}".upper() for field in GatewaySettings.model_fields)]
    for endpoint in endpoints:
        table = f"WSSGATE_ENDPOINT__{endpoint}"
        known += [f"{table}__{field}".upper() for field in EndpointSettings.model_fields if field != "name"]
        known += [f"{table}__POLICY__{field}".upper() for field in Policy.model_fields]
    # Without what all of them have in common: by that alone any two would be alike.
    close = get_close_matches(spelled.upper().removeprefix(PREFIX), [name.removeprefix(PREFIX) for name in known], n=1)
    advice = (
        f"did you mean {PREFIX}{close[0]}?"
        if close
        else "settings are written WSSGATE_GATEWAY__KEY, WSSGATE_ENDPOINT__NAME__KEY and WSSGATE_ALERTS__NAME__KEY; "
        "unset what is not one"
    )
    return f"environment variable {spelled}: nobody reads it; {advice}"


def _unreadable(error: SettingsError) -> str:
    field = _FIELD.search(str(error))
    name = f"{PREFIX}{field[1].upper()}" if field else PREFIX
    return f'environment variable {name}...: cannot be read; lists and tables are written in JSON, such as ["Body"]'
