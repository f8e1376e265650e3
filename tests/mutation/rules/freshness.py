"""Rules 23 to 25: time, repetition, and the answer to this request."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from gateway.verify import Expectation, Reason
from gateway.verify.xml_names import ADDRESSING, CREATED, EXPIRES, SIGNATURE_VALUE
from tests.mutation.mutant import Fate, Mutant, Rule, variants
from tests.mutation.rules import harmless, keys
from tests.mutation.scanning import Node, content, portable
from tests.mutation.source import Source

_BROKEN: Final = frozenset({Reason.SIGNATURE_INVALID, Reason.UNKNOWN_KEY, Reason.DIGEST_MISMATCH})
_TIMES: Final = _BROKEN | {
    Reason.TIMESTAMP_STALE,
    Reason.TIMESTAMP_MISSING,
    Reason.STRUCTURE,
    Reason.MALFORMED,
    Reason.PART_NOT_SIGNED,
    Reason.DUPLICATE_ID,
    Reason.WRAPPING,
}
NO_TIMES: Final = (
    "",
    "yesterday",
    "2026-06-01",
    "2026-06-01T12:00:00",
    "2026-06-01 12:00:00Z",
    "2026-13-01T12:00:00Z",
    "2026-06-01T25:00:00Z",
    "2026-06-01T12:00:60Z",
    "20260601T120000Z",
    "1780315200",
    "2026-06-01T12:00:00+25:00",
    "-2026-06-01T12:00:00Z",
    "12026-06-01T12:00:00Z",
    "0000-00-00T00:00:00Z",
    "9999-12-31T23:59:59-14:00",
    "٢٠٢٦-06-01T12:00:00Z",
)


def instants(source: Source) -> Iterator[Mutant]:
    """The same message, too late or too early."""
    if source.timestamp is None or source.timestamp not in source.targets:
        return
    report = source.verdict.timestamp
    if report is None or report.created is None:
        return
    policy = source.case.policy
    stale = frozenset({Reason.TIMESTAMP_STALE, Reason.CERTIFICATE_EXPIRED})
    age = report.created + timedelta(seconds=policy.timestamp_max_age_seconds)
    early = report.created - timedelta(seconds=policy.clock_skew_seconds)
    for label, at in (
        ("at the end of its age", age),
        ("a year later", report.created + timedelta(days=365)),
        ("before it was made", early - timedelta(seconds=1)),
        ("a year earlier", report.created - timedelta(days=365)),
        *((("at its expiry", report.expires),) if report.expires is not None else ()),
    ):
        yield Mutant(label, source.case.message, changes={"at": at}, reasons=stale)
    yield Mutant("as early as clocks differ", source.case.message, Fate.ACCEPTED, {"at": early})


def timestamps(source: Source) -> Iterator[Mutant]:
    """What a Timestamp may say, and how often."""
    timestamp = source.timestamp
    if timestamp is None:
        return
    at = source.case.at
    moments = {
        "long ago": at - timedelta(days=400),
        "too old": at - timedelta(seconds=source.case.policy.timestamp_max_age_seconds + 1),
        "in the future": at + timedelta(seconds=source.case.policy.clock_skew_seconds + 2),
        "far in the future": at + timedelta(days=4000),
    }
    for node in timestamp.children:
        if node.tag not in {CREATED, EXPIRES} or node.empty:
            continue
        for label, moment in moments.items():
            harmless = node.tag == EXPIRES and "future" in label
            fate = Fate.EITHER if harmless else Fate.REJECTED
            yield from variants(source, f"{node.local} {label}", (node.inner, node.outer, _shown(moment)), fate=fate)
        for text in NO_TIMES:
            # The last instants are times, and a value in the future lets nothing expire.
            odd = Fate.EITHER if node.tag == EXPIRES and text.startswith("9999") else Fate.REJECTED
            yield from variants(source, f"{node.local} {text!r}", (node.inner, node.outer, text), fate=odd)
        whole = source.text[node.start : node.end]
        yield from variants(source, f"{node.local} twice", (node.end, node.end, whole))
        yield from variants(source, f"a child of {node.local}", (node.inner, node.inner, "<x/>"))
        bare = Fate.REJECTED if node.tag == CREATED else Fate.EITHER
        yield from variants(source, f"no {node.local}", (node.start, node.end, ""), fate=bare)
        text = content(source.text, node)
        precise = re.sub(r"(:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)$", r"\1.000000000000\2", text)
        yield from variants(source, f"{node.local} with digits", (node.inner, node.outer, precise), fate=Fate.EITHER)
    again = portable(source.text, timestamp)
    for where, offset in (("before", timestamp.start), ("behind", timestamp.end)):
        yield Mutant(f"the Timestamp again {where}", source.edited((offset, offset, again)))
    unnamed = re.sub(r'\s(?:[\w.-]+:)?Id="[^"]*"', "", again, count=1)
    for where, offset in (("before", timestamp.start), ("behind", timestamp.end)):
        yield Mutant(f"another Timestamp {where}", source.edited((offset, offset, unnamed)))
    yield Mutant("no Timestamp", source.edited((timestamp.start, timestamp.end, "")), reasons=_TIMES | _MISSING)


_MISSING: Final = frozenset({Reason.REFERENCE_URI})


def _shown(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def repetitions(source: Source) -> Iterator[Mutant]:
    """The same message, with what nobody signed written differently: it is good, and known again by its replay key."""
    if source.timestamp is None:
        return
    yield from harmless.outside(source)
    for mutant in keys.key_infos(source):
        yield replace(mutant, reasons=_BROKEN | {Reason.STRUCTURE, Reason.REFERENCE_URI, Reason.DUPLICATE_ID})
    for seal in source.signatures:
        value = seal.child(SIGNATURE_VALUE)
        if value is not None and not any(value in signed.walk() for signed in source.signed):
            yield Mutant("another wrapping", source.edited((value.inner, value.inner, "\r\n\t ")), Fate.ACCEPTED)


def _relations(source: Source) -> Iterator[Node]:
    tags = {f"{{{namespace}}}RelatesTo" for namespace in ADDRESSING}
    yield from (target for target in source.targets if target.tag in tags and not target.empty)


def other_requests(source: Source) -> Iterator[Mutant]:
    """The answer to another request."""
    for node in _relations(source):
        if node.attributes.get("RelationshipType"):
            continue
        expects = Expectation(message_id="urn:another-request")
        yield Mutant(
            "another request",
            source.case.message,
            changes={"expects": expects},
            reasons=frozenset({Reason.UNCORRELATED}),
        )
        mine = content(source.text, node).strip()
        changed = (node.inner, node.outer, "urn:another-request")
        for mutant in variants(source, "answers another", changed):
            yield Mutant(
                mutant.label,
                mutant.made,
                changes={"expects": Expectation(message_id=mine)},
                reasons=_BROKEN | {Reason.UNCORRELATED},
            )


RULES: Final = (
    Rule("E23 instants", instants, _TIMES),
    Rule("E23 Timestamps", timestamps, _TIMES),
    Rule("E24 repetitions", repetitions, _BROKEN),
    Rule("E25 other requests", other_requests, _BROKEN | {Reason.UNCORRELATED}),
)
