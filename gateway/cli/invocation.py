"""What runs the command, and turns whatever happens into a message and an exit code."""

import os
import sys
import traceback
from collections.abc import Sequence

import typer

from gateway.cli.command_errors import ReaderGone, explain
from gateway.cli.command_tree import command_tree
from gateway.cli.exit_codes import ExitCode
from gateway.cli.terminal import complain

DEBUG_VARIABLE = "WSSGATE_DEBUG"
"""Set to 1, it makes an unexpected error print its trace."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `wssgate` with `arguments` (by default those of the process) and return the exit code."""
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except (ReaderGone, BrokenPipeError):
        # The interpreter flushes standard output once more when it ends; there must be something to flush into.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.READER_GONE
    return code


def _run(arguments: Sequence[str] | None) -> int:
    try:
        # Not standalone: typer's own handling would end the process, and print panels that scripts cannot read.
        result = command_tree().main(arguments, prog_name="wssgate", standalone_mode=False)
    except typer.TyperException as error:
        return _wrong_use(error)
    except (KeyboardInterrupt, typer.Abort):
        return ExitCode.INTERRUPTED
    except (ReaderGone, BrokenPipeError):
        raise
    except Exception as error:  # noqa: BLE001 - the last line of defence: no traceback reaches a user
        return _failed(error)
    # The exit code that a command raised as `typer.Exit`; None where it just came to its end.
    return result if isinstance(result, int) else ExitCode.DONE


def _wrong_use(error: typer.TyperException) -> int:
    context = getattr(error, "ctx", None)
    message = error.format_message()
    if message.startswith("Usage:"):
        # No command at all: the message is the whole help.
        sys.stderr.write(f"{message}\n")
        return ExitCode.WRONG_USE
    complain(message)
    if context is not None:
        sys.stderr.write(f"{context.get_usage()}\nTry '{context.command_path} --help'.\n")
    return ExitCode.WRONG_USE


def _failed(error: Exception) -> int:
    if os.environ.get(DEBUG_VARIABLE) == "1":
        traceback.print_exception(error)
    explained = explain(error)
    if explained is None:
        complain(
            f"Unexpected error, a defect of wssgate ({type(error).__name__}: {error}); "
            f"run it again with {DEBUG_VARIABLE}=1 and report the trace."
        )
        return ExitCode.ENVIRONMENT
    message, code = explained
    complain(message)
    return code
