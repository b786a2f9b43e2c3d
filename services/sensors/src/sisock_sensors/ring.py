"""Bounded columns for live nodes: preallocated, one time column for all fields sampled together."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt


class Ring:
    """The last `capacity` rows of samples that arrive together.

    Not thread safe by itself: the owner appends and reads under one lock, or in one thread.

    Parameters
    ----------
    capacity : int
        Most rows kept; the oldest are overwritten.
    """

    def __init__(self, capacity: int) -> None:
        if capacity < 1:
            raise ValueError(f"capacity={capacity} is not a positive number of rows")
        self.capacity = capacity
        self._t = np.empty(capacity)
        self._columns: dict[str, npt.NDArray[np.float64]] = {}
        self._count = 0

    def __len__(self) -> int:
        return min(self._count, self.capacity)

    @property
    def names(self) -> tuple[str, ...]:
        """The fields that have a column."""
        return tuple(self._columns)

    def append(self, t: float, row: Mapping[str, float]) -> None:
        """Add one row; a field that is not in it has no value (NaN) at `t`."""
        at = self._count % self.capacity
        self._t[at] = t
        for name in row:
            if name not in self._columns:
                self._columns[name] = np.full(self.capacity, np.nan)
        for name, column in self._columns.items():
            column[at] = row.get(name, np.nan)
        self._count += 1

    def drop(self, name: str) -> None:
        """Forget a field and its column."""
        del self._columns[name]

    def times(self) -> npt.NDArray[np.float64]:
        """Times of the rows, oldest first: (n,) float64, a copy."""
        return self._ordered(self._t)

    def column(self, name: str) -> npt.NDArray[np.float64]:
        """Values of a field, oldest first: (n,) float64, NaN where it had none, a copy."""
        return self._ordered(self._columns[name])

    def _ordered(self, column: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        if self._count <= self.capacity:
            return column[: self._count].copy()
        at = self._count % self.capacity
        return np.concatenate((column[at:], column[:at]))
