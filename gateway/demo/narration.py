"""How the demo speaks: numbered chapters, commands as one would type them, and calm sentences."""

import os
import shlex
import sys
from collections import Counter
from collections.abc import Sequence
from textwrap import TextWrapper
from typing import Literal, NoReturn

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.text import Text

from gateway.demo.caller import Call
from gateway.present import no_escapes

_UNBROKEN = 100_000
"""Columns of a pipe: nothing that goes there is wrapped, unless COLUMNS says how wide it is."""


class _Console(Console):
    def on_broken_pipe(self) -> NoReturn:
        # rich would end the process here, with the exit code of a rejection.
        self.quiet = True
        raise BrokenPipeError


class Narrator:
    """Prints the story; plain text where there is no terminal."""

    def __init__(self, *, stderr: bool = False) -> None:
        """Speak to standard output, or to standard error."""
        stream = sys.stderr if stderr else sys.stdout
        width = None if stream.isatty() or "COLUMNS" in os.environ else _UNBROKEN
        # Without a colour system rich writes no style at all, bold included.
        colours: Literal["auto"] | None = None if no_escapes() else "auto"
        self._console = _Console(
            stderr=stderr, width=width, color_system=colours, highlight=False, markup=False, emoji=False
        )

    def title(self, text: str) -> None:
        """The name of the play."""
        self._print(Text(text, style="bold"))

    def chapter(self, number: str, who: str, text: str) -> None:
        """A step of the renewal: its number, who acts, and what happens."""
        self._print()
        self._print(Text.assemble((f" {number} ", "bold reverse"), " ", (who, "bold cyan"), ": ", (text, "bold")))

    def says(self, text: str, style: str = "") -> None:
        """A sentence or two, set in a little."""
        self._print(Padding(Text(text, style=style), (0, 0, 0, 2), expand=False))

    def points(self, lines: Sequence[str]) -> None:
        """A list."""
        for line in lines:
            self._print(Padding(Text.assemble("- ", line), (0, 0, 0, 2), expand=False))

    def command(self, arguments: Sequence[str], output: str = "") -> None:
        """A command as one would type it, and what it printed."""
        self._print(Text(f"  $ {shlex.join(['wssgate', *arguments])}", style="bold"), soft_wrap=True)
        for line in output.rstrip().splitlines():
            # On a terminal, or where COLUMNS says how wide it is.
            indent = "  " + line[: len(line) - len(line.lstrip())]
            wrapper = TextWrapper(
                self._console.width,
                initial_indent="  ",
                subsequent_indent=f"{indent}  ",
                replace_whitespace=False,
                break_long_words=False,
                break_on_hyphens=False,
            )
            for part in wrapper.wrap(line) or [""]:
                self._print(Text(part), soft_wrap=True)

    def calls(self, calls: Sequence[Call]) -> None:
        """What came of some calls, one line for each operation."""
        for operation in dict.fromkeys(call.operation for call in calls):
            keys = Counter(call.keys for call in calls if call.operation == operation)
            found = ", ".join(f"{count} x {key}" for key, count in sorted(keys.items()))
            self._print(Text.assemble(f"  {operation:<8} ", ("accepted", "green"), f"  verified by {found}"))

    def rejected(self, call: Call, reason: str) -> None:
        """A call that got a SOAP Fault in place of a bad response."""
        line = Text.assemble(f"  {call.operation:<8} ", ("rejected", "red"), f"  {reason}: the client got a SOAP Fault")
        self._print(line)

    def _print(self, *what: RenderableType, soft_wrap: bool = False) -> None:
        """Print it; without a terminal no line ends with the blanks that rich fills boxes with."""
        if self._console.is_terminal:
            self._console.print(*what, soft_wrap=soft_wrap)
            return
        with self._console.capture() as captured:
            self._console.print(*what, soft_wrap=soft_wrap)
        lines = captured.get().splitlines()
        self._console.file.write("".join(f"{line.rstrip()}\n" for line in lines))
        self._console.file.flush()
