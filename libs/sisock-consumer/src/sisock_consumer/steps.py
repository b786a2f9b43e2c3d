"""Times of an even rhythm, which travel as four numbers (CONTRACT section 7.12): the way back to a column."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from sisock.steps import Run

_MOST_NUMBER = 2**53
"""Whole numbers above have no float of their own."""

_FARTHEST = 1e15
"""What is no time, and no step between times, but cannot become infinite either."""


def read(entry: Mapping[Any, Any], most: int) -> Run | None:
    """Samples from the wire; None if they are none, or more than `most`, which is all that is believed."""
    first, step = _number(entry.get("first")), _number(entry.get("step"))
    begin, count = _count(entry.get("from")), _count(entry.get("count"))
    if first is None or step is None or begin is None or count is None or count > most:
        return None
    return Run(first, step, begin, count)


def joined(pieces: Iterable[Any]) -> list[Any]:
    """The same pieces, but samples that follow each other are one."""
    made: list[Any] = []
    for piece in pieces:
        last = made[-1] if made else None
        if (
            isinstance(piece, Run)
            and isinstance(last, Run)
            and (last.first, last.step, last.begin + last.count) == (piece.first, piece.step, piece.begin)
        ):
            made[-1] = replace(last, count=last.count + piece.count)
        else:
            made.append(piece)
    return made


def _number(given: Any) -> float | None:
    if isinstance(given, bool) or not isinstance(given, int | float):
        return None
    try:
        number = float(given)
    except OverflowError:
        return None
    return number if abs(number) <= _FARTHEST else None


def _count(given: Any) -> int | None:
    if isinstance(given, bool) or not isinstance(given, int) or not 0 <= given < _MOST_NUMBER:
        return None
    return given
