"""Text to statements, each text once, and those that differ in nothing but the times of their range once.

A panel that is refreshed sends the same statement with other milliseconds, as do all who look at it: it is
read once with stand-ins for them, and the times are put in.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from sisock_http.dialects.influxql.language import parse
from sisock_http.dialects.influxql.problems import ParseError
from sisock_http.dialects.influxql.tree import Binary, Constant, Expr, Logical, Paren, Select, Statement

KEPT = 512
"""Statements that are kept once read: panels ask the same again and again."""

LONGEST_KEPT = 8192

_TIME = re.compile(r"""\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|(?<![\w.])(\d{13})ms(?!\w)""")
_STAND_IN = 1_111_111_111_000
_NS = 10**6


class Reader:
    """Reads statements, those that were read lately from memory."""

    def __init__(self) -> None:
        self._whole = lru_cache(KEPT)(parse)
        self._alike = lru_cache(KEPT)(_parsed)

    def read(self, text: str) -> tuple[Statement, ...]:
        """Statements of a text; see `parse`."""
        if len(text) > LONGEST_KEPT:
            return parse(text)
        times: list[int] = []

        def stand_in(found: re.Match[str]) -> str:
            if not found[1]:
                return found[0]
            times.append(int(found[1]) * _NS)
            return f"{_STAND_IN + len(times) - 1}ms"

        alike = self._alike(_TIME.sub(stand_in, text)) if "ms" in text else None
        if not times or alike is None:
            return self._whole(text)
        used: set[int] = set()
        made = tuple(_put_in(one, times, used) for one in alike)
        # One of them may stand where no time of a range does.
        return made if len(used) == len(times) else self._whole(text)


def _parsed(text: str) -> tuple[Statement, ...] | None:
    try:
        return parse(text)
    except ParseError:
        # The sentence is to show what was written.
        return None


def _put_in(statement: Statement, times: Sequence[int], used: set[int]) -> Statement:
    if not isinstance(statement, Select) or statement.where is None:
        return statement
    return replace(statement, where=_with(statement.where, times, used), like=statement)


def _with(expr: Expr, times: Sequence[int], used: set[int]) -> Expr:
    """The condition with times where others stand for them; which those were."""
    if isinstance(expr, Logical):
        return Logical(expr.op, tuple(_with(part, times, used) for part in expr.parts))
    if isinstance(expr, Paren):
        return Paren(_with(expr.inner, times, used))
    if isinstance(expr, Binary):
        return Binary(expr.op, _with(expr.left, times, used), _with(expr.right, times, used))
    if isinstance(expr, Constant) and expr.kind == "duration":
        number = expr.value // _NS - _STAND_IN
        if 0 <= number < len(times):
            used.add(number)
            return Constant(times[number], "duration")
    return expr
