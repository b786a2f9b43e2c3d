"""Columns to JSON, once: pairs of numbers are made by numpy; NaN and infinities become null."""

import math
from typing import Any

import numpy as np
import orjson
from sisock.node import Field, Series

from sisock_http.asking.question import SharedSeries

OPTIONS = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS
LARGE_POINTS = 50_000
"""More points than this are encoded off the reactor thread."""


def dumps(value: Any) -> bytes:
    """JSON text of anything that has no columns in it."""
    return orjson.dumps(value, option=OPTIONS)


def milliseconds(series: Series) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Times of a series as JavaScript counts them: (n,) float64, whole milliseconds."""
    return np.rint(series.t * 1e3)


def pairs(series: Series) -> orjson.Fragment:
    """``[[value, milliseconds], ...]`` of any series: numbers by numpy, text and bools as they are."""
    if not isinstance(series, SharedSeries) or series.values.dtype.kind not in "fiu":
        return _pairs(series)
    made: orjson.Fragment | None = series.written.pairs
    if made is None:
        made = series.written.pairs = _pairs(series)
    return made


def _pairs(series: Series) -> orjson.Fragment:
    t = milliseconds(series)
    if series.values.dtype.kind not in "fiu":
        listed = [list(pair) for pair in zip(values(series), t.tolist(), strict=True)]
        return orjson.Fragment(orjson.dumps(listed))
    table = np.empty((len(t), 2))
    table[:, 0] = series.values
    table[:, 1] = t
    return orjson.Fragment(orjson.dumps(table, option=OPTIONS))


def rows(series: Series) -> list[list[Any]]:
    """``[[milliseconds, value], ...]`` of any series."""
    return [list(row) for row in zip(milliseconds(series).tolist(), values(series), strict=True)]


def values(series: Series) -> list[Any]:
    """Values of a series as JSON has them: None for NaN and infinities."""
    listed: list[Any] = series.values.tolist()
    if series.values.dtype.kind == "f":
        return [value if math.isfinite(value) else None for value in listed]
    return listed


def grafana_type(series: Series, field: Field | None) -> str:
    """What Grafana calls the kind of a field's values: what they are, or are said to be if there are none."""
    if not len(series.values):
        return {"string": "string", "bool": "boolean"}.get(field.type if field else "", "number")
    kind = series.values.dtype.kind
    if kind in "fiu":
        return "number"
    if kind == "b" or (kind == "O" and all(isinstance(v, bool) or v is None for v in series.values)):
        return "boolean"
    return "string" if any(isinstance(v, str) for v in series.values) else "number"


def is_number(series: Series, field: Field | None) -> bool:
    """Whether a graph of numbers can show a series."""
    return grafana_type(series, field) == "number"
