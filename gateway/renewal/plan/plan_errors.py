"""Errors of what people plan and say.

RenewalError
├── UnknownRenewal    there is no renewal of that name, or it must be named
├── SaidWrongly       what was given cannot be said: a step, a name or a fingerprint that is none
└── PlanRefused       understood, and not recorded: it contradicts what was said before
"""

# ruff: noqa: N818 - these are answers to a person


class RenewalError(Exception):
    """What was asked for is not recorded; the text is one sentence for a person, which says what to do."""


class UnknownRenewal(RenewalError):
    """There is no renewal of that name; the text names those that there are."""


class SaidWrongly(RenewalError):
    """What was given is none of what can be said."""


class PlanRefused(RenewalError):
    """It contradicts what was said before."""
