"""What Grafana makes of our replies, and what its three plugins ask.

Requests are written as the plugins' documents describe them; replies to ``/query`` go through
Grafana's own ``toDataFrame``, from npm, under node.
"""

import itertools
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sisock.node import Field, Limits, Series
from sisock_consumer.target import Target
from sisock_http.asking.question import Answer
from sisock_http.dialects.panel import Shown
from sisock_http.dialects.simplejson import element
from sisock_http.dialects.simpod import frame
from sisock_http.encoding.as_json import dumps
from sisock_testing import SERVERS, Stack, wait_until
from sisock_weather.archive import parse
from sisock_weather.config import bundled

Bridge = Any
Frames = list[dict[str, Any]]
HERE = Path(__file__).parent
HUMIDITY, PRESSURE = "apex_archive::apex_humidity", "apex_archive::apex_pressure"
STATE, AWAY, UNKNOWN = "old_thermometer::state", "fallen::sine", "apex_archive::apex_nothing"
BEGIN_MS, END_MS = 1499990400000, 1500076800000
HOUR_MS = 3_600_000


def iso(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1e3, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


RANGE = {
    "from": iso(BEGIN_MS),
    "to": iso(END_MS),
    "raw": {"from": iso(BEGIN_MS), "to": iso(END_MS)},
}


@pytest.fixture(scope="module")
def to_data_frame(from_npm: Callable[[Path], Path]) -> Iterator[Callable[[Any], Frames]]:
    """Grafana's ``toDataFrame`` on each element of a reply."""
    place = from_npm(HERE / "grafana")
    errors = place / "errors.log"
    with (
        errors.open("w") as told,
        subprocess.Popen(
            ["node", "read.cjs"],
            cwd=place,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=told,
            text=True,
        ) as node,
    ):

        def read(reply: Any) -> Frames:
            assert node.stdin and node.stdout  # noqa: PT018 (for the type checker)
            node.stdin.write(f"{json.dumps(reply)}\n")
            node.stdin.flush()
            line = node.stdout.readline()
            assert line, errors.read_text()
            return json.loads(line)

        yield read
        node.communicate(timeout=30)


@pytest.fixture(scope="module")
def fallen(sisock_stack: Stack, bridge: Bridge) -> None:
    """A node that was online and is no more."""
    node = sisock_stack.start("fallen", [sys.executable, str(SERVERS / "clockwork.py")], NAME="fallen")
    wait_until(lambda: "fallen" in bridge.nodes(), what="the node is online")
    node.kill()
    wait_until(lambda: "fallen" not in bridge.nodes(), what="the node is off the list")


def simplejson(bridge: Bridge, *targets: str, hidden: tuple[str, ...] = (), **more: Any) -> Any:
    """A panel's request as the plugin ``grafana-simple-json-datasource`` sends it."""
    listed = [
        {"refId": chr(65 + i), "target": target, "type": "timeserie", "hide": target in hidden}
        for i, target in enumerate((*targets, *hidden))
    ]
    body = {
        "app": "dashboard",
        "requestId": "Q101",
        "timezone": "utc",
        "panelId": 2,
        "dashboardId": 1,
        "range": RANGE,
        "rangeRaw": RANGE["raw"],
        "interval": "1m",
        "intervalMs": 60000,
        "targets": listed,
        "maxDataPoints": 1200,
        "scopedVars": {"__interval": {"text": "1m", "value": "1m"}},
        "adhocFilters": [],
        **more,
    }
    reply = bridge.post("/query", body)
    assert reply.status_code == 200, reply.text
    return reply.json()


def simpod(bridge: Bridge, *targets: str, hidden: tuple[str, ...] = (), **payload: str) -> Any:
    """A panel's request as ``simpod-json-datasource`` sends it."""
    listed = [
        {
            "refId": chr(65 + i),
            "datasource": {"type": "simpod-json-datasource", "uid": "sisock"},
            "editorMode": "builder",
            "target": target,
            "payload": payload,
            "hide": target in hidden,
        }
        for i, target in enumerate((*targets, *hidden))
    ]
    body = {
        "app": "panel-viewer",
        "requestId": "SQR101",
        "timezone": "browser",
        "panelId": 1,
        "dashboardUID": "sisock-weather",
        "range": RANGE,
        "interval": "1m",
        "intervalMs": 60000,
        "targets": listed,
        "maxDataPoints": 1200,
        "scopedVars": {"__interval": {"text": "1m", "value": "1m"}},
        "startTime": END_MS,
        "filters": [],
    }
    reply = bridge.post("/query", body)
    assert reply.status_code == 200, reply.text
    return reply.json()


def infinity(bridge: Bridge, *fields: str) -> tuple[list[dict[str, Any]], list[str]]:
    """A request of Infinity's backend: rows, and what is said to be missing."""
    params = [("field", field) for field in fields]
    params += [("start", str(BEGIN_MS)), ("end", str(END_MS)), ("max_points", "1200")]
    reply = bridge.get("/api/v1/data", params=params, headers={"Accept": "application/json;q=0.9,text/plain"})
    assert reply.status_code == 200, reply.text
    return reply.json(), json.loads(reply.headers.get("sisock-notices", "[]"))


PLUGINS = pytest.mark.parametrize("ask", [simplejson, simpod])


@pytest.mark.timeout(400)
@PLUGINS
def test_numbers_come_out_with_their_times_values_and_unit(bridge: Bridge, to_data_frame, ask) -> None:
    [shown] = to_data_frame(ask(bridge, HUMIDITY))
    time, value = shown["fields"]
    sample = parse((bundled() / "apex_humidity.dat").read_bytes())
    within = (sample.t * 1e3 >= BEGIN_MS) & (sample.t * 1e3 < END_MS)
    assert (time["type"], value["type"]) == ("time", "number")
    assert time["values"] == (sample.t[within] * 1e3).tolist()
    assert value["values"] == sample.values[within].tolist()
    assert (value["unit"], value["display"], shown["refId"]) == ("%", HUMIDITY, "A")
    assert value["labels"] == {"node": "apex_archive", "field": "apex_humidity"}


@pytest.mark.parametrize("style", ["datapoints", "table", "frame"])
def test_text_comes_out_as_text(bridge: Bridge, to_data_frame, style) -> None:
    if style == "frame":
        reply = simpod(bridge, STATE)
    else:
        kind = "table" if style == "table" else "timeserie"
        reply = simplejson(bridge, targets=[{"refId": "A", "target": STATE, "type": kind}])
    [shown] = to_data_frame(reply)
    if style == "datapoints":
        # Grafana reads the values of a time series before their times.
        value, time = sorted(shown["fields"], key=lambda field: field["type"] == "time")
        assert value["display"] == STATE
        assert (time["values"][0], set(value["values"])) == (BEGIN_MS, {"on"})
        return
    time, value = shown["fields"]
    assert (time["type"], value["type"], value["display"]) == ("time", "string", STATE)
    assert time["values"][0] == BEGIN_MS
    assert set(value["values"]) == {"on"}


@pytest.mark.parametrize("values", [np.array([True, False]), np.array([True, None], dtype=object)])
def test_yes_and_no_come_out_as_booleans(to_data_frame, values) -> None:
    answer = Answer(
        Target("n", "door"), Series("door", np.array([1.0, 2.5]), values), Field("door", type="bool")
    )
    table = element(answer, Shown(Target("n", "door"), "table", "A", Limits()))
    framed = frame(answer, Shown(Target("n", "door"), "frame", "A", Limits()))
    for shown in to_data_frame(json.loads(dumps([table, framed]))):
        time, value = shown["fields"]
        assert (time["type"], value["type"], value["display"]) == ("time", "boolean", "n::door")
        assert (time["values"], value["values"]) == ([1000, 2500], values.tolist())


@PLUGINS
@pytest.mark.parametrize(
    "target",
    [
        r"apex_archive::(apex_humidity|apex_pressure)",
        r"apex\_archive::(apex\_humidity|apex\_pressure)",
        "{apex_archive::apex_humidity,apex_archive::apex_pressure}",
        "apex_archive::apex_[hp].*",
    ],
)
def test_a_dashboard_variable_becomes_one_series_a_value(bridge: Bridge, to_data_frame, ask, target) -> None:
    frames = to_data_frame(ask(bridge, target))
    assert [each["fields"][1]["display"] for each in frames] == [HUMIDITY, PRESSURE]
    assert {each["length"] for each in frames} == {24}
    assert {each["refId"] for each in frames} == {"A"}


@PLUGINS
def test_a_hidden_target_is_not_answered(bridge: Bridge, to_data_frame, ask) -> None:
    [shown] = to_data_frame(ask(bridge, HUMIDITY, hidden=(PRESSURE,)))
    assert shown["fields"][1]["display"] == HUMIDITY


@PLUGINS
def test_unknown_targets_and_a_node_that_is_down_are_empty_with_a_notice(
    bridge: Bridge, fallen, to_data_frame, ask
) -> None:
    unknown, away, known = to_data_frame(ask(bridge, UNKNOWN, AWAY, HUMIDITY))
    assert (unknown["length"], away["length"], known["length"]) == (0, 0, 24)
    assert unknown["notices"] == ["'apex_archive' has no field 'apex_nothing'"]
    assert away["notices"] == ["data node 'fallen' is not online"]
    assert known["notices"] == []


@PLUGINS
def test_ad_hoc_filters_are_honoured_under_both_names(bridge: Bridge, ask) -> None:
    filters = [{"key": "node", "operator": "=", "value": "apex_archive"}]
    for name in ("adhocFilters", "filters"):
        reply = simplejson(bridge, HUMIDITY, STATE, **{name: filters})
        assert [series["target"] for series in reply] == [HUMIDITY]


def test_simplejsons_other_requests_are_answered_as_it_reads_them(bridge: Bridge) -> None:
    assert bridge.get("/").status_code == 200
    assert bridge.post("/search", {"target": "humid", "type": "timeserie"}).json() == [HUMIDITY]
    assert bridge.post("/search", {"target": ""}).json() == sorted(bridge.post("/search", {}).json())
    assert bridge.post("/tag-keys", {}).json() == [{"type": "string", "text": "node"}]
    assert bridge.post("/tag-values", {"key": "colour"}).json() == []
    annotation = {"name": "nodes", "datasource": "sisock", "enable": True, "query": "#deploy"}
    assert (
        bridge.post("/annotations", {"range": RANGE, "rangeRaw": {}, "annotation": annotation}).json() == []
    )


@pytest.mark.parametrize("body", ["", "{", "[]", "null", '{"key": 7}'])
def test_tags_are_always_an_array(bridge: Bridge, body: str) -> None:
    for path in ("/tag-keys", "/tag-values"):
        reply = bridge.post(path, body)
        assert reply.status_code == 200
        assert isinstance(reply.json(), list)


def test_simpods_builder_lists_fields_with_their_payloads(bridge: Bridge) -> None:
    assert bridge.get("").status_code == 200
    for body in ({}, {"metric": HUMIDITY, "payload": {"method": "all"}}):
        metrics = {metric["value"]: metric for metric in bridge.post("/metrics", body).json()}
        assert metrics[HUMIDITY]["label"] == f"{HUMIDITY} (%)"
        payloads = metrics[HUMIDITY]["payloads"]
        names = ["resolution", "method", "max_points", "join", "convert"]
        assert [payload["name"] for payload in payloads] == names
        assert all(payload["type"] == "select" and payload["options"] for payload in payloads)
    body = {"metric": HUMIDITY, "payload": {}, "name": "method"}
    options = bridge.post("/metric-payload-options", body).json()
    assert [option["value"] for option in options][:4] == ["extremes", "stride", "all", "mean"]


def test_simpods_payloads_arrive_as_text_and_count(bridge: Bridge) -> None:
    target = "apex_archive::apex_radiometer"
    [every] = simpod(bridge, target, method="all")
    assert len(every["datapoints"]) == 1440
    [few] = simpod(bridge, target, max_points="100")
    assert len(few["datapoints"]) <= 100
    assert max(few["datapoints"])[0] == max(every["datapoints"])[0]
    [hourly] = simpod(bridge, target, method="stride", resolution="1h")
    times = [t for _, t in hourly["datapoints"]]
    assert min(b - a for a, b in itertools.pairwise(times)) >= HOUR_MS


@pytest.mark.parametrize(
    ("query", "values"),
    [
        ("nodes", ["apex_archive", "clockwork"]),
        ("fields(apex_archive)", ["apex_humidity", "apex_pressure"]),
        (r"fields(apex\_archive)", ["apex_humidity", "apex_pressure"]),
        ("HUMID", [HUMIDITY]),
        ("", [HUMIDITY, PRESSURE]),
    ],
)
def test_simpods_variables_list_nodes_and_fields(bridge: Bridge, query, values) -> None:
    listed = bridge.post("/variable", {"payload": {"target": query}, "range": RANGE}).json()
    assert all(entry["__text"] == entry["__value"] for entry in listed)
    assert set(values) <= {entry["__value"] for entry in listed}


def test_simpods_annotations_are_a_frame_of_who_came_and_went(bridge: Bridge, fallen, to_data_frame) -> None:
    now = {
        "range": {"from": 0, "to": 4102444800000},
        "targets": [{"target": "sisock::events", "refId": "Anno"}],
    }
    [shown] = to_data_frame(bridge.post("/query", now).json())
    assert [field["name"] for field in shown["fields"]] == ["time", "timeEnd", "title", "text", "tags"]
    assert [field["type"] for field in shown["fields"]] == ["time", "time", "string", "string", "other"]
    titles, tags = shown["fields"][2]["values"], shown["fields"][4]["values"]
    assert {"fallen online", "fallen offline"} <= set(titles)
    assert ["fallen", "offline"] in tags


def test_infinity_gets_flat_rows_with_variables_and_what_is_missing(bridge: Bridge, fallen) -> None:
    rows, missing = infinity(bridge, HUMIDITY)
    assert (len(rows), missing) == (24, [])
    assert rows[0]["time"] == BEGIN_MS
    assert all(set(row) == {"time", HUMIDITY} for row in rows)
    rows, missing = infinity(bridge, "{apex_archive::apex_humidity,apex_archive::apex_pressure}")
    assert (set(rows[0]), missing) == ({"time", HUMIDITY, PRESSURE}, [])
    rows, missing = infinity(bridge, UNKNOWN, AWAY, STATE)
    assert len(rows) == 600
    assert {row[STATE] for row in rows} == {"on"}
    assert missing == ["'apex_archive' has no field 'apex_nothing'", "data node 'fallen' is not online"]
    assert infinity(bridge, AWAY) == ([], ["data node 'fallen' is not online"])
