"""What Prometheus reads of router and hub: a process of its own tells it, which outlives both.

Keeper, hub and that process share a few counts in memory that their forks have in common.
"""

import mmap
import signal
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NoReturn

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from setproctitle import setproctitle
from sisock import metrics
from sisock.auth import CERTIFICATE

_CELL_BYTES = 8


class Tally:
    """Whole numbers that this process and all its forks see and change.

    Parameters
    ----------
    parts : iterable of str
        The processes that are kept.
    """

    def __init__(self, parts: Iterable[str]) -> None:
        self._parts = {name: 1 + 2 * i for i, name in enumerate(parts)}
        self._cells = memoryview(mmap.mmap(-1, _CELL_BYTES * (1 + 2 * len(self._parts)))).cast("q")

    def started(self, part: str) -> None:
        """A part was started."""
        self._cells[self._parts[part]] += 1
        self._cells[self._parts[part] + 1] = 1

    def ended(self, part: str) -> None:
        """A part is gone."""
        self._cells[self._parts[part] + 1] = 0

    def listed(self, nodes: int) -> None:
        """So many data nodes are online."""
        self._cells[0] = nodes

    @property
    def nodes(self) -> int:
        """How many data nodes are online."""
        return self._cells[0]

    @property
    def parts(self) -> dict[str, tuple[int, bool]]:
        """How often each part was started, and whether it is there."""
        return {name: (self._cells[i], bool(self._cells[i + 1])) for name, i in self._parts.items()}


class Parts(Collector):
    """Shows a tally.

    Parameters
    ----------
    tally : Tally
    """

    def __init__(self, tally: Tally) -> None:
        self._tally = tally

    def collect(self) -> Iterator[Metric]:
        """See `prometheus_client`."""
        here = GaugeMetricFamily("sisock_part_up", "Whether the process is there", labels=["part"])
        starts = CounterMetricFamily(
            "sisock_part_starts", "Starts of a process; each but the first after it died", labels=["part"]
        )
        for part, (started, up) in self._tally.parts.items():
            here.add_metric([part], up)
            starts.add_metric([part], started)
        yield from (here, starts)
        if "hub" in self._tally.parts:  # one in a worker of crossbar.io's tells us nothing
            yield GaugeMetricFamily(
                "sisock_nodes_listed", "Data nodes that the hub lists", value=self._tally.nodes
            )


def run_metrics(tally: Tally, directory: Path, port: int) -> NoReturn:
    """Answer Prometheus; in a fork of the process that keeps it."""
    setproctitle("sisock-hub [metrics]")
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    registry = metrics.make_registry("sisock-hub")
    registry.register(Parts(tally))
    registry.register(metrics.Certificate(directory / CERTIFICATE))
    metrics.listen_in_thread(registry, port)
    while True:
        signal.pause()
