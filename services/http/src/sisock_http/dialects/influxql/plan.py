"""A SELECT to what must be known to answer it: fields in a range, as samples, extremes or bins.

Knows the schema and no data. What cannot be answered is refused here, before anybody is asked.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from sisock.node import Grid

from sisock_http.dialects.influxql import calls
from sisock_http.dialects.influxql.columns import columns_of, named
from sisock_http.dialects.influxql.conditions import condition, moment
from sisock_http.dialects.influxql.problems import InfluxError
from sisock_http.dialects.influxql.schema import (
    Kind,
    Schema,
    SeriesKey,
    by_measurement,
    chosen,
    fields_of,
    matcher,
    tags_of,
)
from sisock_http.dialects.influxql.tree import (
    Call,
    Constant,
    Expr,
    Fill,
    Regex,
    Select,
    Var,
    Wildcard,
)

ONE_BIN = Grid(2 * 10**18, -(10**18))
"""A bin that holds all times there are."""

MOST_BINS = 500_000
"""Most bins of one series in a reply."""

MOST_ASKED = 20_000
"""Most questions, one for each field of each series."""

MOST_KEPT = 512
As = Literal["samples", "extremes", "first", "last"] | Grid


@dataclass(frozen=True, slots=True)
class Ask:
    """One field of one series, in a range of microseconds (half open, None where there is no end)."""

    key: SeriesKey
    field: str
    low: int | None
    high: int | None
    wanted: As


@dataclass(frozen=True, slots=True)
class Group:
    """Series that come to one series of the reply."""

    measurement: str
    tags: tuple[tuple[str, str], ...]
    keys: tuple[SeriesKey, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """A SELECT on its way: `calls` is empty if samples themselves are wanted."""

    names: tuple[str, ...]
    exprs: tuple[Expr, ...]
    kinds: dict[str, Kind]
    calls: tuple[Call, ...]
    fields: tuple[str, ...]
    groups: tuple[Group, ...]
    low: int | None
    high: int | None
    low_ns: int | None
    grid: Grid | None
    fill: Fill
    select: Select
    fields_of: Schema

    @property
    def is_selector(self) -> bool:
        """Whether its one row has the time of the sample that it shows."""
        return len(self.calls) == 1 and self.calls[0].name in calls.SELECTORS

    @property
    def most_rows(self) -> int:
        """About how many rows its bins come to, empty ones among them; 0 if it has none, or no end."""
        if self.grid is None or self.low is None or self.high is None:
            return 0
        return len(self.groups) * len(self.calls) * ((self.high - self.low) // self.grid.width)

    def reach(self, call: Call) -> tuple[int | None, int | None]:
        """Range that a call is computed from: some need bins from before the first."""
        before = calls.bins_before(call) * self.grid.width if self.grid else 0
        if self.select.descending:
            return self.low, None if self.high is None else self.high + before
        return None if self.low is None else self.low - before, self.high

    def asks(self) -> Iterator[Ask]:
        """What must be known."""
        for group in self.groups:
            for key in group.keys:
                known = self.fields_of[key]
                if not self.calls:
                    yield from (
                        Ask(key, name, self.low, self.high, "samples")
                        for name in self.fields
                        if name in known
                    )
                for call in self.calls:
                    if (name := calls.field_of(call)) in known:
                        yield Ask(key, name, *self.reach(call), self.wanted(call, known[name]))

    def wanted(self, call: Call, kind: Kind) -> As:
        """As what a call must have its field."""
        inner = calls.inner(call)
        if (
            inner is None
            or inner.name in calls.OF_SAMPLES
            or (inner.name in ("min", "max") and kind == "boolean")
        ):
            return "samples"
        if self.grid is None and self.is_selector and inner.name in ("min", "max"):
            return "extremes"
        if self.grid is None and inner.name in ("first", "last"):
            return "first" if inner.name == "first" else "last"
        return self.grid or ONE_BIN


class Planner:
    """Plans SELECTs; of those that differ in their times alone, the rest once.

    Parameters
    ----------
    databases : tuple of str
        Names of ours.
    """

    def __init__(self, databases: tuple[str, ...]) -> None:
        self._databases = databases
        self._kept: dict[int, tuple[Select, Schema, Plan]] = {}

    def plan(self, select: Select, schema: Schema, now_ns: int) -> Plan:
        """Plan a SELECT.

        Parameters
        ----------
        select : Select
        schema : Schema
            The same object for as long as nothing in it changes.
        now_ns : int
            The present.

        Raises
        ------
        InfluxError
            If it cannot be answered.
        """
        like = select.like or select
        known = self._kept.get(id(like))
        if known is None or known[0] is not like or known[1] is not schema:
            known = like, schema, _untimed(select, schema, self._databases, now_ns)
            if not _is_of_now(select):
                self._kept.pop(id(like), None)
                self._kept[id(like)] = known
                if len(self._kept) > MOST_KEPT:
                    del self._kept[next(iter(self._kept))]
        return _timed(known[2], select, now_ns)


def _is_of_now(select: Select) -> bool:
    """Whether its bins begin at another moment each time."""
    return any(
        isinstance(one, Call) and not all(isinstance(arg, Constant) for arg in one.args)
        for one in select.dimensions
    )


def _timed(made: Plan, select: Select, now_ns: int) -> Plan:
    """A plan for the times of a SELECT."""
    limits, _ = condition(select.where, now_ns)
    low = None if limits.low is None else -(-limits.low // 1000)
    high = None if limits.high is None else limits.high // 1000 + 1
    grid = made.grid
    if grid and made.calls:
        high = now_ns // 1000 + 1 if high is None else high
        if low is not None and (high - low) // grid.width > MOST_BINS:
            raise InfluxError(
                f"max-select-buckets limit exceeded: ({(high - low) // grid.width}/{MOST_BINS})"
            )
    made = replace(made, low=low, high=high, low_ns=limits.low, select=select)
    if low is not None and high is not None and low >= high:
        return replace(made, groups=())
    if sum(len(group.keys) for group in made.groups) * len(made.calls or made.fields) > MOST_ASKED:
        raise InfluxError(f"max-select-series limit exceeded: more than {MOST_ASKED} fields of series")
    return made


def _untimed(select: Select, schema: Schema, databases: tuple[str, ...], now_ns: int) -> Plan:
    """All of a plan but its times."""
    sources = chosen(schema, select.sources, databases)
    _, wanted = condition(select.where, now_ns)
    grid, tags = _dimensions(select, tags_of(sources), now_ns)
    fields = fields_of(schema, sources)
    expanded = columns_of(select.columns, fields, tags_of(sources) - set(tags))
    found = calls.checked([column.expr for column in expanded], grid is not None)
    keys = [key for key in sources if wanted(key, schema[key])]
    made = Plan(
        named(expanded),
        tuple(column.expr for column in expanded),
        fields,
        found,
        tuple(dict.fromkeys(var.name for column in expanded for var in calls.variables(column.expr))),
        tuple(_groups(keys, tags, select)),
        None,
        None,
        None,
        grid,
        select.fill or Fill(),
        select,
        schema,
    )
    calls.check_kinds(made.exprs, fields)
    return made


def _dimensions(select: Select, known: set[str], now_ns: int) -> tuple[Grid | None, tuple[str, ...]]:
    grid: Grid | None = None
    seen = False
    tags: set[str] = set()
    for one in select.dimensions:
        if isinstance(one, Call) and one.name == "time":
            if seen:
                raise InfluxError("multiple time dimensions not allowed")
            grid, seen = _grid(one, now_ns), True
        elif isinstance(one, Wildcard):
            tags |= known
        elif isinstance(one, Regex):
            pattern = matcher(one.pattern)
            tags |= {name for name in known if pattern.search(name)}
        elif isinstance(one, Var) and one.name.lower() != "time":
            tags.add(one.name)
        elif isinstance(one, Var):
            raise InfluxError("time() is a function and expects at least one argument")
        else:
            raise InfluxError("only time and tag dimensions allowed")
    return grid, tuple(sorted(tags))


def _grid(call: Call, now_ns: int) -> Grid | None:
    if not 1 <= len(call.args) <= 2:
        raise InfluxError("time dimension expected 1 or 2 arguments")
    width = call.args[0]
    if not isinstance(width, Constant) or width.kind != "duration":
        raise InfluxError("time dimension must have duration argument")
    offset = 0
    if len(call.args) == 2:
        given = call.args[1]
        if isinstance(given, Constant) and given.kind not in ("duration", "string"):
            raise InfluxError("time dimension offset must be duration or now()")
        offset = moment(given, now_ns)
    if width.value <= 0:
        return None
    if width.value % 1000 or (offset % 1000 and offset != now_ns):
        raise InfluxError("a time dimension of less than a microsecond is not supported")
    return Grid(width.value // 1000, offset // 1000 % (width.value // 1000))


def _groups(keys: Sequence[SeriesKey], tags: Sequence[str], select: Select) -> Iterator[Group]:
    bounds = select.bounds
    for measurement, members in by_measurement(keys).items():
        found: dict[tuple[str, ...], list[SeriesKey]] = {}
        for key in members:
            found.setdefault(tuple(key.tag(tag) for tag in tags), []).append(key)
        kept = sorted(found.items())[bounds.soffset :][: bounds.slimit or None]
        for values, some in kept:
            yield Group(measurement, tuple(zip(tags, values, strict=True)), tuple(some))
