"""Whether feeds are still heard: how long each usually pauses, and which have gone silent."""

from collections.abc import Iterator
from dataclasses import dataclass

from sisock.rhythm import Rhythm

from sisock_data_feed.topics import Address


@dataclass(slots=True)
class _Feed(Rhythm):
    """A feed's rhythm, and whether it was said that it is silent."""

    stale: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """A feed went silent, or came back; `silent_s` says for how long it was."""

    address: Address
    stale: bool
    silent_s: float
    ever_heard: bool


class Rhythms:
    """The rhythm of each feed.

    A feed is stale when nothing came for three times its usual pause, ten seconds at least; a
    feed whose rhythm is not known yet, or that was never heard, after a minute at least. The usual
    pause is the second longest of the last quarter of an hour, so that bursts are no surprise, a
    feed that slows down is stale twice at most, and one that gets faster is watched more closely.
    """

    def __init__(self) -> None:
        self._feeds: dict[Address, _Feed] = {}

    def expect(self, address: Address, now: float) -> None:
        """Begin to wait for a feed."""
        rhythm = self._feeds.setdefault(address, _Feed(now))
        if not rhythm.stale:
            rhythm.last = now

    def resume(self, now: float) -> None:
        """Be patient anew with every feed that is not stale: until now nothing could be heard."""
        for address in self._feeds:
            self.expect(address, now)

    def heard(self, address: Address, now: float) -> Change | None:
        """Take note of a message; the change, if the feed was stale."""
        rhythm = self._feeds.get(address)
        if rhythm is None:
            rhythm = self._feeds[address] = _Feed(now)
        gap = rhythm.heard(now)
        was_stale, rhythm.stale = rhythm.stale, False
        return Change(address, stale=False, silent_s=gap, ever_heard=True) if was_stale else None

    def check(self, now: float) -> Iterator[Change]:
        """The feeds that have become stale since the last check."""
        for address, rhythm in self._feeds.items():
            silent_s = now - rhythm.last
            if not rhythm.stale and silent_s > rhythm.patience_s:
                rhythm.stale = True
                yield Change(address, stale=True, silent_s=silent_s, ever_heard=rhythm.first is not None)

    def heard_last(self) -> Iterator[tuple[Address, float | None, bool]]:
        """Each feed that is waited for: when it was heard, if ever, and whether it is stale."""
        for address, rhythm in self._feeds.items():
            yield address, None if rhythm.first is None else rhythm.last, rhythm.stale

    def silent_since(self, address: Address) -> float | None:
        """When a stale feed was last heard; None for one that is not stale."""
        rhythm = self._feeds.get(address)
        return rhythm.last if rhythm is not None and rhythm.stale else None
