"""Dataclasses that mypy keeps frozen: what is left of that at run time."""

import pytest

from gateway.frozen import statically_frozen


@statically_frozen(frozen=True, slots=True)
class _Point:
    x: int
    y: int = 0


def test_equal_ones_are_one_key() -> None:
    assert {_Point(1), _Point(1, 0), _Point(2)} == {_Point(2), _Point(1)}


def test_there_is_no_field_but_those_declared() -> None:
    with pytest.raises(AttributeError):
        _Point(1).z = 3  # type: ignore[attr-defined]


def test_the_type_checker_refuses_what_the_interpreter_does_not() -> None:
    point = _Point(1)
    # mypy complains of an ignored error that is none (`warn_unused_ignores` of its strict mode): this line is the test.
    point.x = 2  # type: ignore[misc]
    assert point == _Point(2)


def test_frozen_has_to_be_said() -> None:
    with pytest.raises(TypeError, match="say frozen=True"):
        statically_frozen(frozen=False)
