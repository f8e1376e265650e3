"""CDATA sections that split a text, told from those that do not."""

import pytest

from fixtures.manifest import own_case
from gateway.verify import Reason
from gateway.verify.cdata import splits_text


@pytest.mark.parametrize(
    ("content", "splits"),
    [
        ("no section at all", False),
        ("<a><![CDATA[x]]></a>", False),
        ("<a>\n  <![CDATA[x]]>\t</a>", False),
        ("<a><![CDATA[]]></a>", False),
        ("<a> <![CDATA[ ]]> </a>", False),
        ("<a><![CDATA[x]]></a>text<b/>", False),
        ("<a><![CDATA[x]]></a><b><![CDATA[y]]></b>", False),
        ("<a><![CDATA[x]]><b/><![CDATA[y]]></a>", False),
        ('<a b="]]>"><![CDATA[x]]></a>', False),
        ('<a b=">"><![CDATA[x]]></a>', False),
        ("<a b='>\"'><![CDATA[x]]></a>", False),
        ("<a>1<![CDATA[0]]></a>", True),
        ("<a><![CDATA[1]]>0</a>", True),
        ("<a><![CDATA[1]]><![CDATA[0]]></a>", True),
        ("<a><![CDATA[1]]> <![CDATA[0]]></a>", True),
        ("<a><![CDATA[1]]> <!-- --> <![CDATA[0]]></a>", True),
        ("<a>1<?p?><![CDATA[0]]></a>", True),
        ("<a>1<!-- > --><![CDATA[0]]></a>", True),
        ("<a><b/>1<![CDATA[0]]></a>", True),
        ("<a><![CDATA[ < ]]>&#32;</a>", True),
        ("<a><![CDATA[]]>x</a>", True),
        ("<a>x<![CDATA[]]></a>", True),
        ("<a>47<![CDATA[]]>11</a>", True),
        ("<a><![CDATA[ ]]>x</a>", True),
        ("<a><![CDATA[]]><!-- --><![CDATA[x]]></a>", True),
    ],
)
def test_sections_beside_text(content: str, splits: bool) -> None:
    assert splits_text(f"<r>{content}</r>".encode()) is splits


def test_a_signed_text_that_is_split_afterwards_is_refused() -> None:
    """Canonicalization reads the same text, so that the digest holds; a consumer may not."""
    case = own_case("bst-x509v3")
    split = case.message.replace(b">10.00<", b">1<![CDATA[0.00]]><")
    assert split != case.message
    assert case.verdict(split).reason is Reason.STRUCTURE
    empty = case.message.replace(b">10.00<", b">10<![CDATA[]]>.00<")
    assert case.verdict(empty).reason is Reason.STRUCTURE
    whole = case.message.replace(b">10.00<", b"><![CDATA[10.00]]><")
    assert case.verdict(whole).accepted
