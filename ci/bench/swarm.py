"""Many data nodes in one process, for benchmarks: ``python -m bench.swarm NUMBER NODES FIELDS``."""

import os
import sys
import time
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from sisock import DataNode, Field, Limits, Series, logs
from sisock.config import NodeConfig, load
from sisock.connection import Connection
from sisock.runner import run_until_stopped, the_reactor
from sisock.session import NodeSession
from twisted.internet.defer import DeferredList

DAY_S = 86400.0


class Many(DataNode):
    """A node with some fields, each a sample a second for a day."""

    description = "One of many"

    def __init__(self, name: str, fields: int) -> None:
        self.name = name
        self._fields = [f"channel_{number:05d}" for number in range(fields)]

    def fields(self, _start: float, _end: float) -> Iterable[Field]:
        """All of them, at any time."""
        return [Field(name, "A number", "K", timeline="t") for name in self._fields]

    def read(self, names: Sequence[str], start: float, end: float, _limits: Limits) -> Iterable[Series]:
        """A sawtooth of whole seconds."""
        times = np.arange(np.ceil(max(start, end - DAY_S)), end)
        return [Series(name, times, times % 100) for name in names]


def main() -> None:
    number, nodes, fields = map(int, sys.argv[1:])
    config = load(NodeConfig, os.environ)
    logs.configure("swarm", config.log_level)
    log, reactor = logs.get(), the_reactor()
    connections = []
    for one in range(nodes):
        node = Many(f"many_{number:02d}_{one:03d}", fields)
        session = NodeSession(reactor, node, log, time.time, max_points=config.max_points)
        connections.append(Connection(reactor, config, session, log))

    def start() -> Any:
        return DeferredList([connection.run() for connection in connections], fireOnOneErrback=True)

    async def goodbye() -> None:
        for connection in connections:
            await connection.stop()

    sys.exit(run_until_stopped(reactor, start, goodbye, log))


if __name__ == "__main__":
    main()
