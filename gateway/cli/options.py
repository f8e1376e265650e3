"""Options that several commands share, spelled once."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

ConfigOption = Annotated[
    Path,
    typer.Option("--config", "-c", metavar="FILE", envvar="WSSGATE_CONFIG", help="The gateway's configuration."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of text for people.")]
EndpointOption = Annotated[
    str | None, typer.Option("--endpoint", "-e", metavar="NAME", help="Only this endpoint of the configuration.")
]

DEFAULT_CONFIG = Path("gateway.toml")


def now() -> datetime:
    """This instant, UTC: the one place where commands read the clock."""
    return datetime.now(UTC)
