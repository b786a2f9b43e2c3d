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
        Seconds. Zero and less drop nothing, not even samples of the same time.

    Returns
    -------
    (m,) intp
        Ascending; at least 95 % of as many as can be had, which is what a walk from each sample to
        the next one far enough away gives.

    Notes
    -----
    A sample that the walk would miss costs one of its samples at most, so one in twenty may be chosen
    for its value: each stretch of twenty strides keeps the sample that stands out most, and the
    whole of them the one that stands out most of all. Of fewer than twenty samples none can be
    given up, and the one that stands out most is kept if that costs none.
    """
    n = len(t)
    if n < 2 or min_stride <= 0 or float(np.diff(t).min()) >= min_stride:
        return np.arange(n)
    after = _after(t, min_stride).tolist()
    walked = _walk(after, 0, n)
    score = np.zeros(n)
    for column in columns:
        if is_numeric(column):
            np.maximum(score, _prominence(column), out=score)
    spare = len(walked) // _WALKED_FOR_ONE
    if spare:
        starts = walked[:: -(-len(walked) // spare)]
        best = _extremes(score, starts, np.diff(starts, append=n))[1]
    else:
        best = np.array([int(score.argmax())])
    chosen = _through(t, after, _apart(t, score, best, min_stride), min_stride)
    return chosen if spare or len(chosen) >= len(walked) else walked


_WALKED_FOR_ONE = 20


def _after(t: Column, min_stride: float) -> Indices:
    """For each sample, the index of the first one at least a stride later; n where there is none."""
    n = len(t)
    after = t.searchsorted(t + min_stride)
    # The sum is rounded and the difference is rounded: it is the difference that was asked for.
    while len(late := np.flatnonzero((after < n) & (t[np.minimum(after, n - 1)] - t < min_stride))):
        after[late] += 1
    while len(soon := np.flatnonzero(t[after - 1] - t >= min_stride)):
        after[soon] -= 1
    return after


def _walk(after: list[int], first: int, end: int) -> Indices:
    """From sample to sample, beginning with `first`, as long as they come before `end`."""
    kept = []
    while first < end:
        kept.append(first)
        first = after[first]
    return np.array(kept, dtype=np.intp)


def _through(t: Column, after: list[int], wanted: Indices, min_stride: float) -> Indices:
    """Walk such that every sample wanted is met, and all others keep their distance to it."""
    pieces, first = [], 0
    for target in wanted.tolist():
        piece = _walk(after, first, target)
        if len(piece) and t[target] - t[piece[-1]] < min_stride:
            piece = piece[:-1]
        pieces += [piece, np.array([target], dtype=np.intp)]
        first = after[target]
    return np.concatenate([*pieces, _walk(after, first, len(t))])


def _apart(t: Column, score: Column, candidates: Indices, min_stride: float) -> Indices:
    """Drop the less prominent of any two neighbours that are too close."""
    kept: list[int] = []
    for i in candidates.tolist():
        while kept and t[i] - t[kept[-1]] < min_stride and score[i] > score[kept[-1]]:
            kept.pop()
        if not kept or t[i] - t[kept[-1]] >= min_stride:
            kept.append(i)
    return np.array(kept, dtype=np.intp)


def _prominence(values: Column) -> npt.NDArray[np.float64]:
    """How far each value stands from the middle, in units of the column's own spread."""
    v = values.astype(np.float64)
    finite = np.isfinite(v)
    if not finite.any():
        return np.zeros(len(v))
    middle = median(v[finite])
    distance = np.abs(np.where(finite, v, middle) - middle)
    spread = float(distance.max())
    return distance / spread if spread > 0 else distance


def median(values: Column) -> float:
    """The middle of some finite numbers; numpy's own loads masked arrays for it, 2.5 MB of code."""
    last = len(values) - 1
    places = (last // 2, last - last // 2)
    parted = np.partition(values, places)
    return float(parted[places[0]] + parted[places[1]]) / 2
