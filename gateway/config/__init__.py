"""gateway.toml, read into frozen settings.

ConfigurationError    the file or an environment variable is not usable; `problems` holds a sentence for each finding
"""

from gateway.config.alert_channels import AlertChannel
from gateway.config.errors import ConfigurationError
from gateway.config.loading import handed_over, load_policy, load_settings, taken_over
from gateway.config.settings import (
    DEFAULT_DELIVERY_TIME,
    MINIMUM_RETENTION,
    Durability,
    EndpointSettings,
    GatewaySettings,
    LogFormat,
    LogLevel,
    Settings,
)
from gateway.config.values import ListenAddress, Network
from gateway.vocabulary import Mode

__all__ = [
    # reading
    "ConfigurationError",
    "load_policy",
    "load_settings",
    # settings
    "AlertChannel",
    "Durability",
    "EndpointSettings",
    "GatewaySettings",
    "ListenAddress",
    "Network",
    "LogFormat",
    "LogLevel",
    "DEFAULT_DELIVERY_TIME",
    "MINIMUM_RETENTION",
    "Mode",
    "Settings",
    # from one process to another
    "handed_over",
    "taken_over",
]
