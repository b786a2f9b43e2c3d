"""The checks, each a sentence that holds or does not.

They speak plain WAMP through a `Consumer`, as a peer of the predecessor's would, and use a
capability only where the node announced it.
"""

import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from sisock import bounds, uris
from sisock.decimate import is_numeric
from sisock.errors import NodeError
from sisock_consumer import replies
from sisock_consumer.consumer import Consumer

CALL_DEADLINE_S = 10.0
LOOK_POINTS = 1000
SHORTEST_STRIDE_S = 1e-3
SPAN_SAMPLES = 500
FEW_POINTS = 20
_KINDS: dict[str, tuple[type, ...]] = {"number": (int, float), "string": (str,), "bool": (bool,)}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one check found; `problem` is empty if the node keeps the contract there."""

    check: str
    problem: str = ""


class Broken(Exception):  # noqa: N818 (it is the finding of a check, not an error of ours)
    """The node breaks the contract; the message says how."""


@dataclass
class Subject:
    """The node under test and what earlier checks learned of it."""

    consumer: Consumer
    name: str
    fields: dict[str, Any] = field(default_factory=dict)
    timelines: dict[str, Any] = field(default_factory=dict)
    start: float = 0.0
    end: float = 0.0

    async def get_fields(self, start: float, end: float) -> Any:
        """Call ``get_fields``."""
        procedure = uris.get_fields(self.name)
        return await self.consumer.call(procedure, CALL_DEADLINE_S, procedure, start, end)

    async def get_data(self, names: list[str], start: float, end: float, **limits: Any) -> Any:
        """Call ``get_data``."""
        procedure = uris.get_data(self.name)
        return await self.consumer.call(procedure, CALL_DEADLINE_S, procedure, names, start, end, **limits)


Check = Callable[[Subject], Awaitable[None]]


def must(holds: object, otherwise: str) -> None:
    """Note a breach unless `holds`."""
    if not holds:
        raise Broken(otherwise)


async def listed(subject: Subject) -> None:
    """The hub lists the node."""
    must(subject.name in subject.consumer.nodes, f"the hub lists {sorted(subject.consumer.nodes)} only")


async def fields_are_described(subject: Subject) -> None:
    """get_fields(1, 0) answers [fields, timelines], each complete."""
    reply = await subject.get_fields(1, 0)
    must(
        isinstance(reply, list | tuple) and len(reply) == 2,
        f"it answers {type(reply).__name__}, not two dictionaries",
    )
    fields, timelines = reply
    must(
        isinstance(fields, dict) and isinstance(timelines, dict),
        "it answers something else than two dictionaries",
    )
    must(fields, "it has no fields at all, so that nothing else can be checked")
    for name, entry in fields.items():
        must(
            isinstance(entry, dict),
            f"field {name!r} is described by {type(entry).__name__}, not a dictionary",
        )
        for key in ("description", "timeline", "type", "units"):
            must(key in entry, f"field {name!r} has no {key!r}")
        must(entry["type"] in _KINDS, f"field {name!r} has type {entry['type']!r}, none of {tuple(_KINDS)}")
        for key in ("description", "units"):
            must(
                entry[key] is None or isinstance(entry[key], str),
                f"{key} of {name!r} is neither text nor None",
            )
        timeline = timelines.get(entry["timeline"])
        must(
            isinstance(timeline, dict),
            f"field {name!r} follows {entry['timeline']!r}, which is not in timelines",
        )
        must(
            name in timeline.get("field", ()),
            f"timeline {entry['timeline']!r} does not name its field {name!r}",
        )
        interval = timeline.get("interval", "")
        must(
            interval is None or (isinstance(interval, int | float) and interval > 0),
            f"timeline {entry['timeline']!r} has interval {interval!r}: neither seconds nor None",
        )
        _check_additions(name, entry)
    sources = [entry["source"] for entry in fields.values() if entry.get("source") is not None]
    twice = sorted({source for source in sources if sources.count(source) > 1})
    must(not twice, f"several fields have the source {twice[0] if twice else ''!r}")
    subject.fields, subject.timelines = fields, timelines


def _check_additions(name: str, entry: dict[str, Any]) -> None:
    """What a field may say of itself beyond the predecessor's keys."""
    source, since = entry.get("source"), entry.get("complete_since")
    must(source is None or (isinstance(source, str) and source), f"source of {name!r} is {source!r}, no text")
    for key in ("silent_after", "kept_for"):
        said = entry.get(key)
        must(
            said is None or (_is_number(said) and said > 0),
            f"{key} of {name!r} is {said!r}, no number of seconds",
        )
    must(since is None or _is_number(since), f"complete_since of {name!r} is {since!r}, no time")
    if entry.get("limits") is not None:
        try:
            bounds.from_wire(entry["limits"])
        except ValueError as problem:
            raise Broken(f"field {name!r} {problem}") from None


def _is_number(given: Any) -> bool:
    return isinstance(given, int | float) and not isinstance(given, bool) and math.isfinite(given)


async def data_are_well_formed(subject: Subject) -> None:
    """get_data answers columns that belong together."""
    start, end = 1.0, time.time()
    times: list[float] = []
    # Look from far, then closer at the newest samples, until they are all there is: never for much.
    while True:
        stride = (end - start) / LOOK_POINTS
        reply = await subject.get_data(list(subject.fields), start, end, min_stride=stride)
        must(reply is not False, f"it answers False (too much data) to {LOOK_POINTS} samples a field")
        _check_reply(subject, reply, start, end)
        times = max((entry["t"] for entry in reply["timeline"].values()), key=len, default=[])
        must(times, "no field has a single sample, so that nothing else can be checked")
        if stride < SHORTEST_STRIDE_S or (len(times) > 2 and np.median(np.diff(times)) > 1.5 * stride):
            break
        start, end = max(start, times[-1] - max(2, LOOK_POINTS // 20) * stride), times[-1] + stride
    subject.start = float(times[max(0, len(times) - SPAN_SAMPLES)])
    subject.end = float(times[-1]) + 1e-3


def _check_reply(subject: Subject, reply: Any, start: float, end: float) -> None:
    must(
        isinstance(reply, dict) and set(reply) >= {"data", "timeline"}, "the reply lacks 'data' or 'timeline'"
    )
    used = set()
    for name in subject.fields:
        must(name in reply["data"], f"{name!r} was asked for and is not in the reply, not even empty")
        values = reply["data"][name]
        must(isinstance(values, list), f"values of {name!r} are {type(values).__name__}, not a list")
        if not values:
            continue
        kinds = _KINDS[subject.fields[name]["type"]]
        odd = next((v for v in values if v is not None and type(v) not in kinds), None)
        must(odd is None, f"{name!r} is of type {subject.fields[name]['type']!r} and has the value {odd!r}")
        timeline = subject.fields[name]["timeline"]
        must(
            timeline in reply["timeline"],
            f"{name!r} has data, but its timeline {timeline!r} is not in the reply",
        )
        times = reply["timeline"][timeline]["t"]
        must(
            len(times) == len(values),
            f"{name!r} has {len(values)} values for {len(times)} times of {timeline!r}",
        )
        used.add(timeline)
    for timeline, entry in reply["timeline"].items():
        must(timeline in used, f"timeline {timeline!r} is in the reply, but none of its fields has data")
        times = entry["t"]
        must(
            all(isinstance(t, int | float) and math.isfinite(t) for t in times),
            f"times of {timeline!r} are not numbers",
        )
        must(
            all(a <= b for a, b in pairwise(times)),
            f"times of {timeline!r} are not ascending",
        )
        must(all(start <= t < end for t in times), f"times of {timeline!r} are outside of what was asked for")
        final = entry.get("finalized_until", "")
        must(final is None or isinstance(final, int | float), f"finalized_until of {timeline!r} is {final!r}")


async def interval_is_half_open(subject: Subject) -> None:
    """A sample at start is in the reply, one at end is not."""
    whole = await subject.get_data(list(subject.fields), subject.start, subject.end)
    if whole is False:
        return
    for timeline, entry in whole["timeline"].items():
        times = sorted(set(entry["t"]))
        if len(times) < 3:
            continue
        names = [name for name in subject.fields if subject.fields[name]["timeline"] == timeline]
        part = await subject.get_data(names, times[1], times[2])
        got = part["timeline"].get(timeline, {}).get("t", [])
        must(
            got and got[0] == times[1],
            f"[{times[1]}, {times[2]}) lacks the sample of {timeline!r} at its start",
        )
        must(times[2] not in got, f"[{times[1]}, {times[2]}) holds the sample of {timeline!r} at its end")


async def nothing_is_an_empty_list(subject: Subject) -> None:
    """Unknown fields and empty ranges give empty lists, not errors."""
    name = "there is no such field"
    reply = await subject.get_data([name], subject.start, subject.end)
    must(reply and reply["data"].get(name) == [], "a field that does not exist is not an empty list")
    must(not reply["timeline"], "a timeline is in the reply though none of its fields was asked for")
    for start, end, what in ((1, 2, "of 1970"), (subject.end, subject.start, "that ends before it begins")):
        reply = await subject.get_data(list(subject.fields), start, end)
        must(reply and not any(reply["data"].values()), f"a range {what} is not empty")


async def relative_times_work(subject: Subject) -> None:
    """Times of zero or less count back from now."""
    reply = await subject.get_data(list(subject.fields), -60, 0)
    must(reply is False or set(reply) >= {"data", "timeline"}, "the last minute, (-60, 0), gives no reply")
    if reply:
        now = time.time()
        for timeline, entry in reply["timeline"].items():
            must(
                all(now - 65 <= t < now + 5 for t in entry["t"]),
                f"(-60, 0) gives times of {timeline!r} that are not of the last minute",
            )


async def min_stride_holds(subject: Subject) -> None:
    """Successive samples are at least min_stride apart."""
    stride = (subject.end - subject.start) / FEW_POINTS
    reply = await subject.get_data(list(subject.fields), subject.start, subject.end, min_stride=stride)
    for timeline, entry in (reply or {"timeline": {}})["timeline"].items():
        gaps = np.diff(entry["t"])
        must(
            not len(gaps) or gaps.min() >= stride * (1 - 1e-9),
            f"samples of {timeline!r} are {gaps.min() if len(gaps) else 0} s apart at min_stride={stride}",
        )


async def capabilities_hold(subject: Subject) -> None:
    """What the node announced, it can do: packed replies, and max_points with every extreme kept."""
    node = subject.consumer.nodes[subject.name]
    names = list(subject.fields)
    timelines = {name: entry["timeline"] for name, entry in subject.fields.items()}
    plain = await subject.get_data(names, subject.start, subject.end)
    if plain is False:
        return
    whole, problems = replies.merge([plain], names, timelines)
    must(not problems, f"its reply cannot be read: {problems}")
    if "packed" in node.capabilities:
        packed = await subject.get_data(names, subject.start, subject.end, packed=True)
        for name, series in replies.merge([packed], names, timelines)[0].items():
            same = len(series.t) >= len(whole[name].t) and series.values[: len(whole[name].t)].tolist()
            if is_numeric(series.values):
                must(
                    np.array_equal(same, whole[name].values, equal_nan=True),
                    f"{name!r} differs when it is packed",
                )
    if "max_points" in node.capabilities:
        few = await subject.get_data(
            names, subject.start, whole_end(whole, subject.end), max_points=FEW_POINTS
        )
        for name, series in replies.merge([few], names, timelines)[0].items():
            must(
                len(series.t) <= FEW_POINTS, f"{name!r} has {len(series.t)} points at max_points={FEW_POINTS}"
            )
            full = whole[name].values
            if len(full) and is_numeric(full) and np.isfinite(full).any():
                for extreme in (np.nanmin, np.nanmax):
                    must(
                        extreme(series.values) == extreme(full),
                        f"{name!r} loses an extreme at max_points={FEW_POINTS}",
                    )


def whole_end(whole: dict[str, Any], end: float) -> float:
    """End of what was read, so that data that arrived since do not count."""
    last = max((float(series.t[-1]) for series in whole.values() if len(series.t)), default=end)
    return math.nextafter(last, math.inf)


CHECKS: tuple[Check, ...] = (
    listed,
    fields_are_described,
    data_are_well_formed,
    interval_is_half_open,
    nothing_is_an_empty_list,
    relative_times_work,
    min_stride_holds,
    capabilities_hold,
)
NEEDED = (listed, fields_are_described, data_are_well_formed)


async def check_node(consumer: Consumer, name: str) -> AsyncIterator[Outcome]:
    """Run all checks against a node that is online.

    Parameters
    ----------
    consumer : Consumer
        Connected.
    name : str
        The data node.

    Yields
    ------
    Outcome
        One a check; when one of the first fails, the rest cannot be run.
    """
    subject = Subject(consumer, name)
    for check in CHECKS:
        sentence = (check.__doc__ or check.__name__).rstrip(".")
        try:
            await check(subject)
        except (Broken, NodeError) as problem:
            yield Outcome(sentence, str(problem))
            if check in NEEDED:
                return
        else:
            yield Outcome(sentence)
