"""Settings from one process to another: as JSON, so that a worker starts by what its supervisor has checked.

The file itself may have been broken meanwhile; whoever starts later must serve by the same settings all the same.
"""

from collections.abc import Mapping

from gateway.config.settings import Settings


def handed_over(settings: Settings) -> dict[str, object]:
    """`settings` in values that JSON knows."""
    return {
        "source": str(settings.source),
        "gateway": settings.gateway.model_dump(mode="json"),
        "endpoint": {name: endpoint.model_dump(mode="json") for name, endpoint in settings.endpoints.items()},
    }


def taken_over(content: Mapping[str, object]) -> Settings:
    """The settings that `handed_over` made `content` of."""
    return Settings.model_validate(content)
