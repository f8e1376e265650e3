"""What the first octets of a request show is what a parse finds, or nothing."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fixtures.manifest import own_cases, public_cases
from gateway.verify import Expectation, Policy, Rejection, parse_document
from gateway.verify.envelope import read_envelope
from gateway.verify.printable_text import shown_operation
from gateway.verify.request_beginning import Beginning, beginning_of
from gateway.verify.xml_names import SOAP11, SOAP12, XML

ANY = Policy(encodings=("UTF-8", "ISO-8859-1", "UTF-16"))
ORDER = '<o:GetOrder xmlns:o="urn:orders">text</o:GetOrder>'


def enveloped(body: str = ORDER, header: str = "", more: str = "", of_body: str = "", soap: str = SOAP11) -> str:
    return f'<s:Envelope xmlns:s="{soap}"{more}>{header}<s:Body{of_body}>{body}</s:Body></s:Envelope>'


def parsed(body: bytes) -> tuple[str, str | None] | None:
    """SOAP version and operation by a parse of the whole; None where that refuses the request."""
    try:
        envelope = read_envelope(parse_document(body, ANY))
    except Rejection:
        return None
    return envelope.version, shown_operation(envelope.operation)


def agree(body: bytes) -> Beginning | None:
    """Make sure that a glance says what a parse finds, wherever both say anything; what it says."""
    begun, found = beginning_of(body), parsed(body)
    assert begun is None or found is None or begun[:2] == found
    asked = Expectation.of_request(body, ANY)
    glimpsed = Expectation.at_a_glance(body)
    assert glimpsed is None or asked.operation == glimpsed.operation
    assert glimpsed is None or found is None or asked == glimpsed
    return begun


@pytest.mark.parametrize(
    ("body", "operation"),
    [
        (enveloped(), "{urn:orders}GetOrder"),
        (enveloped(soap=SOAP12), "{urn:orders}GetOrder"),
        ('<?xml version="1.0"?>\r\n' + enveloped(), "{urn:orders}GetOrder"),
        ("<?xml version='1.0' encoding='utf-8'?>" + enveloped(), "{urn:orders}GetOrder"),
        (enveloped(header="\n <s:Header/>\n "), "{urn:orders}GetOrder"),
        (enveloped(header='<s:Header a="1" />'), "{urn:orders}GetOrder"),
        (enveloped(header="<s:Header></s:Header>"), "{urn:orders}GetOrder"),
        (enveloped(header="<s:Header><a>t</a> <b c='d'/></s:Header>\n"), "{urn:orders}GetOrder"),
        # A Body that is no child of the Envelope.
        (enveloped(header="<s:Header><s:Body><Other/></s:Body></s:Header>"), "{urn:orders}GetOrder"),
        (enveloped("\n<GetOrder/>"), "GetOrder"),
        (enveloped("<GetOrder/>", more=' xmlns="urn:orders"'), "{urn:orders}GetOrder"),
        (enveloped("<GetOrder/>", of_body=' xmlns="urn:orders"'), "{urn:orders}GetOrder"),
        (enveloped("<GetOrder/>", more=' xmlns="urn:orders"', of_body=' xmlns=""'), "GetOrder"),
        (enveloped("<GetOrder xmlns=''/>", more=' xmlns="urn:orders"'), "GetOrder"),
        (enveloped("<o:A/>", more=' xmlns:o="urn:1"', of_body=' xmlns:o="urn:2"'), "{urn:2}A"),
        (enveloped("<o:A xmlns:o='urn:3'/>", more=' xmlns:o="urn:1"', of_body=' xmlns:o="urn:2"'), "{urn:3}A"),
        (enveloped("<o:A/>", more=' xmlns:oo="urn:2" xmlns:o="urn:1" b="c"'), "{urn:1}A"),
        # What only looks like a declaration.
        (enveloped("<o:A/>", more=""" b='xmlns:o="urn:2"' xmlns:o="urn:1" """), "{urn:1}A"),
        (enveloped("<o:A b=' xmlns:o=' xmlns:o='urn:1'/>"), "{urn:1}A"),
        (enveloped("<A b='xmlns='/>"), "A"),
        (enveloped("<xml:A xmlns:xml='http://www.w3.org/XML/1998/namespace'/>"), f"{{{XML}}}A"),
        (enveloped("<s:Fault/>"), f"{{{SOAP11}}}Fault"),
        (f'<Envelope xmlns="{SOAP11}"><Body><GetOrder xmlns="urn:orders"/></Body></Envelope>', "{urn:orders}GetOrder"),
        (enveloped(f"<{'A' * 400}/>"), "A" * 297 + "..."),
        (enveloped(ORDER + ORDER + "<!-- -->"), "{urn:orders}GetOrder"),
    ],
)
def test_what_is_plain_is_told(body: str, operation: str) -> None:
    begun = agree(body.encode())
    assert begun is not None
    assert begun.operation == operation
    assert parsed(body.encode()) == (begun.soap_version, operation)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<a/>",
        "\ufeff" + enveloped(),
        "<!-- -->" + enveloped(),
        "<?xml-stylesheet ?>" + enveloped(),
        "<!DOCTYPE a>" + enveloped(),
        enveloped(""),
        enveloped("text" + ORDER),
        enveloped("<!-- -->" + ORDER),
        enveloped("<![CDATA[]]>" + ORDER),
        enveloped("<?p?>" + ORDER),
        enveloped("&#32;" + ORDER),
        enveloped(header="<!-- -->"),
        enveloped(header="<s:Header/><!-- -->"),
        enveloped(header="<s:Header><!-- </s:Header><s:Body><Other/></s:Body> --></s:Header>"),
        enveloped(header="<s:Header><![CDATA[</s:Header><s:Body><Other/></s:Body>]]></s:Header>"),
        enveloped(header="<s:Header><?p </s:Header><s:Body><Other/></s:Body>?></s:Header>"),
        # The first end tag of that name is not the Header's own.
        enveloped(header="<s:Header><x><s:Header></s:Header><s:Body><Other/></s:Body></x></s:Header>"),
        enveloped(header="<s:Header><x></x></s:Header >"),
        enveloped(header="<s:Header>"),
        enveloped(header="<x/>"),
        enveloped(header="<s:Header xmlns:s='urn:x'/>"),
        enveloped(of_body=" xmlns:s='urn:x'"),
        enveloped(of_body=f" xmlns:s='{SOAP11}'"),
        enveloped(soap="urn:other"),
        enveloped(soap=SOAP11 + "&#32;"),
        enveloped("<o:A/>"),
        enveloped("<xml:A/>"),
        enveloped("<xmlns:A/>"),
        enveloped("<o:A xmlns:o=''/>"),
        enveloped("<o:A xmlns:o='urn:&amp;'/>"),
        enveloped("<o:A xmlns:o=' urn:x\n'/>"),
        enveloped("<o:A xmlns:o='urn:\u00e9'/>"),
        enveloped("<A xmlns='urn:\u00e9'/>"),
        enveloped("<o:A xmlns:o = 'urn:x'/>"),
        enveloped("<\u00c5/>"),
        enveloped("<A\u00c5/>"),
        enveloped("<a:b:c/>"),
        enveloped("<A b='<'/>"),
        enveloped("<A b=c/>"),
        enveloped("<A"),
        f'<Envelope xmlns="{SOAP11}"><s:Body xmlns:s="{SOAP11}"><A/></s:Body></Envelope>',
        # Longer than anybody looks.
        enveloped(header=f"<s:Header>{'<a/>' * 20_000}</s:Header>"),
        enveloped(more=f" a='{'b' * 70_000}'"),
        enveloped(f"<A b='{'c' * 70_000}'/>"),
    ],
)
def test_whatever_leaves_a_doubt_is_left_to_the_parser(body: str) -> None:
    assert agree(body.encode()) is None


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_octets_of_other_kinds_say_nothing(encoding: str) -> None:
    assert agree(enveloped("<A>+</A>", header="<s:Header/>").encode(encoding)) is None


def test_the_header_is_where_its_blocks_are() -> None:
    body = enveloped(header="<s:Header><a/></s:Header>").encode()
    begun = beginning_of(body)
    assert begun is not None
    assert body[slice(*begun.header)] == b"<a/>"


def test_the_corpus_agrees() -> None:
    told = sum(agree(case.message) is not None for case in (*own_cases(), *public_cases()))
    assert told > 50


PIECES = (
    '<?xml version="1.0" encoding="UTF-8"?>',
    f'<s:Envelope xmlns:s="{SOAP11}">',
    f"<s:Envelope xmlns:s='{SOAP12}' xmlns=\"urn:d\" xmlns:o='urn:e'>",
    f'<Envelope xmlns="{SOAP11}" xmlns:s="{SOAP11}">',
    "<s:Header>",
    "</s:Header>",
    "<s:Header/>",
    "<Header>",
    "</Header>",
    "<s:Body>",
    "<s:Body xmlns:o='urn:b'>",
    "<s:Body xmlns:s='urn:b'>",
    "<Body>",
    "</s:Body>",
    "</Body>",
    "<o:A/>",
    "<o:A xmlns:o='urn:a' b=\" xmlns:o='urn:z'\">",
    "</o:A>",
    "<A xmlns=''/>",
    "<B>",
    "</B>",
    "</s:Envelope>",
    "</Envelope>",
    "<!-- ",
    " -->",
    "<![CDATA[",
    "]]>",
    "<?p ",
    "?>",
    "<a:MessageID xmlns:a='http://www.w3.org/2005/08/addressing'>urn:1</a:MessageID>",
    " ",
    "\n",
    "text",
    "&amp;",
    "\u00e9",
)

TEMPLATES = st.tuples(
    st.sampled_from(("", PIECES[0], "<!-- -->", " ")),
    st.sampled_from(PIECES[1:4]),
    st.lists(st.sampled_from(PIECES[4:]), max_size=6).map("".join),
    st.sampled_from(("", "<s:Header>", "<s:Header><s:Header>", "<Header>")),
    st.lists(st.sampled_from(PIECES[4:]), max_size=4).map("".join),
    st.sampled_from(("", "</s:Header>", "</s:Header></s:Header>", "</Header>")),
    st.sampled_from(PIECES[9:13]),
    st.lists(st.sampled_from(PIECES[15:]), max_size=4).map("".join),
    st.sampled_from(("</s:Body></s:Envelope>", "</Body></Envelope>", "</s:Body><x/></s:Envelope>", "")),
).map("".join)


@given(
    st.one_of(TEMPLATES, st.lists(st.sampled_from(PIECES), max_size=14).map("".join)),
    st.sampled_from(("utf-8", "latin-1")),
)
@example("".join(PIECES[index] for index in (1, 4, 4, 5, 9, 15, 13, 5, 9, 18, 13, 21)), "utf-8")
def test_a_glance_never_says_another_thing_than_a_parse(text: str, encoding: str) -> None:
    agree(text.encode(encoding))


@given(st.data())
def test_changed_octets_change_both_or_leave_it_to_the_parser(data: st.DataObject) -> None:
    body = bytearray(enveloped(header="<s:Header><a b='c'/></s:Header>", more=" xmlns:o='urn:d'").encode())
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(body)))
        piece = data.draw(st.one_of(st.binary(max_size=4), st.sampled_from(PIECES).map(str.encode)))
        body[start : start + data.draw(st.integers(0, 12))] = piece
    agree(bytes(body))
