"""What the receiver administrator sets: which key signs what. A file, read for every response."""

import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path

from gateway.demo.service import OPERATIONS

_FILE = "receiver.json"


class Attack(StrEnum):
    """What somebody on the way does to a response after it was signed."""

    NONE = "none"
    ALTERED = "altered"
    """The amount is changed."""
    WRAPPED = "wrapped"
    """The signed Body is hidden in a header, and a forged one stands in its place (XML signature wrapping)."""


@dataclass(frozen=True, slots=True)
class ReceiverSettings:
    """Names of key pairs per operation; with several, the responses take turns, as behind a load balancer."""

    signing: dict[str, list[str]] = field(default_factory=dict)
    attack: Attack = Attack.NONE


def signed_by(*keys: str, laggard: tuple[str, str] | None = None) -> dict[str, list[str]]:
    """Every operation signed by `keys` in turn, but the `laggard` (operation, key)."""
    signing = {operation: list(keys) for operation in OPERATIONS}
    if laggard is not None:
        signing[laggard[0]] = [laggard[1]]
    return signing


def write_settings(folder: Path, settings: ReceiverSettings) -> None:
    """Put `settings` into force from the next response on; a reader sees the old ones or the new ones, never half."""
    draft = folder / f"{_FILE}.new"
    draft.write_text(json.dumps(asdict(settings)), encoding="utf-8")
    draft.replace(folder / _FILE)


def read_settings(folder: Path) -> ReceiverSettings:
    """The settings in force."""
    values = json.loads((folder / _FILE).read_text(encoding="utf-8"))
    return ReceiverSettings(values["signing"], Attack(values["attack"]))
