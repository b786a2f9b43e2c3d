"""The columns of a SELECT: ``*`` and expressions stand for several, and each has a name."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from sisock_http.dialects.influxql.conditions import is_time
from sisock_http.dialects.influxql.problems import InfluxError
from sisock_http.dialects.influxql.schema import Kind, matcher
from sisock_http.dialects.influxql.tree import Binary, Call, Column, Expr, Paren, Regex, Var, Wildcard

MOST_COLUMNS = 2000
_ANY_KIND = frozenset(("count", "first", "last"))
_BOOLEANS = frozenset(("min", "max"))


def columns_of(columns: Sequence[Column], fields: Mapping[str, Kind], tags: Collection[str]) -> list[Column]:
    """Columns without ``*`` and regular expressions, and without time.

    Raises
    ------
    InfluxError
        If there is none, or an expression stands where no column can.
    """
    made = [one for column in columns for one in _expanded(column, fields, tags)]
    made = [column for column in made if not is_time(column.expr)]
    if not made and all(is_time(column.expr) for column in columns):
        raise InfluxError("at least 1 non-time field must be queried")
    if len(made) > MOST_COLUMNS:
        raise InfluxError(f"more than {MOST_COLUMNS} columns")
    return made


def _expanded(column: Column, fields: Mapping[str, Kind], tags: Collection[str]) -> Iterator[Column]:
    expr = column.expr
    while isinstance(expr, Paren):
        expr = expr.inner
    if isinstance(expr, Wildcard | Regex):
        yield from (Column(Var(name)) for name in _matching(expr, fields, tags))
        return
    if isinstance(expr, Call) and (pattern := _pattern(expr)) is not None:
        chain = [expr]
        while isinstance(chain[-1].args[0], Call):
            chain.append(chain[-1].args[0])
        for name in _matching(pattern, _fit(chain[-1].name, fields), ()):
            inner: Expr = Var(name)
            for call in reversed(chain):
                inner = replace(call, args=(inner, *call.args[1:]))
            yield Column(inner, f"{column.alias or expr.name}_{name}")
        return
    if _hides_pattern(expr):
        raise InfluxError("unsupported expression with wildcard: * and /.../ stand alone or in a function")
    yield column


def _pattern(call: Call) -> Wildcard | Regex | None:
    """What stands for several fields in a function, or in the function in it."""
    while call.args:
        first = call.args[0]
        if isinstance(first, Wildcard | Regex):
            return first
        if not isinstance(first, Call):
            return None
        call = first
    return None


def _fit(function: str, fields: Mapping[str, Kind]) -> dict[str, Kind]:
    """Fields that a function can be computed of."""
    return {
        name: kind
        for name, kind in fields.items()
        if function in _ANY_KIND
        or kind in ("float", "integer")
        or (kind == "boolean" and function in _BOOLEANS)
    }


def _matching(pattern: Wildcard | Regex, fields: Mapping[str, Kind], tags: Collection[str]) -> list[str]:
    if isinstance(pattern, Regex):
        found = matcher(pattern.pattern).search
        return sorted({name for name in (*fields, *tags) if found(name)})
    of = {"field": [*fields], "tag": [*tags]}.get(pattern.cast, [*fields, *tags])
    return sorted(set(of))


def _hides_pattern(expr: Expr) -> bool:
    if isinstance(expr, Wildcard | Regex):
        return True
    if isinstance(expr, Binary):
        return _hides_pattern(expr.left) or _hides_pattern(expr.right)
    if isinstance(expr, Paren):
        return _hides_pattern(expr.inner)
    return isinstance(expr, Call) and any(_hides_pattern(arg) for arg in expr.args)


def named(columns: Sequence[Column]) -> tuple[str, ...]:
    """Names of the columns behind ``time``: each other, unless they were given the same."""
    taken: dict[str, int] = {}
    for column in columns:
        if column.alias:
            taken[column.alias] = 1
    return tuple(column.alias or _free(_name(column.expr), taken) for column in columns)


def _free(name: str, taken: dict[str, int]) -> str:
    if name not in taken:
        taken[name] = 1
        return name
    count = taken[name]
    while f"{name}_{count}" in taken:
        count += 1
    taken[name] = count + 1
    taken[f"{name}_{count}"] = 1
    return f"{name}_{count}"


def _name(expr: Expr) -> str:
    if isinstance(expr, Call):
        return expr.name
    if isinstance(expr, Binary):
        return "_".join(_parts(expr))
    if isinstance(expr, Paren):
        return _name(expr.inner)
    return expr.name if isinstance(expr, Var) else ""


def _parts(expr: Expr) -> Iterator[str]:
    if isinstance(expr, Binary):
        yield from _parts(expr.left)
        yield from _parts(expr.right)
    elif isinstance(expr, Paren):
        yield from _parts(expr.inner)
    elif isinstance(expr, Call | Var):
        yield expr.name
