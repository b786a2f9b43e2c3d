"""Runs inside the router: lets small messages leave at once.

autobahn means to switch Nagle's algorithm off for each WebSocket connection, but reads its option
before the connection has it and passes over the error; replies then wait for the other side's delayed
acknowledgement, 40 ms at a time (docs/decisions/0006). With the option as a class attribute it works.
"""

from typing import Any

from autobahn.twisted.wamp import ApplicationSession
from autobahn.twisted.websocket import WebSocketAdapterProtocol


class PromptSockets(ApplicationSession):
    """A component of the router worker, which crossbar.io starts before it listens."""

    def onJoin(self, _details: Any) -> None:  # noqa: N802 (autobahn's name)
        """Do what autobahn means to do, for every connection from now on."""
        WebSocketAdapterProtocol.tcpNoDelay = True
