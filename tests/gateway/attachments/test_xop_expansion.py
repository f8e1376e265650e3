"""Octets in the place of an Include, at once or behind a stand-in."""

import base64
import tracemalloc
from dataclasses import replace

import pytest

from gateway.attachments import Unpacked, plain_message, unpack
from gateway.attachments.xop_expansion import MAX_TOKEN_OCTETS
from gateway.verify import Reason, Rejection
from tests.mutation.mime_source import MimeMessage, envelope, include, part

LARGE = bytes(range(256)) * 1200
MEGABYTE = 1 << 20


def message(*contents: bytes, encoding: str = "binary") -> MimeMessage:
    """A message in XOP that includes each of `contents`, encoded already."""
    root = "".join(f"<m:a>{include(f'cid:{number}@x')}</m:a>" for number in range(len(contents)))
    return MimeMessage(
        "made",
        'multipart/related; type="application/xop+xml"; boundary="b-o-u-n-d"; start-info="text/xml"',
        "b-o-u-n-d",
        (
            part(envelope(root), ("Content-Type", 'application/xop+xml; type="text/xml"')),
            *(
                part(content, ("Content-ID", f"<{number}@x>"), ("Content-Transfer-Encoding", encoding))
                for number, content in enumerate(contents)
            ),
        ),
    )


def unpacked(made: MimeMessage) -> Unpacked:
    found = unpack(made.body(), made.content_type, max_part_bytes=1 << 26)
    assert found is not None
    return found


def plain(*contents: bytes) -> bytes:
    return envelope("".join(f"<m:a>{base64.b64encode(content).decode()}</m:a>" for content in contents))


SECURITY = (
    '<w:Security xmlns:w="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd">'
    "<w:BinarySecurityToken>{}</w:BinarySecurityToken></w:Security>"
)


def with_token(made: MimeMessage, before: str, behind: str, token: str) -> MimeMessage:
    """`made` with an element before the Body, and a Security header with `token` in it."""
    root = made.parts[0].content.replace(b"<s:Body>", f"{before}{SECURITY.format(token)}{behind}<s:Body>".encode())
    return replace(made, parts=(replace(made.parts[0], content=root), *made.parts[1:]))


def test_what_the_security_header_names_is_put_in_at_once() -> None:
    """A token or a value of a signature, which the verification reads."""
    plain_header = ("<s:Header>", "</s:Header>")
    made = message(b"abc", b"token")
    body_alone = replace(
        made, parts=(replace(made.parts[0], content=message(b"abc").parts[0].content), *made.parts[1:])
    )
    found = unpacked(with_token(body_alone, *plain_header, include("cid:1@x")))
    attachments = found.attachments

    assert b">dG9rZW4=</w:BinarySecurityToken>" in found.root
    assert attachments.tokens == {"1@x"}
    assert attachments.included == {"0@x", "1@x"}
    assert [part.content_id for part in attachments.stand_ins.values()] == ["0@x"]
    assert b">dG9rZW4=</w:BinarySecurityToken>" in attachments.by_name
    assert b"cid:0@x" in attachments.by_name
    assert [attachments.by_name[one.begin : one.end] for one in found.includes] == [include("cid:0@x").encode()]
    assert b">YWJj<" in plain_message(found.root, attachments)


@pytest.mark.parametrize(
    ("attribute", "actor", "is_ours"),
    [
        ("", None, True),
        (' s:actor=""', None, True),
        (' s:actor="urn:other"', None, False),
        (' s:actor="urn:ours"', "urn:ours", True),
        ("", "urn:ours", False),
        (' s:role="urn:other"', None, True),  # of SOAP 1.2, and no more than an attribute here
    ],
)
def test_only_what_our_security_header_names_is_a_token(attribute: str, actor: str | None, is_ours: bool) -> None:
    """What another actor's names is an attachment like any other, and has to be signed like one."""
    made = with_token(message(b"abc"), "<s:Header>", "</s:Header>", "")
    root = (
        made.parts[0]
        .content.replace(b"<m:a>" + include("cid:0@x").encode() + b"</m:a>", b"")
        .replace(b"</w:BinarySecurityToken>", include("cid:0@x").encode() + b"</w:BinarySecurityToken>")
        .replace(b"<w:Security ", f"<w:Security{attribute} ".encode())
    )
    body = replace(made, parts=(replace(made.parts[0], content=root), *made.parts[1:])).body()
    found = unpack(body, made.content_type, max_part_bytes=1 << 20, actor=actor)

    assert found is not None
    assert found.attachments.tokens == ({"0@x"} if is_ours else frozenset())
    assert bool(found.attachments.stand_ins) is not is_ours


@pytest.mark.parametrize("around", [("", ""), ("<s:Body>", "</s:Body>"), ("<s:Header><x>", "</x></s:Header>")])
def test_elsewhere_an_element_of_that_name_is_payload(around: tuple[str, str]) -> None:
    made = with_token(message(b"abc"), *around, "")
    root = (
        made.parts[0]
        .content.replace(b"<m:a>" + include("cid:0@x").encode() + b"</m:a>", b"")
        .replace(b"</w:BinarySecurityToken>", include("cid:0@x").encode() + b"</w:BinarySecurityToken>")
    )
    found = unpacked(replace(made, parts=(replace(made.parts[0], content=root), *made.parts[1:])))

    assert found.attachments.tokens == frozenset()
    assert len(found.attachments.stand_ins) == 1


def test_no_token_is_that_long() -> None:
    made = message(b"abc", b"x" * (MAX_TOKEN_OCTETS + 1))
    alone = replace(made, parts=(replace(made.parts[0], content=message(b"abc").parts[0].content), *made.parts[1:]))
    with pytest.raises(Rejection, match="no token of a signature is that long") as caught:
        unpacked(with_token(alone, "<s:Header>", "</s:Header>", include("cid:1@x")))
    assert caught.value.reason is Reason.LIMITS


def test_other_parts_have_stand_ins() -> None:
    found = unpacked(message(b"abc", LARGE, LARGE[1:], b"d"))
    attachments = found.attachments

    assert len(found.root) < 1000
    assert [part.content_id for part in attachments.stand_ins.values()] == ["0@x", "1@x", "2@x", "3@x"]
    for text in attachments.stand_ins:
        assert text.isalnum()
        assert found.root.count(b">" + text + b"</m:a>") == 1
    assert plain_message(found.root, attachments) == plain(b"abc", LARGE, LARGE[1:], b"d")
    assert attachments.by_name == message(b"abc", LARGE, LARGE[1:], b"d").parts[0].content


def test_a_stand_in_is_made_of_all_else_that_is_in_the_root() -> None:
    """So that nobody who writes a message knows it before the message is written."""
    made = [message(b"abc", b"d"), message(b"abc"), message(b"abc", b"d", b"e")]
    texts = [text for one in made for text in unpacked(one).attachments.stand_ins]

    assert len(set(texts)) == len(texts) == 6
    again = unpacked(message(b"other", b"octets")).attachments.stand_ins
    assert list(again) == texts[:2]


def test_the_text_of_a_stand_in_elsewhere_is_no_stand_in() -> None:
    found = unpacked(message(LARGE))
    (text,) = found.attachments.stand_ins
    foreign = found.root.replace(b"<s:Body>", b"<s:Body><m:x>attachment" + b"0" * 64 + b"</m:x>")

    assert plain_message(foreign, found.attachments).count(text) == 0
    for other in (found.root.replace(text, b""), found.root.replace(b"<s:Body>", b"<s:Body><m:x>" + text + b"</m:x>")):
        with pytest.raises(ValueError, match="take the one that unpack"):
            plain_message(other, found.attachments)


@pytest.mark.parametrize("encoding", ["binary", "base64", "quoted-printable"])
def test_what_a_large_attachment_costs_in_memory(encoding: str) -> None:
    """At most twice its size above the body: reading it, and the plain message with it."""
    octets = bytes(range(256)) * (16 * MEGABYTE // 256)
    if encoding == "base64":
        content = base64.encodebytes(octets).replace(b"\n", b"\r\n")
    elif encoding == "quoted-printable":
        octets = b"x" * (16 * MEGABYTE)
        content = b"\r\n".join([b"x" * 75 + b"="] * (len(octets) // 75)) + b"\r\n" + b"x" * (len(octets) % 75)
    else:
        content = octets
    made = message(content, encoding=encoding)
    body = made.body()
    tracemalloc.start()
    try:
        found = unpack(body, made.content_type, max_part_bytes=1 << 26)
        assert found is not None
        reading = tracemalloc.get_traced_memory()[1]
        released = plain_message(found.root, found.attachments)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert len(released) == len(plain(octets))
    assert reading < 0.4 * len(octets)
    assert peak < 1.75 * len(octets)
