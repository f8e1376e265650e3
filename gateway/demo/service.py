"""The demo's SOAP service: its WSDL, and its answers before they are signed."""

from datetime import UTC, datetime, timedelta
from xml.sax.saxutils import escape, quoteattr

NAMESPACE = "urn:acme:orders"
OPERATIONS = ("Quote", "Order", "Cancel")
LAGGARD = "Cancel"
"""The operation that switches late: it runs on a server of its own that somebody forgot."""

_ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
_WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
_WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"

_SCHEMA = """
      <xsd:element name="{0}"><xsd:complexType><xsd:sequence>
        <xsd:element name="number" type="xsd:string"/>
      </xsd:sequence></xsd:complexType></xsd:element>
      <xsd:element name="{0}Response"><xsd:complexType><xsd:sequence>
        <xsd:element name="number" type="xsd:string"/>
        <xsd:element name="amount" type="xsd:decimal"/>
      </xsd:sequence></xsd:complexType></xsd:element>"""
_MESSAGES = """
  <wsdl:message name="{0}Input"><wsdl:part name="parameters" element="tns:{0}"/></wsdl:message>
  <wsdl:message name="{0}Output"><wsdl:part name="parameters" element="tns:{0}Response"/></wsdl:message>"""
_PORT_OPERATION = """
    <wsdl:operation name="{0}">
      <wsdl:input message="tns:{0}Input"/><wsdl:output message="tns:{0}Output"/>
    </wsdl:operation>"""
_BINDING_OPERATION = """
    <wsdl:operation name="{0}">
      <soap:operation soapAction="urn:acme:orders:{0}"/>
      <wsdl:input><soap:body use="literal"/></wsdl:input><wsdl:output><soap:body use="literal"/></wsdl:output>
    </wsdl:operation>"""


def request_for(operation: str, number: str) -> bytes:
    """A request as a client of the service writes it."""
    return (
        f'<s:Envelope xmlns:s="{_ENVELOPE}"><s:Body><{operation} xmlns="{NAMESPACE}"><number>{escape(number)}</number>'
        f"</{operation}></s:Body></s:Envelope>"
    ).encode()


def wsdl(address: str) -> bytes:
    """The WSDL 1.1 of the service, document/literal, at `address`."""
    schema, messages, port, binding = (
        "".join(template.format(operation) for operation in OPERATIONS)
        for template in (_SCHEMA, _MESSAGES, _PORT_OPERATION, _BINDING_OPERATION)
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<wsdl:definitions name="Orders" targetNamespace="{NAMESPACE}" xmlns:tns="{NAMESPACE}"
    xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"
    xmlns:xsd="http://www.w3.org/2001/XMLSchema">
  <wsdl:types>
    <xsd:schema targetNamespace="{NAMESPACE}" elementFormDefault="qualified">{schema}
    </xsd:schema>
  </wsdl:types>{messages}
  <wsdl:portType name="OrdersPort">{port}
  </wsdl:portType>
  <wsdl:binding name="OrdersBinding" type="tns:OrdersPort">
    <soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>{binding}
  </wsdl:binding>
  <wsdl:service name="Orders">
    <wsdl:port name="OrdersPort" binding="tns:OrdersBinding"><soap:address location={quoteattr(address)}/></wsdl:port>
  </wsdl:service>
</wsdl:definitions>
""".encode()


def answer(operation: str, number: str, amount: str) -> bytes:
    """The response to `operation`, with a Timestamp that is good for five minutes, not signed yet."""
    created = datetime.now(UTC)
    expires = created + timedelta(minutes=5)
    return f"""<soap:Envelope xmlns:soap="{_ENVELOPE}"><soap:Header>\
<wsse:Security xmlns:wsse="{_WSSE}" xmlns:wsu="{_WSU}" soap:mustUnderstand="1"><wsu:Timestamp>\
<wsu:Created>{created:%Y-%m-%dT%H:%M:%S.%f}Z</wsu:Created>\
<wsu:Expires>{expires:%Y-%m-%dT%H:%M:%S.%f}Z</wsu:Expires>\
</wsu:Timestamp></wsse:Security></soap:Header><soap:Body>\
<o:{operation}Response xmlns:o="{NAMESPACE}"><o:number>{escape(number)}</o:number>\
<o:amount>{escape(amount)}</o:amount></o:{operation}Response></soap:Body></soap:Envelope>""".encode()
