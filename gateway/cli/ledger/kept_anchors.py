"""What is given to `wssgate ledger verify` of ends of chains that were kept elsewhere, and of time stamps over them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, cast

from gateway.cli.command_errors import WrongUse
from gateway.cli.terminal import plain, say, warn
from gateway.ledger import (
    SIGNED_HEAD_MARK,
    Anchor,
    SignedHead,
    StampedWords,
    StampFinder,
    StatementsAnchor,
    TimeStampAuthority,
    TimeStampRefused,
    TimeStampsUnavailable,
    find_anchors,
    find_signed_heads,
    find_statements_anchors,
)
from gateway.present import count_text, instant_json, instant_text
from keystore.store import HistoryAnchor, find_history_anchors

_MARKS: Final = ("wssgate.anchor/", "wssgate.keystore-anchor/", "wssgate.renewals-anchor/", SIGNED_HEAD_MARK)
_FILES: Final = "wssgate-anchors-*.txt"
"""What a gateway makes in the folder of its anchors, one a day."""
_SHOWN: Final = 20
"""Time stamps that are shown each by itself."""

Word = Anchor | SignedHead | HistoryAnchor | StatementsAnchor


@dataclass(frozen=True, slots=True)
class KeptStamp:
    """A time stamp as it was kept."""

    file: str
    line: int
    """Its number there."""
    stamped: StampedWords


@dataclass(frozen=True, slots=True)
class KeptAnchors:
    """Everything that was given."""

    anchors: Sequence[Anchor]
    signed_heads: Sequence[SignedHead]
    of_keystore: Sequence[HistoryAnchor]
    of_statements: Sequence[StatementsAnchor]
    stamps: Sequence[KeptStamp]

    @property
    def count(self) -> int:
        """How many ends there are to compare with."""
        return len(self.anchors) + len(self.signed_heads) + len(self.of_keystore) + len(self.of_statements)


@dataclass(frozen=True, slots=True)
class CheckedStamp:
    """What a time stamp proves."""

    kept: KeptStamp
    at: datetime | None
    """What stands before it was there at this instant; None where it does not hold, or could not be verified."""
    problem: str | None
    """Why it does not hold; None where it does, or could not be verified."""

    def json(self) -> Mapping[str, object]:
        """For programs."""
        state = "does not hold" if self.problem else "not verified" if self.at is None else "holds"
        return {
            "file": self.kept.file,
            "line": self.kept.line,
            "state": state,
            "at": instant_json(self.at),
            "detail": self.problem,
            "words": self.kept.stamped.stamp.count,
            "heads": [str(word) for line in self.kept.stamped.words for word in _words(line)],
        }


def read_anchors(given: Iterable[str]) -> KeptAnchors:
    """Read what was given with --anchor: anchors themselves, files that hold some, and folders of such files.

    Raises:
        WrongUse: One of them holds none, or one that was altered.
        OSError: One of them cannot be read.
    """
    found: dict[Word, None] = {}
    stamps: list[KeptStamp] = []
    for text in given:
        read: dict[Word, None] = {}
        for file, lines in _sources(text):
            finder = StampFinder()
            for number, line in enumerate(lines, 1):
                read |= dict.fromkeys(_words(line))
                stamped = finder.read(line.rstrip("\r\n"))
                if stamped is not None:
                    stamps.append(KeptStamp(file, number, stamped))
        if not read:
            raise WrongUse(
                f"There is no anchor in {text!r}: give a file that holds some, a folder of {_FILES}, or an anchor "
                "itself."
            )
        found |= read
    signed = [one for one in found if isinstance(one, SignedHead)]
    for one in signed:
        if not one.holds:
            raise WrongUse(f"This signed head was altered where it was kept, its signature is bad: {one}")
    return KeptAnchors(
        [one for one in found if isinstance(one, Anchor)],
        signed,
        [one for one in found if isinstance(one, HistoryAnchor)],
        [one for one in found if isinstance(one, StatementsAnchor)],
        stamps,
    )


def check_stamps(stamps: Sequence[KeptStamp], roots: Path | None) -> list[CheckedStamp]:
    """Verify time stamps with the authorities in the file `roots`; without one, say that they were not verified."""
    if not stamps:
        return []
    authority, why = None, "set timestamp_authority_ca to the root certificate of the authority"
    if roots is not None:
        try:
            authority = TimeStampAuthority(roots)
        except TimeStampsUnavailable as error:
            why = str(error)
    if authority is None:
        warn(f"{count_text(len(stamps), 'time stamp')} could not be verified: {why}")
    return [_check(one, authority) for one in stamps]


def print_stamps(stamps: Sequence[CheckedStamp]) -> None:
    """Say of each until when what it is over was there; of many the latest, and every one that does not hold."""
    for one in stamps:
        if one.problem:
            say(f"Time stamp in {plain(one.kept.file)}, line {one.kept.line}: {one.problem}", style="bold red")
    holding = sorted((one for one in stamps if one.at is not None), key=lambda one: cast(datetime, one.at))
    for one in holding[-_SHOWN:]:
        at, words = instant_text(cast(datetime, one.at)), count_text(one.kept.stamped.stamp.count, "line")
        say(
            f"Time stamp of {at}: the {words} before line {one.kept.line} of {plain(one.kept.file)} were there by then."
        )
    if len(holding) > _SHOWN:
        say(f"{len(holding) - _SHOWN} earlier time stamps hold as well.")


def _check(kept: KeptStamp, authority: TimeStampAuthority | None) -> CheckedStamp:
    if authority is None:
        return CheckedStamp(kept, None, None)
    try:
        return CheckedStamp(kept, authority.time_of(kept.stamped), None)
    except TimeStampRefused as error:
        return CheckedStamp(kept, None, str(error))


def _words(line: str) -> Iterator[Word]:
    yield from find_anchors(line)
    yield from find_signed_heads(line)
    yield from find_history_anchors(line)
    yield from find_statements_anchors(line)


def _sources(given: str) -> Iterator[tuple[str, Iterable[str]]]:
    """Names and lines of what was given: lines one by one, for a log may be large."""
    if any(mark in given for mark in _MARKS):
        yield "", [given]
        return
    path = Path(given)
    for file in sorted(path.glob(_FILES)) if path.is_dir() else [path]:
        with file.open(encoding="utf-8", errors="replace", newline="\n") as lines:
            yield str(file), lines
