"""Step 6: an id names one element of the document, or none, or the message is rejected.

Every case is asked for twice: with all elements near, so that the bytes may settle it, and with none.
"""

import pytest
from lxml import etree

from gateway.verify.document import Document
from gateway.verify.ids import IdIndex
from gateway.verify.reason import Reason, Rejection
from gateway.verify.xml_names import WSU
from tests.gateway.verify.documents import document
from tests.gateway.verify.random_documents import RandomDocument

pytestmark = pytest.mark.parametrize("near", [True, False], ids=["near", "far"])


def index(found: Document, near: bool) -> IdIndex:
    return IdIndex(found, found.root.iter(etree.Element) if near else ())


def named(text: str, near: bool, value: str = "x") -> str | None:
    """The name of the element that `value` names in `text`."""
    found = index(document(text), near).find(value)
    return None if found is None else str(found.tag)


@pytest.mark.parametrize(
    "attribute",
    ["Id", "ID", "id", "iD", "AssertionID", "xml:id", f'xmlns:u="{WSU}" u:Id', 'xmlns:f="urn:f" f:AssertionID'],
)
@pytest.mark.parametrize("value", ['"x"', "'x'", '"&#120;"'])
def test_every_attribute_that_some_stack_takes_for_an_id(attribute: str, value: str, near: bool) -> None:
    assert named(f"<a><b {attribute}={value}/></a>", near) == "b"


@pytest.mark.parametrize("attribute", ["I", "d", "Assertion", "A", "IDs", "AssertionId", "name"])
def test_other_attributes_are_no_ids(attribute: str, near: bool) -> None:
    assert named(f'<a><b {attribute}="x"/></a>', near) is None


@pytest.mark.parametrize("value", ["y", "", "X", "x ", "' or 1=1 or '", "x|y", "#x", "\u0445"])
def test_a_value_is_looked_up_as_it_is(value: str, near: bool) -> None:
    assert named('<a Id="x"/>', near, value) is None


@pytest.mark.parametrize("value", ["8", "a.b-c_d:e", "\u00fc\u65e5\U00010348", "a b", "'"])
def test_any_value_that_stands_in_an_id_is_found(value: str, near: bool) -> None:
    assert named(f'<a><b Id="{value}"/></a>', near, value) == "b"


def test_two_attributes_of_one_element_name_one_element(near: bool) -> None:
    text = f'<a xmlns:u="{WSU}" u:Id="x" Id="x" ID="y"><b Id="z"/></a>'

    assert [named(text, near, value) for value in "xyz"] == ["a", "a", "b"]


@pytest.mark.parametrize(
    "text",
    [
        '<a Id="x"><b>"x" and \'x\'</b></a>',
        '<a Id="x"><!-- "x" --><b c="x"/></a>',
        '<a c="x"><b c=\'x\'/><b Id="x"/></a>',
    ],
)
def test_the_value_elsewhere_is_no_other_id(text: str, near: bool) -> None:
    assert named(text, near) in {"a", "b"}


@pytest.mark.parametrize(
    "text",
    [
        '<a Id="x"><b Id="x"/></a>',
        "<a Id=\"x\"><b Id='x'/></a>",
        '<a Id="x"><b Id = "x"/></a>',
        '<a Id="x"><b Id="&#120;"/></a>',
        '<a Id="x"><b Id="&#x78;"/></a>',
        '<a Id="&#x78;"><b Id="&#120;"/></a>',
        "<a Id='x'><b id='x'/></a>",
        '<a><b Id="x"/><b id="x"/></a>',
        f'<a xmlns:u="{WSU}"><b u:Id="x"/><c/><b xml:id="x"/></a>',
        f'<a xmlns:u="{WSU}" u:Id="x" ID="x"><b AssertionID="x"/></a>',
        '<a Id="x" id="x"><b Id="x" id="x"/></a>',
    ],
)
def test_one_value_on_two_elements_is_refused_when_it_is_asked_for(text: str, near: bool) -> None:
    found = index(document(text), near)

    assert found.find("other") is None
    with pytest.raises(Rejection, match=r"^the referenced id x stands on 2 elements$") as caught:
        found.find("x")
    assert caught.value.reason is Reason.DUPLICATE_ID


def test_an_id_is_shown_short(near: bool) -> None:
    value = "\u202e" * 100

    with pytest.raises(Rejection) as caught:
        named(f'<a Id="{value}"><b Id="{value}"/></a>', near, value)
    assert caught.value.detail.isascii()
    assert len(caught.value.detail) < 120


def test_where_one_looks_first_makes_no_difference(near: bool) -> None:
    for seed in range(40):
        drawn = RandomDocument(seed)
        text = drawn.text()
        elements = [element for element in document(text).root.iter(etree.Element) if element.get("Id")]
        found = index(document(text), near)

        for element in elements:
            other = found.find(element.get("Id") or "")
            assert other is not None
            assert (other.tag, other.attrib) == (element.tag, element.attrib)


def test_hundreds_of_elements_near_are_not_all_looked_at(near: bool) -> None:
    """What is near is a guess: wrong or too long, the answer is the same."""
    text = "<a>" + "".join(f'<b Id="i{number}"/>' for number in range(500)) + "</a>"

    assert named(text, near, "i499") == "b"
    assert named(text, near, "i500") is None


PADDING = {
    "small": "",
    "large": "<p>" + "x" * 20_000 + "</p>",
    "large, with apostrophes": "<p>it's" + "x" * 20_000 + "</p><p a='b'/>",
    "large, with very many quotes": '<p a="b"/>' * 15_000,
    "large, with very many apostrophes": "<p a='b'/>" * 25_000,
}


@pytest.mark.parametrize("padding", PADDING.values(), ids=PADDING)
@pytest.mark.parametrize(
    ("second", "found"),
    [
        ("", True),
        ("<b Id='y'/>", True),
        ('<b other="x"/>', True),
        ("<b>\"x\" and 'x'</b>", True),
        ('<b Id="x"/>', False),
        ("<b Id='x'/>", False),
        ('<b xmlns:w="urn:w" w:id = "x"/>', False),
        ('<b Id="&#120;"/>', False),
        ("<b AssertionID='&#x78;'/>", False),
    ],
)
def test_one_element_is_found_whatever_the_size(padding: str, second: str, found: bool, near: bool) -> None:
    """The shortcut over the bytes and the whole index must never disagree about an id that stands twice."""
    whole = document(f'<r><a Id="x"/>{padding}{second}</r>')
    ids = index(whole, near)
    if found:
        assert ids.find("x") is whole.root[0]
    else:
        with pytest.raises(Rejection) as refusal:
            ids.find("x")
        assert refusal.value.reason is Reason.DUPLICATE_ID
