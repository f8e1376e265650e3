"""gateway.toml, read into frozen settings.

ConfigurationError    the file or an environment variable is not usable; `problems` holds a sentence for each finding
"""

from gateway.config.errors import ConfigurationError
from gateway.config.loading import load_policy, load_settings
from gateway.config.settings import (
    Durability,
    EndpointSettings,
    GatewaySettings,
    LogFormat,
    LogLevel,
    Mode,
    Settings,
)
from gateway.config.values import ListenAddress

__all__ = [
    "ConfigurationError",
    "Durability",
    "EndpointSettings",
    "GatewaySettings",
    "ListenAddress",
    "LogFormat",
    "LogLevel",
    "Mode",
    "Settings",
    "load_policy",
    "load_settings",
]
