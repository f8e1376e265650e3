"""What a measurement is held against, printed beside it and never asserted."""

from dataclasses import dataclass
from typing import Any

from rich.console import Console


@dataclass(frozen=True)
class Target:
    """A measured value and the bound that it should keep."""

    what: str
    """The start of a sentence: what was measured, in which unit."""
    measured: float
    bound: float
    at_least: bool = False
    """The bound is a lower one."""
    unit: str = ""

    @property
    def is_met(self) -> bool:
        """Whether the bound is kept."""
        return self.measured >= self.bound if self.at_least else self.measured <= self.bound

    def show(self, console: Console) -> None:
        """Print one line."""
        side = "at least" if self.at_least else "at most"
        verdict = "[green]met[/green]" if self.is_met else "[red]not met[/red]"
        unit = f" {self.unit}" if self.unit else ""
        console.print(
            f"{self.what}: {_number(self.measured)}{unit} (target: {side} {_number(self.bound)}{unit}) {verdict}"
        )

    @property
    def figures(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "what": self.what,
            "measured": self.measured,
            "bound": self.bound,
            "at_least": self.at_least,
            "unit": self.unit,
            "met": self.is_met,
        }


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
