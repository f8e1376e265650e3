"""Header fields with which a receiver could have its answer taken for something else than one XML document."""

from typing import Final

from tests.consumers.answers import XML_TYPE, Version

CONTENT_TYPES: Final = (
    'TYPE; x="multipart/related"; type="TYPE"; boundary="b"',
    'TYPE; type="TYPE"; boundary="b"; x="multipart/related"',
    'TYPE; boundary=b; action="multipart/related"',
    'TYPE; action="multipart/related; boundary=b"',
    'TYPE; action="urn:multipart/related"; boundary=b',
    'TYPE; start-info="TYPE"; x=multipart/related; boundary=b',
    'TYPE; x="MULTIPART/RELATED"; boundary="b"',
    "TYPE; x='multipart/related'; boundary='b'; boundary=b",
    'TYPE; x="multi\\part/related"; boundary=b',
    "TYPE; x=multipart(c)/related; boundary=b",
    "TYPE; x=multipart%2Frelated; boundary=b",
    "TYPE; x*=utf-8''multipart%2Frelated; boundary=b",
    'TYPE; x*0="multipart/"; x*1="related"; boundary=b',
    "TYPE;\tx=multipart/related;\tboundary=b",
    "TYPE;boundary=b;multipart/related",
    "TYPE (multipart/related; boundary=b); boundary=b",
    "TYPE, multipart/related; boundary=b",
    'multipart/related; type="TYPE"; boundary=b; start="<root>"',
    'MULTIPART/Related; Type="TYPE"; BOUNDARY=b',
    "multipart/related, TYPE; boundary=b",
    '(c)multipart/related; type="TYPE"; boundary=b',
    'multipart/(c)related; type="TYPE"; boundary=b',
    'multipart (c) / related; type="TYPE"; boundary=b',
    '"multipart/related"; boundary=b',
    "x-multipart/related; boundary=b",
    "multipart/mixed; boundary=b",
    "multipart/form-data; boundary=b",
    "multipart/x-mixed-replace; boundary=b",
    "; x=multipart/related; boundary=b",
    "message/rfc822",
    "Message/RFC822; boundary=b",
    "message/global; x=multipart/related; boundary=b",
    "message/http; msgtype=response",
    'message/partial; id="1"; number=1; total=1',
    'message/external-body; access-type=URL; URL="http://127.0.0.1:9/"',
    "TYPE; x=message/rfc822; boundary=b",
    'application/xop+xml; type="TYPE"; boundary=b',
    'application/xop+xml; x="multipart/related"; type="TYPE"; boundary=b',
    "application/fastinfoset",
    "application/soap+msbin1",
    "application/octet-stream",
    "application/json",
    "application/xml",
    "text/html; charset=utf-8",
    "text/plain",
    "TYPE",
    "",
)
"""TYPE stands for the media type of the SOAP version. Each comes with a body that is a message, and a multipart entity
whose part is a forged one."""
SEEN: Final = CONTENT_TYPES[0]
"""What deceived Apache CXF."""
FIELDS: Final = {
    "two, the multipart one last": ("Content-Type: TYPE; charset=utf-8", f"Content-Type: {SEEN}"),
    "two, the multipart one first": (f"Content-Type: {SEEN}", "Content-Type: TYPE; charset=utf-8"),
    "folded": ("Content-Type: TYPE;", ' x="multipart/related"; boundary=b'),
    "folded with a tab": ("Content-Type: TYPE; charset=utf-8", '\t; x="multipart/related"; boundary=b'),
    "white space before the colon": ("Content-Type: TYPE; charset=utf-8", f"Content-Type : {SEEN}"),
    "underscore": ("Content-Type: TYPE; charset=utf-8", f"Content_Type: {SEEN}"),
    "underscore alone": (f"content_type: {SEEN}",),
    "none": (),
    "named by Connection": ("Content-Type: TYPE; charset=utf-8", "Connection: content-type"),
    "MIME-Version": ("MIME-Version: 1.0", "Content-Type: TYPE; charset=utf-8"),
    "Content-ID and Content-Location": (
        "Content-Type: TYPE; charset=utf-8",
        "Content-ID: <root>",
        "Content-Location: http://127.0.0.1:9/",
    ),
    "Content-Disposition": ("Content-Type: TYPE; charset=utf-8", 'Content-Disposition: attachment; filename="b"'),
    "Content-Range": ("Content-Type: TYPE; charset=utf-8", "Content-Range: bytes 0-9/10"),
    "X-Accel-Redirect": ("Content-Type: TYPE; charset=utf-8", "X-Accel-Redirect: /forged"),
    "Location": ("Content-Type: TYPE; charset=utf-8", "Location: http://127.0.0.1:9/", "Refresh: 0; url=/forged"),
    **{
        f"{name}: {value}": ("Content-Type: TYPE; charset=utf-8", f"{name}: {value}")
        for name, values in {
            "Content-Transfer-Encoding": ("base64", "quoted-printable", "7bit", "x-uuencode"),
            "Content-Encoding": ("identity", "gzip", "x-gzip", "deflate", "br", "utf-8", "aes128gcm", ""),
            "Content_Encoding": ("gzip",),
            "SOAPJMS_contentEncoding": ("gzip",),
        }.items()
        for value in values
    },
}
"""Header fields that some reader goes by; the body is that of the attack."""
CHARSETS: Final = (
    "TYPE; charset=utf-8",
    'TYPE; charset="utf-8"',
    "TYPE; charset='utf-8'",
    "TYPE; CHARSET=UTF8",
    "TYPE; charset=utf_8",
    "TYPE; charset=unicode-1-1-utf-8",
    "TYPE; charset=utf-8 (c)",
    "TYPE; charset = utf-8",
    "TYPE; charset=",
    "TYPE",
    "TYPE; charset=utf-7",
    "TYPE; charset=unicode-1-1-utf-7",
    "TYPE; charset=utf-16",
    "TYPE; charset=utf-16le",
    "TYPE; charset=utf-32",
    "TYPE; charset=us-ascii",
    "TYPE; charset=ISO-8859-1",
    "TYPE; charset=iso-8859-15",
    "TYPE; charset=windows-1252",
    "TYPE; charset=IBM037",
    "TYPE; charset=utf-8; charset=utf-8",
    'TYPE; charset="utf-8"; charset=utf-8',
    "TYPE; charset=utf-8; charset=ISO-8859-1",
    "TYPE; charset=ISO-8859-1; charset=utf-8",
    "TYPE; charset=utf-8; CHARSET=ISO-8859-1",
    "TYPE; x-charset=ISO-8859-1; charset=utf-8",
    "TYPE; charset=utf-8; x-charset=ISO-8859-1",
    "TYPE; x-charset=ISO-8859-1",
    'TYPE; x="charset=ISO-8859-1"; charset=utf-8',
    'TYPE; x="; charset=ISO-8859-1"; charset=utf-8',
    'TYPE; x="; charset=ISO-8859-1"',
    "TYPE; x='; charset=ISO-8859-1; y='; charset=utf-8",
    "TYPE; (charset=ISO-8859-1; ) charset=utf-8",
    "TYPE; charset*=ISO-8859-1''utf-8",
    "TYPE; charset*=utf-8''ISO-8859-1; charset=utf-8",
    'TYPE; charset*0="ISO-"; charset*1="8859-1"',
    "TYPE, text/xml; charset=ISO-8859-1",
    "TYPE charset=ISO-8859-1",
    'TYPE; charset="ISO-8859-1',
    'TYPE; charset="utf\\-8"',
    'TYPE; charset="ISO-8859\\-1"',
    "charset=ISO-8859-1; TYPE",
)


def typed(content_type: str, version: Version) -> str:
    """The header field with the media type of `version` in it."""
    return f"Content-Type: {content_type}".replace("TYPE", XML_TYPE[version])
