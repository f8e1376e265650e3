"""Options of the commands that verify messages: `verify` and `replay`."""

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.command_errors import EnvironmentFailed
from gateway.verify import Policy

PolicyOption = Annotated[
    Path | None,
    typer.Option("--policy", metavar="FILE", help="What is demanded of a message (TOML). By default a strict policy."),
]
ContentTypeOption = Annotated[
    str | None,
    typer.Option("--content-type", metavar="T", help="The Content-Type that the message came with."),
]
CrossCheckOption = Annotated[
    bool,
    typer.Option(
        "--second-opinion", help="Let libxmlsec verify what is accepted once more; reject it where they do not agree."
    ),
]


def policy_from_file(file: Path | None) -> Policy:
    """The policy in `file`, which holds what `[endpoint.NAME.policy]` holds; without a file, the strict default.

    Raises:
        ConfigurationError: the file cannot be read, or a key or value is wrong.
    """
    if file is None:
        return Policy()
    from gateway.config import load_policy  # with pydantic-settings, which the default needs not

    return load_policy(file)


def require_cross_check() -> None:
    """Make sure that the xmlsec cross-check can be made, before anything is verified.

    Raises:
        EnvironmentFailed: libxmlsec cannot be loaded.
    """
    from gateway.cross_check import JudgeUnavailable, require_judge

    try:
        require_judge()
    except JudgeUnavailable as error:
        text = str(error)
        raise EnvironmentFailed(f"{text[:1].upper()}{text[1:]}.") from error
