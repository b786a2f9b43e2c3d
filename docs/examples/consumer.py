"""A consumer of sisock: lists nodes and fields, fetches samples, follows who comes and goes.

Runs beside a stack: ``CROSSBAR_HOST=... WAMP_SECRET=... python consumer.py [SECONDS]``.
"""

import os
import sys

from sisock.config import RouterConfig, load
from sisock.errors import SisockError
from sisock.logs import configure, get
from sisock.node import Limits
from sisock_consumer.consumer import Consumer, NodeInfo
from twisted.internet import reactor
from twisted.internet.defer import ensureDeferred
from twisted.internet.task import deferLater

DEADLINE_S = 5.0


class Watcher:
    """Tells who comes and goes, and what a newcomer has."""

    def __init__(self, consumer: Consumer) -> None:
        self.consumer = consumer

    def router_changed(self, here: bool) -> None:
        """The router came or went."""
        print("router", "here" if here else "away", flush=True)

    def node_added(self, node: NodeInfo) -> None:
        """A node came online."""
        print("came", node.name, flush=True)
        ensureDeferred(self.look_at(node.name))

    def node_subtracted(self, node: NodeInfo) -> None:
        """A node went offline."""
        print("went", node.name, flush=True)

    async def look_at(self, name: str) -> None:
        """Print a node's fields and a few samples of the first one."""
        try:
            fields = await self.consumer.get_fields(name, 1, 0, DEADLINE_S)
            print(name, "has", ", ".join(field.name for field in fields), flush=True)
            first = [field.name for field in fields[:1]]
            few = Limits(max_points=5)
            read = await self.consumer.get_data(name, first, 1, 0, deadline_s=DEADLINE_S, limits=few)
        except SisockError as error:
            print(error, flush=True)
            return
        for one in read.series.values():
            print(name, one.name, one.t.tolist(), one.values.tolist(), flush=True)


async def main() -> None:
    """Follow the stack for some seconds."""
    configure("consumer", 30)
    config = load(RouterConfig, {"WAMP_USER": "simonsobs", **os.environ})
    consumer = Consumer(reactor, config, get())
    consumer.watch(Watcher(consumer))
    consumer.run().addErrback(lambda failure: print(failure.getErrorMessage(), flush=True))
    await deferLater(reactor, float(sys.argv[1]) if len(sys.argv) > 1 else 3600.0, lambda: None)
    await consumer.stop()


if __name__ == "__main__":
    reactor.callWhenRunning(lambda: ensureDeferred(main()).addBoth(lambda _: reactor.stop()))
    reactor.run()
