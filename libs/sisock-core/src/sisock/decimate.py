"""Fewer points for the same picture: reductions that never lose an extreme.

`envelope` keeps the minimum and the maximum of every time bin, `thin` keeps samples at least a
stride apart and prefers the ones that stand out. Both return indices into the columns, so that a
caller can apply them to any number of columns without a copy of what it does not send.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.intp]
Column = npt.NDArray[Any]


def is_numeric(values: Column) -> bool:
    """Whether a column has an order that extremes can be taken from (numbers and bools)."""
    return values.dtype.kind in "fiub"


def bin_edges(start: float, end: float, max_points: int) -> npt.NDArray[np.float64]:
    """Edges of the time bins that `envelope` draws two points of, first and last point aside."""
    bins = max(1, (max_points - 2) // 2)
    return np.linspace(start, end, bins + 1)


def envelope(t: Column, columns: Sequence[Column], max_points: int) -> Indices:
    """Choose at most `max_points` samples that keep every bin's extremes.

    Parameters
    ----------
    t : (n,) float64
        UNIX seconds, ascending.
    columns : sequence of (n,) arrays
        Columns that must all keep their extremes; columns of strings are thinned evenly.
    max_points : int
        Most samples to keep. With several columns each gets its share, so bins become wider.
        Below four there is no room for extremes: first and last sample are kept.

    Returns
    -------
    (m,) intp
        Ascending, unique; first and last sample among them, ``m <= max_points``.

    Notes
    -----
    Bins are equal in time between the first and the last sample (`bin_edges`), two points each and
    column: the first sample with the bin's least value and the first one with its greatest. A bin
    of NaN only keeps its first sample, so that a gap stays a gap.
    """
    n = len(t)
    if n <= max_points:
        return np.arange(n)
    if max_points < 4:
        return np.array([0, n - 1][: max(1, max_points)])
    numeric = [c for c in columns if is_numeric(c)]
    room = max(4, 2 + (max_points - 2) // max(1, len(numeric)))
    edges = bin_edges(float(t[0]), float(t[-1]), room)
    starts = t.searchsorted(edges[:-1])
    starts = starts[np.diff(starts, append=n) > 0]
    if not numeric:
        chosen = [starts]
    else:
        counts = np.diff(starts, append=n)
        chosen = [pick for c in numeric for pick in _extremes(c, starts, counts)]
    mask = np.zeros(n, dtype=bool)
    mask[[0, -1]] = True
    for pick in chosen:
        mask[pick] = True
    kept = np.flatnonzero(mask)
    return kept if len(kept) <= max_points else _within(kept, columns, max_points)


def _extremes(values: Column, starts: Indices, counts: Indices) -> tuple[Indices, Indices]:
    """Index of each bin's first least and first greatest value."""
    v = values.view(np.uint8) if values.dtype.kind == "b" else values
    found = []
    for reduce in (np.fmin, np.fmax):
        extreme = reduce.reduceat(v, starts)
        same = v == np.repeat(extreme, counts)
        if v.dtype.kind == "f":
            same[starts[np.isnan(extreme)]] = True
        hits = np.flatnonzero(same)
        found.append(hits[hits.searchsorted(starts)])
    return found[0], found[1]


def _within(kept: Indices, columns: Sequence[Column], max_points: int) -> Indices:
    """Cut a choice down to `max_points` when there are more columns than room for their extremes."""
    score = sum(_prominence(c[kept]) for c in columns if is_numeric(c))
    score = np.asarray(score, dtype=float)
    score[[0, -1]] = np.inf
    best = np.argsort(-score, kind="stable")[:max_points]
    return np.sort(kept[best])


def thin(t: Column, columns: Sequence[Column], min_stride: float) -> Indices:
    """Choose samples at least `min_stride` seconds apart, preferring those that stand out.

    Parameters
    ----------
    t : (n,) float64
        UNIX seconds, ascending.
    columns : sequence of (n,) arrays
        Values sampled at `t`.
    min_stride : float
        Seconds.

    Returns
    -------
    (m,) intp
        Ascending. The sample that stands out most of all is always among them.
    """
    n = len(t)
    if n < 2 or min_stride <= 0 or float(np.diff(t).min()) >= min_stride:
        return np.arange(n)
    score = np.zeros(n)
    for column in columns:
        if is_numeric(column):
            np.maximum(score, _prominence(column), out=score)
    bins = np.floor((t - t[0]) / min_stride)
    starts = np.flatnonzero(np.diff(bins, prepend=-1.0))
    best = _extremes(score, starts, np.diff(starts, append=n))[1]
    return _apart(t, score, best, min_stride)


def _apart(t: Column, score: Column, candidates: Indices, min_stride: float) -> Indices:
    """Drop the less prominent of any two neighbours that are too close."""
    kept: list[int] = []
    times, scores = t.tolist(), score.tolist()
    for i in candidates.tolist():
        while kept and times[i] - times[kept[-1]] < min_stride and scores[i] > scores[kept[-1]]:
            kept.pop()
        if not kept or times[i] - times[kept[-1]] >= min_stride:
            kept.append(i)
    return np.array(kept, dtype=np.intp)


def _prominence(values: Column) -> npt.NDArray[np.float64]:
    """How far each value stands from the middle, in units of the column's own spread."""
    v = values.astype(np.float64)
    finite = np.isfinite(v)
    if not finite.any():
        return np.zeros(len(v))
    middle = float(np.median(v[finite]))
    distance = np.abs(np.where(finite, v, middle) - middle)
    spread = float(distance.max())
    return distance / spread if spread > 0 else distance
