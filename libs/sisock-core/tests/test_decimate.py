"""Reductions keep what an operator must see."""

import subprocess
import sys

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sisock import decimate

COLUMNS = hnp.arrays(np.float64, st.integers(1, 400), elements=st.floats(-1e6, 1e6) | st.just(float("nan")))


def times(n: int, seed: int) -> np.ndarray:
    steps = np.random.default_rng(seed).exponential(1.0, n)
    return 1.5e9 + np.cumsum(steps)


@given(COLUMNS, st.integers(4, 60), st.integers(0, 9))
def test_envelope_keeps_every_bins_extremes_and_both_ends(v: np.ndarray, most: int, seed: int) -> None:
    t = times(len(v), seed)
    kept = decimate.envelope(t, [v], most)
    assert len(kept) <= most
    assert (np.diff(kept) > 0).all()
    assert kept[0] == 0
    assert kept[-1] == len(v) - 1
    if len(v) <= most:
        return
    edges = decimate.bin_edges(t[0], t[-1], most)
    bins = np.clip(np.searchsorted(edges, t, side="right") - 1, 0, len(edges) - 2)
    for b in np.unique(bins):
        inside = v[bins == b]
        if np.isfinite(inside).any():
            picked = v[kept[bins[kept] == b]]
            assert np.nanmin(picked) == np.nanmin(inside)
            assert np.nanmax(picked) == np.nanmax(inside)


@given(st.lists(COLUMNS, min_size=2, max_size=4), st.integers(1, 40))
def test_envelope_of_several_columns_has_no_more_points(columns: list[np.ndarray], most: int) -> None:
    n = min(map(len, columns))
    kept = decimate.envelope(times(n, 1), [c[:n] for c in columns], most)
    assert 1 <= len(kept) <= most


def test_a_spike_of_one_sample_survives_any_reduction() -> None:
    v = np.zeros(200_000)
    v[123_456] = 1.0
    t = np.arange(2e5)
    for most in (4, 10, 1000):
        assert v[decimate.envelope(t, [v], most)].max() == 1.0
    for stride in (1.5, 2.0, 100.0, 12_345.0):
        assert v[decimate.thin(t, [v], stride)].max() == 1.0


def walk(t: np.ndarray, stride: float) -> list[int]:
    """From the first sample to the next one far enough away, and so on: as many as there can be."""
    kept = [0]
    for i in range(1, len(t)):
        if t[i] - t[kept[-1]] >= stride:
            kept.append(i)
    return kept


CADENCES = st.sampled_from([0.1, 1.0, 1 / 3, 60.48]) | st.floats(1e-3, 1e3)
TIMES = st.one_of(
    st.builds(lambda n, cadence: 1.6e9 + np.arange(n) * cadence, st.integers(1, 400), CADENCES),
    st.builds(times, st.integers(1, 400), st.integers(0, 9)),
    # Few different gaps, none among them: samples at the same time, bursts and pauses.
    st.lists(st.sampled_from([0.0, 1e-6, 0.5, 1.0, 2.0, 100.0]), min_size=1, max_size=400).map(
        lambda gaps: 1.6e9 + np.cumsum(gaps)
    ),
)
STRIDES = st.sampled_from([0.1, 0.3, 0.5, 1.0, 2.0, 60.48]) | st.floats(1e-7, 1e3)


@given(TIMES, STRIDES, st.integers(0, 9))
def test_thin_keeps_samples_a_stride_apart_and_nearly_as_many_as_there_can_be(t, stride, seed) -> None:
    v = np.random.default_rng(seed).normal(size=len(t))
    kept = decimate.thin(t, [v], stride)
    assert len(kept) == 1 or np.diff(t[kept]).min() >= stride
    assert len(kept) >= 0.95 * len(walk(t, stride))


@given(TIMES, STRIDES, st.integers(0, 9))
def test_of_twenty_samples_and_more_the_one_that_stands_out_most_is_kept(t, stride, seed) -> None:
    v = np.random.default_rng(seed).normal(size=len(t))
    v[seed * len(t) // 10] = 1e3
    if len(walk(t, stride)) >= 20:
        assert v[decimate.thin(t, [v], stride)].max() == 1e3


@given(TIMES, st.sampled_from([0.0, -1.0]))
def test_a_stride_of_nothing_drops_nothing(t: np.ndarray, stride: float) -> None:
    np.testing.assert_array_equal(decimate.thin(t, [t], stride), np.arange(len(t)))


def test_samples_exactly_a_stride_apart_are_kept() -> None:
    assert decimate.thin(np.arange(10.0), [np.zeros(10)], 2.0).tolist() == [0, 2, 4, 6, 8]
    assert decimate.thin(np.arange(10.0), [np.zeros(10)], 1.0).tolist() == list(range(10))


def test_every_twenty_strides_keep_what_stands_out_there() -> None:
    v = np.zeros(1000)
    v[[31, 333, 635, 937]] = [1.0, 3.0, 2.0, 5.0]
    kept = decimate.thin(np.arange(1000.0), [v], 10.0)
    assert {31, 333, 635, 937} <= set(kept.tolist())


def test_text_is_thinned_evenly() -> None:
    v = np.array(["on", "off"] * 500, dtype=object)
    kept = decimate.envelope(np.arange(1000.0), [v], 50)
    assert len(kept) <= 50
    assert np.diff(kept).max() < 60


@given(hnp.arrays(np.float64, st.integers(1, 50), elements=st.floats(-1e9, 1e9)))
def test_the_median_is_numpys(values) -> None:
    assert decimate.median(values) == np.median(values)


def test_to_reduce_and_to_tell_an_interval_loads_no_masked_arrays() -> None:
    # They are 2.5 MB, and a tenth of a second, in every data server.
    code = (
        "import sys, numpy as np; from sisock import decimate; t = np.arange(1000.0); "
        "decimate.thin(t, [t], 10.0); decimate.envelope(t, [t], 100); decimate.median(t); "
        "sys.exit('numpy.ma' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
