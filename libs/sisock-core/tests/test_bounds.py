"""Limits of a field: which make sense, and how they are written and read."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sisock.bounds import Bounds, from_wire

ALL = Bounds(2.0, 3.0, 1.0, 4.0, hysteresis=0.5, for_s=60.0)
WIRE = {
    "warning": {"low": 2.0, "high": 3.0},
    "alarm": {"low": 1.0, "high": 4.0},
    "hysteresis": 0.5,
    "for": 60.0,
}
SIDES = st.none() | st.integers(-3, 3) | st.floats(-3, 3)


def test_each_limit_has_its_place_on_the_wire() -> None:
    assert ALL.on_wire() == WIRE
    assert from_wire(WIRE) == ALL
    assert Bounds(alarm_low=1).on_wire() == {"alarm": {"low": 1.0}}


@given(SIDES, SIDES, SIDES, SIDES, st.floats(-1, 9), st.floats(-1, 9))
def test_limits_that_make_sense_come_back_as_they_were_and_others_are_refused(
    warning_low: Any, warning_high: Any, alarm_low: Any, alarm_high: Any, hysteresis: float, for_s: float
) -> None:
    bounds = Bounds(warning_low, warning_high, alarm_low, alarm_high, hysteresis, for_s)
    there = [one for one in (alarm_low, warning_low, warning_high, alarm_high) if one is not None]
    sound = bool(there) and there == sorted(there) and hysteresis >= 0 and for_s >= 0
    assert (bounds.problem == "") is sound
    if sound:
        assert from_wire(bounds.on_wire()) == bounds
    else:
        with pytest.raises(ValueError, match=r"^has limits"):
            from_wire(bounds.on_wire())


@pytest.mark.parametrize(
    ("bounds", "told"),
    [
        (Bounds(1.0, math.inf), "has a limit inf, which is no number"),
        (Bounds(True), "has a limit True, which is no number"),
        (Bounds("1"), "has a limit '1', which is no number"),
        (Bounds(10**400), f"has a limit {10**400}, which is no number"),
        (Bounds(1.0, hysteresis=-0.1), "has limits whose hysteresis or time is less than nothing"),
        (Bounds(1.0, for_s=-0.1), "has limits whose hysteresis or time is less than nothing"),
        (Bounds(hysteresis=1.0), "has limits without a number in them"),
        (
            Bounds(warning_high=2.0, alarm_low=3.0),
            "has limits in the wrong order: alarm low, warning low, warning high, alarm high are 3.0, 2.0",
        ),
    ],
)
def test_limits_that_make_no_sense_are_a_sentence(bounds: Bounds, told: str) -> None:
    assert bounds.problem == told


def test_limits_that_are_equal_are_in_order() -> None:
    assert Bounds(1.0, 1.0, 1.0, 1.0).problem == ""


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("1", "has limits that are str, not a dictionary"),
        ({"warning": 5}, "has limits whose warning is int, not a dictionary"),
        ({"alarm": {"high": "2"}}, "has a limit that is str, not a finite number"),
        ({"alarm": {"high": math.nan}}, "has a limit that is float, not a finite number"),
        ({"alarm": {"high": 2}, "hysteresis": True}, "has a limit that is bool, not a finite number"),
        ({"alarm": {"high": 2}, "for": [1]}, "has a limit that is list, not a finite number"),
        ({"alarm": {"low": None}}, "has limits without a number in them"),
    ],
)
def test_what_a_peer_sends_is_not_believed(wrong: object, told: str) -> None:
    with pytest.raises(ValueError, match=f"^{told}$"):
        from_wire(wrong)


def test_keys_that_are_not_known_are_passed_over_and_nothing_is_not_there() -> None:
    sent = {
        "warning": None,
        "alarm": {"high": 2, "middle": "x", "low": None},
        "hysteresis": None,
        "colour": 5,
    }
    assert from_wire(sent) == Bounds(alarm_high=2.0)
