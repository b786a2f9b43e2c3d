"""The plain interface under /api/v1, on a real stack."""

import csv
import io
import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sisock_weather.archive import parse
from sisock_weather.config import bundled

Bridge = Any
HUMIDITY, RADIOMETER = "apex_archive::apex_humidity", "apex_archive::apex_radiometer"
DAY = {"start": "2017-07-14T00:00:00Z", "end": "2017-07-15T00:00:00Z"}
BEGIN, END = 1499990400, 1500076800


def sample(field: str):
    series = parse((bundled() / f"{field}.dat").read_bytes())
    within = (series.t >= BEGIN) & (series.t < END)
    return series.t[within], series.values[within]


def ask(bridge: Bridge, path: str, **params: Any) -> Any:
    reply = bridge.get(f"/api/v1/{path}", params=params)
    assert reply.status_code == 200, reply.text
    return reply


def unpack(body: bytes) -> list[tuple[dict[str, Any], np.ndarray, Any]]:
    length = int.from_bytes(body[:4], "little")
    head, at, found = json.loads(body[4 : 4 + length]), 4 + length, []
    assert at % 8 == 0
    for entry in head["series"]:
        t = np.frombuffer(body, "<f8", entry["n"], at)
        at += t.nbytes
        values = entry.get("values")
        if entry["packed"]:
            values = np.frombuffer(body, "<f8", entry["n"], at)
            at += values.nbytes
        found.append((entry, t, values))
    assert at == len(body)
    return found


def test_nodes_and_status_list_who_is_online(bridge: Bridge) -> None:
    nodes = ask(bridge, "nodes").json()
    assert {"apex_archive", "clockwork"} <= {node["name"] for node in nodes}
    [archive] = [node for node in nodes if node["name"] == "apex_archive"]
    assert archive["fields"] == 5
    status = ask(bridge, "status").json()
    assert (status["router"], status["hub"]) == (True, True)
    assert archive in status["nodes"]


def test_fields_come_with_units_and_can_be_searched(bridge: Bridge) -> None:
    everything = ask(bridge, "fields").json()
    [radiometer] = ask(bridge, "fields", search="RADIO").json()
    assert radiometer in everything
    assert (radiometer["field"], radiometer["units"]) == (RADIOMETER, "mm")
    assert {field["node"] for field in ask(bridge, "fields", node="clockwork").json()} == {"clockwork"}


def test_fields_of_a_range_are_asked_of_the_nodes(bridge: Bridge) -> None:
    fields = ask(bridge, "fields", node="apex_archive", **DAY).json()
    assert len(fields) == 5


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (DAY["start"], DAY["end"]),
        ("2017-07-14T02:00:00+02:00", "2017-07-15"),
        (BEGIN, END),
        (BEGIN * 1000, END * 1000),
        (f"{BEGIN}.0", f"{END}.0"),
    ],
)
def test_rows_of_json_are_flat_with_milliseconds_whatever_way_times_are_given(
    bridge: Bridge, start: Any, end: Any
) -> None:
    rows = ask(bridge, "data", field=HUMIDITY, start=start, end=end).json()
    t, values = sample("apex_humidity")
    assert [row["time"] for row in rows] == (t * 1000).tolist()
    assert [row[HUMIDITY] for row in rows] == values.tolist()


def test_relative_times_count_back_from_now(bridge: Bridge) -> None:
    counted = [
        len(ask(bridge, "data", field="clockwork::sine", start=start).json())
        for start in ("-60", "now-60s", "now-1m")
    ]
    assert all(59 <= count <= 61 for count in counted)


def test_fields_of_different_times_share_one_table(bridge: Bridge) -> None:
    rows = ask(bridge, "data", field=[HUMIDITY, RADIOMETER], **DAY).json()
    for name in ("apex_humidity", "apex_radiometer"):
        t, values = sample(name)
        target = f"apex_archive::{name}"
        got = [(row["time"], row[target]) for row in rows if row[target] is not None]
        assert got == list(zip((t * 1000).tolist(), values.tolist(), strict=True))
    assert rows == sorted(rows, key=lambda row: row["time"])


def test_csv_is_read_by_the_csv_module(bridge: Bridge) -> None:
    reply = ask(bridge, "data", field=HUMIDITY, format="csv", **DAY)
    assert reply.headers["content-type"] == "text/csv; charset=utf-8"
    heading, *rows = list(csv.reader(io.StringIO(reply.text)))
    t, values = sample("apex_humidity")
    assert heading == ["time", HUMIDITY]
    assert (
        np.array([row[0].rstrip("Z") for row in rows], "datetime64[ms]").astype(float).tolist()
        == (t * 1000).tolist()
    )
    assert [float(row[1]) for row in rows] == values.tolist()


def test_arrow_is_read_by_arrow_itself(bridge: Bridge) -> None:
    fields = [HUMIDITY, RADIOMETER, "old_thermometer::state"]
    reply = ask(bridge, "data", field=fields, format="arrow", **DAY)
    table = pa.ipc.open_stream(reply.content).read_all()
    table.validate(full=True)
    assert table.schema.names == ["time", *fields]
    assert [str(kind) for kind in table.schema.types] == [
        "timestamp[us, tz=UTC]",
        "double",
        "double",
        "string",
    ]
    values = sample("apex_radiometer")[1]
    assert [v for v in table[RADIOMETER].to_pylist() if v is not None] == values.tolist()
    assert set(table["old_thermometer::state"].to_pylist()) == {"on"}
    assert table[HUMIDITY].null_count == len(table) - 24


def test_npz_keeps_the_times_of_each_field(bridge: Bridge) -> None:
    reply = ask(bridge, "data", field=[HUMIDITY, RADIOMETER, "old_thermometer::state"], format="npz", **DAY)
    arrays = np.load(io.BytesIO(reply.content))
    for name in ("apex_humidity", "apex_radiometer"):
        t, values = sample(name)
        np.testing.assert_array_equal(arrays[f"apex_archive::{name}/time"], t)
        np.testing.assert_array_equal(arrays[f"apex_archive::{name}"], values)
    assert set(arrays["old_thermometer::state"]) == {"on"}


def test_packed_columns_are_the_samples_bit_for_bit(bridge: Bridge) -> None:
    reply = ask(bridge, "data", field=[RADIOMETER, "old_thermometer::state"], format="packed", **DAY)
    (number, t, values), (text, _, states) = unpack(reply.content)
    assert (number["units"], number["interval"], text["packed"]) == ("mm", 60.0, False)
    np.testing.assert_array_equal(t, sample("apex_radiometer")[0])
    np.testing.assert_array_equal(values, sample("apex_radiometer")[1])
    assert set(states) == {"on"}


def test_max_points_keeps_extremes_and_min_stride_keeps_its_distance(bridge: Bridge) -> None:
    values = sample("apex_radiometer")[1]
    rows = ask(bridge, "data", field=RADIOMETER, max_points=100, **DAY).json()
    got = [row[RADIOMETER] for row in rows]
    assert len(got) <= 100
    assert (min(got), max(got)) == (values.min(), values.max())
    times = [row["time"] for row in ask(bridge, "data", field=RADIOMETER, min_stride="10m", **DAY).json()]
    assert len(times) > 70
    assert np.diff(times).min() >= 600_000


def test_a_target_may_be_what_grafana_makes_of_a_variable(bridge: Bridge) -> None:
    rows = ask(bridge, "data", field=r"apex_archive::(apex_humidity|apex_pressure)", **DAY).json()
    assert set(rows[0]) == {"time", HUMIDITY, "apex_archive::apex_pressure"}


def test_columns_may_be_given_other_names(bridge: Bridge) -> None:
    rows = ask(bridge, "data", **{"field": [HUMIDITY, RADIOMETER], "as": ["h", "pwv"], **DAY}).json()
    assert set(rows[0]) == {"time", "h", "pwv"}


def test_what_is_missing_is_said_in_a_header(bridge: Bridge) -> None:
    reply = ask(bridge, "data", field=[HUMIDITY, "nobody::nothing"], **DAY)
    assert json.loads(reply.headers["sisock-notices"]) == ["data node 'nobody' is not online"]
    assert len(reply.json()) == 24
    assert "sisock-notices" not in ask(bridge, "data", field=HUMIDITY, **DAY).headers


def test_latest_is_the_last_sample_if_it_is_recent(bridge: Bridge) -> None:
    before = ask(bridge, "status").json()["now"]
    fields = ["clockwork::sine", HUMIDITY, "old_thermometer::t1"]
    sine, humidity, old = ask(bridge, "latest", field=fields).json()
    after = ask(bridge, "status").json()["now"]
    # This node knows its samples of the next minute, too.
    assert before - 1.1 <= sine["time"] <= after + 60
    assert before - 70 <= old["time"] <= after + 60
    assert sine["value"] == pytest.approx(np.sin(sine["time"]))
    assert humidity == {"field": HUMIDITY, "time": None, "value": None}


@pytest.mark.parametrize(
    ("path", "params", "at_fault"),
    [
        ("data", {}, "field is missing"),
        ("data", {"field": ""}, "field is missing"),
        ("data", {"field": "a::b", "start": "soon"}, "start='soon'"),
        ("data", {"field": "a::b", "start": "now", "end": "-5"}, "start='now' is after end='-5'"),
        ("data", {"field": "a::b", "start": ["1", "2"]}, "start is given 2 times"),
        ("data", {"field": "a::b", "max_points": "0"}, "max_points='0'"),
        ("data", {"field": "a::b", "max_points": "٣"}, "max_points="),
        ("data", {"field": "a::b", "min_stride": "x"}, "min_stride='x'"),
        ("data", {"field": "a::b", "format": "xls"}, "format='xls'"),
        ("data", {"field": "a::b", "as": ["x", "y"]}, "must be 1 different names"),
        ("data", {"field": "a::b", "as": "time"}, "none of them 'time'"),
        ("data", {"feild": "a::b"}, "no parameter 'feild'"),
        ("latest", {}, "field is missing"),
        ("nodes", {"a": "b"}, "no parameter 'a'"),
    ],
)
def test_a_wrong_parameter_is_400_with_a_sentence(bridge: Bridge, path, params, at_fault) -> None:
    reply = bridge.get(f"/api/v1/{path}", params=params)
    assert reply.status_code == 400
    assert at_fault in reply.json()["error"]


def binned(field: str, width: int) -> dict[int, np.ndarray]:
    t, values = sample(field)
    return {int(k) * width: values[t // width == k] for k in np.unique(t // width)}


def test_bins_of_fields_are_columns_of_what_is_wanted(bridge: Bridge) -> None:
    asked = {"field": [RADIOMETER, HUMIDITY], "bin": "5m", "of": "mean,max", **DAY}
    rows = ask(bridge, "data", **asked).json()
    names = [f"{field}/{of}" for field in (RADIOMETER, HUMIDITY) for of in ("mean", "max")]
    assert list(rows[0]) == ["time", *names]
    for field in ("apex_radiometer", "apex_humidity"):
        truth = binned(field, 300)
        found = {row["time"] // 1000: row for row in rows if row[f"apex_archive::{field}/max"] is not None}
        assert found.keys() == truth.keys()
        for t, values in truth.items():
            assert found[t][f"apex_archive::{field}/max"] == values.max()
            assert found[t][f"apex_archive::{field}/mean"] == pytest.approx(values.mean(), rel=1e-14)


def test_bins_come_in_every_format_under_the_names_that_were_given(bridge: Bridge) -> None:
    asked = {"field": RADIOMETER, "as": "pwv", "bin": "1h", "of": ["count", "spread"], **DAY}
    columns = np.load(io.BytesIO(ask(bridge, "data", format="npz", **asked).content))
    truth = binned("apex_radiometer", 3600)
    assert columns["pwv/count/time"].tolist() == list(truth)
    assert columns["pwv/count"].tolist() == [len(values) for values in truth.values()]
    assert columns["pwv/spread"].tolist() == [float(np.ptp(values)) for values in truth.values()]
    rows = list(csv.DictReader(io.StringIO(ask(bridge, "data", format="csv", **asked).text)))
    assert list(rows[0]) == ["time", "pwv/count", "pwv/spread"]
    (head, t, _), _ = unpack(ask(bridge, "data", format="packed", **asked).content)
    assert (head["field"], head["units"], t.tolist()) == ("pwv/count", None, list(truth))


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"bin": "5"}, "bin='5' is not a length of time"),
        ({"bin": "5m", "of": "median"}, "of='median' is none of mean"),
        ({"bin": "5m", "of": ""}, "of='' is none of mean"),
        ({"of": "mean"}, "bin says how long"),
        ({"bin": "5m", "max_points": "10"}, "without max_points"),
        ({"bin": "1ms"}, "more than 1000000"),
        ({"bin": "200y"}, "wider than a hundred years"),
    ],
)
def test_bins_that_make_no_sense_are_refused_in_words(bridge: Bridge, asked: Any, sentence: str) -> None:
    reply = bridge.get("/api/v1/data", params={"field": RADIOMETER, **asked, **DAY})
    assert reply.status_code == 400
    assert sentence in reply.json()["error"]


def test_a_target_of_grafanas_may_show_means(bridge: Bridge) -> None:
    targets = [
        {"target": RADIOMETER, "type": "timeserie", "payload": {"method": "mean", "resolution": "1h"}},
        {"target": RADIOMETER, "type": "timeserie", "data": {"method": "max", "resolution": "1h"}},
        {"target": RADIOMETER, "type": "timeserie"},
    ]
    body = {"range": {"from": DAY["start"], "to": DAY["end"]}, "targets": targets, "maxDataPoints": 100}
    mean, most, usual = bridge.post("/query", body).json()
    truth = binned("apex_radiometer", 3600)
    assert [t for _, t in mean["datapoints"]] == [t * 1000 for t in truth]
    assert [v for v, _ in mean["datapoints"]] == pytest.approx([v.mean() for v in truth.values()], rel=1e-14)
    assert [v for v, _ in most["datapoints"]] == [v.max() for v in truth.values()]
    assert max(v for v, _ in usual["datapoints"]) == max(v for v, _ in most["datapoints"])
