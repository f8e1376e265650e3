"""Multipart messages written anew."""

import base64
from dataclasses import replace

import pytest

from gateway.attachments import Rebuilt, Unpacked, plain_message, rebuild, unpack
from tests.mutation.mime_reader import reading_of, readings_by_email
from tests.mutation.mime_source import SOAP12, MimeMessage, envelope, mime_sources

BY_NAME = {source.name: source for source in mime_sources()}


def unpacked(body: bytes, content_type: str) -> Unpacked:
    found = unpack(body, content_type, max_part_bytes=1 << 26)
    assert found is not None
    return found


def source(name: str) -> Unpacked:
    return unpacked(BY_NAME[name].body(), BY_NAME[name].content_type)


def again(rebuilt: Rebuilt) -> Unpacked:
    found = unpacked(rebuilt.body, rebuilt.content_type.decode())
    assert readings_by_email(rebuilt.body, rebuilt.content_type.decode()) == [reading_of(found)] * 2
    return found


def all_ids(message: Unpacked) -> set[str]:
    return {part.content_id for part in message.attachments.parts}


@pytest.mark.parametrize("made", mime_sources(), ids=lambda made: made.name)
@pytest.mark.parametrize("with_xop", [True, False])
def test_what_is_written_reads_as_what_was_read(made: MimeMessage, with_xop: bool) -> None:
    message = unpacked(made.body(), made.content_type)
    version = "1.2" if message.content_type.startswith("application/soap+xml") else "1.1"
    written = rebuild(message, all_ids(message), with_xop=with_xop, soap_version=version)
    read = again(written)

    assert plain_message(read.root, read.attachments) == plain_message(message.root, message.attachments)
    assert read.content_type.partition(";")[0] == message.content_type.partition(";")[0]
    assert [(one, octets) for one, _, octets in reading_of(read).parts] == [
        (one, octets) for one, _, octets in reading_of(message).parts
    ]
    assert read.attachments.included == (message.attachments.included if with_xop else frozenset())
    assert written == rebuild(message, all_ids(message), with_xop=with_xop, soap_version=version)


def test_only_what_is_kept_or_included_is_written() -> None:
    message = source("saaj-attachments")
    written = rebuild(message, ["three", ""], with_xop=False, soap_version="1.1")

    assert [part.content_id for part in again(written).attachments.parts] == ["three", ""]
    assert rebuild(message, with_xop=False, soap_version="1.1").body.count(b"Content-Type") == 1
    with pytest.raises(ValueError, match="no parts with these Content-IDs: \\['four'\\]"):
        rebuild(message, ["four"], with_xop=False, soap_version="1.1")


def test_included_parts_come_as_parts_or_in_the_root() -> None:
    message = source("cxf-mtom")

    assert again(rebuild(message, with_xop=True, soap_version="1.1")).attachments.included == all_ids(message)
    inside = again(rebuild(message, with_xop=False, soap_version="1.1"))
    assert inside.attachments.parts == ()
    assert inside.attachments.by_name == plain_message(message.root, message.attachments)


def test_the_whole_of_what_is_written() -> None:
    """Nothing of the framing that came: neither boundary, nor root's head, nor fields that are on no list."""
    came = BY_NAME["wcf-mtom-soap12"]
    content = came.parts[1].content.rstrip(b"\r")
    changed = replace(came, parts=(came.parts[0], replace(came.parts[1], content=content)))
    written = rebuild(unpacked(changed.body(), came.content_type), with_xop=True, soap_version="1.2")
    mark = written.content_type.partition(b'boundary="wssgate-')[2][:40]
    href = b"cid:http://tempuri.org/1/635"
    include = b'<xop:Include xmlns:xop="http://www.w3.org/2004/08/xop/include" href="' + href + b'"/>'

    assert written.content_type == (
        b'multipart/related; type="application/xop+xml"; boundary="wssgate-%b"; start="<root.%b@wssgate>"; '
        b'start-info="application/soap+xml"' % (mark, mark)
    )
    assert written.body == (
        b"--wssgate-%b\r\n"
        b'Content-Type: application/xop+xml; charset=utf-8; type="application/soap+xml"\r\n'
        b"Content-ID: <root.%b@wssgate>\r\n"
        b"Content-Transfer-Encoding: binary\r\n\r\n"
        b"%b\r\n"
        b"--wssgate-%b\r\n"
        b"Content-Type: application/octet-stream\r\n"
        b"Content-ID: <http://tempuri.org/1/635>\r\n"
        b"Content-Transfer-Encoding: binary\r\n\r\n"
        b"%b\r\n"
        b"--wssgate-%b--\r\n" % (mark, mark, envelope(f"<m:a>{include.decode()}</m:a>", SOAP12), mark, content, mark)
    )


def test_fields_of_a_signed_head_are_written_too() -> None:
    message = source("old-cxf-escaped-ids")
    second = "second@acme.example"

    assert b"Content-Disposition" not in rebuild(message, [second], with_xop=True, soap_version="1.2").body
    written = rebuild(message, [second], with_xop=True, soap_version="1.2", with_signed_head=[second])
    assert b"\r\nContent-Disposition: attachment; filename=a.pdf\r\n" in written.body
    assert again(written).attachments.parts[1].fields[-2] == ("Content-Disposition", "attachment; filename=a.pdf")


def test_a_field_with_a_comment_is_not_written() -> None:
    """A comment is in no canonical form, so that anybody can have put it there."""
    made = BY_NAME["old-cxf-escaped-ids"]
    second = "second@acme.example"
    (part,) = [part for part in made.parts if second in str(part.fields)]
    commented = replace(part, fields=(*part.fields, ("Content-Description", "An order (paid)")))
    changed = replace(made, parts=tuple(commented if one is part else one for one in made.parts))
    message = unpacked(changed.body(), changed.content_type)
    written = rebuild(message, [second], with_xop=True, soap_version="1.2", with_signed_head=[second])

    assert b"Content-Disposition: attachment; filename=a.pdf\r\n" in written.body
    assert b"paid" not in written.body


def test_the_charset_is_that_of_the_root() -> None:
    written = rebuild(source("cxf-mtom"), with_xop=True, soap_version="1.1", charset="iso-8859-1")
    assert again(written).content_type == "text/xml; charset=iso-8859-1"


@pytest.mark.parametrize("octets", [b"", b"\n", b"a\r\n", b"\r\na", b"\n" * 70])
def test_what_some_readers_would_strip_is_written_in_base64(octets: bytes) -> None:
    made = BY_NAME["saaj-attachments"]
    changed = replace(made, parts=(*made.parts[:3], replace(made.parts[3], content=octets), *made.parts[4:]))
    message = unpacked(changed.body(), changed.content_type)
    kept = [message.attachments.parts[2].content_id]
    written = rebuild(message, kept, with_xop=False, soap_version="1.1")

    assert written.body.count(b"Content-Transfer-Encoding: base64\r\n") == 1
    (part,) = again(written).attachments.parts
    assert b"".join(part.octets()) == octets


def test_another_content_has_another_boundary() -> None:
    message = source("saaj-attachments")
    kept = ["one", "two@acme.example", "three", ""]
    types = {rebuild(message, kept[:n], with_xop=False, soap_version="1.1").content_type for n in range(len(kept) + 1)}
    assert len(types) == len(kept) + 1


def test_a_large_part_is_written_from_its_pieces() -> None:
    octets = bytes(range(256)) * 8000
    made = BY_NAME["wcf-mtom-soap12"]
    encoded = made.with_part(
        1,
        type(made.parts[1])(
            (*made.parts[1].fields[:1], ("Content-Transfer-Encoding", "base64")), base64.b64encode(octets)
        ),
    )
    message = unpacked(encoded.body(), encoded.content_type)

    for with_xop in (True, False):
        read = again(rebuild(message, with_xop=with_xop, soap_version="1.2"))
        assert reading_of(read).infoset == reading_of(message).infoset
