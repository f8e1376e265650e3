"""The error of the configuration."""

from collections.abc import Sequence


class ConfigurationError(Exception):
    """The configuration cannot be used; nothing of it has been applied."""

    def __init__(self, problems: Sequence[str]) -> None:
        """Hold `problems`: one sentence each, naming file, key, value and what is allowed."""
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)
