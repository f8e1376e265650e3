"""`wssgate verify --explain`: the walk through the steps, for a person to read."""

from typing import Final

from gateway.cli.terminal import plain, say
from gateway.verify import Explanation, StepState

_SHOWN: Final = {
    StepState.PASSED: ("passed", "green"),
    StepState.FAILED: ("FAILED", "bold red"),
    StepState.NOT_REACHED: ("not reached", "dim"),
    StepState.NOT_ASKED: ("not asked", "dim"),
}
_WIDTH: Final = max(len(word) for word, _ in _SHOWN.values())


def print_steps(explanation: Explanation, file: str) -> None:
    """Print each step for the message in `file` with how it ended and what was found, then what follows."""
    say(f"{plain(file)}: step by step", style="bold")
    for step in explanation.steps:
        word, style = _SHOWN[step.state]
        specification = f" ({step.specification})" if step.specification else ""
        say(f"  {step.number:2} {word:{_WIDTH}}  {step.title}{specification}", style=style)
        for found in step.found:
            failing = step.state is StepState.FAILED and found is step.found[-1]
            say(f"     {'':{_WIDTH}}  {'!' if failing else '-'} {plain(found)}", style="red" if failing else "")
    say(f"  {explanation.consequence}")
