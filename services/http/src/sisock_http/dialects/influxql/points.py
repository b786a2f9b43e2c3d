"""Functions to points: computed from the bins or samples of the series of one group.

Points are in the order of the reply, which for ``ORDER BY time DESC`` is from the last to the first:
fill(previous) and what is computed from neighbours follow it, as in InfluxDB.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from sisock.binning import microseconds
from sisock.node import Bins, Column, Grid, Series

from sisock_http.asking.statistics import column
from sisock_http.dialects.influxql import calls
from sisock_http.dialects.influxql.plan import MOST_BINS, ONE_BIN, Ask, Group, Plan
from sisock_http.dialects.influxql.problems import InfluxError
from sisock_http.dialects.influxql.schema import Kind
from sisock_http.dialects.influxql.tree import Call

Times = npt.NDArray[np.int64]
Answers = Mapping[Ask, Series | Bins]
FARTHEST_S = 9.2e9
"""Nanoseconds in 64 bits reach no farther."""


@dataclass(frozen=True, slots=True)
class Points:
    """Times, microseconds, and a value at each: NaN or None is InfluxDB's null.

    But for the NaN that a function came to (the stddev of one sample), where `there` is true: it is a value,
    which is shown as null.
    """

    t: Times
    values: Column
    kind: Kind
    there: npt.NDArray[np.bool_] | None = None

    def at(self, chosen: Any) -> "Points":
        """Some of them."""
        there = None if self.there is None else self.there[chosen]
        return Points(self.t[chosen], self.values[chosen], self.kind, there)

    @property
    def present(self) -> npt.NDArray[np.bool_]:
        """Which have a value."""
        return present(self.values) if self.there is None else self.there


def present(values: Column) -> npt.NDArray[np.bool_]:
    """Which of the values are none of NaN and None."""
    if values.dtype.kind == "f":
        return ~np.isnan(values)
    return np.array([value is not None for value in values], dtype=bool)


def blank(n: int, kind: Kind) -> Column:
    """A column of nulls."""
    return np.full(n, np.nan) if kind in ("float", "integer", "") else np.full(n, None, dtype=object)


def points_of(call: Call, plan: Plan, group: Group, answers: Answers) -> Points | None:
    """What a function comes to for a group; None if there is no sample."""
    inner = calls.inner(call)
    low, high = plan.reach(call)
    kind = calls.kind_of(inner or call, plan.kinds)
    if inner is None:
        made = _samples(call, plan, group, answers)
    elif _is_of_samples(inner, plan):
        made = _from_samples(inner, _samples(call, plan, group, answers), plan)
    else:
        made = _from_bins(inner, kind, _merged(call, plan, group, answers))
    if made is None or not len(made.t):
        return None
    if plan.select.descending:
        made = made.at(slice(None, None, -1))
    if plan.grid and inner is not None:
        made = _filled(replace(made, kind=kind), plan, inner, low, high)
    return _transformed(call, made, plan) if call.name in calls.TRANSFORMS else replace(made, kind=kind)


def _is_of_samples(inner: Call, plan: Plan) -> bool:
    return not isinstance(plan.wanted(inner, plan.kinds.get(calls.field_of(inner), "")), Grid)


def _given(call: Call, plan: Plan, group: Group, answers: Answers) -> list[Any]:
    name = calls.field_of(call)
    asks = (
        Ask(key, name, *plan.reach(call), plan.wanted(call, plan.fields_of[key][name]))
        for key in group.keys
        if name in plan.fields_of[key]
    )
    return [given for ask in asks if (given := answers.get(ask)) is not None and len(given.t)]


def samples_of(series: Series, low: int | None, high: int | None) -> tuple[Times, Column]:
    """Samples of a field that have a value, each time once, as InfluxDB would hold them."""
    values, t = series.values, series.t
    if values.dtype.kind in "iu":
        values = values.astype(np.float64)
    kept = np.isfinite(values) if values.dtype.kind == "f" else present(values.astype(object))
    kept &= np.abs(t) < FARTHEST_S
    at = microseconds(t[kept])
    inside = (at >= (-np.inf if low is None else low)) & (at < (np.inf if high is None else high))
    at, values = at[inside], values[kept][inside]
    if (at[1:] == at[:-1]).any():
        last = np.append(at[1:] != at[:-1], True)
        at, values = at[last], values[last]
    return at, values if values.dtype.kind == "f" else values.astype(object)


def _samples(call: Call, plan: Plan, group: Group, answers: Answers) -> Points | None:
    low, high = plan.reach(call)
    found = [samples_of(series, low, high) for series in _given(call, plan, group, answers)]
    if not found:
        return None
    kind = plan.kinds[calls.field_of(call)]
    t = np.concatenate([at for at, _ in found])
    values = np.concatenate([values for _, values in found])
    if len(found) > 1:
        order = np.argsort(t, kind="stable")
        t, values = t[order], values[order]
    return Points(t, values, kind)


def _merged(call: Call, plan: Plan, group: Group, answers: Answers) -> Bins | None:
    """Bins of several series as those of one."""
    found: list[Bins] = _given(call, plan, group, answers)
    if len(found) < 2:
        return next(iter(found), None)

    def joined(key: str) -> Column:
        return np.concatenate([getattr(one, key) for one in found])

    t = joined("t")
    order = np.argsort(t, kind="stable")
    starts = np.flatnonzero(np.diff(t[order], prepend=-np.inf))
    ends = np.append(starts[1:], len(order)) - 1
    sums: dict[str, Any] = {}
    if all(one.sum is not None for one in found):
        sums = {
            "sum": np.add.reduceat(joined("sum")[order], starts),
            "min": np.minimum.reduceat(joined("min")[order], starts),
            "max": np.maximum.reduceat(joined("max")[order], starts),
        }
    # Of two samples at one time the greater counts.
    rank = np.argsort(np.argsort(joined("first"), kind="stable"), kind="stable")
    rank_last = np.argsort(np.argsort(joined("last"), kind="stable"), kind="stable")
    early = np.lexsort((-rank, joined("first_t"), t))[starts]
    late = np.lexsort((rank_last, joined("last_t"), t))[ends]
    return Bins(
        calls.field_of(call),
        t[order][starts],
        np.add.reduceat(joined("count")[order], starts),
        joined("first")[early],
        joined("first_t")[early],
        joined("last")[late],
        joined("last_t")[late],
        **sums,
    )


def _from_bins(call: Call, kind: Kind, bins: Bins | None) -> Points | None:
    if bins is None:
        return None
    values = column(bins, call.name)
    if values is None:
        return None
    return Points(microseconds(bins.t), values if values.dtype.kind == "f" else values.astype(object), kind)


def _from_samples(call: Call, samples: Points | None, plan: Plan) -> Points | None:
    """Medians and such of each bin, or of all."""
    if samples is None or not len(samples.t):
        return None
    t, values = samples.t, samples.values
    if call.name in ("first", "last"):
        return samples.at(_end(call.name, samples))
    if samples.kind == "boolean":
        values = values.astype(np.float64)
    grid = plan.grid or ONE_BIN
    bins = np.floor_divide(t - grid.offset, grid.width)
    order = np.lexsort((values, bins))
    starts = np.flatnonzero(np.append(True, bins[1:] != bins[:-1]))
    counts = np.diff(starts, append=len(t))
    at = bins[starts] * grid.width + grid.offset
    if call.name == "stddev":
        mean = np.add.reduceat(values, starts) / counts
        square = np.add.reduceat((values - np.repeat(mean, counts)) ** 2, starts)
        with np.errstate(divide="ignore", invalid="ignore"):
            # Of one sample it is 0 / 0: NaN.
            made = np.sqrt(square / (counts - 1))
        return Points(at, made, "float", np.ones(len(at), dtype=bool))
    if call.name == "median":
        upper, lower = order[starts + counts // 2], order[starts + (counts - 1) // 2]
        return Points(at, values[lower] / 2 + values[upper] / 2, "float")
    return _picked(call, samples, (starts, counts, order), at, plan)


def _end(name: str, samples: Points) -> slice:
    """The first or last sample; of several at one time the greatest, as InfluxDB picks them."""
    at = samples.t[0 if name == "first" else -1]
    low, high = samples.t.searchsorted([at, at + 1]).tolist()
    best = low + max(range(high - low), key=lambda k: samples.values[low + k])
    return slice(best, best + 1)


def _picked(call: Call, samples: Points, sorted_bins: Any, at: Times, plan: Plan) -> Points:
    """A sample of each bin: with its own time if there is one bin only."""
    starts, counts, order = sorted_bins
    if call.name == "percentile":
        level: Any = call.args[1]
        rank = np.floor(counts * float(level.value) / 100.0 + 0.5).astype(np.int64) - 1
    else:
        rank = np.zeros(len(starts), dtype=np.int64) if call.name == "min" else counts - 1
    there = (rank >= 0) & (rank < counts)
    picks = order[(starts + rank)[there]]
    if call.name == "max":
        # The first of those that are as great.
        numbers = samples.values.astype(np.float64)
        firsts = [
            order[start : start + count][numbers[order[start : start + count]] == numbers[pick]].min()
            for start, count, pick in zip(starts[there], counts[there], picks, strict=True)
        ]
        picks = np.array(firsts, dtype=np.int64)
    t = at[there] if plan.grid else samples.t[picks]
    return Points(t, samples.values[picks], samples.kind)


def _filled(points: Points, plan: Plan, call: Call, low: int | None, high: int | None) -> Points:
    """Points in every bin of the range, as FILL says."""
    grid, fill = plan.grid, plan.fill
    assert grid is not None  # noqa: S101 (asked before)
    if fill.kind == "none":
        return points
    first = points.t.min() if low is None else (low - grid.offset) // grid.width * grid.width + grid.offset
    last = (
        points.t.max() if high is None else (high - 1 - grid.offset) // grid.width * grid.width + grid.offset
    )
    n = int(last - first) // grid.width + 1
    if n > MOST_BINS:
        raise InfluxError(f"max-select-buckets limit exceeded: ({n}/{MOST_BINS})")
    t = first + np.arange(n, dtype=np.int64) * grid.width
    t = t[::-1] if plan.select.descending else t
    place = (points.t - first) // grid.width
    inside = (place >= 0) & (place < n)
    if not inside.all():
        # A node gave what it was not asked for.
        points, place = points.at(inside), place[inside]
    place = n - 1 - place if plan.select.descending else place
    values, there = blank(n, points.kind), np.zeros(n, dtype=bool)
    values[place], there[place] = points.values, points.present
    made = Points(t, values, points.kind, there)
    empty = np.ones(n, dtype=bool)
    empty[place] = False
    if fill.kind == "number" or (fill.kind == "null" and call.name == "count"):
        number = fill.value if fill.kind == "number" else 0
        values[empty] = _cast(number, points.kind)
        there[empty] = True
    elif fill.kind == "previous":
        # Before the first there is nothing, also in the first bin.
        known = np.maximum.accumulate(np.where(empty, 0, np.arange(n)))
        values, there = values[known], there[known]
        made = Points(t, values, points.kind, there)
    elif fill.kind == "linear" and points.values.dtype.kind == "f":
        there[_draw(made, empty)] = True
    return made


def _cast(number: float, kind: Kind) -> Any:
    """The number of a fill, as a value of another kind: nothing, where that is none of numbers."""
    if kind == "integer":
        return float(int(number))
    if kind == "string":
        return ""
    return False if kind == "boolean" else float(number)


def _draw(points: Points, empty: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """Straight lines between neighbours, in place; where they were drawn."""
    known = np.flatnonzero(~empty)
    gaps = np.flatnonzero(empty)
    after = known.searchsorted(gaps)
    inside = (after > 0) & (after < len(known))
    gaps, after = gaps[inside], after[inside]
    left, right = known[after - 1], known[after]
    slope = (points.values[right] - points.values[left]) / (right - left)
    drawn = slope * (gaps - left) + points.values[left]
    points.values[gaps] = np.trunc(drawn) if points.kind == "integer" else drawn
    return gaps


def _transformed(call: Call, points: Points, plan: Plan) -> Points:
    points = points.at(points.present)
    t, v, name = points.t, points.values, call.name
    kind = calls.kind_of(call, plan.kinds)
    if name == "cumulative_sum":
        return Points(t, np.cumsum(v), kind)
    if name == "moving_average":
        width: Any = call.args[1]
        n = int(width.value)
        total = np.zeros(len(v) + 1, dtype=np.longdouble)
        np.cumsum(v, out=total[1:])
        return Points(t[n - 1 :], ((total[n:] - total[:-n]) / n).astype(np.float64), kind)
    fresh = np.ones(len(t), dtype=bool)
    fresh[1:] = t[1:] != t[:-1]
    t, v = t[fresh], v[fresh]
    change = np.diff(v)
    if "derivative" in name:
        change = change / (np.abs(np.diff(t)) / _unit(call, plan))
    made = Points(t[1:], change, kind)
    return made.at(~(change < 0)) if name.startswith("non_negative") else made


def _unit(call: Call, plan: Plan) -> float:
    """Microseconds that a derivative is for."""
    if call.args[1:]:
        unit: Any = call.args[1]
        return float(unit.value) / 1e3
    return float(plan.grid.width) if plan.grid else 1e6
