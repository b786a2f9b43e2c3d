"""A long series that is read piece by piece, and of which only a picture is wanted.

Of each piece those samples are kept that the reduction of the whole to the caller's limits could
choose (`sisock.decimate`), so that years of samples pass through memory a file at a time, and the
points that are sent at last are the same.
"""

from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from sisock.decimate import bin_edges
from sisock.errors import TooMuchDataError
from sisock.node import Limits

Column = npt.NDArray[np.float64]
TimesAndValues = tuple[Column, Column]

MOST_EDGES = 1_000_000
"""With more intervals than this hardly any two samples share one, and nothing would be saved."""


def intervals(first: float, last: float, limits: Limits) -> Column | None:
    """Edges of the intervals that each must keep their extremes.

    Parameters
    ----------
    first, last : float
        Times of the first and the last sample (UNIX seconds).
    limits : Limits
        What the caller asked for; of two limits the coarser counts.

    Returns
    -------
    (n,) float64 or None
        Ascending, from `first` to `last`; None if every sample is needed.
    """
    bins = np.inf if limits.max_points is None else max(1, (limits.max_points - 2) // 2)
    stride = limits.min_stride or 0.0
    if stride * bins > last - first:
        strides = np.ceil((last - first) / stride)
        if strides > MOST_EDGES:
            return None
        return np.minimum(first + stride * np.arange(strides + 1), last)
    if limits.max_points is None or bins > MOST_EDGES:
        return None
    return bin_edges(first, last, limits.max_points)


def outline(samples: TimesAndValues, edges: Column) -> TimesAndValues:
    """Keep the extremes that a piece of a series has in each interval.

    Parameters
    ----------
    samples : (t, values)
        Both (n,) float64, without NaN, `t` ascending.
    edges : (m,) float64
        From `intervals`.

    Returns
    -------
    t, values
        For each interval the first least and the first greatest sample, and the series' own ends.
        A piece that would hardly become shorter is given back as it is.
    """
    t, values = samples
    if len(t) < 2:
        return samples
    inside = edges[edges.searchsorted(t[0], side="right") : edges.searchsorted(t[-1], side="right")]
    if len(t) <= 4 * (len(inside) + 1):
        return samples
    kept = np.zeros(len(t), dtype=bool)
    kept[0], kept[-1] = t[0] <= edges[0], t[-1] >= edges[-1]
    cuts = [0, *t.searchsorted(inside).tolist(), len(t)]
    for begin, end in pairwise(cuts):
        if end > begin:
            part = values[begin:end]
            kept[[begin + part.argmin(), begin + part.argmax()]] = True
    return t[kept], values[kept]


def gather(pieces: Iterable[TimesAndValues], edges: Column | None, most_bytes: int) -> TimesAndValues:
    """Put the pieces of a series together, each only its outline if there are `edges`.

    Raises
    ------
    TooMuchDataError
        As soon as more than `most_bytes` would have to be kept.
    """
    kept = []
    room = most_bytes
    for piece in pieces:
        samples = piece if edges is None else outline(piece, edges)
        room -= samples[0].nbytes + samples[1].nbytes
        if room < 0:
            raise TooMuchDataError(f"the range holds more than {most_bytes} bytes of samples")
        kept.append(samples)
    if not kept:
        return np.empty(0), np.empty(0)
    if len(kept) == 1:
        return kept[0]
    return np.concatenate([t for t, _ in kept]), np.concatenate([values for _, values in kept])
