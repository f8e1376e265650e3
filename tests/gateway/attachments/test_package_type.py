"""The Content-Type of a multipart message, and that of its root."""

import re

import pytest

from gateway.attachments.package_type import PackageType, message_type, package_type
from gateway.verify import Reason, Rejection

PLAIN = 'multipart/related; type="text/xml"; boundary="b"'
XOP = 'multipart/related; type="application/xop+xml"; boundary="b"; start-info="text/xml"'


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        (PLAIN, PackageType("b", "text/xml", None, None, None)),
        ('Multipart/Related;TYPE="Text/XML";Boundary=b;', PackageType("b", "text/xml", None, None, None)),
        (f'{XOP}; start="<r@x>"', PackageType("b", "application/xop+xml", "r@x", "text/xml", None)),
        (f'{XOP}; start="r%40x"; charset=UTF-8', PackageType("b", "application/xop+xml", "r@x", "text/xml", "UTF-8")),
        (
            # As XOP 1.0 has it in its examples.
            'Multipart/Related;boundary=MIME_boundary; type="application/xop+xml"; start="<mymessage.xml@example.org>";'
            ' startinfo="application/soap+xml; action=\\"ProcessData\\""',
            PackageType(
                "MIME_boundary", "application/xop+xml", "mymessage.xml@example.org", "application/soap+xml", None
            ),
        ),
        (
            f'{PLAIN}; action="http://acme.example/orders?type=5"; x-trace=a',
            PackageType("b", "text/xml", None, None, None),
        ),
    ],
)
def test_what_stacks_send_is_read(content_type: str, expected: PackageType) -> None:
    assert package_type(content_type) == expected


@pytest.mark.parametrize("content_type", ["", "text/xml", 'application/soap+xml; charset=utf-8; action="urn:x"'])
def test_what_is_not_multipart_is_none_of_its_business(content_type: str) -> None:
    assert package_type(content_type) is None


@pytest.mark.parametrize(
    ("content_type", "words"),
    [
        ('text/xml; x="multipart/related"; boundary="b"', "could take for multipart"),
        ("multipart", "begin with a type and a subtype"),
        ("multi part/related", "begin with a type"),
        ('multipart/mixed; boundary="b"', "only multipart/related"),
        ("message/rfc822", "only multipart/related"),
        (f"{PLAIN}; \n", "one line"),
        (f'{PLAIN}; x="ä"', "one line"),
        (f'{PLAIN}; x="{"x" * 2000}"', "one line"),
        (f'{PLAIN}; boundary="b"', "boundary twice"),
        ('multipart/related; type="text/xml"; boundary*0=a; boundary*1=b', "RFC 2231"),
        ('multipart/related; type="text/xml"; boundary=a:b', "need quotes"),
        ("multipart/related; type=text/xml; boundary=b", "need quotes"),
        ('multipart/related; type="text/xml"; boundary = "b"', "nothing around the equals sign"),
        (f"{PLAIN} (comment)", "cannot be read from here on: (comment)"),
        (f"{PLAIN};;", "cannot be read"),
        ('multipart/related; type="text/xml"; boundary="b', "cannot be read"),
        ('multipart/related; type="text/xml"; boundary="\\b"', "cannot be read"),
        ('multipart/related; type="text/xml"', "no boundary that is read here: (none)"),
        ('multipart/related; type="text/xml"; boundary="b "', "no boundary"),
        ('multipart/related; type="text/xml"; boundary="a b"', "no boundary"),
        (f'multipart/related; type="text/xml"; boundary="{"b" * 71}"', "1 to 70"),
        ('multipart/related; type="text/xml"; boundary="=?utf-8?q?b?="', "no boundary"),
        ('multipart/related; boundary="b"', "type=(none)"),
        ('multipart/related; type="text/html"; boundary="b"', "type=text/html"),
        ('multipart/related; type="text"; boundary="b"', "the parameter type"),
        ('multipart/related; type="text/xml; boundary=c"; boundary="b"', "looks like another parameter"),
        ('multipart/related; type="text/xml; x=c"; boundary="b"', "parameters of its own"),
        (f'{PLAIN}; action="urn:x; boundary=c"', "looks like another parameter"),
        (f'{PLAIN}; action="urn:x; start=c"', "looks like another parameter"),
        (f'{PLAIN}; xboundary="c"', "could take for another one"),
        (f'{PLAIN}; start="<a> <b>"', "no Content-ID"),
        (f'{XOP}; startinfo="text/xml"', "start-info twice"),
    ],
)
def test_what_readers_take_differently_is_refused(content_type: str, words: str) -> None:
    with pytest.raises(Rejection, match=re.escape(words)) as found:
        package_type(content_type)
    assert found.value.reason is Reason.STRUCTURE


@pytest.mark.parametrize(
    ("package", "root", "expected"),
    [
        (PLAIN, "text/xml; charset=UTF-8", "text/xml; charset=UTF-8"),
        (PLAIN, "text/xml", "text/xml"),
        (PLAIN, "text/xml; charset='utf-8';", "text/xml; charset='utf-8'"),
        (f"{PLAIN}; charset=utf-8", "text/xml", "text/xml; charset=utf-8"),
        (f"{PLAIN}; charset=utf-8", "text/xml; charset=UTF-8", "text/xml; charset=UTF-8"),
        (f'{PLAIN}; start-info="text/xml"', "Text/XML", "text/xml"),
        (XOP, 'application/xop+xml; charset=UTF-8; type="text/xml"', "text/xml; charset=UTF-8"),
        (XOP, "application/xop+xml", "text/xml"),
        (
            'multipart/related; type="application/xop+xml"; boundary="b"',
            'application/xop+xml; type="application/soap+xml; action=\\"urn:x\\""',
            "application/soap+xml",
        ),
    ],
)
def test_the_type_of_the_plain_message(package: str, root: str, expected: str) -> None:
    read = package_type(package)
    assert read is not None
    assert message_type(root, read) == expected


@pytest.mark.parametrize(
    ("package", "root", "reason", "words"),
    [
        (PLAIN, "", Reason.STRUCTURE, "begin with a type"),
        (PLAIN, "application/soap+xml", Reason.STRUCTURE, "says type=text/xml: both must be the same"),
        (PLAIN, 'application/xop+xml; type="text/xml"', Reason.STRUCTURE, "both must be the same"),
        (PLAIN, 'text/xml; x="boundary=c"', Reason.STRUCTURE, "looks like another parameter"),
        (f'{PLAIN}; start-info="application/soap+xml"', "text/xml", Reason.STRUCTURE, "the same one"),
        (XOP, 'application/xop+xml; type="application/soap+xml"', Reason.STRUCTURE, "application/soap+xml, text/xml"),
        (XOP, 'application/xop+xml; type="text/plain"', Reason.STRUCTURE, "text/plain, text/xml"),
        (
            'multipart/related; type="application/xop+xml"; boundary="b"',
            "application/xop+xml",
            Reason.STRUCTURE,
            "name nothing",
        ),
        (f"{PLAIN}; charset=utf-8", "text/xml; charset=utf-16", Reason.ENCODING, "different charsets"),
        (PLAIN, 'text/xml; charset=""', Reason.ENCODING, "(nothing) is no charset"),
        (PLAIN, 'text/xml; charset="a b"', Reason.ENCODING, "a b is no charset"),
    ],
)
def test_a_root_of_another_type_is_refused(package: str, root: str, reason: Reason, words: str) -> None:
    read = package_type(package)
    assert read is not None
    with pytest.raises(Rejection, match=re.escape(words)) as found:
        message_type(root, read)
    assert found.value.reason is reason
