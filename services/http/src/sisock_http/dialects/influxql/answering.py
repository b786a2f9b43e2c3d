"""Questions of a plan to questions to nodes, one for each range and way of looking, and back."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
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
    """

    def __init__(self, asker: Asker, known: Map, now: float, until: float) -> None:
        self._asker = asker
        self._known = known
        self._now = now
        self._until = until
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
                held = [answers[target] for target in self._targets(ask)]
                told = [answer.notice for answer in held if answer.notice]
                one = _merged(ask, held)
                if one is not None:
                    found[ask] = one
                problems += told
        if problems and not found:
            raise InfluxError("; ".join(list(dict.fromkeys(problems))[:3]))
        self.notices += problems
        return found

    def _targets(self, ask: Ask) -> tuple[Target, ...]:
        """Whom to ask: of samples that several nodes hold any one stands for all, bins are asked of each."""
        targets = self._known.targets[ask.key, ask.field]
        return targets if isinstance(ask.wanted, Grid) else targets[:1]

    async def _look(self, look: Look, asks: Sequence[Ask]) -> Mapping[Target, Answer]:
        low, high, wanted = look
        # Half a microsecond earlier: a float64 of seconds is beside the microsecond that it stands for.
        start = moments.EARLIEST_S if low is None else max(moments.EARLIEST_S, (low - 0.5) / 1e6)
        end = self._now + AHEAD_S if high is None else (high - 0.5) / 1e6
        targets = [target for ask in asks for target in self._targets(ask)]
        if end <= start:
            return {target: Answer(target, empty(target.field)) for target in targets}
        question = Question(
            tuple(dict.fromkeys(targets)),
            start,
            end,
            Limits(EXTREMES) if wanted == "extremes" else Limits(),
            grid=wanted if isinstance(wanted, Grid) else None,
        )
        return {answer.target: answer for answer in await self._asker.ask(question, self._until)}


def _merged(ask: Ask, held: Sequence[Answer]) -> Series | Bins | None:
    """What several nodes hold of one field, as one."""
    if isinstance(ask.wanted, Grid):
        bins = [answer.bins for answer in held if answer.bins is not None]
        return bins[0] if len(bins) == 1 else _fullest(bins)
    return next((answer.series for answer in held if len(answer.series.t)), None)


def _fullest(found: Sequence[Bins]) -> Bins | None:
    """Each bin from the node that has most samples in it: they hold the same ones, as far as they reach."""
    if not found:
        return None
    numeric = all(one.sum is not None for one in found)
    t = np.concatenate([one.t for one in found])
    count = np.concatenate([one.count for one in found])
    order = np.lexsort((-count, t))
    best = order[np.flatnonzero(np.diff(t[order], prepend=-np.inf))]

    def chosen(key: str) -> Any:
        columns = [getattr(one, key) for one in found]
        kinds = {column.dtype.kind for column in columns}
        return np.concatenate([c if len(kinds) == 1 else c.astype(object) for c in columns])[best]

    sums: dict[str, Any] = {key: chosen(key) for key in ("sum", "min", "max")} if numeric else {}
    plain = {key: chosen(key) for key in ("first", "first_t", "last", "last_t")}
    return Bins(found[0].name, t[best], count[best], **plain, **sums)
