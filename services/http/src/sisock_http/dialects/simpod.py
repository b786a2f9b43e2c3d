"""Grafana's ``simpod-json-datasource``: the lists of its query builder, and frames.

Only translates. What its ``/query`` asks for is read by `sisock_http.dialects.panel`; numbers look as they
do for SimpleJson, other values are frames, for a series of theirs is always of numbers.
"""

from collections.abc import Iterable
from typing import Any

import orjson
from sisock_consumer.target import Target

from sisock_http.asking.question import Answer
from sisock_http.dialects.panel import EVENTS, METHODS, Shown
from sisock_http.dialects.simplejson import grafana_unit, meta
from sisock_http.encoding import as_json
from sisock_http.observatory.catalogue import Catalogue, Event
from sisock_http.observatory.matching import resolve
from sisock_http.observatory.names import folded
from sisock_http.problems import RequestError

MOST_METRICS = 2000
"""More than anybody scrolls through; what is typed finds the others."""

_LABELS = {
    "extremes": "at most so many points, every extreme kept",
    "stride": "one sample per resolution",
    "all": "every sample",
    "mean": "mean of each bin: spikes do not show",
    "min": "least of each bin",
    "max": "greatest of each bin",
    "first": "first of each bin",
    "last": "last of each bin",
    "count": "number of samples in each bin",
    "sum": "sum of each bin",
    "spread": "greatest less least of each bin",
    "yes": "one series of all nodes that have it",
    "no": "this node alone",
}
_CONVERT_LABELS = {"yes": "as the site's file has it", "no": "as its node has it"}
OPTIONS: dict[str, list[str]] = {
    "resolution": ["1s", "10s", "1m", "10m", "1h", "1d"],
    "method": list(METHODS),
    "max_points": ["100", "500", "1000", "5000", "20000"],
    "join": ["yes", "no"],
    "convert": ["yes", "no"],
}
_PAYLOADS = [
    {"name": "resolution", "label": "Resolution", "placeholder": "as the panel needs"},
    {"name": "method", "label": "Downsampling", "placeholder": "extremes"},
    {"name": "max_points", "label": "Most points", "placeholder": "as the panel needs"},
    {"name": "join", "label": "Archive and live", "placeholder": "one series"},
    {"name": "convert", "label": "Values", "placeholder": "as the site's file has it"},
]


def options(name: str) -> list[dict[str, str]]:
    """What the builder offers for a payload of that name; nothing for others."""
    labels = _CONVERT_LABELS if name == "convert" else _LABELS
    return [{"label": labels.get(value, value), "value": value} for value in OPTIONS.get(name, [])]


def metrics(catalogue: Catalogue, body: dict[str, Any]) -> list[dict[str, Any]]:
    """Fields, with what can be chosen for each, and the target of annotations.

    Those that contain ``metric``, or whose source or label does, up to `MOST_METRICS`. What a target says
    already is sent, too, as ``metric``: a whole name comes first, and then what else there is to choose
    from.
    """
    wanted = body.get("metric")
    if wanted is not None and not isinstance(wanted, str):
        raise RequestError(f"metric={wanted!r} is not text")
    text = folded((wanted or "").strip())
    whole = wanted is not None and catalogue.field(Target.parse(wanted)) is not None
    if whole or wanted == str(EVENTS):
        found = sorted(catalogue.named(), key=lambda one: one.written != wanted)
    else:
        found = [one for one in catalogue.named() if one.has(text)]
    choices = [{**one, "type": "select", "options": options(one["name"])} for one in _PAYLOADS]
    payloads = orjson.Fragment(as_json.dumps(choices))
    listed = []
    for one in found[:MOST_METRICS]:
        units = f" ({one.field.units})" if one.field.units else ""
        label = f" {one.label}" if one.label else ""
        listed.append({"label": f"{one.written}{label}{units}", "value": one.written, "payloads": payloads})
    return [
        *listed,
        {"label": "data nodes that came and went (annotations)", "value": str(EVENTS), "payloads": []},
    ]


def payload_options(body: dict[str, Any]) -> list[dict[str, str]]:
    """Answer to ``/metric-payload-options``."""
    name = body.get("name")
    if not isinstance(name, str):
        raise RequestError(f"name={name!r} is not the name of a payload ({', '.join(OPTIONS)})")
    return options(name)


def variable(catalogue: Catalogue, body: dict[str, Any]) -> list[dict[str, str]]:
    """Values of a dashboard variable.

    The target is ``nodes``, ``live`` (nodes that say when they have new samples), ``fields``,
    ``fields(node)`` (names within a node, which may be a variable itself), or what targets must
    contain; nothing lists all of them.
    """
    payload = body.get("payload") or {}
    wanted = payload.get("target", "") if isinstance(payload, dict) else payload
    if not isinstance(wanted, str):
        raise RequestError(f"payload.target={wanted!r} is not text")
    wanted = wanted.strip()
    if wanted == "nodes":
        values = sorted(catalogue.online)
    elif wanted == "live":
        values = sorted(n for n, entry in catalogue.online.items() if "live" in entry.info.capabilities)
    elif wanted.startswith("fields(") and wanted.endswith(")"):
        nodes = {str(name) for name in resolve(catalogue, wanted[len("fields(") : -1].strip())}
        values = sorted({target.field for target in catalogue.targets() if target.node in nodes})
    else:
        values = catalogue.search("" if wanted == "fields" else wanted)
    return [{"__text": value, "__value": value} for value in values]


def frame(answer: Answer, shown: Shown) -> dict[str, Any]:
    """A field whose values are text or yes and no, as a data frame."""
    field, series = answer.field, answer.series
    config: dict[str, Any] = {"displayNameFromDS": answer.label or str(answer.target)}
    if field and field.description:
        config["description"] = field.description
    if field and field.units:
        config["unit"] = grafana_unit(field.units)
    values = {
        "name": answer.target.field,
        "type": as_json.grafana_type(series, field),
        "labels": {"node": answer.target.node},
        "config": config,
    }
    return _frame(
        shown,
        str(answer.target),
        [{"name": "Time", "type": "time"}, values],
        [as_json.milliseconds(series).astype(int).tolist(), as_json.values(series)],
        meta(answer),
    )


def events(happened: Iterable[Event], start: float, end: float, shown: Shown) -> dict[str, Any]:
    """Nodes that came and went, as the frame of an annotation."""
    within = [event for event in happened if start <= event.t < end]
    times = [round(event.t * 1e3) for event in within]
    columns = {
        "time": ("time", times),
        "timeEnd": ("time", times),
        "title": ("string", [event.title for event in within]),
        "text": ("string", [event.text for event in within]),
        "tags": ("other", [event.tags for event in within]),
    }
    fields = [{"name": name, "type": kind} for name, (kind, _) in columns.items()]
    return _frame(shown, str(EVENTS), fields, [values for _, values in columns.values()], {})


def _frame(
    shown: Shown, name: str, fields: list[Any], values: list[Any], told: dict[str, Any]
) -> dict[str, Any]:
    schema: dict[str, Any] = {"name": name, "fields": fields}
    if shown.ref_id is not None:
        schema["refId"] = shown.ref_id
    if told:
        schema["meta"] = told
    return {"schema": schema, "data": {"values": values}}
