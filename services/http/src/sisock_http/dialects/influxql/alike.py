"""Whole replies to statements that differ from one that was answered in nothing but the times of their range.

A panel's refresh is the same request with other milliseconds. It is known by its bytes, unread: where the
times stand, and what range they make, was learnt when the first of its kind was answered. Its reply stands
for the next one as long as the samples that it was made of are the answer to that, too, by the very same
objects (`sisock_http.asking.keeping`), and the bins are the same.
"""

import re
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from sisock.node import Grid
from sisock_consumer import moments
from sisock_consumer.target import Target

from sisock_http.asking.found import Found
from sisock_http.asking.gather import Asker
from sisock_http.asking.question import Question
from sisock_http.dialects.influxql.answering import BACK_S, limits_of
from sisock_http.dialects.influxql.conditions import is_time
from sisock_http.dialects.influxql.mapping import Map
from sisock_http.dialects.influxql.plan import Plan
from sisock_http.dialects.influxql.points import Answers
from sisock_http.dialects.influxql.tree import Binary, Constant, Expr, Logical, Paren
from sisock_http.dialects.reply import Pressed, Reply

MOST_KEPT = 256
MOST_BYTES = 64 * 1024
"""Longer replies are not kept."""

MOST_TARGETS = 32

_TIME = re.compile(rb"(?:(?<=%[0-9A-Fa-f]{2})|(?<![\w.%]))(\d{13})ms(?!\w)")
_NS = 10**6

Key = tuple[bytes, int]
"""A request without its times, and how long its range is: people look at ten minutes, and at a day."""


@dataclass(frozen=True, slots=True)
class Times:
    """How the range follows from the times: each end is the innermost of several.

    Parameters
    ----------
    lows, highs : tuple of (int, int)
        Number of the time, and nanoseconds to be added to it.
    """

    lows: tuple[tuple[int, int], ...]
    highs: tuple[tuple[int, int], ...]

    def range(self, ns: Sequence[int]) -> tuple[int, int]:
        """Microseconds, half open."""
        low = max(ns[at] + more for at, more in self.lows)
        high = min(ns[at] + more for at, more in self.highs)
        return -(-low // 1000), high // 1000 + 1


@dataclass(frozen=True, slots=True)
class _Kept:
    known: Map
    times: Times
    question: Question
    before: int
    behind: int
    only_last: bool
    grid: Grid | None
    bins: tuple[int, int]
    found: tuple[Found, ...]
    reply: Reply


@dataclass(frozen=True, slots=True)
class MadeOf:
    """What a reply was made of: its one statement's plan, the answers, and whether they were converted."""

    plan: Plan
    answers: Answers
    convert: bool


class Alike:
    """Keeps replies.

    Parameters
    ----------
    asker : Asker
        Tells what is kept of the nodes' answers.
    """

    def __init__(self, asker: Asker) -> None:
        self._asker = asker
        self._kept: OrderedDict[Key, _Kept] = OrderedDict()

    def find(self, request: bytes, known: Map, now: float) -> Reply | None:
        """The reply to a request, if that of one like it stands for it.

        Parameters
        ----------
        request : bytes
            Parameters, as they came.
        known : Map
            The present one.
        now : float
            UNIX seconds.
        """
        key, ns = _parted(request)
        kept = self._kept.get(key)
        if kept is None:
            return None
        if kept.known is not known:
            del self._kept[key]
            return None
        low, high = kept.times.range(ns)
        if kept.grid is not None and kept.bins != _bins(kept.grid, low, high):
            return None
        question = _ranged(kept.question, low - kept.before, high + kept.behind, now, kept.only_last)
        if question is None or self._asker.kept(question) != kept.found:
            return None
        self._kept.move_to_end(key)
        return kept.reply

    def keep(
        self,
        request: bytes,
        known: Map,
        made_of: MadeOf,
        reply: Reply,
        now: float,
    ) -> Reply:
        """Keep the reply to a statement, if it may stand for others; what is given back stands for it.

        Parameters
        ----------
        request, known, now
            As for `find`.
        made_of : MadeOf
        reply : Reply
        """
        if len(reply.body) > MOST_BYTES:
            return reply
        key, ns = _parted(request)
        kept = self._learnt(ns, known, made_of, reply, now)
        if kept is None:
            return reply
        self._kept.pop(key, None)
        self._kept[key] = kept
        if len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        return kept.reply

    def _learnt(
        self,
        ns: Sequence[int],
        known: Map,
        made_of: MadeOf,
        reply: Reply,
        now: float,
    ) -> _Kept | None:
        plan = made_of.plan
        times = times_of(plan.select.where, ns)
        asks = list(plan.asks())
        reaches = {(ask.low, ask.high, ask.wanted) for ask in asks}
        if (
            times is None
            or plan.low is None
            or plan.high is None
            or times.range(ns) != (plan.low, plan.high)
            or len(reaches) != 1
            or len(asks) > MOST_TARGETS
            or not (plan.grid or plan.is_selector or not plan.calls)
        ):
            return None
        low, high, wanted = reaches.pop()
        if low is None or high is None or wanted == "first":
            return None
        grid = wanted if isinstance(wanted, Grid) else None
        targets = tuple(dict.fromkeys(known.targets[ask.key, ask.field][0] for ask in asks))
        question = Question(targets, 0.0, 0.0, limits_of(wanted), grid=grid, convert=made_of.convert)
        before, behind = plan.low - low, high - plan.high
        asked = _ranged(question, low, high, now, wanted == "last")
        found = self._asker.kept(asked) if asked else None
        if not found:
            return None
        given = {
            (target.node, name): one for target, name, one in _given(targets, found, bins=grid is not None)
        }
        for ask in asks:
            target = known.targets[ask.key, ask.field][0]
            answer = made_of.answers.get(ask)
            if answer is None or given.get((target.node, target.field)) is not answer:
                return None
        bins = _bins(plan.grid, plan.low, plan.high) if plan.grid else (0, 0)
        reply = replace(reply, pressed=Pressed())
        return _Kept(known, times, question, before, behind, wanted == "last", plan.grid, bins, found, reply)


def _given(
    targets: Sequence[Target], found: Sequence[Found], *, bins: bool
) -> Iterator[tuple[Target, str, object]]:
    """What nodes gave of each target, as `Asker.kept` has it: one `Found` for each node, in their order."""
    nodes = dict(zip(dict.fromkeys(target.node for target in targets), found, strict=True))
    for target in targets:
        one = nodes[target.node]
        yield target, target.field, (one.bins if bins else one.series).get(target.field)


def _parted(request: bytes) -> tuple[Key, list[int]]:
    """A request's key, and its times in nanoseconds."""
    pieces = _TIME.split(request)
    ns = [int(digits) * _NS for digits in pieces[1::2]]
    return (b"\0".join(pieces[::2]), ns[-1] - ns[0] if ns else 0), ns


def times_of(where: Expr | None, ns: Sequence[int]) -> Times | None:
    """How a condition's range follows from the times of its request; None if that is not plain."""
    if len(set(ns)) != len(ns):
        return None
    numbers = {at: number for number, at in enumerate(ns)}
    lows: list[tuple[int, int]] = []
    highs: list[tuple[int, int]] = []

    def read(expr: Expr) -> bool:
        if isinstance(expr, Paren):
            return read(expr.inner)
        if isinstance(expr, Logical):
            return all(read(part) for part in expr.parts)
        if not isinstance(expr, Binary) or is_time(expr.right):
            return False
        if not is_time(expr.left):
            return True
        number = numbers.pop(expr.right.value, None) if isinstance(expr.right, Constant) else None
        if number is None or expr.op not in (">", ">=", "<", "<="):
            return False
        if expr.op in (">", ">="):
            lows.append((number, int(expr.op == ">")))
        else:
            highs.append((number, -int(expr.op == "<")))
        return True

    if where is None or not read(where) or numbers or not lows or not highs:
        return None
    return Times(tuple(lows), tuple(highs))


def _bins(grid: Grid, low: int, high: int) -> tuple[int, int]:
    """Numbers of the first and the last bin of a range."""
    return (low - grid.offset) // grid.width, (high - 1 - grid.offset) // grid.width


def _ranged(question: Question, low: int, high: int, now: float, only_last: bool) -> Question | None:
    """A question for a range of microseconds, as `Answerer` asks it; None if that is empty."""
    start, end = max(moments.EARLIEST_S, (low - 0.5) / 1e6), (high - 0.5) / 1e6
    if only_last:
        start = max(start, min(end, now) - BACK_S[0])
    return replace(question, start=start, end=end) if start < end else None
