"""What one message may cost, consumed by every expensive operation (threat rules 10 and 28).

Whoever can send a message can choose what it costs; some costs need a key of the keystore, none needs an honest owner.
"""

from collections.abc import Callable
from typing import Final

from gateway.verify.reason import Reason, Rejection

MAX_FORMS: Final = 3
"""What the canonical forms of one message may cost, by what one of the whole message would cost: two signatures that
canonicalize everything in two ways, and parts of it again."""
ALWAYS_ADMITTED: Final = 8 * 1024 * 1024
"""What they may cost in any message."""
ELEMENT_OCTETS: Final = 36
"""An element in a canonical form costs as much as so many octets of text: 0.3 µs."""
COPIED: Final = 3
"""What a form that is made from a copy costs, by one that is not: it is written, parsed and written again."""
MAX_NAMESPACE_WORK: Final = 40_000_000
"""Comparisons of namespace nodes in all canonicalizations of one message: about 4 ns each in libxml2."""
MAX_EMBEDDED_CERTIFICATES: Final = 4
"""Certificates of one message looked at for a diagnosis: what their keys cost is its sender's choice."""
_SMALL: Final = 65_536


class WorkBudget:
    """What is left for one message."""

    __slots__ = ("_at_most", "_certificates", "_elements", "_left", "_namespaces")

    def __init__(
        self, message_size: int, elements: Callable[[], int] = int, at_most: Callable[[], int] | None = None
    ) -> None:
        """Admit canonical forms of several times the message.

        Args:
            message_size: its octets.
            elements: counts its elements, when it comes to them.
            at_most: gives a number of elements that it does not exceed, at less cost.
        """
        self._at_most = at_most
        self._left = MAX_FORMS * message_size + ALWAYS_ADMITTED
        self._elements: Callable[[], int] | None = elements
        self._namespaces = MAX_NAMESPACE_WORK
        self._certificates = MAX_EMBEDDED_CERTIFICATES

    def spend_form(self, form: bytes, *, copied: bool = False) -> None:
        """Count a canonical form: references to elements inside each other repeat the same content.

        `copied` says that it was made from a copy, as inclusive forms are. Once all is spent nothing more can be, so
        that counting an empty form tells whether another may be made.

        Raises:
            Rejection: `limits`.
        """
        # <a></a> is the shortest element of a canonical form.
        elements = len(form) // 7
        if len(form) >= _SMALL:
            elements = form.count(b"</") if self._at_most is None else min(elements, self._at_most())
        cost = len(form) + ELEMENT_OCTETS * elements
        self._left -= cost * COPIED if copied else cost
        if self._left < 0 and self._elements is not None:
            self._left += MAX_FORMS * ELEMENT_OCTETS * self._elements()
            self._elements = None
        if self._left < 0:
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
