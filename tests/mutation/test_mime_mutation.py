"""Altered multipart messages are refused, or read exactly as Python's `email` reads them."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from gateway.attachments import Unpacked, unpack
from gateway.verify import Rejection
from tests.conftest import Count
from tests.mutation.mime_mutants import MIME_RULES, MimeMutant, all_mime_mutants, mime_mutants
from tests.mutation.mime_reader import reading_of, readings_by_email
from tests.mutation.mime_source import MimeMessage, mime_sources

AT_LEAST = 5000
MAX_PART_BYTES = 1 << 20
SOURCES = mime_sources()


def finding(mutant: MimeMutant, read: Callable[..., Unpacked | None] = unpack) -> tuple[str, str | None]:
    """What became of a mutant that `read` reads, and what is wrong with that; None where nothing is."""
    try:
        unpacked = read(mutant.body, mutant.content_type, max_part_bytes=MAX_PART_BYTES)
    except Rejection as rejection:
        is_sentence = rejection.detail.isprintable() and rejection.detail.isascii() and 20 < len(rejection.detail) < 600
        return "refused", None if is_sentence else f"no sentence: {rejection.detail!r}"
    if unpacked is None:
        return "not multipart", None if "multipart" not in mutant.content_type.lower() else "taken for one document"
    try:
        others = readings_by_email(mutant.body, mutant.content_type)
    except (AssertionError, KeyError, StopIteration) as error:
        return "read", f"email does not read it: {error!r}"
    return "read", None if others == [reading_of(unpacked)] * len(others) else "email reads something else"


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_honest_messages_are_read_as_email_reads_them(source: MimeMessage) -> None:
    assert finding(MimeMutant(source.name, source.content_type, source.body())) == ("read", None)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_mutants_are_refused_or_read_as_email_reads_them(source: MimeMessage, count: Count) -> None:
    fates: Counter[tuple[str, str]] = Counter()
    findings = []
    for mutant in mime_mutants(source):
        fate, wrong = finding(mutant)
        fates[mutant.name.split(": ")[1], fate] += 1
        if wrong is not None:
            findings.append(f"{mutant.name}: {wrong}")
    assert not findings, "\n".join([f"{len(findings)}", *findings[:40]])
    for (rule, fate), number in fates.items():
        count("multipart mutants by rule", f"{rule}: {fate}", number)
    for rule in MIME_RULES:
        assert fates[rule, "refused"], f"nothing of {rule!r} is refused"
    # And not everything is refused: what changes nothing of the framing is somebody's honest message.
    assert sum(number for (_, fate), number in fates.items() if fate == "read") > 100


def test_there_are_many_and_always_the_same() -> None:
    made = list(all_mime_mutants())

    assert len(made) >= AT_LEAST
    assert len({(mutant.content_type, mutant.body) for mutant in made}) >= AT_LEAST
    assert made == list(all_mime_mutants())


def test_what_is_wrong_is_noticed() -> None:
    """The control: readers that skip a part, take another root, put in something else, or read no multipart message."""
    source = SOURCES[0]
    honest = MimeMutant(source.name, source.content_type, source.body())
    right = unpack(source.body(), source.content_type, max_part_bytes=MAX_PART_BYTES)
    assert right is not None
    attachments = right.attachments
    for wrong in (
        replace(right, attachments=replace(attachments, parts=attachments.parts[:1])),
        replace(right, attachments=replace(attachments, parts=attachments.parts[::-1])),
        replace(right, attachments=replace(attachments, by_name=right.root)),
        replace(right, root=right.root.replace(b"</m:r>", b"YQ==</m:r>")),
    ):
        assert finding(honest, lambda *_, wrong=wrong, **__: wrong) == ("read", "email reads something else")
    assert finding(honest, lambda *_, **__: None) == ("not multipart", "taken for one document")
    fate, said = finding(honest._replace(body=b"--x\r\n\r\n--x"), lambda *_, **__: right)
    assert fate == "read"
    assert said is not None
    assert said.startswith("email does not read it")
