"""The operations that a WSDL announces are those by which requests are counted."""

import pytest
from lxml import etree

from gateway.demo.service import wsdl as demo_wsdl
from gateway.exchange.wsdl import wsdl_operations
from gateway.exchange.wsdl.wsdl_operations import announced_operations

HEAD = (
    '<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:s="http://schemas.xmlsoap.org/wsdl/soap/"'
    ' xmlns:s12="http://schemas.xmlsoap.org/wsdl/soap12/" xmlns:h="http://schemas.xmlsoap.org/wsdl/http/"'
    ' xmlns:m="http://schemas.xmlsoap.org/wsdl/mime/" xmlns:t="urn:wsdl" xmlns:e="urn:types"'
    ' targetNamespace="urn:wsdl">'
)
MESSAGE = '<message name="In"><part name="p" element="e:Get"/></message>'
BOTH = '<input message="t:In"/><output message="t:Out"/>'
PORT_TYPE = f'<portType name="T"><operation name="Get">{BOTH}</operation></portType>'
BODY = '<s:body use="literal"/>'
BINDING = (
    '<binding name="B" type="t:T"><s:binding/><operation name="Get"><s:operation/>'
    f"<input>{BODY}</input></operation></binding>"
)
RPC_BODY = '<s:body use="literal" namespace="urn:rpc"/>'
RPC = (
    '<binding name="B" type="t:T"><s:binding style="rpc"/><operation name="Get">'
    f"<input>{RPC_BODY}</input><output/></operation></binding>"
)


def announced(inside: str, head: str = HEAD) -> tuple[str, ...]:
    return announced_operations(etree.fromstring(f"{head}{inside}</definitions>"))


@pytest.mark.parametrize(
    "inside",
    [
        MESSAGE + PORT_TYPE + BINDING,
        BINDING + PORT_TYPE + MESSAGE,
        MESSAGE + PORT_TYPE + BINDING.replace("<s:", "<s12:"),
        # The binding stands in another document.
        MESSAGE + PORT_TYPE,
        # Several bindings of one portType; and one that is not of SOAP.
        MESSAGE + PORT_TYPE + BINDING + BINDING.replace("<s:", "<s12:").replace('"B"', '"C"'),
        MESSAGE + PORT_TYPE + BINDING + BINDING.replace("<s:", "<h:").replace('"B"', '"C"'),
        # The style of the operation counts.
        MESSAGE
        + PORT_TYPE
        + BINDING.replace("<s:binding/>", '<s:binding style="rpc"/>').replace(
            "<s:operation/>", '<s:operation style="document"/>'
        ),
        # Another part is a header.
        MESSAGE.replace("</message>", '<part name="h" element="e:Header"/></message>')
        + PORT_TYPE
        + BINDING.replace(BODY, BODY + '<s:header message="t:In" part="h" use="literal"/>'),
        MESSAGE.replace("</message>", '<part name="h" element="e:Header"/></message>')
        + PORT_TYPE
        + BINDING.replace(BODY, '<s:body parts="p" use="literal"/>'),
        # An attachment beside it.
        MESSAGE.replace("</message>", '<part name="a" type="e:bytes"/></message>')
        + PORT_TYPE
        + BINDING.replace(
            BODY, '<m:multipartRelated><m:part><s:body parts="p"/></m:part><m:part/></m:multipartRelated>'
        ),
        # The namespace by the default declaration.
        MESSAGE.replace('element="e:Get"', 'xmlns:x="urn:types" element=" x:Get "') + PORT_TYPE + BINDING,
    ],
)
def test_in_style_document_it_is_the_element_of_the_part(inside: str) -> None:
    assert announced(inside) == ("{urn:types}Get",)


@pytest.mark.parametrize(
    "inside",
    [
        RPC,
        RPC + PORT_TYPE + MESSAGE.replace('element="e:Get"', 'type="e:Get"'),
        RPC.replace(' style="rpc"', "").replace("<input>", '<s:operation style="rpc"/><input>'),
        RPC.replace("<s:", "<s12:"),
    ],
)
def test_in_style_rpc_it_is_the_operation_in_the_namespace_of_the_body(inside: str) -> None:
    assert announced(inside) == ("{urn:rpc}Get",)


def test_in_style_rpc_without_a_namespace() -> None:
    assert announced(RPC.replace(' namespace="urn:rpc"', "")) == ("Get",)


@pytest.mark.parametrize(
    "inside",
    [
        "",
        BINDING,
        MESSAGE,
        PORT_TYPE + BINDING,
        # Nobody answers, or nobody asks.
        MESSAGE + PORT_TYPE.replace('<output message="t:Out"/>', "") + BINDING,
        MESSAGE + PORT_TYPE.replace('<input message="t:In"/>', "") + BINDING,
        MESSAGE + PORT_TYPE.replace(BOTH, '<output message="t:Out"/><input message="t:In"/>') + BINDING,
        RPC.replace("<output/>", ""),
        RPC + PORT_TYPE.replace('<output message="t:Out"/>', ""),
        # Nothing in the Body, or anything.
        '<message name="In"/>' + PORT_TYPE + BINDING,
        MESSAGE.replace('element="e:Get"', 'type="e:Get"') + PORT_TYPE + BINDING,
        MESSAGE.replace('element="e:Get"', "") + PORT_TYPE + BINDING,
        MESSAGE.replace("e:Get", "unknown:Get") + PORT_TYPE + BINDING,
        MESSAGE.replace("e:Get", "e:") + PORT_TYPE + BINDING,
        MESSAGE.replace("</message>", '<part name="q" element="e:Other"/></message>') + PORT_TYPE + BINDING,
        MESSAGE + PORT_TYPE + BINDING.replace(BODY, '<s:body parts="" use="literal"/>'),
        # Not for SOAP.
        MESSAGE + PORT_TYPE + BINDING.replace("<s:", "<h:"),
        RPC.replace(RPC_BODY, ""),
        RPC.replace(' name="Get"', ""),
        RPC.replace('"rpc"', '"other"'),
    ],
)
def test_what_the_document_does_not_say_is_not_expected(inside: str) -> None:
    assert announced(inside) == ()


def test_wsdl_2() -> None:
    document = """<description xmlns="http://www.w3.org/ns/wsdl" xmlns:e="urn:types" targetNamespace="urn:wsdl">
      <interface name="I">
        <operation name="a"><input element="e:Get"/><output element="e:Got"/></operation>
        <operation name="b"><input element="#none"/><output element="e:Got"/></operation>
        <operation name="c"><input element="e:Send"/></operation>
        <operation name="d"><input/><output/></operation>
        <operation name="e"><output/></operation>
      </interface></description>"""
    assert announced_operations(etree.fromstring(document)) == ("{urn:types}Get",)


def test_a_schema_announces_nothing() -> None:
    schema = '<schema xmlns="http://www.w3.org/2001/XMLSchema"><element name="Get"/></schema>'
    assert announced_operations(etree.fromstring(schema)) == ()


def test_the_service_of_the_demo() -> None:
    found = announced_operations(etree.fromstring(demo_wsdl("http://127.0.0.1/")))
    assert len(found) > 1
    assert all(name.startswith("{urn:acme:orders}") for name in found)


def test_names_are_as_records_have_them() -> None:
    assert announced(RPC.replace('"Get"', f'"{"A" * 400}"')) == ("{urn:rpc}" + "A" * 288 + "...",)
    assert announced(RPC.replace('"Get"', '"Gr\u00f6\u00dfe"')) == ("{urn:rpc}Gr\\xf6\\xdfe",)


def test_of_a_document_with_too_much_only_so_much_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wsdl_operations, "MOST_ANNOUNCED", 3)
    operation = RPC[RPC.index("<operation") : RPC.index("</binding>")]
    many = "".join(operation.replace('"Get"', f'"Get{number}"') for number in range(9))
    assert announced(RPC.replace(operation, many)) == ("{urn:rpc}Get0", "{urn:rpc}Get1", "{urn:rpc}Get2")
    parts = "".join(f'<part name="{number}" element="e:X"/>' for number in range(100))
    last = BINDING.replace(BODY, '<s:body parts="p"/>')
    assert announced(f'<message name="In">{parts}<part name="p" element="e:Get"/></message>{PORT_TYPE}{last}') == ()
