"""Whether feeds are still heard: how often each usually speaks, and which have gone silent."""

from collections.abc import Iterator
from dataclasses import dataclass

from sisock_data_feed.topics import Address

USUAL_GAPS = 5.0
SOONEST_S = 10.0
UNKNOWN_S = 60.0
_SMOOTHING = 0.1


@dataclass(slots=True)
class _Rhythm:
    heard: float
    messages: int = 0
    interval_s: float | None = None
    stale: bool = False

    @property
    def patience_s(self) -> float:
        return UNKNOWN_S if self.interval_s is None else max(SOONEST_S, USUAL_GAPS * self.interval_s)


@dataclass(frozen=True, slots=True)
class Change:
    """A feed went silent, or came back; `silent_s` says for how long it was."""

    address: Address
    stale: bool
    silent_s: float
    ever_heard: bool


class Watch:
    """The rhythm of each feed.

    A feed is stale when nothing came for five times its usual interval, ten seconds at least; a
    feed whose rhythm is not known yet, or that was never heard, after a minute.
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
            self._feeds[address] = _Rhythm(now, messages=1)
            return None
        gap = now - rhythm.heard
        if rhythm.messages and not rhythm.stale:
            usual = gap if rhythm.interval_s is None else rhythm.interval_s
            rhythm.interval_s = usual + _SMOOTHING * (gap - usual)
        was_stale, rhythm.stale = rhythm.stale, False
        rhythm.messages += 1
        rhythm.heard = now
        return Change(address, stale=False, silent_s=gap, ever_heard=True) if was_stale else None

    def check(self, now: float) -> Iterator[Change]:
        """The feeds that have become stale since the last check."""
        for address, rhythm in self._feeds.items():
            silent_s = now - rhythm.heard
            if not rhythm.stale and silent_s > rhythm.patience_s:
                rhythm.stale = True
                yield Change(address, stale=True, silent_s=silent_s, ever_heard=rhythm.messages > 0)

    def silent_since(self, address: Address) -> float | None:
        """When a stale feed was last heard; None for one that is not stale."""
        rhythm = self._feeds.get(address)
        return rhythm.heard if rhythm is not None and rhythm.stale else None
