"""The sentences of the eight steps: without their full stop, each with what it is about."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from gateway.present import count_text, instant_text
from gateway.renewal.plan import Confirmation
from gateway.renewal.progress.renewal_coverage import cell_title
from gateway.renewal.progress.renewal_status import CoveredCell, Relapse
from keystore.store import HistoryItem, StoredEntry


def relapse_sentence(relapse: Relapse) -> str:
    """What came back, where and when."""
    after = "was retired" if relapse.was_retired else "was quiet for long enough"
    cell = cell_title(relapse, with_endpoint=True)
    return (
        f"{cell}: the old key came back at {instant_text(relapse.first)}, after it {after}: "
        f"{count_text(relapse.messages, 'message')}, the last at {instant_text(relapse.last)}"
    )


def words_of(said: Confirmation) -> str:
    """What a person said."""
    typed = "" if said.who == said.by else f" (typed by {said.who})"
    note = f": {said.note}" if said.note else ""
    fingerprint = f", fingerprint {said.fingerprint}" if said.fingerprint else ""
    return f"said by {said.by}{typed} at {instant_text(said.at)}{fingerprint}{note}"


def because(why: str) -> str:
    """The reason that was given, where one was."""
    return f": {why}" if why else ""


def counted_cells(cells: Sequence[CoveredCell]) -> str:
    """How many they are, and of what."""
    if any(cell.server for cell in cells):
        return f"{count_text(len(cells), 'pair')} of operation and server"
    return count_text(len(cells), "operation")


def waived_too(number: int) -> str:
    """How many of them need not switch."""
    return f", {number} of them waived" if number else ""


def trusted_before(changes: Iterable[HistoryItem], is_trusted: Callable[[StoredEntry], bool]) -> list[str]:
    """That an entry was trusted for a while, though it is not now: the last time.

    Args:
        changes: What happened to it, the earliest first.
        is_trusted: Whether it is trusted as it stood after a change, once its time has come.
    """
    since: datetime | None = None
    told: list[str] = []
    for item in changes:
        begins = max(item.time, item.entry.trusted_from or item.time) if is_trusted(item.entry) else None
        if begins == item.time:
            since = begins if since is None else min(since, begins)
            continue
        if since is not None and since < item.time:
            told = [f"it was trusted from {instant_text(since)} to {instant_text(item.time)}"]
        since = begins
    return told
