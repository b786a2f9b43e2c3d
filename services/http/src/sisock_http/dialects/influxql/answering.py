"""Questions of a plan to questions to nodes, one for each range and way of looking, and back."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sisock.node import Bins, Grid, Limits, Series
from sisock_consumer import moments
from sisock_consumer.target import Target

from sisock_http.asking.gather import Asker, together
from sisock_http.asking.question import Answer, Question, empty
from sisock_http.dialects.influxql.mapping import Map
from sisock_http.dialects.influxql.plan import Ask
from sisock_http.dialects.influxql.problems import InfluxError

AHEAD_S = 86400.0
"""How far into the future samples are looked for where a statement does not say."""

EXTREMES = 4
Look = tuple[int | None, int | None, Any]


class Answerer:
    """Answers the questions of one request's statements.

    Parameters
    ----------
    asker : Asker
    known : Map
    now : float
        The present, UNIX seconds.
    until : float
        The reactor's time at which all must be answered.
    convert : bool
        Whether values are converted as the site's file says.
    """

    def __init__(self, asker: Asker, known: Map, now: float, until: float, *, convert: bool = True) -> None:
        self._asker = asker
        self._known = known
        self._now = now
        self._until = until
        self._convert = convert
        self.notices: list[str] = []

    async def answer(self, asks: Iterable[Ask]) -> dict[Ask, Series | Bins]:
        """Answer them all at once.

        Raises
        ------
        InfluxError
            If there is none that could be answered: no data would be another answer.
        """
        looks: dict[Look, list[Ask]] = {}
        for ask in dict.fromkeys(asks):
            looks.setdefault((ask.low, ask.high, ask.wanted), []).append(ask)
        answered = await together(*(self._look(look, some) for look, some in looks.items())) if looks else []
        found: dict[Ask, Series | Bins] = {}
        problems: list[str] = []
        for some, answers in zip(looks.values(), answered, strict=True):
            for ask in some:
                answer = answers[self._target(ask)]
                one = answer.bins if isinstance(ask.wanted, Grid) else answer.series
                if one is not None and len(one.t):
                    found[ask] = one
                problems += [answer.notice] if answer.notice else []
        if problems and not found:
            raise InfluxError("; ".join(list(dict.fromkeys(problems))[:3]))
        self.notices += problems
        return found

    def _target(self, ask: Ask) -> Target:
        """Whom to ask: of several nodes that hold a field any one stands for all."""
        return self._known.targets[ask.key, ask.field][0]

    async def _look(self, look: Look, asks: Sequence[Ask]) -> Mapping[Target, Answer]:
        low, high, wanted = look
        # Half a microsecond earlier: a float64 of seconds is beside the microsecond that it stands for.
        start = moments.EARLIEST_S if low is None else max(moments.EARLIEST_S, (low - 0.5) / 1e6)
        end = self._now + AHEAD_S if high is None else (high - 0.5) / 1e6
        targets = [self._target(ask) for ask in asks]
        if end <= start:
            return {target: Answer(target, empty(target.field)) for target in targets}
        question = Question(
            tuple(dict.fromkeys(targets)),
            start,
            end,
            Limits(EXTREMES) if wanted == "extremes" else Limits(),
            grid=wanted if isinstance(wanted, Grid) else None,
            convert=self._convert,
        )
        return {answer.target: answer for answer in await self._asker.ask(question, self._until)}
