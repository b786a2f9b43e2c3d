"""How long something usually pauses: a feed's messages, a field's samples. No clock, no peers."""

from dataclasses import dataclass

USUAL_PAUSES = 3.0
SOONEST_S = 10.0
UNKNOWN_S = 60.0
LEARNING_S = 180.0
"""For so long after the first time its rhythm counts as unknown."""

MEMORY_S = 900.0
"""How long pauses are remembered, at least; up to twice as long."""


@dataclass(slots=True)
class Rhythm:
    """When it was heard, and its two longest pauses in this and the last `MEMORY_S` seconds.

    What comes in bursts has many short gaps and a few long ones; only the long ones say what is
    usual. The second longest counts, as one outage is no rhythm.

    Parameters
    ----------
    last : float
        When it was heard last, or since when it is waited for; UNIX seconds.
    first : float or None
        When it was heard first.
    usual_pause_s : float
        As learnt; what is given at first is what somebody says it will be.
    """

    last: float
    first: float | None = None
    usual_pause_s: float = 0.0
    longest: tuple[float, float] = (0.0, 0.0)
    longest_before: tuple[float, float] = (0.0, 0.0)
    memory_began: float = 0.0

    @property
    def patience_s(self) -> float:
        """A pause of more than that is unusual."""
        learnt = max(SOONEST_S, USUAL_PAUSES * self.usual_pause_s)
        unknown = self.first is None or self.last - self.first < LEARNING_S
        return max(UNKNOWN_S, learnt) if unknown else learnt

    def heard(self, now: float) -> float:
        """Take note of it; how long it was waited for."""
        pause_s = now - self.last
        if self.first is None:
            self.first = self.memory_began = now
        else:
            self._learn(pause_s, now)
        self.last = now
        return pause_s

    def _learn(self, pause_s: float, now: float) -> None:
        # Long enough to hold two of the usual pauses, also those of something slow.
        forget = now - self.memory_began >= max(MEMORY_S, USUAL_PAUSES * self.usual_pause_s)
        if forget:
            self.longest, self.longest_before, self.memory_began = (0.0, 0.0), self.longest, now
        if forget or pause_s > self.longest[1]:
            first, second = sorted((*self.longest, pause_s), reverse=True)[:2]
            self.longest = first, second
            self.usual_pause_s = sorted((*self.longest, *self.longest_before))[-2]
