"""Manual pages, made from the commands' own help: `python -m gateway.cli.man_pages DIR` writes one for each command."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from gateway.cli.reference import every_command

_SECTION: Final = 1


def man_pages() -> Iterator[tuple[str, str]]:
    """The name of each page's file, and the page in the language of man(7)."""
    pages = {path: (command, context) for path, command, context in every_command()}
    for path, (command, context) in pages.items():
        yield f"{path.replace(' ', '-')}.{_SECTION}", "\n".join(_page(path, command, context, list(pages))) + "\n"


def _page(path: str, command: Any, context: Any, paths: list[str]) -> Iterator[str]:
    name = path.replace(" ", "-")
    first, *others = _paragraphs(command.help or "")
    yield f'.TH {_escaped(name.upper())} {_SECTION} "" "wssgate" "wssgate"'
    yield from (".SH NAME", f"{_escaped(name)} \\- {_escaped(first.rstrip('.'))}")
    yield ".SH SYNOPSIS"
    yield f".B {_escaped(path)}"
    yield from (_line(piece) for piece in command.collect_usage_pieces(context))
    yield ".SH DESCRIPTION"
    for paragraph in (first, *others):
        yield from (".PP", _line(paragraph))
    records = [(parameter, parameter.get_help_record(context)) for parameter in command.get_params(context)]
    for title, kind in (("ARGUMENTS", "argument"), ("OPTIONS", "option")):
        found = [record for parameter, record in records if parameter.param_type_name == kind and record is not None]
        if found:
            yield f".SH {title}"
        for term, meaning in found:
            yield from (".TP", f".B {_escaped(' '.join(term.split()))}", _line(meaning))
    below = [other for other in paths if other.rpartition(" ")[0] == path]
    if below:
        yield ".SH COMMANDS"
    for other in below:
        yield from (".TP", f".BR {_escaped(other.replace(' ', '-'))} ({_SECTION})")
        yield _line(_paragraphs(command.commands[other.rpartition(" ")[2]].help)[0])
    if command.epilog:
        yield from (".SH EXIT STATUS", _line(command.epilog.removeprefix("Exit codes: ")))
    above = path.rpartition(" ")[0]
    if above:
        yield from (".SH SEE ALSO", f".BR {_escaped(above.replace(' ', '-'))} ({_SECTION})")


def _paragraphs(text: str) -> list[str]:
    return [" ".join(paragraph.split()) for paragraph in text.split("\n\n")]


def _line(text: str) -> str:
    """`text` as a line of text: what begins like a request is none."""
    escaped = _escaped(" ".join(text.split()))
    return rf"\&{escaped}" if escaped.startswith((".", "'")) else escaped


def _escaped(text: str) -> str:
    return re.sub("-", r"\\-", text.replace("\\", r"\e"))


def write_pages(folder: Path) -> None:
    """Write every page into `folder`, and take away those of commands that are no more."""
    folder.mkdir(parents=True, exist_ok=True)
    pages = dict(man_pages())
    for file in folder.glob(f"wssgate*.{_SECTION}"):
        if file.name not in pages:
            file.unlink()
    for name, text in pages.items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write_pages(Path(sys.argv[1]))
