"""A sign-off as people get it: HTML that stands alone, PDF, Markdown.

The same sign-off makes the same file, with the same versions of the libraries.
"""

import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any, Final

from gateway.present import markdown_text
from gateway.renewal.signoff.document_errors import DocumentsUnavailable
from gateway.renewal.signoff.key_chart import INSTALL, key_chart
from gateway.renewal.signoff.page_blocks import Page, page_json
from gateway.renewal.signoff.signing_off import Signoff
from gateway.renewal.signoff.signoff_page import counted_until, signoff_page

_WIDE: Final = {"width": 880, "height": 250}
_LAST_CHARACTERS: Final = (0x10FFFF, 0xFF, 0x7F)
_NARROW: Final = {"width": 360, "height": 260}
"""Charts for paper and for a phone: a picture that is made smaller has letters that nobody can read."""


def signoff_html(signoff: Signoff, *, with_charts: bool = True) -> str:
    """The sign-off as one HTML file that needs nothing else.

    Args:
        signoff: Which.
        with_charts: Otherwise tables stand in their place.

    Raises:
        DocumentsUnavailable: The library that draws charts is not installed.
    """
    from jinja2 import Environment, StrictUndefined  # a quarter of a second, and few commands need it
    from markupsafe import Markup

    page = _page_data(signoff_page(signoff), with_charts=with_charts)
    for block in _blocks(page):
        if block["kind"] == "chart":
            # Made here, by the chart's library, from numbers and aliases.
            block["wide"], block["narrow"] = Markup(block["wide"]), Markup(block["narrow"])  # noqa: S704
        elif block["kind"] == "grid":
            whole = sum(column["share"] for column in block["columns"])
            for column in block["columns"]:
                column["width"] = f"{100 * column['share'] / whole:.1f}"
    environment = Environment(autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True)
    return environment.from_string(_template("signoff.html")).render(page=page)


def signoff_pdf(signoff: Signoff) -> bytes:
    """The sign-off as PDF/A-2a, on A4. Where its fonts lack a character, those beyond Latin are written as escapes.

    Raises:
        DocumentsUnavailable: A library that this needs is not installed.
    """
    try:
        import typst  # some 80 MB, with its fonts
    except ImportError as error:
        raise DocumentsUnavailable(f"a PDF needs typst: {INSTALL}.") from error
    page = _page_data(signoff_page(signoff), with_charts=True)
    for last in _LAST_CHARACTERS:
        try:
            made: bytes = typst.compile(
                _template("signoff.typ").encode(),
                sys_inputs={"page": json.dumps(_escaped_beyond(page, last))},
                ignore_system_fonts=True,
                pdf_standards=["a-2a"],
                timestamp=int(counted_until(signoff).timestamp()),
            )
        except typst.TypstError as error:
            refused = error  # PDF/A admits no character that no font has
        else:
            return made
    raise DocumentsUnavailable(f"the PDF cannot be set: {refused}.") from refused


def _escaped_beyond(value: Any, last: int) -> Any:
    """All texts in `value`, their characters beyond `last` as escapes."""
    if isinstance(value, str):
        return "".join(c if ord(c) <= last else c.encode("unicode_escape").decode("ascii") for c in value)
    if isinstance(value, dict):
        return {name: _escaped_beyond(one, last) for name, one in value.items()}
    return [_escaped_beyond(one, last) for one in value] if isinstance(value, list) else value


def signoff_markdown(signoff: Signoff) -> str:
    """The sign-off as Markdown, with tables in the place of charts."""
    page = _page_data(signoff_page(signoff), with_charts=False)
    lines = [f"# {markdown_text(page['title'])}", "", markdown_text(page["subtitle"]), "", *_facts(page["facts"])]
    for section in page["sections"]:
        lines += ["", f"## {markdown_text(section['title'])}"]
        for block in section["blocks"]:
            lines += ["", *_markdown(block)]
    return "\n".join([*lines, "", "---", "", markdown_text(page["footer"]), ""])


def _page_data(page: Page, *, with_charts: bool) -> dict[str, Any]:
    """The page for a template, its charts drawn or told in tables."""
    found = page_json(page)
    for section in found["sections"]:
        section["blocks"] = [
            _with_chart(block, with_charts=with_charts) if block["kind"] == "chart" else block
            for block in section["blocks"]
        ]
    return found


def _with_chart(block: dict[str, Any], *, with_charts: bool) -> dict[str, Any]:
    days = block["days"]
    if with_charts:
        return {**block, "wide": key_chart(days, **_WIDE), "narrow": key_chart(days, **_NARROW)}
    aliases = list(days)
    by_day: dict[str, dict[str, int]] = {}
    for alias, counts in days.items():
        for day, count in counts:
            by_day.setdefault(day, {})[alias] = count
    return {
        "kind": "grid",
        "columns": [{"name": name, "share": 1} for name in (f"{block['title']}, day", *aliases)],
        "rows": [[day, *(f"{found.get(alias, 0):,}" for alias in aliases)] for day, found in sorted(by_day.items())],
        "mono": [],
    }


def _blocks(page: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    return (block for section in page["sections"] for block in section["blocks"])


def _markdown(block: Mapping[str, Any]) -> Iterator[str]:
    match block["kind"]:
        case "paragraph":
            mark = {"claim": "> **", "warning": "> ⚠ **"}.get(block["tone"], "")
            yield f"{mark}{markdown_text(block['text'])}{'**' if mark else ''}"
        case "facts":
            yield from _facts(block)
        case "code":
            yield from ("```text", *block["text"].splitlines(), "```")
        case _:
            yield _row(column["name"] for column in block["columns"])
            yield "|" + " --- |" * len(block["columns"])
            yield from (_row(row) for row in block["rows"])


def _facts(block: Mapping[str, Any]) -> Iterator[str]:
    for row in block["rows"]:
        yield f"- {markdown_text(row['name'])}: {_fact(row)}"


def _row(cells: Any) -> str:
    return "| " + " | ".join(markdown_text(cell) for cell in cells) + " |"


def _template(name: str) -> str:
    return files("gateway.renewal.signoff").joinpath("templates", name).read_text(encoding="utf-8")


def _fact(row: Mapping[str, Any]) -> str:
    return f"`{row['value'].replace('`', '')}`" if row["mono"] else markdown_text(row["value"])
