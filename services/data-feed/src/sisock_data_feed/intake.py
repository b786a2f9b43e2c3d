"""What becomes of a message: read, kept, stored; whatever is wrong with it counted and said once.

Called in one thread (the reactor's), once a message, so it must be quick. Knows nothing of WAMP.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from sisock.trouble import Once

from sisock_data_feed.buffer import Buffer
from sisock_data_feed.feed import Parsed, parse
from sisock_data_feed.rhythms import Change, Rhythms
from sisock_data_feed.store import Store
from sisock_data_feed.topics import Address

AHEAD_S = 5.0
"""A stamp so far in the future is worth a word about the agent's clock."""

MOST_TOLD = 1000
"""So many different things are said once; then nothing new is said any more."""


@dataclass(frozen=True, slots=True)
class News:
    """There are samples up to `until` (UNIX seconds), and perhaps other fields than before."""

    until: float
    fields_changed: bool


class Intake:
    """Takes messages in.

    Parameters
    ----------
    buffer : Buffer
    store : Store
    rhythms : Rhythms
    log : structlog logger
    clock : callable
        The present, UNIX seconds.

    Attributes
    ----------
    counts : collections.Counter
        ``messages`` and ``samples`` taken in, and messages with each kind of problem.
    lags : dict
        Seconds by which each feed's newest samples were old when they came.
    """

    def __init__(
        self,
        buffer: Buffer,
        store: Store,
        rhythms: Rhythms,
        log: structlog.stdlib.BoundLogger,
        clock: Callable[[], float],
    ) -> None:
        self.counts: Counter[str] = Counter()
        self.lags: dict[str, float] = {}
        self._buffer = buffer
        self._store = store
        self._rhythms = rhythms
        self._log = log
        self._clock = clock
        self._said = Once(MOST_TOLD)

    def hear(self, message: object, address: Address | None = None) -> News | None:
        """Take a message in.

        Parameters
        ----------
        message : object
            The event's first argument.
        address : Address, optional
            The feed, if the subscription can match no other.

        Returns
        -------
        News or None
            What is new, if anything is.
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
            self._problem(problem, feed, why)
        if not parsed.blocks or parsed.address is None:
            return None
        change = self._rhythms.heard(parsed.address, now)
        if change is not None:
            self._tell(change)
        newest, changed = self._keep(parsed, now)
        self.lags[feed] = now - newest
        # A feed that is back is described anew.
        return News(min(newest, now), changed or change is not None)

    def _keep(self, parsed: Parsed, now: float) -> tuple[float, bool]:
        newest, changed = float("-inf"), False
        for block in parsed.blocks:
            changed |= self._buffer.add(block, now)
            texts = self._buffer.texts_for_numbers(block)
            if texts:
                why = f"channel {texts[-1]!r} has texts where numbers were"
                self._problem("type", str(parsed.address), why)
            self._store.put(now, block)
            self.counts["samples"] += len(block.t) * len(block.columns)
            newest = max(newest, float(block.t[-1]))
        if newest > now + AHEAD_S:
            self.counts["ahead"] += 1
            self._say_once(
                "feed.ahead", str(parsed.address), f"a sample is stamped {newest - now:.0f} s in the future"
            )
        return newest, changed

    def check(self) -> None:
        """Say which feeds have gone silent; to be called every second or so."""
        for change in self._rhythms.check(self._clock()):
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

    def _problem(self, problem: str, feed: str, why: str) -> None:
        self.counts[problem] += 1
        self._say_once("message.malformed", feed, why, problem=problem)

    def _say_once(self, event: str, feed: str, why: str, *, level: str = "warning", **more: str) -> None:
        if self._said.is_new(event, feed, *more.values()):
            (self._log.info if level == "info" else self._log.warning)(event, feed=feed, why=why, **more)
