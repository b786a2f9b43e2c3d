"""The bridge on a real stack: SimpleJson in full, and the predecessor's failings, each a test."""

import concurrent.futures
import signal
import subprocess
import sys
import time
from typing import Any

import numpy as np
import pytest
import requests
from sisock_testing import SERVERS, Stack, wait_until
from sisock_testing.stack import executable
from sisock_weather.archive import parse
from sisock_weather.config import bundled

Bridge = Any
NODES = {"apex_archive", "clockwork", "old_thermometer", "pre_core"}
DAY = {"start": "2017-07-14T00:00:00Z", "end": "2017-07-15T00:00:00Z"}
ALL = {"start": "2017-07-13T00:00:00Z", "end": "2017-07-28T00:01:00Z"}
FIELDS = ["apex_humidity", "apex_pressure", "apex_radiometer", "apex_temperature", "apex_windspeed"]


def sample(field: str):
    return parse((bundled() / f"{field}.dat").read_bytes())


def points(series) -> np.ndarray:
    return np.array(series["datapoints"], dtype=float).reshape(-1, 2)


def test_root_answers_grafanas_check(bridge: Bridge) -> None:
    assert bridge.get("/").json() == {"service": "sisock-http", "status": "ok"}


def test_search_lists_every_field_and_honours_what_was_typed(bridge: Bridge) -> None:
    everything = bridge.post("/search", {"target": ""}).json()
    assert {f"apex_archive::{field}" for field in FIELDS} <= set(everything)
    assert bridge.post("/search", {"target": "RADIO"}).json() == ["apex_archive::apex_radiometer"]
    assert bridge.post("/search", "").json() == everything


def test_query_without_limits_returns_every_sample(bridge: Bridge) -> None:
    [series] = bridge.query("apex_archive::apex_radiometer", **ALL)
    want = sample("apex_radiometer")
    np.testing.assert_array_equal(points(series)[:, 0], want.values)
    np.testing.assert_array_equal(points(series)[:, 1], want.t * 1000)
    assert series["unit"] == "mm"


@pytest.mark.parametrize("field", FIELDS)
def test_a_panel_over_all_days_keeps_the_global_extremes(bridge: Bridge, field: str) -> None:
    [series] = bridge.query(f"apex_archive::{field}", **ALL, maxDataPoints=1000)
    got, want = points(series)[:, 0], sample(field).values
    assert len(got) <= 1000
    assert (got.min(), got.max()) == (want.min(), want.max())


def test_fields_of_one_cadence_keep_their_own_times(bridge: Bridge) -> None:
    for series, field in zip(
        bridge.query(*[f"apex_archive::{f}" for f in FIELDS], **ALL), FIELDS, strict=True
    ):
        np.testing.assert_array_equal(points(series)[:, 1], sample(field).t * 1000)


def test_a_table_has_columns_and_rows(bridge: Bridge) -> None:
    body = {
        "range": {"from": DAY["start"], "to": DAY["end"]},
        "targets": [{"target": "apex_archive::apex_humidity", "type": "table", "refId": "A"}],
    }
    [table] = bridge.post("/query", body).json()
    assert table["type"] == "table"
    assert [column["type"] for column in table["columns"]] == ["time", "number"]
    assert len(table["rows"]) == 24
    assert table["refId"] == "A"


def test_text_comes_as_datapoints_where_a_time_series_was_asked(bridge: Bridge) -> None:
    [series] = bridge.query("old_thermometer::state", start=1000_000, end=1100_000)
    assert "type" not in series
    assert series["datapoints"][0] == ["on", 1000_000]


def test_text_comes_as_a_table_where_a_table_was_asked(bridge: Bridge) -> None:
    targets = [{"target": "old_thermometer::state", "type": "table"}]
    [table] = bridge.query(start=1000_000, end=1100_000, targets=targets)
    assert table["type"] == "table"
    assert table["rows"][0] == [1000_000, "on"]


def test_a_sub_second_range_is_not_cut(bridge: Bridge) -> None:
    [series] = bridge.query(
        "apex_archive::apex_radiometer", start="2017-07-14T00:00:59.900Z", end="2017-07-14T00:01:00.100Z"
    )
    assert points(series)[:, 1].tolist() == [1499990460000.0]


def test_a_range_from_the_epoch_or_before_is_not_taken_as_relative_to_now(bridge: Bridge) -> None:
    for start in (0, -86_400_000):
        [series] = bridge.query("apex_archive::apex_humidity", start=start, end=ALL["end"])
        assert len(series["datapoints"]) == 361
    [series] = bridge.query("clockwork::sine", start=-2000, end=-1000)
    assert series["datapoints"] == []


@pytest.mark.parametrize("unknown", ["apex_archive::nothing", "nobody::nothing", "nonsense", "a::b::c"])
def test_an_unknown_target_costs_only_its_own_series(bridge: Bridge, unknown: str) -> None:
    first, second = bridge.query(unknown, "apex_archive::apex_humidity", **DAY)
    assert first["datapoints"] == []
    assert first["meta"]["notices"][0]["text"]
    assert len(second["datapoints"]) == 24


@pytest.mark.parametrize(
    ("body", "at_fault"),
    [
        ("{", "JSON"), ("[]", "object"), ("null", "object"), ("\xff", "JSON"), ({}, "range"),
        ({"range": {"from": "x", "to": "y"}, "targets": []}, "range.from"),
        ({"range": {"from": 2000, "to": 1000}, "targets": []}, "range.from"),
        ({"range": {"from": 1, "to": 2}, "targets": [{"target": "nonsense"}]}, "targets[0].target"),
        ({"range": {"from": 1, "to": 2}, "targets": [{"target": "a::b"}], "interval": "soon"}, "interval"),
        ({"range": {"from": 1, "to": 2}, "targets": [{"target": 7}]}, "targets[0].target"),
    ],
)  # fmt: skip
def test_malformed_input_is_400_with_a_sentence_that_names_the_field(
    bridge: Bridge, body, at_fault: str
) -> None:
    reply = bridge.post("/query", body)
    assert reply.status_code == 400
    assert reply.headers["content-type"] == "application/json"
    assert at_fault in reply.json()["error"]


@pytest.mark.parametrize("interval", ["1y", None, "1M", "1w"])
def test_long_and_missing_intervals_are_fine(bridge: Bridge, interval) -> None:
    [series] = bridge.query("apex_archive::apex_humidity", **DAY, interval=interval, maxDataPoints=100)
    assert len(series["datapoints"]) == 24


@pytest.mark.parametrize("path", ["/nothing", "/search/deeper", "/query/", "/%00"])
def test_other_paths_are_404_as_json(bridge: Bridge, path: str) -> None:
    reply = bridge.get(path)
    assert (reply.status_code, reply.headers["content-type"]) == (404, "application/json")
    assert reply.json()["error"]


def test_other_methods_are_405_as_json(bridge: Bridge) -> None:
    reply = bridge.get("/query")
    assert (reply.status_code, reply.headers["content-type"]) == (405, "application/json")


def test_replies_are_json(bridge: Bridge) -> None:
    for path in ("/", "/search", "/tag-keys", "/tag-values", "/healthz", "/readyz"):
        reply = bridge.get(path)
        assert reply.headers["content-type"] == "application/json"
        reply.json()


def test_tags_are_the_nodes(bridge: Bridge) -> None:
    assert bridge.post("/tag-keys", {}).json() == [{"type": "string", "text": "node"}]
    assert {"text": "apex_archive"} in bridge.post("/tag-values", {"key": "node"}).json()


def test_replies_are_compressed_for_those_who_ask(bridge: Bridge) -> None:
    body = {
        "range": {"from": ALL["start"], "to": ALL["end"]},
        "targets": [{"target": "apex_archive::apex_radiometer"}],
    }
    reply = bridge.post("/query", body, headers={"Accept-Encoding": "gzip"})
    assert reply.headers["content-encoding"] == "gzip"
    assert len(reply.json()[0]["datapoints"]) == 21_601


def test_a_reply_of_many_megabytes_arrives(bridge: Bridge) -> None:
    [series] = bridge.query("clockwork::sine", start=1000, end=1_200_001_000)
    got = points(series)
    assert len(got) == 1_200_000
    np.testing.assert_allclose(got[:, 0], np.sin(got[:, 1] / 1000), atol=1e-12)


def test_too_much_data_is_asked_again_with_a_wider_stride(bridge: Bridge) -> None:
    # 1.8 MB, which no message holds, and little work for a node that has three seconds on a busy machine.
    [series] = bridge.query("old_thermometer::t1", start=1000, end=1_000_000_000, maxDataPoints=500)
    assert 100 < len(series["datapoints"]) <= 500, series.get("meta")


def test_a_node_older_than_the_core_is_reduced_by_the_bridge(bridge: Bridge) -> None:
    [series] = bridge.query("old_thermometer::t1", start=1000, end=100_000_000, maxDataPoints=200)
    assert 100 < len(series["datapoints"]) <= 200


def test_a_field_that_came_with_anothers_times_is_asked_again_for_its_own(bridge: Bridge) -> None:
    for _ in range(2):
        for series in bridge.query("pre_core::a", "pre_core::b", start=100_000, end=10_000_000):
            assert "meta" not in series
            assert series["datapoints"] == [[1.0, 100_000], [1.0, 160_000], [1.0, 220_000]]


def test_an_empty_target_is_a_notice_of_its_own_and_costs_no_other(bridge: Bridge) -> None:
    for missing in ({"target": ""}, {"target": None}, {}):
        targets = [{"refId": "A", **missing}, {"refId": "B", "target": "apex_archive::apex_humidity"}]
        edited, other = bridge.query(**DAY, targets=targets)
        assert edited["datapoints"] == []
        assert edited["refId"] == "A"
        assert "no field is chosen yet" in edited["meta"]["notices"][0]["text"]
        assert len(other["datapoints"]) == 24
        [alone] = bridge.query(**DAY, targets=targets[:1])
        assert alone == edited


def test_a_frozen_node_hangs_nobody_else(bridge: Bridge, nodes, sisock_stack: Stack) -> None:
    nodes["old_style"].signal(signal.SIGSTOP)
    try:
        begun = time.monotonic()
        assert bridge.post("/search", {"target": ""}).ok
        searched = time.monotonic()
        assert searched - begun < bridge.DEADLINE_S
        first, second = bridge.query("old_thermometer::t1", "apex_archive::apex_humidity", **DAY)
        assert first["datapoints"] == []
        assert "did not answer within" in first["meta"]["notices"][0]["text"]
        assert len(second["datapoints"]) == 24
        assert time.monotonic() - searched < 2 * bridge.DEADLINE_S
        bridge.query("apex_archive::apex_humidity", **DAY)
    finally:
        nodes["old_style"].signal(signal.SIGCONT)
    wait_until(
        lambda: bridge.query("old_thermometer::t1", start=1000, end=100_000)[0]["datapoints"],
        60,
        "it is back",
    )


def test_a_node_that_dies_after_its_caller_gave_up_costs_the_bridge_nothing(
    bridge: Bridge, sisock_stack: Stack
) -> None:
    doomed = sisock_stack.start("doomed", [sys.executable, str(SERVERS / "clockwork.py")], NAME="doomed")
    wait_until(lambda: "doomed" in bridge.nodes(), what="the node is online")
    joined = bridge.process.text().count("router.joined")
    doomed.signal(signal.SIGSTOP)
    assert bridge.query("doomed::sine", start=1000, end=2000)[0]["datapoints"] == []
    doomed.kill()
    wait_until(lambda: "doomed" not in bridge.nodes(), what="the node is off the list")
    assert len(bridge.query("apex_archive::apex_humidity", **DAY)[0]["datapoints"]) == 24
    assert bridge.process.text().count("router.joined") == joined


def test_a_node_that_comes_later_does_not_make_the_bridge_unready(
    bridge: Bridge, sisock_stack: Stack
) -> None:
    late = sisock_stack.start("late", [sys.executable, str(SERVERS / "clockwork.py")], NAME="late")
    statuses = set()

    def online() -> bool:
        reply = bridge.get("/readyz")
        statuses.add(reply.status_code)
        return "late" in reply.json().get("nodes", ())

    wait_until(online, what="the node is online")
    assert statuses == {200}
    late.stop()


def test_annotations_tell_who_came_and_went(bridge: Bridge, sisock_stack: Stack) -> None:
    visitor = sisock_stack.start(
        "visitor", [sys.executable, str(SERVERS / "clockwork.py")], NAME="apex_visitor"
    )
    wait_until(lambda: "apex_visitor" in bridge.nodes(), what="the visitor is listed")
    visitor.stop()
    wait_until(lambda: "apex_visitor" not in bridge.nodes(), what="the visitor is gone")
    body = {
        "range": {"from": 0, "to": (time.time() + 60) * 1000},
        "annotation": {"name": "x", "query": "apex"},
    }
    events = sorted(bridge.post("/annotations", body).json(), key=lambda event: event["time"])
    assert [event["title"] for event in events] == [
        "apex_archive online",
        "apex_visitor online",
        "apex_visitor offline",
    ]


def test_many_queries_at_once_all_get_their_own_answer(bridge: Bridge) -> None:
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        replies = list(
            pool.map(
                lambda i: bridge.query("clockwork::sine", start=i * 1000, end=i * 1000 + 5000), range(1, 81)
            )
        )
    for i, [series] in enumerate(replies, start=1):
        assert points(series)[:, 1].tolist() == [1000.0 * (i + k) for k in range(5)]


def test_many_who_ask_the_same_at_the_same_time_all_get_its_answer(bridge: Bridge) -> None:
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        asked = [pool.submit(bridge.query, "clockwork::sine", start=1000, end=600_000) for _ in range(64)]
        replies = [future.result() for future in asked]
    assert all(reply == replies[0] for reply in replies)
    assert len(replies[0][0]["datapoints"]) == 599


@pytest.mark.peer
def test_a_bridge_that_starts_before_the_router_says_503_and_comes_by_itself(
    make_bridge, tmp_path, request
) -> None:
    stack = Stack(tmp_path)
    request.addfinalizer(stack.stop)
    bridge = make_bridge(stack, WAMP_SECRET_FILE=str(tmp_path / ".crossbar" / "secrets" / "simonsobs"))
    assert bridge.process.popen.wait(20) == 2
    assert "WAMP_SECRET_FILE" in bridge.process.text()
    subprocess.run(
        [executable("sisock-hub"), "--prepare-only"], cwd=tmp_path, env=stack.environ(), check=True
    )
    bridge = make_bridge(stack)
    wait_until(lambda: bridge.status("/healthz") == 200, what="it is alive")
    for path in ("/", "/search", "/readyz"):
        reply = bridge.get(path)
        assert reply.status_code == 503
        assert "router is away" in reply.json()["error"]
    stack.start_hub()
    wait_until(lambda: bridge.status("/readyz") == 200, what="it is ready")


def test_a_taken_port_is_said_in_a_sentence(bridge: Bridge, sisock_stack: Stack) -> None:
    process = sisock_stack.start("second", [sys.executable, "-m", "sisock_http"], PORT=str(bridge.port))
    assert process.popen.wait(20) == 2
    assert f"PORT={bridge.port} cannot be listened on" in process.text()


def test_cors_is_off_unless_asked_for(bridge: Bridge, make_bridge, sisock_stack: Stack) -> None:
    assert "access-control-allow-origin" not in bridge.get("/").headers
    open_bridge = make_bridge(sisock_stack, "cors", CORS_ORIGIN="*")
    wait_until(lambda: open_bridge.nodes() >= NODES, what="ready")
    preflight = requests.options(f"{open_bridge.url}/query", timeout=5)
    assert preflight.headers["access-control-allow-origin"] == "*"
    assert preflight.status_code == 204
    open_bridge.process.stop()
