"""What data nodes send, read in one place: nothing of it is believed before it is checked.

Whatever arrives becomes fields and columns, sentences about what could not be read, or `NodeError`;
never another exception, and never a value that JSON, a float or a clock could not show. Sessions
and routers are unknown here.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from sisock import bounds
from sisock.errors import NodeError
from sisock.node import Column, Field, FieldType, Series
from sisock.steps import Run
from sisock.times import FARTHEST_S

from sisock_consumer import steps

LONGEST_TEXT = 300
"""Most characters of a name or an error that are repeated in a sentence."""

_CONTAINER_BYTES = 64
_ITEM_BYTES = 8
_LARGEST_INTEGER = 2**63


@dataclass(frozen=True, slots=True)
class Listing:
    """What a node says that it has: `problems` are sentences about what of it could not be read."""

    fields: list[Field]
    problems: list[str]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a node's data came to.

    Parameters
    ----------
    series : dict of Series
        One for each field that could be read, empty ones included.
    problems : dict of str
        A sentence for each field that could not be read, or not in full.
    misfits : frozenset of str
        Fields whose values are not as many as the times that they came with.
    """

    series: dict[str, Series]
    problems: dict[str, str]
    misfits: frozenset[str] = frozenset()


def read_fields(node: str, reply: object) -> Listing:
    """Read an answer to ``get_fields``.

    Parameters
    ----------
    node : str
        The data node, for the sentences.
    reply : object
        As it came over the wire.

    Raises
    ------
    NodeError
        If it is no such answer at all.
    """
    if not isinstance(reply, list | tuple) or len(reply) != 2 or not all(isinstance(r, dict) for r in reply):
        raise NodeError(f"{node}.get_fields answered {type(reply).__name__}, not [fields, timelines]")
    listed, timelines = reply
    fields, problems = [], []
    sources: dict[str | None, str] = {}
    texts: dict[str, str] = {}
    for name, entry in listed.items():
        if not _is_text(name) or not name:
            problems.append(f"{node} has a field whose name is no text")
        elif not isinstance(entry, dict):
            problems.append(f"{node}::{shown(name)} is described by {type(entry).__name__}, not a dictionary")
        else:
            known, wrong = _field(name, entry, timelines, texts)
            if known.source in sources:
                wrong.append(f"its source is that of {shown(sources[known.source])}")
                known = replace(known, source=None)
            elif known.source is not None:
                sources[known.source] = known.name
            fields.append(known)
            if wrong:
                problems.append(f"{node}::{shown(name)}: {', '.join(wrong)}")
    return Listing(fields, problems)


def _field(
    name: str, entry: Mapping[Any, Any], timelines: Mapping[Any, Any], texts: dict[str, str]
) -> tuple[Field, list[str]]:
    wrong: list[str] = []

    def text(key: str) -> str | None:
        value = entry.get(key)
        if value is None or _is_text(value):
            return value and _kept(value, texts)
        wrong.append(f"its {key} is {type(value).__name__}, not text")
        return None

    kind: FieldType = "number"
    given = entry.get("type")
    if isinstance(given, str) and given in ("string", "bool"):
        kind = "string" if given == "string" else "bool"
    elif given is not None and given != "number":
        wrong.append("its type is none of number, string, bool")
    timeline = text("timeline") or name
    described = timelines.get(timeline)
    interval = described.get("interval") if isinstance(described, dict) else None
    if described is not None and not isinstance(described, dict):
        wrong.append(f"its timeline is described by {type(described).__name__}, not a dictionary")
    elif interval is not None and _finite(interval) is None:
        wrong.append("the interval of its timeline is not a number of seconds")
    limits = None
    if entry.get("limits") is not None:
        try:
            limits = bounds.from_wire(entry["limits"])
        except ValueError as problem:
            wrong.append(f"it {problem}")
    spans = {}
    for key in ("silent_after", "kept_for"):
        spans[key] = _finite(entry.get(key))
        if entry.get(key) is not None and (spans[key] or 0.0) <= 0.0:
            spans[key] = None
            wrong.append(f"its {key} is no number of seconds")
    complete_since = _finite(entry.get("complete_since"))
    if complete_since is None and entry.get("complete_since") is not None:
        wrong.append("its complete_since is no time")
    made = Field(
        _kept(name, texts),
        text("description"),
        text("units"),
        kind,
        timeline,
        _finite(interval),
        text("source") or None,
        limits,
        spans["silent_after"],
        spans["kept_for"],
        complete_since,
    )
    return made, wrong


def read_data(
    node: str, replies: Sequence[object], names: Sequence[str], timelines: Mapping[str, str]
) -> Reading:
    """Read the parts of an answer to ``get_data``, as `merge` does; sentences name node and field.

    Raises
    ------
    NodeError
        If a part is no answer to ``get_data`` at all.
    """
    try:
        found = _read(replies, names, timelines)
    except NodeError as error:
        raise NodeError(f"{node}: {error}") from None
    problems = {name: f"{node}::{shown(name)}: {problem}" for name, problem in found.problems.items()}
    return Reading(found.series, problems, found.misfits)


def merge(
    replies: Sequence[object], names: Sequence[str], timelines: Mapping[str, str]
) -> tuple[dict[str, Series], dict[str, str]]:
    """Read the parts of an answer to ``get_data``.

    Parameters
    ----------
    replies : sequence
        The parts, in order; a v1 node's reply is one part.
    names : sequence of str
        The fields that were asked for.
    timelines : mapping
        Timeline of each field as ``get_fields`` had it, for replies that do not say it themselves.

    Returns
    -------
    series : dict of Series
        One for each field that could be read, empty ones included.
    problems : dict of str
        A sentence for each field that could not be read, or not in full.

    Raises
    ------
    NodeError
        If a part is no answer to ``get_data`` at all.
    """
    found = _read(replies, names, timelines)
    return found.series, found.problems


@dataclass(slots=True)
class _Pieces:
    """What the parts of a reply hold, by name, before any of it is a column."""

    data: dict[str, list[Any]] = field(default_factory=dict)
    times: dict[str, list[Any]] = field(default_factory=dict)
    finalized: dict[str, float | None] = field(default_factory=dict)
    owner: dict[str, str] = field(default_factory=dict)


class _Unfit(NodeError):  # noqa: N818 (a problem of one field, told as a sentence)
    """Values that are not as many as their times."""


def _read(replies: Sequence[object], names: Sequence[str], timelines: Mapping[str, str]) -> Reading:
    pieces = _collect(replies, names)
    columns = {timeline: _times(found) for timeline, found in pieces.times.items()}
    series: dict[str, Series] = {}
    problems: dict[str, str] = {}
    misfits = set()
    for name in names:
        try:
            values, lost = _column(pieces.data.get(name, []))
            if not len(values):
                series[name] = Series(name, np.empty(0), values)
                continue
            timeline = _timeline_of(name, pieces.owner, timelines, columns)
            t, values, wild = _paired(timeline, columns[timeline], values)
            series[name] = Series(name, t, values, timeline, pieces.finalized[timeline])
            told = [f"values that cannot be shown, left out: {lost}"] if lost else []
            told += [f"samples at times that no clock shows, left out: {wild}"] if wild else []
            if told:
                problems[name] = "; ".join(told)
        except (NodeError, ValueError) as problem:
            problems[name] = str(problem)
            if isinstance(problem, _Unfit):
                misfits.add(name)
    return Reading(series, problems, frozenset(misfits))


def _collect(replies: Sequence[object], names: Sequence[str]) -> _Pieces:
    wanted = frozenset(names)
    pieces = _Pieces()
    for reply in replies:
        values_of, timeline_of = _sections(reply)
        for name, values in values_of.items():
            if name in wanted:
                pieces.data.setdefault(name, []).append(values)
        for timeline, entry in timeline_of.items():
            if not isinstance(timeline, str):
                continue
            known = entry if isinstance(entry, dict) else {}
            t = known.get("t", ())
            if isinstance(t, dict):
                t = steps.read(t, max(map(_length, values_of.values()), default=0))
            pieces.times.setdefault(timeline, []).append(t)
            pieces.finalized[timeline] = _finite(known.get("finalized_until"))
            # "fields" is what the predecessor's g3 reader writes.
            named = known.get("field") or known.get("fields")
            if isinstance(named, list | tuple):
                pieces.owner.update((name, timeline) for name in named if isinstance(name, str))
    return pieces


def _sections(reply: object) -> tuple[dict[Any, Any], dict[Any, Any]]:
    if isinstance(reply, dict):
        data, timeline = reply.get("data"), reply.get("timeline")
        if isinstance(data, dict) and isinstance(timeline, dict):
            return data, timeline
    raise NodeError(f"the reply is {type(reply).__name__} without 'data' and 'timeline'")


def _timeline_of(
    name: str, owner: Mapping[str, str], timelines: Mapping[str, str], columns: Mapping[str, Any]
) -> str:
    for timeline in (owner.get(name), timelines.get(name)):
        if timeline is not None and timeline in columns:
            return timeline
    if len(columns) == 1:
        return next(iter(columns))
    raise NodeError(f"the reply does not say which of its {len(columns)} timelines the field follows")


def _paired(timeline: str, t: Column, values: Column) -> tuple[Column, Column, int]:
    """Times and values of one field, ascending, and how many samples at absurd times were left out."""
    if len(t) != len(values):
        raise _Unfit(f"{len(values)} values for {len(t)} times of the timeline {shown(timeline)!r}")
    if t.dtype.kind != "f":
        raise NodeError(f"the times of the timeline {shown(timeline)!r} are not numbers")
    sane = np.abs(t) <= FARTHEST_S
    wild = len(t) - int(np.count_nonzero(sane))
    if wild:
        t, values = t[sane], values[sane]
    if not bool((t[1:] >= t[:-1]).all()):
        order = np.argsort(t, kind="stable")
        t, values = t[order], values[order]
    return t, values, wild


def _times(pieces: Sequence[Any]) -> Column:
    """Times of one timeline; none at all if they cannot be read, which no values will fit."""
    try:
        if not any(isinstance(piece, Run) for piece in pieces):
            return _column(pieces)[0]
        runs = steps.joined(pieces)
        found = [run.times() if isinstance(run, Run) else _column([run])[0] for run in runs]
    except NodeError:
        return np.empty(0)
    return np.concatenate(found) if len(found) > 1 else found[0]


def _length(values: Any) -> int:
    """How many samples a column from the wire has."""
    if isinstance(values, bytes):
        return len(values) // 8
    return len(values) if isinstance(values, list | tuple) else 0


def _column(pieces: Sequence[Any]) -> tuple[Column, int]:
    """The column of all parts, and how many of its values had to go; what is no column is empty."""
    if pieces and all(isinstance(piece, bytes) for piece in pieces):
        whole = b"".join(pieces) if len(pieces) > 1 else pieces[0]
        if len(whole) % 8:
            raise NodeError(f"{len(whole)} bytes are no column of 8-byte numbers")
        return np.frombuffer(whole, dtype="<f8"), 0
    if len(pieces) > 1:
        found = [_column([piece]) for piece in pieces]
        joined = [column for column, _ in found]
        if len({column.dtype.kind for column in joined}) > 1:
            joined = [column.astype(object) for column in joined]
        return np.concatenate(joined), sum(lost for _, lost in found)
    if not pieces:
        return np.empty(0), 0
    values = pieces[0]
    if not isinstance(values, list | tuple):
        raise NodeError(f"values are {type(values).__name__}, not a list")
    return _listed(values)


def _listed(values: Sequence[Any]) -> tuple[Column, int]:
    kinds = {type(v) for v in values}
    if kinds == {bool}:
        return np.array(values, dtype=bool), 0
    if kinds <= {int, float, type(None)}:
        try:
            return np.array(values, dtype=np.float64), 0
        except OverflowError:
            numbers = [_float(v) for v in values]
            lost = sum(a is None and b is not None for a, b in zip(numbers, values, strict=True))
            return np.array(numbers, dtype=np.float64), lost
    column = np.empty(len(values), dtype=object)
    column[:] = [_plain(v) for v in values]
    return column, sum(a is None and b is not None for a, b in zip(column, values, strict=True))


def _plain(value: Any) -> Any:
    """A value among text and bools, or None if JSON has none like it."""
    kind = type(value)
    if kind in (bool, float):
        return value
    if kind is int:
        return value if -_LARGEST_INTEGER <= value < _LARGEST_INTEGER else _float(value)
    return value if kind is str and _is_text(value) else None


def _float(value: Any) -> float | None:
    try:
        return None if value is None else float(value)
    except OverflowError:
        return None


def _finite(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    number = _float(value)
    return number if number is not None and math.isfinite(number) else None


def _is_text(value: Any) -> bool:
    """Whether it is text that can be written: half a surrogate pair cannot."""
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _kept(text: str, texts: dict[str, str]) -> str:
    """The same text at another place, and once for all that have it.

    A few texts that are kept of a long reply would keep nearly all of its memory from being used anew.
    """
    known = texts.get(text)
    if known is None:
        known = texts[text] = text.encode().decode()
    return known


def shown(text: str) -> str:
    """A text from outside, short enough for a sentence, and writable."""
    return text[:LONGEST_TEXT].encode("utf-8", "replace").decode()


def size_bytes(value: Any) -> int:
    """About how many bytes something from the wire takes here, at least; any depth, any kind."""
    total, waiting = 0, [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, bytes | str):
            total += len(item)
        elif isinstance(item, dict):
            total += _CONTAINER_BYTES
            waiting.extend(item)
            waiting.extend(item.values())
            continue
        elif isinstance(item, list | tuple):
            total += _CONTAINER_BYTES + _ITEM_BYTES * len(item)
            waiting.extend(one for one in item if not isinstance(one, int | float))
            continue
        total += _ITEM_BYTES
    return total
