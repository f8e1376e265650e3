"""What a Content-Type may decide: nothing but the reader, and that in one way only."""

import pytest

from gateway.verify import Reason
from gateway.verify.content_type import charset_values, unusual_type
from gateway.verify.reason import Rejection


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "text/xml",
        "TEXT/XML ; charset=utf-8",
        'application/soap+xml; charset=utf-8; action="http://acme.example/message/Send"',
        'application/soap+xml; action="urn:acme:orders"; type="x"',
        "text/xml; charset=utf-8; start-info=(c",
    ],
)
def test_types_that_soap_has(content_type: str | None) -> None:
    assert unusual_type(content_type) is None


@pytest.mark.parametrize(
    ("content_type", "shown"),
    [
        ("application/xml; charset=utf-8", "the Content-Type is application/xml"),
        ("text/plain", "the Content-Type is text/plain"),
        ("text/html;charset=utf-8", "the Content-Type is text/html"),
        ("", "there is no Content-Type"),
        (" ; charset=utf-8", "there is no Content-Type"),
        ("application/xop+xml; type=text/xml", "the Content-Type is application/xop+xml"),
        ("x" * 1000, "the Content-Type is " + "x" * 57 + "..."),
    ],
)
def test_other_types_are_read_as_xml_with_a_warning(content_type: str, shown: str) -> None:
    assert unusual_type(content_type) == f"content-type: {shown}; read as XML all the same"


@pytest.mark.parametrize(
    "content_type",
    [
        'multipart/related; boundary="b"',
        " Multipart/Mixed",
        "multipart",
        'text/xml; x="multipart/related"; type="text/xml"; boundary="b"',
        'text/xml; action="multipart/related; boundary=b"',
        "(c)multipart/related; boundary=b",
        "(a(b)c)multipart/related; boundary=b",
        "multipart(c)/related; boundary=b",
        "(c multi)multi(d)part/related",
        'text/xml; x="multi\\part/related"',
        "text/xml; x*=utf-8''multipart%2Frelated",
        "text/xml; x=multipart%252Frelated",
        'text/xml; x="multi"part/related',
        "text/xml, multipart/related; boundary=b",
        "multipart /related",
        "message/rfc822",
        "(c) message/rfc822",
        'text/xml; x="message/http"',
        "text/xml; x=message%2Frfc822",
        "x" * 1000 + "; y=multipart/related",
        "(" * 30_000 + "multipart/related",
    ],
)
def test_what_some_reader_could_take_for_multipart_is_refused(content_type: str) -> None:
    with pytest.raises(Rejection, match="the message is multipart, or a reader could take it for that") as caught:
        unusual_type(content_type)
    assert caught.value.reason is Reason.STRUCTURE


@pytest.mark.parametrize(
    ("content_type", "values"),
    [
        ("text/xml", ()),
        ("text/xml; charset=utf-8", ("utf-8",)),
        ('text/xml;CharSet="UTF-8"', ("UTF-8",)),
        ('text/xml; charset="utf\\-8"', ("utf-8",)),
        ("text/xml; charset='utf-8' ", ("utf-8",)),
        ("text/xml; charset=", ("",)),
        ("text/xml; charset=utf-8, text/html", ("utf-8, text/html",)),
        ('text/xml; action="a;charset=latin1;"; charset=utf-8', ("utf-8",)),
        ("text/xml; x-charset=latin1; charset=utf-8", ("utf-8",)),
        ("text/xml; charset=a; charset=b", ("a", "b")),
        ('text/xml; action="a;charset=latin1', ()),
        ('text/xml; charset="latin1', ("latin1",)),
        ('text/xml; charset=a"b;charset=c"; charset=d', ("a", "d")),
        (";;; =x; charset", ()),
    ],
)
def test_a_charset_is_a_parameter_of_that_name(content_type: str, values: tuple[str, ...]) -> None:
    assert charset_values(content_type) == values
