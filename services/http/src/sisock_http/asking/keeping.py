"""Ask a node once for what many want at about the same time, and share the answer.

Stands before `NodeAsker` and looks like it. Which answer is good for which question, and for how long, is
decided in `sisock_http.asking.sameness`; here is what is under way and what is kept, bounded in bytes.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sisock.binning import BIN_BYTES
from sisock.node import Grid, Limits, Series
from sisock_consumer.consumer import NodeInfo
from sisock_site import Conversion
from twisted.internet.defer import Deferred

from sisock_http.asking import sameness
from sisock_http.asking.found import Found
from sisock_http.asking.one_node import NodeAsker
from sisock_http.asking.question import Question, SharedSeries
from sisock_http.asking.sameness import Asked, Span
from sisock_http.observatory.catalogue import Catalogue, OnlineNode

Key = tuple[tuple[str, ...], Limits, Grid | None, bool]
"""Fields of a node in their order, how much of them, which bins, whether they are converted: all of a
question beside its range."""

_WHOLE = Limits()

JSON_POINT_BYTES = 48
"""Most that a pair of numbers takes as JSON, which is kept beside the columns."""

OBJECT_BYTES = 64
ANSWER_BYTES = 1024
MOST_RANGES = 8
"""Answers to one key: panels with the same fields and different ranges."""

MOST_WAITS = 2
"""How often to wait for others' answers before asking for one's own."""


@dataclass(slots=True, eq=False)
class _UnderWay:
    """A question that a node was asked, and those who wait for its answer beside the one who asked."""

    question: Question
    asked: Asked
    span: Span
    waiting: list[Deferred[Found]] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class _Kept:
    """An answer that may be asked for again."""

    place: "_Place"
    key: Key
    asked: Asked
    span: Span
    final: bool
    found: Found
    size_bytes: int


@dataclass(slots=True, eq=False)
class _Place:
    """What there is of a node, for as long as it is online and its values are converted alike."""

    entry: OnlineNode
    conversions: Mapping[str, Conversion]
    news: int = 0
    under_way: dict[Key, list[_UnderWay]] = field(default_factory=dict)
    kept: dict[Key, list[_Kept]] = field(default_factory=dict)


class Keeper:
    """Answers from what is kept or under way, else asks.

    Parameters
    ----------
    reactor : IReactorTime
    catalogue : Catalogue
    node_asker : NodeAsker
    clock : callable
        The present, UNIX seconds.
    most_bytes : int
        What is kept at most; 0: nothing, only what is under way is shared.
    """

    def __init__(
        self,
        reactor: Any,
        catalogue: Catalogue,
        node_asker: NodeAsker,
        clock: Callable[[], float],
        most_bytes: int,
    ) -> None:
        self._reactor = reactor
        self._catalogue = catalogue
        self._node_asker = node_asker
        self._clock = clock
        self._most_bytes = most_bytes
        self._places: dict[str, _Place] = {}
        self._oldest_first: OrderedDict[_Kept, None] = OrderedDict()
        self.kept_bytes = 0

    def updated(self, node: NodeInfo) -> None:
        """A node says that it has something new."""
        entry = self._catalogue.online.get(node.name)
        if entry is not None:
            self._place(node.name, entry).news += 1

    async def ask(self, node: str, names: Sequence[str], question: Question, until: float) -> Found:
        """Fields of a node, as `NodeAsker.ask` has them; what is found is shared and must not be changed."""
        entry = self._catalogue.online.get(node)
        if entry is None:
            return await self._node_asker.ask(node, names, question, until)
        place = self._place(node, entry)
        key = (tuple(names), question.limits, question.grid, question.convert)
        for _ in range(MOST_WAITS):
            known = self._known(place, key, question)
            if known is not None:
                return known
            other = self._joined(place, key, question)
            if other is None or self._reactor.seconds() >= until:
                break
            silent = self._node_asker.silent(node)
            if silent:
                return Found(problems=dict.fromkeys(names, silent))
            shared: Deferred[Found] = Deferred()
            other.waiting.append(shared)
            found = await self._node_asker.share(node, shared)
            if _span(found, other.span).covers(question.start, question.end):
                return found
        return await self._asked(node, place, key, question, until)

    def kept(self, node: str, names: Sequence[str], question: Question) -> Found | None:
        """What is kept that answers a question to a node; of a longer answer that is no part."""
        entry = self._catalogue.online.get(node)
        if entry is None:
            return None
        place = self._place(node, entry)
        return self._standing(
            place, (tuple(names), question.limits, question.grid, question.convert), question
        )

    def _place(self, node: str, entry: OnlineNode) -> _Place:
        place = self._places.get(node)
        if place is None or place.entry is not entry or place.conversions is not entry.conversions:
            if place is not None:
                self._forget(place)
            for gone in [name for name in self._places if name not in self._catalogue.online]:
                self._forget(self._places.pop(gone))
            place = self._places[node] = _Place(entry, entry.conversions)
        return place

    def _standing(self, place: _Place, key: Key, question: Question) -> Found | None:
        """An answer that is kept and stands for that to a question."""
        at = self._reactor.seconds()
        for kept in place.kept.get(key, ()):
            if kept.span.covers(question.start, question.end) and self._fresh(kept, at):
                self._oldest_first.move_to_end(kept)
                return kept.found
        return None

    def _known(self, place: _Place, key: Key, question: Question) -> Found | None:
        found = self._standing(place, key, question)
        if found is None and key[1] == _WHOLE and key[2] is None:
            return self._part(place, key, question, self._reactor.seconds())
        return found

    def _part(self, place: _Place, key: Key, question: Question, at: float) -> Found | None:
        """A part of a longer answer that is kept, if that was not reduced."""
        start, end = question.start, question.end
        for kept in place.kept.get(key, ()):
            if kept.span.holds(start, end) and self._fresh(kept, at):
                self._oldest_first.move_to_end(kept)
                return Found({name: _between(one, start, end) for name, one in kept.found.series.items()})
        return None

    def _fresh(self, kept: _Kept, at: float) -> bool:
        return sameness.is_fresh(kept.asked, kept.span.end, final=kept.final, at=at, news=kept.place.news)

    def _joined(self, place: _Place, key: Key, question: Question) -> _UnderWay | None:
        at = self._reactor.seconds()
        for other in place.under_way.get(key, ()):
            same = question.start == other.question.start and question.end == other.question.end
            if (same and other.asked.news == place.news) or sameness.may_wait(
                other.asked, other.span, question.start, question.end, at=at, news=place.news
            ):
                return other
        return None

    async def _asked(self, node: str, place: _Place, key: Key, question: Question, until: float) -> Found:
        exact = sameness.loses_ends(question.limits)
        if not exact and not self._seen_later(place, key, question.end):
            end = sameness.end_to_ask(question.end, self._clock())
            if end != question.end:
                found = await self._shared(node, place, key, question, end, until)
                if _span(found, Span(question.start, end)).covers(question.start, question.end):
                    return found
        return await self._shared(node, place, key, question, question.end, until)

    def _seen_later(self, place: _Place, key: Key, end: float) -> bool:
        """Whether it is known that a range with this end must not have all that a later one has."""
        at = self._reactor.seconds()
        return any(k.span.shows_later_than(end) and self._fresh(k, at) for k in place.kept.get(key, ()))

    async def _shared(
        self, node: str, place: _Place, key: Key, question: Question, end: float, until: float
    ) -> Found:
        """Ask the node for a question, but until `end`, and share what comes."""
        span = Span(question.start, end, exact=sameness.loses_ends(question.limits))
        mine = _UnderWay(question, Asked(self._reactor.seconds(), self._clock(), place.news), span)
        place.under_way.setdefault(key, []).append(mine)
        try:
            found = await self._node_asker.ask(node, key[0], replace(question, end=end), until)
        except BaseException as error:
            self._landed(place, key, mine)
            for other in mine.waiting:
                other.errback(error)
            raise
        self._landed(place, key, mine)
        found.series = {name: _shareable(series) for name, series in found.series.items()}
        if found.problems:
            self._forget(place)
        else:
            final = _is_final(found, key, end)
            self._keep(_Kept(place, key, mine.asked, _span(found, span), final, found, _size_bytes(found)))
        for other in mine.waiting:
            other.callback(found)
        return found

    def _landed(self, place: _Place, key: Key, landed: _UnderWay) -> None:
        others = place.under_way[key]
        others.remove(landed)
        if not others:
            del place.under_way[key]

    def _keep(self, kept: _Kept) -> None:
        at, place = self._reactor.seconds(), kept.place
        if (
            kept.size_bytes > self._most_bytes
            or self._places.get(kept.place.entry.info.name) is not place
            or not self._fresh(kept, at)
        ):
            return
        for old in [old for old in place.kept.get(kept.key, ()) if not self._fresh(old, at)]:
            self._drop(old)
        same = place.kept.setdefault(kept.key, [])
        same.append(kept)
        self._oldest_first[kept] = None
        self.kept_bytes += kept.size_bytes
        if len(same) > MOST_RANGES:
            self._drop(same[0])
        while self.kept_bytes > self._most_bytes:
            self._drop(next(iter(self._oldest_first)))

    def _drop(self, kept: _Kept) -> None:
        del self._oldest_first[kept]
        self.kept_bytes -= kept.size_bytes
        same = kept.place.kept[kept.key]
        same.remove(kept)
        if not same:
            del kept.place.kept[kept.key]

    def _forget(self, place: _Place) -> None:
        for kept in [kept for same in place.kept.values() for kept in same]:
            self._drop(kept)


def _between(series: Series, start: float, end: float) -> SharedSeries:
    first, last = series.t.searchsorted([start, end])
    return _shareable(replace(series, t=series.t[first:last], values=series.values[first:last]))


def _span(found: Found, asked: Span) -> Span:
    """The span of an answer, by its samples: of bins the first one's first and the last one's last."""
    ends = [(float(one.t[0]), float(one.t[-1])) for one in found.series.values() if len(one.t)]
    ends += [(float(one.first_t[0]), float(one.last_t[-1])) for one in found.bins.values() if len(one.t)]
    return replace(
        asked,
        first=min((first for first, _ in ends), default=float("inf")),
        last=max((last for _, last in ends), default=float("-inf")),
        exact=asked.exact or found.thinned,
    )


def _is_final(found: Found, key: Key, end: float) -> bool:
    """Whether the node said of all fields that nothing before `end` will change."""
    given = [found.series.get(name) or found.bins.get(name) for name in key[0]]
    return all(
        one is not None and one.finalized_until is not None and end <= one.finalized_until for one in given
    )


def _shareable(series: Series) -> SharedSeries:
    """A series of its own: nothing was made of it yet."""
    return SharedSeries(series.name, series.t, series.values, series.timeline, series.finalized_until)


def _size_bytes(found: Found) -> int:
    """About how many bytes an answer takes, and its JSON, once somebody wants that."""
    total = ANSWER_BYTES
    for name, series in found.series.items():
        total += ANSWER_BYTES + len(name) + series.t.nbytes + series.values.nbytes
        total += JSON_POINT_BYTES * len(series.t)
        if series.values.dtype.kind == "O":
            total += sum(OBJECT_BYTES + len(value) for value in series.values if isinstance(value, str))
    for name, bins in found.bins.items():
        total += ANSWER_BYTES + len(name) + len(bins.t) * BIN_BYTES
        for column in (bins.first, bins.last):
            if column.dtype.kind == "O":
                total += sum(OBJECT_BYTES + len(value) for value in column if isinstance(value, str))
    return total
