"""Sisock times."""

import pytest
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
