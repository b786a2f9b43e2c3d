"""Times of an even rhythm as a few numbers instead of a column: CONTRACT section 7.12.

Sample `k` of a timeline is at ``first + k * step`` in float64, to the last bit, or the column travels.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sisock.node import Times

LEAST_SAMPLES = 16
"""Fewer than these are sent as they are."""


@dataclass(frozen=True, slots=True)
class Run:
    """Samples of an even rhythm, one after the other.

    Parameters
    ----------
    first, step : float
        UNIX seconds of sample 0, and seconds between samples.
    begin, count : int
        The first of these samples, and how many they are.
    """

    first: float
    step: float
    begin: int
    count: int

    def times(self) -> Times:
        """UNIX seconds: (count,) float64, each multiplied, then added, as the contract says."""
        numbers = np.arange(self.begin, self.begin + self.count, dtype=np.float64)
        return self.first + numbers * self.step

    def part(self, begin: int, end: int) -> "Run":
        """Some of the samples, as a slice has them."""
        return replace(self, begin=self.begin + begin, count=end - begin)

    def on_wire(self) -> dict[str, Any]:
        """What stands for `times` in a reply."""
        return {"first": self.first, "step": self.step, "from": self.begin, "count": self.count}


def found(t: Times) -> Run | None:
    """The rhythm of times, if they have one that gives each of them again.

    Parameters
    ----------
    t : (n,) float64, UNIX seconds, ascending
    """
    n = len(t)
    if n < LEAST_SAMPLES:
        return None
    first, second, middle, last = (float(t[at]) for at in (0, 1, n // 2, n - 1))
    for step in _candidates((last - first) / (n - 1), second - first):
        # Most of what has no rhythm is known by a few of its samples.
        if first + (n - 1) * step == last and first + (n // 2) * step == middle:
            run = Run(first, step, 0, n)
            if np.array_equal(run.times(), t):
                return run
    return None


def _candidates(mean: float, second: float) -> Iterator[float]:
    """Steps that may be meant: the mean, that in whole microseconds, and the first."""
    yield from dict.fromkeys((mean, round(mean, 6), second))
