"""How long something is waited for, from when it was heard; times in seconds from nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sisock.rhythm import LEARNING_S, MEMORY_S, SOONEST_S, UNKNOWN_S, USUAL_PAUSES, Rhythm


def heard(*times: float) -> Rhythm:
    rhythm = Rhythm(0.0)
    for t in times:
        rhythm.heard(float(t))
    return rhythm


def test_what_was_never_heard_has_a_minute_or_three_of_the_pauses_that_somebody_said() -> None:
    assert Rhythm(0.0).patience_s == UNKNOWN_S
    assert Rhythm(0.0, usual_pause_s=100.0).patience_s == 300.0


def test_how_long_it_was_waited_for_is_told() -> None:
    rhythm = Rhythm(5.0)
    assert [rhythm.heard(7.5), rhythm.heard(8.0)] == [2.5, 0.5]
    assert (rhythm.first, rhythm.last) == (7.5, 8.0)


def test_a_rhythm_is_known_after_three_minutes() -> None:
    fast = [n / 2 for n in range(2 * int(LEARNING_S))]
    assert heard(*fast).patience_s == UNKNOWN_S
    assert heard(*fast, LEARNING_S).patience_s == SOONEST_S


@pytest.mark.parametrize("pause_s", [4.0, 10.0, 60.0])
def test_three_usual_pauses_are_waited_for(pause_s: float) -> None:
    rhythm = heard(*(n * pause_s for n in range(60)))
    assert rhythm.usual_pause_s == pause_s
    assert rhythm.patience_s == USUAL_PAUSES * pause_s


def test_one_outage_is_no_rhythm_and_two_are() -> None:
    even = list(range(0, 200, 10))
    assert heard(*even, 400, 410).patience_s == 30.0
    assert heard(*even, 400, 410, 580).patience_s == 3 * 170.0


def test_of_bursts_the_long_pauses_count() -> None:
    assert heard(*(burst * 40 + n / 10 for burst in range(8) for n in range(5))).patience_s == pytest.approx(
        3 * 39.6
    )


def test_pauses_are_forgotten_after_a_quarter_of_an_hour_and_before_half_an_hour() -> None:
    slow = [0, 100, 200, 300]
    within = [*slow, *range(310, 310 + int(MEMORY_S), 10)]
    assert heard(*within).patience_s == 300.0
    assert heard(*within, *range(within[-1] + 10, within[-1] + int(MEMORY_S) + 20, 10)).patience_s == 30.0


def test_the_memory_of_something_slow_holds_two_of_its_pauses() -> None:
    assert heard(*range(0, 36_000, 3600)).usual_pause_s == 3600.0
    assert heard(*range(0, 36_000, 3600)).patience_s == 3 * 3600.0


@given(st.lists(st.floats(0.0, 2000.0), min_size=3, max_size=60))
def test_an_even_second_longest_pause_is_never_longer_than_what_was_heard(pauses: list[float]) -> None:
    t, times = 0.0, [0.0]
    for pause in pauses:
        t += pause
        times.append(t)
    rhythm = heard(*times)
    assert rhythm.usual_pause_s <= sorted(pauses)[-2] + 1e-6
    assert rhythm.patience_s >= SOONEST_S
