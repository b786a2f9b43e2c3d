"""Which questions a request takes: one for all targets that share their limits, in general one."""

from collections.abc import Iterable, Mapping, Sequence

from sisock.node import Grid, Limits
from sisock_consumer.target import Target

from sisock_http.asking.gather import Asker, together
from sisock_http.asking.question import Answer, Join, Question

Wanted = tuple[Target, Limits, Join, bool, Grid | None]
"""A field, how much of it, from whom, whether its values are converted, and which bins, if any."""

Answers = Mapping[Wanted, Answer]
"""By what was wanted."""


def plan(wanted: Iterable[Wanted], start: float, end: float) -> list[Question]:
    """Put targets with the same limits, of the same nodes, into one question, each target once.

    Parameters
    ----------
    wanted : iterable of Wanted
    start, end : float
        UNIX seconds.
    """
    targets: dict[tuple[Limits, Join, bool, Grid | None], dict[Target, None]] = {}
    for target, limits, join, convert, grid in wanted:
        targets.setdefault((limits, join, convert, grid), {})[target] = None
    return [
        Question(tuple(names), start, end, limits, join, grid, convert)
        for (limits, join, convert, grid), names in targets.items()
    ]


async def answer_all(asker: Asker, questions: Sequence[Question], until: float) -> Answers:
    """Ask all questions at the same time.

    Parameters
    ----------
    asker : Asker
    questions : sequence of Question
    until : float
        The reactor's time at which all must be answered.

    Raises
    ------
    BusyError
        If a node was not asked since there is too much to do.
    """
    found = await together(*(asker.ask(question, until) for question in questions))
    return {
        (answer.target, question.limits, question.join, question.convert, question.grid): answer
        for question, answers in zip(questions, found, strict=True)
        for answer in answers
    }
