"""For which endpoints a certificate that comes in is meant: said, or asked for, and never taken for granted."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import typer

from gateway.cli.command_errors import WrongUse
from gateway.cli.workplace import Workplace

_ALL = "all"
_ATTEMPTS = 3

AllEndpointsOption = Annotated[
    bool,
    typer.Option(
        "--all-endpoints",
        help="Trust it for every endpoint, those to come included. With one alone that is understood.",
    ),
]


@dataclass(frozen=True, slots=True)
class EndpointChoice:
    """What the command line says about it."""

    named: frozenset[str] | None
    """None for every endpoint."""
    asked_of: tuple[str, ...] = ()
    """Where nothing is said: the endpoints that a person is asked about."""

    def settle(self) -> frozenset[str] | None:
        """The endpoints, None for every one; a person is asked where that has to be.

        Raises:
            WrongUse: None of the answers names endpoints that there are.
        """
        if not self.asked_of:
            return self.named
        question = f"For which endpoints ({', '.join(self.asked_of)}, separated by commas, or {_ALL})?"
        for _ in range(_ATTEMPTS):
            answer: str = typer.prompt(question, err=True, prompt_suffix=" ")
            names = {name.strip() for name in answer.split(",") if name.strip()}
            if names and names <= set(self.asked_of):
                return frozenset(names)
            if names == {_ALL}:
                return None
        raise WrongUse(f"That names no endpoint; they are: {', '.join(self.asked_of)}. Nothing was changed.")


def endpoint_choice(workplace: Workplace, named: Sequence[str], *, every: bool, can_ask: bool) -> EndpointChoice:
    """What --endpoint and --all-endpoints say; a gateway with one endpoint leaves no choice.

    Raises:
        WrongUse: There is no such endpoint, both are said, or neither is and nobody can be asked.
    """
    if named and every:
        raise WrongUse("--endpoint and --all-endpoints contradict each other: give one of them.")
    for name in named:
        workplace.endpoint(name)
    known = tuple(workplace.settings.endpoints)
    if named or every or len(known) == 1:
        return EndpointChoice(frozenset(named) if named else None)
    if not can_ask or not sys.stdin.isatty():
        raise WrongUse(
            f"Say for which endpoints it shall be trusted, with --endpoint NAME or --all-endpoints; they are: "
            f"{', '.join(known)}."
        )
    return EndpointChoice(None, known)
