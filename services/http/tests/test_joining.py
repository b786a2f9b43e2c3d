"""Archive and live as one series: who is asked for what, and how answers become one, on literal input."""

import math
from typing import Any

import numpy as np
import pytest
from sisock.node import Field, Limits, Series
from sisock_consumer.target import Target
from sisock_http.asking.joining import Holder, covered_since, described, divide, kept_since, merge, missing
from sisock_http.asking.question import Question

NOW = 1_700_000_000.0
HOUR, DAY = 3600.0, 86400.0
LIVE, ARCHIVE, COPY = Target("feed", "t"), Target("g3", "o.T"), Target("g3_copy", "o.T")
SINCE = NOW - 5 * HOUR


def live(
    complete_since: float | None = SINCE,
    kept_for: float | None = HOUR,
    *,
    online: bool = True,
    units: str = "",
) -> Holder:
    field = Field("t", units=units or None, source="o.T", kept_for=kept_for, complete_since=complete_since)
    return Holder(LIVE, field, online, live=True)


def archive(target: Target = ARCHIVE, *, online: bool = True) -> Holder:
    return Holder(target, Field("o.T", source="o.T"), online, live=False)


def asked(
    *holders: Holder, start: float, end: float = NOW, most: int | None = None, **more: Any
) -> list[tuple[str, float, float]]:
    question = Question((LIVE,), start, end, Limits(most), **more)
    return [
        (piece.target.node, piece.start - NOW, piece.end - NOW)
        for piece in divide(question, {LIVE: holders}, NOW)[LIVE]
    ]


def test_over_ten_minutes_the_live_node_alone_is_asked() -> None:
    assert asked(archive(), live(), start=NOW - 600) == [("feed", -600.0, 0.0)]


def test_over_a_week_each_is_asked_for_what_it_has_with_a_little_overlap() -> None:
    assert asked(archive(), live(), start=NOW - 7 * DAY) == [
        ("g3", -7 * DAY, -3240.0), ("feed", -4080.0, 0.0)
    ]  # fmt: skip


def test_for_last_week_the_archive_alone_is_asked() -> None:
    assert asked(archive(), live(), start=NOW - 7 * DAY, end=NOW - DAY) == [("g3", -7 * DAY, -DAY)]


def test_what_a_live_node_missed_before_it_began_anew_is_asked_of_the_archive() -> None:
    assert asked(archive(), live(NOW - 300), start=NOW - 600) == [
        ("g3", -600.0, -299.0), ("feed", -600.0, 0.0)
    ]  # fmt: skip


@pytest.mark.parametrize("holder", [live(None), live(None, None)])
def test_a_live_node_that_cannot_tell_what_it_missed_is_believed_nothing(holder: Holder) -> None:
    assert asked(archive(), holder, start=NOW - 600) == [("g3", -600.0, 0.0), ("feed", -600.0, 0.0)]


def test_both_copies_of_an_archive_are_asked_and_of_an_away_one_nothing() -> None:
    assert asked(archive(), archive(COPY), start=NOW - 7 * DAY) == [
        ("g3", -7 * DAY, 0.0), ("g3_copy", -7 * DAY, 0.0)
    ]  # fmt: skip
    assert asked(archive(), archive(COPY, online=False), start=NOW - DAY) == [("g3", -DAY, 0.0)]


def test_while_the_live_node_is_away_the_archive_is_asked_for_all() -> None:
    assert asked(archive(), live(online=False), start=NOW - 600) == [("g3", -600.0, 0.0)]


def test_the_newest_samples_are_asked_of_the_live_node_alone_if_there_is_one() -> None:
    assert asked(archive(), live(None), start=NOW - HOUR, join="newest") == [("feed", -HOUR, 0.0)]
    assert asked(archive(), live(online=False), start=NOW - HOUR, join="newest") == [("g3", -HOUR, 0.0)]


def test_the_same_question_a_moment_later_is_asked_in_the_same_ranges() -> None:
    question = Question((LIVE,), NOW - DAY, NOW)
    held = {LIVE: [archive(), live()]}
    assert divide(question, held, NOW + 1.0) == divide(question, held, NOW + 9.0)


def test_channels_of_a_feed_are_asked_in_the_same_ranges_though_they_began_at_other_times() -> None:
    other = Target("feed", "u")
    held = {LIVE: [archive(), live(NOW - 300)], other: [archive(), live(NOW - 200)]}
    divided = divide(Question((LIVE, other), NOW - 600, NOW), held, NOW)
    assert [piece.question for piece in divided[LIVE]] == [piece.question for piece in divided[other]]
    assert divided[LIVE][0].end == NOW - 199


def test_each_is_asked_for_its_share_of_the_points() -> None:
    question = Question((LIVE,), NOW - 10 * HOUR, NOW, Limits(1000))
    of_archive, of_live = divide(question, {LIVE: [archive(), live()]}, NOW)[LIVE]
    assert (of_archive.limits.max_points, of_live.limits.max_points) == (910, 125)
    for most, share in ((1001, 125), (20, 4), (4, 4), (3, 3)):
        question = Question((LIVE,), NOW - 10 * HOUR, NOW, Limits(most))
        *_, of_live = divide(question, {LIVE: [archive(), live()]}, NOW)[LIVE]
        assert of_live.limits.max_points == share
    [alone] = divide(Question((LIVE,), NOW - 600, NOW, Limits(1000)), {LIVE: [archive(), live()]}, NOW)[LIVE]
    assert alone.limits == Limits(1000)
    for piece in divide(Question((LIVE,), NOW - DAY, NOW, Limits(2)), {LIVE: [archive(), live()]}, NOW)[LIVE]:
        assert piece.limits == Limits(2)


def test_of_two_live_nodes_the_one_that_has_missed_less_counts() -> None:
    assert covered_since([live(NOW - 100), live(NOW - 1000)], NOW) == NOW - 999
    assert covered_since([archive(), live(online=False)], NOW) == math.inf


def test_what_is_away_is_said_where_it_would_have_been_asked() -> None:
    away = live(online=False)
    assert missing(Question((LIVE,), NOW - DAY, NOW), [archive(), away], NOW) == [
        "data node 'feed' is not online: the newest samples may be missing"
    ]
    assert missing(Question((LIVE,), NOW - 7 * DAY, NOW - DAY), [archive(), away], NOW) == []
    begins = kept_since(away, NOW)
    assert missing(Question((LIVE,), NOW - 7 * DAY, begins), [archive(), away], NOW) == []
    assert len(missing(Question((LIVE,), NOW - 7 * DAY, begins + 1), [archive(), away], NOW)) == 1
    gone = archive(online=False)
    assert missing(Question((LIVE,), NOW - DAY, NOW), [gone, live()], NOW) == [
        "data node 'g3' is not online: older samples may be missing"
    ]
    assert missing(Question((LIVE,), NOW - 600, NOW), [gone, live()], NOW) == []
    since = covered_since([gone, live()], NOW)
    assert missing(Question((LIVE,), since, NOW), [gone, live()], NOW) == []
    assert len(missing(Question((LIVE,), since - 1, NOW), [gone, live()], NOW)) == 1
    assert missing(Question((LIVE,), NOW - DAY, NOW), [gone, archive(COPY), live()], NOW) == []


def series(t: Any, values: Any, until: float | None = None) -> Series:
    return Series("x", np.asarray(t, dtype=float), np.asarray(values), finalized_until=until)


def pairs(made: Series) -> list[tuple[float, Any]]:
    return list(zip(made.t.tolist(), made.values.tolist(), strict=True))


def test_a_sample_that_both_have_is_there_once_though_its_times_differ_by_a_float_step() -> None:
    t = NOW + 0.1 * np.arange(200) + np.random.default_rng(1).uniform(0, 0.01, 200)
    filed = (t * 1e8).astype(np.int64) / 1e8
    assert np.count_nonzero(filed != t) > 20
    made = merge(
        "x", [series(filed[:150], np.arange(150.0)), series(t[100:], np.arange(100.0, 200))], Limits()
    )
    assert made.values.tolist() == list(range(200))
    assert np.diff(made.t).min() > 0.09


def test_parts_that_only_touch_are_put_behind_each_other() -> None:
    made = merge("x", [series([1, 2], [1.0, 2.0]), series([3, 4], [3.0, 4.0], 3.5)], Limits())
    assert pairs(made) == [(1.0, 1.0), (2.0, 2.0), (3.0, 3.0), (4.0, 4.0)]
    assert made.finalized_until == 3.5
    three = [series([n], [1.0], float(n)) for n in (1, 2, 3)]
    assert merge("x", three, Limits()).finalized_until == 3.0
    assert merge("x", three[:1], Limits()).finalized_until == 1.0
    assert pairs(merge("x", [series([3], [3.0]), series([1, 2], [1.0, 2.0])], Limits()))[0] == (1.0, 1.0)


def test_each_fills_what_the_other_lacks() -> None:
    filed, heard = series([1, 2, 6, 7], [1.0, 2.0, 6.0, 7.0]), series([1, 3, 4, 5, 7, 8], [1, 3, 4, 5, 7, 8])
    assert merge("x", [filed, heard], Limits()).values.tolist() == [1, 2, 3, 4, 5, 6, 7, 8]


@pytest.mark.parametrize(
    ("one", "other", "kind"),
    [
        ([1, 2], [3.0, 4.0], "f"),
        ([1, 2], [3, 4], "f"),
        ([True, False], [3.0, 4.0], "f"),
        ([True, False], [False, True], "b"),
        (["on", "off"], [3.0, 4.0], "O"),
        (["on", "off"], ["on", "on"], "O"),
    ],
)
def test_parts_of_different_kinds_are_numbers_if_all_are_and_else_what_they_were(
    one: Any, other: Any, kind: str
) -> None:
    columns = [np.array(some, object if isinstance(some[0], str) else None) for some in (one, other)]
    made = merge("x", [series([1, 2], columns[0]), series([3, 4], columns[1])], Limits())
    assert (made.values.dtype.kind, made.values.tolist()) == (kind, [*one, *other])


def test_a_value_that_only_one_has_at_a_time_counts() -> None:
    nan = math.nan
    made = merge("x", [series([1, 2, 3], [nan, 2.0, nan]), series([1, 2, 3], [1.0, nan, nan])], Limits())
    assert made.values[:2].tolist() == [1.0, 2.0]
    assert math.isnan(made.values[2])


def test_samples_of_one_node_at_the_same_time_all_stay() -> None:
    assert len(merge("x", [series([1, 1, 2], [1.0, 2.0, 3.0]), series([2, 3], [3.0, 4.0])], Limits()).t) == 4


@pytest.mark.parametrize(
    ("values", "more", "want"),
    [
        (np.array([True]), np.array([False]), [True, False]),
        (np.array([1]), np.array([2.5]), [1.0, 2.5]),
        (np.array([1.0]), np.array([True]), [1.0, 1.0]),
        (np.array(["a"], dtype=object), np.array([None], dtype=object), ["a", None]),
        (np.array(["a"]), np.array([1.5]), ["a", 1.5]),
    ],
)
def test_columns_of_other_kinds_are_joined_as_what_both_can_be(values: Any, more: Any, want: Any) -> None:
    for t in ([2.0], [1.0 + 1e-9]):
        made = merge("x", [series([1], values), series(t, more)], Limits())
        assert made.values.tolist() == (want if t == [2.0] else want[:1])


def test_extremes_are_kept_over_the_whole_and_no_more_points_than_asked_for_come() -> None:
    rng = np.random.default_rng(4)
    old, new = rng.normal(size=3000), rng.normal(size=1000)
    old[1234], new[700] = 90.0, -90.0
    made = merge("x", [series(np.arange(3000), old), series(np.arange(2900, 3900), new)], Limits(200))
    assert len(made.t) <= 200
    assert {90.0, -90.0} <= set(made.values.tolist())
    assert (made.t[0], made.t[-1]) == (0.0, 3899.0)


def test_a_stride_holds_across_the_seam() -> None:
    made = merge("x", [series([0, 10, 20], [1.0] * 3), series([24, 34, 44], [1.0] * 3)], Limits(None, 10.0))
    assert np.diff(made.t).min() >= 10.0


def test_parts_without_a_sample_make_a_series_without_one() -> None:
    assert len(merge("x", [series([], []), series([], [])], Limits()).t) == 0
    assert pairs(merge("x", [series([], []), series([1], [2.0])], Limits())) == [(1.0, 2.0)]


def test_units_that_one_holder_knows_are_the_series() -> None:
    assert described(Field("o.T"), [archive(), live(units="K")]).units == "K"
    assert described(Field("o.T", units="mK"), [archive(), live(units="K")]).units == "mK"


def test_any_two_parts_join_to_what_sorting_all_their_samples_gives() -> None:
    rng = np.random.default_rng(9)
    for _ in range(300):
        every = np.arange(30) * 0.5 + NOW
        one, other = (every[rng.random(30) < rng.random()] for _ in range(2))
        made = merge("x", [series(one, one * 2), series(other + 1e-7, other * 2)], Limits())
        want = np.union1d(one, other)
        np.testing.assert_allclose(made.t, want, rtol=0, atol=1e-6)
        assert made.values.tolist() == (want * 2).tolist()
