"""Certificates that expire, and whether anybody renews them.

A certificate is *due* where it is trusted, expires within the time that is asked for, and no open renewal replaces it
at every endpoint at which it is trusted.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from gateway.present import day_text, instant_json
from gateway.renewal.evidence import Evidence
from gateway.renewal.plan import Renewal
from keystore import Alias, State, Thumbprint
from keystore.store import StoredEntry

EXPIRY_SCHEMA: Final = "wssgate.expiry/1"
DUE_WITHIN: Final = timedelta(days=60)
"""Time enough to agree with another company on a new certificate."""


@dataclass(frozen=True, slots=True)
class Expiry:
    """One certificate that is trusted or staged, and when it ends."""

    alias: Alias
    thumbprint: Thumbprint
    state: State
    endpoints: frozenset[str] | None
    """None means every endpoint."""
    not_after: datetime
    left: timedelta
    """Until then; negative where it has expired."""
    renewal: str
    """The open renewal that replaces it; empty where there is none."""
    successors: tuple[Alias, ...]
    """Entries that are trusted or staged and were declared to replace it."""
    is_due: bool
    left_out: tuple[str, ...] = ()
    """Endpoints at which it is trusted, and that no open renewal of it is about; empty where there is none at all."""

    @property
    def days_left(self) -> int:
        """Whole days, rounded down; negative where it has expired."""
        return self.left // timedelta(days=1)

    @property
    def sentence(self) -> str:
        """What to know about it, and what to do."""
        ends = (
            f"expired on {day_text(self.not_after)}"
            if self.left < timedelta(0)
            else (
                f"expires on {day_text(self.not_after)}, in {self.days_left} {'day' if self.days_left == 1 else 'days'}"
            )
        )
        if self.left_out:
            return (
                f"{self.alias} {ends}; the renewal {self.renewal} is open, and not about {', '.join(self.left_out)}: "
                f"wssgate renewal change {self.renewal} -e {self.left_out[0]}"
            )
        if self.renewal:
            return f"{self.alias} {ends}; the renewal {self.renewal} is open"
        if not self.is_due:
            return f"{self.alias} {ends}"
        if self.successors:
            new = self.successors[0]
            return f"{self.alias} {ends}, and no renewal is open: wssgate renewal start --old {self.alias} --new {new}"
        return (
            f"{self.alias} {ends}, and no renewal is open: ask for a new certificate, then "
            f"wssgate renewal start --old {self.alias} --new FILE"
        )


def endpoints_now(evidence: Evidence, configured: Iterable[str]) -> Mapping[str, frozenset[str]]:
    """Every endpoint that is configured, or was served and has not ended, with every name that it had."""
    served = (name for name, found in evidence.recorded().items() if found.closing is None)
    return {name: evidence.names_of(name) for name in (*configured, *served)}


def expiries(
    entries: Sequence[StoredEntry],
    renewals: Sequence[Renewal],
    at: datetime,
    within: timedelta = DUE_WITHIN,
    *,
    endpoints: Mapping[str, frozenset[str]],
) -> list[Expiry]:
    """Every certificate that is trusted or staged at the instant `at`, the next to expire first.

    Args:
        entries: The keystore.
        renewals: Those that were ever started.
        at: Now.
        within: A trusted certificate that expires within this time is due, unless a renewal replaces it.
        endpoints: Those that there are, with every name that each had (`endpoints_now`).
    """
    found = []
    for entry in entries:
        trusted = entry.trusted()
        state = entry.state_at(at)
        if trusted is None or state not in {State.TRUSTED, State.STAGED}:
            continue
        open_ones = [
            renewal
            for renewal in renewals
            if renewal.is_open and any(old.thumbprint == entry.thumbprint for old in renewal.old)
        ]
        renewal = open_ones[0].name if open_ones else ""
        covered = {name for one in open_ones for name in one.endpoints}
        left_out = tuple(
            sorted(
                name
                for name, names in endpoints.items()
                if covered.isdisjoint(names) and (entry.endpoints is None or not names.isdisjoint(entry.endpoints))
            )
        )
        left = trusted.not_after - at
        found.append(
            Expiry(
                alias=entry.alias,
                thumbprint=entry.thumbprint,
                state=state,
                endpoints=entry.endpoints,
                not_after=trusted.not_after,
                left=left,
                renewal=renewal,
                successors=tuple(
                    other.alias
                    for other in entries
                    if entry.thumbprint in other.replaces and other.state_at(at) in {State.TRUSTED, State.STAGED}
                ),
                is_due=state is State.TRUSTED and left <= within and (not renewal or bool(left_out)),
                left_out=left_out if renewal else (),
            )
        )
    return sorted(found, key=lambda one: (one.not_after, one.alias))


def expiry_json(found: Sequence[Expiry], at: datetime, within: timedelta) -> dict[str, Any]:
    """The certificates as an object of the schema `wssgate.expiry/1`."""
    return {
        "schema": EXPIRY_SCHEMA,
        "at": instant_json(at),
        "within_seconds": within.total_seconds(),
        "due": sum(one.is_due for one in found),
        "certificates": [
            {
                "alias": str(one.alias),
                "thumbprint": str(one.thumbprint),
                "state": str(one.state),
                "endpoints": None if one.endpoints is None else sorted(one.endpoints),
                "not_after": instant_json(one.not_after),
                "days_left": one.days_left,
                "renewal": one.renewal or None,
                "left_out": list(one.left_out),
                "successors": [str(alias) for alias in one.successors],
                "due": one.is_due,
                "summary": one.sentence,
            }
            for one in found
        ],
    }
