"""Which configuration is in use, since when, and why a newer one is not."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

import structlog

from gateway.config import Settings

NEED_RESTART: Final = (
    "listen",
    "admin",
    "admin_names",
    "database",
    "signing_key",
    "instance",
    "workers",
    "header_timeout",
    "idle_timeout",
    "shutdown_timeout",
    "durability",
    "log_format",
    "log_level",
)
"""Settings of [gateway] that a reload cannot change."""

_TLS: Final = ("tls_certificate", "tls_key", "tls_client_ca")
"""Read again by a reload, but for whether there is TLS at all."""

_log = structlog.get_logger("wssgate")


class ConfigurationInUse:
    """The last good configuration."""

    def __init__(self, settings: Settings) -> None:
        """Begin with `settings`."""
        self.settings = settings
        self._taken_over = datetime.now(UTC)
        self._problem: str | None = None

    def keep(self, problems: Iterable[str]) -> str:
        """Stay with it, for the `problems` of a newer one; returns them as one text."""
        problems = tuple(problems)
        for problem in problems:
            _log.error("configuration not taken over, the last good one stays in use", problem=problem)
        self._problem = "\n".join(problems)
        return self._problem

    def replace(self, settings: Settings) -> None:
        """Go on with `settings`, as far as that is possible without a restart."""
        unchanged, waiting = {}, []
        for key in NEED_RESTART:
            unchanged[key] = getattr(self.settings.gateway, key)
            if getattr(settings.gateway, key) != unchanged[key]:
                _log.warning("takes effect after a restart only", key=f"gateway.{key}")
                waiting.append(f"gateway.{key} was changed, which takes effect after a restart only")
        if (settings.gateway.tls_certificate is None) != (self.settings.gateway.tls_certificate is None):
            unchanged |= {key: getattr(self.settings.gateway, key) for key in _TLS}
            _log.warning("takes effect after a restart only", key="gateway.tls_certificate")
            waiting.append("gateway.tls_certificate: TLS is switched on or off by a restart only")
        self.settings = settings.model_copy(update={"gateway": settings.gateway.model_copy(update=unchanged)})
        # Whoever looks at the file sees what is not so: that is a problem until it is one or the other.
        self._taken_over, self._problem = datetime.now(UTC), "\n".join(waiting) or None
        _log.info("configuration taken over", source=str(settings.source))

    def status(self) -> dict[str, object]:
        """For /readyz."""
        return {
            "source": str(self.settings.source),
            "taken_over": self._taken_over.isoformat(timespec="seconds"),
            "problem": self._problem,
        }
