"""Samples summed up in even bins: how people say which, and what is shown of them."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sisock.binning import Accumulator
from sisock.node import Bins, Grid, Series
from sisock_consumer import moments
from sisock_consumer.target import Target

from sisock_client.curves import Column
from sisock_client.errors import ClientError
from sisock_client.vocabulary import STATISTICS

_OF_ANY_KIND = frozenset(("count", "first", "last"))
_LENGTH = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ms|[smhdwMy])\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Binned:
    """Bins of so many seconds, and which of `STATISTICS` of each."""

    width_s: float
    of: tuple[str, ...]

    @property
    def grid(self) -> Grid:
        """As nodes are asked for them."""
        return Grid(round(self.width_s * 1e6))

    @property
    def parameters(self) -> dict[str, Any]:
        """As a bridge is asked for them."""
        return {"bin": f"{self.width_s * 1e3:.3f}ms", "of": ",".join(self.of)}


def binned(width: object, of: str | Sequence[str]) -> Binned | None:
    """Read what was asked for; None if it is no bins.

    Parameters
    ----------
    width : str, number, timedelta or None
        ``5m``, or seconds.
    of : str or sequence of str
        Names of `STATISTICS`; in a text with commas between.

    Raises
    ------
    ClientError
        If it is no length of time, or there is no such statistic.
    """
    names = tuple(word.strip() for word in of.split(",")) if isinstance(of, str) else tuple(of)
    wrong = [name for name in names if name not in STATISTICS]
    if wrong or not names:
        raise ClientError(f"of={of!r} is none of {', '.join(STATISTICS)}")
    if width is None:
        return None
    seconds = math.nan
    if isinstance(width, timedelta):
        seconds = width.total_seconds()
    elif isinstance(width, str) and (found := _LENGTH.fullmatch(width)):
        seconds = float(found[1]) * moments.UNITS_S[found[2]]
    elif isinstance(width, int | float) and not isinstance(width, bool):
        seconds = float(width)
    if not 1e-6 <= seconds < math.inf:
        raise ClientError(f"bin={width!r} is no length of time: give 30s, 5m, 1h, 1d, or a number of seconds")
    return Binned(seconds, tuple(dict.fromkeys(names)))


def of_node(node: str, bins: Mapping[str, Bins], wanted: Binned) -> dict[str, tuple[Column, Column]]:
    """Columns ``node::field/mean`` and so on of a node's bins; of text and bools those that there are."""
    return {
        f"{Target(node, field)}/{name}": (one.t, _column(one, name))
        for field, one in bins.items()
        for name in wanted.of
        if name in _OF_ANY_KIND or one.sum is not None
    }


def summed(series: Mapping[str, Series], wanted: Binned) -> dict[str, Bins]:
    """Bins of samples, of a node that makes none itself."""
    made = {}
    for field, one in series.items():
        sums = Accumulator(field, wanted.grid)
        sums.add(one.t, one.values, one.finalized_until)
        if (bins := sums.result()) is not None:
            made[field] = bins
    return made


def _column(bins: Bins, name: str) -> Column:
    if name == "mean" and bins.sum is not None:
        return bins.sum / bins.count
    if name == "spread" and bins.max is not None and bins.min is not None:
        return bins.max - bins.min
    column: Column = getattr(bins, name)
    return column


def of_bins(units: Mapping[str, str | None], wanted: Binned) -> dict[str, str | None]:
    """Units of the columns, from those of fields."""
    return {
        f"{field}/{name}": None if name == "count" else unit
        for field, unit in units.items()
        for name in wanted.of
    }
