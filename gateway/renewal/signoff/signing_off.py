"""The sign-off of a renewal: the figures, what was said, and how the program judged it, in one document.

What the program judged stands in `judged`: it is not recomputed, for it is a reading of the figures and of what was
said; all else is a figure, with the question that recomputes it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, BinaryIO, Final

from sqlalchemy import Engine

from gateway.ledger import MadeBundle, make_bundle, read_statements, records_up_to
from gateway.present import instant_json
from gateway.renewal.evidence import measure
from gateway.renewal.plan import Renewal, StatementKind
from gateway.renewal.progress import RenewalStatus, step_json
from gateway.renewal.signoff.figures import (
    Figure,
    canonical,
    figures_json,
    read_figures,
    read_window,
    sha256_of,
    window_json,
)
from gateway.renewal.signoff.renewal_figures import counted_figures
from gateway.renewal.signoff.retirement import as_said, window_now

SIGNOFF_SCHEMA: Final = "wssgate.signoff/1"
MOST_BUNDLED: Final = 20_000
"""Records of a window that are put into a bundle, all of them: each is checked signature by signature."""


@dataclass(frozen=True)
class Signoff:
    """One sign-off."""

    content: Mapping[str, Any]
    """As JSON holds it."""

    @property
    def text(self) -> str:
        """In its one spelling."""
        return canonical(self.content)

    @property
    def sha256(self) -> str:
        """Of the text in UTF-8: what identifies it."""
        return sha256_of(self.content)

    @cached_property
    def figures(self) -> Mapping[str, Figure]:
        """The figures by name."""
        return {one.name: one for one in read_figures(self.content)}

    @property
    def evidence_ids(self) -> tuple[str, ...]:
        """The records that stand for its cells."""
        return tuple(one.question["id"] for one in self.figures.values() if one.question["ask"] == "record")


def make_signoff(engine: Engine, renewal: Renewal, status: RenewalStatus, who: str) -> Signoff:
    """The sign-off of `renewal` over everything that is on record until now.

    Args:
        engine: The ledger's database, with the keystore in it.
        renewal: Which one; open or closed.
        status: How it was judged.
        who: Who makes it.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    from importlib.metadata import version  # reads the metadata with half of the email package

    window = window_now(engine, renewal)
    renewal = as_said(engine, renewal, window)
    figures, _ = counted_figures(
        engine, renewal, renewal.old, measure(engine, longest=window.until - window.since), window
    )
    return Signoff(
        {
            "schema": SIGNOFF_SCHEMA,
            "renewal": str(renewal.name),
            "made": {"at": instant_json(window.until), "by": who, "version": version("wssgate")},
            "window": window_json(window),
            "figures": figures_json(figures),
            "judged": _judged(status),
            "retirement_certificates": _retirement_certificates(engine, renewal, window.statement),
            "recompute": "wssgate renewal verify-signoff FILE",
        }
    )


def evidence_bundle(engine: Engine, signoff: Signoff, stream: BinaryIO) -> tuple[MadeBundle, bool]:
    """Write a bundle of evidence for a sign-off: every record of its window, or those that stand for its cells.

    Args:
        engine: The ledger's database.
        signoff: What shall be proven.
        stream: Where the bundle goes.

    Returns:
        What is in it, and whether that is every record of the window, so that counts can be recomputed from it.

    Raises:
        RecordNotFound: A record was pruned since.
        BundleRefused: It would be too large.
        DatabaseUnavailable: The database cannot be read.
    """
    window = read_window(signoff.content)
    ids = records_up_to(engine, window.ends, window.since, most=MOST_BUNDLED)
    is_whole = ids is not None
    return make_bundle(engine, signoff.evidence_ids if ids is None else ids, stream), is_whole


def _judged(status: RenewalStatus) -> dict[str, Any]:
    return {
        "at": instant_json(status.judged_at),
        "steps": [step_json(step) for step in status.steps],
        "coverage": [
            {
                "endpoint": cell.endpoint,
                "operation": cell.operation or "",
                "server": cell.server,
                "state": str(cell.state),
                "sentence": cell.sentence,
            }
            for cell in status.coverage
        ],
        "relapses": [
            {
                "endpoint": one.endpoint,
                "operation": one.operation or "",
                "server": one.server,
                "first": instant_json(one.first),
                "last": instant_json(one.last),
                "messages": one.messages,
                "was_retired": one.was_retired,
            }
            for one in status.relapses
        ],
        "waiting_for": status.waiting_for,
        "blockers": [blocker.sentence for blocker in status.blockers],
        "warnings": list(status.warnings),
    }


def _retirement_certificates(engine: Engine, renewal: Renewal, until: int) -> list[dict[str, Any]]:
    """Those that were recorded, in full."""
    return [
        {"sha256": one.content.get("sha256"), "certificate": _object(one.content.get("certificate"))}
        for one in read_statements(engine)
        if one.number <= until and one.renewal == str(renewal.name) and one.kind == StatementKind.RETIRED
    ]


def _object(text: object) -> Mapping[str, Any] | None:
    try:
        found = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None  # somebody wrote over it
    return found if isinstance(found, dict) else None


def retirement_certificates(content: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The retirement certificates in a sign-off, each `{sha256, certificate}`."""
    found = content.get("retirement_certificates")
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
