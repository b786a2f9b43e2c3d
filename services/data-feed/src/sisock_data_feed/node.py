"""The data node: subscribes to feeds, serves what the buffer holds, says when it grew."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import structlog
from sisock import DataNode, Field, Limits, LiveSession, Series
from sisock.blocking import in_thread
from sisock.metrics import Registry

from sisock_data_feed.buffer import Buffer
from sisock_data_feed.config import DEFAULT_FEED, DataFeedConfig
from sisock_data_feed.elsewhere import Elsewhere
from sisock_data_feed.feed import Block
from sisock_data_feed.intake import Intake
from sisock_data_feed.measures import Feeds
from sisock_data_feed.rhythms import Rhythms
from sisock_data_feed.store import Store
from sisock_data_feed.topics import Subscription, is_single, subscriptions

CHECK_INTERVAL_S = 1.0


class DataFeedNode(DataNode):
    """Serves one or several OCS feeds.

    Parameters
    ----------
    config : DataFeedConfig
    log : structlog logger
    clock : callable
        The present, UNIX seconds.
    """

    live = True

    def __init__(
        self, config: DataFeedConfig, log: structlog.stdlib.BoundLogger, clock: Callable[[], float]
    ) -> None:
        self.name, self.description = config.name, config.description
        feeds = config.feed or (DEFAULT_FEED,)
        self._config = config
        self._log = log
        self._clock = clock
        self._subscriptions = list(subscriptions(config.target, feeds))
        self._buffer = Buffer(config.buffer_time, prefixed=not is_single(config.target, feeds), clock=clock)
        self._store = Store(config.state_directory, config.name, config.buffer_time, log)
        self._rhythms = Rhythms()
        self.intake = Intake(self._buffer, self._store, self._rhythms, log, clock)
        self._elsewhere: Elsewhere | None = None
        self._session: LiveSession | None = None
        self._restoring = threading.Lock()
        self._restored = False

    def measure(self, registry: Registry) -> None:
        """Show the feeds."""
        registry.register(Feeds(self._rhythms, self.intake.counts, self.intake.lags))

    def fields(self, start: float, end: float) -> Iterator[Field]:
        """List the channels that have samples in the interval."""
        self._restore()
        for address, field in self._buffer.fields(start, end):
            silent_since = self._rhythms.silent_since(address)
            if silent_since is None:
                yield field
            else:
                since = datetime.fromtimestamp(silent_since, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
                yield replace(field, description=f"{field.description} (stale: nothing came since {since})")

    def read(self, names: Sequence[str], start: float, end: float, _limits: Limits) -> Iterator[Series]:
        """Read from memory."""
        self._restore()
        return self._buffer.read(names, start, end)

    async def joined(self, session: LiveSession) -> None:
        """Subscribe, once what an earlier run heard is in its place."""
        from twisted.internet import reactor  # noqa: PLC0415 (importing it chooses and installs it)

        self._session = session
        await in_thread(reactor, self._restore)
        if self._config.feed_host:
            if self._elsewhere is None:
                self._elsewhere = Elsewhere(
                    reactor, self._config, self._subscriptions, self._handler, self._begin, self._log
                )
                self._elsewhere.start()
        else:
            await self._begin()
            for wanted in self._subscriptions:
                await session.subscribe(self._handler(wanted), wanted.topic, wanted.match)
            self._log.info("feed.subscribed", topics=[wanted.topic for wanted in self._subscriptions])
        session.every(CHECK_INTERVAL_S, self._check)

    async def _begin(self) -> None:
        """A session hears feeds from now on: what came before it is not known to be all."""
        self._rhythms.resume(self._clock())
        self._buffer.listen(self._clock())
        for wanted in self._subscriptions:
            if wanted.address is not None:
                self._rhythms.expect(wanted.address, self._clock())

    def close(self) -> None:
        """Finish the store."""
        if self._elsewhere is not None:
            self._elsewhere.stop()
        self._store.close()
        self._log.info("feed.counts", **self.intake.counts)

    async def _check(self) -> None:
        """In the reactor thread, where messages are heard."""
        self.intake.check()

    def _handler(self, wanted: Subscription) -> Callable[..., None]:
        def hear(*args: Any, **_kwargs: Any) -> None:
            news = self.intake.hear(args[0] if args else None, wanted.address)
            if news is not None and self._session is not None:
                self._session.publish_updated(news.until, fields_changed=news.fields_changed)

        return hear

    def _keep(self, received: float, block: Block) -> None:
        self._buffer.add(block, received)

    def _restore(self) -> None:
        """Bring back what an earlier run stored, before anything else happens."""
        if self._restored:
            return
        with self._restoring:
            if self._restored:
                return
            if self._config.feed is None:
                self._log.info("feed.default", why=f"FEED is not set: it is {DEFAULT_FEED!r}")
            blocks = self._store.open(self._keep)
            if blocks:
                self._log.info("store.restored", blocks=blocks, file=str(self._store.file))
            self._restored = True
