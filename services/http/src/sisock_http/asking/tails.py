"""The newest samples of fields that pages look at, asked of each node once for all who look.

What a page was told it is not told again: it says what it has, and gets what came since. Samples that come
late, with times before those that were told, are not sent after them; a page asks for its whole range now
and then.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sisock.node import Limits
from sisock_consumer.target import Target

from sisock_http.asking.gather import Asker
from sisock_http.asking.latest import AHEAD_S
from sisock_http.asking.question import Question
from sisock_http.observatory.catalogue import Catalogue

Sample = tuple[float, Any]

TOLD_S = 90.0
"""So far back are samples told of; who has older ones alone asks for a range."""

MOST_SAMPLES = 600
"""Of a field that are kept; one that has more within a look loses none of its extremes."""

A_LOOK = Limits(40)
SILENT_NODE_S = 2.0
"""Between two questions to a node that does not say when it has something new."""

DEADLINE_S = 5.0


@dataclass(slots=True)
class _Tail:
    """What is known of a field, and by whom it is followed: how often they look, in seconds."""

    followers: Counter[float] = field(default_factory=Counter)
    samples: deque[Sample] = field(default_factory=lambda: deque(maxlen=MOST_SAMPLES))
    asked: float = float("-inf")


class Tails:
    """Newest samples.

    Parameters
    ----------
    reactor : IReactorTime
    catalogue : Catalogue
    asker : Asker
    clock : callable
        The present, UNIX seconds.
    """

    def __init__(self, reactor: Any, catalogue: Catalogue, asker: Asker, clock: Callable[[], float]) -> None:
        self._reactor = reactor
        self._catalogue = catalogue
        self._asker = asker
        self._clock = clock
        self._tails: dict[Target, _Tail] = {}
        self._news: Counter[str] = Counter()
        self._seen: dict[Target, int] = {}

    def follow(self, targets: Iterable[Target], every_s: float) -> None:
        """Somebody looks at these."""
        for target in targets:
            self._tails.setdefault(target, _Tail()).followers[every_s] += 1

    def leave(self, targets: Iterable[Target], every_s: float) -> None:
        """Somebody does not look any more."""
        for target in targets:
            tail = self._tails[target]
            tail.followers[every_s] -= 1
            if not tail.followers[every_s]:
                del tail.followers[every_s]
            if not tail.followers:
                del self._tails[target]
                self._seen.pop(target, None)

    def updated(self, node: str) -> None:
        """A node says that it has something new."""
        self._news[node] += 1

    def since(self, target: Target, t: float | None) -> Sequence[Sample]:
        """Samples after `t`, in the order of time; all that are known if it is None."""
        tail = self._tails.get(target)
        if tail is None:
            return ()
        return [one for one in tail.samples if t is None or one[0] > t]

    async def look(self) -> None:
        """Ask for what may be new."""
        due = [target for target, tail in self._tails.items() if self._is_due(target, tail)]
        if not due:
            return
        at, now = self._reactor.seconds(), self._clock()
        for target in due:
            self._tails[target].asked = at
            self._seen[target] = self._news[target.node]
        earliest = now - TOLD_S
        # What is silent is not to make the others tell their whole past again.
        going: list[Target] = []
        resting: list[Target] = []
        start = now
        for target in due:
            samples = self._tails[target].samples
            if samples and earliest <= samples[-1][0]:
                going.append(target)
                start = min(start, samples[-1][0])
            else:
                resting.append(target)
        for begin, targets in ((start, going), (earliest, resting)):
            if not targets:
                continue
            question = Question(tuple(targets), begin, now + AHEAD_S, A_LOOK, "newest")
            for answer in await self._asker.ask(question, at + DEADLINE_S):
                self._take(answer.target, answer.series)

    def _take(self, target: Target, series: Any) -> None:
        tail = self._tails.get(target)
        if tail is None or not len(series.t):
            return
        last = tail.samples[-1][0] if tail.samples else float("-inf")
        first = int(series.t.searchsorted(last, side="right"))
        tail.samples.extend(zip(series.t[first:].tolist(), series.values[first:].tolist(), strict=True))

    def _is_due(self, target: Target, tail: _Tail) -> bool:
        entry = self._catalogue.online.get(target.node)
        if entry is None:
            return False
        waited = self._reactor.seconds() - tail.asked
        every = min(tail.followers)
        if "live" in entry.info.capabilities:
            # Rather a little early than a whole look late.
            return bool(waited >= 0.9 * every) and self._seen.get(target) != self._news[target.node]
        return bool(waited >= max(every, SILENT_NODE_S))
