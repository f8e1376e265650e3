"""The option `--second-opinion`."""

from gateway.cli.errors import EnvironmentFailed
from gateway.cli.terminal import plain, say
from gateway.cross_check import CrossCheck, JudgeUnavailable, Opinion, require_judge


def require_second_opinion() -> None:
    """Make sure that a second opinion can be had, before anything is verified.

    Raises:
        EnvironmentFailed: libxmlsec cannot be loaded.
    """
    try:
        require_judge()
    except JudgeUnavailable as error:
        text = str(error)
        raise EnvironmentFailed(f"{text[:1].upper()}{text[1:]}.") from error


def print_opinion(opinion: CrossCheck) -> None:
    """Print what libxmlsec said, for a person."""
    if opinion.opinion is Opinion.AGREES:
        say("  second opinion: libxmlsec agrees", style="green")
    else:
        style = "yellow" if opinion.opinion is Opinion.NOT_JUDGED else "bold red"
        say(f"  second opinion: {opinion.opinion}, {plain(opinion.detail)}", style=style)
