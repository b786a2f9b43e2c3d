"""Bins of a node that knows nothing of bins: its samples are asked for, in pieces, and summed up here."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

from sisock.binning import Accumulator
from sisock.blocking import in_thread

from sisock_http.asking.found import Found
from sisock_http.asking.question import Question

MOST_HALVINGS = 6
"""How often a range is halved while the node says that it is too much."""

TOO_MUCH = ", at any resolution"


async def from_samples(
    reactor: Any,
    read: Callable[[Question], Awaitable[Found]],
    names: Sequence[str],
    question: Question,
    halvings: int = MOST_HALVINGS,
) -> Found:
    """Ask for samples and sum them up.

    Parameters
    ----------
    reactor : IReactorThreads
    read : callable
        Asks for the samples of a question; it tells too much as a problem that ends in `TOO_MUCH`.
    names : sequence of str
        The fields.
    question : Question
        With a grid.
    halvings : int
        How often the range may be halved.
    """
    grid = question.grid
    if grid is None:
        raise ValueError("a question without a grid has nothing to sum up")
    sums = {name: Accumulator(name, grid) for name in names}
    problems: dict[str, str] = {}
    waiting = [(question, halvings)]
    while waiting:
        part, left = waiting.pop()
        found = await read(part)
        if left and any(told.endswith(TOO_MUCH) for told in found.problems.values()):
            middle = (part.start + part.end) / 2
            waiting += [(replace(part, start=middle), left - 1), (replace(part, end=middle), left - 1)]
            continue
        problems.update(found.problems)

        def add(series: Any = found.series) -> None:
            for name, one in series.items():
                sums[name].add(one.t, one.values, one.finalized_until)

        await in_thread(reactor, add)
    made = {name: bins for name, one in sums.items() if (bins := one.result()) is not None}
    return Found(problems=problems, bins=made, summed=True)
