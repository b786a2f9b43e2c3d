"""Sisock times."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sisock.errors import ContractError
from sisock.times import FARTHEST_S, absolute, sisock_to_unix_time

NOW = 1_500_000_000.0


def test_positive_times_are_unix_times() -> None:
    assert sisock_to_unix_time(12.5, NOW) == 12.5


def test_zero_and_negative_times_count_back_from_now() -> None:
    assert sisock_to_unix_time(0, NOW) == NOW
    assert sisock_to_unix_time(-60, NOW) == NOW - 60


def test_both_ends_are_made_absolute_against_one_clock() -> None:
    assert absolute(-60, 0, NOW) == (NOW - 60, NOW)


@pytest.mark.parametrize("wrong", [None, "1", True, float("nan"), float("inf"), [1]])
def test_other_things_are_refused_by_name(wrong: object) -> None:
    with pytest.raises(ContractError, match=r"end=.* is not a sisock time"):
        absolute(1, wrong, NOW)


@pytest.mark.parametrize("far", [1e303, 10**400])
def test_times_beyond_all_clocks_are_as_far_as_anybody_need_look(far) -> None:
    assert absolute(-far, far, 1.5e9) == (1.5e9 - FARTHEST_S, FARTHEST_S)


def test_the_farthest_times_that_anybody_need_expect() -> None:
    assert FARTHEST_S == 1e12
    assert absolute(-3e12, 3e12, NOW) == (NOW - 1e12, 1e12)
    assert absolute(-1e12, 0.0, -5.0) == (-1e12, -5.0)
    assert absolute(5, 7, NOW) == (5.0, 7.0)
    assert [type(t) for t in absolute(5, 7, NOW)] == [float, float]


def test_without_a_present_the_clock_is_read() -> None:
    before = time.time()
    assert before - 60 <= sisock_to_unix_time(-60) <= time.time() - 60 + 1e-3
    assert sisock_to_unix_time(5.0) == 5.0


@given(st.floats(-1e12, 1e12), st.floats(-1e12, 1e12), st.floats(0, 4e9))
def test_a_range_counted_back_from_now_keeps_its_length(start, end, now) -> None:
    first, last = absolute(start, end, now)
    assert first == (start if start > 0 else max(-FARTHEST_S, now + start))
    assert last == (end if end > 0 else max(-FARTHEST_S, now + end))
