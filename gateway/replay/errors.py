"""Errors of the replay.

ReplayError
└── CaptureUnreadable     a file cannot be read, or holds a broken HTTP response
"""


class ReplayError(Exception):
    """The root of what this package raises; its text is one sentence for a person."""


class CaptureUnreadable(ReplayError):  # noqa: N818 - named after what happened
    """There is no response to verify in a file."""
