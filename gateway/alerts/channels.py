"""One notice goes to one channel. Whatever comes of it, the sentence holds no secret."""

import json
import sys
from pathlib import Path
from typing import Final

from gateway.alerts.apprise_program import NOT_DELIVERED, NOT_INSTALLED, NOT_UNDERSTOOD
from gateway.alerts.notice_formats import notice_bytes, notice_text, notice_title
from gateway.alerts.program import ProgramFailed, run_program
from gateway.alerts.webhook import post_notice
from gateway.config import AlertChannel
from gateway.ledger import Notice

_APPRISE: Final = Path(__file__).with_name("apprise_program.py")
_APPRISE_SAYS: Final = {
    NOT_INSTALLED: "apprise is not installed: pip install 'wssgate[alerts]'",
    NOT_UNDERSTOOD: "apprise does not understand the URL: compare it with its documentation of the service",
    NOT_DELIVERED: "apprise could not deliver it: address, password, or a server that cannot be reached; "
    "try the same URL with its own command: apprise -vv -b test URL",
}


def deliver_notice(notice: Notice, channel: AlertChannel) -> str | None:
    """Deliver `notice`; why that failed, in half a sentence, or None. Blocks, half a minute at most."""
    try:
        if channel.webhook is not None and channel.secret is not None:
            url, secret = channel.webhook.get_secret_value(), channel.secret.get_secret_value()
            return post_notice(url, secret, notice_bytes(notice), notice.id)
        if channel.command is not None:
            run_program(channel.command, notice_bytes(notice), "the command")
        elif channel.apprise is not None:
            _tell_apprise(notice, channel.apprise.get_secret_value())
    except ProgramFailed as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - its text may hold the URL; and no channel takes another one down
        return f"it failed with {type(error).__name__}"
    return None


def _tell_apprise(notice: Notice, url: str) -> None:
    given = {"url": url, "title": notice_title(notice), "body": notice_text(notice)}
    try:
        # Isolated: neither the folder of this file nor what PYTHONPATH names is searched for modules.
        run_program([sys.executable, "-I", str(_APPRISE)], json.dumps(given).encode(), "apprise")
    except ProgramFailed as error:
        raise ProgramFailed(_APPRISE_SAYS.get(error.code or 0, str(error)), error.code) from error
