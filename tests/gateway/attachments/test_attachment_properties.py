"""Laws of the reader and the writer, over messages that nobody thought of."""

import base64
import quopri

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gateway.attachments import Unpacked, plain_message, rebuild, unpack
from gateway.verify import Rejection
from tests.mutation.mime_reader import reading_of, readings_by_email
from tests.mutation.mime_source import MimeMessage, MimePart, envelope, include

MOST = 1 << 22
XOP_PACKAGE = 'multipart/related; start="<the-root>"; type="application/xop+xml"; start-info="text/xml"'
CONTENTS = st.one_of(
    st.binary(max_size=60),
    st.lists(
        st.sampled_from([b"\r", b"\n", b"\r\n", b"--", b"--b", b"a", b" ", b"=", b"\t", b"\0", b":", b"\xe4"])
    ).map(b"".join),
    st.just(bytes(range(256)) * 1025),
)
IDS = st.text("abAB09!$&'*+-./:=@_~^`{|}", min_size=1, max_size=12).filter(lambda text: text[:4].lower() != "cid:")
BOUNDARIES = st.text("abAB09'()+_,-./:=?", min_size=1, max_size=12).filter(lambda text: "=?" not in text)


def read_or_refused(body: bytes, content_type: str) -> Unpacked | str | None:
    """What is read, or why it is refused."""
    try:
        return unpack(body, content_type, max_part_bytes=MOST)
    except Rejection as rejection:
        return rejection.detail


def encoded(content: bytes, name: str) -> tuple[str, bytes]:
    """A content in a transfer encoding that can hold it."""
    if name == "base64":
        return name, base64.encodebytes(content).replace(b"\n", b"\r\n")
    if name == "quoted-printable" and not content.count(b"\r") == content.count(b"\n") == 0:
        return "binary", content
    if name == "quoted-printable":
        return name, quopri.encodestring(content).replace(b"\n", b"\r\n")
    return "binary", content


@st.composite
def messages(draw: st.DrawFn) -> MimeMessage:
    """A message in XOP with some parts, of which the root includes some."""
    ids = draw(st.lists(IDS, max_size=4, unique_by=str.lower))
    parts = []
    for content_id in ids:
        name, content = encoded(draw(CONTENTS), draw(st.sampled_from(["base64", "binary", "quoted-printable"])))
        brackets = draw(st.booleans())
        fields = [
            ("Content-Transfer-Encoding", name),
            ("Content-ID", f"<{content_id}>" if brackets else content_id),
            ("Content-Type", draw(st.sampled_from(["text/plain", 'text/xml; charset="utf-8"', "image/png; name=a"]))),
        ]
        parts.append(MimePart(tuple(draw(st.permutations(fields))), content))
    included = draw(st.permutations(ids))[: draw(st.integers(0, len(ids)))]
    root = envelope("".join(f"<m:a>{include(f'cid:{one}'.replace('&', '&amp;'))}</m:a>" for one in included))
    boundary = draw(BOUNDARIES)
    parts.insert(
        draw(st.integers(0, len(parts))),
        MimePart(
            (("Content-Type", 'application/xop+xml; charset=utf-8; type="text/xml"'), ("Content-ID", "<the-root>")),
            root,
        ),
    )
    content_type = f'{XOP_PACKAGE}; boundary="{boundary}"'
    preamble, epilogue = (
        draw(st.sampled_from([b"", b"\r\n", b" \r\n"])),
        draw(st.sampled_from([b"", b"\r\n", b" \n\t"])),
    )
    return MimeMessage("drawn", content_type, boundary, tuple(parts), preamble, epilogue)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(messages(), st.booleans())
def test_what_the_writer_writes_the_reader_reads_back(message: MimeMessage, with_xop: bool) -> None:
    read = read_or_refused(message.body(), message.content_type)
    if isinstance(read, str):
        assert "the boundary occurs" in read
        return
    assert read is not None
    kept = {part.content_id for part in read.attachments.parts}
    written = rebuild(read, kept, with_xop=with_xop, soap_version="1.1")
    again = unpack(written.body, written.content_type.decode(), max_part_bytes=MOST)

    assert again is not None
    assert again.content_type == read.content_type
    assert plain_message(again.root, again.attachments) == plain_message(read.root, read.attachments)
    # Of a Content-Type that nobody signed the media type and the charset are written, and nothing else.
    assert _without_types(again) == _without_types(read)
    assert again.attachments.included == (read.attachments.included if with_xop else set())
    assert rebuild(again, kept, with_xop=with_xop, soap_version="1.1").body == written.body


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(messages())
def test_what_is_read_email_reads_the_same(message: MimeMessage) -> None:
    read = read_or_refused(message.body(), message.content_type)
    if isinstance(read, str):
        return
    assert read is not None
    assert readings_by_email(message.body(), message.content_type) == [reading_of(read)] * 2


FRAGMENTS = st.sampled_from(
    [
        *(
            b"--b\r\n",
            b"\r\n--b\r\n",
            b"\r\n--b--",
            b"--b",
            b"--b--\r\n",
            b"\r\n",
            b"\n",
            b"\r",
            b"\r\n\r\n",
            b"-",
            b"--",
            b" ",
        ),
        *(
            b"Content-Type: text/xml\r\n",
            b"content-type: text/plain\r\n",
            b"Content-ID: <a>\r\n",
            b"Content-ID: <r>\r\n",
        ),
        *(b"Content-Transfer-Encoding: base64\r\n", b"Content-Transfer-Encoding: quoted-printable\r\n", b"X: y\r\n"),
        *(b" folded\r\n", b"\tfolded\r\n", b"YQ==", b"=41", b"=\r\n", b"<r/>", b"a", b":", b"\0", b"\xe4"),
    ]
)
FIELDS = st.lists(
    st.sampled_from(
        [
            *(b"Content-ID: <a>\r\n", b"content-id: <r>\r\n", b"Content-ID:\r\n b\r\n", b"X: y\r\n\tz\r\n", b"Y:\r\n"),
            *(b"Content-Transfer-Encoding: 8bit\r\n", b"Content-transfer-encoding:quoted-printable\r\n"),
            b"Content-Transfer-Encoding: base64\r\n",
        ]
    ),
    max_size=3,
    unique_by=lambda line: line[:9].lower() + line[9:10],
).map(b"".join)
TEXTS = st.lists(
    st.sampled_from(
        [b"YQ==", b"YWJj", b"\r\n", b"\n", b"\r", b"--", b"-", b"a", b"=41", b"=\r\n", b"\0", b"\xe4", b"\r\n\r\n"]
    ),
    max_size=5,
).map(b"".join)
HONEST_PARTS = st.tuples(FIELDS, TEXTS).map(lambda part: part[0] + b"\r\n" + part[1])
ANY_PARTS = st.one_of(HONEST_PARTS, HONEST_PARTS, HONEST_PARTS, st.lists(FRAGMENTS, max_size=5).map(b"".join))
WHOLE = st.lists(FRAGMENTS, max_size=16).map(b"".join)
FRAMED = st.lists(ANY_PARTS, min_size=1, max_size=3).map(
    lambda parts: b"--b\r\nContent-Type: text/xml\r\n" + b"\r\n--b\r\n".join(parts) + b"\r\n--b--"
)


@settings(max_examples=500, deadline=None)
@given(st.one_of(FRAMED, FRAMED, FRAMED, WHOLE), st.sampled_from(["", "", '; start="<r>"']))
@example(b"--b\r\nContent-Type: text/xml\r\n\r\n<r/>\r\n--b--", "")
def test_whatever_is_read_email_reads_the_same(body: bytes, start: str) -> None:
    content_type = f'multipart/related; boundary="b"; type="text/xml"{start}'
    read = read_or_refused(body, content_type)
    if isinstance(read, str):
        assert read.isprintable()
        return
    assert read is not None
    assert readings_by_email(body, content_type) == [reading_of(read)] * 2


@settings(max_examples=500, deadline=None)
@given(
    st.text(st.sampled_from('multipart/related;boundary="b"typexml( )\\\'*0,<>@\r\n\té'), max_size=60), st.booleans()
)
def test_a_content_type_is_read_refused_or_of_no_concern(text: str, behind: bool) -> None:
    content_type = f'multipart/related; type="text/xml"; boundary="b"{text}' if behind else text
    read = read_or_refused(b"--b\r\nContent-Type: text/xml\r\n\r\n<r/>\r\n--b--", content_type)
    if isinstance(read, str):
        assert read.isprintable()
        assert read.isascii()


def _without_types(unpacked: Unpacked) -> list[tuple[str, bytes]]:
    return [(content_id, octets) for content_id, _, octets in reading_of(unpacked).parts]
