"""Hands one notice to apprise, in a process of its own, which can be killed where a mail server never comes to an end.

Run as a file, so that it loads apprise and nothing of the gateway; on its standard input `url`, `title` and `body` as
JSON. It prints nothing: what apprise says of a failure may hold the URL, and so a password.
"""

import json
import logging
import sys
from importlib import import_module

NOT_INSTALLED = 11
NOT_UNDERSTOOD = 12
NOT_DELIVERED = 13


def main() -> int:
    """Deliver what standard input says; the exit code says whether that went well."""
    given = json.load(sys.stdin)
    logging.disable()
    try:
        apprise = import_module("apprise")
    except ImportError:
        return NOT_INSTALLED
    told = apprise.Apprise()
    if not told.add(given["url"]):
        return NOT_UNDERSTOOD
    return 0 if told.notify(title=given["title"], body=given["body"], body_format="text") else NOT_DELIVERED


if __name__ == "__main__":
    sys.exit(main())
