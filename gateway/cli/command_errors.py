"""The one place that turns errors into a sentence and an exit code.

CommandError              raised by the commands themselves
├── WrongUse              exit code 2: an option, a file or the configuration is wrong
├── ChangeRefused         exit code 1: understood, and not done
└── EnvironmentFailed     exit code 3: a file, the database or the network failed
ReaderGone                exit code 141: nobody reads standard output any more
"""

import sys
from collections.abc import Sequence
from typing import ClassVar, Final

from gateway.cli.exit_codes import ExitCode

FORESEEN: Final[Sequence[tuple[str, str, ExitCode]]] = (
    ("keystore", "Refused", ExitCode.FINDINGS),
    ("keystore", "KeystoreError", ExitCode.WRONG_USE),
    ("gateway.config", "ConfigurationError", ExitCode.WRONG_USE),
    ("gateway.demo", "FolderNotEmpty", ExitCode.WRONG_USE),
    ("gateway.demo", "DemoError", ExitCode.ENVIRONMENT),
    ("gateway.ledger", "RecordNotFound", ExitCode.WRONG_USE),
    ("gateway.ledger", "FilterUnreadable", ExitCode.WRONG_USE),
    ("gateway.ledger", "BundleRefused", ExitCode.WRONG_USE),
    ("gateway.ledger", "LedgerError", ExitCode.ENVIRONMENT),
    ("gateway.renewal", "DocumentsUnavailable", ExitCode.ENVIRONMENT),
    ("gateway.renewal", "PlanRefused", ExitCode.FINDINGS),
    ("gateway.renewal", "RenewalError", ExitCode.WRONG_USE),
    ("gateway.service", "WorkersFailed", ExitCode.ENVIRONMENT),
)
"""Package, error class and exit code; the first that fits counts. The error's own text is the sentence.

They are named and not imported: an error can only have come from a package that the command has loaded, and no command
loads all of them.
"""


class CommandError(Exception):
    """A command cannot go on; the text is one sentence for a person."""

    exit_code: ClassVar[ExitCode] = ExitCode.ENVIRONMENT


class WrongUse(CommandError):  # noqa: N818 - named after what happened, like the exit code
    """The command was given something wrong."""

    exit_code = ExitCode.WRONG_USE


class ChangeRefused(CommandError):  # noqa: N818 - named after what happened, like the exit code
    """The command was understood and not carried out, because that would do damage."""

    exit_code = ExitCode.FINDINGS


class EnvironmentFailed(CommandError):  # noqa: N818 - named after what happened, like the exit code
    """A file, the database or the network did not do what it should."""


class ReaderGone(Exception):  # noqa: N818 - no error: `wssgate ... | head` is normal use
    """Whoever read standard output has closed it."""


def explain(error: Exception) -> tuple[str, ExitCode] | None:
    """The sentence and the exit code for `error`; None where the error is none that was foreseen."""
    if isinstance(error, CommandError):
        return str(error), error.exit_code
    for package, name, code in FORESEEN:
        if _is(error, package, name):
            return str(error), code
    if isinstance(error, OSError):
        return _explain_os_error(error), ExitCode.ENVIRONMENT
    if _is(error, "sqlalchemy.exc", "SQLAlchemyError"):
        return f"The database failed: {_first_line(getattr(error, 'orig', None) or error)}.", ExitCode.ENVIRONMENT
    return None


def _is(error: Exception, module: str, name: str) -> bool:
    """Whether `error` is of the class `name` of `module`, which it is not where the module is not even loaded."""
    loaded = sys.modules.get(module)
    # A package that broke while it was being loaded has not got to its errors.
    kind = None if loaded is None else getattr(loaded, name, None)
    return kind is not None and isinstance(error, kind)


def _explain_os_error(error: OSError) -> str:
    reason = error.strerror or _first_line(error)
    if error.filename is None:
        return f"The system refused: {reason}."
    return f"{error.filename}: {reason}."


def _first_line(error: object) -> str:
    lines = str(error).splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
