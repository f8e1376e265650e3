"""Where the root names parts."""

import re
from xml.parsers import expat

import pytest

from gateway.attachments.xop_scan import find_includes
from gateway.verify import Reason, Rejection

XOP = "http://www.w3.org/2004/08/xop/include"
INCLUDE = f'<x:Include xmlns:x="{XOP}" href="cid:a@x"/>'


def around(text: str) -> bytes:
    return f"<r><a>{text}</a></r>".encode()


@pytest.mark.parametrize(
    "include",
    [
        INCLUDE,
        f"<Include xmlns='{XOP}' href='cid:a%40x'></Include>",
        f'<x:Include xmlns:x="{XOP}" xmlns:y=">" href="cid:a@x"\n></x:Include >',
        f'<x:Include href="cid:&#97;@x" xmlns:x="{"".join(f"&#{ord(c)};" for c in XOP)}" />',
    ],
)
@pytest.mark.parametrize("start", ["<a>", "<a b='/>' c=\">\">", "<a\n>"])
def test_an_include_is_found_where_its_octets_are(include: str, start: str) -> None:
    for before in ("", '<?xml version="1.0"?>\r\n<!-- < -->', "\ufeff"):
        root = f"{before}<r>ä{start}{include}</a>&#228;</r>".encode()
        (found,) = find_includes(root, None)
        assert root[found.begin : found.end].decode() == include
        assert found.content_id == "a@x"


def test_several_are_found_in_order() -> None:
    root = f"<r><a>{INCLUDE}</a><b>{INCLUDE.replace('cid:a', 'cid:b')}</b><c/></r>".encode()
    assert [found.content_id for found in find_includes(root, "utf-8")] == ["a@x", "b@x"]


@pytest.mark.parametrize(
    "root",
    [
        b"",
        b"no document",
        b"<r/>",
        b"<r>&#65;</r>",
        around(f"<!--{INCLUDE}-->"),
        around(f"<![CDATA[{INCLUDE}]]>"),
        around(f'<b xmlns="{XOP}/more"/>'),
        around("&#65;").decode().encode("utf-16"),
        b'<?xml version="1.0" encoding="windows-1252"?><r>\x80&#65;</r>',
    ],
)
def test_where_there_is_none(root: bytes) -> None:
    assert find_includes(root, None) == ()


@pytest.mark.parametrize(
    ("root", "words"),
    [
        (INCLUDE.encode(), "something before it"),
        (around(f"x{INCLUDE}"), "something before it"),
        (around(f" {INCLUDE}"), "something before it"),
        (around(f"<!---->{INCLUDE}"), "something before it"),
        (around(f"<?p?>{INCLUDE}"), "something before it"),
        (around(f"<![CDATA[]]>{INCLUDE}"), "something before it"),
        (around(f"<b/>{INCLUDE}"), "something before it"),
        (around(f"<b></b>{INCLUDE}"), "something before it"),
        (around(INCLUDE + INCLUDE), "something behind it"),
        (around(f"{INCLUDE}x"), "something behind it"),
        (around(f"{INCLUDE}\n"), "something behind it"),
        (around(f"{INCLUDE}<!---->"), "something behind it"),
        (around(f"{INCLUDE}<b/>"), "something behind it"),
        (around(INCLUDE.replace("/>", "> </x:Include>")), "has content"),
        (around(INCLUDE.replace("/>", "><b/></x:Include>")), "has content"),
        (around(INCLUDE.replace("/>", f">{INCLUDE}</x:Include>")), "has content"),
        (around(INCLUDE.replace("/>", ' b="c"/>')), "other attributes"),
        (around(INCLUDE.replace(" href", " x:href")), "an attribute of the namespace"),
        (around(f'<x:Include xmlns:x="{XOP}"/>'), "other attributes"),
        (around(f'<x:include xmlns:x="{XOP}" href="cid:a@x"/>'), "another name"),
        (around(f'<b xmlns:x="{XOP}" x:c="d"/>'), "an attribute of the namespace"),
        (around(INCLUDE.replace("cid:", "http://x/")), "something else than a part"),
    ],
)
def test_what_is_no_include_as_xop_has_it_is_refused(root: bytes, words: str) -> None:
    with pytest.raises(Rejection, match=re.escape(words)) as found:
        find_includes(root, None)
    assert found.value.reason is Reason.STRUCTURE


@pytest.mark.parametrize(
    ("root", "charset", "reason", "words"),
    [
        (around(INCLUDE)[:-1], None, Reason.MALFORMED, "not well-formed: unclosed token"),
        (around(f"{INCLUDE}&nbsp;"), None, Reason.STRUCTURE, "something behind"),
        (around(f"</a>{INCLUDE}"), None, Reason.STRUCTURE, "something before"),
        (around(f"\xff{INCLUDE}") + b"\xff", "ascii", Reason.MALFORMED, "not well-formed: not well-formed"),
        (b"<!DOCTYPE r>" + around(INCLUDE), None, Reason.DTD, "document type"),
        (around(INCLUDE), "utf-7", Reason.ENCODING, "utf-7; it must be sent in UTF-8"),
        (b'<?xml version="1.0" encoding="utf-7"?>' + around(INCLUDE), "utf-8", Reason.ENCODING, "utf-8, utf-7"),
        (b'<?xml version="1.0" encoding="utf-16"?>' + around(INCLUDE), "utf-8", Reason.ENCODING, "utf-8, utf-16"),
        (
            b'<?xml version="1.0" encoding="latin1"?>' + around(f"<b>ä</b>{INCLUDE}"),
            "utf-8",
            Reason.ENCODING,
            "two that differ",
        ),
        (around(INCLUDE).decode().encode("utf-16"), None, Reason.STRUCTURE, "is in utf-16"),
        (around(INCLUDE).decode().encode("utf-16") + b"\0", None, Reason.ENCODING, "not valid utf-16"),
        (around(INCLUDE), "windows-1252", Reason.STRUCTURE, "is in windows-1252"),
    ],
)
def test_what_cannot_be_read(root: bytes, charset: str | None, reason: Reason, words: str) -> None:
    with pytest.raises(Rejection, match=re.escape(words)) as found:
        find_includes(root, charset)
    assert found.value.reason is reason


def test_more_than_there_can_be_parts_are_not_looked_at() -> None:
    assert len(find_includes(b"<r>" + around(INCLUDE) * 100 + b"</r>", None)) == 100
    with pytest.raises(Rejection, match="more than 100 xop:Include") as found:
        find_includes(b"<r>" + around(INCLUDE) * 101 + b"</r>", None)
    assert found.value.reason is Reason.LIMITS


def test_what_is_ascii_is_read_whatever_two_encodings_are_named() -> None:
    root = b'<?xml version="1.0" encoding="iso-8859-1"?>' + around(INCLUDE)
    assert len(find_includes(root, "UTF-8")) == 1


@pytest.mark.parametrize(("charset", "octets"), [("iso-8859-1", b"\xe4"), ("Latin1", b"\xe4"), ("utf_8", b"\xc3\xa4")])
def test_other_octets_around(charset: str, octets: bytes) -> None:
    root = b"<r><b>" + octets + b"</b>" + around(INCLUDE)[3:]
    (found,) = find_includes(root, charset)
    assert root[found.begin : found.end] == INCLUDE.encode()


@pytest.mark.parametrize(
    ("root", "words"),
    [
        (f'<r xmlns="{"u" * 100_000}">{"<a/>" * 1000}<!--xop/include--></r>', "namespace names"),
        (
            '<r xmlns:p="' + "u" * 100_000 + '"' + "".join(f' p:a{n}=""' for n in range(1000)) + ">&#65;</r>",
            "namespace names",
        ),
        (f"<r>{'<a/>' * 120_000}&#65;</r>", "too many elements"),
        ("<r>&#65;<a b='>'" + "".join(f' a{n}="urn:{n}"' for n in range(10_000)) + "/></r>", "too many attributes"),
        ("<r>" + '<a xmlns:a="b"/>' * 50_000 + "&#65;</r>", "too many elements"),
    ],
)
def test_what_expat_takes_long_for_is_refused_before_it_begins(
    root: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expat, "ParserCreate", None)
    with pytest.raises(Rejection, match=words) as found:
        find_includes(root.encode(), None)
    assert found.value.reason is Reason.LIMITS


def test_a_root_of_many_elements_is_read() -> None:
    row = f'<o:Line number="1"><o:Item xmlns:o="{"urn:orders:" * 8}">4711</o:Item></o:Line>'
    root = f'<r xmlns:o="{"urn:orders:" * 8}">{row * 50_000}<a>{INCLUDE}</a></r>'.encode()
    assert len(find_includes(root, None)) == 1


def test_equal_signs_in_a_text_are_no_attributes() -> None:
    root = f"<r><b>{'key=value;' * 20_000}</b><a>{INCLUDE}</a></r>".encode()
    assert len(find_includes(root, None)) == 1


def test_more_elements_than_a_message_may_have_are_not_looked_at() -> None:
    root = f"<r>{'<a>text</a>' * 100}<a>{INCLUDE}</a></r>".encode()
    assert len(find_includes(root, None, 103)) == 1
    with pytest.raises(Rejection, match="too many elements"):
        find_includes(root, None, 102)
