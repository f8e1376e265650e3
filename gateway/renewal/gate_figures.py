"""What a gate saw: the question, the window, the figures, and whose word they rest on.

Whoever passes a gate leaves this in the history of the keystore, as one canonical JSON text, so that an auditor can ask
later on what the answer rested.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from gateway.present import instant_json, instant_text, span_text
from gateway.renewal.evidence import Evidence, KeyUse, Span
from keystore import Blocker
from keystore.store import GateAnswer, StoredEntry

SCHEMA: Final = "wssgate.gate/1"
_MOST_USES: Final = 200
_MOST_GAPS: Final = 100
"""Of each endpoint; the longest gaps."""


@dataclass(frozen=True, slots=True)
class EndpointFigures:
    """What was found of one endpoint."""

    endpoint: str
    asked: bool
    """Whether trust ends there with this entry."""
    trusted_since: datetime
    last_use: datetime | None = None
    uses: Sequence[KeyUse] = ()
    """Of the key, as far as messages needed it."""
    guaranteed_delivery_time: timedelta = timedelta(0)
    watched_from: datetime | None = None
    """From when on watched time was counted."""
    watched: timedelta = timedelta(0)
    gaps: Sequence[Span] = ()
    """In which nobody watched."""
    waived: tuple[str, ...] = ()
    """Cells that were not asked whether they switched, for somebody waived that by name."""
    blockers: tuple[Blocker, ...] = ()
    because: str = ""
    """Why the endpoint was not asked."""

    @classmethod
    def unasked(cls, endpoint: str, since: datetime, because: str) -> "EndpointFigures":
        """Of an endpoint at which nothing ends."""
        return cls(endpoint, asked=False, trusted_since=since, because=because)


@dataclass(frozen=True, slots=True)
class GateFigures:
    """One question to a gate, and its answer."""

    question: Literal["retire", "purge"]
    entry: StoredEntry
    at: datetime
    """When it shall happen."""
    evidence: Evidence
    endpoints: Sequence[EndpointFigures]
    others: tuple[Blocker, ...] = ()
    """Blockers that belong to no endpoint."""

    @property
    def blockers(self) -> tuple[Blocker, ...]:
        """Everything that speaks against it."""
        return (*(blocker for one in self.endpoints for blocker in one.blockers), *self.others)

    @property
    def summary(self) -> str:
        """What was seen, in one sentence for the history."""
        if self.question == "purge":
            return "kept for as long as old keys are kept"
        asked = [one for one in self.endpoints if one.asked]
        if not asked:
            return "no endpoint loses a key by it"
        shown = "; ".join(map(_seen, asked[:3]))
        waived = [cell for one in asked for cell in one.waived]
        shown += f"; and {len(asked) - 3} more endpoints" if len(asked) > 3 else ""
        return shown + (f"; waived: {', '.join(waived[:3])}" if waived else "") + (", ..." if len(waived) > 3 else "")

    def answer(self) -> GateAnswer:
        """The answer for the keystore, with all of this for its history."""
        return GateAnswer(self.blockers, self._text(), self.summary)

    def _text(self) -> str:
        """Canonical JSON: names sorted, no white space, ASCII."""
        return json.dumps(self._json(), sort_keys=True, separators=(",", ":"), ensure_ascii=True)

    def _json(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "question": self.question,
            "alias": str(self.entry.alias),
            "thumbprint": str(self.entry.thumbprint),
            "key_id": str(self.entry.key_id),
            "at": instant_json(self.at),
            "evidence_until": instant_json(self.evidence.taken_at),
            "endpoints": [_endpoint_json(one) for one in self.endpoints],
            "blockers": [blocker.sentence for blocker in self.blockers],
            "disturbances": [disturbance.sentence for disturbance in self.evidence.disturbances],
            "writers": [
                {
                    "writer": one.writer,
                    "instance": one.instance,
                    "head": one.head.text,
                    "public_key": one.public_key,
                }
                for one in self.evidence.writers
            ],
        }


def _endpoint_json(figures: EndpointFigures) -> dict[str, Any]:
    longest = sorted(figures.gaps, key=lambda gap: gap.start - gap.end)[:_MOST_GAPS]
    return {
        "endpoint": figures.endpoint,
        "asked": figures.asked,
        "because": figures.because,
        "trusted_since": instant_json(figures.trusted_since),
        "last_use": instant_json(figures.last_use),
        "guaranteed_delivery_seconds": figures.guaranteed_delivery_time.total_seconds(),
        "watched_from": instant_json(figures.watched_from),
        "watched_seconds": figures.watched.total_seconds(),
        "gaps": [[instant_json(gap.start), instant_json(gap.end)] for gap in sorted(longest)],
        "uses": [
            {
                "operation": use.operation,
                "server": use.server,
                "thumbprint": str(use.thumbprint),
                "role": str(use.role),
                "outcome": str(use.outcome),
                "messages": use.messages,
                "first_seen": instant_json(use.first_seen),
                "last_seen": instant_json(use.last_seen),
            }
            for use in figures.uses[:_MOST_USES]
        ],
        "waived": list(figures.waived),
        "blockers": [blocker.sentence for blocker in figures.blockers],
    }


def _seen(figures: EndpointFigures) -> str:
    """What the delivery time was held against at one endpoint."""
    last = figures.last_use
    needed = "never needed" if last is None else f"last needed {instant_text(last)}"
    since = "since it was trusted" if last is None else "since"
    return (
        f"{figures.endpoint}: {needed}, watched for {span_text(figures.watched)} {since}; guaranteed delivery time "
        f"{span_text(figures.guaranteed_delivery_time)}"
    )
