"""Grafana's SimpleJson data source: how its replies look.

Only translates. The protocol is the one of the plugin ``grafana-simple-json-datasource``; what
its ``/query`` asks for is read by `sisock_http.dialects.panel`.
"""

from collections.abc import Iterable
from typing import Any

from sisock_http.asking.question import Answer
from sisock_http.dialects.panel import Shown, time_range
from sisock_http.encoding import as_json
from sisock_http.observatory.catalogue import Catalogue, Event
from sisock_http.problems import RequestError

TAKEN_UNITS = {"m": "lengthm"}
"""Units of ours that mean something else to Grafana (``m`` is minutes); others it shows as they are."""


def grafana_unit(units: str) -> str:
    """How Grafana is told a unit."""
    return TAKEN_UNITS.get(units, units)


def element(answer: Answer, shown: Shown) -> dict[str, Any]:
    """One element of the reply to ``/query``: a table where one was asked for, else a time series."""
    field, series = answer.field, answer.series
    unit = grafana_unit(field.units) if field and field.units else None
    made: dict[str, Any] = {"target": str(answer.target)}
    if shown.style == "table":
        column = {"text": made["target"], "type": as_json.grafana_type(series, field)}
        made["type"] = "table"
        made["columns"] = [{"text": "Time", "type": "time"}, {**column, "unit": unit} if unit else column]
        made["rows"] = as_json.rows(series)
    else:
        made["datapoints"] = as_json.pairs(series)
        made["title"] = answer.label or made["target"]
        made["tags"] = {"node": answer.target.node, "field": answer.target.field}
        if unit:
            made["unit"] = unit
    if shown.ref_id is not None:
        made["refId"] = shown.ref_id
    if told := meta(answer):
        made["meta"] = told
    return made


def meta(answer: Answer) -> dict[str, Any]:
    """What is to be known of an answer: what is missing, and whom it comes from where that may be several."""
    told: dict[str, Any] = {}
    if answer.notice:
        told["notices"] = [{"severity": "warning", "text": answer.notice}]
    if answer.nodes:
        told["custom"] = {"nodes": list(answer.nodes)}
    return told


def search(catalogue: Catalogue, body: dict[str, Any]) -> list[str]:
    """Targets that contain what was typed, upper or lower case."""
    typed = body.get("target", "")
    if not isinstance(typed, str):
        raise RequestError(f"target={typed!r} is not text")
    return catalogue.search(typed)


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
            "title": event.title,
            "text": event.text,
            "tags": event.tags,
        }
        for event in events
        if start <= event.t < end and wanted in event.node.lower()
    ]
