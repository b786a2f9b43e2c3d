"""Series of a reply as JSON, written once for all who are given the same answers in the same bins.

Answers are shared by those who ask at about the same time (`sisock_http.asking.keeping`); that they are the
same is that their columns are the same objects, which are held here for as long as what was written is.
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson
from sisock.binning import microseconds
from sisock.node import Bins, Series

from sisock_http.dialects.influxql.plan import Ask, Plan
from sisock_http.dialects.influxql.points import Answers

MOST_KEPT = 128
MOST_BYTES = 256 * 1024
"""Longer texts are not kept."""


@dataclass(frozen=True, slots=True)
class _Kept:
    text: orjson.Fragment | None
    held: tuple[Any, ...]


class Written:
    """What was written lately."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[Any, ...], _Kept] = OrderedDict()

    def find(self, key: tuple[Any, ...]) -> tuple[bool, orjson.Fragment | None]:
        """Whether it was written, and what; None where there is no series."""
        kept = self._kept.get(key)
        if kept is None:
            return False, None
        self._kept.move_to_end(key)
        return True, kept.text

    def keep(self, key: tuple[Any, ...], plan: Plan, answers: Answers, text: bytes) -> orjson.Fragment | None:
        """Keep series that were written; as a part of a reply."""
        made = orjson.Fragment(text) if text != b"[]" else None
        if len(text) <= MOST_BYTES:
            self._kept[key] = _Kept(made, (plan.exprs, plan.groups, *answers.values()))
            if len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        return made


def key_of(plan: Plan, answers: Answers, epoch: str) -> tuple[Any, ...]:
    """What all that is written depends on."""
    at: tuple[Any, ...] = ()
    if plan.grid is not None:
        width, offset = plan.grid.width, plan.grid.offset
        first = None if plan.low is None else (plan.low - offset) // width
        at = first, None if plan.high is None else (plan.high - 1 - offset) // width
    elif plan.calls and not (plan.is_selector and answers):
        # The one row is at the range's beginning.
        at = (plan.low_ns,)
    columns = tuple(part for ask in plan.asks() for part in _columns(ask, answers.get(ask)))
    return (epoch, id(plan.exprs), id(plan.groups), at, columns)


def _columns(ask: Ask, answer: Series | Bins | None) -> Iterator[Any]:
    if answer is None:
        yield None
    elif isinstance(answer, Bins):
        yield from (id(answer.t), id(answer.count), id(answer.sum), id(answer.last))
    else:
        yield from (id(answer.t), id(answer.values))
        ends = microseconds(answer.t[[0, -1]]).tolist() if len(answer.t) else [0, 0]
        # Where all samples lie in the range, it does not matter where the range ends.
        yield None if ask.low is None or ask.low <= ends[0] else ask.low
        yield None if ask.high is None or ends[1] < ask.high else ask.high
