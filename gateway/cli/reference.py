"""The reference of the commands, made from their own help: `python -m gateway.cli.reference > docs/reference.md`."""

import sys
from collections.abc import Iterator
from typing import Any

from gateway.cli.command_tree import ListedCommand, command_tree

_HEAD = """\
# Reference of the commands

Made from the commands' own help by `python -m gateway.cli.reference`;
a test compares the two.
Every command takes `--json`, and prints JSON for programs then.
Messages about errors go to standard error, one sentence saying what is wrong and what to do;
with `--json` as a line `{"schema": "wssgate.error/1", "error": ..., "exit_code": ...}`.
What goes into a pipe or a file is not wrapped, on a terminal no name is broken,
and with `NO_COLOR` set no escape is written.
`WSSGATE_DEBUG=1` prints the trace of an error besides.
"""
_WIDTH = 100


def reference() -> str:
    """The whole reference in Markdown."""
    sections = [_HEAD]
    for path, command, context in every_command():
        sections.append(f"## `{path}`\n\n```text\n{_help(command, context)}\n```\n")
    return "\n".join(sections)


def every_command() -> Iterator[tuple[str, Any, Any]]:
    """Each command and group as it is typed, the command itself, and its context for making help."""
    return _commands(command_tree(), "wssgate", None)


def _commands(command: Any, path: str, parent: Any) -> Iterator[tuple[str, Any, Any]]:
    # typer keeps the click that it is built on to itself, hence `Any`.
    context = command.make_context(path.rpartition(" ")[2], [], parent=parent, resilient_parsing=True)
    context.terminal_width = _WIDTH
    yield path, command, context
    for name, sub in getattr(command, "commands", {}).items():
        loaded = sub.load() if isinstance(sub, ListedCommand) else sub
        yield from _commands(loaded, f"{path} {name}", context)


def _help(command: Any, context: Any) -> str:
    text: str = command.get_help(context)
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


if __name__ == "__main__":
    sys.stdout.write(reference())
