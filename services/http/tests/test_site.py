"""The site's file through the bridge: every way of asking has the same values, watch's limits are of them."""

import io
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.ipc
import pytest
from sisock_testing import Stack, wait_until

Bridge = Any
SINE, CLOCK = "clockwork::sine", "clockwork"
START, END = 1_500_000_000, 1_500_000_060
T = np.arange(START, END, dtype=float)
RAW = np.sin(T)
SHOWN = RAW * -1000.0 + 5.0
SITE = """
[[fields]]
match = "clockwork.sine"
label = "Pendulum"
units = "mV"
scale = -1000.0
offset = 5.0
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("site") / "site.toml"
    made.write_text(SITE)
    return made


@pytest.fixture(scope="module")
def bridges(
    sisock_stack: Stack, make_bridge: Any, bridge: Bridge, file: Path
) -> Iterator[tuple[Bridge, Bridge]]:
    """Two bridges of one site, beside one that has no file."""
    made = [make_bridge(sisock_stack, f"site_{n}", SITE_FILE=str(file)) for n in (1, 2)]
    for one in made:
        wait_until(lambda one=one: CLOCK in one.nodes(), what="a bridge of the site")
    yield made[0], made[1]
    for one in made:
        assert one.process.stop() == 0


@pytest.fixture
def site(bridges: tuple[Bridge, Bridge]) -> Bridge:
    return bridges[0]


def table(reply: Any) -> list[float]:
    return [row[SINE] for row in reply.json()]


def influx(bridge: Bridge, text: str, **more: str) -> list[list[Any]]:
    reply = bridge.get("/influx/query", params={"db": "ocs_feeds", "epoch": "ms", "q": text, **more}).json()
    return reply["results"][0]["series"][0]["values"]


def api(bridge: Bridge, **more: str) -> Any:
    return bridge.get("/api/v1/data", params={"field": SINE, "start": START, "end": END, **more})


def grafana(bridge: Bridge, **more: Any) -> Any:
    body = {"range": {"from": START * 1000, "to": END * 1000}, "targets": [{"target": SINE, **more}]}
    return bridge.post("/query", body).json()[0]


def packed(body: bytes) -> np.ndarray[Any, Any]:
    head = int.from_bytes(body[:4], "little")
    [told] = json.loads(body[4 : 4 + head])["series"]
    assert told["n"] == len(T)
    return np.frombuffer(body, "<f8", offset=4 + head)[len(T) :]


EVERY_WAY = {
    "json": lambda bridge, **how: table(api(bridge, **how)),
    "csv": lambda bridge, **how: [
        float(line.split(",")[1]) for line in api(bridge, format="csv", **how).text.splitlines()[1:]
    ],
    "arrow": lambda bridge, **how: (
        pyarrow.ipc.open_stream(api(bridge, format="arrow", **how).content).read_all()[SINE].to_pylist()
    ),
    "npz": lambda bridge, **how: np.load(io.BytesIO(api(bridge, format="npz", **how).content))[SINE],
    "packed, for the page": lambda bridge, **how: packed(api(bridge, format="packed", **how).content),
    "simpod": lambda bridge, **how: [v for v, _ in grafana(bridge, payload=how)["datapoints"]],
    "SimpleJson": lambda bridge, **how: [
        v for v, _ in grafana(bridge, type="timeserie", data=how)["datapoints"]
    ],
    "SimpleJson's table": lambda bridge, **how: [
        v for _, v in grafana(bridge, type="table", data=how)["rows"]
    ],
    "InfluxQL": lambda bridge, **how: [
        v
        for _, v in influx(
            bridge, f"SELECT sine FROM clockwork WHERE time >= {START}s AND time < {END}s", **how
        )
    ],
}


@pytest.mark.parametrize("way", EVERY_WAY)
def test_values_are_the_sites_by_every_way_of_asking_and_the_nodes_with_convert_no(
    bridges: tuple[Bridge, Bridge], bridge: Bridge, way: str
) -> None:
    for one in bridges:
        np.testing.assert_allclose(EVERY_WAY[way](one), SHOWN, rtol=1e-12)
    np.testing.assert_allclose(EVERY_WAY[way](bridges[0], convert="no"), RAW, rtol=1e-12)
    np.testing.assert_allclose(EVERY_WAY[way](bridge), RAW, rtol=1e-12)


def test_sums_of_influxql_are_of_values_as_they_are_shown(site: Bridge) -> None:
    text = "SELECT mean(sine), max(sine), last(sine) FROM clockwork"
    where = f"WHERE time >= {START}s AND time < {END}s GROUP BY time(10s)"
    made = np.array(influx(site, f"{text} {where}"))[:, 1:]
    bins = SHOWN.reshape(6, 10)
    np.testing.assert_allclose(made.T, [bins.mean(axis=1), bins.max(axis=1), bins[:, -1]], rtol=1e-9)


def test_extremes_of_what_was_reduced_are_those_of_values_as_they_are_shown(site: Bridge) -> None:
    values = table(api(site, max_points="10"))
    assert (min(values), max(values)) == (SHOWN.min(), SHOWN.max())


def test_units_label_and_limits_are_the_sites(site: Bridge) -> None:
    [one] = site.get("/api/v1/fields", params={"search": "pendulum"}).json()
    assert (one["field"], one["label"], one["units"]) == (SINE, "Pendulum", "mV")
    assert one["limits"] == {"alarm": {"low": -1495.0}}
    [own] = site.get("/api/v1/fields", params={"search": "pendulum", "convert": "no"}).json()
    assert (own["units"], own["limits"], own["label"]) == ("V", {"alarm": {"high": 1.5}}, "Pendulum")
    drawn = grafana(site, type="timeserie")
    assert (drawn["target"], drawn["title"], drawn["unit"]) == (SINE, "Pendulum", "mV")
    offered = site.post("/metrics", {"metric": "Pendulum"}).json()[0]
    assert (offered["value"], offered["label"]) == (SINE, f"{SINE} Pendulum (mV)")


def test_the_last_sample_and_watchs_are_on_one_scale(site: Bridge, file: Path, sisock_stack: Stack) -> None:
    watch = sisock_stack.start_module("sisock_watch", STATE_DB="site.sqlite", SITE_FILE=str(file))

    def stated() -> Any:
        [one] = site.get("/api/v1/state", params={"search": SINE}).json()["fields"] or [{"t": None}]
        return one if one["t"] is not None else None

    try:
        one = wait_until(stated, 30, "watch has a value")
        assert one["value"] == pytest.approx(math.sin(one["t"]) * -1000 + 5)
        assert (one["limits"], one["units"]) == ({"alarm": {"low": -1495.0}}, "mV")
    finally:
        watch.stop()
    [last] = site.get("/api/v1/latest", params={"field": SINE}).json()
    assert last["value"] == pytest.approx(math.sin(last["time"]) * -1000 + 5)
    wait_until(lambda: not site.get("/api/v1/state").json()["watch"], 20, "watch is gone")


def test_a_file_that_changes_is_read_again_and_a_wrong_one_is_said_and_changes_nothing(
    site: Bridge, file: Path
) -> None:
    def units() -> str:
        return site.get("/api/v1/fields", params={"search": SINE}).json()[0]["units"]

    def problems() -> list[str]:
        return site.get("/api/v1/status").json()["site_problems"]

    try:
        assert problems() == []
        file.write_text(SITE.replace('"mV"', "3"))
        said = wait_until(problems, 20, "the status says what is wrong")
        assert said == [f"{file}: [[fields]] number 1 (clockwork.sine): units is 3, not text"]
        wait_until(lambda: said[0] in site.process.text(), what="the log says it, too")
        assert units() == "mV"
        assert site.get("/api/v1/status").json()["zone"] is None
        file.write_text(
            f'[site]\nzone = "America/Santiago"\n{SITE}'.replace("-1000.0", "-1e6").replace("mV", "uV")
        )
        wait_until(lambda: units() == "uV", 20, "the file counts again")
        assert problems() == []
        assert site.get("/api/v1/status").json()["zone"] == "America/Santiago"
        np.testing.assert_allclose(table(api(site)), RAW * -1e6 + 5.0, rtol=1e-12)
    finally:
        file.write_text(SITE)
        wait_until(lambda: units() == "mV", 20, "the file is as it was")
