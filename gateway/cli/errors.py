"""The one place that turns errors into a sentence and an exit code.

CommandError              raised by the commands themselves
├── WrongUse              exit code 2: an option, a file or the configuration is wrong
├── ChangeRefused         exit code 1: understood, and not done
└── EnvironmentFailed     exit code 3: a file, the database or the network failed
"""

from typing import ClassVar

from sqlalchemy.exc import SQLAlchemyError

from gateway.cli.exit_codes import ExitCode
from gateway.config import ConfigurationError
from gateway.demo import DemoError, FolderNotEmpty
from gateway.ledger import LedgerError
from gateway.service import WorkersFailed
from keystore import KeystoreError, Refused


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


def explain(error: Exception) -> tuple[str, ExitCode] | None:
    """The sentence and the exit code for `error`; None where the error is none that was foreseen."""
    match error:
        case CommandError():
            return str(error), error.exit_code
        case Refused():
            return str(error), ExitCode.FINDINGS
        case ConfigurationError() | KeystoreError():
            return str(error), ExitCode.WRONG_USE
        case FolderNotEmpty():
            return str(error), ExitCode.WRONG_USE
        case LedgerError() | DemoError() | WorkersFailed():
            return str(error), ExitCode.ENVIRONMENT
        case OSError():
            return _explain_os_error(error), ExitCode.ENVIRONMENT
        case SQLAlchemyError():
            return f"The database failed: {_first_line(getattr(error, 'orig', None) or error)}.", ExitCode.ENVIRONMENT
        case _:
            return None


def _explain_os_error(error: OSError) -> str:
    reason = error.strerror or _first_line(error)
    if error.filename is None:
        return f"The system refused: {reason}."
    return f"{error.filename}: {reason}."


def _first_line(error: object) -> str:
    lines = str(error).splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
