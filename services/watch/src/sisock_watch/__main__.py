"""Run watch: two sessions with the router, one asks all nodes, the other is the node `watch`."""

import time
import uuid
from dataclasses import replace
from typing import Any

import sisock
from sisock import logs
from sisock.auth import require_secret
from sisock.runner import the_reactor
from sisock_consumer.consumer import Consumer
from sisock_site import SiteFile
from twisted.internet.defer import ensureDeferred

from sisock_watch.config import WatchConfig
from sisock_watch.follow import Follower
from sisock_watch.ledger import Event, Ledger
from sisock_watch.node import WatchNode
from sisock_watch.roll import Roll


def make_node(config: WatchConfig) -> WatchNode:
    """Make the node that the settings ask for, and what follows the others beside it."""
    reactor = the_reactor()
    log = logs.get("watch")
    asking = config
    if config.asking_user and config.asking_user != config.wamp_user:
        asking = replace(config, wamp_user=config.asking_user)
    require_secret(asking)
    began = time.time()
    history = Ledger(config.state_db, config.kept_s, time.time, logs.get("ledger"))
    roll = Roll(began, history.known)
    # The roll has them from now on.
    history.known = {}
    site_file = SiteFile(config.site_file)
    node = WatchNode(reactor, time.time, roll, history, site_file, uuid.uuid4().hex)
    consumer = Consumer(reactor, asking, log)
    follower = Follower(reactor, time.time, log, consumer, roll, site_file, node.record)
    consumer.watch(follower, follower.fields_changed, follower.updated)
    if history.ended is not None:
        history.put([Event(history.ended, "watch_away"), Event(began, "watch_here")])

    def refused(failure: Any) -> None:
        log.error("watch.refused", why=str(failure.value))
        reactor.stop()

    def begin() -> None:
        follower.start()
        consumer.run().addErrback(refused)

    def goodbye() -> Any:
        follower.stop()
        return ensureDeferred(consumer.stop())

    reactor.callWhenRunning(begin)
    reactor.addSystemEventTrigger("before", "shutdown", goodbye)
    return node


def main() -> None:
    """Watch until told to stop."""
    sisock.run(make_node, WatchConfig)


if __name__ == "__main__":
    main()
