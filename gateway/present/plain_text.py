"""Texts and figures as people read them, with nothing in them that could fake another line."""

import os
import unicodedata

_BAR = "▏▎▍▌▋▊▉█"
_BAR_CELLS = 4
_MARKDOWN = frozenset("\\`*_{}[]<>|#~")


def plain(text: str) -> str:
    """`text` on one line, every control, format or unassigned character replaced by its escape."""
    return "".join(
        c if c == " " or unicodedata.category(c)[0] not in "CZ" else c.encode("unicode_escape").decode("ascii")
        for c in text
    )


def markdown_text(text: str) -> str:
    """`text` with nothing in it that Markdown, or HTML within it, would read as anything else."""
    return "".join(f"\\{one}" if one in _MARKDOWN else one for one in text.replace("&", "&amp;"))


def share_text(share: float) -> str:
    """A small bar and the percentage. What is less than all never reads 100 %, what is more than nothing never 0 %."""
    percent = f"{share * 100:.0f}"
    if share < 1 and percent == "100":
        percent = ">99"
    elif share > 0 and percent == "0":
        percent = "<1"
    eighths = max(1, round(share * _BAR_CELLS * 8)) if share > 0 else 0
    bar = "█" * (eighths // 8) + (_BAR[eighths % 8 - 1] if eighths % 8 else "")
    return f"{bar:<{_BAR_CELLS}} {percent:>3} %"


def count_text(number: int, noun: str) -> str:
    """`1 message`, `2 messages`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def no_escapes() -> bool:
    """Whether NO_COLOR is set (no-color.org): then no escape sequence is written, of whatever kind."""
    return bool(os.environ.get("NO_COLOR"))
