"""Answer a question about several fields of several nodes: all nodes at once, with one deadline.

A node that is away, slow or wrong costs its own series, which comes back empty with a notice. What is the
same to a node is asked of it once (`sisock_http.asking.keeping`). A field whose source several nodes hold is
one series of theirs (`sisock_http.asking.joining`, of its sums `joining_bins`). Knows
nothing of HTTP or of any dialect.
"""

from collections.abc import Container, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from sisock.blocking import in_thread
from sisock.node import Bins, Field, Series
from sisock_consumer.target import Target
from twisted.internet.defer import FirstError, ensureDeferred, gatherResults

from sisock_http.asking import joining_bins
from sisock_http.asking.found import Found
from sisock_http.asking.joining import LARGE_SAMPLES, Holder, Piece, described, divide, merge, missing
from sisock_http.asking.keeping import Keeper
from sisock_http.asking.question import Answer, Question, empty
from sisock_http.observatory.catalogue import Catalogue
from sisock_http.problems import BusyError

LATE_S = 1.0
"""By how much an answer may miss its deadline before it is us who are slow, not the nodes."""


class Asker:
    """Asks data nodes on behalf of a request.

    Parameters
    ----------
    reactor : IReactorTime
    catalogue : Catalogue
    keeper : Keeper
        Asks one node.
    """

    def __init__(self, reactor: Any, catalogue: Catalogue, keeper: Keeper) -> None:
        self._reactor = reactor
        self._catalogue = catalogue
        self._keeper = keeper

    async def ask(self, question: Question, until: float) -> list[Answer]:
        """Answer every target, in the order of the question.

        Parameters
        ----------
        question : Question
        until : float
            The reactor's time at which the answer must be complete.

        Raises
        ------
        BusyError
            If a node was not asked since there is too much to do.
        """
        held = self._held(question)
        now = self._catalogue.now()
        shares = joining_bins.divide(question, held, now) if question.grid else {}
        divided: Mapping[Target, Sequence[Piece]] = (
            {target: share.pieces for target, share in shares.items()}
            if question.grid
            else divide(question, held, now)
        )
        whole = Piece(
            Target("", ""), question.start, question.end, question.limits, question.grid, question.convert
        )
        pieces = {
            target: list(divided[target]) if target in divided else [replace(whole, target=target)]
            for target in question.targets
        }
        given = await self._ask(pieces, held, until)
        behind = {
            target: more
            for target, share in shares.items()
            if (more := joining_bins.behind(question, share, given[target]))
        }
        if behind:
            for target, answers in (await self._ask(behind, held, until)).items():
                pieces[target] += behind[target]
                given[target] += answers
        late_s = self._reactor.seconds() - until
        if late_s > LATE_S:
            raise BusyError(f"this was answered {late_s:.1f} s too late to be right about who is away")
        return [
            await self._join(target, question, held[target], pieces[target], given[target])
            if target in held
            else given[target][0]
            for target in question.targets
        ]

    def kept(self, question: Question) -> tuple[Found, ...] | None:
        """What nodes gave that answers a question, if all of that is kept: one for each node, in order.

        None, too, if several nodes hold one of its targets.
        """
        names: dict[str, list[str]] = {}
        for target in question.targets:
            if len(self._catalogue.sources.holders(target)) > 1:
                return None
            names.setdefault(target.node, []).append(target.field)
        found = [self._keeper.kept(node, some, question) for node, some in names.items()]
        return tuple(one for one in found if one is not None) if None not in found else None

    async def _ask(
        self, pieces: Mapping[Target, Sequence[Piece]], held: Container[Target], until: float
    ) -> dict[Target, list[Answer]]:
        """Answers to the pieces of each target; those that differ in nothing but their field are one call."""
        calls: dict[tuple[str, Question], dict[str, None]] = {}
        for piece in (piece for several in pieces.values() for piece in several):
            calls.setdefault((piece.target.node, piece.question), {})[piece.target.field] = None
        found = await together(
            *(self._keeper.ask(node, list(names), asked, until) for (node, asked), names in calls.items())
        )
        by_call = dict(zip(calls, found, strict=True))
        return {
            target: [
                self._answer(piece, by_call[piece.target.node, piece.question], alone=target not in held)
                for piece in several
            ]
            for target, several in pieces.items()
        }

    def _held(self, question: Question) -> dict[Target, list[Holder]]:
        """Holders of each target whose source several nodes hold."""
        if question.join == "no":
            return {}
        held = {}
        for target in question.targets:
            known = self._catalogue.sources.holders(target)
            if len(known) > 1:
                held[target] = [self._holder(one, field) for one, field in known]
        return held

    def _holder(self, target: Target, field: Field) -> Holder:
        entry = self._catalogue.online.get(target.node)
        # Of a node that is away no more is known; those that forget are live ones.
        live = "live" in entry.info.capabilities if entry else field.kept_for is not None
        if entry is None or target.field not in entry.fields:
            # It may just have come back, and says only later what it missed meanwhile.
            field = replace(field, complete_since=None)
        return Holder(target, field, entry is not None, live)

    async def _join(
        self,
        target: Target,
        question: Question,
        holders: Sequence[Holder],
        pieces: Sequence[Piece],
        given: Sequence[Answer],
    ) -> Answer:
        told = [answer.notice for answer in given if answer.notice]
        told += missing(question, holders, self._catalogue.now())
        large = len(given) > 1 and sum(len(answer.series.t) for answer in given) > LARGE_SAMPLES
        work = partial(_merged, target.field, question, pieces, given)
        series, bins = await in_thread(self._reactor, work) if large else work()
        nodes = tuple(dict.fromkeys(answer.target.node for answer in given))
        known = self._known(target, question, holders)
        labels = [self._catalogue.label(one) for one in (target, *(holder.target for holder in holders))]
        label = next(filter(None, labels), "")
        return Answer(target, series, known, "; ".join(dict.fromkeys(told)), nodes, bins, label)

    def _known(self, target: Target, question: Question, holders: Sequence[Holder]) -> Field:
        """What is known of a field that several hold, of its values as they are asked for."""
        if not question.convert:
            holders = [
                replace(holder, field=self._catalogue.said(holder.target) or holder.field)
                for holder in holders
            ]
        own = next((holder.field for holder in holders if holder.target == target), holders[0].field)
        return described(own, holders)

    def _answer(self, piece: Piece, found: Found, *, alone: bool) -> Answer:
        target = piece.target
        node, name = target.node, target.field
        known = self._catalogue.field(target) if piece.convert else self._catalogue.said(target)
        label = self._catalogue.label(target)
        series, notice = found.series.get(name), found.problems.get(name, "")
        if name in found.bins or (found.summed and not notice):
            return Answer(target, empty(name), known, notice, bins=found.bins.get(name), label=label)
        if series is None:
            return Answer(target, empty(name), known, notice or f"'{target}' has no data", label=label)
        if known is None and alone and not len(series.t) and not notice:
            notice = f"{node!r} has no field {name!r}"
            self._catalogue.refresh(node)
        return Answer(target, series, known, notice, label=label)


def _merged(
    name: str, question: Question, pieces: Sequence[Piece], given: Sequence[Answer]
) -> tuple[Series, Bins | None]:
    """One series, or its bins, of the answers to its pieces."""
    if question.grid is None:
        return merge(name, [answer.series for answer in given], question.limits), None
    return empty(name), joining_bins.merge_bins(name, question.grid, pieces, given)


async def together(*work: Any) -> list[Any]:
    """Results of coroutines that run at the same time; the first error as it was, as soon as there is one."""
    if len(work) == 1:
        # The usual case; under overload, what costs most of a refusal is Twisted's handling of its error.
        return [await work[0]]
    try:
        results: list[Any] = await gatherResults([ensureDeferred(one) for one in work], consumeErrors=True)
    except FirstError as error:
        error.subFailure.raiseException()
    return results
