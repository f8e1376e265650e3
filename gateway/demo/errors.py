"""Errors of the demo.

DemoError
├── DemoFailed            something did not happen as the demo tells it (the message says what)
└── FolderNotEmpty        the folder to keep the files in is in use
"""


class DemoError(Exception):
    """The root of what this package raises; its text is one sentence for a person."""


class DemoFailed(DemoError):  # noqa: N818 - named after what happened
    """A process did not start, or an answer was not the one that it had to be."""


class FolderNotEmpty(DemoError):  # noqa: N818 - named after what happened
    """The folder for the demo's files holds other things already."""
