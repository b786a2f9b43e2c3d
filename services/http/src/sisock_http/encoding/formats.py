"""Samples as files: rows of JSON, CSV, Arrow, npz, and packed columns for a page in a browser.

JSON, CSV and Arrow are one table: a row for each time that any of the fields has, empty where the
others have none. npz and packed keep each field's own times.
"""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import nanoarrow as na
import numpy as np
import orjson
from nanoarrow.ipc import StreamWriter
from sisock.node import Series, Times
from sisock_consumer.spreadsheets import harmless

from sisock_http.asking.question import Answer
from sisock_http.encoding import as_json

PACKED_ALIGN = 8


@dataclass(frozen=True, slots=True)
class Format:
    """A way to write answers, each under its name, and what it is called."""

    write: Callable[[Sequence[Answer], Sequence[str]], bytes]
    content_type: bytes
    suffix: str


def _rows(answers: Sequence[Answer]) -> tuple[Times, list[np.ndarray[Any, Any]]]:
    """One time column for all, and for each answer the row of each of its samples.

    Returns
    -------
    t : (n,) float64
        UNIX seconds, ascending.
    rows : list of (m,) intp
    """
    times = [answer.series.t for answer in answers]
    first, *others = times
    # Fields of one timeline share its column: nothing is compared.
    if all(t is first or np.array_equal(t, first) for t in others):
        return first, [np.arange(len(first))] * len(times)
    t = np.unique(np.concatenate(times))
    return t, [t.searchsorted(own) for own in times]


def json_rows(answers: Sequence[Answer], names: Sequence[str]) -> bytes:
    """``[{"time": milliseconds, "node::field": value}, ...]``."""
    t, rows = _rows(answers)
    table: list[dict[str, Any]] = [{"time": ms} for ms in np.rint(t * 1e3).astype(np.int64).tolist()]
    for answer, name, at in zip(answers, names, rows, strict=True):
        if len(at) < len(t):
            for row in table:
                row[name] = None
        for i, value in zip(at.tolist(), as_json.values(answer.series), strict=True):
            table[i][name] = value
    return orjson.dumps(table)


def csv_text(answers: Sequence[Answer], names: Sequence[str]) -> bytes:
    """A heading, then ``2017-07-14T00:00:00.000Z,1.25`` and so on."""
    t, rows = _rows(answers)
    columns: list[list[Any]] = []
    for answer, at in zip(answers, rows, strict=True):
        column: list[Any] = [""] * len(t)
        for i, value in zip(at.tolist(), as_json.values(answer.series), strict=True):
            column[i] = _csv_cell(value)
        columns.append(column)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["time", *map(harmless, names)])
    writer.writerows(zip(_iso(t), *columns, strict=True))
    return out.getvalue().encode()


def _csv_cell(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else value if isinstance(value, int | float) else harmless(str(value))


def _iso(t: Times) -> list[str]:
    microseconds = _microseconds(t)
    unit = "us" if (microseconds % 1000).any() else "ms"
    moments = microseconds.view("datetime64[us]").astype(f"datetime64[{unit}]")
    text: list[str] = np.datetime_as_string(moments, timezone="UTC").tolist()
    return text


def _microseconds(t: Times) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.rint(t * 1e6).astype(np.int64)


def arrow(answers: Sequence[Answer], names: Sequence[str]) -> bytes:
    """An Arrow IPC stream of one batch: ``time`` in UTC microseconds, then the fields.

    Notes
    -----
    https://arrow.apache.org/docs/format/Columnar.html#ipc-streaming-format
    """
    t, rows = _rows(answers)
    moment = na.timestamp("us", "UTC")
    types: dict[str, Any] = {"time": moment}
    columns = [na.c_array_from_buffers(moment, len(t), [None, _microseconds(t)])]
    for answer, name, at in zip(answers, names, rows, strict=True):
        kind, column = _arrow_column(answer, at, len(t))
        types[name] = kind
        columns.append(column)
    table = na.c_array_from_buffers(na.struct(types), len(t), [None], children=columns)
    out = io.BytesIO()
    with StreamWriter.from_writable(out) as stream:
        stream.write_array(table)
    return out.getvalue()


def _arrow_column(answer: Answer, at: np.ndarray[Any, Any], n: int) -> tuple[Any, Any]:
    kind = as_json.grafana_type(answer.series, answer.field)
    if kind == "number":
        numbers = np.full(n, np.nan)
        numbers[at] = _numbers(answer.series)
        valid = np.packbits(np.isfinite(numbers), bitorder="little")
        return na.float64(), na.c_array_from_buffers(na.float64(), n, [valid, numbers])
    listed: list[Any] = [None] * n
    for i, value in zip(at.tolist(), as_json.values(answer.series), strict=True):
        listed[i] = value if value is None or kind == "boolean" else str(value)
    dtype = na.bool_() if kind == "boolean" else na.string()
    return dtype, na.c_array(listed, dtype)


def _numbers(series: Series) -> Times:
    if series.values.dtype.kind in "fiub":
        return series.values.astype(np.float64, copy=False)
    return np.array([v if isinstance(v, int | float) else np.nan for v in series.values], dtype=np.float64)


def npz(answers: Sequence[Answer], names: Sequence[str]) -> bytes:
    """Numpy's own archive: for each field an array of its name, and one of that name and ``/time``."""
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    for answer, name in zip(answers, names, strict=True):
        column = answer.series.values
        if column.dtype.kind == "O":
            # An array of objects would need pickle, which nobody should have to trust.
            text = as_json.grafana_type(answer.series, answer.field) == "string"
            column = (
                np.array(["" if v is None else str(v) for v in column]) if text else _numbers(answer.series)
            )
        arrays[name] = column
        arrays[f"{name}/time"] = answer.series.t
    out = io.BytesIO()
    np.savez(out, **arrays)  # type: ignore[arg-type]
    return out.getvalue()


def packed(answers: Sequence[Answer], names: Sequence[str]) -> bytes:
    """Columns for a page: a head of JSON, then float64, little-endian.

    Notes
    -----
    The first four bytes are the length of the head, which is padded so that columns begin at a
    multiple of eight. The head lists each field with its count ``n``; its columns follow in that order:
    ``n`` times, UNIX seconds, and, if ``packed`` is true, ``n`` values. Values of other kinds are in the
    head. ``notice`` says why a field may have none.
    """
    head: list[dict[str, Any]] = []
    columns: list[bytes] = []
    for answer, name in zip(answers, names, strict=True):
        field, series = answer.field, answer.series
        kind = as_json.grafana_type(series, field)
        entry: dict[str, Any] = {
            "field": name,
            "type": kind,
            "units": field.units if field else None,
            "label": answer.label or None,
            "description": field.description if field else None,
            "interval": field.interval if field else None,
            "n": len(series.t),
            "packed": kind == "number",
            "notice": answer.notice,
        }
        columns.append(series.t.astype("<f8", copy=False).tobytes())
        if kind == "number":
            columns.append(_numbers(series).astype("<f8", copy=False).tobytes())
        else:
            entry["values"] = as_json.values(series)
        head.append(entry)
    text = orjson.dumps({"series": head})
    text += b" " * (-(len(text) + 4) % PACKED_ALIGN)
    return b"".join([len(text).to_bytes(4, "little"), text, *columns])


FORMATS = {
    "json": Format(json_rows, b"application/json", "json"),
    "csv": Format(csv_text, b"text/csv; charset=utf-8", "csv"),
    "arrow": Format(arrow, b"application/vnd.apache.arrow.stream", "arrows"),
    "npz": Format(npz, b"application/x-npz", "npz"),
    "packed": Format(packed, b"application/octet-stream", "bin"),
}
