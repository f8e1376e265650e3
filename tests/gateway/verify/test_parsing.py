"""Steps 2 and 3: one hardened parse, and the budgets of the policy to the last element."""

import pytest
from lxml import etree

from gateway.verify import Policy, Reason, parsing
from gateway.verify.document_encoding import Decoded
from gateway.verify.document_limits import MAX_NAMESPACE_NAME, MAX_NAMESPACE_OCTETS
from gateway.verify.parsing import (
    parse_admitted,
    parse_document,
    parse_without_remarks,
    read_document,
    serialize_document,
)
from gateway.verify.reason import Rejection

BUDGETS = Policy(max_elements=20, max_depth=8, max_attributes=8, max_namespaces=16)


def nested(depth: int) -> str:
    return "<a>" * depth + "</a>" * depth


def attributes(count: int) -> str:
    return " ".join(f'a{number}="1"' for number in range(count))


def declarations(count: int, first: int = 0) -> str:
    return " ".join(f'xmlns:n{number}="urn:{number}"' for number in range(first, first + count))


@pytest.mark.parametrize(
    "text",
    [
        f"<r>{'<a/>' * 19}</r>",
        f"<r>{'<a/>' * 19}{'<!-- not an element -->' * 5}<![CDATA[<a/>]]></r>",
        nested(8),
        f"<r>{nested(7)}{nested(7)}</r>",
        f"<r {attributes(8)}/>",
        f"<r><a {attributes(8)}/><a {attributes(8)}/> = = = </r>",
        f"<r {declarations(16)}/>",
        f"<r><a {declarations(16)}/><a {declarations(16)}/>{'xmlns' * 20}</r>",
        f"<r {declarations(8)}><a {declarations(8, 8)}/></r>",
        f"<r {declarations(2)} {attributes(8)}/>",
    ],
)
def test_what_is_within_the_budgets(text: str) -> None:
    assert parse_document(text.encode(), BUDGETS).tag in {"r", "a"}


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        (f"<r>{'<a/>' * 20}</r>", "more than 20 elements"),
        (nested(9), "nested more than 8 deep"),
        (f"<r>{nested(8)}</r>", "nested more than 8 deep"),
        (nested(3000), "nested"),
        (f"<r {attributes(9)}/>", "more than 8 attributes"),
        (f"<r><a/><a {attributes(9)}/></r>", "more than 8 attributes"),
        (f"<r {declarations(17)}/>", "more than 16 namespace declarations"),
        (f"<r {declarations(9)}><a {declarations(8, 9)}/></r>", "more than 16 namespace declarations"),
        (f"<r {declarations(9)}><a {declarations(9)}/></r>", "more than 16 namespace declarations"),
    ],
)
def test_what_is_beyond_them(text: str, detail: str) -> None:
    policy = BUDGETS if "3000" not in detail and len(text) < 3000 else BUDGETS.model_copy(update={"max_elements": 9999})

    with pytest.raises(Rejection, match=detail) as caught:
        parse_document(text.encode(), policy)
    assert caught.value.reason is Reason.LIMITS


LONG = "urn:" + "x" * (MAX_NAMESPACE_NAME - 4)
"""As long as a namespace name may be."""
PADDING = "x" * 10_000
"""In a small message no name is long enough to cost anything."""


@pytest.mark.parametrize("prefix", ["", ":p", ":" + "p" * 400])
@pytest.mark.parametrize("gap", ["", " " * 400])
@pytest.mark.parametrize("quote", ["'", '"'])
@pytest.mark.parametrize("last", ["", "x", "&#120;"])
def test_a_namespace_name_has_a_length(prefix: str, gap: str, quote: str, last: str) -> None:
    """Wherever and however it is declared."""
    text = f"<r>{PADDING}<a xmlns{prefix}{gap}={gap}{quote}{LONG}{last}{quote}/></r>".encode()
    if not last:
        assert parse_document(text, Policy()).tag == "r"
        return
    with pytest.raises(Rejection, match=f"a namespace name has more than {MAX_NAMESPACE_NAME} octets") as caught:
        parse_document(text, Policy())
    assert caught.value.reason is Reason.LIMITS


@pytest.mark.parametrize(
    "text",
    [
        f"<a b='{LONG}x'/>",
        f"<a b = '{LONG}x'/>",
        f"xmlns='{LONG}x'",
        f"<!-- xmlns='{LONG}x' -->",
        f"<![CDATA[ xmlns='{LONG}x' ]]>",
    ],
)
def test_what_only_looks_like_a_declaration_has_none(text: str) -> None:
    assert parse_document(f"<r>{PADDING}{text}</r>".encode(), Policy()).tag == "r"


@pytest.mark.parametrize("name", ["xmlns", "xmlns:q"])
@pytest.mark.parametrize("before", ["o/", "urn:o"])
def test_what_only_looks_like_a_declaration_hides_none(name: str, before: str) -> None:
    """It would end inside the real one, were it read as one: a URI may hold an apostrophe."""
    hidden = f"""<a b="{name}='" xmlns:p="{before}'{LONG}"/>"""

    with pytest.raises(Rejection, match="a namespace name has more than") as caught:
        parse_document(f"<r>{PADDING}{hidden}</r>".encode(), Policy())
    assert caught.value.reason is Reason.LIMITS


TOO_MANY = MAX_NAMESPACE_OCTETS // MAX_NAMESPACE_NAME + 1
"""Elements that would each write a declaration of `LONG` in an exclusive canonical form."""


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        (f'<r xmlns:p="{LONG}">{"<p:a/>" * TOO_MANY}</r>', True),
        (f'<p:r xmlns:p="urn:p" xmlns="{LONG}">{"<a/>" * TOO_MANY}</p:r>', True),
        (f"<r xmlns:p='{LONG}'>{'<a p:b=_1_/>'.replace('_', chr(34)) * TOO_MANY}</r>", True),
        # Few enough, or short enough, or declared where the parent declares it already.
        (f'<r xmlns:p="{LONG}">{"<p:a/>" * (TOO_MANY // 2)}</r>', False),
        (f'<r xmlns:p="urn:p">{"<p:a/>" * TOO_MANY}</r>', False),
        (f'<p:r xmlns:p="{LONG}">{"<p:a/>" * TOO_MANY}</p:r>', False),
        (f'<r xmlns:p="urn:p">{"<p:a/>" * TOO_MANY}xmlns="{LONG}"</r>', False),
    ],
)
def test_long_namespace_names_times_elements_are_bounded(text: str, refused: bool) -> None:
    if not refused:
        assert parse_document(text.encode(), Policy()).tag in {"r", "{urn:p}r", f"{{{LONG}}}r"}
        return
    with pytest.raises(Rejection, match="the namespace names are too long for so many elements") as caught:
        parse_document(text.encode(), Policy())
    assert caught.value.reason is Reason.LIMITS


@pytest.mark.parametrize(
    ("text", "reason", "detail"),
    [
        (b"x", Reason.MALFORMED, "the message is not well-formed XML: "),
        (b"{}", Reason.MALFORMED, "not well-formed"),
        (b"<a>", Reason.MALFORMED, "not well-formed"),
        (b"\n<HTML><p>", Reason.MALFORMED, r"not well-formed XML \(an HTML page\?\): "),
        (b"<a></b>", Reason.MALFORMED, "not well-formed"),
        (b"<depth></b>", Reason.MALFORMED, "not well-formed"),
        (b"<a/><b/>", Reason.MALFORMED, "not well-formed"),
        (b"<a b='1' b='2'/>", Reason.MALFORMED, "not well-formed"),
        (b"<a xmlns:p='u' xmlns:q='u' p:b='1' q:b='2'/>", Reason.MALFORMED, "not well-formed"),
        (b"<p:a/>", Reason.MALFORMED, "not well-formed"),
        (b"<a>&b;</a>", Reason.MALFORMED, "not well-formed"),
        (b"<a>&#0;</a>", Reason.MALFORMED, "not well-formed"),
        (b"<a>\x01</a>", Reason.MALFORMED, "not well-formed"),
        (b"<a>\xff</a>", Reason.ENCODING, "^the message is not valid UTF-8$"),
        (b"<a>\xc0\xaf</a>", Reason.ENCODING, "not valid UTF-8"),
        (b"<a>\xed\xa0\x80</a>", Reason.ENCODING, "not valid UTF-8"),
        (b"<!DOCTYPE a><a/>", Reason.DTD, "document type"),
        (b"", Reason.MALFORMED, "empty"),
    ],
)
def test_what_is_no_document(text: bytes, reason: Reason, detail: str) -> None:
    with pytest.raises(Rejection, match=detail) as caught:
        parse_document(text, Policy())

    assert caught.value.reason is reason
    assert caught.value.detail.isprintable()


def test_an_error_of_the_parser_is_told_on_one_line_of_ascii() -> None:
    with pytest.raises(Rejection) as caught:
        parse_document("<é>\n</è>".encode(), Policy())

    assert caught.value.detail.isascii()
    assert "mismatch" in caught.value.detail


def test_what_is_serialized_is_read_again() -> None:
    before, behind = '<?xml version="1.0"?><!-- before --><?before?>', "<!-- behind --><?behind?>"
    root = parse_document(f'{before}<a b="é">\U0001f511</a>{behind}'.encode(), Policy())
    root.set("c", "1")

    octets = serialize_document(root)

    assert octets.startswith(b"<?xml version='1.0' encoding='utf-8'?>\n<a ")
    assert octets.endswith(b"</a>")
    again = parse_document(octets, Policy())
    assert etree.tostring(again, method="c14n") == '<a b="é" c="1">\U0001f511</a>'.encode()


def test_without_remarks_a_text_is_one() -> None:
    root = parse_without_remarks(b"<?b?><a>x<!-- y --><?z?>w<c/></a><!-- d -->")

    assert (root.text, [child.tag for child in root]) == ("xw", ["c"])
    assert (root.getprevious(), root.getnext()) == (None, None)


def test_a_doctype_that_the_scan_did_not_see_is_refused_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsing, "as_utf8", lambda data, *_: Decoded(data, "utf-8", as_it_came=True))

    with pytest.raises(Rejection) as caught:
        read_document(b"<!DOCTYPE a [<!ENTITY b 'c'>]><a/>", Policy())

    assert caught.value.reason is Reason.DTD


MEGABYTES = 1_000_000
"""Ten of them are as long as libxml2 admits a text, unless it is told to."""


@pytest.mark.parametrize(
    "text",
    [
        "x" * 11 * MEGABYTES,
        "<a/>" + "x" * 10 * MEGABYTES + "x<a/>",
        f"<!-- {'x' * 11 * MEGABYTES} -->",
        f"<?p {'x' * 11 * MEGABYTES}?>",
        f"<![CDATA[{'<' * 11 * MEGABYTES}]]>",
        f"<a b='{'x' * 11 * MEGABYTES}'/>",
        f"<a>{'x' * MEGABYTES}</a>" * 12,
    ],
    ids=["a text", "a text beside elements", "a comment", "an instruction", "a CDATA section", "an attribute", "many"],
)
def test_what_is_long_is_read_up_to_the_size_of_a_message(text: str) -> None:
    assert parse_document(f"<r>{text}</r>".encode(), Policy()).tag == "r"


@pytest.mark.parametrize("filling", ["", "x" * 11 * MEGABYTES, f"<a>{'x' * MEGABYTES}</a>" * 12])
def test_the_depth_is_bounded_in_messages_of_any_size(filling: str) -> None:
    policy = Policy()
    deepest = "<a>" * (policy.max_depth - 1) + "</a>" * (policy.max_depth - 1)

    assert parse_document(f"<r>{filling}{deepest}</r>".encode(), policy).tag == "r"
    with pytest.raises(Rejection) as caught:
        parse_document(f"<r>{filling}<a>{deepest}</a></r>".encode(), policy)
    assert caught.value.reason is Reason.LIMITS


def test_a_depth_beyond_that_of_the_parser_may_be_admitted() -> None:
    deep = f"<r>{nested(299)}</r>".encode()

    assert parse_document(deep, Policy(max_depth=300)).tag == "r"
    with pytest.raises(Rejection):
        parse_document(deep, Policy(max_depth=299))


@pytest.mark.parametrize("beside", ["", "<!-- <a> <a> <a> -->", "<![CDATA[<a>]]>", "<?p <a>?>"])
@pytest.mark.parametrize("unit", ["<a/>", "<a></a>"])
def test_elements_are_counted_whatever_stands_beside_them(beside: str, unit: str) -> None:
    """Before they are made, where the octets tell; else afterwards. What looks like an element does not count."""
    policy = Policy(max_elements=20)

    assert parse_document(f"<r>{beside}{unit * 19}</r>".encode(), policy).tag == "r"
    with pytest.raises(Rejection, match="more than 20 elements") as caught:
        parse_document(f"<r>{beside}{unit * 20}</r>".encode(), policy)
    assert caught.value.reason is Reason.LIMITS


@pytest.mark.parametrize(
    "hidden",
    [
        pytest.param(b'<a><u:x/><y xml:space="odd"/></a>', id="a prefix that nothing declares"),
        pytest.param(
            b'<a xmlns:p="urn:a" xmlns:q="urn:a" p:x="1" q:x="2"><y xmlns="relative"/></a>', id="an attribute twice"
        ),
        pytest.param(b'<a><x xmlns:p=""/><y xml:space="odd"/></a>', id="a prefix declared as nothing"),
    ],
)
def test_a_warning_does_not_hide_what_is_wrong_with_namespaces(hidden: bytes) -> None:
    with pytest.raises(Rejection) as raised:
        parse_document(hidden, Policy())
    assert raised.value.reason is Reason.MALFORMED
    assert "namespace-well-formed" in raised.value.detail


def test_warnings_alone_are_no_errors() -> None:
    assert parse_document(b'<a xml:space="odd"><y xmlns="relative"/></a>', Policy()).tag == "a"


@pytest.mark.parametrize("first", ["what is not known", "the whole document"])
def test_what_stands_in_quotes_is_looked_for_in_one_range_or_the_other(first: str) -> None:
    """One asks of the part that is not known, one of the whole document: neither answers for the other."""
    head = b'<r Id="known">'
    text = head + b"<a>" + b"x" * 10_000 + b'<b Id="body"/></a></r>'
    document = parse_admitted(text, Policy(), known=len(head))

    if first == "what is not known":
        assert not document.may_quote({b"known"})
    assert document.times_in_quotes(b"known") == 1
    assert document.times_in_quotes(b"body") == 1
    assert not document.may_quote({b"known"})
    assert document.may_quote({b"body"})
