"""What one message may cost, consumed by every expensive operation (threat rules 10 and 28).

Whoever can send a message can choose what it costs; some costs need a key of the keystore, none needs an honest owner.
"""

from typing import Final

from gateway.verify.reason import Reason, Rejection

MAX_NAMESPACE_WORK: Final = 40_000_000
"""Comparisons of namespace nodes in all canonicalizations of one message: about 4 ns each in libxml2."""
MAX_EMBEDDED_CERTIFICATES: Final = 4
"""Certificates of one message looked at for a diagnosis: what their keys cost is its sender's choice."""


class WorkBudget:
    """What is left for one message."""

    __slots__ = ("_certificates", "_namespaces", "_octets")

    def __init__(self, message_size: int) -> None:
        """Admit canonical forms of several times the message: two signatures over everything, and parts of it again."""
        self._octets = 16 * message_size + 65_536
        self._namespaces = MAX_NAMESPACE_WORK
        self._certificates = MAX_EMBEDDED_CERTIFICATES

    def spend_octets(self, count: int) -> None:
        """Count the octets of a canonical form: references to elements inside each other repeat the same content.

        Raises:
            Rejection: `limits`.
        """
        self._octets -= count
        if self._octets < 0:
            raise Rejection(Reason.LIMITS, "the canonical forms of the signed parts are too large for this message")

    def spend_namespaces(self, comparisons: int) -> None:
        """Count the namespace comparisons that a canonicalization is about to make.

        Raises:
            Rejection: `limits`.
        """
        self._namespaces -= comparisons
        if self._namespaces < 0:
            raise Rejection(Reason.LIMITS, "the signed parts have too many namespaces in scope over too many elements")

    def may_examine_certificate(self) -> bool:
        """Count one more embedded certificate; whether it may still be looked at."""
        self._certificates -= 1
        return self._certificates >= 0
