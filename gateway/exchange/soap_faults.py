"""SOAP Faults: what a client is told, safe and short; the reason is in the record whose id it gets."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final
from xml.sax.saxutils import escape

_FAULT_NAMESPACE = "urn:wssgate:fault:1"


class SoapVersion(StrEnum):
    """The version in which a fault is written."""

    SOAP_1_1 = "1.1"
    SOAP_1_2 = "1.2"

    @classmethod
    def of_request(cls, soap_version: str | None, content_type: bytes | None) -> "SoapVersion":
        """The version of a request: its envelope's, where that could be read, else what its Content-Type promises."""
        known = _BY_NUMBER.get(soap_version)
        if known is not None:
            return known
        return (
            cls.SOAP_1_2
            if content_type is not None and b"application/soap+xml" in content_type.lower()
            else cls.SOAP_1_1
        )


_BY_NUMBER: Final[Mapping[str | None, SoapVersion]] = {version.value: version for version in SoapVersion}
"""Quicker than asking the enumeration, which every exchange does."""
_SOAP_TYPES = frozenset({b"text/xml", b"application/xml", b"application/soap+xml", b"multipart/related"})


def is_soap_type(content_type: bytes | None) -> bool:
    """Whether a request of that Content-Type may be a SOAP message: SOAP 1.1, SOAP 1.2, or one with attachments."""
    return content_type is not None and content_type.partition(b";")[0].strip().lower() in _SOAP_TYPES


def fault_message(
    version: SoapVersion, sentence: str, *, record_id: str | None, is_senders: bool
) -> tuple[bytes, bytes]:
    """Content-Type and body of a SOAP Fault (SOAP 1.1, 4.4; SOAP 1.2 part 1, 5.4) that says `sentence`.

    `is_senders` blames the client's request rather than the receiver's side.
    """
    sentence = escape(sentence)
    detail = f'<w:Record xmlns:w="{_FAULT_NAMESPACE}">{escape(record_id)}</w:Record>' if record_id is not None else ""
    if version is SoapVersion.SOAP_1_2:
        content_type = b"application/soap+xml; charset=utf-8"
        body = (
            '<?xml version="1.0" encoding="utf-8"?>'
            '<env:Envelope xmlns:env="http://www.w3.org/2003/05/soap-envelope"><env:Body><env:Fault>'
            f"<env:Code><env:Value>env:{'Sender' if is_senders else 'Receiver'}</env:Value></env:Code>"
            f'<env:Reason><env:Text xml:lang="en">{sentence}</env:Text></env:Reason>'
            f"{f'<env:Detail>{detail}</env:Detail>' if detail else ''}"
            "</env:Fault></env:Body></env:Envelope>"
        )
    else:
        content_type = b"text/xml; charset=utf-8"
        body = (
            '<?xml version="1.0" encoding="utf-8"?>'
            '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body><soap:Fault>'
            f"<faultcode>soap:{'Client' if is_senders else 'Server'}</faultcode>"
            f"<faultstring>{sentence}</faultstring>"
            f"{f'<detail>{detail}</detail>' if detail else ''}"
            "</soap:Fault></soap:Body></soap:Envelope>"
        )
    return content_type, body.encode()
