"""Check one data server on a live stack: ``python -m sisock_testing.conformance NAME``."""

import os
import sys

from sisock import logs
from sisock.config import RouterConfig, load
from sisock.errors import ConfigError
from sisock.runner import EXIT_CONFIG, exit_with, the_reactor
from sisock_consumer.consumer import Consumer
from twisted.internet.defer import ensureDeferred
from twisted.internet.task import deferLater

from sisock_testing.conformance.checks import check_node

WAIT_S = 15.0
WARNING = 30


def main() -> None:
    """Print one line a check; exit with 1 if one of them failed."""
    if len(sys.argv) != 2:
        exit_with("give the name of one data node, as the hub lists it", EXIT_CONFIG)
    name = sys.argv[1]
    reactor = the_reactor()
    logs.configure("conformance", WARNING)
    try:
        config = load(RouterConfig, {"WAMP_USER": "simonsobs", **os.environ})
        consumer = Consumer(reactor, config, logs.get())
    except ConfigError as error:
        exit_with(str(error), EXIT_CONFIG)
    failed: list[str] = []

    async def work() -> None:
        deadline = reactor.seconds() + WAIT_S
        while name not in consumer.nodes and reactor.seconds() < deadline:
            await deferLater(reactor, 0.1, lambda: None)
        async for outcome in check_node(consumer, name):
            print(f"{'FAIL' if outcome.problem else 'ok  '}  {outcome.check}")
            if outcome.problem:
                print(f"      {outcome.problem}")
                failed.append(outcome.check)
        await consumer.stop()

    def done(failure: object) -> None:
        if failure is not None:
            failed.append(str(failure))
            sys.stderr.write(f"{failure}\n")
        reactor.stop()

    consumer.run().addErrback(done)
    reactor.callWhenRunning(lambda: ensureDeferred(work()).addBoth(done))
    reactor.run()
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
