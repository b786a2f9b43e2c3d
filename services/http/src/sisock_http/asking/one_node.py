"""Ask one data node for a question, in as many calls as it takes to get right values.

More than a node is willing to send is asked again with a wider stride; fields of a node of the
predecessor's that came with another's times are asked again one by one. Values are converted here, as the
site's file has it, before anybody else sees them. Knows nothing of other nodes.
"""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import structlog
from sisock import decimate, metrics
from sisock.blocking import in_thread
from sisock.errors import DeadlineError, NodeError, TooMuchDataError
from sisock.node import Series
from sisock_consumer import moments
from sisock_consumer.consumer import Consumer
from sisock_consumer.replies import Reading
from sisock_site import Conversion
from twisted.internet.defer import ensureDeferred, gatherResults

from sisock_http.asking import summing
from sisock_http.asking.found import Found
from sisock_http.asking.question import Question
from sisock_http.measures import Measures
from sisock_http.observatory.catalogue import Catalogue, OnlineNode
from sisock_http.problems import BusyError

WIDER = 4
WIDEST_TRIES = 4
STRIDE_POINTS = 1000
SILENT_S = 1.0
"""A node that has answered nothing for so long, with many questions waiting, is not just busy."""

ALONE_AT_ONCE = 8
LARGE_SAMPLES = 200_000
"""So many samples take a while to be converted: a thread's work."""


@dataclass(slots=True)
class _Pace:
    """How a node answers: questions that wait, who else waits for an answer, and when it answered last."""

    waiting: int
    answered_at: float
    sharing: int = 0


@dataclass(slots=True)
class _Late:
    """Since when a node does not answer in time, and how many questions had no answer."""

    since: float
    questions: int = 0


class NodeAsker:
    """Asks data nodes, one at a time.

    Parameters
    ----------
    reactor : IReactorTime
    consumer : Consumer
    catalogue : Catalogue
    log : structlog logger
    most_waiting : int
        Most questions that may wait for one node.
    measures : Measures, optional
        Counts answers.
    """

    def __init__(
        self,
        reactor: Any,
        consumer: Consumer,
        catalogue: Catalogue,
        log: structlog.stdlib.BoundLogger,
        most_waiting: int,
        measures: Measures | None = None,
    ) -> None:
        self._reactor = reactor
        self._consumer = consumer
        self._catalogue = catalogue
        self._log = log
        self._most_waiting = most_waiting
        self._measures = measures or Measures()
        self._pace: dict[str, _Pace] = {}
        self._late: dict[str, _Late] = {}

    async def ask(self, node: str, names: Sequence[str], question: Question, until: float) -> Found:
        """Ask a node for fields, until the reactor's time `until`.

        Returns
        -------
        Found
            Whatever the node does is in it.

        Raises
        ------
        BusyError
            If so many questions wait for the node that it was not asked.
        """
        entry = self._catalogue.online.get(node)
        if entry is None:
            return Found(problems=dict.fromkeys(names, f"data node {node!r} is not online"))
        now = self._reactor.seconds()
        pace = self._pace.setdefault(node, _Pace(0, now))
        silent = self.silent(node)
        if silent:
            return Found(problems=dict.fromkeys(names, silent))
        if pace.waiting >= self._most_waiting:
            raise BusyError(f"{pace.waiting} questions wait for {node}, which is all there is room for")
        self._log.debug("node.asked", node=node, fields=len(names), start=question.start, end=question.end)
        pace.waiting += 1
        try:
            return await self._ask(node, entry, names, question, until)
        finally:
            pace.waiting -= 1
            if not pace.waiting:
                self._pace.pop(node, None)

    def silent(self, node: str) -> str:
        """Why nobody else should wait for a node, if it says nothing and as many do as there is room for."""
        pace = self._pace.get(node)
        if pace is None or pace.waiting + pace.sharing < self._most_waiting:
            return ""
        silent_s = self._reactor.seconds() - pace.answered_at
        if silent_s < SILENT_S:
            return ""
        waiting = pace.waiting + pace.sharing
        return f"{node} has not answered for {silent_s:.0f} s; {waiting} questions wait for it"

    async def share(self, node: str, answer: Awaitable[Found]) -> Found:
        """Wait for the answer to a question that the node has been asked already, as one of those who do."""
        pace = self._pace.get(node) or _Pace(0, self._reactor.seconds())
        pace.sharing += 1
        try:
            return await answer
        finally:
            pace.sharing -= 1

    async def _ask(
        self, node: str, entry: OnlineNode, names: Sequence[str], question: Question, until: float
    ) -> Found:
        try:
            found = (
                await self._whole(node, entry, names, question, until)
                if question.grid is None
                else await self._summed(node, entry, names, question, until)
            )
        except Exception as error:  # noqa: BLE001 (a fault of ours; it must not cost other nodes' series)
            self._log.error("reply.failed", node=node, exc_info=error)
            why = f"{node}'s answer could not be used ({type(error).__name__}); the log says why"
            return Found(problems=dict.fromkeys(names, why))
        fresh = [name for name in found.problems if name in entry.fields and name not in entry.told]
        if fresh and found.series:
            entry.told.update(fresh)
            self._log.warning("reply.unreadable", node=node, why=found.problems[fresh[0]], fields=len(fresh))
        if question.limits.max_points is not None:
            most = question.limits.max_points
            found.series = {name: _reduce(one, most) for name, one in found.series.items()}
        return found

    async def _summed(
        self, node: str, entry: OnlineNode, names: Sequence[str], question: Question, until: float
    ) -> Found:
        """Bins from a node that sums up, or from the samples of one that does not."""
        sums = "bins" in entry.info.capabilities
        tables = [name for name in names if not (sums and _sums_follow(_conversion(entry, name, question)))]
        others = [name for name in names if name not in set(tables)]
        found = await self._sums(node, entry, others, question, until) if others else Found(summed=True)
        if tables:
            # What converted samples come to does not follow from what raw ones come to.
            of_samples = await summing.from_samples(
                self._reactor, lambda part: self._whole(node, entry, tables, part, until), tables, question
            )
            found.bins.update(of_samples.bins)
            found.problems.update(of_samples.problems)
        return found

    async def _sums(
        self, node: str, entry: OnlineNode, names: Sequence[str], question: Question, until: float
    ) -> Found:
        """Bins from a node that sums up."""
        grid = question.grid
        if grid is None:
            raise ValueError("a question without a grid has no bins")
        start, end = (max(moments.EARLIEST_S, t) for t in (question.start, question.end))
        began = self._reactor.seconds()
        try:
            bins, problems = await self._consumer.get_bins(
                node, names, start, end, deadline_s=max(0.0, until - began), grid=grid
            )
        except (NodeError, TooMuchDataError) as error:
            self._failed(node, error)
            return Found(problems=dict.fromkeys(names, str(error)), summed=True)
        finally:
            self._measures.answered(node, self._reactor.seconds() - began)
        self._answered(node)
        for name, one in list(bins.items()):
            conversion = _conversion(entry, name, question)
            bins[name] = (conversion.of_bins(one) if conversion else None) or one
        return Found(problems=problems, bins=bins, summed=True)

    async def _whole(
        self, node: str, entry: OnlineNode, names: Sequence[str], question: Question, until: float
    ) -> Found:
        """Ask for all fields at once, but for those that are known to bring another's times."""
        alone = [name for name in names if entry.timelines.get(name) in entry.torn] if len(names) > 1 else []
        together = [name for name in names if name not in set(alone)]
        found = Found()
        if together:
            found, misfits = await self._once(node, entry, together, question, until)
            if misfits and len(together) > 1 and "packed" not in entry.info.capabilities:
                torn = {entry.timelines.get(name) for name in misfits} - {None}
                entry.torn.update(timeline for timeline in torn if timeline)
                # Those that seem to fit may have another's times, too, and as many by chance.
                alone += [n for n in together if n in misfits or entry.timelines.get(n) in torn]
        for first in range(0, len(alone), ALONE_AT_ONCE):
            some = alone[first : first + ALONE_AT_ONCE]
            asked = [ensureDeferred(self._once(node, entry, [name], question, until)) for name in some]
            for name, (single, _) in zip(some, await gatherResults(asked, consumeErrors=True), strict=True):
                found.series.pop(name, None)
                found.problems.pop(name, None)
                found.series.update(single.series)
                found.problems.update(single.problems)
                found.thinned |= single.thinned
        return found

    async def _once(
        self, node: str, entry: OnlineNode, names: Sequence[str], question: Question, until: float
    ) -> tuple[Found, frozenset[str]]:
        """What came, and which fields have more or fewer values than times."""
        began = self._reactor.seconds()
        try:
            read, thinned = await self._read(node, entry, names, question, until)
        except NodeError as error:
            self._failed(node, error)
            return Found(problems=dict.fromkeys(names, str(error))), frozenset()
        except TooMuchDataError as error:
            self._measures.failed(node, metrics.cause(error))
            return Found(problems=dict.fromkeys(names, f"{error}{summing.TOO_MUCH}")), frozenset()
        finally:
            self._measures.answered(node, self._reactor.seconds() - began)
        converted = [
            (one, conversion)
            for name, one in read.series.items()
            if (conversion := _conversion(entry, name, question)) and len(one.t)
        ]

        def convert() -> None:
            for one, conversion in converted:
                read.series[one.name] = replace(one, values=conversion.shown(one.values))

        if sum(len(one.t) for one, _ in converted) > LARGE_SAMPLES:
            await in_thread(self._reactor, convert)
        else:
            convert()
        return Found(read.series, read.problems, thinned), read.misfits

    async def _read(
        self, node: str, entry: OnlineNode, names: Sequence[str], question: Question, until: float
    ) -> tuple[Reading, bool]:
        """Ask once, and again with a wider stride while the node says that it is too much; whether it did."""
        limits = question.limits
        for tries_left in reversed(range(WIDEST_TRIES)):
            left = until - self._reactor.seconds()
            if left <= 0:
                raise DeadlineError(f"{node} did not answer in time")
            try:
                read = await self._consumer.get_data(
                    node,
                    names,
                    max(moments.EARLIEST_S, question.start),
                    max(moments.EARLIEST_S, question.end),
                    deadline_s=left,
                    timelines=entry.timelines,
                    limits=limits,
                )
            except TooMuchDataError:
                self._answered(node)
                if not tries_left or question.grid is not None:
                    # A sum of every tenth sample is none.
                    raise
                points = limits.max_points or STRIDE_POINTS
                widened = (limits.min_stride or 0.0) * WIDER
                stride = max(widened, (question.end - question.start) / points)
                limits = replace(limits, min_stride=stride)
            else:
                self._answered(node)
                return read, limits is not question.limits
        raise AssertionError("unreachable")

    def _failed(self, node: str, error: Exception) -> None:
        """Count it; the first of several deadlines that a node lets pass is a line, too."""
        self._measures.failed(node, metrics.cause(error))
        if isinstance(error, DeadlineError):
            late = self._late.setdefault(node, _Late(self._reactor.seconds()))
            late.questions += 1
            if late.questions == 1:
                self._log.warning("node.late", node=node, why=str(error))

    def _answered(self, node: str) -> None:
        late = self._late.pop(node, None)
        if late:
            since_s = round(self._reactor.seconds() - late.since, 3)
            self._log.info("node.in_time", node=node, unanswered=late.questions, late_for_s=since_s)
        pace = self._pace.get(node)
        if pace:
            pace.answered_at = self._reactor.seconds()


def _sums_follow(conversion: Conversion | None) -> bool:
    """Whether sums of converted values follow from those of a node's own."""
    return conversion is None or not conversion.table


def _conversion(entry: OnlineNode, name: str, question: Question) -> Conversion | None:
    return entry.conversions.get(name) if question.convert else None


def _reduce(series: Series, max_points: int) -> Series:
    """Reduce what a node of the predecessor's sent in full."""
    if len(series.t) <= max_points:
        return series
    kept = decimate.envelope(series.t, [series.values], max_points)
    return Series(series.name, series.t[kept], series.values[kept], series.timeline, series.finalized_until)
