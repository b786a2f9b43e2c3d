"""Answer a request for several fields of several nodes: all nodes at once, each with its deadline.

A node that is away, slow or wrong costs its own series, which comes back empty with a notice. The
same question that is already on its way to a node is not asked again: who comes second shares the
reply. Knows nothing of HTTP or of any dialect.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sisock import decimate, wire
from sisock.consumer import Consumer
from sisock.errors import DeadlineError, NodeError, TooMuchDataError
from sisock.node import Field, Series
from twisted.internet.defer import Deferred, DeferredList, ensureDeferred

from sisock_http.catalogue import SEPARATOR, Catalogue

Found = tuple[dict[str, Series], dict[str, str]]
"""Series that a node gave, and why it gave no others, by field."""

WIDER = 4
WIDEST_TRIES = 4
STRIDE_POINTS = 1000
EARLIEST = 1e-3
"""Times of zero and less are no UNIX times to a data node: they count back from now."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is wanted: fields in ``[start, end)``, UNIX seconds, and how much of them."""

    targets: tuple[str, ...]
    start: float
    end: float
    max_points: int | None = None
    min_stride: float | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """One field's samples; `notice` says why there may be none."""

    target: str
    series: Series
    field: Field | None = None
    notice: str = ""


def split(target: str) -> tuple[str, str]:
    """Node and field of a target; the node is empty if the target has no separator."""
    node, found, name = target.partition(SEPARATOR)
    return (node, name) if found else ("", target)


def empty(name: str) -> Series:
    """A series without samples."""
    return Series(name, np.empty(0), np.empty(0))


class Asker:
    """Asks data nodes on behalf of a request.

    Parameters
    ----------
    reactor : IReactorTime
    consumer : Consumer
    catalogue : Catalogue
    deadline_s : float
        Seconds that a node has for its answer.
    """

    def __init__(self, reactor: Any, consumer: Consumer, catalogue: Catalogue, deadline_s: float) -> None:
        self._reactor = reactor
        self._consumer = consumer
        self._catalogue = catalogue
        self._deadline_s = deadline_s
        self._under_way: dict[Any, list[Deferred[Found]]] = {}

    async def ask(self, request: Request) -> list[Answer]:
        """Answer every target, in the order of the request."""
        wanted: dict[str, list[str]] = {}
        for target in request.targets:
            node, name = split(target)
            names = wanted.setdefault(node, [])
            if name not in names:
                names.append(name)
        asked = [ensureDeferred(self._share(node, names, request)) for node, names in wanted.items()]
        results = (
            [await asked[0]]
            if len(asked) == 1
            else [r for _, r in await DeferredList(asked, consumeErrors=True)]
        )
        of_node = dict(zip(wanted, results, strict=True))
        return [self._answer(target, *of_node[split(target)[0]]) for target in request.targets]

    def _answer(self, target: str, series: dict[str, Series], problems: dict[str, str]) -> Answer:
        node, name = split(target)
        entry = self._catalogue.entries.get(node)
        known = entry.fields.get(name) if entry else None
        found = series.get(name)
        if found is None:
            return Answer(target, empty(name), known, problems.get(name, f"{target!r} has no data"))
        notice = ""
        if known is None and not len(found.t):
            notice = f"{node!r} has no field {name!r}"
            self._catalogue.refresh(node)
        return Answer(target, found, known, notice)

    async def _share(self, node: str, names: Sequence[str], request: Request) -> Found:
        question = (node, *names, request.start, request.end, request.max_points, request.min_stride)
        others = self._under_way.get(question)
        if others is not None:
            shared: Deferred[Found] = Deferred()
            others.append(shared)
            return await shared
        waiting = self._under_way[question] = []
        try:
            found = await self._ask_node(node, names, request)
        except BaseException:
            for other in waiting:
                other.errback()
            raise
        finally:
            del self._under_way[question]
        for other in waiting:
            other.callback(found)
        return found

    async def _ask_node(self, node: str, names: Sequence[str], request: Request) -> Found:
        entry = self._catalogue.entries.get(node)
        if entry is None:
            return {}, dict.fromkeys(names, f"data node {node!r} is not online")
        try:
            parts = await self._fetch(node, names, request)
            series, problems = wire.merge(parts, names, entry.timelines)
        except NodeError as error:
            return {}, dict.fromkeys(names, str(error))
        except TooMuchDataError as error:
            return {}, dict.fromkeys(names, f"{error}, at any resolution")
        if request.max_points is not None:
            series = {name: _reduce(one, request.max_points) for name, one in series.items()}
        return series, problems

    async def _fetch(self, node: str, names: Sequence[str], request: Request) -> list[Any]:
        """Ask once, and again with a wider stride while the node says that it is too much."""
        deadline = self._reactor.seconds() + self._deadline_s
        stride = request.min_stride
        for tries_left in reversed(range(WIDEST_TRIES)):
            left = deadline - self._reactor.seconds()
            if left <= 0:
                raise DeadlineError(f"{node} did not answer within {self._deadline_s:g} s")
            try:
                return await self._consumer.fetch(
                    node,
                    names,
                    max(EARLIEST, request.start),
                    max(EARLIEST, request.end),
                    deadline_s=left,
                    max_points=request.max_points,
                    min_stride=stride,
                )
            except TooMuchDataError:
                if not tries_left:
                    raise
                points = request.max_points or STRIDE_POINTS
                widened = stride * WIDER if stride else 0.0
                stride = max(widened, (request.end - request.start) / points)
        raise AssertionError("unreachable")


def _reduce(series: Series, max_points: int) -> Series:
    """Reduce what a node of the predecessor's sent in full."""
    if len(series.t) <= max_points:
        return series
    kept = decimate.envelope(series.t, [series.values], max_points)
    return Series(series.name, series.t[kept], series.values[kept], series.timeline, series.finalized_until)
