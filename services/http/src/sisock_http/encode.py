"""Columns to JSON, once: pairs are made by numpy, text by orjson; NaN and infinities become null."""

import math
import zlib
from typing import Any

import numpy as np
import orjson
from sisock.node import Series

OPTIONS = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS
LARGE_POINTS = 50_000
"""More points than this are encoded off the reactor thread."""

SMALLEST_COMPRESSED = 1_500
FASTEST = 1


def dumps(value: Any) -> bytes:
    """JSON text of anything that has no columns in it."""
    return orjson.dumps(value, option=OPTIONS)


def milliseconds(series: Series) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Times of a series as JavaScript counts them: (n,) float64, whole milliseconds."""
    return np.rint(series.t * 1e3)


def pairs(series: Series) -> orjson.Fragment:
    """``[[value, milliseconds], ...]`` of a numeric or bool series."""
    table = np.empty((len(series.t), 2))
    if series.values.dtype.kind in "fiub":
        table[:, 0] = series.values
    else:
        table[:, 0] = [value if isinstance(value, int | float) else np.nan for value in series.values]
    table[:, 1] = milliseconds(series)
    return orjson.Fragment(orjson.dumps(table, option=OPTIONS))


def rows(series: Series) -> list[list[Any]]:
    """``[[milliseconds, value], ...]`` of any series."""
    values: list[Any] = series.values.tolist()
    if series.values.dtype.kind == "f":
        values = [value if math.isfinite(value) else None for value in values]
    return [list(row) for row in zip(milliseconds(series).tolist(), values, strict=True)]


def is_text(series: Series) -> bool:
    """Whether a series has values that no graph can show."""
    return series.values.dtype.kind in "UO" and any(isinstance(value, str) for value in series.values[:64])


def gzip(body: bytes) -> bytes:
    """Compress for a thin link, as fast as it goes."""
    press = zlib.compressobj(FASTEST, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    return press.compress(body) + press.flush()
