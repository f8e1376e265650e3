"""Messages of `fixtures/` judged, altered and made for the tests of the threat model."""

from dataclasses import replace

from fixtures.generator.signing import sign
from fixtures.generator.soap import Envelope
from fixtures.manifest import own_case, own_cases
from gateway.verify import Reason, Verdict

GOOD = "bst-x509v3"
"""A message that nothing is wrong with."""


def judged(case: str, *edits: tuple[str, str], **changes: object) -> Verdict:
    """The verdict on the case's message after each first text of `edits` was replaced by its second, once."""
    found = own_case(case)
    text = found.message.decode()
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new, 1)
    return replace(found, **changes).verdict(text.encode())  # type: ignore[arg-type] # fields of Case, passed by name


def reasons_of(prefix: str) -> set[Reason | None]:
    """The reasons for which the messages of that name are rejected."""
    verdicts = [case.verdict() for case in own_cases() if case.id.startswith(prefix)]
    assert verdicts
    assert not any(verdict.accepted for verdict in verdicts)
    return {verdict.reason for verdict in verdicts}


def made(security: str, *signers: str, **envelope: str) -> bytes:
    return sign(Envelope(security, **envelope).text(), *signers)  # type: ignore[arg-type] # fields of Envelope
