"""Exit codes: the contract that others script against."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What the command says to the shell when it ends."""

    DONE = 0
    """Done; everything looked at was accepted."""
    FINDINGS = 1
    """Done, and something was rejected, or a change was refused because a gate is closed."""
    WRONG_USE = 2
    """Wrong use, or a mistake in the configuration or in an input file; the message names it."""
    ENVIRONMENT = 3
    """The environment failed: database, file or network. Trying again later may help."""
    INTERRUPTED = 130
    """Ctrl-C (128 + SIGINT)."""
    READER_GONE = 141
    """Whoever read standard output closed it (128 + SIGPIPE)."""


PLAIN = "Exit codes: 0 done; 2 wrong use or configuration; 3 the environment failed (database, file, network)."
"""Epilog of commands that cannot find anything."""


def epilog(findings: str) -> str:
    """The line on exit codes at the end of a command's help; `findings` says when this command ends with 1."""
    return (
        f"Exit codes: 0 done; 1 {findings}; 2 wrong use or configuration; "
        "3 the environment failed (database, file, network)."
    )
