"""InfluxQL over HTTP, on a real stack: an OCS feed live, nodes of every kind, and InfluxDB's own client."""

import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import requests
from sisock_testing import Stack, wait_until

Bridge = Any
TIMEOUT_S = 20
AGENT = '"observatory.cryo"'

FEED_NODE = """
import math, time
import numpy as np
import sisock

class Feed(sisock.DataNode):
    name, description = "{name}", "As data-feed and g3-reader say what they have."

    def __init__(self):
        self.t = {begin} + np.arange({n}) * 0.5

    def fields(self, start, end):
        source = "observatory.cryo.feeds.{feed}."
        yield sisock.Field("channel_01_t", units="K", source=source + "Channel 01 T", interval=0.5)
        yield sisock.Field("state", type="string", source=source + "state", interval=0.5)
        yield sisock.Field("on", type="bool", source=source + "on", interval=0.5)

    def read(self, names, start, end, limits):
        t = self.t[(self.t >= start) & (self.t < end)]
        k = np.rint((t - 1_500_000_000) * 2).astype(int)
        columns = {{
            "channel_01_t": np.sin(k / 10),
            "state": np.array(["on" if one % 3 else "off" for one in k], dtype=object),
            "on": k % 5 == 0,
        }}
        for name in names:
            yield sisock.Series(name, t, columns[name])

if __name__ == "__main__":
    sisock.run(lambda config: Feed(), sisock.NodeConfig)
"""
HELD = (
    ("live_temperatures", "temperatures", 1_500_000_300, 600),
    ("archive", "temperatures", 1_500_000_000, 800),
    ("valves", "valves", 1_500_000_000, 100),
)


@pytest.fixture(scope="module")
def feeds(sisock_stack: Stack, bridge: Bridge) -> Iterator[Bridge]:
    """A bridge with one feed that two nodes hold, in part both, and a second feed of the same agent."""
    started = []
    for name, feed, begin, n in HELD:
        script = sisock_stack.directory / f"{name}.py"
        script.write_text(FEED_NODE.format(name=name, feed=feed, begin=begin, n=n))
        started.append(sisock_stack.start(name, [sys.executable, str(script)]))
    wait_until(lambda: bridge.nodes() >= {name for name, *_ in HELD}, what="the feeds are listed")
    yield bridge
    for process in started:
        process.stop()


def ask(bridge: Bridge, text: str, *, status: int = 200, **more: str) -> Any:
    reply = bridge.get("/influx/query", params={"q": text, "db": "ocs_feeds", "epoch": "ms", **more})
    assert reply.status_code == status, reply.text
    return reply.json()


def only(reply: Any) -> Any:
    [result] = reply["results"]
    [series] = result["series"]
    return series


def test_a_feed_of_an_agent_is_a_measurement_with_its_true_names(feeds: Bridge) -> None:
    assert [AGENT.strip('"')] in only(ask(feeds, "SHOW measurements"))["values"]
    assert ["apex_archive"] in only(ask(feeds, "SHOW measurements"))["values"]
    values = only(ask(feeds, f"SHOW TAG VALUES FROM {AGENT} WITH KEY = feed"))["values"]
    assert values == [["feed", "temperatures"], ["feed", "valves"]]
    fields = only(ask(feeds, f"SHOW FIELD KEYS FROM {AGENT}"))["values"]
    assert fields == [["Channel 01 T", "float"], ["on", "boolean"], ["state", "string"]]


def test_live_and_archive_of_one_feed_are_one(feeds: Bridge) -> None:
    where = "WHERE time >= 1500000000s AND time < 1500000700s AND feed = 'temperatures'"
    series = only(ask(feeds, f'SELECT "Channel 01 T" FROM {AGENT} {where}'))
    assert [t for t, _ in series["values"]] == [1_500_000_000_000 + 500 * k for k in range(1200)]
    assert [v for _, v in series["values"]] == pytest.approx(np.sin(np.arange(1200) / 10).tolist())
    binned = f'SELECT mean("Channel 01 T"), count("Channel 01 T") FROM {AGENT} {where} GROUP BY time(60s)'
    rows = only(ask(feeds, binned))["values"]
    assert len(rows) == 12
    for k, (t, mean, count) in enumerate(rows[:10]):
        inside = np.sin(np.arange(120 * k, 120 * k + 120) / 10)
        assert (t, count) == (1_500_000_000_000 + 60_000 * k, 120)
        assert mean == pytest.approx(inside.mean())
    assert rows[10:] == [[1_500_000_600_000, None, 0], [1_500_000_660_000, None, 0]]


@pytest.mark.parametrize("field", ["Channel 01 T", "state", "on"])
def test_the_first_and_the_last_value_of_a_feed_are_found_however_long_ago(feeds: Bridge, field: str) -> None:
    where = "WHERE feed = 'temperatures'"
    samples = only(ask(feeds, f'SELECT "{field}" FROM {AGENT} {where}'))["values"]
    assert only(ask(feeds, f'SELECT first("{field}") FROM {AGENT} {where}'))["values"] == samples[:1]
    assert only(ask(feeds, f'SELECT last("{field}") FROM {AGENT} {where}'))["values"] == samples[-1:]
    until = f"{where} AND time <= {samples[-4][0]}ms"
    assert only(ask(feeds, f'SELECT last("{field}") FROM {AGENT} {until}'))["values"] == samples[-4:-3]
    one = only(ask(feeds, f'SELECT last("{field}"), count("{field}") FROM {AGENT} {where}'))["values"]
    assert [row[1] for row in one] == [samples[-1][1]]


def test_bins_of_a_node_of_the_predecessors_are_summed_up_here(bridge: Bridge) -> None:
    fields = dict(only(ask(bridge, "SHOW FIELD KEYS FROM old_thermometer"))["values"])
    name = next(name for name, kind in fields.items() if kind == "float")
    now = time.time()
    where = f"WHERE time >= {int(now) - 600}s AND time < {int(now) - 60}s"
    samples = only(ask(bridge, f'SELECT "{name}" FROM old_thermometer {where}'))["values"]
    [row] = only(ask(bridge, f'SELECT count("{name}"), mean("{name}") FROM old_thermometer {where}'))[
        "values"
    ]
    assert len(samples) > 10
    assert row[1] == len(samples)
    assert row[2] == pytest.approx(np.mean([v for _, v in samples]))


def test_grafanas_check_and_its_forms_are_answered(feeds: Bridge) -> None:
    text = f'SELECT last("state"), last("on") FROM {AGENT} WHERE time > 1500000000s AND time < 1500000100s'
    form = requests.post(
        f"{feeds.url}/influx/query?db=ocs_feeds", data={"q": text, "epoch": "s"}, timeout=TIMEOUT_S
    )
    assert only(form.json())["values"] == [[1_500_000_000, "on", False]]
    assert ask(feeds, "SELECT x FROM nosuch") == {"results": [{"statement_id": 0}]}
    assert ask(feeds, "SHOW DATABASES; SHOW RETENTION POLICIES ON ocs_feeds")["results"][1]["series"]
    ping = feeds.get("/influx/ping")
    assert ping.status_code == 204
    assert ping.headers["X-Influxdb-Version"] == "1.6.7"


def test_what_cannot_be_answered_is_an_error_as_influxdbs(feeds: Bridge) -> None:
    assert "error" in ask(feeds, "nonsense", status=400)
    assert "missing" in feeds.get("/influx/query").json()["error"]
    [result] = ask(feeds, f"SELECT x FROM {AGENT}", db="other")["results"]
    assert result == {"statement_id": 0, "error": "database not found: other"}
    failed = ask(feeds, 'SELECT mean(nosuch("x")) FROM m; SHOW DATABASES')["results"]
    assert ["error" in result for result in failed] == [True, True]


def test_any_policy_of_a_sites_dashboards_is_ours(feeds: Bridge) -> None:
    where = "WHERE time >= 1500000000s AND time < 1500000010s"
    short = only(ask(feeds, f'SELECT "on" FROM {AGENT} {where}'))
    assert only(ask(feeds, f'SELECT "on" FROM "two_weeks".{AGENT} {where}')) == short
    assert only(ask(feeds, f'SELECT "on" FROM ocs_feeds."two_weeks".{AGENT} {where}')) == short


@pytest.mark.filterwarnings("ignore:The inplace keyword")
@pytest.mark.filterwarnings("ignore::DeprecationWarning:influxdb")
def test_the_python_client_of_influxdb_works(feeds: Bridge) -> None:
    from influxdb import DataFrameClient, InfluxDBClient

    where = "WHERE time >= 1500000000s AND time < 1500000010s AND feed = 'valves'"
    address = {"host": "127.0.0.1", "port": feeds.port, "database": "ocs_feeds", "path": "influx"}
    with InfluxDBClient(**address, timeout=TIMEOUT_S) as client:
        assert client.ping() == "1.6.7"
        assert {"name": "ocs_feeds"} in client.get_list_database()
        assert {"name": "observatory.cryo"} in client.get_list_measurements()
        assert client.get_list_retention_policies("ocs_feeds")[0]["name"] == "autogen"
        series = client.get_list_series(measurement="observatory.cryo")
        assert sorted(one["key"] if isinstance(one, dict) else one for one in series) == [
            "observatory.cryo,feed=temperatures",
            "observatory.cryo,feed=valves",
        ]
        points = list(client.query(f'SELECT "Channel 01 T", state FROM {AGENT} {where}').get_points())
    assert len(points) == 20
    assert points[1]["time"] == "2017-07-14T02:40:00.5Z"
    assert points[1]["state"] == "on"
    frames = DataFrameClient(**address, timeout=TIMEOUT_S)
    frame = frames.query(f'SELECT mean("Channel 01 T") FROM {AGENT} {where} GROUP BY time(5s)')
    frames.close()
    assert frame["observatory.cryo"]["mean"].tolist() == pytest.approx(
        [np.sin(np.arange(10) / 10).mean(), np.sin(np.arange(10, 20) / 10).mean()]
    )


def test_a_node_that_went_away_is_an_error_alone_and_a_notice_among_others(
    feeds: Bridge, sisock_stack: Stack
) -> None:
    script = sisock_stack.directory / "leaving.py"
    script.write_text(FEED_NODE.format(name="leaving", feed="leaving", begin=1_500_000_000, n=10))
    process = sisock_stack.start("leaving", [sys.executable, str(script)])
    wait_until(lambda: "leaving" in feeds.nodes(), what="the node is listed")
    assert only(ask(feeds, "SHOW TAG VALUES WITH KEY = feed WHERE feed = 'leaving'"))
    process.stop()
    text = f"SELECT \"on\" FROM {AGENT} WHERE feed = 'leaving' AND time < 1500000100s"
    wait_until(lambda: "leaving" not in feeds.nodes(), what="the node is gone")
    told = "data node 'leaving' is not online"
    assert ask(feeds, text)["results"] == [{"statement_id": 0, "error": told}]
    text = text.replace("feed = 'leaving'", "feed =~ /leaving|valves/")
    reply = feeds.get("/influx/query", params={"q": text, "db": "ocs_feeds"})
    assert len(only(reply.json())["values"]) == 100
    assert told in reply.headers["Sisock-Notices"]
