"""What is said of a renewal on its way: confirmations, rehearsals, waivers, and what was written about it.

Every function adds one statement, or raises and adds none. A confirmation is recorded whatever was measured: whether it
agrees is told where a renewal is shown, never decided by leaving it out.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Final

from sqlalchemy import Engine

from gateway.renewal.plan.plan_errors import PlanRefused, SaidWrongly
from gateway.renewal.plan.planning import LONGEST_TEXT, Author, open_renewal, record, said
from gateway.renewal.plan.renewal import PlannedCertificate, Renewal, StatementKind
from gateway.renewal.plan.renewals import Renewals
from gateway.renewal.plan.statement_contents import STEPS

_FINGERPRINT_STEP: Final = 2
"""The receiver administrator hands over the new certificate: what was handed over is compared then."""
_SEPARATORS: Final = re.compile(r"[\s:.\-]+")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_FILE_NAME: Final = 200
"""Characters of the name of a sample; a longer one is cut at its beginning."""


def confirm_step(
    engine: Engine, name: str, step: int, author: Author, *, by: str = "", note: str = "", fingerprint: str = ""
) -> Renewal:
    """Record that somebody confirmed a step of a renewal, also of one that is closed.

    Args:
        engine: The ledger's database.
        name: Which renewal.
        step: From 1 to 8.
        author: Who types it.
        by: Who said it; empty for the same.
        note: What else was said.
        fingerprint: With step 2, the SHA-256 of the new certificate as it was read out, in whatever spelling.

    Raises:
        SaidWrongly: There is no such step, or the fingerprint is none.
        UnknownRenewal: There is no renewal of that name.
        DatabaseUnavailable: Nothing could be recorded.
    """
    if step not in STEPS:
        raise SaidWrongly(f"there is no step {step}: the steps of a renewal are {STEPS[0]} to {STEPS[-1]}.")
    if fingerprint and step != _FINGERPRINT_STEP:
        raise SaidWrongly(
            f"a fingerprint belongs to step {_FINGERPRINT_STEP}, in which the new certificate is handed over."
        )
    content = {
        "step": step,
        "by": said(by or author.who, "the name of who confirmed it", needed=True),
        "note": said(note, "the note"),
        "fingerprint": whole_fingerprint(fingerprint) if fingerprint else "",
    }
    return _record(engine, name, StatementKind.CONFIRMED, content, author)


def whole_fingerprint(spelled: str) -> str:
    """The SHA-256 that is spelled there, with or without separators and in whatever case, as 64 digits.

    Raises:
        SaidWrongly: It is no whole SHA-256: short ones can be made to collide, and so can SHA-1.
    """
    digits = _SEPARATORS.sub("", spelled).lower()
    if not _SHA256.fullmatch(digits):
        raise SaidWrongly(
            f"{said(spelled, 'the fingerprint')!r} is no whole SHA-256 fingerprint: let all 64 hexadecimal digits be "
            "read out, with or without colons."
        )
    return digits


def is_contradicted(fingerprint: str, new: PlannedCertificate) -> bool:
    """Whether the fingerprint that was read out (64 digits) is that of another certificate."""
    return bool(fingerprint) and not hmac.compare_digest(fingerprint, str(new.thumbprint))


def record_rehearsal(
    engine: Engine,
    name: str,
    author: Author,
    *,
    endpoint: str,
    file: str,
    sample: bytes,
    accepted: bool,
    reason: str,
    sentence: str,
) -> Renewal:
    """Record what became of a sample that was signed with the new key. See `Rehearsal`.

    Raises:
        UnknownRenewal: There is no renewal of that name.
        PlanRefused: It is closed.
        DatabaseUnavailable: Nothing could be recorded.
    """
    content = {
        "endpoint": said(endpoint, "the endpoint"),
        "file": said(file, "the name of the file")[-_FILE_NAME:],
        "sha256": hashlib.sha256(sample).hexdigest(),
        "accepted": accepted,
        "reason": said(reason, "the reason"),
        "sentence": said(sentence[:LONGEST_TEXT], "the sentence"),
    }
    return record(engine, name, StatementKind.REHEARSED, content, author, lambda found: open_renewal(found, name))


def waive_cell(
    engine: Engine,
    name: str,
    author: Author,
    *,
    endpoint: str,
    operation: str,
    server: str = "",
    reason: str,
    by: str = "",
) -> Renewal:
    """Record that a cell need not switch, by name. See `Waiver`.

    Raises:
        SaidWrongly: There is no reason, or a text is too long.
        UnknownRenewal: There is no renewal of that name.
        PlanRefused: It is closed, is not about the endpoint, or the cell is waived already.
        DatabaseUnavailable: Nothing could be recorded.
    """
    content = {
        "by": said(by or author.who, "the name of who waives it", needed=True),
        "reason": said(reason, "the reason", needed=True),
        "endpoint": endpoint,
        "operation": operation,
        "server": server,
    }

    def check(renewals: Renewals) -> None:
        renewal = open_renewal(renewals, name)
        if endpoint not in renewal.endpoints:
            covered = ", ".join(renewal.endpoints)
            raise PlanRefused(f"{renewal.name} is not about the endpoint {endpoint!r}, only about {covered}.")
        for one in renewal.waivers:
            if (one.endpoint, one.operation) == (endpoint, operation) and one.server in {"", server}:
                raise PlanRefused(f"{one.by} has waived that already: {one.reason}")

    return record(engine, name, StatementKind.WAIVED, content, author, check)


def record_notice(engine: Engine, name: str, step: int, written: bytes, author: Author) -> Renewal:
    """Record that a notice to the receiver administrator was written; `written` is the file, or what was printed.

    Raises:
        UnknownRenewal: There is no renewal of that name.
        DatabaseUnavailable: Nothing could be recorded.
    """
    content = {"step": step, "sha256": hashlib.sha256(written).hexdigest()}
    return _record(engine, name, StatementKind.NOTICED, content, author)


def record_retirement(engine: Engine, name: str, old: PlannedCertificate, certificate: str, author: Author) -> Renewal:
    """Record that an old certificate was retired; `certificate` is the retirement certificate, canonical JSON.

    Raises:
        UnknownRenewal: There is no renewal of that name.
        DatabaseUnavailable: Nothing could be recorded.
    """
    content = {
        "alias": str(old.alias),
        "thumbprint": str(old.thumbprint),
        "sha256": hashlib.sha256(certificate.encode()).hexdigest(),
        "certificate": certificate,
    }
    return _record(engine, name, StatementKind.RETIRED, content, author)


def record_sign_off(engine: Engine, name: str, document: bytes, schema: str, author: Author) -> Renewal:
    """Record that a sign-off was written: the `document` in JSON, of that `schema`.

    Raises:
        UnknownRenewal: There is no renewal of that name.
        DatabaseUnavailable: Nothing could be recorded.
    """
    content = {"sha256": hashlib.sha256(document).hexdigest(), "format": said(schema, "the format")}
    return _record(engine, name, StatementKind.SIGNED_OFF, content, author)


def _record(engine: Engine, name: str, kind: StatementKind, content: Mapping[str, object], author: Author) -> Renewal:
    return record(engine, name, kind, content, author, lambda renewals: renewals.named(name))
