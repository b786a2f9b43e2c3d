"""Answer a question about several fields of several nodes: all nodes at once, with one deadline.

A node that is away, slow or wrong costs its own series, which comes back empty with a notice. What is the
same to a node is asked of it once (`sisock_http.asking.keeping`). Knows nothing of HTTP or of any dialect.
"""

from typing import Any

from sisock.target import Target
from twisted.internet.defer import FirstError, ensureDeferred, gatherResults

from sisock_http.asking.keeping import Keeper
from sisock_http.asking.one_node import Found
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
        wanted: dict[str, list[str]] = {}
        for target in question.targets:
            names = wanted.setdefault(target.node, [])
            if target.field not in names:
                names.append(target.field)
        found = await together(*(self._keeper.ask(n, names, question, until) for n, names in wanted.items()))
        of_node = dict(zip(wanted, found, strict=True))
        late_s = self._reactor.seconds() - until
        if late_s > LATE_S:
            raise BusyError(f"this was answered {late_s:.1f} s too late to be right about who is away")
        return [self._answer(target, of_node[target.node]) for target in question.targets]

    def _answer(self, target: Target, found: Found) -> Answer:
        node, name = target.node, target.field
        known = self._catalogue.field(target)
        series, notice = found.series.get(name), found.problems.get(name, "")
        if series is None:
            return Answer(target, empty(name), known, notice or f"'{target}' has no data")
        if known is None and not len(series.t) and not notice:
            notice = f"{node!r} has no field {name!r}"
            self._catalogue.refresh(node)
        return Answer(target, series, known, notice)


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
