"""Bins as the wire has them, from the summaries of the index, and from samples where these do not tell.

A summary counts as it is if all samples in it are of one bin that is asked for, and of the range: its first
and last sample tell. Where an edge cuts it, or its first, last, least or greatest value is no finite number,
finer summaries are looked at, and at last the samples. So any width and offset is exact, and those that are
multiples of 300 s read hardly a file.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from sisock import node
from sisock.binning import BIN_BYTES, microseconds
from sisock.errors import TooMuchDataError
from sisock.node import Grid
from sisock_g3 import summary
from sisock_g3.decoding import BOOL
from sisock_g3.index import ranges
from sisock_g3.layout import TICKS_PER_SECOND, Ticks
from sisock_g3.summary import DAY, FINEST_WIDTH, LEVELS, SECOND, Bins

from sisock_g3_reader.select import Selection, numbers

FINEST_US = FINEST_WIDTH * 1_000_000 // SECOND
"""Narrower bins than this (microseconds) are not in any summary."""

WIDTHS = (FINEST_WIDTH, *(level.width for level in LEVELS))
_TILES = (DAY, *(level.tile for level in LEVELS))
TILES_AT_ONCE = 128
"""How much of each level is read at once, in its tiles (days, of the finest)."""

MANY = 8
"""Summaries that are no part of our bins are worth a look if there are so many to each: edges cut few."""

MOST_PARTS = 200_000
"""So many summaries are merged before more are read."""

MOST_BYTES = 2**28
NEAR = 21_600 * SECOND
"""Samples of ranges that are nearer to each other are read as one: frames are decoded by the hour."""

Range = tuple[int, int]


@dataclass(slots=True)
class Summing:
    """Bins of one field on their way.

    Parameters
    ----------
    name : str
        As it was asked for.
    selection : Selection
    start, end : float
        UNIX seconds.
    grid : Grid
        Of `FINEST_US` or more.

    Attributes
    ----------
    holes : list of (int, int)
        What only samples tell, ticks, ascending; known once `summarize` was called.
    """

    name: str
    selection: Selection
    start: float
    end: float
    grid: Grid
    holes: list[Range] = field(default_factory=list)
    _parts: list[Bins] = field(default_factory=list)
    _rows: int = 0

    def summarize(self, begin: int, stop: int) -> None:
        """Take what the summaries tell of ``[begin, stop)``, ticks, and files that are not indexed."""
        bounds = self.selection.bounds(begin, stop)
        if bounds is None:
            return
        if self.selection.field.field_id:
            wide = self.grid.width * (SECOND // 1_000_000)
            fitting = [i for i, width in enumerate(WIDTHS) if wide % width == 0 or width * MANY <= wide]
            self._cover(max(fitting, default=0), [bounds])
        for found in self.selection.not_indexed(*bounds):
            self._add(found.ticks, numbers(found.values))

    def read(self, begin: int, stop: int) -> None:
        """Take the samples of the holes that lie in ``[begin, stop)``."""
        inside = [(max(begin, a), min(stop, b)) for a, b in self.holes if a < stop and begin < b]
        if not inside:
            return
        found = self.selection.indexed(inside[0][0], inside[-1][1])
        if found is None:
            return
        edges = np.array(inside, dtype=np.int64).ravel()
        there = edges.searchsorted(found.ticks, side="right") % 2 == 1
        self._add(found.ticks[there], numbers(found.values)[there])

    def result(self) -> node.Bins | None:
        """The bins; None if there is no sample."""
        made = summary.merge(summary.join(self._parts))
        if not len(made):
            return None
        of_bools = self.selection.field.kind == BOOL
        sums: dict[str, Any] = {} if of_bools else {key: made[key].copy() for key in ("sum", "min", "max")}
        return node.Bins(
            self.name,
            (made["bin"] * self.grid.width + self.grid.offset) / 1e6,
            made["count"].astype(np.float64),
            made["first"] > 0.5 if of_bools else made["first"].copy(),
            made["t_first"] / TICKS_PER_SECOND,
            made["last"] > 0.5 if of_bools else made["last"].copy(),
            made["t_last"] / TICKS_PER_SECOND,
            **sums,
        )

    def _numbers(self, ticks: Ticks) -> npt.NDArray[np.int64]:
        """Which bins samples are in: by their time in whole microseconds, as everybody puts them."""
        at = microseconds(ticks / TICKS_PER_SECOND) - self.grid.offset
        made: npt.NDArray[np.int64] = np.floor_divide(at, self.grid.width)
        return made

    def _add(self, ticks: Ticks, values: npt.NDArray[np.float64]) -> None:
        t = ticks / TICKS_PER_SECOND
        kept = (t >= self.start) & (t < self.end) & np.isfinite(values)
        if kept.any():
            ticks = ticks[kept]
            self._take(summary.grouped(ticks, values[kept][None, :], self._numbers(ticks))[0])

    def _take(self, part: Bins) -> None:
        self._parts.append(part)
        self._rows += len(part)
        if self._rows > MOST_PARTS:
            self._parts = [summary.merge(summary.join(self._parts))]
            self._rows = len(self._parts[0])
            if self._rows * BIN_BYTES > MOST_BYTES:
                raise TooMuchDataError(
                    f"bins of {self.grid.width / 1e6:g} s take more than {MOST_BYTES} bytes"
                )

    def _cover(self, level: int, wanted: Sequence[Range]) -> None:
        """Take ranges from the summaries of a level, what these do not tell from finer ones, else note it."""
        if level < 0 or not wanted:
            self.holes += wanted
            return
        left: list[Range] = []
        for some in _together(wanted, _TILES[level]):
            bins, missing = self._summaries(level, some[0][0], some[-1][1])
            starts: Ticks = bins["bin"] * WIDTHS[level]
            begins, ends = np.array(some, dtype=np.int64).T
            nearest = np.minimum(ends.searchsorted(starts, side="right"), len(some) - 1)
            overlaps = (begins[nearest] < starts + WIDTHS[level]) & (starts < ends[nearest])
            bins = bins[overlaps & (bins["count"] > 0)]
            t_first, t_last = bins["t_first"] / TICKS_PER_SECOND, bins["t_last"] / TICKS_PER_SECOND
            bins = bins[(t_last >= self.start) & (t_first < self.end)]
            whole = self._is_whole(bins)
            part = bins[whole].copy()
            part["bin"] = self._numbers(part["t_first"])
            self._take(part)
            cut: Ticks = bins["bin"][~whole] * WIDTHS[level]
            left += [(at, at + WIDTHS[level]) for at in cut.tolist()]
            left += [(max(a, b), min(c, d)) for a, c in missing for b, d in some if max(a, b) < min(c, d)]
        self._cover(level - 1, _merged(left))

    def _is_whole(self, bins: Bins) -> npt.NDArray[np.bool_]:
        """Which summaries are of one of our bins, of the range alone, and have finite numbers to tell."""
        t_first, t_last = bins["t_first"] / TICKS_PER_SECOND, bins["t_last"] / TICKS_PER_SECOND
        whole: npt.NDArray[np.bool_] = self._numbers(bins["t_first"]) == self._numbers(bins["t_last"])
        whole &= (t_first >= self.start) & (t_last < self.end)
        for key in ("first", "last", "min", "max"):
            whole &= np.isfinite(bins[key])
        return whole

    def _summaries(self, level: int, begin: int, end: int) -> tuple[Bins, list[Range]]:
        """Summaries of a level, each number once, and the ranges of which there are none."""
        database, of = self.selection.database, self.selection.field
        if level == 0:
            # A summary whose beginning lies before the range may have samples in it.
            found = ranges.finest(database, of, begin, end)
            return (
                (summary.empty(), [(begin, end)])
                if found is None
                else (summary.merge(summary.join(found)), [])
            )
        tile = _TILES[level]
        tiles = ranges.tiles(database, of, level, begin // tile, (end - 1) // tile)
        missing, at = [], begin
        for number, _ in tiles:
            if at < number * tile:
                missing.append((at, number * tile))
            at = max(at, (number + 1) * tile)
        if at < end:
            missing.append((at, end))
        return summary.join([bins for _, bins in tiles]), missing


def windows(several: Sequence[Summing], most_samples: int) -> tuple[list[Range], int]:
    """Ranges to be read at once that have the holes of fields of one provider, and how many samples that is.

    Parameters
    ----------
    several : sequence of Summing
    most_samples : int
        About so many samples a range has at most, of all the fields.
    """
    made: list[Range] = []
    total = 0
    for begin, end in _merged([hole for one in several for hole in one.holes], NEAR):
        samples = max(one.selection.count_indexed(begin, end) for one in several) * len(several)
        length = max(FINEST_WIDTH, -(-(end - begin) // max(1, -(-samples // most_samples))))
        made += [(at, min(end, at + length)) for at in range(begin, end, length)]
        total += samples
    return made, total


def _merged(ranges_: Sequence[Range], gap: int = 0) -> list[Range]:
    """Ranges in order, those that touch (or are nearer than a gap) as one."""
    made: list[Range] = []
    for begin, end in sorted(ranges_):
        if made and begin <= made[-1][1] + gap:
            made[-1] = made[-1][0], max(made[-1][1], end)
        else:
            made.append((begin, end))
    return made


def _together(wanted: Sequence[Range], tile: int) -> Iterator[list[Range]]:
    """Ranges that are near each other, to be read at once; long ones in pieces that begin where tiles do."""
    window = tile * TILES_AT_ONCE
    some: list[Range] = []
    for begin, end in wanted:
        at = begin
        while at < end:
            until = min(end, (at // window + 1) * window)
            if some and (at // window != some[0][0] // window or at > some[-1][1] + tile):
                yield some
                some = []
            some.append((at, until))
            at = until
    if some:
        yield some
