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
_SHORTEST: Final = len(b"<a></a>")
_LEAST_OF_AN_ELEMENT: Final = _SHORTEST + ELEMENT_OCTETS
COPIED: Final = 3
"""What a form that is made from a copy costs, by one that is not: it is written, parsed and written again."""
MAX_NAMESPACE_WORK: Final = 40_000_000
"""Comparisons of namespace nodes in all canonicalizations of one message: about 4 ns each in libxml2."""
MAX_EMBEDDED_CERTIFICATES: Final = 4
"""Certificates of one message looked at for a diagnosis: what their keys cost is its sender's choice."""


class WorkBudget:
    """What is left for one message."""

    __slots__ = ("_certificates", "_elements", "_estimated", "_left", "_namespaces", "_size")

    def __init__(self, message_size: int, elements: Callable[[], int] = int) -> None:
        """Admit canonical forms of several times the message.

        Args:
            message_size: its octets.
            elements: counts its elements, when it comes to them.
        """
        self._size = message_size
        self._left = MAX_FORMS * message_size + ALWAYS_ADMITTED
        self._estimated: list[tuple[bytes, int]] = []
        """Forms that were charged as if they were nothing but elements."""
        self._elements: Callable[[], int] | None = elements
        self._namespaces = MAX_NAMESPACE_WORK
        self._certificates = MAX_EMBEDDED_CERTIFICATES

    def foresee_form(self, elements: Callable[[], int], *, copied: bool = False) -> None:
        """Refuse a canonical form that will cost more than is left, before it is made.

        Args:
            elements: counts the elements in it: it costs as much as they do at the least.
            copied: as for `spend_form`.

        Raises:
            Rejection: `limits`.
        """
        weight = COPIED if copied else 1
        if self._left < weight * _most(self._size):
            self._refuse_more_than_is_left(weight * _LEAST_OF_AN_ELEMENT * elements())

    def spend_form(self, form: bytes, *, copied: bool = False) -> None:
        """Count a canonical form: references to elements inside each other repeat the same content.

        `copied` says that it was made from a copy, as inclusive forms are.

        Raises:
            Rejection: `limits`.
        """
        weight = COPIED if copied else 1
        self._left -= weight * _most(len(form))
        self._estimated.append((form, weight))
        self._refuse_more_than_is_left(0)

    def spend_octets(self, octets: int) -> None:
        """Count octets of attachments that are digested in the place of what stands for them.

        Raises:
            Rejection: `limits`.
        """
        self._left -= octets
        self._refuse_more_than_is_left(0)

    def _refuse_more_than_is_left(self, needed: int) -> None:
        # Counting costs something, too: only where the guess would exceed the budget.
        if self._left < needed:
            self._count_exactly(needed)
        if self._left < needed:
            raise Rejection(Reason.LIMITS, "the canonical forms of the signed parts are too large for this message")

    def _count_exactly(self, needed: int) -> None:
        for form, weight in self._estimated:
            self._left += weight * (_most(len(form)) - _exactly(form))
        self._estimated.clear()
        if self._left < needed and self._elements is not None:
            self._left += MAX_FORMS * ELEMENT_OCTETS * self._elements()
            self._elements = None

    def spend_namespaces(self, comparisons: int) -> None:
        """Count the namespace comparisons that a canonicalization is about to make.

        Raises:
            Rejection: `limits`.
        """
        self._namespaces -= comparisons
        if self._namespaces < 0:
            raise Rejection(Reason.LIMITS, "the signed parts have too many namespaces in scope over too many elements")

    @property
    def namespaces_spent(self) -> int:
        """Namespace comparisons that were counted so far."""
        return MAX_NAMESPACE_WORK - self._namespaces

    def may_examine_certificate(self) -> bool:
        """Count one more embedded certificate; whether it may still be looked at."""
        self._certificates -= 1
        return self._certificates >= 0


def _most(octets: int) -> int:
    """What a form of so many octets costs if it is made of <a></a> alone, the shortest element of a canonical form."""
    return octets + ELEMENT_OCTETS * (octets // _SHORTEST)


def _exactly(form: bytes) -> int:
    # Every element of a canonical form has an end tag.
    return len(form) + ELEMENT_OCTETS * form.count(b"</")
