"""Bins of samples, against a model in plain Python that walks over them."""

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sisock_g3 import summary

WIDTH = 100
INF, NAN = math.inf, math.nan
GREATEST = float(np.finfo(np.float64).max)

awkward = st.sampled_from([NAN, INF, -INF, GREATEST, -GREATEST, 0.0, -0.0, 5e-324])
columns = hnp.arrays(np.float64, st.integers(1, 400), elements=st.floats(-1e6, 1e6) | awkward)


def model(ticks: list[int], values: list[float], width: int) -> list[dict[str, Any]]:
    """Bins, as a person would write them down; sums are exact."""
    bins: dict[int, list[tuple[int, float]]] = {}
    for t, value in zip(ticks, values, strict=True):
        bins.setdefault(t // width, []).append((t, value))
    told = []
    for number, samples in sorted(bins.items()):
        finite = [value for _, value in samples if math.isfinite(value)]
        present = [(t, value) for t, value in samples if not math.isnan(value)] or samples[:1]
        least = min(present, key=lambda sample: sample[1])
        greatest = max(present, key=lambda sample: sample[1])
        told.append(
            {
                "bin": number,
                "count": len(finite),
                "t_first": samples[0][0],
                "first": samples[0][1],
                "t_last": samples[-1][0],
                "last": samples[-1][1],
                "t_min": least[0],
                "min": least[1],
                "t_max": greatest[0],
                "max": greatest[1],
                "sum": sum(map(Fraction, finite), Fraction(0)),
                "size": sum((abs(Fraction(value)) for value in finite), Fraction(0)),
            }
        )
    return told


def agree(bins: summary.Bins, expected: list[dict[str, Any]]) -> None:
    assert len(bins) == len(expected)
    for one, other in zip(bins, expected, strict=True):
        for name in set(summary.BIN.names or ()) - {"sum"}:
            np.testing.assert_equal(one[name], other[name], name)
        assert math.isfinite(one["sum"])
        if other["size"] < Fraction(GREATEST):
            error = abs(Fraction(float(one["sum"])) - other["sum"])
            assert error <= other["size"] * Fraction(1, 10**12)


@given(columns, st.integers(1, 50))
@example(np.array([INF, 1.0, -INF, 2.0]), 1)
@example(np.array([INF, INF]), 1)
@example(np.array([-INF, NAN, -INF]), 1)
@example(np.array([GREATEST, GREATEST, -1.0]), 1)
def test_bins_hold_every_extreme_and_the_sum_of_what_is_finite(values: np.ndarray, step: int) -> None:
    ticks = 10**9 + np.arange(len(values)) * step
    bins = summary.summarize(ticks, values[None, :], WIDTH)[0]
    agree(bins, model(ticks.tolist(), values.tolist(), WIDTH))


@given(columns, st.integers(1, 50), st.integers(1, 6), st.data())
def test_merged_bins_are_those_of_the_samples(values: np.ndarray, step: int, factor: int, data: Any) -> None:
    ticks = 10**9 + np.arange(len(values)) * step
    cut = data.draw(st.integers(0, len(values)))
    parts = [
        summary.summarize(t, v[None, :], WIDTH)[0]
        for t, v in ((ticks[:cut], values[:cut]), (ticks[cut:], values[cut:]))
        if len(t)
    ]
    merged = summary.merge(summary.join(parts), factor)
    agree(merged, model(ticks.tolist(), values.tolist(), WIDTH * factor))


@pytest.mark.parametrize(
    ("values", "count", "total", "least", "greatest"),
    [
        ([1.0, INF, 2.0], 2, 3.0, 1.0, INF),
        ([1.0, INF, -INF, 2.0], 2, 3.0, -INF, INF),
        ([INF, INF], 0, 0.0, INF, INF),
        ([NAN, -INF, NAN], 0, 0.0, -INF, -INF),
        ([NAN, NAN], 0, 0.0, NAN, NAN),
        ([NAN, 4.0], 1, 4.0, 4.0, 4.0),
    ],
)
def test_what_is_not_finite_is_seen_but_not_summed(values, count, total, least, greatest) -> None:
    [one] = summary.summarize(np.arange(len(values)), np.array([values]), WIDTH)[0]
    np.testing.assert_equal(
        (int(one["count"]), float(one["sum"]), float(one["min"]), float(one["max"])),
        (count, total, least, greatest),
    )


def test_bins_of_an_older_index_with_infinite_sums_merge_in_silence() -> None:
    bins = summary.summarize(np.arange(0, 4 * WIDTH, WIDTH), np.arange(4.0)[None, :], WIDTH)[0]
    bins["sum"] = [INF, -INF, NAN, 1.0]
    [merged] = summary.merge(bins, 4)
    assert math.isfinite(merged["sum"])


@given(columns, st.integers(1, 50))
@example(np.array([3.0, 1.0, 2.0]), 1)
@example(np.array([NAN, NAN]), 1)
@example(np.array([7.0]), 1)
def test_bins_are_drawn_by_their_least_and_greatest_samples_in_order(values: np.ndarray, step: int) -> None:
    ticks = 10**9 + np.arange(len(values)) * step
    bins = summary.summarize(ticks, values[None, :], WIDTH)[0]
    expected: list[tuple[int, float]] = []
    for one in model(ticks.tolist(), values.tolist(), WIDTH):
        expected += sorted({one[f"t_{name}"]: one[name] for name in ("min", "max")}.items())
    t, drawn = summary.points(bins)
    assert t.tolist() == [at for at, _ in expected]
    np.testing.assert_array_equal(drawn, [value for _, value in expected])


def test_tiles_and_bins_of_each_level_divide_those_of_the_next() -> None:
    second = 10**8
    assert (second, 300 * second) == (summary.SECOND, summary.FINEST_WIDTH)
    assert [(one.number, one.width // second, one.tile // second) for one in summary.LEVELS] == [
        (1, 1200, 86_400), (2, 10_800, 32 * 86_400), (3, 86_400, 128 * 86_400)
    ]  # fmt: skip
    assert len(summary.empty()) == 0
    assert summary.summarize(np.empty(0, np.int64), np.empty((2, 0)), WIDTH).shape == (2, 0)
    assert summary.summarize(np.arange(3), np.empty((0, 3)), WIDTH).shape == (0, 1)
