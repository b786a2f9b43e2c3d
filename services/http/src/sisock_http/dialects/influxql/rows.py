"""Answers to the series of InfluxDB's JSON: rows by time, expressions computed, limits applied."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sisock.node import Column, Series

from sisock_http.dialects.influxql import calls
from sisock_http.dialects.influxql.plan import Ask, Group, Plan
from sisock_http.dialects.influxql.points import Answers, Points, Times, blank, points_of, present, samples_of
from sisock_http.dialects.influxql.problems import InfluxError
from sisock_http.dialects.influxql.schema import Kind, SeriesKey
from sisock_http.dialects.influxql.tree import Binary, Call, Constant, Expr, Paren, Var

Table = dict[str, Any]
Known = Mapping[Expr, tuple[Column, Kind]]
MOST_ROWS = 1_000_000
"""Most rows of a statement's reply."""

EPOCHS_NS = {
    "ns": 1,
    "n": 1,
    "u": 10**3,
    "\u00b5": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}


def tables(plan: Plan, answers: Answers, epoch: str = "") -> list[Table]:
    """Series of the reply to a SELECT.

    Parameters
    ----------
    plan : Plan
    answers : mapping
        What was asked; what is missing has no data.
    epoch : str
        Unit of times; times as text if it is none of `EPOCHS_NS`.

    Raises
    ------
    InfluxError
        If there are too many rows.
    """
    made, rows = [], 0
    for group in plan.groups:
        found = _of_calls(plan, group, answers) if plan.calls else _of_samples(plan, group, answers)
        if found is None:
            continue
        t, known = found
        kept = _kept(plan)
        n = len(range(len(t))[kept])
        if not n:
            continue
        rows += n
        if rows > MOST_ROWS:
            raise InfluxError(f"max-row-limit exceeded: more than {MOST_ROWS} rows")
        columns = [_written(*_value(expr, known, len(t)), kept) for expr in plan.exprs]
        table: Table = {"name": group.measurement}
        if group.tags:
            table["tags"] = dict(group.tags)
        table["columns"] = ["time", *plan.names]
        table["values"] = list(map(list, zip(_clock(t[kept], epoch), *columns, strict=True)))
        made.append(table)
    return made[::-1] if plan.select.descending else made


def _kept(plan: Plan) -> slice:
    bounds = plan.select.bounds
    if plan.calls:
        return slice(None)
    if bounds.limit:
        return slice(bounds.offset, bounds.offset + bounds.limit)
    # An OFFSET alone leaves one row of samples, but all bins: so InfluxDB does it.
    return slice(bounds.offset, bounds.offset + 1 if bounds.offset else None)


def _of_calls(plan: Plan, group: Group, answers: Answers) -> tuple[Times, Known] | None:
    """Nanoseconds, and what each function comes to at them."""
    found = {call: _limited(points_of(call, plan, group, answers), plan) for call in plan.calls}
    there = [points for points in found.values() if points is not None]
    if not there:
        return None
    if plan.grid is None and all(map(calls.inner, plan.calls)):
        return _one_row(plan, found)
    first, *others = there
    t = first.t
    if any(not np.array_equal(t, points.t) for points in others):
        t = np.unique(np.concatenate([points.t for points in there]))
        t = t[::-1] if plan.select.descending else t
    known: dict[Expr, tuple[Column, Kind]] = {}
    for call, points in found.items():
        kind = calls.kind_of(call, plan.kinds)
        values = _missing(plan, kind, len(t))
        if points is not None:
            values[_places(t, points.t, plan.select.descending)] = points.values
        known[call] = values, kind
    return t * 1000, known


def _limited(points: Points | None, plan: Plan) -> Points | None:
    """LIMIT and OFFSET hold for each function before rows are made of them: so InfluxDB does it."""
    bounds = plan.select.bounds
    if points is None:
        return None
    kept = points.at(slice(bounds.offset, bounds.offset + bounds.limit if bounds.limit else None))
    return kept if len(kept.t) else None


def _missing(plan: Plan, kind: Kind, n: int) -> Column:
    """What stands where one function has a value and another none: a number of FILL, even among text."""
    values = blank(n, kind)
    if plan.fill.kind == "number" and kind:
        values[:] = int(plan.fill.value) if kind == "integer" else plan.fill.value
    return values


def _places(t: Times, some: Times, descending: bool) -> Any:
    if len(t) == len(some):
        return slice(None)
    return len(t) - 1 - t[::-1].searchsorted(some) if descending else t.searchsorted(some)


def _one_row(plan: Plan, found: Mapping[Call, Points | None]) -> tuple[Times, Known] | None:
    at_ns = plan.low_ns or 0
    known: dict[Expr, tuple[Column, Kind]] = {}
    for call, points in found.items():
        kind = calls.kind_of(call, plan.kinds)
        if points is None:
            known[call] = _missing(plan, kind, 1), kind
            continue
        known[call] = points.values, kind
        if plan.is_selector:
            at_ns = int(points.t.item()) * 1000
    return np.array([at_ns], dtype=np.int64), known


def _of_samples(plan: Plan, group: Group, answers: Answers) -> tuple[Times, Known] | None:
    """Rows of each series, then all of them by time."""
    pieces = []
    for key in group.keys:
        piece = _rows_of(plan, key, answers)
        if piece is not None:
            pieces.append(piece)
    if not pieces:
        return None
    t = np.concatenate([at for at, _ in pieces])
    if len(t) > MOST_ROWS * 4:
        raise InfluxError(f"max-select-point limit exceeded: ({len(t)}/{MOST_ROWS * 4})")
    order = np.argsort(t, kind="stable") if len(pieces) > 1 else np.arange(len(t))
    order = order[::-1] if plan.select.descending else order
    known: dict[Expr, tuple[Column, Kind]] = {}
    for var in dict.fromkeys(var for expr in plan.exprs for var in calls.variables(expr)):
        kind = _kind(plan, var)
        columns = [columns[var] for _, columns in pieces]
        if len({column.dtype.kind for column in columns}) > 1:
            columns = [_objects(column) for column in columns]
        known[var] = np.concatenate(columns)[order], kind
    return t[order] * 1000, known


def _objects(column: Column) -> Column:
    made = np.full(len(column), None, dtype=object)
    there = present(column)
    made[there] = column[there]
    return made


def _kind(plan: Plan, var: Var) -> Kind:
    return (
        (plan.kinds.get(var.name) or "string")
        if var.cast in ("", "field")
        else calls.kind_of(var, plan.kinds)
    )


def _rows_of(plan: Plan, key: SeriesKey, answers: Answers) -> tuple[Times, dict[Var, Column]] | None:
    """Rows of one series: a time at which any of the fields has a value is one."""
    fields: dict[str, tuple[Times, Column]] = {}
    for name in plan.fields:
        series = answers.get(Ask(key, name, plan.low, plan.high, "samples"))
        if isinstance(series, Series) and len(series.t):
            at, values = samples_of(series, plan.low, plan.high)
            if len(at):
                fields[name] = at, values
    if not fields:
        return None
    t, *others = (at for at, _ in fields.values())
    if any(not np.array_equal(t, at) for at in others):
        t = np.unique(np.concatenate([t, *others]))
    columns: dict[Var, Column] = {}
    for var in dict.fromkeys(var for expr in plan.exprs for var in calls.variables(expr)):
        columns[var] = _column(plan, key, var, fields, t)
    return t, columns


def _column(
    plan: Plan, key: SeriesKey, var: Var, fields: Mapping[str, tuple[Times, Column]], t: Times
) -> Column:
    if var.cast == "tag" or (not var.cast and var.name not in plan.kinds):
        return np.full(
            len(t), key.tag(var.name) or None if var.name not in plan.kinds else None, dtype=object
        )
    kind = plan.kinds.get(var.name, "")
    wanted = _kind(plan, var)
    values = blank(len(t), wanted)
    if var.name not in fields or (wanted != kind and {wanted, kind} != {"float", "integer"}):
        return values
    at, given = fields[var.name]
    values[_places(t, at, descending=False)] = (
        np.trunc(given) if (wanted, kind) == ("integer", "float") else given
    )
    return values


def _value(expr: Expr, known: Known, n: int) -> tuple[Column, Kind]:
    """What an expression comes to in each row."""
    if isinstance(expr, Paren):
        return _value(expr.inner, known, n)
    if isinstance(expr, Constant):
        return np.full(n, float(expr.value)), "integer" if expr.kind == "integer" else "float"
    if not isinstance(expr, Binary):
        return known[expr]
    left, left_kind = _value(expr.left, known, n)
    right, right_kind = _value(expr.right, known, n)
    whole = left_kind == right_kind == "integer" and expr.op != "/"
    if left.dtype.kind != "f" or right.dtype.kind != "f":
        return np.full(n, np.nan), "float"
    return _computed(expr.op, left, right, whole), "integer" if whole else "float"


def _computed(op: str, left: Column, right: Column, whole: bool) -> Column:
    with np.errstate(all="ignore"):
        if op == "+":
            return left + right
        if op == "-":
            return left - right
        if op == "*":
            return left * right
        made = left / right if op == "/" else np.fmod(left, right)
        if op == "%" and not whole:
            return made
        # What is divided by zero is zero: so InfluxDB does it.
        return np.where((right == 0) & ~np.isnan(left), 0.0, made)


def _written(values: Column, kind: Kind, kept: slice) -> Sequence[Any]:
    values = values[kept]
    if values.dtype.kind != "f":
        listed: list[Any] = values.tolist()
        return listed
    finite = np.isfinite(values)
    if kind == "integer":
        return [int(v) if there else None for v, there in zip(values.tolist(), finite.tolist(), strict=True)]
    if finite.all():
        plain: list[Any] = values.tolist()
        return plain
    return [v if there else None for v, there in zip(values.tolist(), finite.tolist(), strict=True)]


def _clock(t: Times, epoch: str) -> Sequence[Any]:
    """Times as numbers in a unit, or as RFC 3339 has them."""
    unit = EPOCHS_NS.get(epoch)
    if unit:
        # Before 1970, too, towards zero.
        numbers: list[Any] = (np.sign(t) * (np.abs(t) // unit)).tolist()
        return numbers
    told = np.datetime_as_string(t.view("datetime64[ns]"), unit="ns").tolist()
    return [f"{text.rstrip('0').rstrip('.')}Z" for text in told]
