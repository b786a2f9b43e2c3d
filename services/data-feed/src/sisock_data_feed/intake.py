"""What becomes of a message: read, kept, stored; whatever is wrong with it counted and said once.

Called in one thread (the reactor's), once a message, so it must be quick. Knows nothing of WAMP.
"""

from collections import Counter
from collections.abc import Callable

import structlog

from sisock_data_feed.buffer import Buffer
from sisock_data_feed.feed import Parsed, parse
from sisock_data_feed.store import Store
from sisock_data_feed.topics import Address
from sisock_data_feed.watch import Change, Watch

AHEAD_S = 5.0
"""A stamp so far in the future is worth a word about the agent's clock."""

MOST_TOLD = 1000
"""So many different things are said once; then nothing new is said any more."""


class Intake:
    """Takes messages in.

    Parameters
    ----------
    buffer : Buffer
    store : Store
    watch : Watch
    log : structlog logger
    clock : callable
        The present, UNIX seconds.

    Attributes
    ----------
    counts : collections.Counter
        ``messages`` and ``samples`` taken in, and messages with each kind of problem.
    """

    def __init__(
        self,
        buffer: Buffer,
        store: Store,
        watch: Watch,
        log: structlog.stdlib.BoundLogger,
        clock: Callable[[], float],
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._buffer = buffer
        self._store = store
        self._watch = watch
        self._log = log
        self._clock = clock
        self._told: set[tuple[str, ...]] = set()

    def hear(self, message: object, address: Address | None = None) -> float | None:
        """Take a message in.

        Parameters
        ----------
        message : object
            The event's first argument.
        address : Address, optional
            The feed, if the subscription can match no other.

        Returns
        -------
        float or None
            The time up to which there are new samples (UNIX seconds), if there are any.
        """
        now = self._clock()
        parsed = parse(message, address)
        feed = str(parsed.address)
        self.counts["messages"] += 1
        if parsed.unrecorded:
            self.counts["unrecorded"] += 1
            self._say_once("feed.skipped", feed, parsed.unrecorded, level="info")
            return None
        for problem, why in parsed.problems.items():
            self.counts[problem] += 1
            self._say_once("message.malformed", feed, why, problem=problem)
        if not parsed.blocks or parsed.address is None:
            return None
        change = self._watch.heard(parsed.address, now)
        if change is not None:
            self._tell(change)
        return self._keep(parsed, now)

    def _keep(self, parsed: Parsed, now: float) -> float:
        newest = float("-inf")
        for block in parsed.blocks:
            self._buffer.add(block, now)
            self._store.put(now, block)
            self.counts["samples"] += len(block.t) * len(block.columns)
            newest = max(newest, float(block.t[-1]))
        if newest > now + AHEAD_S:
            self.counts["ahead"] += 1
            self._say_once(
                "feed.ahead", str(parsed.address), f"a sample is stamped {newest - now:.0f} s in the future"
            )
        return min(newest, now)

    def check(self) -> None:
        """Say which feeds have gone silent; to be called every second or so."""
        for change in self._watch.check(self._clock()):
            self._tell(change)

    def _tell(self, change: Change) -> None:
        seconds = round(change.silent_s, 1)
        if not change.stale:
            self._log.info("feed.back", feed=str(change.address), silent_s=seconds)
        elif change.ever_heard:
            self._log.warning("feed.stale", feed=str(change.address), silent_s=seconds)
        else:
            why = "nothing was ever published on this topic: is the agent running, are TARGET and FEED right?"
            self._log.warning("feed.stale", feed=str(change.address), silent_s=seconds, why=why)

    def _say_once(self, event: str, feed: str, why: str, *, level: str = "warning", **more: str) -> None:
        key = (event, feed, *more.values())
        if key not in self._told and len(self._told) < MOST_TOLD:
            self._told.add(key)
            (self._log.info if level == "info" else self._log.warning)(event, feed=feed, why=why, **more)
