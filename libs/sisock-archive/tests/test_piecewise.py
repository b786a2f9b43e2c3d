"""Long series read piece by piece: the same picture as of the whole."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sisock import decimate
from sisock.errors import TooMuchDataError
from sisock.node import Limits
from sisock_archive.piecewise import gather, intervals, outline

VALUES = st.binary(min_size=300, max_size=900).map(lambda drawn: np.frombuffer(drawn, "i1") // 14 * 1.0)
"""Whole numbers from -10 to 9, often the same one: bytes are drawn at once, an array by its elements."""


def cut(t, values, size):
    return [(t[i : i + size], values[i : i + size]) for i in range(0, len(t), size)]


@given(VALUES, st.integers(1, 200), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_the_envelope_of_the_pieces_is_that_of_the_whole(values, size, max_points, seed) -> None:
    t = np.cumsum(np.random.default_rng(seed).exponential(1.0, len(values)))
    edges = intervals(t[0], t[-1], Limits(max_points=max_points))
    kept_t, kept = gather(cut(t, values, size), edges, 10**9)
    want = decimate.envelope(t, [values], max_points)
    assert set(t[want]) <= set(kept_t)
    if len(kept_t) > max_points:
        again = decimate.envelope(kept_t, [kept], max_points)
        assert kept_t[again].tolist() == t[want].tolist()
        assert kept[again].tolist() == values[want].tolist()


@given(VALUES, st.integers(50, 200), st.floats(10, 500))
def test_a_stride_keeps_each_intervals_extremes(values, size, stride) -> None:
    t = np.arange(len(values), dtype=float)
    edges = intervals(t[0], t[-1], Limits(min_stride=stride))
    assert edges is not None
    kept_t, kept = gather(cut(t, values, size), edges, 10**9)
    assert (kept_t[0], kept_t[-1]) == (t[0], t[-1])
    bins, kept_bins = (edges.searchsorted(x, side="right") for x in (t, kept_t))
    for b in np.unique(bins):
        assert kept[kept_bins == b].min() == values[bins == b].min()
        assert kept[kept_bins == b].max() == values[bins == b].max()


def test_without_limits_or_with_very_fine_ones_nothing_is_left_out() -> None:
    for limits in (Limits(), Limits(min_stride=1e-9), Limits(max_points=10**9), Limits(min_stride=0.0)):
        assert intervals(0.0, 1e9, limits) is None


def test_of_two_limits_the_coarser_counts() -> None:
    for limits in (
        Limits(max_points=12, min_stride=1.0),
        Limits(max_points=10**9, min_stride=20.0),
        Limits(max_points=12, min_stride=20.0),
    ):
        edges = intervals(0.0, 100.0, limits)
        assert edges is not None
        assert np.diff(edges).tolist() == [20.0] * 5


def test_a_single_sample_and_none_at_all_go_through() -> None:
    edges = np.array([0.0, 10.0])
    one = np.array([1.0]), np.array([2.0])
    assert outline(one, edges) is one
    assert [len(column) for column in gather([], edges, 0)] == [0, 0]


def test_too_much_is_refused_before_all_is_read() -> None:
    read = []

    def pieces():
        for i in range(100):
            read.append(i)
            yield np.arange(10.0), np.arange(10.0)

    with pytest.raises(TooMuchDataError, match="320 bytes"):
        gather(pieces(), None, 320)
    assert read == [0, 1, 2]
