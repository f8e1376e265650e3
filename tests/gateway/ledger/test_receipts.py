"""Receipts in little room: what comes back is what was signed, octet for octet."""

import base64
import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from bench.verification.messages import SIZES, signed_message
from gateway.ledger import ReceiptDamaged
from gateway.ledger.receipts import (
    MAX_LAYOUT,
    MAX_SIGNED_INFO,
    MAX_VALUE,
    fits,
    layout_id,
    layouts_named,
    listed,
    read_receipts,
    spelled,
    spelled_without_layout,
    taken_apart,
)
from gateway.verify import SignatureReceipt

DS = "{http://www.w3.org/2000/09/xmldsig#}"


def kept(receipt: SignatureReceipt) -> tuple[str, dict[str, str]]:
    """A receipt as a record holds it, with the layouts that it needs."""
    taken = taken_apart(receipt.signed_info)
    if taken is None:
        return listed([spelled_without_layout(0, receipt)]), {}
    layout, changing = taken
    return listed([spelled(0, receipt, layout.id, changing)]), {layout.id: layout.text}


def benchmark_receipt() -> SignatureReceipt:
    """That of the message of 5 KB on which everything is measured."""
    message = etree.fromstring(signed_message(SIZES["5 KB"]))
    signed_info, value = message.find(f".//{DS}SignedInfo"), message.findtext(f".//{DS}SignatureValue")
    assert signed_info is not None
    assert value is not None
    return SignatureReceipt(etree.tostring(signed_info, method="c14n", exclusive=True), base64.b64decode(value))


def test_a_receipt_takes_at_most_700_bytes_on_the_benchmarks_message() -> None:
    text, layouts = kept(benchmark_receipt())
    assert len(text) <= 700
    assert read_receipts(text, layouts) == {0: benchmark_receipt()}


def test_messages_of_one_partner_have_one_layout() -> None:
    receipt = benchmark_receipt()
    other = receipt.signed_info.replace(b'"#body-1"', b'"#id-77"').replace(b"DigestValue>", b"DigestValue>AAAA", 1)
    first, second = taken_apart(receipt.signed_info), taken_apart(other)
    assert first is not None
    assert second is not None
    assert first[0].id == second[0].id
    match = first[0].pattern().fullmatch(other)
    assert match is not None
    assert list(match.groups()) == second[1]


SNIPPETS = st.sampled_from(
    [
        ' URI="',
        '"',
        "<",
        ">",
        " Id=",
        ' Id="',
        "DigestValue>",
        "</ds:DigestValue>",
        "&quot;",
        "é",
        "\U0001f511",
        "\n",
        "'",
        "\\",
    ]
)


@given(
    st.lists(st.one_of(SNIPPETS, st.text(st.characters(exclude_categories=["Cs"]), max_size=8)), max_size=30),
    st.binary(max_size=300),
)
def test_whatever_was_signed_comes_back_octet_for_octet(pieces: list[str], value: bytes) -> None:
    receipt = SignatureReceipt("".join(pieces).encode(), value)
    text, layouts = kept(receipt)
    assert text.isascii()
    assert layouts_named(text) == set(layouts)
    assert read_receipts(text, layouts) == {0: receipt}
    assert read_receipts(listed([spelled_without_layout(0, receipt)]), {}) == {0: receipt}


def test_what_is_too_long_for_a_layout_or_no_text_is_compressed() -> None:
    for signed_info in (b"x" * (MAX_LAYOUT + 1), b"\xff"):
        receipt = SignatureReceipt(signed_info, b"value")
        assert taken_apart(signed_info) is None
        assert read_receipts(*kept(receipt)) == {0: receipt}


def test_what_is_larger_than_any_is_not_kept() -> None:
    assert fits(SignatureReceipt(b"x" * MAX_SIGNED_INFO, b"x" * MAX_VALUE))
    assert not fits(SignatureReceipt(b"x" * (MAX_SIGNED_INFO + 1), b""))
    assert not fits(SignatureReceipt(b"", b"x" * (MAX_VALUE + 1)))


ID = layout_id('["a","b"]')
LAYOUTS = {
    ID: '["a","b"]',
    layout_id("{}"): "{}",
    layout_id("[]"): "[]",
    layout_id("[1]"): "[1]",
    layout_id("["): "[",
    layout_id("[" * 100_000): "[" * 100_000,
    "f" * 64: '["a","b"]',
    layout_id(json.dumps(["x" * MAX_SIGNED_INFO, ""])): json.dumps(["x" * MAX_SIGNED_INFO, ""]),
}


def compressed(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[1]",
        "[[0]]",
        "[" * 100_000,
        '[[true,"","eA==",""]]',
        '[["0","","eA==",""]]',
        '[[0,"abc",[],""]]',
        '[[0,"",[],""]]',
        '[[0,"","eA==",""]]',
        '[[0,"","?",""]]',
        f'[[0,"{"0" * 64}",["x"],""]]',
        f'[[0,"{ID}",[],""]]',
        f'[[0,"{ID}","x",""]]',
        f'[[0,"{ID}",[1],""]]',
        f'[[0,"{ID}",["\\ud800"],""]]',
        f'[[0,"{ID}",["x"],"?"]]',
        f'[[0,"{ID}",["x"],""],[0,"{ID}",["x"],""]]',
        f'[[0,"{"f" * 64}",["x"],""]]',
        *[f'[[0,"{layout}",["x"],""]]' for layout in LAYOUTS if layout not in {ID, "f" * 64}],
        json.dumps([[0, "", compressed(zlib.compress(b"x" * (MAX_SIGNED_INFO + 1))), ""]]),
        json.dumps([[0, "", compressed(zlib.compress(b"x")[:-1]), ""]]),
        json.dumps([[0, "", compressed(zlib.compress(b"x") + b"y"), ""]]),
        json.dumps([[number, ID, ["x"], ""] for number in range(65)]),
    ],
)
def test_what_this_program_never_wrote_is_refused(text: str) -> None:
    with pytest.raises(ReceiptDamaged):
        read_receipts(text, LAYOUTS)
