"""What to read for a request: frames, or summaries when the range is long for the points asked.

A range is covered by the coarsest bins that are fine enough, by finer ones at its ends and wherever a
coarse tile is not made yet, and by the samples themselves at the very ends. Bins of all widths then
merge into those that are drawn, whose extremes are therefore exact.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sisock.errors import TooMuchDataError
from sisock.node import Limits
from sisock_g3 import summary
from sisock_g3.database import Database
from sisock_g3.file_content import RECORD
from sisock_g3.index import ranges
from sisock_g3.index.fields import ArchiveField
from sisock_g3.layout import Column, Ticks
from sisock_g3.summary import FINEST_WIDTH, LEVELS, SECOND, Bins

from sisock_g3_reader.cache import Columns, Segment, Ticked, join, segments
from sisock_g3_reader.files import Files

SAMPLE_BYTES = 16
MOST_EXPECTED = 256
_WIDTHS = (FINEST_WIDTH, *(level.width for level in LEVELS))


def drawn_width(limits: Limits, begin: int, end: int) -> int | None:
    """Width of the bins that are drawn (ticks); None if samples are to be read.

    A multiple of the widest summary's width that is not wider than what is asked for.
    """
    least = 0
    if limits.max_points is not None:
        bins = max(1, (limits.max_points - 4) // 2)
        least = -(-(end - begin) // bins)
    if limits.min_stride is not None:
        least = max(least, int(limits.min_stride * SECOND))
    fitting = [width for width in _WIDTHS if width <= least]
    if not fitting:
        return None
    widest = fitting[-1]
    if limits.max_points is None:
        # A stride is thinned afterwards, which needs at least what it would choose from.
        return least // widest * widest
    return -(-least // widest) * widest


@dataclass(frozen=True, slots=True)
class Selection:
    """Reads one field's part of a request.

    Parameters
    ----------
    database : Database
        Inside of a transaction.
    columns : Columns
    files : Files
    field : ArchiveField
    together : sequence of str
        Fields of the same provider that the request wants, too.
    unread : sequence of Path
        Files that may have samples of the range and are not in our tables.
    most_bytes : int
        Beyond so many bytes of samples a range is refused.
    """

    database: Database
    columns: Columns
    files: Files
    field: ArchiveField
    together: Sequence[str]
    unread: Sequence[Path]
    most_bytes: int

    def bounds(self, begin: int, end: int) -> tuple[int, int] | None:
        """Part of ``[begin, end)`` that the field has samples in, roughly; None if it has none."""
        found = [ranges.bounds(self.database, self.field, begin, end)] if self.field.field_id else []
        for path in self.unread:
            records = self._records(path, begin, end)
            if len(records):
                first, last = int(records["t0"].min()), int(records["t1"].max()) + 1
                found.append((max(begin, first), min(end, last)))
        ends = [one for one in found if one is not None]
        return (min(one[0] for one in ends), max(one[1] for one in ends)) if ends else None

    def samples(self, begin: int, end: int) -> Ticked | None:
        """Every sample in ``[begin, end)``, ascending.

        Raises
        ------
        TooMuchDataError
            If there are too many.
        """
        unread = [segment for path in self.unread for segment in self._segments_of(path, begin, end)]
        return self._read([*self._segments(begin, end), *unread], begin, end)

    def indexed(self, begin: int, end: int) -> Ticked | None:
        """Every sample in ``[begin, end)`` that indexed files have, ascending, however many."""
        return self._read(self._segments(begin, end), begin, end)

    def not_indexed(self, begin: int, end: int) -> Iterator[Ticked]:
        """Every sample in ``[begin, end)`` of the files that are not indexed, one file at a time."""
        for path in self.unread:
            found = self._read(self._segments_of(path, begin, end), begin, end)
            if found is not None:
                yield found

    def _read(self, wanted: Sequence[Segment], begin: int, end: int) -> Ticked | None:
        self.columns.expect(wanted[:MOST_EXPECTED], self.field.field)
        pieces = [
            piece
            for segment in wanted
            if (piece := self.columns.read(segment, self.field.field, self.together)) is not None
        ]
        if not pieces:
            return None
        joined = join(pieces)
        ticks, values = joined.ticks, joined.values
        inside = (ticks >= begin) & (ticks < end)
        if not inside.all():
            ticks, values = ticks[inside], values[inside]
        if not bool((ticks[1:] >= ticks[:-1]).all()):
            order = np.argsort(ticks, kind="stable")
            ticks, values = ticks[order], values[order]
        return Ticked(ticks, values)

    def count(self, begin: int, end: int) -> int:
        """How many samples the files have that overlap the range, at most."""
        unread = sum(int(self._records(path, begin, end)["n"].sum()) for path in self.unread)
        return self.count_indexed(begin, end) + unread

    def count_indexed(self, begin: int, end: int) -> int:
        """Those of indexed files."""
        if not self.field.field_id:
            return 0
        return ranges.count(self.database, self.field, begin, end)

    def drawn(self, begin: int, end: int, width: int) -> Ticked | None:
        """The samples that draw ``[begin, end)`` in bins of a width (ticks).

        Each bin's least and greatest sample, and the first and the last of all.
        """
        level = max(i for i, finer in enumerate(_WIDTHS) if finer <= width)
        indexed = self._cover(level, begin, end, width) if self.field.field_id else []
        unread = [
            bins
            for path in self.unread
            for bins in self._summarized(self._segments_of(path, begin, end), begin, end, width)
        ]
        bins = summary.merge(summary.join([*indexed, *unread]))
        if not len(bins):
            return None
        ticks, values = summary.points(bins)
        first, last = bins[0], bins[-1]
        if first["t_first"] < ticks[0]:
            ticks, values = np.r_[first["t_first"], ticks], np.r_[first["first"], values]
        if last["t_last"] > ticks[-1]:
            ticks, values = np.r_[ticks, last["t_last"]], np.r_[values, last["last"]]
        return Ticked(ticks, values)

    def _cover(self, level: int, begin: int, end: int, width: int) -> list[Bins]:
        """Bins of `width` that together hold ``[begin, end)``, read no coarser than at a level."""
        if end <= begin:
            return []
        if level < 0:
            return self._from_samples(begin, end, width)
        finer = _WIDTHS[level]
        first, last = -(-begin // finer) * finer, end // finer * finer
        if last <= first:
            return self._cover(level - 1, begin, end, width)
        inner = self._spans(first, last, width) if level == 0 else self._tiles(level, first, last, width)
        return [
            *self._cover(level - 1, begin, first, width),
            *inner,
            *self._cover(level - 1, last, end, width),
        ]

    def _tiles(self, level: int, begin: int, end: int, width: int) -> list[Bins]:
        tile = LEVELS[level - 1].tile
        found, at = [], begin
        for number, bins in ranges.tiles(self.database, self.field, level, begin // tile, (end - 1) // tile):
            found += self._cover(level - 1, at, min(end, number * tile), width)
            found.append(_inside(bins, _WIDTHS[level], begin, end, width))
            at = max(at, (number + 1) * tile)
        return [*found, *self._cover(level - 1, at, end, width)]

    def _spans(self, begin: int, end: int, width: int) -> list[Bins]:
        found = ranges.finest(self.database, self.field, begin, end)
        if found is None:
            return self._from_samples(begin, end, width)  # indexed without summaries
        return [_inside(bins, FINEST_WIDTH, begin, end, width) for bins in found]

    def _from_samples(self, begin: int, end: int, width: int) -> list[Bins]:
        if end - begin > FINEST_WIDTH and self.count_indexed(begin, end) * SAMPLE_BYTES > self.most_bytes:
            raise TooMuchDataError(f"the range holds more than {self.most_bytes} bytes of samples")
        return self._summarized(self._segments(begin, end), begin, end, width)

    def _summarized(self, wanted: Sequence[Segment], begin: int, end: int, width: int) -> list[Bins]:
        found = self._read(wanted, begin, end)
        if found is None or not len(found.ticks):
            return []
        return [summary.summarize(found.ticks, numbers(found.values)[None, :], width)[0]]

    def _segments(self, begin: int, end: int) -> list[Segment]:
        """Segments of indexed files."""
        if not self.field.provider_id:
            return []
        found: list[Segment] = []
        for file, records in ranges.chunks(self.database, self.field, begin, end):
            mark = self.files.unchanged(file)
            if mark is not None:
                found += segments(file.path, mark, records, begin, end)
        return found

    def _records(self, path: Path, begin: int, end: int) -> npt.NDArray[np.void]:
        """Records that overlap the range, of a file that is not indexed."""
        held = self.files.held(path)
        records = held.records.get(self.field.description) if held else None
        if records is None:
            return np.empty(0, dtype=RECORD)
        found: npt.NDArray[np.void] = records[(records["t1"] >= begin) & (records["t0"] < end)]
        return found

    def _segments_of(self, path: Path, begin: int, end: int) -> list[Segment]:
        """Segments of a file that is not indexed."""
        held = self.files.held(path)
        if held is None or self.field.description not in held.records:
            return []
        return segments(path, held.mark, held.records[self.field.description], begin, end)


def numbers(values: Column) -> npt.NDArray[np.float64]:
    """Values to be drawn; a text among them is a gap (it may turn up in a file that nobody indexed)."""
    if values.dtype.kind == "O":
        return np.full(len(values), np.nan)
    return values.astype(np.float64)


def _inside(bins: Bins, finer: int, begin: int, end: int, width: int) -> Bins:
    """Those bins that lie in ``[begin, end)``, numbered as bins of `width`."""
    starts: Ticks = bins["bin"] * finer
    kept: Bins = bins[(starts >= begin) & (starts < end)]
    kept["bin"] = kept["bin"] * finer // width
    return kept
