"""Whether feeds are still heard: how long each usually pauses, and which have gone silent."""

from collections.abc import Iterator
from dataclasses import dataclass

from sisock_data_feed.topics import Address

USUAL_PAUSES = 3.0
SOONEST_S = 10.0
UNKNOWN_S = 60.0
LEARNING_S = 180.0
"""For so long after a feed's first message its rhythm counts as unknown."""

MEMORY_S = 900.0
"""How long pauses are remembered, at least; up to twice as long."""


@dataclass(slots=True)
class _Rhythm:
    """When a feed was heard, and its two longest pauses in this and the last `MEMORY_S` seconds.

    A feed that comes in bursts has many short gaps and a few long ones; only the long ones say
    what is usual. The second longest counts, as one outage is no rhythm.
    """

    heard: float
    first: float | None = None
    longest: tuple[float, float] = (0.0, 0.0)
    longest_before: tuple[float, float] = (0.0, 0.0)
    usual_pause_s: float = 0.0
    memory_began: float = 0.0
    stale: bool = False

    @property
    def patience_s(self) -> float:
        learnt = max(SOONEST_S, USUAL_PAUSES * self.usual_pause_s)
        unknown = self.first is None or self.heard - self.first < LEARNING_S
        return max(UNKNOWN_S, learnt) if unknown else learnt

    def learn(self, pause_s: float, now: float) -> None:
        # Long enough to hold two of the usual pauses, also those of a slow feed.
        forget = now - self.memory_began >= max(MEMORY_S, USUAL_PAUSES * self.usual_pause_s)
        if forget:
            self.longest, self.longest_before, self.memory_began = (0.0, 0.0), self.longest, now
        if forget or pause_s > self.longest[1]:
            first, second = sorted((*self.longest, pause_s), reverse=True)[:2]
            self.longest = first, second
            self.usual_pause_s = sorted((*self.longest, *self.longest_before))[-2]


@dataclass(frozen=True, slots=True)
class Change:
    """A feed went silent, or came back; `silent_s` says for how long it was."""

    address: Address
    stale: bool
    silent_s: float
    ever_heard: bool


class Watch:
    """The rhythm of each feed.

    A feed is stale when nothing came for three times its usual pause, ten seconds at least; a
    feed whose rhythm is not known yet, or that was never heard, after a minute at least. The usual
    pause is the second longest of the last quarter of an hour, so that bursts are no surprise, a
    feed that slows down is stale twice at most, and one that gets faster is watched more closely.
    """

    def __init__(self) -> None:
        self._feeds: dict[Address, _Rhythm] = {}

    def expect(self, address: Address, now: float) -> None:
        """Begin to wait for a feed."""
        rhythm = self._feeds.setdefault(address, _Rhythm(now))
        if not rhythm.stale:
            rhythm.heard = now

    def resume(self, now: float) -> None:
        """Be patient anew with every feed that is not stale: until now nothing could be heard."""
        for address in self._feeds:
            self.expect(address, now)

    def heard(self, address: Address, now: float) -> Change | None:
        """Take note of a message; the change, if the feed was stale."""
        rhythm = self._feeds.get(address)
        if rhythm is None:
            self._feeds[address] = _Rhythm(now, first=now, memory_began=now)
            return None
        gap = now - rhythm.heard
        if rhythm.first is None:
            rhythm.first = rhythm.memory_began = now
        else:
            rhythm.learn(gap, now)
        was_stale, rhythm.stale = rhythm.stale, False
        rhythm.heard = now
        return Change(address, stale=False, silent_s=gap, ever_heard=True) if was_stale else None

    def check(self, now: float) -> Iterator[Change]:
        """The feeds that have become stale since the last check."""
        for address, rhythm in self._feeds.items():
            silent_s = now - rhythm.heard
            if not rhythm.stale and silent_s > rhythm.patience_s:
                rhythm.stale = True
                yield Change(address, stale=True, silent_s=silent_s, ever_heard=rhythm.first is not None)

    def silent_since(self, address: Address) -> float | None:
        """When a stale feed was last heard; None for one that is not stale."""
        rhythm = self._feeds.get(address)
        return rhythm.heard if rhythm is not None and rhythm.stale else None
