"""What can be wrong with documents about a renewal, and with making them.

RenewalError
├── DocumentUnreadable   what was given is no document that can be checked
└── DocumentsUnavailable a library that draws charts or sets pages is not installed
"""

# ruff: noqa: N818 - these are answers to a person

from gateway.renewal.plan import RenewalError


class DocumentUnreadable(RenewalError):
    """What was given is no document that can be checked; the text says why."""


class DocumentsUnavailable(RenewalError):
    """A library that this rendering needs is not installed; the text says what installs it."""
