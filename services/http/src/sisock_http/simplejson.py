"""Grafana's SimpleJson data source: what its requests mean and how its replies look.

Only translates. The protocol is the one of the plugin ``grafana-simple-json-datasource``.
"""

import math
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from sisock_http import encode
from sisock_http.catalogue import Catalogue, Event
from sisock_http.problems import RequestError
from sisock_http.query import Answer, Request, split

UNITS_S = {
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
    "d": 86400.0,
    "w": 604800.0,
    "M": 2629800.0,
    "y": 31557600.0,
}
_INTERVAL = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ms|[smhdwMy])\s*")
_TYPES = ("timeserie", "timeseries", "table")
MOST_POINTS = 10_000_000


def unix_time(value: Any, name: str) -> float:
    """Read a time as Grafana sends it.

    Parameters
    ----------
    value : str or number
        ISO 8601 (UTC if it names no zone), or milliseconds since 1970.
    name : str
        Field of the request, for the error.

    Returns
    -------
    float
        UNIX seconds, fractions kept.

    Raises
    ------
    RequestError
        If it is neither.
    """
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return value / 1e3
    if isinstance(value, str):
        if re.fullmatch(r"-?\d+(\.\d+)?", value.strip()):
            return float(value) / 1e3
        try:
            moment = datetime.fromisoformat(value.strip())
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            pass
    raise RequestError(f"{name}={value!r} is not a time (ISO 8601, or milliseconds since 1970)")


def interval_seconds(value: Any) -> float | None:
    """Read an interval such as ``30s`` or ``1y``; None if there is none."""
    if value is None or value == "":
        return None
    match = _INTERVAL.fullmatch(value) if isinstance(value, str) else None
    if match is None or float(match[1]) <= 0:
        raise RequestError(
            f"interval={value!r} is not a length of time such as 500ms, 30s, 5m, 2h, 1d, 1w, 1M or 1y"
        )
    return float(match[1]) * UNITS_S[match[2]]


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


def max_points(body: dict[str, Any]) -> int | None:
    """``maxDataPoints`` of a request; None if it sets no limit."""
    value = body.get("maxDataPoints")
    if value is None:
        return None
    if isinstance(value, str) and value.strip().isdecimal():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value < float("inf"):
        raise RequestError(f"maxDataPoints={value!r} is not a positive number")
    return min(int(value), MOST_POINTS)


def targets(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The targets of a query that are to be shown, each with ``target``, ``type`` and ``refId``."""
    listed = body.get("targets")
    if not isinstance(listed, list):
        raise RequestError("targets is missing: it must be a list")
    shown = []
    for i, item in enumerate(listed):
        if not isinstance(item, dict):
            raise RequestError(f"targets[{i}] is not an object")
        if item.get("hide") is True:
            continue
        if not isinstance(item.get("target"), str) or not item["target"]:
            raise RequestError(f"targets[{i}].target is missing: it must be 'node::field'")
        kind = item.get("type") or "timeserie"
        if kind not in _TYPES:
            raise RequestError(f"targets[{i}].type={kind!r} is none of {', '.join(_TYPES)}")
        shown.append({"target": item["target"], "type": kind, "refId": item.get("refId")})
    if shown and not any(split(item["target"])[0] for item in shown):
        raise RequestError(
            f"targets[0].target={shown[0]['target']!r} does not name a field: it must be 'node::field'"
        )
    return shown


def parse_query(body: dict[str, Any]) -> tuple[Request, list[dict[str, Any]]]:
    """Read a ``/query``.

    Returns
    -------
    Request
        What to ask the nodes.
    list of dict
        The targets, for `render_query`.
    """
    start, end = time_range(body)
    most = max_points(body)
    stride = interval_seconds(body.get("interval"))
    shown = [item for item in targets(body) if _passes(item["target"], body.get("adhocFilters"))]
    names = tuple(dict.fromkeys(item["target"] for item in shown))
    # Points bound the reply already and keep every extreme, which a stride cannot promise.
    return Request(names, start, end, most, None if most else stride), shown


def _passes(target: str, filters: Any) -> bool:
    """Whether a target passes Grafana's ad hoc filters; the one key there is is ``node``."""
    for item in filters if isinstance(filters, list) else ():
        if isinstance(item, dict) and item.get("key") == "node":
            same = split(target)[0] == item.get("value")
            if same != (item.get("operator", "=") in ("=", "=~")):
                return False
    return True


def render_query(answers: Sequence[Answer], shown: Iterable[dict[str, Any]]) -> bytes:
    """Write the reply to ``/query``: always an array, one element a target."""
    by_target = {answer.target: answer for answer in answers}
    return encode.dumps([_element(by_target[item["target"]], item) for item in shown])


def _element(answer: Answer, item: dict[str, Any]) -> dict[str, Any]:
    field, series = answer.field, answer.series
    element: dict[str, Any] = {"target": answer.target}
    if item["type"] == "table" or encode.is_text(series):
        kind = (
            "number"
            if series.values.dtype.kind in "fiu"
            else "boolean"
            if series.values.dtype.kind == "b"
            else "string"
        )
        element["type"] = "table"
        element["columns"] = [{"text": "Time", "type": "time"}, {"text": answer.target, "type": kind}]
        element["rows"] = encode.rows(series)
    else:
        element["datapoints"] = encode.pairs(series)
    if item["refId"] is not None:
        element["refId"] = item["refId"]
    if field is not None:
        element["title"] = field.description or answer.target
        if field.units:
            element["unit"] = field.units
    if answer.notice:
        element["meta"] = {"notices": [{"severity": "warning", "text": answer.notice}]}
    return element


def search(catalogue: Catalogue, body: dict[str, Any]) -> list[str]:
    """Targets that contain what was typed, upper or lower case."""
    typed = body.get("target", "")
    if not isinstance(typed, str):
        raise RequestError(f"target={typed!r} is not text")
    wanted = typed.strip().lower()
    return [target for target in catalogue.targets() if wanted in target.lower()]


def annotations(events: Iterable[Event], body: dict[str, Any]) -> list[dict[str, Any]]:
    """Nodes that came and went in a range; the annotation's query may name part of a node."""
    start, end = time_range(body)
    annotation = body.get("annotation")
    if annotation is not None and not isinstance(annotation, dict):
        raise RequestError("annotation is not an object")
    wanted = str((annotation or {}).get("query") or "").strip().lower()
    return [
        {
            "annotation": annotation,
            "time": round(event.t * 1e3),
            "title": f"{event.node} {'online' if event.online else 'offline'}",
            "text": event.text,
            "tags": [event.node, "online" if event.online else "offline"],
        }
        for event in events
        if start <= event.t < end and wanted in event.node.lower()
    ]
