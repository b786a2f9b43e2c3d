"""What is to be looked at when: of tens of thousands of things most are due in the same few seconds."""

import heapq
import math
from typing import Generic, Protocol, TypeVar


class Queued(Protocol):
    """Has a time at which it is due, on the caller's clock; infinite: never."""

    queued: float


T = TypeVar("T", bound=Queued)


class DueDates(Generic[T]):
    """Things by the second in which they are due: a list has 8 bytes for each, a heap of pairs 130."""

    def __init__(self) -> None:
        self._due: dict[int, list[T]] = {}
        self._seconds: list[int] = []
        """Those in which anything is due, as a heap."""

    def put(self, thing: T) -> None:
        """Something is due when it says; what was said before does not count any more."""
        second = math.floor(thing.queued)
        there = self._due.get(second)
        if there is None:
            there = self._due[second] = []
            heapq.heappush(self._seconds, second)
        there.append(thing)

    def over(self, now: float) -> list[T]:
        """Take out what was due before now, in order."""
        expired: dict[int, T] = {}
        while self._seconds and self._seconds[0] < now:
            second = heapq.heappop(self._seconds)
            # What was put in again for another second is found there.
            still = {id(one): one for one in self._due.pop(second) if second <= one.queued < second + 1}
            later = [one for one in still.values() if one.queued >= now]
            expired.update((key, one) for key, one in still.items() if one.queued < now)
            if later:
                self._due[second] = later
                heapq.heappush(self._seconds, second)
                break
        return sorted(expired.values(), key=lambda one: one.queued)
