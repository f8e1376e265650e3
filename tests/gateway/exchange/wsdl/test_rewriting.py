"""What a WSDL or schema holds that leads past the gateway, and what of it a client gets to see."""

from pathlib import Path

import pytest
from lxml import etree

from gateway.exchange.wsdl.addresses import Addresses
from gateway.exchange.wsdl.rewriting import rewrite
from gateway.verify import Policy, Reason
from gateway.verify.reason import Rejection
from tests.gateway.exchange.harness import http, run, world

RECEIVER = "https://r.example/ws/orders"
GATEWAY = "https://gateway.example/orders"
WSDL = "http://schemas.xmlsoap.org/wsdl/"
XSD = "http://www.w3.org/2001/XMLSchema"

WSA = [
    "http://www.w3.org/2005/08/addressing",
    "http://schemas.xmlsoap.org/ws/2004/08/addressing",
    "http://schemas.xmlsoap.org/ws/2004/03/addressing",
    "http://schemas.xmlsoap.org/ws/2003/03/addressing",
]
WSP = [
    "http://schemas.xmlsoap.org/ws/2004/09/policy",
    "http://www.w3.org/ns/ws-policy",
    "http://schemas.xmlsoap.org/ws/2002/12/policy",
    "http://www.w3.org/2006/07/ws-policy",
]
SP = [
    "http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200702",
    "http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200512",
    "http://schemas.xmlsoap.org/ws/2005/07/securitypolicy",
]
MEX = [
    "http://schemas.xmlsoap.org/ws/2004/09/mex",
    "http://www.w3.org/2009/02/ws-mex",
    "http://www.w3.org/2009/09/ws-mex",
    "http://www.w3.org/2011/03/ws-mex",
]
HTTP_BINDING = "http://schemas.xmlsoap.org/wsdl/http/"


def document(inside: str, before: str = "", behind: str = "") -> bytes:
    return f'{before}<definitions xmlns="{WSDL}" xmlns:xs="{XSD}">{inside}<types/></definitions>{behind}'.encode()


def rewritten(inside: str, at: str = f"{RECEIVER}?wsdl") -> tuple[bytes, tuple[str, ...]]:
    return rewrite(document(inside), Policy(), Addresses(RECEIVER, GATEWAY, at))


def first(octets: bytes) -> etree._Element:
    return etree.fromstring(octets)[0]


def without_a_trace(inside: str) -> str:
    """The one warning with which `inside` lost whatever leads to `elsewhere`."""
    octets, (warning,) = rewritten(inside)
    assert b"elsewhere" not in octets
    assert octets.endswith(b"<types/></definitions>"), "what follows is still there"
    return warning


# Relative references and dot segments


@pytest.mark.parametrize(
    ("location", "at", "expected"),
    [
        ("?xsd=1", f"{RECEIVER}?wsdl", "?xsd=1"),
        (" ?xsd=1\n", f"{RECEIVER}?wsdl", "?xsd=1"),
        ("orders?xsd=xsd0.xsd", f"{RECEIVER}?wsdl", "?xsd=xsd0.xsd"),
        ("./orders/types.xsd", f"{RECEIVER}?wsdl", "/types.xsd"),
        ("../ws/orders?xsd=1", f"{RECEIVER}?wsdl", "?xsd=1"),
        ("/ws/orders/types.xsd", f"{RECEIVER}?wsdl", "/types.xsd"),
        ("//r.example/ws/orders/types.xsd", f"{RECEIVER}?wsdl", "/types.xsd"),
        ("types.xsd", f"{RECEIVER}/", "/types.xsd"),
        ("types.xsd", f"{RECEIVER}/a/orders.wsdl", "/a/types.xsd"),
        ("../common/types.xsd", f"{RECEIVER}/a/orders.wsdl", "/common/types.xsd"),
    ],
)
def test_a_relative_import_leads_to_the_gateway(location: str, at: str, expected: str) -> None:
    octets, warnings = rewritten(f'<import location="{location}"/>', at)
    assert (first(octets).get("location"), warnings) == (GATEWAY + expected, ())


@pytest.mark.parametrize("location", ["", "#types", " "])
def test_an_import_of_nothing_further_stays(location: str) -> None:
    octets, _ = rewritten(f'<xs:import namespace="urn:a" schemaLocation="{location}"/>')
    assert first(octets).get("schemaLocation") == location.strip()


DOTS = [
    "..", "../x.xsd", "../../x.xsd", "../orders/../admin/x.xsd", "/ws/orders/../x.xsd", "orders/../../x.xsd",
    "orders/%2e%2e/x.xsd", "orders/%2E./x.xsd", "orders/.%2e/x.xsd", "orders/%252e%252e/x.xsd", "orders/..%2fx.xsd",
    "orders/..;/x.xsd", "orders/..;a=b/x.xsd", "orders/.;/x.xsd", "orders/;/x.xsd", "orders/..%5cx.xsd",
    "orders\\..\\x.xsd", "orders/..\\x.xsd", "..\\x.xsd", "\\ws\\orders\\x.xsd", "orders/%c0%ae%c0%ae/x.xsd",
    "orders/\uff0e\uff0e/x.xsd", "orders/%ef%bc%8e%ef%bc%8e/x.xsd", "orders/..%20/x.xsd", "orders/.../x.xsd",
    "orders/%2e%2e", "orders/..;", "x.xsd", "/x.xsd", "orders2/x.xsd",
]  # fmt: skip
"""Out of the endpoint as seen from its own address, or so for some reader."""
DOTS_BELOW = [dots for dots in DOTS if dots.startswith("orders/")]


@pytest.mark.parametrize("location", DOTS)
def test_a_relative_import_out_of_the_endpoint_is_refused(location: str) -> None:
    with pytest.raises(Rejection, match="not below the endpoint's upstream: clients would fetch it past") as refusal:
        rewritten(f'<xs:include schemaLocation="{location}"/>')
    assert refusal.value.reason is Reason.STRUCTURE


@pytest.mark.parametrize("location", [*DOTS_BELOW, "orders//x.xsd", "orders/a//"])
def test_dot_segments_below_the_endpoint_are_not_translated(location: str) -> None:
    url = f"https://r.example/ws/{location}"
    assert Addresses(RECEIVER, GATEWAY).translate(url) is None
    with pytest.raises(Rejection, match="not below the endpoint's upstream"):
        rewritten(f'<import location="{url}"/>')
    octets, warnings = rewritten(f'<x:address xmlns:x="u" location="{url}"/>')
    assert first(octets).get("location") == GATEWAY
    assert warnings


def test_a_relative_import_leads_to_the_gateway_from_where_it_was_fetched(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as it:
            it.receiver.reply = http(document('<import location="more.wsdl"/>'))
            response = await it.ask("GET", "/orders/parts/a.wsdl", Host="gateway.example")
            assert b'location="http://gateway.example/orders/parts/more.wsdl"' in response.body
            it.receiver.reply = http(document('<import location="../more.wsdl"/>'))
            assert (await it.ask("GET", "/orders?wsdl")).status == 502
            assert "imports ../more.wsdl, which is not below" in it.last().detail

    run(scenario())


@pytest.mark.parametrize(
    "location",
    [
        "http://www.w3.org/services/html2txt?url=http://elsewhere.example/",
        "https://www.w3.org/2001/../x?y",
        "http://www.w3.org/2001/../x.xsd",
        "http://www.w3.org/%2e%2e/x.xsd",
        "http://www.w3.org/a;b",
        "http://www.w3.org//x.xsd",
    ],
)
def test_a_service_beside_the_schemas_of_the_standards_is_none_of_them(location: str) -> None:
    with pytest.raises(Rejection, match="not below the endpoint's upstream"):
        rewritten(f'<xs:import schemaLocation="{location}"/>')


@pytest.mark.parametrize("namespace", ["http://www.w3.org/1999/XMLSchema", "http://www.w3.org/2000/10/XMLSchema", "u"])
@pytest.mark.parametrize("attribute", ["location", "schemaLocation", "href", "url"])
def test_an_import_in_an_older_namespace_is_one_too(namespace: str, attribute: str) -> None:
    with pytest.raises(Rejection, match="not below the endpoint's upstream"):
        rewritten(f'<x:import xmlns:x="{namespace}" {attribute}="http://elsewhere.example/"/>')
    octets, _ = rewritten(f'<x:import xmlns:x="{namespace}" {attribute}="{RECEIVER}?xsd=1"/>')
    assert first(octets).get(attribute) == f"{GATEWAY}?xsd=1"


# Stylesheets, comments, XInclude, what a browser runs


@pytest.mark.parametrize("place", ["before", "inside", "behind"])
@pytest.mark.parametrize(
    "instruction",
    [
        '<?xml-stylesheet type="text/xsl" href="http://elsewhere.example/"?>',
        '<?oasis-xml-catalog catalog="http://elsewhere.example/"?>',
        '<?xml-model href="http://elsewhere.example/"?>',
        "<!-- elsewhere -->",
    ],
)
def test_processing_instructions_and_comments_are_removed(place: str, instruction: str) -> None:
    octets, _ = rewrite(document(**({"inside": ""} | {place: instruction})), Policy(), Addresses(RECEIVER, GATEWAY))
    assert b"elsewhere" not in octets
    assert octets.count(b"<?") == 1
    assert etree.fromstring(octets).getroottree().xpath("count(//comment() | //processing-instruction())") == 0


def test_what_an_instruction_parted_is_seen_as_a_whole() -> None:
    octets, _ = rewritten('<a:b xmlns:a="u">https://r.example/<?x?>ws<!-- -->/orders/x</a:b>')
    assert first(octets).text == f"{GATEWAY}/x"


@pytest.mark.parametrize(
    "namespace",
    ["http://www.w3.org/2001/XInclude", "http://www.w3.org/2003/XInclude", "http://www.w3.org/1999/XML/xinclude"],
)
@pytest.mark.parametrize("element", ["include", "fallback", "anything"])
@pytest.mark.parametrize("href", [f"{RECEIVER}/x.xsd", "http://elsewhere.example/", "", "#a"])
def test_xinclude_is_refused(namespace: str, element: str, href: str) -> None:
    with pytest.raises(Rejection, match="by XInclude, which clients would fetch past") as refusal:
        rewritten(f'<types><i:{element} xmlns:i="{namespace}" href="{href}"/></types>')
    assert refusal.value.reason is Reason.STRUCTURE


@pytest.mark.parametrize("namespace", ["http://www.w3.org/1999/xhtml", "http://www.w3.org/2000/svg"])
def test_of_what_a_browser_would_run_only_the_text_stays(namespace: str) -> None:
    octets, warnings = rewritten(
        f'<documentation>an <h:a xmlns:h="{namespace}" href="http://elsewhere.example/">order'
        '<h:script src="//elsewhere"/></h:a> form</documentation>'
    )
    assert ("".join(first(octets).itertext("{*}*")), warnings) == ("an order form", ())
    assert {(element.tag, len(element.attrib)) for element in first(octets).iter()} == {(f"{{{WSDL}}}documentation", 0)}


# Policies


@pytest.mark.parametrize("namespace", WSP)
@pytest.mark.parametrize(
    "uri",
    [
        "http://elsewhere.example/#p",
        "//elsewhere/#p",
        "elsewhere.xml#p",
        "policy:elsewhere",
        "/elsewhere",
        "..#elsewhere",
    ],
)
def test_a_policy_reference_out_of_the_endpoint_is_removed(namespace: str, uri: str) -> None:
    warning = without_a_trace(f'<p:Policy xmlns:p="{namespace}"><p:PolicyReference URI="{uri}"/></p:Policy>')
    assert "give clients the policy" in warning


@pytest.mark.parametrize("namespace", WSP)
@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("#p", "#p"),
        (" #p ", "#p"),
        (f"{RECEIVER}?wsdl=p#P_policy", f"{GATEWAY}?wsdl=p#P_policy"),
        ("?wsdl=p#P", f"{GATEWAY}?wsdl=p#P"),
    ],
)
def test_a_policy_reference_within_the_endpoint_stays_within(namespace: str, uri: str, expected: str) -> None:
    octets, warnings = rewritten(f'<p:PolicyReference xmlns:p="{namespace}" URI="{uri}"/>')
    assert (first(octets).get("URI"), warnings) == (expected, ())
    octets, warnings = rewritten(f'<binding xmlns:p="{namespace}" p:PolicyURIs="#a {uri.strip()}"/>')
    assert (first(octets).get(f"{{{namespace}}}PolicyURIs"), warnings) == (f"#a {expected}", ())


@pytest.mark.parametrize("namespace", WSP)
def test_policy_uris_out_of_the_endpoint_are_removed(namespace: str) -> None:
    uris = "#a http://elsewhere.example/#b #c //elsewhere"
    octets, warnings = rewritten(f'<binding xmlns:p="{namespace}" p:PolicyURIs="{uris}"/>')
    assert first(octets).get(f"{{{namespace}}}PolicyURIs") == "#a #c"
    assert len(warnings) == 1
    without_a_trace(f'<binding xmlns:p="{namespace}" p:PolicyURIs="http://elsewhere.example/"/>')


@pytest.mark.parametrize("namespace", WSP)
def test_a_policy_for_other_addresses_is_removed(namespace: str) -> None:
    without_a_trace(
        f'<p:PolicyAttachment xmlns:p="{namespace}"><p:AppliesTo><p:URI>http://elsewhere.example/</p:URI></p:AppliesTo>'
        "<p:Policy/></p:PolicyAttachment>"
    )
    without_a_trace(f'<p:Policy xmlns:p="{namespace}"><p:AppliesTo><p:URI>elsewhere</p:URI></p:AppliesTo></p:Policy>')


@pytest.mark.parametrize("addressing", WSA)
@pytest.mark.parametrize("namespace", SP)
def test_the_issuer_of_a_token_is_removed_and_the_demand_for_it_stays(namespace: str, addressing: str) -> None:
    octets, (warning,) = rewritten(
        f'<s:IssuedToken xmlns:s="{namespace}" xmlns:a="{addressing}"><s:Issuer><a:EndpointReference><a:Address>'
        "http://elsewhere.example/sts</a:Address><a:Metadata>elsewhere</a:Metadata></a:EndpointReference></s:Issuer>"
        "<s:RequestSecurityTokenTemplate/><s:RequireDerivedKeys/><s:IssuerName>urn:sts</s:IssuerName></s:IssuedToken>"
    )
    assert b"elsewhere" not in octets
    assert [etree.QName(child).localname for child in first(octets)] == [
        "RequestSecurityTokenTemplate",
        "RequireDerivedKeys",
        "IssuerName",
    ]
    assert "clients need it in their own configuration" in warning


# Addressing and metadata exchange


@pytest.mark.parametrize("addressing", WSA)
@pytest.mark.parametrize("holder", ["EndpointReference", "ReplyTo", "FaultTo", "From", "Destination"])
def test_every_address_of_addressing_leads_to_the_gateway(addressing: str, holder: str) -> None:
    octets, warnings = rewritten(
        f'<port xmlns:a="{addressing}"><a:{holder}><a:Address>http://elsewhere.example/</a:Address></a:{holder}>'
        "<a:To>http://elsewhere.example/</a:To></port>"
    )
    assert b"elsewhere" not in octets
    assert octets.count(GATEWAY.encode()) == 2
    assert len(warnings) == 1


@pytest.mark.parametrize("addressing", WSA)
@pytest.mark.parametrize("namespace", MEX)
def test_metadata_exchange_is_removed(namespace: str, addressing: str) -> None:
    sections = (
        '<m:MetadataSection Dialect="http://schemas.xmlsoap.org/wsdl/"><m:Location>http://elsewhere.example/</m:Location>'
        f'</m:MetadataSection><m:MetadataSection><m:MetadataReference><a:Address xmlns:a="{addressing}">'
        "http://elsewhere.example/</a:Address></m:MetadataReference></m:MetadataSection>"
    )
    metadata = f'<m:Metadata xmlns:m="{namespace}">{sections}</m:Metadata>'
    reference = (
        f'<a:EndpointReference xmlns:a="{addressing}"><a:Address>{RECEIVER}</a:Address>'
        f"<a:Metadata>{{}}</a:Metadata></a:EndpointReference>"
    )
    for inside in (metadata, f'<m:Location xmlns:m="{namespace}">http://elsewhere.example/</m:Location>'):
        assert "fetch past the gateway" in without_a_trace(inside)
        without_a_trace(reference.format(inside))
    without_a_trace(reference.format("http://elsewhere.example/"))
    without_a_trace('<x:y xmlns:x="u"><x:MetadataReference>elsewhere</x:MetadataReference></x:y>')


@pytest.mark.parametrize(
    "namespace",
    [
        "http://www.w3.org/ns/wsdl-instance",
        "http://www.w3.org/2006/01/wsdl-instance",
        "http://www.w3.org/1999/XMLSchema-instance",
        "u",
    ],
)
@pytest.mark.parametrize("attribute", ["wsdlLocation", "schemaLocation", "noNamespaceSchemaLocation"])
def test_a_hint_at_a_document_is_removed_in_every_namespace(namespace: str, attribute: str) -> None:
    for element in ("types", "import", "x:bindings"):
        octets, _ = rewritten(f'<{element} xmlns:x="{namespace}" x:{attribute}="urn:a http://elsewhere.example/"/>')
        assert b"elsewhere" not in octets
    octets, _ = rewritten(f'<x:bindings xmlns:x="{namespace}" {attribute}="http://elsewhere.example/"/>')
    assert b"elsewhere" not in octets


@pytest.mark.parametrize(
    "inside",
    [
        '<a:NonAnonymousResponses xmlns:a="http://www.w3.org/2007/05/addressing/metadata"/>',
        '<a:Anonymous xmlns:a="http://www.w3.org/2006/05/addressing/wsdl"> prohibited</a:Anonymous>',
        '<d:CompositeDuplex xmlns:d="http://schemas.microsoft.com/net/2006/06/duplex"/>',
    ],
)
def test_a_demand_for_answers_on_another_connection_is_removed(inside: str) -> None:
    octets, warnings = rewritten(f"<binding>{inside}</binding>")
    assert (len(first(octets)), len(warnings)) == (0, 1)


# Settings of client libraries


@pytest.mark.parametrize(
    "inside",
    [
        '<x:client xmlns:x="http://cxf.apache.org/transports/http/configuration" ProxyServer="elsewhere"/>',
        '<x:authorization xmlns:x="http://cxf.apache.org/configuration/security"><x:UserName>elsewhere</x:UserName>'
        "</x:authorization>",
        '<x:client xmlns:x="http://schemas.iona.com/transports/http/configuration" ProxyServer="elsewhere"/>',
        '<x:PreconfiguredSTS xmlns:x="http://schemas.sun.com/ws/2006/05/trust/client" endpoint="http://elsewhere"/>',
        '<x:TrustStore xmlns:x="http://schemas.sun.com/2006/03/wss/client" location="elsewhere"/>',
        '<x:Optimized xmlns:x="http://java.sun.com/xml/ns/wsit/2006/09/policy/soaptcp/service" p="elsewhere"/>',
        '<x:RampartConfig xmlns:x="http://ws.apache.org/rampart/policy"><x:user>elsewhere</x:user></x:RampartConfig>',
        '<x:address xmlns:x="http://cxf.apache.org/transports/jms" jndiProviderURL="ldap://elsewhere"/>',
        '<x:jndiURL xmlns:x="http://www.w3.org/2010/soapjms/">ldap://elsewhere</x:jndiURL>',
        '<x:address xmlns:x="http://schemas.xmlsoap.org/wsdl/jms/" jndiProviderURL="ldap://elsewhere"/>',
        '<binding xmlns:x="http://www.w3.org/2010/soapjms/" x:jndiURL="ldap://elsewhere"/>',
    ],
)
def test_settings_of_a_client_library_are_removed(inside: str) -> None:
    assert "belong in its own configuration" in without_a_trace(f"<port>{inside}</port>")


# Addresses in whatever else there may be


@pytest.mark.parametrize(
    "attribute", ["href", "src", "location", "url", "serviceUrl", "wsdl-uri", "system", "endpoint", "address", "x:href"]
)
@pytest.mark.parametrize("value", ["http://elsewhere.example/", "//elsewhere", "\\\\elsewhere\\x", "ldap://elsewhere"])
def test_a_reference_elsewhere_is_removed_from_whatever_names_a_place(attribute: str, value: str) -> None:
    without_a_trace(f'<x:y xmlns:x="http://www.w3.org/1999/xlink" {attribute}="{value}"/>')
    octets, _ = rewritten(f'<x:y xmlns:x="http://www.w3.org/1999/xlink" {attribute}="{RECEIVER}/a"/>')
    assert first(octets).attrib.values() == [f"{GATEWAY}/a"]


@pytest.mark.parametrize("element", ["Location", "jndiURL", "endpoint", "Address", "address", "Url"])
def test_a_text_that_names_a_place_elsewhere_is_removed(element: str) -> None:
    without_a_trace(f'<x:{element} xmlns:x="u">http://elsewhere.example/</x:{element}>')
    without_a_trace(f'<x:{element} xmlns:x="u"><y/>http://else<y/>where.example/</x:{element}>')
    octets, _ = rewritten(f'<x:{element} xmlns:x="u"> {RECEIVER}/a </x:{element}>')
    assert first(octets).text == f"{GATEWAY}/a"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (f"{RECEIVER}/a", f"{GATEWAY}/a"),
        ("HTTPS://R.example:443/ws/orders", GATEWAY),
        ("https://r.example./ws/orders", GATEWAY),
        ("https://r.example/elsewhere", None),
        (f"{RECEIVER}/../elsewhere", None),
        ("https://r.example@elsewhere/", "https://r.example@elsewhere/"),
        ("urn:order", "urn:order"),
    ],
)
def test_an_address_of_the_receiver_is_translated_in_unknown_elements(url: str, expected: str | None) -> None:
    octets, _ = rewritten(f'<x:y xmlns:x="u" z="{url}">{url}</x:y>')
    assert (first(octets).get("z"), first(octets).text) == (expected, expected)


def test_names_stay_although_they_look_like_addresses() -> None:
    name = f"{RECEIVER}/Get"
    inside = (
        f'<import namespace="{name}" location="?wsdl=b"/><documentation>see {name}</documentation>'
        f'<types><xs:schema targetNamespace="{name}"><xs:import namespace="{name}"/>'
        f'<xs:attribute name="a" fixed="{name}"/><xs:pattern value="{name}"/></xs:schema></types>'
        f'<binding xmlns:s="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:w="http://www.w3.org/2006/05/addressing/wsdl">'
        f'<s:binding transport="{name}"/><s:operation soapAction="{name}"/>'
        f'<s:body namespace="{name}" encodingStyle="{name}"/>'
        f'<input w:Action="{name}"/></binding>'
        f'<p:Policy xmlns:p="{WSP[1]}" Name="{name}"><t:TokenType xmlns:t="{SP[0]}">{name}</t:TokenType></p:Policy>'
    )
    octets, warnings = rewritten(inside)
    assert (octets.count(name.encode()), warnings) == (inside.count(name), ())


@pytest.mark.parametrize(
    ("location", "kept"),
    [
        ("/Get", True),
        ("/Get/(id)?x=(y)", True),
        ("/temperature/{town}", True),
        ("http://elsewhere.example/", False),
        ("//elsewhere.example/", False),
        ("@elsewhere.example/", False),
        (".elsewhere.example/", False),
        (":80@elsewhere.example/", False),
        ("/../elsewhere", False),
        ("/a/..;/elsewhere", False),
        ("/%2e%2e/elsewhere", False),
        ("/\\elsewhere", False),
        ("/a//elsewhere", False),
    ],
)
def test_the_path_of_an_operation_stays_below_the_endpoint(location: str, kept: bool) -> None:
    for inside in (
        f'<h:operation xmlns:h="{HTTP_BINDING}" location="{location}"/>',
        f'<x xmlns:h="http://www.w3.org/ns/wsdl/http" h:location="{location}"/>',
    ):
        octets, warnings = rewritten(inside)
        assert (first(octets).attrib.values(), len(warnings)) == ([location] if kept else [], 0 if kept else 1)


def test_older_namespaces_of_wsdl_2_have_service_addresses_too() -> None:
    octets, _ = rewritten('<e:endpoint xmlns:e="http://www.w3.org/2006/01/wsdl" address="http://elsewhere.example/"/>')
    assert first(octets).get("address") == GATEWAY


def test_an_address_that_is_none_stays() -> None:
    for inside in (
        '<documentation><Address xmlns="u">Main Street</Address></documentation>',
        '<x:y xmlns:x="u" endpoint="Orders" hasUrl="yes" address="0x10"/>',
    ):
        octets, warnings = rewritten(inside)
        assert (inside.encode() in octets.replace(b' xmlns="http://schemas.xmlsoap.org/wsdl/"', b""), warnings) == (
            True,
            (),
        )


@pytest.mark.parametrize(
    "inside", ['<x:y xmlns:x="u" href="{}"/>', '<x:y xmlns:x="u" z="{}"/>', "<import location='?{}'/>"]
)
def test_more_addresses_than_any_service_has_are_refused(inside: str) -> None:
    same = inside.format(RECEIVER) * 10_001 if "?" not in inside else inside.format("wsdl=a") * 10_001
    rewritten(same)
    many = "".join(inside.format(f"{RECEIVER}/{number}" if "?" not in inside else number) for number in range(10_001))
    with pytest.raises(Rejection, match="more than 10000 different addresses") as refusal:
        rewritten(many)
    assert refusal.value.reason is Reason.LIMITS


@pytest.mark.parametrize("part", ["<!--a-->b", "<?a?>b"])
def test_a_text_in_many_parts_costs_time_in_proportion(part: str) -> None:
    # By the square of their number it would be minutes.
    octets, _ = rewritten(f"<documentation>{part * 150_000}</documentation>")
    assert len(octets) < 400_000


def test_what_a_browser_would_run_declares_no_namespace_for_each_of_its_children() -> None:
    inside = f'<h:a xmlns:h="http://www.w3.org/1999/xhtml" xmlns:q="urn:{"q" * 1000}">{"<q:x/>" * 5_000}</h:a>'
    assert len(rewritten(inside)[0]) < 100_000


@pytest.mark.parametrize("inside", ['<x:y xmlns:x="u" href="?"/>', '<x:a xmlns:x="addressing"><x:To/></x:a>'])
def test_a_document_that_would_grow_out_of_proportion_is_refused(inside: str) -> None:
    rewritten(inside * 1000)
    with pytest.raises(Rejection, match="characters longer") as refusal:
        rewritten(inside * 150_000)
    assert refusal.value.reason is Reason.LIMITS


def test_a_policy_is_named_once_where_it_was_named_often() -> None:
    octets, _ = rewritten(f'<binding xmlns:p="{WSP[0]}" p:PolicyURIs="{"#a ?wsdl#b " * 100_000}"/>')
    assert first(octets).attrib.values() == [f"#a {GATEWAY}?wsdl#b"]


@pytest.mark.parametrize(
    "removed",
    [
        "<x:EndpointReference><x:Address><x:y><x:z/></x:y>http://elsewhere.example/</x:Address></x:EndpointReference>",
        "<x:Location><x:y><x:z/></x:y>http://elsewhere.example/</x:Location>",
        "<x:Issuer><x:y><x:z/></x:y></x:Issuer>",
        "<x:y><x:Issuer/><x:Issuer/></x:y>",
        "<x:PolicyReference URI='http://elsewhere.example/'><x:y/></x:PolicyReference>",
        "<h:a xmlns:h='http://www.w3.org/1999/xhtml'><h:b/></h:a>",
        "<!-- --><?x?>",
    ],
)
def test_what_follows_something_removed_is_rewritten_too(removed: str) -> None:
    leads = (
        '<x:address location="http://elsewhere.example/"/><x:y href="http://elsewhere.example/"/><x:Issuer>elsewhere'
        "</x:Issuer><x:EndpointReference><x:Address>http://elsewhere.example/</x:Address></x:EndpointReference>"
        "<x:Location>http://elsewhere.example/</x:Location>"
    )
    octets, _ = rewritten(f'<x:y xmlns:x="u">{removed}{leads}<x:y>{leads}</x:y></x:y>')
    assert b"elsewhere" not in octets
