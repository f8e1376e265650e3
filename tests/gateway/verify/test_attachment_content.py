"""What of an attachment the transforms of the SwA profile sign (WSS-SwA 1.1.1, 5.4)."""

from dataclasses import replace

import pytest

from gateway.verify import Policy, Reason, Rejection, as_signed
from gateway.verify.attachment_content import media_type_of, signed_content
from gateway.verify.attachment_head import signed_head
from gateway.verify.budget import WorkBudget
from tests.gateway.verify.multipart_messages import Part, judged, made, signed_part

XML = Part("one@example", (b"<a  b='1'><!-- c --><b/></a>",), "text/xml")


def content(part: Part, policy: Policy | None = None, budget: WorkBudget | None = None) -> bytes:
    return b"".join(signed_content(part, policy or Policy(), budget or WorkBudget(1000)).octets)


def head(*fields: tuple[str, str], content_type: str = "text/plain") -> str:
    return signed_head(Part("a@b", content_type=content_type, more_fields=fields)).decode()


@pytest.mark.parametrize(
    "content_type",
    ["application/octet-stream", "", "image/png", "application/xmlish", "application/json", "audio/x+xml"],
)
def test_octets_are_signed_as_they_are(content_type: str) -> None:
    part = Part("a@b", (b"a\nb\r", b"\r\n<x>"), content_type)
    assert content(part) == b"a\nb\r\r\n<x>"


@pytest.mark.parametrize(
    ("pieces", "signed"),
    [
        ((b"a\nb\r\nc\rd",), b"a\r\nb\r\nc\r\nd"),
        ((b"a\r", b"\nb"), b"a\r\nb"),
        ((b"a\r", b"", b"\nb"), b"a\r\nb"),
        ((b"a\r", b"\r\nb"), b"a\r\n\r\nb"),
        ((b"a\r", b"b", b"\n"), b"a\r\nb\r\n"),
        ((b"\n\n", b"\r"), b"\r\n\r\n\r\n"),
        ((), b""),
    ],
)
def test_lines_of_text_end_with_crlf(pieces: tuple[bytes, ...], signed: bytes) -> None:
    assert content(Part("a@b", pieces, "Text/Plain; charset=utf-8")) == signed


@pytest.mark.parametrize(
    "content_type", ["text/xml", "TEXT/XML; charset=utf-8", "application/xml", "image/svg+xml", "application/a.b+xml"]
)
def test_xml_is_canonicalized_exclusively_without_comments(content_type: str) -> None:
    part = replace(XML, content_type=content_type, pieces=(b"<?xml version='1.0'?><a  b='1'><!-- c -->", b"<b/></a>"))
    assert content(part) == b'<a b="1"><b></b></a>'
    assert judged(made(signed_part(part, b'<a b="1"><b></b></a>')), [part]).accepted


def test_instructions_around_the_root_are_signed() -> None:
    part = replace(XML, pieces=(b"<?a b?><a/><!-- c --><?c d?>",))
    assert content(part) == b"<?a b?>\n<a></a>\n<?c d?>"


def test_xml_may_be_in_another_encoding() -> None:
    latin = "<?xml version='1.0' encoding='iso-8859-1'?><a>\u00fc</a>".encode("latin-1")
    assert content(replace(XML, pieces=(latin,))) == "<a>\u00fc</a>".encode()
    declared = replace(XML, pieces=("<a>\u00fc</a>".encode("latin-1"),), content_type="text/xml; charset=ISO-8859-1")
    assert content(declared) == "<a>\u00fc</a>".encode()


@pytest.mark.parametrize(
    ("text", "reason", "said"),
    [
        (b"<a>", Reason.MALFORMED, "not well-formed"),
        (b"<!DOCTYPE a><a/>", Reason.DTD, "document type"),
        (b"<a>1<!-- -->0</a>", Reason.STRUCTURE, "splits a text"),
        (b"<a>1<![CDATA[0]]></a>", Reason.STRUCTURE, "splits a text"),
        (b"<a xmlns='b'/>", Reason.STRUCTURE, "no canonical form"),
        (b"<a>" * 300 + b"</a>" * 300, Reason.LIMITS, "nested too deeply"),
        (b"<?xml version='1.0' encoding='utf-7'?><a/>", Reason.ENCODING, "utf-7"),
    ],
)
def test_xml_that_is_not_read(text: bytes, reason: Reason, said: str) -> None:
    with pytest.raises(Rejection, match=said) as caught:
        content(replace(XML, pieces=(text,)))
    assert caught.value.reason is reason
    assert "the attachment one@example" in caught.value.detail
    assert judged(made(signed_part(XML)), [replace(XML, pieces=(text,))]).reason is reason


def test_canonical_forms_are_paid_for() -> None:
    many = replace(XML, pieces=(b"<a>" + b"<b/>" * 100_000 + b"</a>",))

    def forms() -> None:
        budget = WorkBudget(0)
        for _ in range(40):
            content(many, budget=budget)

    with pytest.raises(Rejection, match="too large") as caught:
        forms()
    assert caught.value.reason is Reason.LIMITS


@pytest.mark.parametrize(
    ("content_type", "found"), [("Text/XML ; a=b", "text/xml"), ("", ""), ("x", "x"), (" text/xml;", "text/xml")]
)
def test_the_media_type(content_type: str, found: str) -> None:
    assert media_type_of(content_type) == found


@pytest.mark.parametrize(
    ("fields", "content_type", "written"),
    [
        ((), "text/plain", "Content-Type:text/plain"),
        ((), "Text/Plain; Charset=UTF-8; a=B", 'Content-Type:text/plain;a="B";charset="utf-8"'),
        ((), 'text/plain;\tname="a b"', 'Content-Type:text/plain;name="a b"'),
        ((("X-Other", "a"),), "text/plain", "Content-Type:text/plain"),
        ((("content-location", " a/b.xml"),), "text/plain", "Content-Location:a/b.xml\r\nContent-Type:text/plain"),
        (
            (("Content-Disposition", 'attachment; filename="A B.TXT"'),),
            "text/plain",
            'Content-Disposition:attachment;filename="a b.txt"\r\nContent-ID:<a@b>\r\nContent-Type:text/plain',
        ),
        (
            (("Content-Disposition", "attachment; filename*=utf-8'de'Gr%C3%B6%C3%9Fe.txt"),),
            "text/plain",
            'Content-Disposition:attachment;filename="gr\u00f6\u00dfe.txt"\r\nContent-ID:<a@b>\r\nContent-Type:text/plain',
        ),
        (
            (("Content-Description", 'An order (of (two) hinges) of "May (the first)"'),),
            "text/plain",
            'Content-Description:An order  of "May (the first)"\r\nContent-Type:text/plain',
        ),
        (
            (("Content-Description", "=?UTF-8?Q?Gr=C3=B6=C3=9Fe_1?= =?iso-8859-1?b?/Ljm?= x"),),
            "text/plain",
            "Content-Description:Gr\u00f6\u00dfe 1\u00fc\u00b8\u00e6 x\r\nContent-ID:<a@b>\r\nContent-Type:text/plain",
        ),
    ],
)
def test_the_canonical_head(fields: tuple[tuple[str, str], ...], content_type: str, written: str) -> None:
    found = head(*fields, content_type=content_type)
    lines = [line for line in found.split("\r\n")[:-1] if not line.startswith("Content-ID:")]
    assert "\r\n".join(lines) == "\r\n".join(
        line for line in written.split("\r\n") if not line.startswith("Content-ID:")
    )
    assert "Content-ID:<a@b>\r\n" in found
    assert found.endswith("\r\n")


def test_a_part_without_a_type_is_text() -> None:
    part = Part("a@b")
    bare = type("Bare", (), {"fields": (("Content-ID", "<a@b>"),)})()
    assert signed_head(bare) == b'Content-ID:<a@b>\r\nContent-Type:text/plain;charset="us-ascii"\r\n'
    assert signed_head(part) == b"Content-ID:<a@b>\r\nContent-Type:application/octet-stream\r\n"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Content-Type", "text/plain (a comment)"),
        ("Content-Type", "text/plain; a=b; A=c"),
        ("Content-Type", 'text/plain; a="b\\"c"'),
        ("Content-Type", "text/plain; a"),
        ("Content-Disposition", "attachment; filename*0=a; filename*1=b"),
        ("Content-Disposition", "attachment; filename=a; filename*=utf-8''b"),
        ("Content-Disposition", "attachment; filename*=utf-16''b"),
        ("Content-Disposition", "attachment; filename*=b"),
        ("Content-Disposition", "attachment; filename*=utf-8''%ff"),
        ("Content-Disposition", "attachment; filename*=utf-8''%0D%0A"),
        ("Content-Disposition", "attachment; filename*=utf-8''a%22b"),
        ("Content-Description", "=?utf-7?Q?a?="),
        ("Content-Description", "=?utf-8?B?a?="),
        ("Content-Description", "=?utf-8?B?/w==?="),
        ("Content-Description", "=?utf-8?Q?=0A?="),
        ("Content-ID", "<a@b> (comment)"),
        ("Content-Location", "=?utf-8?Q?a?="),
    ],
)
def test_a_head_that_readers_understand_in_several_ways(name: str, value: str) -> None:
    part = type("Bare", (), {"fields": ((name, value),)})()
    with pytest.raises(Rejection, match=f"the {name} of a signed attachment") as caught:
        signed_head(part)
    assert caught.value.reason is Reason.TRANSFORM_NOT_ALLOWED


@pytest.mark.parametrize(
    ("charset", "octets"),
    [
        ("utf-16", "\u0a0d\u0d0a".encode("utf-16-be")),
        ("UTF-16LE", "\u0a0da".encode("utf-16-le")),
        ("utf-16", b"1;2\n3;4"),
        ("utf-16", b"1;2\r\n3;4"),
        ("utf16", b"\x0a\x00a"),
        ("utf-16be", "\U00012801".encode("utf-16-be")),
        ("utf32", b"abcd"),
        ("'ISO-10646-UCS-2'", "\u20ac".encode("utf-16-be")),
        ("unicode", "\u20ac".encode("utf-16-be")),
    ],
)
def test_wide_characters_in_which_line_ends_cannot_be_told(charset: str, octets: bytes) -> None:
    """Whoever takes an octet of such a line end away makes other characters of the rest."""
    part = Part("a@b", (octets,), f"text/plain; charset={charset}")
    with pytest.raises(Rejection, match="does not tell line") as found:
        content(part)
    assert found.value.reason is Reason.STRUCTURE


@pytest.mark.parametrize("charset", ["utf-16", "UTF-16BE", "utf-16le", "UTF-32"])
def test_wide_characters_in_which_they_can(charset: str) -> None:
    octets = "a\u20ac\n\U0001f600".encode(charset)
    assert content(Part("a@b", (octets,), f"text/plain; charset={charset}")) == octets.replace(b"\n", b"\r\n")


def test_what_is_signed_of_an_attachment_is_what_may_leave() -> None:
    part = Part("a@b", (b"a\r", b"\nb\nc\r"), "Text/CSV; charset=utf-8")
    signed = as_signed(part)

    assert b"".join(signed.octets()) == b"".join(signed.octets()) == b"a\r\nb\r\nc\r\n"
    assert (signed.size, signed.content_id, signed.content_type) == (9, "a@b", part.content_type)
    assert signed.fields == part.fields
    for content_type in ("application/octet-stream", "", "text/xml", "image/png"):
        other = replace(part, content_type=content_type)
        assert as_signed(other) is other


def test_a_prefix_in_a_value_is_not_protected() -> None:
    """As in the message: whoever rebinds it gives the value another type, and the digest agrees."""
    typed = '<a xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:t="urn:{}" xsi:type="t:b"/>'
    form = b'<a xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="t:b"></a>'
    for namespace in ("signed", "other"):
        part = replace(XML, pieces=(typed.format(namespace).encode(),))
        assert "unprotected-prefix: t" in judged(made(signed_part(part, form)), [part]).warnings
        strict = judged(made(signed_part(part, form)), [part], Policy(unprotected_prefix="reject"))
        assert strict.reason is Reason.STRUCTURE


def test_declarations_in_scope_are_counted() -> None:
    """Each element without a prefix is looked up among all of them: 250 cost a quarter of a second in a megabyte."""
    declared = " ".join(f'xmlns:a{number}="urn:{number}"' for number in range(250))
    root = f"<r {declared}>{'<a/>' * 170_000}</r>".encode()
    with pytest.raises(Rejection, match="too many namespaces in scope") as found:
        content(replace(XML, pieces=(root,)), budget=WorkBudget(len(root), lambda: 170_001))
    assert found.value.reason is Reason.LIMITS
    few = f"<r {declared}>{'<a/>' * 10_000}</r>".encode()
    assert content(replace(XML, pieces=(few,)), budget=WorkBudget(len(few))).startswith(b"<r><a></a>")


def test_cdata_sections_are_counted() -> None:
    """Each is looked at: in sixteen megabytes they took two seconds."""
    with pytest.raises(Rejection, match="too large for this message") as found:
        content(replace(XML, pieces=(b"<r>" + b"<![CDATA[]]>" * 100_000 + b"</r>",)))
    assert found.value.reason is Reason.LIMITS
