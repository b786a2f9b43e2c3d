"""Rows of literal samples: units of time, bounds, samples at one time, and bins without any."""

from typing import Any

import numpy as np
import pytest
from sisock.node import Series
from sisock_http.dialects.influxql import points, rows
from sisock_http.dialects.influxql.schema import SeriesKey

NAN = float("nan")
X, Y, Z = (SeriesKey("m", (("feed", name),)) for name in "xyz")
S = 10**9


def answer(make_store: Any, samples: Any, text: str, epoch: str = "s") -> Any:
    """Rows of each series, or what is wrong."""
    [result] = make_store(samples).ask(text, epoch, now=100.0)["results"]
    return result["error"] if "error" in result else [one["values"] for one in result.get("series", [])]


@pytest.mark.parametrize(
    ("epoch", "times"),
    [
        ("ns", [-1_500_000_000, 8_130_250_000_000]),
        ("n", [-1_500_000_000, 8_130_250_000_000]),
        ("u", [-1_500_000, 8_130_250_000]),
        ("\u00b5", [-1_500_000, 8_130_250_000]),
        ("ms", [-1500, 8_130_250]),
        ("s", [-1, 8130]),
        ("m", [0, 135]),
        ("h", [0, 2]),
        ("", ["1969-12-31T23:59:58.5Z", "1970-01-01T02:15:30.25Z"]),
    ],
)
def test_times_are_whole_units_towards_1970(make_store: Any, epoch: str, times: list[Any]) -> None:
    samples = {X: {"a": [(-1.5, 1.0), (8130.25, 2.0)]}}
    [table] = answer(make_store, samples, "SELECT a FROM m", epoch)
    assert table == [[times[0], 1.0], [times[1], 2.0]]


@pytest.mark.parametrize(("count", "limit", "told"), [
    (12, 3, None),
    (12, 4, "max-row-limit exceeded: more than 3 rows"),
    (13, 3, "max-select-point limit exceeded: (13/12)"),
])  # fmt: skip
def test_rows_and_the_samples_behind_them_are_bounded(
    make_store: Any, monkeypatch: pytest.MonkeyPatch, count: int, limit: int, told: str | None
) -> None:
    monkeypatch.setattr(rows, "MOST_ROWS", 3)
    samples = {X: {"a": [(float(n), 1.0) for n in range(count)]}}
    found = answer(make_store, samples, f"SELECT a FROM m LIMIT {limit}")
    assert found == told if told else len(found[0]) == 3


def test_a_series_without_a_row_does_not_hide_the_next(make_store: Any) -> None:
    samples = {
        X: {"a": [(1.0, NAN)], "b": [(1.0, 1.0)]},
        Y: {"a": [(2.0, 2.0)]},
        Z: {"a": [(3.0, 3.0), (4.0, 4.0)]},
    }
    assert answer(make_store, samples, "SELECT a FROM m GROUP BY feed") == [
        [[2, 2.0]], [[3, 3.0], [4, 4.0]],
    ]  # fmt: skip
    assert answer(make_store, samples, "SELECT a FROM m GROUP BY feed LIMIT 1 OFFSET 1") == [[[4, 4.0]]]
    assert answer(make_store, samples, "SELECT mean(nosuch), mean(a) FROM m") == [[[0, None, 3.0]]]
    assert answer(make_store, samples, "SELECT median(nosuch), median(a) FROM m") == [[[0, None, 3.0]]]


def test_where_there_are_nulls_alone_there_is_no_median(make_store: Any) -> None:
    nulls = {X: {"a": [(1.0, NAN), (2.0, NAN)]}}
    for call in ("median(a)", "stddev(a)", "percentile(a, 50)", "difference(a)", "mean(a)"):
        assert answer(make_store, nulls, f"SELECT {call} FROM m") == []


@pytest.mark.parametrize("values", [(1.0, 2.0), (2.0, 1.0)])
@pytest.mark.parametrize("call", ["first(a)", "last(a)"])
@pytest.mark.parametrize("bins", ["", "WHERE time >= 0s AND time < 10s GROUP BY time(10s)"])
def test_of_two_samples_at_one_time_the_greater_counts(
    make_store: Any, values: tuple[float, float], call: str, bins: str
) -> None:
    samples = {key: {"a": [(5.0, value)]} for key, value in zip((X, Y), values, strict=True)}
    assert answer(make_store, samples, f"SELECT {call} FROM m {bins}") == [[[0 if bins else 5, 2.0]]]


@pytest.mark.parametrize(("times", "kept"), [
    ([5, 5], [1]), ([1, 5, 5, 9], [0, 2, 3]), ([1, 2, 3], [0, 1, 2]), ([7], [0]), ([], []),
])  # fmt: skip
def test_of_samples_of_one_series_at_one_time_the_last_counts(times: list[float], kept: list[int]) -> None:
    t = np.array(times, dtype=float)
    at, values = points.samples_of(Series("a", t, np.arange(float(len(t)))), None, None)
    assert at.tolist() == [times[i] * 10**6 for i in kept]
    assert values.tolist() == kept


def test_samples_lie_in_their_range_and_within_what_nanoseconds_reach() -> None:
    t = np.array([-9.2e9, -3.0, 1.0, 2.0, 3.0, 9.2e9])
    series = Series("a", t, np.arange(6.0))
    assert points.samples_of(series, None, None)[1].tolist() == [1, 2, 3, 4]
    assert points.samples_of(series, 10**6, 3 * 10**6)[1].tolist() == [2, 3]


def test_what_is_no_number_comes_to_null_in_sums(make_store: Any) -> None:
    samples = {X: {"a": [(1.0, 4.0)], "n": [(1.0, 3)]}}
    text = "SELECT a, feed + 1, 1 + feed, a + feed, feed * a, a - 1, n % 2, n / 2 FROM m"
    assert answer(make_store, samples, text) == [[[1, 4.0, None, None, None, None, 3.0, 1, 1.5]]]


@pytest.mark.parametrize(("fill", "values"), [
    ("previous", [None, 1.0, 1.0, 3.0, 3.0]),
    ("linear", [None, 1.0, 2.0, 3.0, None]),
    ("null", [None, 1.0, None, 3.0, None]),
    ("7", [7.0, 1.0, 7.0, 3.0, 7.0]),
])  # fmt: skip
@pytest.mark.parametrize("call", ["mean(a)", "median(a)"])
def test_bins_without_a_sample_are_filled(make_store: Any, call: str, fill: str, values: list[Any]) -> None:
    samples = {X: {"a": [(15.0, 1.0), (35.0, 3.0)]}}
    bins = "WHERE time >= 0s AND time < 50s GROUP BY time(10s)"
    [table] = answer(make_store, samples, f"SELECT {call} FROM m {bins} fill({fill})")
    assert table == [[10 * n, value] for n, value in enumerate(values)]


@pytest.mark.parametrize(("call", "want"), [
    ("moving_average(a, 2)", [[2, 1.5], [3, 2.5], [5, 4.0]]),
    ("cumulative_sum(a)", [[1, 1.0], [2, 3.0], [3, 6.0], [5, 11.0]]),
    ("derivative(a, 500ms)", [[2, 0.5], [3, 0.5], [5, 0.5]]),
    ("difference(a)", [[2, 1.0], [3, 1.0], [5, 2.0]]),
    ("stddev(a)", [[0, pytest.approx(1.707825127659933)]]),
    ("percentile(a, 50)", [[2, 2.0]]),
    ("max(a)", [[5, 5.0]]),
])  # fmt: skip
def test_a_function_of_samples_comes_to_its_numbers(make_store: Any, call: str, want: Any) -> None:
    samples = {X: {"a": [(t, t) for t in (1.0, 2.0, 3.0, 5.0)]}}
    assert answer(make_store, samples, f"SELECT {call} FROM m") == [want]


@pytest.mark.parametrize(("call", "time"), [("max(a)", 2), ("min(a)", 1), ("percentile(a, 100)", 4)])
def test_of_samples_that_are_alike_the_first_is_the_greatest_or_the_least(
    make_store: Any, call: str, time: int
) -> None:
    samples = {X: {"a": [(1.0, 0.0), (2.0, 5.0), (3.0, 0.0), (4.0, 5.0)]}}
    [[[at, _]]] = answer(make_store, samples, f"SELECT {call} FROM m")
    assert at == time


@pytest.mark.parametrize(("only", "tags"), [
    ("=~ /^f/", ["feed"]), ("=~ /no/", []), ("!~ /no/", ["feed", "room"]), ("!~ /^f/", ["room"]),
    ("= room", ["room"]), ("!= room", ["feed"]), ("IN (room, no)", ["room"]),
])  # fmt: skip
def test_tags_are_shown_that_were_asked_for(make_store: Any, only: str, tags: list[str]) -> None:
    samples = {SeriesKey("m", (("feed", "x"), ("room", "y"))): {"a": [(1.0, 1.0)]}}
    [found, *_] = [*answer(make_store, samples, f"SHOW TAG VALUES WITH KEY {only}"), []]
    assert [tag for tag, _ in found] == tags


def test_neighbours_at_one_time_are_one_to_a_difference(make_store: Any) -> None:
    samples = {X: {"a": [(1.0, 1.0), (2.0, 2.0)]}, Y: {"a": [(2.0, 7.0), (3.0, 4.0)]}}
    assert answer(make_store, samples, "SELECT difference(a) FROM m") == [[[2, 1.0], [3, 2.0]]]
