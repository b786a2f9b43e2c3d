"""Questions of a plan to questions to nodes, one for each range and way of looking, and back."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from sisock.node import Bins, Grid, Limits, Series
from sisock_consumer import moments
from sisock_consumer.target import Target

from sisock_http.asking.gather import Asker, together
from sisock_http.asking.question import Answer, Question, empty
from sisock_http.dialects.influxql.mapping import Map
from sisock_http.dialects.influxql.plan import ONE_BIN, As, Ask
from sisock_http.dialects.influxql.problems import InfluxError

AHEAD_S = 86400.0
"""How far into the future samples are looked for where a statement does not say."""

EXTREMES = 4
OPEN_END_S = 60.0
"""An end that is not said is at a whole multiple of this, so that who asks a moment later asks the same."""

BACK_S = (3600.0, 86_400.0, 30 * 86_400.0, math.inf)
"""How far back a last sample is looked for, one range after the other."""

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

    def __init__(self, asker: Asker, known: Map, now: float, until: float, *, convert: bool) -> None:
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
        ahead = math.ceil((self._now + AHEAD_S) / OPEN_END_S) * OPEN_END_S
        end = ahead if high is None else (high - 0.5) / 1e6
        targets = tuple(dict.fromkeys(self._target(ask) for ask in asks))
        if end <= start:
            return {target: Answer(target, empty(target.field)) for target in targets}
        if wanted == "last":
            return await self._last(targets, start, end)
        grid = wanted if isinstance(wanted, Grid) else None
        found = await self._ask(targets, start, end, limits_of(wanted), grid)
        return await self._valued(found, start, end, 0) if wanted == "first" else found

    async def _last(self, targets: tuple[Target, ...], start: float, end: float) -> dict[Target, Answer]:
        """Answers with the last sample, without reading all that came before it."""
        found: dict[Target, Answer] = {}
        left = targets
        for back_s in BACK_S:
            begin = max(start, min(end, self._now) - back_s)
            answers = await self._ask(left, begin, end, Limits(EXTREMES))
            found |= await self._valued(answers, begin, end, -1)
            left = tuple(t for t in left if not len(found[t].series.t) and not found[t].notice)
            if not left or begin <= start:
                break
        return found

    async def _valued(
        self, found: dict[Target, Answer], start: float, end: float, at: int
    ) -> dict[Target, Answer]:
        """The same, but where the first or last sample has no value: the first or last one that has."""
        hollow = tuple(
            t for t, one in found.items() if len(one.series.t) and _is_nothing(one.series.values[at])
        )
        if not hollow:
            return found
        answers = await self._ask(hollow, start, end, Limits(), ONE_BIN)
        return found | {target: _ends(answer) for target, answer in answers.items()}

    async def _ask(
        self,
        targets: tuple[Target, ...],
        start: float,
        end: float,
        limits: Limits,
        grid: Grid | None = None,
    ) -> dict[Target, Answer]:
        question = Question(targets, start, end, limits, grid=grid, convert=self._convert)
        return {answer.target: answer for answer in await self._asker.ask(question, self._until)}


def limits_of(wanted: As) -> Limits:
    """How much is asked for."""
    return Limits() if wanted == "samples" or isinstance(wanted, Grid) else Limits(EXTREMES)


def _is_nothing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and not math.isfinite(value))


def _ends(answer: Answer) -> Answer:
    """First and last sample of bins, as samples."""
    bins = answer.bins
    if bins is None or not len(bins.t):
        return replace(answer, series=empty(answer.target.field))
    # There is one of them, of all times.
    t, values = np.concatenate([bins.first_t, bins.last_t]), np.concatenate([bins.first, bins.last])
    series = Series(bins.name, t, values)
    return replace(answer, series=series, bins=None)
