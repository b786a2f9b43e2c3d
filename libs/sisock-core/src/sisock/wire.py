"""From columns to the dictionaries of the contract.

What a node's author handed back is checked, cut to the interval, reduced to the caller's
limits and grouped by timeline (`tabulate`), then written as v1 lists or packed (`parts`). The way
back is `sisock_consumer.replies`. Sessions and routers are unknown here.
"""

import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sisock import decimate, steps
from sisock.errors import ContractError
from sisock.node import Column, Field, Limits, Series, Times
from sisock.times import FARTHEST_S

PART_BYTES = 256 * 1024
"""Target size of one part of a chunked reply: well under `sisock.message.MOST_BYTES`."""

_TYPES = ("number", "string", "bool")


def fields_reply(fields: Iterable[Field]) -> list[dict[str, Any]]:
    """Write the answer to ``get_fields``.

    Parameters
    ----------
    fields : iterable of Field

    Returns
    -------
    list
        ``[fields, timelines]`` as in CONTRACT section 1.

    Raises
    ------
    ContractError
        If a name is missing or given twice, a type is unknown, or an addition makes no sense.
    """
    listed: dict[str, Any] = {}
    timelines: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for field in fields:
        if not isinstance(field, Field):
            raise ContractError(f"fields() gave {field!r}, which is not a sisock.Field")
        if not field.name or field.name in listed:
            raise ContractError(
                f"fields() gave the name {field.name!r} " + ("twice" if field.name else "(empty)")
            )
        if field.type not in _TYPES:
            raise ContractError(f"field {field.name!r} has type {field.type!r}, which is none of {_TYPES}")
        listed[field.name] = {
            "description": field.description,
            "timeline": field.timeline_name,
            "type": field.type,
            "units": field.units,
            **_additions(field, sources),
        }
        timeline = timelines.get(field.timeline_name)
        if timeline is None:
            # Most have one field: a list that never grows is the smallest.
            timelines[field.timeline_name] = {"interval": _interval(field), "field": [field.name]}
        else:
            timeline["field"].append(field.name)
    return [listed, timelines]


def _additions(field: Field, sources: dict[str, str]) -> dict[str, Any]:
    """Keys of CONTRACT section 7.9, where a field says such things; `sources` are those of the others."""
    said: dict[str, Any] = {}
    if field.source is not None:
        if not field.source or field.source in sources:
            what = f"that of {sources[field.source]!r}" if field.source else "empty"
            raise ContractError(f"field {field.name!r} has the source {field.source!r}, which is {what}")
        sources[field.source] = field.name
        said["source"] = field.source
    if field.limits is not None:
        if field.limits.problem:
            raise ContractError(f"field {field.name!r} {field.limits.problem}")
        said["limits"] = field.limits.on_wire()
    if field.silent_after is not None:
        if not 0 < field.silent_after < math.inf:
            raise ContractError(
                f"field {field.name!r} is silent after {field.silent_after} s, which is never"
            )
        said["silent_after"] = float(field.silent_after)
    if field.kept_for is not None:
        if not 0 < field.kept_for < math.inf:
            raise ContractError(f"field {field.name!r} is kept for {field.kept_for} s, which is no while")
        said["kept_for"] = float(field.kept_for)
    if field.complete_since is not None:
        if not math.isfinite(field.complete_since):
            raise ContractError(
                f"field {field.name!r} is complete since {field.complete_since}, which is no time"
            )
        said["complete_since"] = float(field.complete_since)
    return said


def _interval(field: Field) -> float | None:
    """Seconds between samples; None where an author's mean of few samples is no number."""
    return None if field.interval is None or not math.isfinite(field.interval) else float(field.interval)


@dataclass(slots=True)
class Table:
    """Columns that share one time column; `finalized_until` as in `Series`."""

    timeline: str
    t: Times
    columns: dict[str, Column]
    finalized_until: float | None

    @property
    def row_bytes(self) -> int:
        """About how many bytes one row takes, packed."""
        return 8 + sum(_item_bytes(c) for c in self.columns.values())

    @property
    def stepped_row_bytes(self) -> int:
        """The same without its time."""
        return max(1, self.row_bytes - 8)


def tabulate(
    series: Iterable[Series],
    names: Sequence[str],
    start: float,
    end: float,
    limits: Limits,
    *,
    own_times: bool,
) -> list[Table]:
    """Check, cut and reduce what a node read, and group it by timeline.

    Parameters
    ----------
    series : iterable of Series
        From the node.
    names : sequence of str
        The fields that were asked for; others are refused.
    start, end : float
        UNIX seconds; samples outside of ``[start, end)`` are cut off, and those more than `FARTHEST_S` away
        from 1970 in any case.
    limits : Limits
        Applied to each table.
    own_times : bool
        Whether the caller understands a timeline of its own for each reduced field, which leaves
        every field all of its points. An old caller needs one timeline for all that share it.

    Returns
    -------
    list of Table
        Only those with samples.

    Raises
    ------
    ContractError
        If the columns break the contract, or share a timeline but not their times.
    """
    start, end = max(start, -FARTHEST_S), min(end, FARTHEST_S)
    groups: dict[str, Table] = {}
    seen: set[str] = set()
    for item in series:
        _check(item, names, seen)
        t, until = np.asarray(item.t, dtype=np.float64), _until(item)
        first, last = np.searchsorted(t, [start, end], side="left")
        if last <= first:
            continue
        whole = first == 0 and last == len(t)
        t, values = (t, item.values) if whole else (t[first:last], item.values[first:last])
        values = _sound(item.name, np.asarray(values))
        table = groups.get(item.timeline_name)
        if table is None:
            table = Table(item.timeline_name, t, {item.name: values}, until)
            groups[item.timeline_name] = table
        elif table.t is t or np.array_equal(table.t, t):
            table.columns[item.name] = values
            ends = [u for u in (table.finalized_until, until) if u is not None]
            table.finalized_until = min(ends, default=None)
        else:
            other = next(iter(table.columns))
            raise ContractError(
                f"fields {other!r} and {item.name!r} share the timeline {item.timeline_name!r} "
                f"but not their times: give them timelines of their own"
            )
    return [reduced for table in groups.values() for reduced in _reduce(table, limits, own_times)]


def _check(item: Series, names: Sequence[str], seen: set[str]) -> None:
    if not isinstance(item, Series):
        raise ContractError(f"read() gave {type(item).__name__}, which is not a sisock.Series")
    if item.name not in names:
        raise ContractError(f"read() gave the field {item.name!r}, which was not asked for")
    if item.name in seen:
        raise ContractError(f"read() gave the field {item.name!r} twice")
    seen.add(item.name)
    t, values = np.asarray(item.t), np.asarray(item.values)
    if t.ndim != 1 or values.ndim != 1 or len(t) != len(values):
        raise ContractError(
            f"field {item.name!r} has times of shape {t.shape} and values of shape {values.shape}; "
            f"both must be one column of the same length"
        )
    if t.dtype.kind not in "fiu":
        raise ContractError(f"field {item.name!r} has times of dtype {t.dtype}; they must be UNIX seconds")
    if values.dtype.kind not in "fiubUO":
        raise ContractError(
            f"field {item.name!r} has values of dtype {values.dtype}: not numbers, bools or strings"
        )
    if t.dtype.kind == "f" and not np.isfinite(t).all():
        wrong = t[np.flatnonzero(~np.isfinite(t))[0]]
        raise ContractError(f"field {item.name!r} has the time {wrong}, which is not a finite number")
    if not bool((t[1:] >= t[:-1]).all()):
        raise ContractError(f"field {item.name!r} has times that are not ascending")


def _until(item: Series) -> float | None:
    if item.finalized_until is None or item.finalized_until == math.inf:
        return None
    if not item.finalized_until > -math.inf:
        raise ContractError(
            f"field {item.name!r} is finalized until {item.finalized_until}, which is no time"
        )
    return float(min(item.finalized_until, FARTHEST_S))


def _sound(name: str, values: Column) -> Column:
    """Objects as what every serializer and browser can hold: None, bools, text and finite numbers."""
    if values.dtype.kind != "O":
        return values
    sound = np.empty(len(values), dtype=object)
    sound[:] = [_sound_value(name, value) for value in values]
    return sound


def _sound_value(name: str, value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        if -(2**63) <= value < 2**64:
            return value
        # More than that has no place in some serializers, and 10**400 none in a float: it is no number then.
        return float(value) if abs(value) <= sys.float_info.max else None
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    raise ContractError(f"field {name!r} has a value of type {type(value).__name__}: no number, bool or text")


def _reduce(table: Table, limits: Limits, own_times: bool) -> Iterator[Table]:
    if limits.min_stride is not None:
        table = _take(table, decimate.thin(table.t, list(table.columns.values()), limits.min_stride))
    most = limits.max_points
    if most is None or len(table.t) <= most:
        yield table
    elif own_times and len(table.columns) > 1:
        for name, values in table.columns.items():
            alone = Table(f"{table.timeline}/{name}", table.t, {name: values}, table.finalized_until)
            yield _take(alone, decimate.envelope(table.t, [values], most))
    else:
        yield _take(table, decimate.envelope(table.t, list(table.columns.values()), most))


def _take(table: Table, kept: decimate.Indices) -> Table:
    if len(kept) == len(table.t):
        return table
    columns = {name: values[kept] for name, values in table.columns.items()}
    return Table(table.timeline, table.t[kept], columns, table.finalized_until)


def parts(
    tables: Sequence[Table],
    names: Sequence[str],
    *,
    packed: bool,
    stepped: bool = False,
    part_bytes: int | None = PART_BYTES,
) -> Iterator[dict[str, Any]]:
    """Write the answer to ``get_data`` as one dictionary, or as several to be joined in order.

    Parameters
    ----------
    tables : sequence of Table
        From `tabulate`.
    names : sequence of str
        The fields that were asked for; those without samples appear with an empty list.
    packed : bool
        Numbers as little-endian float64 bytes instead of lists, and each timeline names its fields.
    stepped : bool
        Times of an even rhythm as that instead of as a column.
    part_bytes : int or None
        Split when the reply is longer than this; None: never.

    Yields
    ------
    dict
        ``{"data", "timeline"}``; the last one completes the reply.
    """
    pending = _empty()
    for name in names:
        if not any(name in table.columns for table in tables):
            pending["data"][name] = []
    size = 0
    for table in tables:
        rows = len(table.t)
        rhythm = steps.found(table.t) if stepped else None
        row_bytes = table.row_bytes if rhythm is None else table.stepped_row_bytes
        step = rows if part_bytes is None else max(1, part_bytes // row_bytes)
        for first in range(0, rows, step):
            piece = slice(first, min(rows, first + step))
            cost = row_bytes * (piece.stop - first)
            if part_bytes is not None and size and size + cost > part_bytes:
                yield pending
                pending, size = _empty(), 0
            _write(pending, table, piece, packed, rhythm)
            size += cost
    yield pending


def _empty() -> dict[str, Any]:
    return {"data": {}, "timeline": {}}


def _write(reply: dict[str, Any], table: Table, piece: slice, packed: bool, rhythm: steps.Run | None) -> None:
    entry: dict[str, Any] = {"t": _times(table, piece, packed, rhythm)}
    entry["finalized_until"] = table.finalized_until
    if packed:
        entry["field"] = list(table.columns)
    reply["timeline"][table.timeline] = entry
    for name, values in table.columns.items():
        reply["data"][name] = _values(values[piece], packed)


def _times(table: Table, piece: slice, packed: bool, rhythm: steps.Run | None) -> Any:
    if rhythm is not None:
        return rhythm.part(piece.start, piece.stop).on_wire()
    t = table.t[piece]
    return _pack(t) if packed else t.tolist()


def _values(values: Column, packed: bool) -> bytes | list[Any]:
    if values.dtype.kind not in "fiu":
        plain: list[Any] = values.tolist()
        return plain
    if packed:
        return _pack(values)
    listed: list[Any] = values.tolist()
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        return [v if math.isfinite(v) else None for v in listed]
    return listed


def _pack(values: Column) -> bytes:
    return values.astype("<f8", copy=False).tobytes()


def _item_bytes(values: Column) -> int:
    if values.dtype.kind == "U":
        return max(8, values.dtype.itemsize // 4)
    if values.dtype.kind == "O" and len(values):
        sample = values[:: max(1, len(values) // 64)]
        return max(8, sum(len(str(v)) for v in sample) // len(sample))
    return 8
