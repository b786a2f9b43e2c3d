"""How fields are, on a clock that the test moves."""

import math
import time
import tracemalloc
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sisock import Bounds
from sisock_site.states import Board, State

T0 = 1.7e9
FAST = range(200)
"""Once a second, for longer than a rhythm takes to be learnt."""


def board(**more) -> Board:
    made = Board()
    made.watch("a", T0, **more)
    return made


def steady(made: Board) -> float:
    for i in FAST:
        made.check(T0 + i)
        made.heard("a", T0 + i, T0 + i, 1.0)
    return T0 + FAST[-1]


def told(changes) -> list[tuple[str, float]]:
    return [(change.state.value, round(change.since - T0, 6)) for change in changes]


def test_a_field_of_which_nothing_is_known_is_unknown_then_silent() -> None:
    made = board()
    assert made["a"].state is State.UNKNOWN
    assert made.check(T0 + 179) == []
    [change] = made.check(T0 + 181)
    assert (change.state, change.before, change.since) == (State.SILENT, State.UNKNOWN, T0 + 180)
    assert change.why == "nothing was heard for 181 s"


def test_a_field_is_late_and_silent_by_its_own_rhythm() -> None:
    made = board()
    last = steady(made)
    assert made.check(last + 10) == []
    assert told(made.check(last + 11)) == [("late", last + 10 - T0)]
    assert told(made.check(last + 31)) == [("silent", last + 30 - T0)]
    assert made["a"].why == "nothing came for 31 s; its longest pauses are 1 s"
    assert told(made.heard("a", last + 40, last + 40, 1.0)) == [("fresh", last + 40 - T0)]


def test_silence_that_somebody_said_counts_instead_of_the_rhythm() -> None:
    made = board(silent_after=4.0)
    last = steady(made)
    assert told(made.check(last + 5)) == [("silent", last + 4 - T0)]
    made = board(silent_after=math.inf)
    last = steady(made)
    assert made.check(last + 1e9) == []


def test_silence_of_an_archive_is_seen_as_soon_as_it_lasts_as_long_as_somebody_said() -> None:
    made = board(silent_after=4.0, unjudged="an archive")
    last = steady(made)
    assert made.check(last + 3.9) == []
    assert told(made.check(last + 4.5)) == [("silent", last + 4 - T0)]


def test_a_slow_field_has_the_time_that_its_node_says_it_takes() -> None:
    made = board(interval=300.0)
    made.heard("a", T0, T0, 1.0)
    made.heard("a", T0 + 300, T0 + 300, 1.0)
    assert made.check(T0 + 1199) == []
    assert told(made.check(T0 + 1201)) == [("late", 1200)]


def test_what_an_archive_had_years_ago_is_silent_at_once() -> None:
    made = board()
    [change] = made.heard("a", T0 + 5, T0 - 1e8, 3.0)
    assert (change.state, change.since) == (State.SILENT, T0 + 5)


def test_a_clock_that_is_ahead_is_said_and_makes_nothing_fresh_for_long() -> None:
    made = board(silent_after=20.0)
    made.heard("a", T0, T0 + 3600, 1.0)
    assert made["a"].ahead_s == 3600
    assert told(made.check(T0 + 21)) == [("silent", 20)]
    assert told(made.heard("a", T0 + 30, T0 + 30, 2.0)) == [("fresh", 30)]
    assert (made["a"].ahead_s, made["a"].value) == (0.0, 2.0)


def test_a_value_out_of_limits_counts_after_its_time_and_is_well_after_its_hysteresis() -> None:
    made = board(limits=Bounds(warning_high=1.0, alarm_high=2.0, hysteresis=0.2, for_s=10.0))
    steps = [(0, 0.5), (1, 1.1), (5, 0.9), (6, 2.5), (12, 2.5), (15, 1.9), (17, 1.9), (18, 1.5), (19, 0.7)]
    seen = []
    for after, value in steps:
        seen += told(made.check(T0 + after))
        seen += told(made.heard("a", T0 + after, T0 + after, value))
    # At 5 and at 15 the value is inside, but not by the hysteresis: their times run on.
    assert seen == [("fresh", 0), ("warning", 11), ("alarm", 16), ("warning", 18), ("fresh", 19)]


def test_an_alarm_comes_by_itself_when_its_time_is_over_and_says_why() -> None:
    made = board(limits=Bounds(alarm_low=0.5, for_s=30.0))
    made.heard("a", T0, T0, 0.25)
    assert made.check(T0 + 29) == []
    [change] = made.check(T0 + 31)
    assert (change.state, change.since) == (State.ALARM, T0 + 30)
    assert change.why == "0.25 is below the alarm limit 0.5"


def test_a_narrow_band_with_a_wide_hysteresis_can_be_left_again() -> None:
    made = board(limits=Bounds(warning_low=1.0, warning_high=1.1, hysteresis=0.2))
    states = [made.heard("a", T0 + i, T0 + i, v)[-1:] for i, v in enumerate([1.05, 1.2, 0.95, 1.15])]
    assert [told(one) for one in states] == [[("fresh", 0)], [("warning", 1)], [], []]
    assert told(made.heard("a", T0 + 9, T0 + 9, 0.9)) == []


def test_a_spike_within_a_batch_is_told_with_its_time_and_its_end() -> None:
    made = board(limits=Bounds(alarm_high=2.0))
    t = T0 + np.arange(10) / 10
    values = np.array([1.0] * 4 + [5.0, np.nan] + [1.0] * 4)
    changes = made.heard_all("a", T0 + 0.9, t, values)
    assert told(changes) == [("fresh", 0), ("alarm", 0.4), ("fresh", 0.6)]


def test_of_a_batch_that_is_within_limits_the_last_value_is_kept() -> None:
    made = board(limits=Bounds(alarm_high=2.0))
    made.heard_all("a", T0 + 1, T0 + np.arange(2.0), np.array([1.0, 1.5]))
    assert (made["a"].value, made["a"].t) == (1.5, T0 + 1)


def test_whose_pauses_say_nothing_is_fresh_for_a_minute_after_a_sample_and_then_unknown() -> None:
    made = board(unjudged="an archive")
    assert made.check(T0 + 1000) == []
    assert told(made.heard("a", T0 + 1000, T0 + 1000, 1.0)) == [("fresh", 1000)]
    assert made.check(T0 + 1060) == []
    [change] = made.check(T0 + 1060.5)
    assert (change.state, change.why) == (State.UNKNOWN, "an archive")


def test_new_limits_count_at_once_and_what_was_heard_is_kept() -> None:
    made = board()
    made.heard("a", T0, T0, 5.0)
    assert told(made.watch("a", T0 + 1, limits=Bounds(alarm_high=4.0))) == [("alarm", 1)]
    assert told(made.watch("a", T0 + 2)) == [("fresh", 2)]


def test_while_who_tells_of_a_field_is_away_it_is_unknown_and_has_its_time_afterwards() -> None:
    made = board(limits=Bounds(alarm_high=0.5), silent_after=10.0)
    made.heard("a", T0, T0, 1.0)
    [change] = made.lose(["a"], T0 + 5, "the router is away")
    assert (change.state, change.before, change.why) == (State.UNKNOWN, State.ALARM, "the router is away")
    assert made.lose(["a"], T0 + 6, "the router is away") == []
    assert made.check(T0 + 100) == []
    assert told(made.resume(["a"], T0 + 100)) == [("alarm", 100)]
    assert told(made.check(T0 + 111)) == [("silent", 110)]


def test_texts_and_missing_values() -> None:
    made = board(limits=Bounds(alarm_high=0.5))
    assert told(made.heard("a", T0, T0, float("nan"))) == []
    texts = np.array(["on", "off", None], dtype=object)
    assert told(made.heard_all("a", T0 + 3, T0 + np.arange(3.0), texts)) == [("fresh", 3)]
    assert (made["a"].value, made["a"].t) == ("off", T0 + 1)
    assert made.heard_all("a", T0 + 3, np.empty(0), np.empty(0)) == []


LIMITS = st.builds(
    lambda a, b, h, f: Bounds(None, a, None, a + b, hysteresis=h, for_s=f),
    st.floats(-2, 2),
    st.floats(0, 2),
    st.sampled_from([0.0, 0.3]),
    st.sampled_from([0.0, 1.5]),
)
VALUES = st.lists(st.floats(-4, 4) | st.just(math.nan), min_size=1, max_size=30)


@given(LIMITS, VALUES, st.lists(st.integers(1, 5), min_size=30, max_size=30))
def test_batches_end_where_single_samples_do(limits, values, sizes) -> None:
    one, many = board(limits=limits, silent_after=100.0), board(limits=limits, silent_after=100.0)
    for each in (one, many):
        each.heard("a", T0 - 1, T0 - 1, -9.0)
    t = T0 + np.arange(float(len(values)))
    singly, together = [], []
    for at, value in zip(t.tolist(), values, strict=True):
        singly += told(one.heard("a", at, at, value))
    first = 0
    for size in sizes:
        if first < len(values):
            batch = slice(first, first + size)
            # The time of a batch is that of its newest value.
            now = float(t[batch][~np.isnan(values[batch])].max(initial=0.0)) or float(t[batch][-1])
            together += told(many.heard_all("a", now, t[batch], np.array(values[batch])))
            first += size
    assert many["a"].state is one["a"].state
    assert together == singly


@given(LIMITS, VALUES)
def test_the_state_is_what_the_rule_says_of_all_values_so_far(limits, values) -> None:
    made = board(limits=limits, silent_after=1e9)
    for i, value in enumerate(values):
        made.heard("a", T0 + i, T0 + i, value)
    heard = [(i, value) for i, value in enumerate(values) if not math.isnan(value)]
    expected = State.FRESH if heard else State.UNKNOWN
    for level, high in ((State.WARNING, limits.warning_high), (State.ALARM, limits.alarm_high)):
        well = [i for i, value in heard if value <= high - limits.hysteresis]
        out = [i for i, value in heard if value > high and i > max(well, default=-1)]
        if out and heard[-1][0] - out[0] >= limits.for_s:
            expected = level
    assert made["a"].state is expected


@given(
    st.lists(st.tuples(st.floats(0, 100), st.sampled_from(["heard", "check", "lose", "resume"])), max_size=40)
)
def test_changes_follow_each_other_without_gap_and_never_from_the_future(steps) -> None:
    made, now, state, since = board(silent_after=30.0), T0, State.UNKNOWN, T0
    for pause, what in steps:
        now += pause
        if what == "heard":
            changes = made.heard("a", now, now, 1.0)
        elif what == "check":
            changes = made.check(now)
        else:
            changes = made.resume(["a"], now) if what == "resume" else made.lose(["a"], now, "away")
        for change in changes:
            assert change.before is state
            assert change.state is not state
            assert since <= change.since <= now
            state, since = change.state, change.since
        made.check(now)
        state, since = made["a"].state, made["a"].since


def test_fields_that_are_due_in_the_same_second_change_each_at_its_own_time() -> None:
    made = Board()
    for key, silent_after in (("late", 20.7), ("soon", 20.2), ("sooner", 20.1)):
        made.watch(key, T0, silent_after=silent_after)
        made.heard(key, T0, T0, 1.0)
    made.check(T0 + 20.0)
    assert not [change for change in made.check(T0 + 20.0) if change.state is State.SILENT]
    silent = [change.key for change in made.check(T0 + 20.5) if change.state is State.SILENT]
    assert silent == ["sooner", "soon"]
    assert [change.key for change in made.check(T0 + 20.9) if change.state is State.SILENT] == ["late"]


@given(
    st.lists(
        st.tuples(st.floats(0, 5), st.integers(0, 4), st.sampled_from(["heard", "lose", "resume", "drop"])),
        max_size=60,
    )
)
def test_after_a_check_no_field_is_in_a_state_that_time_has_ended(steps) -> None:
    made, now = Board(), T0
    for key in range(5):
        archive = "an archive" if key in (1, 4) else ""
        made.watch(key, now, silent_after=(3.3, 7.1, 11.0, 60.4, math.inf)[key], unjudged=archive)
    for pause, key, what in steps:
        now += pause
        if what == "heard":
            made.heard(key, now, now, 1.0)
        elif what == "drop":
            made.drop(key)
            made.watch(key, now, silent_after=5.5)
        else:
            made.resume([key], now) if what == "resume" else made.lose([key], now, "away")
        made.check(now)
        assert [one.state for one in made] == [one.judge(now)[0] for one in made]
        assert +made.counts == Counter(one.state for one in made)


@pytest.mark.timeout(300)
def test_twenty_thousand_fields_cost_little() -> None:
    tracemalloc.start()
    made = Board()
    limits = Bounds(warning_high=1.0, alarm_high=2.0, for_s=5.0)
    for i in range(20_000):
        made.watch(i, T0, limits=limits if i % 66 == 0 else None)
    for second in range(2):
        for i in range(20_000):
            made.heard(i, T0 + second, T0 + second, 0.5)
    memory = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert memory < 50e6
    began = time.process_time()
    for i in range(20_000):
        made.heard(i, T0 + 3.0, T0 + 3.0, 0.5)
    heard, began = time.process_time() - began, time.process_time()
    made.check(T0 + 4.0)
    checked = time.process_time() - began
    print(f"{memory / 1e6:.1f} MB, {heard / 20_000 * 1e6:.1f} us a sample, {checked * 1e3:.2f} ms a check")
    # Some 3 us a sample and less than 1 ms a check, of the processor's time.
    assert heard < 1.0
    assert checked < 0.1


def test_of_a_clock_that_was_ahead_older_samples_count_only_once_it_was_put_right() -> None:
    made = board(limits=Bounds(alarm_high=2.0))
    made.heard("a", T0, T0 + 10, 1.0)
    assert made.heard_all("a", T0 + 15, T0 + np.array([5.0, 12.0]), np.array([5.0, 1.0])) == []
    made = board()
    for t in (3600.0, 35.0):  # five seconds ahead are none
        made.heard("a", T0 + 30, T0 + t, t)
    assert (made["a"].t, made["a"].ahead_s) == (T0 + 35, 0.0)
