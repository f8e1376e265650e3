"""Events that a command writes into the ledger: by a writer of its own, whose chain they are."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Final

from gateway.cli.terminal import warn
from gateway.cli.workplace import Workplace
from gateway.ledger import LedgerError, LedgerWriter, SigningKey, followed_clock, signing_key

SECONDS: Final = 30.0
"""How long the database may take."""
PROCESS: Final = f"{socket.gethostname()}/{os.getpid()}"


@contextmanager
def command_writer(workplace: Workplace, command: str) -> Iterator[LedgerWriter]:
    """A writer for as long as it is needed, which signs where this instance's key is there.

    Args:
        workplace: Whose ledger, and whose key.
        command: What is being done, as it is typed.
    """
    writer = LedgerWriter(
        workplace.engine,
        f"{PROCESS} ({command})",
        key=_key(workplace),
        started={
            "version": version("wssgate"),
            "configuration": "",
            "keystore_revision": workplace.keystore.revision(),
        },
        clock=followed_clock(),
    )
    try:
        yield writer
    finally:
        writer.close(SECONDS)


def _key(workplace: Workplace) -> SigningKey | None:
    path = workplace.settings.gateway.signing_key
    try:
        if not path.exists():
            warn(f"the signing key {path} is not there, so that what is recorded is not signed.")
            return None
        return signing_key(path)[0]
    except (LedgerError, OSError) as error:
        warn(f"what is recorded is not signed: {error}")
        return None
