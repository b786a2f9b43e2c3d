"""The last while of every block, in memory: numpy columns in pieces, one time column a block.

A `Timeline` is a list of pieces of a fixed number of rows. Rows are only ever added behind the
last one, and whatever has to change rows that are there makes a new piece; so a reader that was
handed pieces may go on reading them without a lock, and old rows leave piece by piece.
"""

import itertools
from bisect import bisect_right
from collections.abc import Iterable, Iterator

import numpy as np

from sisock_data_feed.feed import DTYPES, Block, Channel, Column, Times, empty, present

ROWS = 1024
"""Rows of a piece: 8 kB a channel."""


class Piece:
    """Up to `ROWS` rows, in columns that are preallocated.

    Parameters
    ----------
    received : float
        UNIX seconds at which the newest of its rows came.
    """

    __slots__ = ("columns", "count", "received", "t")

    def __init__(self, received: float) -> None:
        self.t: Times = np.empty(ROWS)
        self.columns: dict[Channel, Column] = {}
        self.count = 0
        self.received = received

    def extend(self, t: Times, columns: dict[Channel, Column], received: float) -> int:
        """Append as many rows as fit; how many that were."""
        first = self.count
        n = min(len(t), ROWS - first)
        for channel, values in columns.items():
            column = self.columns.get(channel)
            if column is None:
                # A new dictionary, as a reader may be walking through the old one.
                column = empty(channel[1], ROWS)
                self.columns = {**self.columns, channel: column}
            column[first : first + n] = values[:n]
        self.t[first : first + n] = t[:n]
        self.received = received
        self.count = first + n
        return n

    @property
    def last(self) -> float:
        """Time of the last row."""
        return float(self.t[self.count - 1])

    def rows(self) -> tuple[Times, dict[Channel, Column]]:
        """Views of the rows that are there."""
        return self.t[: self.count], {channel: c[: self.count] for channel, c in self.columns.items()}


class Timeline:
    """One block of one feed over time. Not thread safe: see `Snapshot` for readers.

    Attributes
    ----------
    seen : dict
        For each channel its order of appearance among all, and the newest time at which it came.
    complete_since : float or None
        UNIX time; no row that was published with a later stamp is missing. None if that cannot be told.
    """

    def __init__(self) -> None:
        self.pieces: list[Piece] = []
        self.seen: dict[Channel, tuple[int, float]] = {}
        self.complete_since: float | None = None

    def add(self, block: Block, received: float, order: Iterator[int]) -> bool:
        """Add a block's rows; a time that is there already has its values replaced.

        Returns
        -------
        bool
            Whether a channel came that was not there before.
        """
        newest = float(block.t[-1])
        more = False
        for channel in block.columns:
            known = self.seen.get(channel)
            if known is None:
                more = True
                self.seen[channel] = (next(order), newest)
            elif known[1] < newest:
                self.seen[channel] = (known[0], newest)
        if not self.pieces or block.t[0] > self.newest:
            self._append(self.pieces, block.t, block.columns, received)
        else:
            self._insert(block, received)
        return more

    @staticmethod
    def _append(pieces: list[Piece], t: Times, columns: dict[Channel, Column], received: float) -> None:
        done = 0
        while done < len(t):
            if not pieces or pieces[-1].count == ROWS:
                pieces.append(Piece(received))
            rest = {channel: values[done:] for channel, values in columns.items()} if done else columns
            done += pieces[-1].extend(t[done:], rest, received)

    def _insert(self, block: Block, received: float) -> None:
        """Rebuild the pieces whose time span the block's rows fall into."""
        starts = np.array([piece.t[0] for piece in self.pieces[1:]])
        owner = starts.searchsorted(block.t, side="right")
        rebuilt: list[Piece] = []
        for i, piece in enumerate(self.pieces):
            rows = np.flatnonzero(owner == i)
            if not len(rows):
                rebuilt.append(piece)
                continue
            t, columns = _merged(
                *piece.rows(),
                block.t[rows],
                {channel: values[rows] for channel, values in block.columns.items()},
            )
            rebuilt.extend(self._split(t, columns, received))
        self.pieces = rebuilt

    def _split(self, t: Times, columns: dict[Channel, Column], received: float) -> Iterator[Piece]:
        """Pieces of about equal length, so that a late row never leaves a piece for itself alone."""
        edges = np.linspace(0, len(t), -(-len(t) // ROWS) + 1).astype(int).tolist()
        for a, b in itertools.pairwise(edges):
            piece = Piece(received)
            piece.extend(t[a:b], {channel: values[a:b] for channel, values in columns.items()}, received)
            yield piece

    @property
    def newest(self) -> float:
        """The newest time of all."""
        return self.pieces[-1].last

    def evict(self, stamped_before: float, received_before: float) -> bool:
        """Drop pieces, and channels, whose newest time, or its reception, lies too far back.

        Returns
        -------
        bool
            Whether a channel went.
        """
        kept = [p for p in self.pieces if p.last >= stamped_before and p.received >= received_before]
        if len(kept) < len(self.pieces):
            gone = max(p.last for p in self.pieces if p not in kept)
            if self.complete_since is not None and gone >= stamped_before:
                # An agent's clock is ahead: rows went that are not as old as they would have to be.
                self.complete_since = max(self.complete_since, gone)
            self.pieces = kept
        if any(newest < stamped_before for _, newest in self.seen.values()):
            self.seen = {channel: known for channel, known in self.seen.items() if known[1] >= stamped_before}
            return True
        return not self.pieces


def _merged(
    t: Times, columns: dict[Channel, Column], new_t: Times, new_columns: dict[Channel, Column]
) -> tuple[Times, dict[Channel, Column]]:
    """Join rows with new ones, each time once; of equal times the new values count."""
    union = np.union1d(t, new_t)
    old_rows, new_rows = union.searchsorted(t), union.searchsorted(new_t)
    merged: dict[Channel, Column] = {}
    for channel in {**columns, **new_columns}:
        column = empty(channel[1], len(union))
        if channel in columns:
            column[old_rows] = columns[channel]
        if channel in new_columns:
            values = new_columns[channel]
            there = present(values)
            column[new_rows[there]] = values[there]
        merged[channel] = column
    return union, merged


class Snapshot:
    """The rows of a timeline as they were at one moment; safe to read in any thread.

    Made while nobody adds to the timeline; from then on it needs no lock.
    """

    def __init__(self, pieces: Iterable[Piece]) -> None:
        self._pieces = [(piece, piece.count, piece.columns) for piece in pieces]
        self._times: tuple[float, float, Times] | None = None

    def _ranges(self, start: float, end: float) -> Iterator[tuple[Piece, dict[Channel, Column], slice]]:
        first = bisect_right(self._pieces, start, key=lambda p: float(p[0].t[p[1] - 1]))
        first = max(0, first - 1)
        for piece, count, columns in itertools.islice(self._pieces, first, None):
            if piece.t[0] >= end:
                return
            a, b = piece.t[:count].searchsorted([start, end])
            if b > a:
                yield piece, columns, slice(a, b)

    def times(self, start: float, end: float) -> Times:
        """Times in ``[start, end)``: (n,) float64, UNIX seconds, strictly ascending."""
        if self._times is None or self._times[:2] != (start, end):
            self._times = (
                start,
                end,
                _joined([p.t[rows] for p, _, rows in self._ranges(start, end)], np.float64),
            )
        return self._times[2]

    def column(self, channel: Channel, start: float, end: float) -> Column:
        """Values of a channel at `times`, of the dtype in `DTYPES`."""
        kind = channel[1]
        found = [
            columns[channel][rows] if channel in columns else empty(kind, rows.stop - rows.start)
            for _, columns, rows in self._ranges(start, end)
        ]
        return _joined(found, DTYPES[kind])

    def span(self, start: float, end: float) -> tuple[int, float, float]:
        """How many samples lie in ``[start, end)``, and the first and the last time of them."""
        ranges = list(self._ranges(start, end))
        if not ranges:
            return 0, 0.0, 0.0
        (head, _, first), (tail, _, last) = ranges[0], ranges[-1]
        count = sum(rows.stop - rows.start for _, _, rows in ranges)
        return count, float(head.t[first.start]), float(tail.t[last.stop - 1])


def _joined(found: list[Column], dtype: object) -> Column:
    if len(found) == 1:
        return found[0]
    return np.concatenate(found) if found else np.empty(0, dtype=dtype)  # type: ignore[call-overload]
