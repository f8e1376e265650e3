"""Text is read as every parser reads it, or not at all."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.verify.element_content import base64_text, child_elements, decode_base64, sole_text
from gateway.verify.printable_text import printable
from gateway.verify.reason import Reason, Rejection
from tests.gateway.verify.documents import element


@pytest.mark.parametrize(
    ("text", "limit", "shown"),
    [
        ("", 10, ""),
        ("plain text", 10, "plain text"),
        ("plain text!", 10, "plain t..."),
        ("a\nb", 10, "a\\nb"),
        ("a\x1b[31mb", 20, "a\\x1b[31mb"),
        ("a\x7fb", 10, "a\\x7fb"),
        ("é", 10, "\\xe9"),
        ("\u202e", 10, "\\u202e"),
        ("\U0001f511", 10, "\\U0001f511"),
        ("\U0001f511x", 10, "\\U0001f..."),
        ("\n" * 10, 10, "\\n\\n\\n\\..."),
    ],
)
def test_printable(text: str, limit: int, shown: str) -> None:
    assert printable(text, limit) == shown


@given(text=st.text(max_size=200), limit=st.integers(5, 150))
def test_printable_is_one_short_line_of_ascii(text: str, limit: int) -> None:
    shown = printable(text, limit)

    assert len(shown) <= limit
    assert all(" " <= character <= "~" for character in shown)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("", ""),
        ("a b", "a b"),
        (" \t\r\n a \n", "a"),
        ("a<![CDATA[b]]>c", "abc"),
        ("&#160;a&#160;", "\xa0a\xa0"),
    ],
)
def test_sole_text(content: str, text: str) -> None:
    assert sole_text(element(f'<a><x Id="x">{content}</x></a>')) == text


@pytest.mark.parametrize("content", ["a<!-- -->", "<!-- -->a", "a<?p?>b", "<b/>", "a<b>c</b>"])
def test_text_that_is_split_is_refused(content: str) -> None:
    node = element(f'<a><p:x xmlns:p="urn:p" Id="x">{content}</p:x></a>')

    with pytest.raises(Rejection, match=r"^x must hold text alone$") as caught:
        sole_text(node)
    assert caught.value.reason is Reason.STRUCTURE
    with pytest.raises(Rejection):
        base64_text(node)


@given(st.binary(max_size=60), st.lists(st.tuples(st.integers(0, 80), st.sampled_from(" \t\r\n")), max_size=5))
def test_base64_with_white_space_is_read(octets: bytes, spaces: list[tuple[int, str]]) -> None:
    text = base64.b64encode(octets).decode()
    for position, space in spaces:
        text = text[:position] + space + text[position:]

    assert decode_base64(text, "Value") == octets


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("QQ", "is not base64"),
        ("QQ=", "is not base64"),
        ("QQ===", "is not base64"),
        ("QQ==QQ==", "is not base64"),
        ("=QQ=", "is not base64"),
        ("QUJD*", "is not base64"),
        ("QUJD\x0b", "is not base64"),
        ("QUJD\xa0", "is not base64"),
        ("QUJ-_g==", "is not base64"),
        ("\u0661\u0662\u0663\u0664", "is not base64"),
        ("QR==", "is not canonical base64"),
        ("Q R = =", "is not canonical base64"),
        ("QUF=", "is not canonical base64"),
    ],
)
def test_what_is_no_canonical_base64_is_refused(text: str, message: str) -> None:
    with pytest.raises(Rejection, match=f"^Value {message}$") as caught:
        decode_base64(text, "Value")

    assert caught.value.reason is Reason.STRUCTURE


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ("", []),
        ("text", []),
        ("<a/><b/>", ["a", "b"]),
        ("<!-- --><a/>text<!-- --><b><c/></b><!-- -->", ["a", "b"]),
    ],
)
def test_child_elements(content: str, names: list[str]) -> None:
    assert [child.tag for child in child_elements(element(f'<x Id="x">{content}</x>'))] == names


@pytest.mark.parametrize("content", ["<?p?>", "<a/><?p?>", "<!-- --><?p x?><a/>"])
def test_an_instruction_among_the_children_is_refused(content: str) -> None:
    with pytest.raises(Rejection, match="a processing instruction stands inside x") as caught:
        child_elements(element(f'<x Id="x">{content}</x>'))

    assert caught.value.reason is Reason.STRUCTURE
