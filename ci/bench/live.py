"""A live data node for benchmarks, a sample a second in each field: ``python -m bench.live FIELDS``."""

import sys
import time
from collections.abc import Iterable, Sequence

import numpy as np
import sisock
from sisock.node import LiveSession

HOUR_S = 3600


class Live(sisock.DataNode):
    """Counts seconds, and says that it has."""

    name, description, live = "live", "A sample a second", True

    def __init__(self, fields: int) -> None:
        self._fields = [f"channel_{number:02d}" for number in range(fields)]
        self._t = np.arange(time.time() - HOUR_S, time.time())

    async def joined(self, session: LiveSession) -> None:
        """Sample every second."""
        session.every(1.0, self._sample)

    def _sample(self) -> float:
        now = time.time()
        self._t = np.append(self._t[-HOUR_S:], now)
        return now

    def fields(self, _start: float, _end: float) -> Iterable[sisock.Field]:
        """All of them, sampled together."""
        return [sisock.Field(name, "A number", "K", timeline="t", interval=1.0) for name in self._fields]

    def read(
        self, names: Sequence[str], start: float, end: float, _limits: sisock.Limits
    ) -> Iterable[sisock.Series]:
        """A sine of the time."""
        inside = self._t[slice(*np.searchsorted(self._t, [start, end]))]
        return [sisock.Series(name, inside, np.sin(inside), "t") for name in names]


if __name__ == "__main__":
    sisock.run(lambda _config: Live(int(sys.argv[1])), sisock.NodeConfig)
