import json
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keystore.hash_chain import CHAIN_START, canonical, link_hash

VALUES = st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False)
NAMES = st.from_regex(r"[a-z_]{1,12}", fullmatch=True)
FLAT = st.dictionaries(NAMES, VALUES, max_size=6)
CONTENTS = st.dictionaries(NAMES, VALUES | st.lists(FLAT, max_size=3), max_size=6)

LINK: dict[str, Any] = {
    "text": 'a "quoted" \\ line\nnext é \U0001f600 \x7f',
    "whole": 2**63 - 1,
    "number": 1e-07,
    "yes": True,
    "nothing": None,
    "changes": [{"id": 5, "why": "%s"}, {"id": 6, "why": ""}],
}


def test_a_link_is_hashed_as_it_always_was() -> None:
    # Told with `printf` and `sha256sum`, so that nothing of this program has a part in it.
    assert link_hash(CHAIN_START, {}) == "fb1634c4e6cd4b1f1afe3ce2d6ef080f7ac5d1f357d723ad4dfca782733b62db"
    assert link_hash("ab" * 32, LINK) == "a5c3527372eae486499d9d23a89fd7b281c71d7cd7c16ac7684b11d4435f9469"


@given(CONTENTS)
def test_what_is_hashed_is_what_an_encoder_of_json_writes(content: dict[str, Any]) -> None:
    assert canonical(content).decode() == json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)


class _Word(StrEnum):
    ACCEPTED = "accepted"


@pytest.mark.parametrize(
    "value",
    [
        *map(chr, range(0x100)),
        "\u2028 \u2029 \ufeff \uffff \U0010ffff",
        "\ud800 half of a pair",
        *(sign * 2**bits + step for bits in (31, 53, 63, 64, 70) for sign in (1, -1) for step in (-1, 0, 1)),
        *(
            0.0,
            -0.0,
            0.1,
            1.0,
            1e-4,
            9.999e-5,
            1e-5,
            1e15,
            1e16,
            123456789012345680.0,
            1e22,
            5e-324,
            1.7976931348623157e308,
        ),
        True,
        None,
    ],
)
def test_every_kind_of_value_is_spelled_as_json_spells_it(value: object) -> None:
    # Python's own encoder is slower, and has another author than the one that writes most of them.
    for content in ({"one": value}, {"text": "plain", "one": value, "three": 3}):
        assert canonical(content).decode() == json.dumps(content, sort_keys=True, separators=(",", ":"))


@pytest.mark.parametrize("name", ["a b", "2x", "%s", "", 'a"b', "a\\b"])
def test_names_stand_as_they_are(name: str) -> None:
    assert canonical({"other": 1.5, name: "x"}) == f'{{"{name}":"x","other":1.5}}'.encode()


def test_a_word_of_an_enumeration_is_no_text() -> None:
    with pytest.raises(ValueError, match="no value of a link"):
        canonical({"outcome": _Word.ACCEPTED})


@given(CONTENTS)
def test_what_is_left_out_is_as_if_it_were_not_there(content: dict[str, Any]) -> None:
    left_out = set(sorted(content)[::2])
    kept = {name: value for name, value in content.items() if name not in left_out}
    assert link_hash(CHAIN_START, content, left_out) == link_hash(CHAIN_START, kept)


@given(CONTENTS, NAMES, VALUES)
def test_every_change_of_a_link_changes_its_hash(content: dict[str, Any], name: str, value: object) -> None:
    changed = content | {name: value}
    same = canonical(changed) == canonical(content)
    assert (link_hash(CHAIN_START, changed) == link_hash(CHAIN_START, content)) == same
    assert link_hash("ab" * 32, content) != link_hash(CHAIN_START, content)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), b"", ["x"], [{"of": b""}], {"of": 1}, object()])
def test_what_no_link_can_hold_is_not_hashed(value: object) -> None:
    with pytest.raises(ValueError, match="no value of a link"):
        link_hash(CHAIN_START, {"upstream_ms": value})


def test_what_is_no_hash_is_not_followed() -> None:
    with pytest.raises(ValueError, match="hexadecimal"):
        link_hash("no hash", {})
