"""OCS's own publisher fills a real InfluxDB while our services hear the same feed: both answer alike."""

import math
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from sisock_testing import Stack, wait_until
from sisock_testing.influx import Influx
from sisock_testing.ocs import Ocs, install
from sisock_testing.stack import free_port

pytestmark = [pytest.mark.peer, pytest.mark.timeout(300)]
AGENT = "observatory.fake1"
FIELDS = ("channel_00", "channel_01")
LEAST_S = 20
WITHIN_US = 1
"""OCS writes the nanoseconds of a float64, which holds whole microseconds."""

PLAIN = """
from ocs.agents.fake_data import agent
from ocs.ocs_agent import OCSAgent

publish = OCSAgent.publish_to_feed
def plain(self, feed, message, *more, **further):
    message.pop("influxdb_tags", None)
    return publish(self, feed, message, *more, **further)

OCSAgent.publish_to_feed = plain
agent.main()
"""
"""OCS's fake agent names tags of its own, as few do: it would be a measurement of its class."""

OURS = 'FROM "{agent}" WHERE {range}'
TAGGED = f"{OURS} AND \"feed\"::tag = 'false_temperatures'"
STATEMENTS = [
    f'SELECT "channel_00" {OURS}',
    f"SELECT * {OURS} GROUP BY *",
    f'SELECT "channel_00" {TAGGED} ORDER BY time DESC LIMIT 20',
    f'SELECT mean("channel_00") {TAGGED} GROUP BY time(1s) fill(null)',
    f'SELECT mean("channel_00") {OURS} GROUP BY time(5s), "feed" fill(none)'.replace(
        "FROM ", "FROM autogen."
    ),
    f'SELECT min("channel_01"), mean("channel_01"), max("channel_01") {OURS} GROUP BY time(2s) fill(none)',
    f'SELECT mean(/channel/) {OURS} GROUP BY time(500ms), "feed" fill(previous)',
    f"SELECT count(*), spread(*) {OURS} GROUP BY time(10s)",
    f'SELECT last("channel_00") {OURS}',
    f'SELECT first("channel_00"), last("channel_01") {OURS} GROUP BY time(3s) fill(linear)',
    f'SELECT mean("channel_00"), stddev("channel_00"), median("channel_01") {OURS}',
    f'SELECT percentile("channel_00", 95) {OURS} GROUP BY time(4s)',
    f'SELECT non_negative_derivative(mean("channel_00"), 1s) {OURS} GROUP BY time(1s) fill(null)',
    f'SELECT moving_average(mean("channel_01"), 5) {OURS} GROUP BY time(1s) fill(none)',
    f'SELECT mean("channel_00") - mean("channel_01") AS apart {OURS} GROUP BY time(1s)',
    "SHOW MEASUREMENTS WITH MEASUREMENT =~ /fake1/",
    'SHOW TAG VALUES FROM "{agent}" WITH KEY = "feed"',
    'SHOW FIELD KEYS FROM "{agent}"',
]


class Both:
    """The bridge, and InfluxDB, as Grafana asks them."""

    def __init__(self, url: str, influx: Influx) -> None:
        self._addresses = (f"{url}/influx/query", f"{influx.url}/query")

    def ask(self, text: str) -> list[list[dict[str, Any]]]:
        """Series of ours, then of InfluxDB's; times in nanoseconds."""
        made = []
        for address in self._addresses:
            reply = requests.post(
                address, data={"db": "ocs_feeds", "epoch": "ns", "q": text}, timeout=20
            ).json()
            [result] = reply.get("results") or [reply]
            assert "error" not in result, (text, result)
            made.append(result.get("series", []))
        return made

    def span(self) -> tuple[float, float]:
        """What both have, UNIX seconds: from the later first sample to the earlier last one."""
        ends: list[float] = []
        for word in ("first", "last"):
            asked = self.ask(f'SELECT {word}("channel_00") FROM "{AGENT}"')
            ends += [series[0]["values"][0][0] / 1e9 if series else 0.0 for series in asked]
        return max(ends[:2]), min(ends[2:])


@pytest.fixture
def both(sisock_processes: None, tmp_path: Path, pytestconfig: pytest.Config) -> Iterator[Both]:
    stack = Stack(tmp_path)
    directory = tmp_path / "influx"
    directory.mkdir()
    influx = Influx(directory)
    agents = []
    try:
        stack.start_hub()
        programs = install(pytestconfig.rootpath / ".venvs", ["so3g"])
        ocs = Ocs(stack, programs)
        ocs.write_site(
            registry=("RegistryAgent", []),
            fake1=("FakeDataAgent", ["--mode", "acq", "--sample-rate", "10", "--frame-length", "1"]),
            aggregator=(
                "AggregatorAgent",
                ["--data-dir", str(tmp_path / "g3"), "--initial-state", "record", "--time-per-file", "5"],
            ),
            publisher=("InfluxDBAgent", ["--host", "127.0.0.1", "--port", str(influx.port)]),
        )
        (tmp_path / "g3").mkdir()
        index = {"SQL_FILE": str(tmp_path / "index.sqlite"), "DATA_DIRECTORY": str(tmp_path / "g3")}
        port = str(free_port())
        stack.start_module("sisock_g3_file_scanner", SCAN_INTERVAL="0", **index)
        stack.start_module("sisock_g3_reader", **index)
        stack.start("http", [sys.executable, "-m", "sisock_http"], PORT=port)
        stack.start(
            "feed", [sys.executable, "-m", "sisock_data_feed"],
            TARGET="fake1", FEED="false_temperatures", NAME="fake_feed", DESCRIPTION="real OCS",
        )  # fmt: skip
        agents = [ocs.start_agent(name) for name in ("registry", "publisher", "aggregator")]
        script = tmp_path / "plain.py"
        script.write_text(PLAIN)
        site = ["--site-file", str(tmp_path / "site.yaml"), "--site-host", "localhost"]
        agents.append(
            stack.start("fake1", [str(programs / "python"), str(script), *site, "--instance-id", "fake1"])
        )
        yield Both(f"http://127.0.0.1:{port}", influx)
    finally:
        for agent in agents:
            agent.kill()
            agent.popen.wait()
        stack.stop()
        influx.stop()


def alike(value: Any, other: Any) -> bool:
    """Whether two values are the same, but for rounding."""
    if isinstance(value, float) and isinstance(other, float | int):
        return math.isclose(value, other, rel_tol=1e-9, abs_tol=1e-12)
    return bool(value == other)


def differing(ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> str:
    """What is not the same in two replies."""
    heads = [[(one["name"], one.get("tags"), one["columns"]) for one in series] for series in (ours, theirs)]
    if heads[0] != heads[1]:
        return f"{heads[0]} is not {heads[1]}"
    for mine, other in zip(ours, theirs, strict=True):
        if len(mine["values"]) != len(other["values"]):
            return f"{len(mine['values'])} rows are not {len(other['values'])}"
        for row, their_row in zip(mine["values"], other["values"], strict=True):
            apart = isinstance(row[0], int) and abs(row[0] - their_row[0]) > WITHIN_US * 1000
            if apart or not all(map(alike, row[1:], their_row[1:])) or len(row) != len(their_row):
                return f"{row} is not {their_row}"
    return ""


def test_live_feeds_are_answered_as_what_ocs_writes_to_influxdb(both: Both) -> None:
    def enough() -> bool:
        first, last = both.span()
        return first > 0 and last - first > LEAST_S

    wait_until(enough, 120, "both have some seconds", step_s=0.5)
    for _ in range(2):
        # Once more a moment later: there is more then, and what was answered must not be told again.
        first, last = both.span()
        # But for the last second, in which they may have heard of different samples.
        range_ = f"time >= {round((first + 0.5) * 1e3)}ms AND time < {round((last - 1) * 1e3)}ms"
        rows = 0
        for statement in STATEMENTS:
            text = statement.format(agent=AGENT, range=range_)
            ours, theirs = both.ask(text)
            rows += sum(len(one["values"]) for one in theirs)
            assert theirs, text
            assert differing(ours, theirs) == "", text
        print(f"\n{len(STATEMENTS)} statements over {last - first:.0f} s, {rows} rows: all the same")
        later = last + 2
        wait_until(lambda later=later: both.span()[1] > later, 30, "both have more", step_s=0.3)
        assert time.time() - both.span()[1] < 10
