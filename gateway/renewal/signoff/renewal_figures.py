"""Which figures a document about a renewal holds.

Their names are the endpoint, a slash, the alias where it is about one certificate's key, a slash, and what was asked:
`orders/responses`, `orders/acme-2024/cells`, `orders/acme-2024/since/signed`. What begins with `since` is counted from
the last use of that old key on.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Engine

from gateway.ledger import RecordNotFound, counted_record, find_record
from gateway.present import instant_json
from gateway.renewal.evidence import Evidence
from gateway.renewal.plan import PlannedCertificate, Renewal
from gateway.renewal.signoff.answers import LedgerSource
from gateway.renewal.signoff.figures import Figure, Question, Window
from gateway.renewal.signoff.tallies import RecordTally

_MICROSECOND: Final = timedelta(microseconds=1)
MOST_RECORDS: Final = 300
"""Records that a document names one by one, as evidence of its cells."""


def counted_figures(
    engine: Engine, renewal: Renewal, old: Sequence[PlannedCertificate], evidence: Evidence, window: Window
) -> tuple[tuple[Figure, ...], LedgerSource]:
    """Every figure about `renewal` and these of its old certificates, and the source that answered.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    asked = dict(_questions(renewal, old, evidence, window))
    source = LedgerSource(engine, window)
    answers = source.answers(list(asked.values()))
    figures = [
        Figure(name, answer.value, question)
        for (name, question), answer in zip(asked.items(), answers, strict=True)
        if not answer.unknown  # what cannot be told is not told
    ]
    return (*figures, *_record_figures(engine, figures)), source


def last_use(evidence: Evidence, certificate: PlannedCertificate, endpoint: str, window: Window) -> datetime | None:
    """When the key of `certificate` was last used at `endpoint`, under whichever of its names, within the window."""
    names = evidence.every_name_of(endpoint)
    seen = (use.last_seen for use in evidence.uses_of(certificate.key_id) if use.endpoint in names)
    return max((one for one in seen if window.since <= one <= window.until), default=None)


def _questions(
    renewal: Renewal, old: Sequence[PlannedCertificate], evidence: Evidence, window: Window
) -> Iterator[tuple[str, Question]]:
    for endpoint in renewal.endpoints:
        names = sorted(evidence.every_name_of(endpoint))
        whole = _scope(names, window.since, window)
        for ask in ("responses", "unexamined", "watched", "delivery-times"):
            yield f"{endpoint}/{ask}", {"ask": ask, **whole}
        for certificate in _one_of_each_key((*old, renewal.new)):
            key = {"key_id": str(certificate.key_id)}
            for ask in ("signed", "cells", "days", "reasons"):
                yield f"{endpoint}/{certificate.alias}/{ask}", {"ask": ask, **whole, **key}
        for certificate in _one_of_each_key(old):
            last = last_use(evidence, certificate, endpoint, window)
            since = _scope(names, window.since if last is None else last + _MICROSECOND, window)
            stem = f"{endpoint}/{certificate.alias}/since"
            for ask in ("responses", "unexamined", "watched"):
                yield f"{stem}/{ask}", {"ask": ask, **since}
            yield f"{stem}/signed", {"ask": "signed", **since, "key_id": str(certificate.key_id)}
    yield (
        "keystore/history",
        {
            "ask": "keystore-history",
            "thumbprints": sorted({str(one.thumbprint) for one in (*renewal.old, renewal.new)}),
            "revision": window.keystore_revision,
        },
    )
    yield "keystore/revision", {"ask": "keystore-revision", "revision": window.keystore_revision}
    yield "said", {"ask": "said", "renewal": str(renewal.name), "number": window.statement}
    yield "said/end", {"ask": "statement", "number": window.statement}
    for end in window.ends:
        place = {"writer": end.writer, "sequence": end.sequence, "event_number": end.event_number}
        yield f"chains/{end.writer}", {"ask": "chain-end", **place}
    yield "findings", {"ask": "findings"}


def _scope(endpoints: Sequence[str], since: datetime, window: Window) -> dict[str, Any]:
    return {"endpoints": list(endpoints), "from": instant_json(since), "until": instant_json(window.until)}


def _one_of_each_key(certificates: Iterable[PlannedCertificate]) -> list[PlannedCertificate]:
    """Of several over one key the first: what is counted is told apart by key."""
    found: dict[str, PlannedCertificate] = {}
    for one in certificates:
        found.setdefault(str(one.key_id), one)
    return list(found.values())


def _record_figures(engine: Engine, figures: Iterable[Figure]) -> Iterator[Figure]:
    """The records that cells name, each with what it says: a bundle of evidence proves them without the database."""
    for record_id in records_named(figures):
        tally = RecordTally(record_id)
        try:
            stored = find_record(engine, record_id)
        except RecordNotFound:
            continue  # pruned at this very moment
        tally.take(counted_record(stored.record))
        yield Figure(f"records/{record_id}", tally.value(), {"ask": "record", "id": record_id})


def records_named(figures: Iterable[Figure]) -> tuple[str, ...]:
    """The ids of the records that stand for cells: the first and the last of each."""
    rows: list[Mapping[str, Any]] = [row for one in figures if one.question["ask"] == "cells" for row in one.value]
    ids = dict.fromkeys(row[name] for row in rows for name in ("last_record", "first_record"))
    return tuple(ids)[:MOST_RECORDS]
