"""The retirement certificate: what an old certificate's retirement rested on, in one canonical JSON.

Its SHA-256 stands in the keystore's history, in the evidence of the gate that was passed or overridden, as
`retirement_certificate`. It holds the question, the window, the figures with their own questions, what the gate saw
(`wssgate.gate/1`), what speaks against it all the same, and the command that recomputes it. The figures are counted
before the change, and outside of its lock; what the gate answered is put in while it is asked. Counting takes as long
as there are records, so the gate's own evidence is taken after it: a message that comes meanwhile is not overlooked.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Engine

from gateway.ledger import chain_ends, read_statements, reading, start_of_hour
from gateway.present import instant_json
from gateway.renewal.evidence import measure
from gateway.renewal.plan import PlannedCertificate, Renewal, renewals_of
from gateway.renewal.signoff.figures import Figure, Window, canonical, ends_of, figures_json, sha256_of, window_json
from gateway.renewal.signoff.renewal_figures import figures_of_each
from keystore import Blocker, Thumbprint
from keystore.store import GateAnswer, Gates, StoredEntry, TrustedSince, history_anchor

RETIREMENT_SCHEMA: Final = "wssgate.retirement/1"
BEFORE_THE_START: Final = timedelta(days=7)
"""How far before the start of a renewal documents begin to count: what was usual before."""


@dataclass(frozen=True, slots=True)
class RetirementCertificate:
    """One retirement certificate, as it was made."""

    thumbprint: Thumbprint
    alias: str
    text: str
    """Canonical JSON."""
    sha256: str
    blockers: tuple[Blocker, ...]
    """What the gate held against it: overridden, where the certificate was retired all the same."""


@dataclass(slots=True)
class CertifyingGates:
    """Gates that write a retirement certificate for each old certificate of a renewal that passes them.

    Of what else they are asked they say what the gates below say.
    """

    gates: Gates
    prepared: Mapping[Thumbprint, Mapping[str, Any]]
    """What is known of each old certificate beforehand."""
    made: list[RetirementCertificate] = field(default_factory=list)
    """In the order in which they were asked for; one that was refused is the last word of its thumbprint too."""

    def before_retiring(
        self,
        entry: StoredEntry,
        others: Sequence[StoredEntry],
        *,
        at: datetime,
        since: TrustedSince,
        kept: frozenset[str] | None = frozenset(),
    ) -> GateAnswer:
        """What speaks for and against ending the trust in `entry`. See `keystore.store.Gates`."""
        answer = self.gates.before_retiring(entry, others, at=at, since=since, kept=kept)
        prepared = self.prepared.get(entry.thumbprint)
        if prepared is None:
            return answer
        gate = json.loads(answer.evidence) if answer.evidence else {}
        content = {
            **prepared,
            "gate": gate,
            "exceptions": [*(blocker.sentence for blocker in answer.blockers), *prepared["exceptions"]],
            "question": {**prepared["question"], "at": instant_json(at)},
        }
        digest = sha256_of(content)
        self.made.append(
            RetirementCertificate(entry.thumbprint, str(entry.alias), canonical(content), digest, answer.blockers)
        )
        return GateAnswer(answer.blockers, canonical({**gate, "retirement_certificate": digest}), answer.summary)

    def before_purging(self, entry: StoredEntry, *, at: datetime, since: datetime) -> GateAnswer:
        """What speaks for and against forgetting `entry`. See `keystore.store.Gates`."""
        return self.gates.before_purging(entry, at=at, since=since)


def certifying_gates(
    engine: Engine, gates_now: Callable[[], Gates], renewal: Renewal, old: Sequence[PlannedCertificate]
) -> CertifyingGates:
    """Gates for the retirement of `old`, with everything counted that their retirement certificates hold.

    Args:
        engine: The ledger's database, with the keystore in it.
        gates_now: Gives what the answers come from; asked once everything has been counted.
        renewal: In whose course they are retired.
        old: Which of its old certificates.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    window = window_now(engine, renewal)
    renewal = as_said(engine, renewal, window)
    evidence = measure(engine, longest=window.until - window.since)
    counted, source = figures_of_each(engine, renewal, [[certificate] for certificate in old], evidence, window)
    prepared = {
        certificate.thumbprint: _content(renewal, certificate, window, figures, source.findings)
        for certificate, figures in zip(old, counted, strict=True)
    }
    return CertifyingGates(gates_now(), prepared)


def window_now(engine: Engine, renewal: Renewal) -> Window:
    """From a while before the renewal began until now, over everything that is still there.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    since = start_of_hour(renewal.started_at - BEFORE_THE_START)
    # What people said is read first: what is appended meanwhile is not part of it.
    number = max((one.number for one in read_statements(engine)), default=0)
    with reading(engine) as connection:
        anchor = history_anchor(connection)
    return ends_of(chain_ends(engine, since), since, 0 if anchor is None else anchor.revision, number)


def as_said(engine: Engine, renewal: Renewal, window: Window) -> Renewal:
    """`renewal` as people had said until the end of `window`: somebody may have said more since it was read.

    Figures have to be about the endpoints that the document itself says it is about.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    told = renewals_of(one for one in read_statements(engine) if one.number <= window.statement)
    return told.by_name.get(renewal.name, renewal)


def _content(
    renewal: Renewal,
    certificate: PlannedCertificate,
    window: Window,
    figures: Sequence[Figure],
    findings: Sequence[str],
) -> dict[str, Any]:
    waived = [
        f"waived by {one.by}: {one.endpoint}, {one.operation or 'messages without an operation'}"
        f"{f' at {one.server}' if one.server else ''}: {one.reason}"
        for one in renewal.waivers
    ]
    return {
        "schema": RETIREMENT_SCHEMA,
        "question": {
            "may": "retire",
            "renewal": str(renewal.name),
            "alias": str(certificate.alias),
            "thumbprint": str(certificate.thumbprint),
            "key_id": str(certificate.key_id),
            "endpoints": list(renewal.endpoints),
        },
        "window": window_json(window),
        "figures": figures_json(figures),
        "exceptions": [*waived, *findings],
        "recompute": "wssgate renewal verify-signoff FILE",
    }
