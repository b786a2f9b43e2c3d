"""Reductions keep what an operator must see."""

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
    v = np.zeros(1_000_000)
    v[123_456] = 1.0
    t = np.arange(1e6)
    for most in (4, 10, 1000):
        assert v[decimate.envelope(t, [v], most)].max() == 1.0
    for stride in (2.0, 100.0, 12_345.0):
        assert v[decimate.thin(t, [v], stride)].max() == 1.0


@given(COLUMNS, st.floats(0.01, 50), st.integers(0, 9))
def test_thin_keeps_samples_a_stride_apart(v: np.ndarray, stride: float, seed: int) -> None:
    t = times(len(v), seed)
    kept = decimate.thin(t, [v], stride)
    assert len(kept) >= 1
    assert len(kept) == 1 or np.diff(t[kept]).min() >= stride


def test_text_is_thinned_evenly() -> None:
    v = np.array(["on", "off"] * 500, dtype=object)
    kept = decimate.envelope(np.arange(1000.0), [v], 50)
    assert len(kept) <= 50
    assert np.diff(kept).max() < 60
