"""The policy given on the command line: `--policy FILE`."""

from pathlib import Path

from gateway.config import load_policy
from gateway.verify import Policy


def policy_from_file(file: Path | None) -> Policy:
    """The policy in `file`, which holds what `[endpoint.NAME.policy]` holds; without a file, the strict default.

    Raises:
        ConfigurationError: the file cannot be read, or a key or value is wrong.
    """
    return Policy() if file is None else load_policy(file)
