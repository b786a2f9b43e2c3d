"""Hears feeds at a router of their own, such as OCS's, while the node serves at ours.

A second connection, anonymous, on which nothing but subscriptions is asked for. Either router may be away:
what is heard meanwhile is kept, what is kept is served. What a message means is not known here.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import structlog
from autobahn.wamp.exception import ApplicationError
from autobahn.wamp.types import SubscribeOptions
from sisock.connection import Connection
from sisock.errors import RefusedError
from twisted.internet.defer import ensureDeferred
from twisted.python.failure import Failure

from sisock_data_feed.config import DataFeedConfig
from sisock_data_feed.topics import Subscription

NOWHERE = Path("/nonexistent")
"""The directory of a router that gave us nothing: no secret of ours is for OCS's."""


class Elsewhere:
    """Keeps the subscriptions at the other router (see `sisock.connection.Owner`).

    Parameters
    ----------
    reactor : twisted reactor
    config : DataFeedConfig
        With a `feed_host`.
    wanted : sequence of Subscription
    handler : callable
        Makes what is called with the messages of a subscription.
    begins : callable
        Is awaited before a session hears anything.
    log : structlog logger
    """

    def __init__(
        self,
        reactor: Any,
        config: DataFeedConfig,
        wanted: Sequence[Subscription],
        handler: Callable[[Subscription], Callable[..., None]],
        begins: Callable[[], Awaitable[None]],
        log: structlog.stdlib.BoundLogger,
    ) -> None:
        self._wanted = wanted
        self._handler = handler
        self._begins = begins
        self._log = log
        there = replace(
            config,
            crossbar_host=config.feed_host,
            crossbar_ocs_port=config.feed_port,
            crossbar_dir=NOWHERE,
            wamp_secret=None,
        )
        self._connection = Connection(reactor, there, self, log, open_port=True)

    def start(self) -> None:
        """Connect, and connect again whenever it is lost, until `stop`."""
        self._connection.run().addErrback(self._refused)

    def stop(self) -> None:
        """Hear nothing any more."""
        ensureDeferred(self._connection.stop())

    async def joined(self, session: Any, _details: Any) -> None:
        """Subscribe on a session that the router accepted."""
        await self._begins()
        for one in self._wanted:
            options = SubscribeOptions(match=one.match)
            try:
                await session.subscribe(self._handler(one), one.topic, options=options)
            except ApplicationError as error:
                why = f"the feeds' router does not let us hear {one.topic} ({error.error})"
                raise RefusedError(why) from error
        self._log.info("feed.subscribed", topics=[one.topic for one in self._wanted], at=self._connection.url)

    def lost(self) -> None:
        """What was heard is kept; the connection tries again by itself."""

    def _refused(self, failure: Failure) -> None:
        self._log.error(
            "feed.refused",
            why=f"{failure.getErrorMessage()}; FEED_HOST must let anonymous peers in, as OCS does",
        )
