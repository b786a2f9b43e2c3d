"""The hub in a process of its own, beside the router: what ends one of them does not end the other.

It joins by the Unix socket in the router's directory, and joins again, knowing nothing, whenever the
router was away.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from autobahn.twisted.websocket import WampWebSocketClientFactory
from autobahn.wamp.types import ComponentConfig
from setproctitle import setproctitle
from sisock import logs, uris
from twisted.application.internet import ClientService, backoffPolicy
from twisted.internet.endpoints import UNIXClientEndpoint

from sisock_hub.hub import Hub
from sisock_hub.prepare import HUB_SOCKET
from sisock_hub.router import renewed_reactor

USER = "hub"
PAUSE_S = backoffPolicy(initialDelay=0.05, maxDelay=0.5, factor=1.3, jitter=lambda: 0.0)
"""How long to wait after so many tries in vain; there is one hub, which need not stand back for another."""


def is_needed(config: Any) -> bool:
    """Whether a router's configuration leaves the hub to us: it has our socket, and no hub of its own."""
    workers = config.get("workers", [])
    classes = {c.get("classname") for worker in workers for c in worker.get("components", [])}
    sockets = {
        transport.get("endpoint", {}).get("path")
        for worker in workers
        for transport in worker.get("transports", [])
    }
    return HUB_SOCKET in sockets and not classes & {"hub.hub", "sisock_hub.hub.Hub"}


def run_hub(directory: Path, log_level: int, listed: Callable[[int], None] = lambda _nodes: None) -> NoReturn:
    """Be the hub; in a fork of the process that keeps it.

    Parameters
    ----------
    directory : Path
        The router's.
    log_level : int
    listed : callable
        Is told how many nodes are online.
    """
    setproctitle("sisock-hub [hub]")
    logs.configure("hub", log_level).follow_signal()
    reactor = renewed_reactor()
    factory = WampWebSocketClientFactory(
        lambda: Hub(ComponentConfig(realm=uris.REALM, extra={"user": USER, "listed": listed})),
        url="ws://localhost/ws",
    )
    factory.noisy = False
    endpoint: Any = UNIXClientEndpoint(reactor, str(directory / HUB_SOCKET))
    ClientService(endpoint, factory, retryPolicy=PAUSE_S, clock=reactor).startService()
    reactor.run()
    sys.exit(0)
