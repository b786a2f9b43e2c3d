"""Even bins of samples: count, sum, least, greatest, first and last of each, computed from columns.

Columns are taken in pieces, in order of time, so that a range of any length takes the memory of one
piece and of its bins (`compute`). What goes over the wire is columns again (`tables`, CONTRACT
section 7.10); the way back is `sisock_consumer.bins`.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from sisock import wire
from sisock.errors import ContractError, TooMuchDataError
from sisock.node import Bins, Column, Grid, Limits, Series, Times
from sisock.times import FARTHEST_S

STATISTICS = ("count", "sum", "min", "max", "first", "first_t", "last", "last_t")
"""Columns of a field's bins, named ``<field>/<statistic>`` (CONTRACT section 7.10)."""

WIDEST_US = 2**62
BIN_BYTES = 8 * (1 + len(STATISTICS))

PIECE_VALUES = 2_000_000
"""About how many values are read at once."""

LEAST_WINDOW_S = 1.0
EMPTY_WIDER = 8
"""By how much a window may grow while there are no samples that tell how many there are in it."""

Reader = Callable[[Sequence[str], float, float], Iterable[Series]]


def microseconds(t: Times) -> npt.NDArray[np.int64]:
    """UNIX seconds as the whole microseconds that a float64 of them holds."""
    return np.rint(t * 1e6).astype(np.int64)


def grid(width: object, offset: object = 0.0) -> Grid:
    """Read a grid as it comes over the wire.

    Parameters
    ----------
    width, offset : float
        Seconds.

    Raises
    ------
    ContractError
        If they are no numbers, or the width is no number of whole microseconds, one or more.
    """
    for label, value in (("width", width), ("offset", offset)):
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= FARTHEST_S * 4:
            raise ContractError(f"bins with {label}={value!r}: not a number of seconds")
    wide = round(float(width) * 1e6)  # type: ignore[arg-type]
    if not 1 <= wide <= WIDEST_US:
        raise ContractError(f"bins with width={width!r}: not a microsecond or more")
    return Grid(wide, round(float(offset) * 1e6))  # type: ignore[arg-type]


class Accumulator:
    """Bins of one field, from columns that are handed over in order of time."""

    def __init__(self, name: str, grid: Grid) -> None:
        self._name = name
        self._grid = grid
        self._pieces: list[dict[str, Column]] = []
        self._until: float | None = None
        self.rows = 0

    def add(self, t: Times, values: Column, finalized_until: float | None = None) -> None:
        """Take samples, none of them before those that were taken already.

        Parameters
        ----------
        t : (n,) float64
            UNIX seconds, ascending.
        values : (n,) array
            Numbers, bools or objects; what is missing is passed over.
        finalized_until : float, optional
            As in `sisock.Series`.
        """
        if finalized_until is not None:
            self._until = finalized_until if self._until is None else min(self._until, finalized_until)
        t, values = _present(t, values)
        if not len(t):
            return
        at = microseconds(t) - self._grid.offset
        bins = np.floor_divide(at, self._grid.width)
        starts = np.flatnonzero(np.diff(bins, prepend=bins[0] - 1))
        ends = np.append(starts[1:], len(t))
        piece: dict[str, Column] = {
            "bin": bins[starts],
            "count": (ends - starts).astype(np.float64),
            "first": values[starts],
            "first_t": t[starts],
            "last": values[ends - 1],
            "last_t": t[ends - 1],
        }
        if values.dtype.kind == "f":
            piece |= {
                "sum": np.add.reduceat(values, starts),
                "min": np.minimum.reduceat(values, starts),
                "max": np.maximum.reduceat(values, starts),
            }
        self._pieces.append(piece)
        self.rows += len(starts)

    def result(self) -> Bins | None:
        """The bins; None if there was no sample."""
        if not self._pieces:
            return None
        numeric = all("sum" in piece for piece in self._pieces)

        def joined(key: str) -> Column:
            columns = [piece[key] for piece in self._pieces]
            if len({column.dtype.kind for column in columns}) > 1:
                columns = [column.astype(object) for column in columns]
            return np.concatenate(columns) if len(columns) > 1 else columns[0]

        bins = joined("bin")
        # Two pieces may share a bin.
        starts = np.flatnonzero(np.diff(bins, prepend=bins[0] - 1))
        ends = np.append(starts[1:], len(bins)) - 1
        sums = {}
        if numeric:
            sums = {
                "sum": np.add.reduceat(joined("sum"), starts),
                "min": np.minimum.reduceat(joined("min"), starts),
                "max": np.maximum.reduceat(joined("max"), starts),
            }
        return Bins(
            self._name,
            (bins[starts] * self._grid.width + self._grid.offset) / 1e6,
            np.add.reduceat(joined("count"), starts),
            joined("first")[starts],
            joined("first_t")[starts],
            joined("last")[ends],
            joined("last_t")[ends],
            finalized_until=self._until,
            **sums,
        )


def _present(t: Times, values: Column) -> tuple[Times, Column]:
    """Samples that have a value: numbers as finite float64, others as they are."""
    if values.dtype.kind == "O":
        kinds = {type(value) for value in values}
        if kinds <= {int, float, type(None)}:
            values = np.array([math.nan if v is None else float(v) for v in values])
        else:
            there = np.array([v is not None and v == v for v in values], dtype=bool)  # noqa: PLR0124 (NaN)
            return (t, values) if there.all() else (t[there], values[there])
    if values.dtype.kind in "iu":
        values = values.astype(np.float64)
    if values.dtype.kind == "f":
        values = values.astype(np.float64, copy=False)
        finite = np.isfinite(values)
        return (t, values) if finite.all() else (t[finite], values[finite])
    return t, values


def compute(
    read: Reader,
    names: Sequence[str],
    start: float,
    end: float,
    grid: Grid,
    *,
    intervals: Mapping[str, float] | None = None,
    most_bytes: int = 2**28,
) -> list[Bins]:
    """Compute bins from samples, read in windows of bounded size.

    Parameters
    ----------
    read : callable
        Given names, start and end it reads samples, as `sisock.DataNode.read` does.
    names : sequence of str
    start, end : float
        UNIX seconds, half open.
    grid : Grid
    intervals : mapping, optional
        Mean seconds between samples of each field, as far as known: how long the first window is.
    most_bytes : int
        Most that the bins themselves may take.

    Returns
    -------
    list of Bins
        One for each field that has samples.

    Raises
    ------
    TooMuchDataError
        If there are more bins than that, or a single second is too much to read.
    """
    found = {name: Accumulator(name, grid) for name in names}
    known = intervals or {}
    rate = sum(1.0 / max(1e-6, known.get(name) or 1.0) for name in names) or 1.0
    first = window = max(LEAST_WINDOW_S, PIECE_VALUES / rate)
    while start < end:
        until = min(start + window, end)
        try:
            read_now = read(names, start, until)
            pieces = wire.tabulate(read_now, names, start, until, Limits(), own_times=True)
        except TooMuchDataError:
            if until - start <= LEAST_WINDOW_S:
                raise
            window = max(LEAST_WINDOW_S, (until - start) / 8)
            continue
        size = 0
        for table in pieces:
            for name, values in table.columns.items():
                found[name].add(table.t, values, table.finalized_until)
                size += len(table.t)
        if sum(one.rows for one in found.values()) * BIN_BYTES > most_bytes:
            raise TooMuchDataError(f"bins of {grid.width / 1e6:g} s take more than {most_bytes} bytes")
        start = until
        if size > PIECE_VALUES:
            window = max(LEAST_WINDOW_S, window / 2)
        elif size < PIECE_VALUES // 8:
            window = window * 2 if size else min(window * 2, EMPTY_WIDER * first)
    return [bins for one in found.values() if (bins := one.result()) is not None]


def checked(
    made: Iterable[Bins], names: Sequence[str], start: float, end: float, grid: Grid
) -> Iterator[Bins]:
    """What an author made, if it is what the contract says.

    Raises
    ------
    ContractError
        If a column has another length, a bin is not on the grid, in the range, or has no sample.
    """
    seen: set[str] = set()
    for one in made:
        if not isinstance(one, Bins):
            raise ContractError(f"bins() gave {type(one).__name__}, which is not sisock.Bins")
        if one.name not in names or one.name in seen:
            raise ContractError(
                f"bins() gave the field {one.name!r} twice"
                if one.name in seen
                else f"bins() gave the field {one.name!r}, which was not asked for"
            )
        seen.add(one.name)
        _check(one, start, end, grid)
        yield one


def _check(one: Bins, start: float, end: float, grid: Grid) -> None:
    columns = [column for key in STATISTICS if (column := getattr(one, key)) is not None]
    if any(np.shape(column) != np.shape(one.t) for column in columns) or np.ndim(one.t) != 1:
        raise ContractError(f"bins of {one.name!r} have columns of different lengths")
    if not len(one.t):
        return
    at = microseconds(np.asarray(one.t, dtype=np.float64)) - grid.offset
    if (at % grid.width).any() or not (np.diff(at) > 0).all():
        raise ContractError(f"bins of {one.name!r} are not on the grid, in order and each once")
    if not (np.asarray(one.count) >= 1).all():
        raise ContractError(f"bins of {one.name!r} have bins without a sample")
    if min(one.first_t[0], one.last_t[0]) < start or max(one.first_t[-1], one.last_t[-1]) >= end:
        raise ContractError(f"bins of {one.name!r} have samples outside of the range")


def tables(made: Iterable[Bins]) -> list[wire.Table]:
    """Bins as what is sent: a timeline for each field, with a column for each statistic."""
    return [
        wire.Table(
            f"{one.name}/bins",
            one.t,
            {f"{one.name}/{key}": value for key in STATISTICS if (value := getattr(one, key)) is not None},
            one.finalized_until,
        )
        for one in made
        if len(one.t)
    ]
