"""Which figures a document about a renewal holds.

Their names are the endpoint, a slash, the alias where it is about one certificate's key, a slash, and what was asked:
`orders/responses`, `orders/acme-2024/cells`, `orders/acme-2024/since/signed`. What begins with `since` is counted from
the last use of that old key on.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Engine

from gateway.ledger import RecordNotFound, counted_record, find_record
from gateway.present import instant_json
from gateway.renewal.evidence import Evidence
from gateway.renewal.plan import PlannedCertificate, Renewal
from gateway.renewal.signoff.answers import Answered, LedgerSource
from gateway.renewal.signoff.figures import Figure, Question, Window, read_instant
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
    (figures,), source = figures_of_each(engine, renewal, [old], evidence, window)
    return figures, source


def figures_of_each(
    engine: Engine,
    renewal: Renewal,
    groups: Sequence[Sequence[PlannedCertificate]],
    evidence: Evidence,
    window: Window,
) -> tuple[list[tuple[Figure, ...]], LedgerSource]:
    """The same of each of several groups of its old certificates: all records are read once, however many there are.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    subjects = [_subject(renewal, old, evidence, window) for old in groups]
    answers, source = _answers(engine, subjects, window)
    counted = [replace(one, since=dict(_counted_since(one, answers, window))) for one in subjects]
    if counted != subjects:
        # A key was used while the evidence was taken, so that the evidence tells of a use behind the window.
        subjects = counted
        answers, source = _answers(engine, subjects, window)
    found = []
    for subject in subjects:
        figures = [
            Figure(name, answers[name].value, question)
            for name, question in questions_about(subject, window)
            if not answers[name].unknown  # what cannot be told is not told
        ]
        found.append((*figures, *_record_figures(engine, figures)))
    return found, source


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What the figures of a document are about."""

    renewal: str
    endpoints: Mapping[str, Sequence[str]]
    """As the renewal names them, each with every name that it had."""
    old: Sequence[tuple[str, str]]
    """Aliases and key ids of the old certificates that the document is about."""
    new: tuple[str, str]
    """The same of the new one."""
    thumbprints: Sequence[str]
    """Of all certificates of the renewal."""
    since: Mapping[tuple[str, str], str]
    """From when on uses of an old key are counted once more, by endpoint and alias."""


def questions_about(subject: Subject, window: Window) -> Iterator[tuple[str, Question]]:
    """The name and the question of each figure that a document about `subject` has, but for single records."""
    begin = instant_json(window.since)
    for endpoint, names in subject.endpoints.items():
        whole = _scope(names, begin, window)
        for ask in ("responses", "unexamined", "watched", "delivery-times"):
            yield f"{endpoint}/{ask}", {"ask": ask, **whole}
        for alias, key_id in _one_of_each_key((*subject.old, subject.new)):
            for ask in ("signed", "cells", "days", "reasons"):
                yield f"{endpoint}/{alias}/{ask}", {"ask": ask, **whole, "key_id": key_id}
        for alias, key_id in _one_of_each_key(subject.old):
            since = _scope(names, subject.since[endpoint, alias], window)
            stem = f"{endpoint}/{alias}/since"
            for ask in ("responses", "unexamined", "watched"):
                yield f"{stem}/{ask}", {"ask": ask, **since}
            yield f"{stem}/signed", {"ask": "signed", **since, "key_id": key_id}
    revision = window.keystore_revision
    yield (
        "keystore/history",
        {"ask": "keystore-history", "thumbprints": sorted(set(subject.thumbprints)), "revision": revision},
    )
    yield "keystore/revision", {"ask": "keystore-revision", "revision": revision}
    yield "said", {"ask": "said", "renewal": subject.renewal, "number": window.statement}
    yield "said/end", {"ask": "statement", "number": window.statement}
    for end in window.ends:
        place = {"writer": end.writer, "sequence": end.sequence, "event_number": end.event_number}
        yield f"chains/{end.writer}", {"ask": "chain-end", **place}
    yield "findings", {"ask": "findings"}


def since_last_use(signed: Mapping[str, Any], window: Window) -> str:
    """From when on uses of an old key are counted once more, by what is counted of it over the whole window.

    Raises:
        KeyError: It tells no last use; or TypeError, OverflowError, DocumentUnreadable: it tells another thing.
    """
    last = signed["last"]
    return instant_json(window.since if last is None else read_instant(last) + _MICROSECOND)


def named_by(rows: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """The ids of the records that stand for cells: the first and the last of each."""
    return tuple(dict.fromkeys(row[name] for row in rows for name in ("last_record", "first_record")))


def _answers(
    engine: Engine, subjects: Iterable[Subject], window: Window
) -> tuple[Mapping[str, Answered], LedgerSource]:
    asked = {name: question for one in subjects for name, question in questions_about(one, window)}
    source = LedgerSource(engine, window)
    return dict(zip(asked, source.answers(list(asked.values())), strict=True)), source


def _subject(renewal: Renewal, old: Sequence[PlannedCertificate], evidence: Evidence, window: Window) -> Subject:
    return Subject(
        renewal=str(renewal.name),
        endpoints={endpoint: sorted(evidence.every_name_of(endpoint)) for endpoint in renewal.endpoints},
        old=[(str(one.alias), str(one.key_id)) for one in old],
        new=(str(renewal.new.alias), str(renewal.new.key_id)),
        thumbprints=[str(one.thumbprint) for one in (*renewal.old, renewal.new)],
        since={
            (endpoint, str(one.alias)): _last_use(evidence, one, endpoint, window)
            for endpoint in renewal.endpoints
            for one in old
        },
    )


def _last_use(evidence: Evidence, certificate: PlannedCertificate, endpoint: str, window: Window) -> str:
    """Behind the last use of its key at `endpoint`, under whichever of its names, within the window."""
    names = evidence.every_name_of(endpoint)
    seen = (use.last_seen for use in evidence.uses_of(certificate.key_id) if use.endpoint in names)
    last = max((one for one in seen if window.since <= one <= window.until), default=None)
    return since_last_use({"last": instant_json(last)}, window)


def _counted_since(
    subject: Subject, answers: Mapping[str, Answered], window: Window
) -> Iterator[tuple[tuple[str, str], str]]:
    """The same as the records tell it, where they are all there."""
    for (endpoint, alias), since in subject.since.items():
        signed = answers.get(f"{endpoint}/{alias}/signed")  # none of a further certificate over one key
        yield (endpoint, alias), since if signed is None or signed.unknown else since_last_use(signed.value, window)


def _scope(endpoints: Sequence[str], since: str, window: Window) -> dict[str, Any]:
    return {"endpoints": list(endpoints), "from": since, "until": instant_json(window.until)}


def _one_of_each_key(certificates: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Of several over one key the first: what is counted is told apart by key."""
    found: dict[str, tuple[str, str]] = {}
    for alias, key_id in certificates:
        found.setdefault(key_id, (alias, key_id))
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
    """The ids of the records that stand for cells, as many as a document names."""
    return named_by(row for one in figures if one.question["ask"] == "cells" for row in one.value)[:MOST_RECORDS]
