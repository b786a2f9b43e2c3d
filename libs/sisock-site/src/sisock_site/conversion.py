"""From what a sensor says to what it means: a scale and an offset, or a calibration table."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from sisock.bounds import Bounds
from sisock.node import Bins, Column


@dataclass(frozen=True, slots=True)
class Conversion:
    """How values are converted.

    Parameters
    ----------
    scale, offset : float
        ``value * scale + offset``; not used where there is a table.
    table : tuple of pairs
        Raw values, ascending, and what they mean; straight lines between them. Outside of the table
        there is no value.
    """

    scale: float = 1.0
    offset: float = 0.0
    table: tuple[tuple[float, float], ...] = ()

    @property
    def falling(self) -> bool | None:
        """Whether a greater raw value means a smaller one; None if that depends on the value."""
        steps = np.diff([value for _, value in self.table]) if self.table else np.array([self.scale])
        return True if (steps < 0).all() else False if (steps > 0).all() else None

    def apply(self, values: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Convert values: (n,) numbers to (n,) float64."""
        raw = np.asarray(values, dtype=np.float64)
        if not self.table:
            return raw * self.scale + self.offset
        x, y = zip(*self.table, strict=True)
        converted: npt.NDArray[np.float64] = np.interp(raw, x, y, left=np.nan, right=np.nan)
        return converted

    def shown(self, values: Column) -> Column:
        """A column of a node's as people see it: numbers are converted, anything else is left as it is.

        Parameters
        ----------
        values : (n,) numbers, bools or objects
        """
        if values.dtype.kind == "O" and all(
            value is None or (isinstance(value, int | float) and not isinstance(value, bool))
            for value in values
        ):
            # Numbers among which some are missing, as nodes of the predecessor's send them.
            values = values.astype(np.float64)
        return self.apply(values) if values.dtype.kind in "fiu" else values

    def of_bins(self, bins: Bins) -> Bins | None:
        """Sums of raw values as sums of converted ones; None with a table: they do not follow from them.

        Parameters
        ----------
        bins : Bins
        """
        if self.table:
            return None
        made = replace(bins, first=self.shown(bins.first), last=self.shown(bins.last))
        if bins.sum is None or bins.min is None or bins.max is None:
            return made
        sides = [self.apply(bins.min), self.apply(bins.max)]
        return replace(
            made,
            sum=bins.sum * self.scale + self.offset * bins.count,
            min=sides[self.scale < 0],
            max=sides[self.scale > 0],
        )

    def of_bounds(self, bounds: Bounds) -> Bounds | None:
        """Limits of raw values as limits of converted ones; None with a table, which has no one width."""
        if self.table:
            return None
        low_high = [(bounds.warning_low, bounds.warning_high), (bounds.alarm_low, bounds.alarm_high)]
        warning, alarm = (self._sides(sides) for sides in low_high)
        return replace(
            bounds,
            warning_low=warning[0],
            warning_high=warning[1],
            alarm_low=alarm[0],
            alarm_high=alarm[1],
            hysteresis=bounds.hysteresis * abs(self.scale),
        )

    def _sides(self, sides: Sequence[float | None]) -> list[float | None]:
        converted = [None if side is None else side * self.scale + self.offset for side in sides]
        return converted if self.scale > 0 else converted[::-1]
