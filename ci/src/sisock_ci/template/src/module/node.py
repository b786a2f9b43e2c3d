"""The data node: replace the sine by what you measure, here or in a module that knows nothing of sisock."""

from collections.abc import Iterator, Sequence

import numpy as np
from sisock import DataNode, Field, Limits, Series

INTERVAL_S = 10.0


class Node(DataNode):
    """One field, a sine of time, from a moment on."""

    name = "@node@"
    description = "@title@"

    def __init__(self, period_s: float, first: float) -> None:
        self._period_s = period_s
        self._first = first

    def fields(self, _start: float, end: float) -> Iterator[Field]:
        """List what has samples in the interval."""
        if end > self._first:
            yield Field("sine", "A sine of time", "V", interval=INTERVAL_S)

    def read(self, names: Sequence[str], start: float, end: float, _limits: Limits) -> Iterator[Series]:
        """Compute the samples of the interval."""
        if "sine" in names:
            first = np.ceil(max(start, self._first) / INTERVAL_S) * INTERVAL_S
            t = np.arange(first, end, INTERVAL_S)
            yield Series("sine", t, np.sin(2 * np.pi * t / self._period_s))
