"""The functions: which there are, what they take, and which of them can stand together."""

from collections.abc import Iterator, Mapping, Sequence

from sisock_http.dialects.influxql.problems import InfluxError
from sisock_http.dialects.influxql.schema import Kind
from sisock_http.dialects.influxql.tree import Binary, Call, Constant, Expr, Paren, Var

SELECTORS = frozenset(("first", "last", "max", "min", "percentile"))
OF_BINS = frozenset(("count", "first", "last", "max", "mean", "min", "spread", "sum"))
OF_SAMPLES = frozenset(("median", "percentile", "stddev"))
OF_ANY_KIND = frozenset(("count", "first", "last"))
TRANSFORMS = frozenset(
    (
        "cumulative_sum",
        "derivative",
        "difference",
        "moving_average",
        "non_negative_derivative",
        "non_negative_difference",
    )
)
KNOWN = OF_BINS | OF_SAMPLES | TRANSFORMS
OPERATORS = frozenset("+-*/%")
WIDEST_AVERAGE = 10_000


def inner(call: Call) -> Call | None:
    """The aggregate of a call: itself, or what a transformation is of; None for one of samples."""
    if call.name not in TRANSFORMS:
        return call
    return call.args[0] if isinstance(call.args[0], Call) else None


def field_of(call: Call) -> str:
    """The field that a call is of."""
    of = (inner(call) or call).args[0]
    assert isinstance(of, Var)  # noqa: S101 (checked before)
    return of.name


def bins_before(call: Call) -> int:
    """How many bins before the first one a call is computed from."""
    return int(call.name in TRANSFORMS and call.name != "cumulative_sum")


def variables(expr: Expr) -> Iterator[Var]:
    """Fields and tags that an expression is of, outside of functions."""
    if isinstance(expr, Var):
        yield expr
    elif isinstance(expr, Binary):
        yield from variables(expr.left)
        yield from variables(expr.right)
    elif isinstance(expr, Paren):
        yield from variables(expr.inner)


def _calls(expr: Expr) -> Iterator[Call]:
    if isinstance(expr, Call):
        yield expr
    elif isinstance(expr, Binary):
        yield from _calls(expr.left)
        yield from _calls(expr.right)
    elif isinstance(expr, Paren):
        yield from _calls(expr.inner)


def checked(exprs: Sequence[Expr], binned: bool) -> tuple[Call, ...]:
    """The functions of all columns, each once.

    Raises
    ------
    InfluxError
        If the columns make no sense, or one of them is of what cannot be computed here.
    """
    for expr in exprs:
        _check_operators(expr)
        if not any(variables(expr)) and not any(_calls(expr)):
            raise InfluxError("field must contain at least one variable")
    found = tuple(dict.fromkeys(call for expr in exprs for call in _calls(expr)))
    for call in found:
        _check(call, binned)
    if found and any(True for expr in exprs for _ in variables(expr)):
        if all(call.name in SELECTORS for call in found) and len(found) == 1:
            raise InfluxError("a selector with further fields is not supported")
        raise InfluxError("mixing aggregate and non-aggregate queries is not supported")
    if binned and exprs and not any(inner(call) for call in found):
        raise InfluxError(
            f"aggregate function required inside the call to {found[0].name}"
            if found
            else "GROUP BY requires at least one aggregate function"
        )
    whole = [call for call in found if inner(call) is None]
    if whole and len(whole) != len(found):
        raise InfluxError("mixing aggregate and non-aggregate queries is not supported")
    return found


def _check_operators(expr: Expr) -> None:
    if isinstance(expr, Paren):
        _check_operators(expr.inner)
    elif isinstance(expr, Binary):
        if expr.op not in OPERATORS:
            raise InfluxError(f"the operator {expr.op} is not supported in a column")
        _check_operators(expr.left)
        _check_operators(expr.right)
    elif not isinstance(expr, Call | Var) and not (
        isinstance(expr, Constant) and expr.kind in ("number", "integer")
    ):
        raise InfluxError("invalid expression in a column")


def _check(call: Call, binned: bool) -> None:
    name, args = call.name, call.args
    if name not in KNOWN:
        raise InfluxError(f"undefined function {name}()")
    least, most = _arity(name)
    if not least <= len(args) <= most:
        told = str(least) if least == most else f"at least {least} but no more than {most}"
        raise InfluxError(f"invalid number of arguments for {name}, expected {told}, got {len(args)}")
    of = args[0]
    if name in TRANSFORMS and isinstance(of, Call):
        if of.name in TRANSFORMS:
            raise InfluxError(f"{of.name} in {name} is not supported")
        _check(of, binned)
        if not binned:
            raise InfluxError(f"{name} aggregate requires a GROUP BY interval")
    elif not isinstance(of, Var):
        raise InfluxError(f"expected field argument in {name}()")
    elif of.name.lower() == "time" or of.cast not in ("", "field"):
        raise InfluxError(f"{of.name}::{of.cast or 'time'} is not supported in {name}()")
    _check_parameter(name, args[1:])


def _arity(name: str) -> tuple[int, int]:
    if name in ("percentile", "moving_average"):
        return 2, 2
    return 1, 2 if "derivative" in name else 1


def _check_parameter(name: str, given: Sequence[Expr]) -> None:
    if not given:
        return
    [value] = given
    kind = value.kind if isinstance(value, Constant) else ""
    if "derivative" in name:
        if kind != "duration":
            raise InfluxError(f"second argument to {name} must be a duration")
        if value.value <= 0:  # type: ignore[union-attr]
            raise InfluxError("duration argument must be positive")
    elif name == "percentile" and kind not in ("number", "integer"):
        raise InfluxError("expected float argument in percentile()")
    elif name == "moving_average":
        if kind != "integer":
            raise InfluxError("second argument for moving_average must be an integer")
        if not 1 < value.value <= WIDEST_AVERAGE:  # type: ignore[union-attr]
            raise InfluxError(
                f"moving_average window must be greater than 1 and no more than {WIDEST_AVERAGE}"
            )


def kind_of(expr: Expr, fields: Mapping[str, Kind]) -> Kind:
    """Kind of what an expression comes to; empty if it is of a field that is not there."""
    if isinstance(expr, Paren):
        return kind_of(expr.inner, fields)
    if isinstance(expr, Var):
        return (
            expr.cast if expr.cast in ("float", "integer", "string", "boolean") else fields.get(expr.name, "")
        )
    if isinstance(expr, Constant):
        return "integer" if expr.kind == "integer" else "float"
    if isinstance(expr, Call):
        return _kind_of_call(expr, fields)
    if isinstance(expr, Binary):
        left, right = kind_of(expr.left, fields), kind_of(expr.right, fields)
        return "integer" if left == right == "integer" and expr.op != "/" else "float"
    return ""


def _kind_of_call(call: Call, fields: Mapping[str, Kind]) -> Kind:
    if call.name == "count":
        return "integer"
    if call.name in ("mean", "median", "stddev", "moving_average") or "derivative" in call.name:
        return "float"
    return kind_of(call.args[0], fields)


def check_kinds(exprs: Sequence[Expr], fields: Mapping[str, Kind]) -> None:
    """Refuse what cannot be computed of text and bools.

    Raises
    ------
    InfluxError
        If there is such a thing.
    """
    for expr in exprs:
        _check_kinds(expr, fields)


def _check_kinds(expr: Expr, fields: Mapping[str, Kind]) -> None:
    if isinstance(expr, Paren):
        _check_kinds(expr.inner, fields)
    elif isinstance(expr, Binary):
        for side in (expr.left, expr.right):
            _check_kinds(side, fields)
            if (kind := kind_of(side, fields)) in ("string", "boolean"):
                raise InfluxError(f"type error: {expr.op} of {kind}: incompatible types")
    elif isinstance(expr, Call):
        of = expr.args[0]
        _check_kinds(of, fields)
        kind = kind_of(of, fields)
        fits = (
            expr.name in OF_ANY_KIND
            or kind in ("", "float", "integer")
            or (kind == "boolean" and expr.name in ("min", "max"))
        )
        if not fits:
            raise InfluxError(f"unsupported {expr.name} iterator type: {kind}")
