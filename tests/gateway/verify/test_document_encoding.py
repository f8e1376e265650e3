"""Step 1: which bytes are a document in which encoding, before any parser sees them."""

import encodings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.verify import Policy, Reason
from gateway.verify.document_encoding import as_utf8
from gateway.verify.policy import SUPPORTED_ENCODINGS
from gateway.verify.reason import Rejection

EVERY_ENCODING = Policy(encodings=SUPPORTED_ENCODINGS)
BOM8, BOM16_LE, BOM16_BE = b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"
DECLARED_8 = b'<?xml version="1.0" encoding="UTF-8"?>'
DECLARED_1 = b'<?xml version="1.0" encoding="ISO-8859-1"?>'


@pytest.mark.parametrize(
    ("message", "content_type", "text"),
    [
        # UTF-8 is passed on as it is, without the mark.
        (b"<a/>", None, b"<a/>"),
        (b"<a/>", "text/xml", b"<a/>"),
        (b"<a/>", "text/xml; charset=utf-8", b"<a/>"),
        (b"<a/>", 'text/xml;charset="UTF-8"', b"<a/>"),
        (b"<a/>", "text/xml; charset=UTF8; action=x", b"<a/>"),
        (b"<a/>", "text/xml; charset=utf-8; charset=UTF-8", b"<a/>"),
        (b"\xc3\xa9", None, b"\xc3\xa9"),
        (BOM8 + b"<a/>", "text/xml; charset=utf-8", b"<a/>"),
        (DECLARED_8 + b"<a/>", None, DECLARED_8 + b"<a/>"),
        (b"<?xml version='1.0'?><a/>", None, b"<?xml version='1.0'?><a/>"),
        (
            b"<?xml\tversion = '1.0'\r\nstandalone='yes' ?><a/>",
            None,
            b"<?xml\tversion = '1.0'\r\nstandalone='yes' ?><a/>",
        ),
        (b"<?xml-stylesheet href='x'?><a/>", None, b"<?xml-stylesheet href='x'?><a/>"),
        # Others are read once, here, and their declaration falls away.
        (b"<a>\xe9</a>", "text/xml; charset=iso-8859-1", b"<a>\xc3\xa9</a>"),
        (DECLARED_1 + b"<a>\xe9</a>", None, b"<a>\xc3\xa9</a>"),
        (DECLARED_1 + b"<a>\xe9</a>", "text/xml; charset=latin1", b"<a>\xc3\xa9</a>"),
        (b"<a>\x80</a>", "text/xml; charset=windows-1252", b"<a>\xe2\x82\xac</a>"),
        (b"<a/>", "text/xml; charset=us-ascii", b"<a/>"),
        # Single quotes, a charset in another parameter's quotes, and what only ends like one.
        (b"\xc3\xa9", "text/xml; charset='utf-8'", b"\xc3\xa9"),
        (b"\xc3\xa9", 'text/xml; charset=utf-8; action="urn:a;charset=latin1"', b"\xc3\xa9"),
        (b"\xc3\xa9", 'text/xml; action="urn:a\\";charset=latin1"; charset=utf-8', b"\xc3\xa9"),
        (b"\xc3\xa9", "text/xml; x-charset=ISO-8859-1; charset=utf-8", b"\xc3\xa9"),
        (b"\xc3\xa9", 'text/xml; action="urn:a;charset=latin1', b"\xc3\xa9"),
        # Octets that are the same in both.
        (DECLARED_8 + b"<a/>", "text/xml; charset=iso-8859-1", DECLARED_8 + b"<a/>"),
        (DECLARED_1 + b"<a/>", "text/xml; charset=utf-8", b"<a/>"),
        (BOM16_LE + "<a>é</a>".encode("utf-16-le"), None, "<a>é</a>".encode()),
        (BOM16_BE + "<a>é</a>".encode("utf-16-be"), "text/xml; charset=utf-16", "<a>é</a>".encode()),
        (BOM16_LE + "<a>é</a>".encode("utf-16-le"), "text/xml; charset=utf-16le", "<a>é</a>".encode()),
        (BOM16_BE + "<a>é</a>".encode("utf-16-be"), "text/xml; charset=UTF-16BE", "<a>é</a>".encode()),
    ],
)
def test_what_is_read(message: bytes, content_type: str | None, text: bytes) -> None:
    assert as_utf8(message, EVERY_ENCODING, content_type).text == text


def test_the_declaration_of_utf_16_is_read_and_left_to_the_parser() -> None:
    text = '<?xml version="1.0" encoding="UTF-16"?><a/>'

    assert as_utf8(text.encode("utf-16"), EVERY_ENCODING, None).text == text.encode()


@pytest.mark.parametrize(
    ("message", "content_type", "reason", "detail"),
    [
        (b"", None, Reason.MALFORMED, "the message is empty"),
        (b" \r\n\t", None, Reason.MALFORMED, "the message is empty"),
        (b"<a>" + b"x" * 2048, None, Reason.LIMITS, "the message has 2051 bytes, more than the 2048 admitted"),
        # Conflicts.
        (BOM8 + DECLARED_1 + b"<a/>", None, Reason.ENCODING, "different encodings: iso-8859-1, utf-8"),
        (BOM8 + b"<a/>", "text/xml; charset=iso-8859-1", Reason.ENCODING, "different encodings"),
        (DECLARED_8 + b"<a>\xc3\xa9</a>", "text/xml; charset=iso-8859-1", Reason.ENCODING, "different encodings"),
        (DECLARED_8 + b"<a/>", "text/xml; charset=utf-16", Reason.ENCODING, "different encodings"),
        (BOM16_LE + b"<\0a\0/\0>\0", "text/xml; charset=utf-16be", Reason.ENCODING, "different encodings"),
        (BOM16_BE + b"\0<\0a\0/\0>", "text/xml; charset=utf-16le", Reason.ENCODING, "different encodings"),
        (BOM16_LE + b"<\0a\0/\0>\0", "text/xml; charset=utf-8", Reason.ENCODING, "different encodings"),
        (('\ufeff<?xml version="1.0" encoding="UTF-8"?><a/>').encode("utf-16-le"), None, Reason.ENCODING, "different"),
        (
            b"<a/>",
            "text/xml; charset=utf-8; charset=latin1",
            Reason.ENCODING,
            "the Content-Type names several charsets",
        ),
        (BOM8 + BOM8 + b"<!DOCTYPE a><a/>", None, Reason.ENCODING, "two byte order marks"),
        # Encodings that nobody should read.
        (b"\xff\xfe\0\0<\0\0\0", None, Reason.ENCODING, "UTF-32"),
        (b"\0\0\xfe\xff\0\0\0<", None, Reason.ENCODING, "UTF-32"),
        (b"<\0a\0", None, Reason.ENCODING, "without a byte order mark"),
        (b"\0<\0a", None, Reason.ENCODING, "without a byte order mark"),
        (b"<a/>", "text/xml; charset=utf-7", Reason.ENCODING, "the encoding utf-7 is not read here"),
        (b"<a/>", "text/xml; charset=rot13", Reason.ENCODING, "the encoding rot13 is not read here, and no setting"),
        (b"<a/>", "text/xml; charset=x\xe9", Reason.ENCODING, r"the encoding x\\xe9 is not read"),
        (b"<a/>", 'text/xml; charset=""', Reason.ENCODING, r"the encoding \(empty\) is not read"),
        (b"<a/>", f"text/xml; charset={'x' * 200}", Reason.ENCODING, r"the encoding x{37}\.\.\. is not read"),
        (b"<?xml version='1.0' encoding='a\0b'?><a/>", None, Reason.ENCODING, r"the encoding a\\x00b is not"),
        (b"<?xml version='1.0' encoding='\xe9'?><a/>", None, Reason.ENCODING, r"the encoding \\ufffd is not"),
        # What is not what it says.
        (b"<a>\xe9</a>", "text/xml; charset=us-ascii", Reason.ENCODING, "the message is not valid us-ascii"),
        (b"<a>\x81</a>", "text/xml; charset=windows-1252", Reason.ENCODING, "the message is not valid windows-1252"),
        (BOM16_LE + b"<\0a", None, Reason.ENCODING, "the message is not valid utf-16"),
        (BOM16_LE + b"<\0\0\xd8/\0", None, Reason.ENCODING, "the message is not valid utf-16"),
        # Declarations.
        (b"<?xml version='1.1'?><a/>", None, Reason.ENCODING, "another version than 1.0"),
        (b"<?xml encoding='UTF-8'?><a/>", None, Reason.ENCODING, "another version than 1.0"),
        (b"<?xml ?><a/>", None, Reason.ENCODING, "another version than 1.0"),
        (b"<?xml version='1.0' encoding='UTF-8'<a/>", None, Reason.MALFORMED, "the XML declaration cannot be read"),
        (b"<?xml version='1.0'" + b" " * 201 + b"?><a/>", None, Reason.MALFORMED, "cannot be read"),
        # Document types.
        (b"<!DOCTYPE a><a/>", None, Reason.DTD, "^the message has a document type declaration$"),
        (b"\r\n\t <!doctype HTML>", None, Reason.DTD, r"an HTML page\?"),
        (b"<!DOCTYPE\nhtml PUBLIC ''>", None, Reason.DTD, r"an HTML page\?"),
        (b"<!DOCTYPE>", None, Reason.DTD, "declaration$"),
        (DECLARED_8 + b"\n<!-- x --><?p?> <!DOCTYPE a><a/>", None, Reason.DTD, "document type"),
        (DECLARED_1 + b"<!DOCTYPE a><a/>", None, Reason.DTD, "document type"),
        (b"<!----><!DOCTYPE a>", None, Reason.DTD, "document type"),
        (b"<?p??><!DOCTYPE a>", None, Reason.DTD, "document type"),
        ("\ufeff<!DOCTYPE a><a/>".encode("utf-16-le"), None, Reason.DTD, "document type"),
    ],
)
def test_what_is_refused(message: bytes, content_type: str | None, reason: Reason, detail: str) -> None:
    policy = Policy(encodings=SUPPORTED_ENCODINGS, max_message_bytes=2048)

    with pytest.raises(Rejection, match=detail) as caught:
        as_utf8(message, policy, content_type)
    assert caught.value.reason is reason


@pytest.mark.parametrize("message", [b"<!-- <!DOCTYPE a>", b"<?p <!DOCTYPE a>", b"<!--", b"<?", b"<!-- -- >", b"x"])
def test_what_never_ends_is_left_to_the_parser(message: bytes) -> None:
    assert as_utf8(message, Policy(), None).text == message


@pytest.mark.parametrize("message", [b"<a><!DOCTYPE b></a>", b"<!-- <!DOCTYPE a> --><a/>", b"<?p <!DOCTYPE a> ?><a/>"])
def test_the_word_elsewhere_is_harmless(message: bytes) -> None:
    assert as_utf8(message, Policy(), None).text == message


@pytest.mark.parametrize("encoding", SUPPORTED_ENCODINGS)
def test_an_encoding_is_admitted_by_name_alone(encoding: str) -> None:
    message = '<?xml version="1.0"?><a>x</a>'.encode(encoding)
    content_type = f"text/xml; charset={encoding}"

    assert b"<a>x</a>" in as_utf8(message, Policy(encodings=(encoding,)), content_type).text
    if encoding != "UTF-8":
        with pytest.raises(Rejection, match="is not among those that the policy admits") as caught:
            as_utf8(message, Policy(), content_type)
        assert caught.value.reason is Reason.ENCODING


def test_names_of_encodings_leave_nothing_behind() -> None:
    """Whoever sends a new name with every message must not fill the memory."""
    before = len(encodings._cache)
    for number in range(10):
        with pytest.raises(Rejection):
            as_utf8(f"<?xml version='1.0' encoding='x-unknown-{number}'?><a/>".encode(), Policy(), None)

    assert len(encodings._cache) == before


@given(message=st.binary(max_size=60), content_type=st.none() | st.text(max_size=40).map("text/xml; charset={}".format))
def test_any_bytes_are_text_or_a_rejection(message: bytes, content_type: str | None) -> None:
    try:
        assert as_utf8(message, EVERY_ENCODING, content_type).text
        reason = None
    except Rejection as rejection:
        reason = rejection.reason

    assert reason in {None, Reason.ENCODING, Reason.MALFORMED, Reason.DTD}
