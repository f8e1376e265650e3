"""A program gets a notice on its standard input. What it prints is nobody's: it could be a secret."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from typing import Final

PROGRAM_SECONDS: Final = 30.0
"""How long a program may take; then it is killed, with whatever it started."""
_INHERITED: Final = frozenset(
    {"PATH", "HOME", "LANG", "TZ", "TMPDIR", "USER", "LOGNAME", "SSL_CERT_FILE", "SSL_CERT_DIR"}
)
"""What it gets of the environment, in which the settings of the gateway may be, passwords included."""
_REAP_SECONDS: Final = 5.0


_running: Final[set["subprocess.Popen[bytes]"]] = set()
"""Those that this process waits for."""


class ProgramFailed(Exception):  # noqa: N818 - named after what happened
    """It could not be started, did not end in time, or ended with another exit code than 0; half a sentence."""

    def __init__(self, text: str, code: int | None = None) -> None:
        """The `code` that it ended with, if it did."""
        super().__init__(text)
        self.code = code


def run_program(words: Sequence[str], given: bytes, called: str) -> None:
    """Run it without a shell, with `given` on its standard input, and wait for its end. Blocks for `PROGRAM_SECONDS`.

    `called` is how it is named in an error, where its arguments hold secrets.

    Raises:
        ProgramFailed: See there.
    """
    try:
        process = subprocess.Popen(  # noqa: S603 - the words are the configuration's, and no shell reads them
            list(words),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=_environment(os.environ),
            start_new_session=True,
        )
    except OSError as error:
        raise ProgramFailed(f"{called} cannot be started: {error.strerror or type(error).__name__}") from error
    _running.add(process)
    try:
        # What is never read is written up to what a pipe holds, and then the time is over.
        process.communicate(given, timeout=PROGRAM_SECONDS)
    except subprocess.TimeoutExpired as error:
        _end(process)
        raise ProgramFailed(f"{called} did not end within {PROGRAM_SECONDS:g} s and was killed") from error
    except OSError as error:
        _end(process)
        raise ProgramFailed(f"{called} could not be given the alert: {error.strerror or error}") from error
    finally:
        _running.discard(process)
    if process.returncode:
        how = f"was ended by signal {-process.returncode}" if process.returncode < 0 else ""
        raise ProgramFailed(f"{called} {how or f'ended with the exit code {process.returncode}'}", process.returncode)


def end_programs() -> None:
    """Kill what still runs, with whatever it started: it is not to outlive this process, which waits no more."""
    for process in tuple(_running):
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)


def _end(process: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired, OSError, ValueError):
        process.communicate(timeout=_REAP_SECONDS)


def _environment(present: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in present.items() if name in _INHERITED or name.startswith("LC_")}
