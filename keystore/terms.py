"""On which terms an entry is trusted: for which endpoints, from when until when, and as whose successor."""

from dataclasses import dataclass
from datetime import datetime

from keystore.errors import Refused
from keystore.identity import Thumbprint


@dataclass(frozen=True, slots=True)
class Terms:
    """What may be said of an entry besides its state.

    Raises:
        Refused: `endpoints` is empty, or the trust would end before it begins.
    """

    endpoints: frozenset[str] | None = None
    """Names of the endpoints that it is meant for; None means every endpoint."""
    trusted_from: datetime | None = None
    """Before this instant (with a time zone) a trusted entry counts as staged."""
    trusted_until: datetime | None = None
    """When its trust shall end, through the gate: see `KeystoreStore.end_due`."""
    replaces: frozenset[Thumbprint] = frozenset()
    """The certificates whose successor it is declared to be."""

    def __post_init__(self) -> None:
        if self.endpoints is not None and not self.endpoints:
            raise Refused(
                "no endpoint is named, so the certificate would be trusted for none: name one, or leave it out"
            )
        if self.trusted_from is not None and self.trusted_until is not None and self.trusted_from >= self.trusted_until:
            raise Refused("the trust would end before it begins: give an end that is later than the beginning")
