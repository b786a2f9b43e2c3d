"""Summaries of samples: least, greatest, first, last, sum and number in bins of time.

Bins are aligned to the epoch, and the width of each level divides that of the next, so that bins
merge into coarser ones without loss. Times are ticks of 10 ns throughout. Where summaries are kept
is not known here.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sisock_g3.layout import Column, Ticks

SECOND = 100_000_000
DAY = 86_400 * SECOND

BIN = np.dtype(
    [
        ("bin", "<i8"),
        ("count", "<u4"),
        ("t_first", "<i8"),
        ("first", "<f8"),
        ("t_last", "<i8"),
        ("last", "<f8"),
        ("t_min", "<i8"),
        ("min", "<f8"),
        ("t_max", "<i8"),
        ("max", "<f8"),
        ("sum", "<f8"),
    ]
)
"""One bin: its number (time over width), how many samples are finite, their sum, and what all samples are.

Least and greatest are those of all samples but NaN, infinite ones too: an extreme is never hidden.
"""

MOST = float(np.finfo(np.float64).max)
"""A sum that no float holds stands as the greatest (or least) one: it stays finite, and of the right sign."""

Bins = npt.NDArray[np.void]


@dataclass(frozen=True, slots=True)
class Level:
    """A resolution: width of its bins, and of the tiles that they are stored in (ticks)."""

    number: int
    width: int
    tile: int

    def tiles(self, bins: Bins, width: int) -> list[int]:
        """Numbers of the tiles that bins of another width fall into."""
        return [int(n) for n in np.unique(bins["bin"] * width // self.tile)]


FINEST_WIDTH = 300 * SECOND
"""Width of the bins kept with each file; OCS writes a frame each five minutes."""

LEVELS = (
    Level(1, 1_200 * SECOND, DAY),
    Level(2, 10_800 * SECOND, 32 * DAY),
    Level(3, 86_400 * SECOND, 128 * DAY),
)


def empty() -> Bins:
    """No bins."""
    return np.empty(0, dtype=BIN)


def summarize(ticks: Ticks, values: npt.NDArray[np.float64], width: int) -> Bins:
    """Summarize columns that share their times.

    Parameters
    ----------
    ticks : (n,) int64
        Ascending.
    values : (f, n) float64
        NaN where there is no value.
    width : int
        Of the bins, in ticks.

    Returns
    -------
    (f, b) `BIN`
        Only bins that hold samples.
    """
    return grouped(ticks, values, ticks // width)


def grouped(ticks: Ticks, values: npt.NDArray[np.float64], numbers: npt.NDArray[np.int64]) -> Bins:
    """Summarize columns in bins whose numbers are given, as `summarize` does.

    Parameters
    ----------
    ticks : (n,) int64
        Ascending.
    values : (f, n) float64
    numbers : (n,) int64
        Of each sample's bin, ascending.
    """
    n = len(ticks)
    starts = np.flatnonzero(np.diff(numbers, prepend=numbers[0] - 1 if n else 0))
    bins: Bins = np.zeros((len(values), len(starts)), dtype=BIN)
    if not n or not len(values):
        return bins
    ends = np.append(starts[1:], n)
    counts = ends - starts
    bins["bin"] = numbers[starts]
    bins["t_first"], bins["first"] = ticks[starts], values[:, starts]
    bins["t_last"], bins["last"] = ticks[ends - 1], values[:, ends - 1]
    finite = np.isfinite(values)
    if finite.all():
        bins["count"] = counts
        bins["sum"] = _sums(values, starts)
    else:
        bins["count"] = np.add.reduceat(finite, starts, axis=1, dtype=np.uint32)
        bins["sum"] = _sums(np.where(finite, values, 0.0), starts)
    for name, reduce in (("min", np.fmin), ("max", np.fmax)):
        extreme = reduce.reduceat(values, starts, axis=1)
        same = values == np.repeat(extreme, counts, axis=1)
        same[:, starts] |= np.isnan(extreme)
        at = np.minimum.reduceat(np.where(same, np.arange(n), n), starts, axis=1)
        bins[name], bins[f"t_{name}"] = np.take_along_axis(values, at, axis=1), ticks[at]
    return bins


def merge(bins: Bins, factor: int = 1) -> Bins:
    """Merge the bins of one field into bins `factor` times as wide.

    Parameters
    ----------
    bins : (m,) `BIN`
        In any order; several may have the same number.

    Returns
    -------
    (b,) `BIN`
        Ascending, each number once.
    """
    if not len(bins):
        return bins
    numbers, first = bins["bin"] // factor, bins["t_first"]
    if not bool(((numbers[1:] >= numbers[:-1]) & (first[1:] >= first[:-1])).all()):
        order = np.lexsort((first, numbers))
        bins, numbers = bins[order], numbers[order]
    starts = np.flatnonzero(np.diff(numbers, prepend=numbers[0] - 1))
    counts = np.diff(starts, append=len(bins))
    merged: Bins = bins[starts].copy()
    merged["bin"] = numbers[starts]
    if len(starts) == len(bins):
        return merged
    merged["count"] = np.add.reduceat(bins["count"], starts)
    merged["sum"] = _sums(np.nan_to_num(bins["sum"]), starts)
    last = _where(bins["t_last"], np.maximum.reduceat(bins["t_last"], starts), starts, counts, last=True)
    merged["t_last"], merged["last"] = bins["t_last"][last], bins["last"][last]
    for name, reduce in (("min", np.fmin), ("max", np.fmax)):
        at = _where(bins[name], reduce.reduceat(bins[name], starts), starts, counts)
        merged[name], merged[f"t_{name}"] = bins[name][at], bins[f"t_{name}"][at]
    return merged


def _sums(values: npt.NDArray[np.float64], starts: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
    """Sums of groups of finite values, finite themselves."""
    with np.errstate(over="ignore"):
        sums: npt.NDArray[np.float64] = np.add.reduceat(values, starts, axis=-1)
    return np.clip(sums, -MOST, MOST)


def _where(
    values: Column, wanted: Column, starts: npt.NDArray[np.intp], counts: Any, *, last: bool = False
) -> npt.NDArray[np.intp]:
    """Index of the first (or last) of each group's values that is the one wanted."""
    same = values == np.repeat(wanted, counts)
    if values.dtype.kind == "f":
        same[starts] |= np.isnan(wanted)
    hits = np.flatnonzero(same)
    if last:
        chosen: npt.NDArray[np.intp] = hits[hits.searchsorted(starts + counts) - 1]
    else:
        chosen = hits[hits.searchsorted(starts)]
    return chosen


def join(parts: list[Bins]) -> Bins:
    """Put the bins of one field together, as they are."""
    # As bytes: numpy compares what structured columns are made of, for each part.
    return np.frombuffer(bytearray().join(part.tobytes() for part in parts), dtype=BIN)


def points(bins: Bins) -> tuple[Ticks, npt.NDArray[np.float64]]:
    """The samples that draw the bins: least and greatest of each, in the order of their times.

    Returns
    -------
    ticks : (p,) int64
    values : (p,) float64
        ``p <= 2 * len(bins)``; a bin of NaN alone gives one NaN, so that a gap stays a gap.
    """
    ticks = np.column_stack([bins["t_min"], bins["t_max"]])
    values = np.column_stack([bins["min"], bins["max"]])
    swapped = ticks[:, 0] > ticks[:, 1]
    ticks[swapped] = ticks[swapped][:, ::-1]
    values[swapped] = values[swapped][:, ::-1]
    kept = np.column_stack([np.ones(len(bins), dtype=bool), ticks[:, 0] != ticks[:, 1]])
    return ticks[kept], values[kept]
