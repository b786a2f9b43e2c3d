"""WHERE: a range of time, and which series; conditions on values are refused."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sisock_http.dialects.influxql.problems import InfluxError
from sisock_http.dialects.influxql.schema import Kind, SeriesKey, matcher
from sisock_http.dialects.influxql.tree import Binary, Call, Constant, Expr, Logical, Paren, Regex, Var

Predicate = Callable[[SeriesKey, Mapping[str, Kind]], bool]
"""Whether a series, which has these fields, is wanted."""

FARTHEST_NS = 2**63 - 1
_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "!=": "!="}
_MOMENT = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:\d\d)?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Range:
    """Nanoseconds, both ends within; None where a statement says nothing."""

    low: int | None = None
    high: int | None = None

    def both(self, other: "Range") -> "Range":
        """What is in both."""
        lows = [low for low in (self.low, other.low) if low is not None]
        highs = [high for high in (self.high, other.high) if high is not None]
        return Range(max(lows, default=None), min(highs, default=None))


def condition(where: Expr | None, now_ns: int) -> tuple[Range, Predicate]:
    """Read a condition.

    Parameters
    ----------
    where : Expr, optional
    now_ns : int
        The present.

    Raises
    ------
    InfluxError
        If it is on a field's values, or makes no sense. The predicate raises it, too.
    """
    return (Range(), _every) if where is None else _read(where, now_ns)


def _every(_key: SeriesKey, _fields: Mapping[str, Kind]) -> bool:
    return True


def _read(expr: Expr, now_ns: int) -> tuple[Range, Predicate]:
    if isinstance(expr, Paren):
        return _read(expr.inner, now_ns)
    if isinstance(expr, Logical):
        read = [_read(part, now_ns) for part in expr.parts]
        limits = Range()
        for one, _ in read:
            # Of OR, too: so InfluxDB does it.
            limits = limits.both(one)
        wanted = [predicate for _, predicate in read if predicate is not _every]
        return limits, _joined(wanted, all if expr.op == "AND" else any)
    if isinstance(expr, Binary) and expr.op in ("=", "!=", "<", "<=", ">", ">=", "=~", "!~"):
        if is_time(expr.left):
            return _limits(expr.op, moment(expr.right, now_ns)), _every
        if is_time(expr.right) and expr.op in _FLIPPED:
            return _limits(_FLIPPED[expr.op], moment(expr.left, now_ns)), _every
        return Range(), _on_tag(expr)
    raise InfluxError("invalid condition expression: only conditions on time and tags are supported")


def _joined(wanted: list[Predicate], rule: Callable[[Any], bool]) -> Predicate:
    if not wanted:
        return _every
    return lambda key, fields: bool(rule([predicate(key, fields) for predicate in wanted]))


def is_time(expr: Expr) -> bool:
    """Whether it is the word ``time``."""
    return isinstance(expr, Var) and expr.name.lower() == "time"


def _limits(op: str, at: int) -> Range:
    if op == "=":
        return Range(at, at)
    if op in (">", ">="):
        return Range(at + (op == ">"), None)
    if op in ("<", "<="):
        return Range(None, at - (op == "<"))
    raise InfluxError(f"invalid time comparison operator: {op}")


def moment(expr: Expr, now_ns: int) -> int:
    """Nanoseconds of an expression such as ``now() - 1h``."""
    at = _moment(expr, now_ns)
    if not abs(at) <= FARTHEST_NS:
        raise InfluxError("time is outside of what 64 bits of nanoseconds hold")
    return at


def _moment(expr: Expr, now_ns: int) -> int:
    if isinstance(expr, Paren):
        return _moment(expr.inner, now_ns)
    if isinstance(expr, Call) and expr.name == "now" and not expr.args:
        return now_ns
    if isinstance(expr, Constant) and expr.kind in ("integer", "number", "duration"):
        return int(expr.value)
    if isinstance(expr, Constant) and expr.kind == "string":
        return _written(expr.value)
    if isinstance(expr, Binary) and expr.op in ("+", "-"):
        left, right = _moment(expr.left, now_ns), _moment(expr.right, now_ns)
        return left + right if expr.op == "+" else left - right
    raise InfluxError("invalid operation: time and what is no time are not compatible")


def _written(text: str) -> int:
    found = _MOMENT.fullmatch(text)
    try:
        if not found:
            raise ValueError(text)
        day, clock, fraction, zone = found.groups()
        at = datetime.fromisoformat(f"{day}T{clock or '00:00:00'}{(zone or 'Z').replace('Z', '+00:00')}")
    except ValueError:
        raise InfluxError(f"invalid operation: time and the text {text[:80]!r} are not compatible") from None
    since = at - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86400 + since.seconds) * 10**9 + int((fraction or "0").ljust(9, "0"))


def _on_tag(expr: Binary) -> Predicate:
    var, value, op = expr.left, expr.right, expr.op
    if isinstance(value, Var) and isinstance(var, Constant) and op in ("=", "!="):
        var, value = value, var
    if not isinstance(var, Var):
        raise InfluxError("invalid condition expression: only conditions on time and tags are supported")
    name, cast = var.name, var.cast
    if cast not in ("", "tag"):
        raise InfluxError(f"conditions on values are not supported: {name}")
    if op in ("=~", "!~") and isinstance(value, Regex):
        pattern = matcher(value.pattern)

        def holds(given: str) -> bool:
            return bool(pattern.search(given)) == (op == "=~")

    elif op in ("=", "!=") and isinstance(value, Constant) and value.kind == "string":
        text = str(value.value)

        def holds(given: str) -> bool:
            return (given == text) == (op == "=")

    else:
        raise InfluxError(f"a condition on {name} other than =, !=, =~, !~ and a text is not supported")

    def wanted(key: SeriesKey, fields: Mapping[str, Kind]) -> bool:
        if not cast and name in fields:
            raise InfluxError(f"conditions on values are not supported: {name}")
        return holds(key.tag(name))

    return wanted
