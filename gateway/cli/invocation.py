"""What runs the command, and turns whatever happens into a message and an exit code."""

import os
import sys
import traceback
from collections.abc import Sequence
from itertools import takewhile

import typer

from gateway.cli.command_errors import ReaderGone, explain
from gateway.cli.command_tree import command_tree
from gateway.cli.exit_codes import ExitCode
from gateway.cli.terminal import complain, print_json

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
    as_json = _wants_json(sys.argv[1:] if arguments is None else arguments)
    try:
        # Not standalone: typer's own handling would end the process, and print panels that scripts cannot read.
        result = command_tree(own_process=arguments is None).main(arguments, prog_name="wssgate", standalone_mode=False)
    except typer.TyperException as error:
        return _wrong_use(error, as_json=as_json)
    except (KeyboardInterrupt, typer.Abort):
        return ExitCode.INTERRUPTED
    except (ReaderGone, BrokenPipeError):
        raise
    except SystemExit as ended:
        # typer ends the process by itself where nobody reads its help any more.
        if isinstance(ended.__context__, BrokenPipeError):
            raise ReaderGone from None
        raise
    except Exception as error:  # noqa: BLE001 - the last line of defence: no traceback reaches a user
        if _is_of_an_argument(error, sys.argv[1:] if arguments is None else arguments):
            _tell(
                "An argument holds octets that are not UTF-8; write it in UTF-8.", ExitCode.WRONG_USE, as_json=as_json
            )
            return ExitCode.WRONG_USE
        return _failed(error, as_json=as_json)
    # The exit code that a command raised as `typer.Exit`; None where it just came to its end.
    return result if isinstance(result, int) else ExitCode.DONE


def _wants_json(arguments: Sequence[str]) -> bool:
    """Whether --json is among the options: asked here as well, for a line that cannot be understood has no options."""
    return "--json" in list(takewhile(lambda argument: argument != "--", arguments))


def _is_of_an_argument(error: Exception, arguments: Sequence[str]) -> bool:
    """Whether `error` says that an argument is no text: Python keeps octets that are not UTF-8 as surrogates.

    File names may hold such octets, so that arguments are not refused for them before one is used as a text.
    """
    if not isinstance(error, UnicodeEncodeError):
        return False
    refused = error.object[error.start : error.end]
    return any("\ud800" <= one <= "\udfff" for one in refused) and any(refused in one for one in arguments)


def _tell(message: str, code: ExitCode, *, as_json: bool) -> None:
    """Print an error to standard error: a sentence for people, or one line of JSON."""
    if as_json:
        print_json({"schema": "wssgate.error/1", "error": message, "exit_code": int(code)}, sys.stderr)
    else:
        complain(message)


def _wrong_use(error: typer.TyperException, *, as_json: bool) -> int:
    context = getattr(error, "ctx", None)
    message = error.format_message()
    if message.startswith("Usage:"):
        # No command at all: the message is the whole help.
        sys.stderr.write(f"{message}\n")
        return ExitCode.WRONG_USE
    _tell(message, ExitCode.WRONG_USE, as_json=as_json)
    if context is not None and not as_json:
        sys.stderr.write(f"{context.get_usage()}\nTry '{context.command_path} --help'.\n")
    return ExitCode.WRONG_USE


def _failed(error: Exception, *, as_json: bool) -> int:
    if os.environ.get(DEBUG_VARIABLE) == "1":
        traceback.print_exception(error)
    explained = explain(error)
    if explained is None:
        _tell(
            f"Unexpected error, a defect of wssgate ({type(error).__name__}: {error}); "
            f"run it again with {DEBUG_VARIABLE}=1 and report the trace.",
            ExitCode.ENVIRONMENT,
            as_json=as_json,
        )
        return ExitCode.ENVIRONMENT
    message, code = explained
    _tell(message, code, as_json=as_json)
    return code
