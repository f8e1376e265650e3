"""What can be wrong with documents about a renewal, and with making them.

RenewalError
├── DocumentUnreadable   what was given is no document that can be checked
├── DocumentsUnavailable a library that draws charts or sets pages is not installed
└── TemplateRefused      a template of the site cannot be used
"""

# ruff: noqa: N818 - these are answers to a person

from gateway.renewal.plan import RenewalError


class DocumentUnreadable(RenewalError):
    """What was given is no document that can be checked; the text says why."""


class DocumentsUnavailable(RenewalError):
    """A library that this rendering needs is not installed; the text says what installs it."""


class TemplateRefused(RenewalError):
    """A template of the site's own does not work; the text says which, and where."""
