"""Whether a gateway would start: everything that a start opens, tried out, with nothing made and nothing left open."""

import errno
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from gateway.config import ConfigurationError, ListenAddress, Settings
from gateway.exchange import require_judges
from gateway.ledger import (
    LedgerError,
    SchemaStatus,
    database_path,
    open_database,
    prove_replay_cache,
    refuse_loose_database,
    schema_state,
    shown_url,
    signing_key,
)
from gateway.service.tls_files import tls_problems
from gateway.wire import bind
from keystore import KeystoreError
from keystore.store import KeystoreStore


@dataclass(slots=True)
class StartCheck:
    """What a start would come to."""

    wrong: list[str] = field(default_factory=list)
    """What the configuration says and nobody can start with, one sentence each."""
    failing: list[str] = field(default_factory=list)
    """What its surroundings refuse: addresses, the database."""
    warnings: list[str] = field(default_factory=list)
    """With what it would start, and raise an alarm or lack something."""
    notes: list[str] = field(default_factory=list)
    """What a start would do besides."""


def check_start(settings: Settings, is_running: Callable[[ListenAddress], bool]) -> StartCheck:
    """Try out what a gateway with `settings` opens when it starts.

    Args:
        settings: The configuration.
        is_running: Whether a gateway answers at an operator's address: it may be the one that is to be restarted, and
            then its addresses are no other's.
    """
    found = StartCheck()
    _check_files(settings, found)
    _check_addresses(settings, found, is_running)
    try:
        _check_database(settings, found)
    except (LedgerError, KeystoreError) as error:
        found.failing.append(str(error))
    return found


def _check_files(settings: Settings, found: StartCheck) -> None:
    try:
        require_judges(settings)
    except ConfigurationError as error:
        found.wrong += error.problems
    found.wrong += [f"{settings.source}: {problem}" for problem in tls_problems(settings)]
    gateway = settings.gateway
    if gateway.signing_key.exists():
        try:
            signing_key(gateway.signing_key)
        except LedgerError as error:
            found.warnings.append(f"the ends of the ledger's chains would not be signed: {error}")
    elif not _may_write(gateway.signing_key.parent):
        found.warnings.append(
            f"the ends of the ledger's chains would not be signed: {gateway.signing_key} cannot be made in its folder"
        )
    if isinstance(gateway.anchor_to, Path) and not (gateway.anchor_to.is_dir() and _may_write(gateway.anchor_to)):
        found.warnings.append(f"gateway.anchor_to = {gateway.anchor_to} is no folder that this user may write to")
    if gateway.timestamp_authority_ca is not None and not os.access(gateway.timestamp_authority_ca, os.R_OK):
        found.warnings.append(f"gateway.timestamp_authority_ca = {gateway.timestamp_authority_ca} cannot be read")
    if gateway.renewal_templates is not None and not gateway.renewal_templates.is_dir():
        found.warnings.append(f"gateway.renewal_templates = {gateway.renewal_templates} is no folder")
    for name, channel in settings.alerts.items():
        # Neither its words nor its URL: they may hold a secret.
        if channel.command is not None and not os.access(channel.command[0], os.X_OK):
            found.warnings.append(f"alerts.{name}.command: the program is not there, or this user may not run it")
        if channel.apprise is not None and find_spec("apprise") is None:
            found.warnings.append(f"alerts.{name}.apprise: apprise is not installed: pip install 'wssgate[alerts]'")


def _may_write(folder: Path) -> bool:
    return os.access(folder, os.R_OK | os.W_OK | os.X_OK)


def _check_addresses(settings: Settings, found: StartCheck, is_running: Callable[[ListenAddress], bool]) -> None:
    gateway = settings.gateway
    held: list[socket.socket] = []
    taken: list[OSError] = []
    try:
        for key, address in (("gateway.listen", gateway.listen), ("gateway.admin", gateway.admin)):
            try:
                held.append(bind(key, address))
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    taken.append(error)
                else:
                    found.failing.append(_sentence(error))
    finally:
        for listener in held:
            listener.close()
    if taken and is_running(gateway.admin):
        found.notes.append(f"a gateway is running already: it answers at {gateway.admin}, and its addresses are in use")
    else:
        found.failing += [_sentence(error) for error in taken]


def _sentence(error: OSError) -> str:
    return f"{error.filename}: {error.strerror}"


def _check_database(settings: Settings, found: StartCheck) -> None:
    url = settings.gateway.database
    path = database_path(url)
    if path is not None and not path.exists():
        if not _may_write(path.parent):
            found.failing.append(f"the database {path} cannot be made: its folder is not there, or not to be written")
        else:
            found.notes.append(f"the database {path} is not there yet: a start makes it")
        return
    refuse_loose_database(url)
    engine = open_database(url, create=False)
    try:
        state = schema_state(engine)
        if state.status is not SchemaStatus.CURRENT:
            found.notes.append(f"the database {shown_url(url)} is brought to schema {state.needed} by a start")
            return
        KeystoreStore(engine).snapshot()
        if any(endpoint.replay_attacks == "reject" for endpoint in settings.endpoints.values()):
            prove_replay_cache(engine)
    finally:
        engine.dispose()
