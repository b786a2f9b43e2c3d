"""What a Grafana panel asks for at ``/query``, from SimpleJson or from simpod's JSON data source.

Reads a request into what to ask the nodes, and puts their answers in its order again. How an
answer looks is the dialect's.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sisock.node import Grid, Limits
from sisock_consumer.target import Target

from sisock_http.asking.one_node import STRIDE_POINTS
from sisock_http.asking.plan import plan
from sisock_http.asking.question import Join, Question
from sisock_http.asking.statistics import STATISTICS
from sisock_http.dialects.times import interval_seconds, unix_time
from sisock_http.observatory.catalogue import Catalogue
from sisock_http.observatory.matching import MOST_MATCHES, resolve, unescaped
from sisock_http.problems import RequestError

MOST_POINTS = 10_000_000
METHODS = ("extremes", "stride", "all", *STATISTICS)
"""How less is shown than there is; what comes after ``all`` is of bins, and hides what is within them."""

WIDTHS_S = (
    *(ms / 1000 for ms in (1, 2, 5, 10, 20, 50, 100, 200, 500)),
    *(1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400),
)
"""Bins as wide as people would choose them; above, whole days."""

JOINS: dict[str, Join] = {"yes": "all", "no": "no"}
MOST_BINS = 1_000_000
WIDEST_S = 3.2e9
DAY_S = 86400.0
EVENTS = Target("sisock", "events")
"""Target of simpod's annotations: who came and went. A node of that name goes before."""

NO_TARGET = "no field is chosen yet: the target is empty"

Style = Literal["timeserie", "table", "frame", "events"]


@dataclass(frozen=True, slots=True)
class Shown:
    """One target of a panel.

    Parameters
    ----------
    target : Target or None
        None where none was chosen yet.
    style : {"timeserie", "table", "frame", "events"}
        What to make of it; ``frame`` is simpod's: a series if it has numbers, else a frame.
    ref_id : str or None
        Grafana's own name for it.
    limits : Limits
    join : Join
        Whether other nodes that hold the target's source are asked, too.
    convert : bool
        Whether values are converted as the site's file says.
    grid : Grid, optional
        Bins, if these are shown.
    statistic : str
        What is shown of them.
    """

    target: Target | None
    style: Style
    ref_id: Any
    limits: Limits
    join: Join = "all"
    convert: bool = True
    grid: Grid | None = None
    statistic: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """A whole request: UNIX seconds and the targets that are shown."""

    start: float
    end: float
    shown: Sequence[Shown]

    def questions(self) -> list[Question]:
        """What to ask the nodes."""
        wanted = (
            (item.target, item.limits, item.join, item.convert, item.grid)
            for item in self.shown
            if item.style != "events" and item.target is not None
        )
        return plan(wanted, self.start, self.end)


def time_range(body: dict[str, Any]) -> tuple[float, float]:
    """Start and end of a request, UNIX seconds."""
    limits = body.get("range")
    if not isinstance(limits, dict):
        raise RequestError("range is missing: it must be an object with 'from' and 'to'")
    times = []
    for end in ("from", "to"):
        if end not in limits:
            raise RequestError(f"range.{end} is missing")
        times.append(unix_time(limits[end], f"range.{end}"))
    if times[0] > times[1]:
        raise RequestError(f"range.from={limits['from']!r} is after range.to={limits['to']!r}")
    return times[0], times[1]


def positive(value: Any, name: str) -> int | None:
    """A number of points; None if there is none."""
    if value is None or value == "":
        return None
    if isinstance(value, str) and value.strip().isdecimal():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value < float("inf"):
        raise RequestError(f"{name}={value!r} is not a positive number")
    return min(int(value), MOST_POINTS)


def parse(body: dict[str, Any], catalogue: Catalogue) -> Panel:
    """Read a ``/query``.

    Raises
    ------
    RequestError
        If it cannot be read; the sentence names the field at fault.
    """
    start, end = time_range(body)
    most = positive(body.get("maxDataPoints"), "maxDataPoints")
    stride = interval_seconds(body.get("interval"))
    # Points bound the reply already and keep every extreme, which a stride cannot promise.
    usual = Limits(most, None if most else stride)
    filters = [body.get("adhocFilters"), body.get("filters")]
    listed = body.get("targets")
    if not isinstance(listed, list):
        raise RequestError("targets is missing: it must be a list")
    shown: list[Shown] = []
    asked = False
    for i, item in enumerate(listed):
        where = f"targets[{i}]"
        if not isinstance(item, dict):
            raise RequestError(f"{where} is not an object")
        if item.get("hide") is True:
            continue
        target = item.get("target")
        if target is not None and not isinstance(target, str):
            raise RequestError(f"{where}.target={target!r} is not text: it must be 'node::field'")
        style = _style(item, where)
        if not target:
            # Somebody is editing the panel: its other targets are still to be seen.
            shown.append(Shown(None, style, item.get("refId"), usual))
            continue
        limits, grid, statistic = _reduction(item, where, end - start, usual)
        join = JOINS[_option(item, "join", where)]
        convert = _option(item, "convert", where) == "yes"
        names = resolve(catalogue, target)
        asked = asked or any(name.node for name in names)
        if names == [EVENTS] and EVENTS.node not in catalogue.online:
            style = "events"
        shown += [
            Shown(name, style, item.get("refId"), limits, join, convert, grid, statistic)
            for name in names
            if _passes(name, filters)
        ]
        if len(shown) > MOST_MATCHES:
            raise RequestError(f"targets stand for more than {MOST_MATCHES} fields")
    named = [item.target for item in shown if item.target]
    if named and not asked:
        raise RequestError(f"targets[0].target='{named[0]}' does not name a field: it must be 'node::field'")
    return Panel(start, end, shown)


def _style(item: dict[str, Any], where: str) -> Style:
    kind = item.get("type")
    if kind is None or kind == "":
        return "frame"
    if kind in ("timeserie", "timeseries"):
        return "timeserie"
    if kind != "table":
        raise RequestError(f"{where}.type={kind!r} is none of timeserie, timeseries, table")
    return "table"


def _reduction(
    item: dict[str, Any], where: str, span_s: float, usual: Limits
) -> tuple[Limits, Grid | None, str]:
    """How less is shown than there is: limits of samples, or a grid and what is shown of its bins."""
    where, payload = f"{where}.payload", item.get("payload")
    if not payload:
        # SimpleJson's additional data are the target's own: only what is ours is looked at.
        data = item.get("data")
        if not isinstance(data, dict) or not data.get("method"):
            return usual, None, ""
        where, payload = where.replace(".payload", ".data"), data
    if not isinstance(payload, dict):
        raise RequestError(f"{where} is not an object")
    payload = {name: unescaped(value) if isinstance(value, str) else value for name, value in payload.items()}
    method = payload.get("method") or METHODS[0]
    if method not in METHODS:
        raise RequestError(f"{where}.method={method!r} is none of {', '.join(METHODS)}")
    if method == "all":
        return Limits(), None, ""
    resolution = interval_seconds(payload.get("resolution"), f"{where}.resolution")
    most = positive(payload.get("max_points"), f"{where}.max_points") or usual.max_points
    if method in STATISTICS:
        return Limits(), grid_of(resolution or _width(span_s / (most or STRIDE_POINTS)), span_s), method
    if method == "stride":
        return Limits(min_stride=resolution or span_s / (most or STRIDE_POINTS)), None, ""
    if resolution:
        fine = max(2, round(2 * span_s / resolution))
        most = min(fine, most or fine, MOST_POINTS)
    return Limits(most) if most else usual, None, ""


def _width(least_s: float) -> float:
    """A width of bins that is no less, on which all who look at such a range agree."""
    return next((width for width in WIDTHS_S if width >= least_s), math.ceil(least_s / DAY_S) * DAY_S)


def grid_of(width_s: float, span_s: float) -> Grid:
    """Bins of a width, in a range that is so long.

    Raises
    ------
    RequestError
        If there were too many, or it is no width that anybody sees the end of.
    """
    if width_s > WIDEST_S:
        raise RequestError(f"bins of {width_s:g} s are wider than a hundred years")
    if span_s / width_s > MOST_BINS:
        raise RequestError(f"bins of {width_s:g} s are more than {MOST_BINS} in this range")
    return Grid(max(1, round(width_s * 1e6)))


def _option(item: dict[str, Any], option: str, where: str) -> str:
    """``yes`` or ``no`` in what comes with a target: simpod's payload, or SimpleJson's additional data."""
    for name in ("payload", "data"):
        given = item.get(name)
        if isinstance(given, dict) and given.get(option):
            return yes_or_no(given[option], f"{where}.{name}.{option}")
    return "yes"


def yes_or_no(given: Any, name: str) -> str:
    """Read ``yes`` or ``no``.

    Raises
    ------
    RequestError
        If it is neither.
    """
    if given not in ("yes", "no"):
        raise RequestError(f"{name}={given!r} is neither yes nor no")
    return str(given)


def _passes(target: Target, filters: Sequence[Any]) -> bool:
    """Whether a target passes Grafana's ad hoc filters; the one key there is is ``node``."""
    for listed in filters:
        for item in listed if isinstance(listed, list) else ():
            if isinstance(item, dict) and item.get("key") == "node":
                same = target.node == item.get("value")
                if same != (item.get("operator", "=") in ("=", "=~")):
                    return False
    return True
