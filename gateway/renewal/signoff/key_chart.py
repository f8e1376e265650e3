"""The chart of a sign-off: messages per day and key, as SVG."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

from gateway.renewal.signoff.document_errors import DocumentsUnavailable

INSTALL: Final = "pip install 'wssgate[documents]'"
_COLOURS: Final = ("#b45309", "#7c3aed", "#9d174d", "#4d7c0f")
"""Of old keys; told apart by people who see no red or green."""
_NEW: Final = "#1d4ed8"
_DAYS_BY_DAY: Final = 62
"""Longer times are told by week."""


def key_chart(days: Mapping[str, Sequence[tuple[str, int]]], *, width: int, height: int) -> str:
    """Messages per day and key; the last key is the new one.

    Args:
        days: By alias: days as YYYY-MM-DD, and how many messages.
        width: In pixels, like `height`.

    Raises:
        DocumentsUnavailable: The library is not installed.
    """
    try:
        import vl_convert  # some 80 MB, of which the import reads little
    except ImportError as error:
        raise DocumentsUnavailable(f"the chart of messages per key needs vl-convert-python: {INSTALL}.") from error
    svg: str = vl_convert.vegalite_to_svg(_specification(days, width, height), allowed_base_urls=[])
    return svg


def _specification(days: Mapping[str, Sequence[tuple[str, int]]], width: int, height: int) -> dict[str, Any]:
    aliases = list(days)
    label_width, legend_columns = width - 60, 1 if width < 400 else 3
    colours = [_COLOURS[n % len(_COLOURS)] for n in range(len(aliases) - 1)]
    values, is_by_week = _bars(days)
    step = timedelta(days=7 if is_by_week else 1)
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "width": width,
        "height": height,
        "autosize": {"type": "fit", "contains": "padding"},
        "padding": 2,
        "background": "white",
        "data": {"values": [{**one, "end": (date.fromisoformat(one["day"]) + step).isoformat()} for one in values]},
        "mark": {"type": "rect", "stroke": "white", "strokeWidth": 1},
        "encoding": {
            "x": {
                "field": "day",
                "type": "temporal",
                "scale": {"type": "utc"},
                "axis": {"title": None, "format": "%d %b %Y", "labelOverlap": True, "tickCount": _ticks(values, width)},
            },
            "x2": {"field": "end"},
            "y": {
                "field": "below",
                "type": "quantitative",
                "scale": {"zero": True},
                "axis": {
                    "title": f"messages per {'week' if is_by_week else 'day'}",
                    "tickMinStep": 1,
                    "tickCount": 4,
                    "format": ",d",
                },
            },
            "y2": {"field": "above"},
            "color": {
                "field": "key",
                "type": "nominal",
                "scale": {"domain": aliases, "range": [*colours, _NEW]},
                "legend": {"title": None, "orient": "top", "labelLimit": label_width, "columns": legend_columns},
            },
        },
        "config": {
            "font": "Liberation Sans, Helvetica, Arial, sans-serif",
            "axis": {"labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal", "gridColor": "#e5e9ef"},
            "legend": {"labelFontSize": 13},
            "view": {"stroke": None},
        },
    }


def _ticks(bars: Sequence[Mapping[str, Any]], width: int) -> int | dict[str, Any]:
    """As many as there is room for, and none within a day: it would be labelled as the day once more."""
    room = max(2, width // 130)
    days = sorted(date.fromisoformat(one["day"]) for one in bars)
    span = (days[-1] - days[0]).days + 1 if days else 1
    return {"interval": "day", "step": 1} if span <= room else room


def _bars(days: Mapping[str, Sequence[tuple[str, int]]]) -> tuple[list[dict[str, Any]], bool]:
    """A bar for each day, or for each week that begins on a Monday where the time is long."""
    all_days = [date.fromisoformat(day) for counts in days.values() for day, _ in counts]
    is_by_week = bool(all_days) and (max(all_days) - min(all_days)).days > _DAYS_BY_DAY
    found: dict[tuple[int, str, str], int] = {}
    for number, (alias, counts) in enumerate(days.items()):
        for day, count in counts:
            begin = date.fromisoformat(day)
            if is_by_week:
                begin -= timedelta(days=begin.weekday())
            key = number, alias, begin.isoformat()
            found[key] = found.get(key, 0) + count
    bars, height = [], dict.fromkeys((day for _, _, day in found), 0)
    for (_, alias, day), count in sorted(found.items()):
        bars.append({"key": alias, "day": day, "below": height[day], "above": height[day] + count})
        height[day] += count  # one key on top of the other
    return bars, is_by_week
