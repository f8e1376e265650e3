"""Looks whether the disks of this machine that the gateway writes to are nearly full: each machine for itself."""

import shutil
import socket
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Final

from gateway.alerts.alert_events import AlertEvent
from gateway.alerts.looks.shown_records import next_command
from gateway.config import Settings
from gateway.ledger import AlertFinding, database_path

LEAST_SHARE: Final = 0.10
"""Of a disk: with less free, and less than `LEAST_OF_LARGE`, it is nearly full."""
LEAST_OF_LARGE: Final = 10 * 1024**3
"""Octets: of a large disk a tenth is a lot."""
LEAST: Final = 512 * 1024**2
"""Octets: with less free it is nearly full, however small it is."""
_AGAIN: Final = 1.1
"""It is over once so many times as much is free: a disk at the edge is not told of time and again."""

Usage = Callable[[Path], tuple[int, int]]
"""Gives the octets of the disk that a folder is on, and how many of them are free."""


def disk_usage(folder: Path) -> tuple[int, int]:
    """The octets of the disk that `folder` is on, and how many of them are free for this user.

    Raises:
        OSError: The folder is not there.
    """
    found = shutil.disk_usage(folder)
    return found.total, found.free


def look_at_disks(
    settings: Settings,
    at: datetime,
    found: Callable[[AlertFinding], None],
    over: Callable[[AlertEvent, tuple[str, ...], str], None],
    usage_of: Usage = disk_usage,
) -> None:
    """Tell of those that are nearly full, and of those that have room again."""
    machine = socket.gethostname()
    for folder in _folders(settings):
        try:
            total, free = usage_of(folder)
        except OSError:
            continue  # whoever writes there says so
        about = (machine, str(folder))
        room = f"{free / 1024**3:,.1f} GiB of {total / 1024**3:,.1f} GiB are free on the disk of {folder} at {machine}"
        if _is_nearly_full(total, free):
            finding = AlertFinding(
                event=AlertEvent.DISK,
                about=about,
                what=f"Only {room}; once it is full no record can be written, and no response is delivered",
                run=next_command(settings, "ledger prune --dry-run"),
                since=at,
                last=at,
                lasts=True,
            )
            found(finding)
        elif not _is_nearly_full(total, int(free / _AGAIN)):
            over(AlertEvent.DISK, about, room)


def _is_nearly_full(total: int, free: int) -> bool:
    return free < LEAST or (free < LEAST_SHARE * total and free < LEAST_OF_LARGE)


def _folders(settings: Settings) -> Iterable[Path]:
    """Where this gateway writes: of several on one disk, the first."""
    gateway = settings.gateway
    database = database_path(gateway.database)
    wanted = [] if database is None else [database.parent]
    wanted.append(gateway.signing_key.parent)
    if isinstance(gateway.anchor_to, Path):
        wanted.append(gateway.anchor_to)
    seen: set[int] = set()
    for folder in wanted:
        try:
            device = folder.stat().st_dev
        except OSError:
            continue
        if device not in seen:
            seen.add(device)
            yield folder
