"""What CXF and SAAJ make of altered multipart messages that our reader reads, and of what leaves of them.

What leaves of those that are accepted must be read by all alike. What came leaves as it came in mode `observe` alone:
how it is read is counted, and each way in which a reader is known to differ has its name here.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator
from typing import Final, NamedTuple
from urllib.parse import unquote

import pytest
from lxml import etree

from gateway.attachments import open_body, plain_message
from gateway.verify import Policy
from tests.conftest import Count
from tests.consumers.multipart_readers import READERS, MultipartReading, ReadPart, read_all
from tests.consumers.programs import ConsumerMissingError
from tests.mutation.mime_mutants import MimeMutant, mime_mutants
from tests.mutation.signed_multipart import SIGNED, signed_message

_UNNAMED: Final = "root.message@cxf.apache.org"


class Came(NamedTuple):
    """A mutant that our reader reads."""

    mutant: MimeMutant
    is_accepted: bool
    """In some form, by some rule for what is not signed."""
    readings: dict[str, MultipartReading]


class Seen(NamedTuple):
    """All that was read."""

    came: list[Came]
    released: list[tuple[str, str, bytes, dict[str, MultipartReading]]]
    """Of which mutant, Content-Type, body, and what each reader made of it."""


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """What CXF and SAAJ make of everything, in one process of Java."""
    readable: list[tuple[MimeMutant, bool]] = []
    released: dict[tuple[str, bytes], str] = {}
    for case_id in SIGNED:
        message = signed_message(case_id)
        verify = message.verifying()
        for mutant in mime_mutants(message.source):
            opened = open_body(mutant.body, mutant.content_type, Policy())
            if opened.unpacked is None:
                continue
            left = list(message.released(mutant.content_type, mutant.body, verify))
            readable.append((mutant, bool(left)))
            for one in left:
                released.setdefault((one.content_type, one.body), mutant.name)
    try:
        read = read_all(
            [*released, *((mutant.content_type, mutant.body) for mutant, _ in readable)],
            tmp_path_factory.mktemp("bodies"),
        )
    except ConsumerMissingError as error:
        pytest.skip(str(error))
    others = iter(read)
    left_by = [(name, *what, next(others)) for what, name in released.items()]
    return Seen([Came(mutant, is_accepted, next(others)) for mutant, is_accepted in readable], left_by)


def ours(content_type: str, body: bytes) -> tuple[str | None, tuple[ReadPart, ...]]:
    """SHA-256 of the text of the Body with base64 in the place of every xop:Include, and the other parts.

    None where lxml reads no SOAP message: it is the only one here that refuses a namespace that is no URI.
    """
    opened = open_body(body, content_type, Policy())
    assert opened.attachments.problem is None
    attachments = opened.attachments
    parts = tuple(
        ReadPart(part.content_id, part.size, hashlib.sha256(b"".join(part.octets())).hexdigest())
        for part in attachments.parts
    )
    try:
        message = etree.fromstring(plain_message(opened.message, attachments), etree.XMLParser(huge_tree=True))
    except etree.XMLSyntaxError:
        return None, parts
    found = next((child for child in message if etree.QName(child).localname == "Body"), None)
    if found is None:
        return None, parts
    text = "".join(map(str, found.xpath(".//text()")))
    return hashlib.sha256(text.encode()).hexdigest(), parts


def differences(content_type: str, body: bytes, read: MultipartReading) -> Iterator[str]:
    """In what a reader differs from ours: the name of the way where it is a known one, else `otherwise`."""
    text, parts = ours(content_type, body)
    found = tuple(ReadPart(unquote(part.content_id or ""), part.size, part.sha256) for part in read.attachments)
    if read.body_sha256 != text:
        is_first = any(part.content_id == "" for part in parts) and len(found) == len(parts)
        yield "takes the first part for the root" if is_first and found[1:] == parts[1:] else "otherwise"
        return
    if len(found) == len(parts) + 1 and found[-1].content_id == _UNNAMED and found[-1].size <= 2:
        yield "takes white space behind the end for a part"
        found = found[:-1]
    for one, own in zip(found, parts, strict=False):
        if one.content_id == own.content_id:
            continue
        if one.content_id == _UNNAMED and own.content_id == "":
            yield "makes up an id"
        elif one.content_id == str(own.content_id).replace("+", " "):
            yield "takes + for a space in an id"
        else:
            yield "otherwise"
    if [(part.size, part.sha256) for part in found] != [(part.size, part.sha256) for part in parts]:
        yield "otherwise"


_KNOWN: Final = {
    "cxf": {
        "takes the first part for the root",  # whatever the parameter start says
        "takes white space behind the end for a part",
        "makes up an id",  # for a part that has none: that of its own roots
        "takes + for a space in an id",  # it decodes a Content-ID as if it were a form
    },
    "saaj": set(),
}


@pytest.mark.parametrize("reader", READERS)
def test_what_leaves_is_read_by_all_alike(reader: str, seen: Seen, count: Count) -> None:
    findings = []
    for name, content_type, body, readings in seen.released:
        read = readings[reader]
        if read.refused is not None:
            findings.append(f"{name}: {reader} does not read it: {read.refused}")
        elif wrong := [*differences(content_type, body, read)]:
            findings.append(f"{name}: {reader} {', '.join(wrong)}")
    assert not findings, "\n".join([f"{len(findings)}", *findings[:40]])
    assert len(seen.released) > 500
    count("what leaves of multipart mutants, read by others", f"{reader}: alike", len(seen.released))


@pytest.mark.parametrize("reader", READERS)
def test_what_came_is_read_as_we_read_it_or_in_a_way_that_has_a_name(reader: str, seen: Seen, count: Count) -> None:
    ways: Counter[str] = Counter()
    findings = []
    for came in seen.came:
        read = came.readings[reader]
        content_type, body = came.mutant.content_type, came.mutant.body
        if read.refused is not None:
            ways["refuses it"] += 1
        elif ours(content_type, body)[0] is None:
            assert not came.is_accepted
            ways["reads what is rejected here as no SOAP"] += 1
        else:
            found = set(differences(content_type, body, read))
            ways.update(found or {"alike"})
            if not found <= _KNOWN[reader]:
                findings.append(came.mutant.name)
    assert not findings, "\n".join([f"{len(findings)}", *findings[:40]])
    for way, number in ways.items():
        count("multipart mutants as they came, read by others", f"{reader}: {way}", number)
    assert ways.keys() >= _KNOWN[reader], "a way that nobody takes needs no name"
    assert ways["alike"] > len(seen.came) / 2


def test_what_is_wrong_is_noticed() -> None:
    """The control: a reader that reads another Body, other octets, another order, or a part less."""
    source = signed_message("cxf/mtom-and-swa").source
    text, parts = ours(source.content_type, source.body())
    assert text is not None

    def told(body: str, read: tuple[ReadPart, ...]) -> list[str]:
        reading = MultipartReading(body_sha256=body, attachments=read)
        return [*differences(source.content_type, source.body(), reading)]

    assert told(text, parts) == []
    altered = ReadPart(parts[0].content_id, parts[0].size, "0" * 64)
    for read in ((altered, *parts[1:]), parts[::-1], parts[:1], (*parts, altered)):
        assert "otherwise" in told(text, read)
    assert told("0" * 64, parts) == ["otherwise"]
