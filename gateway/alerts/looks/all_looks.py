"""Every look, and how often it is taken."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from gateway.alerts.looks.declared_key_look import DeclaredKeyLook
from gateway.alerts.looks.receiver_look import look_for_receivers
from gateway.alerts.looks.unknown_key_look import look_for_unknown_keys
from gateway.alerts.looks.unsigned_look import look_for_unsigned
from gateway.config import Settings


@dataclass(frozen=True, slots=True)
class Look:
    """Something that the process that sends looks for in the database, time and again."""

    name: str
    seconds: float
    """How often."""
    look: Callable[[Engine, Settings, datetime], None]
    """It raises alerts by itself, so that none is lost between the looking and the outbox."""


def database_looks() -> tuple[Look, ...]:
    """Those that look at the database."""
    return (
        Look("unknown keys", 5.0, look_for_unknown_keys),
        Look("declared keys", 5.0, DeclaredKeyLook()),
        Look("unsigned responses", 10.0, look_for_unsigned),
        Look("receivers", 10.0, look_for_receivers),
    )
