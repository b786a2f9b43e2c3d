"""The hub in a process of its own, so that a test can kill it and leave the router running."""

import sys

from autobahn.twisted.websocket import WampWebSocketClientFactory
from autobahn.wamp.types import ComponentConfig
from sisock_hub.hub import Hub
from twisted.internet import reactor
from twisted.internet.endpoints import UNIXClientEndpoint
from twisted.logger import globalLogBeginner, textFileLogObserver

globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stdout)])
factory = WampWebSocketClientFactory(
    lambda: Hub(ComponentConfig(realm="test_realm", extra={"user": "hub"})), url="ws://localhost/ws"
)
UNIXClientEndpoint(reactor, ".crossbar/hub.sock").connect(factory)
reactor.run()
