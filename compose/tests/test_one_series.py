"""Real OCS, its aggregator, and our stack: archive and live node are one series, through kills and rotation.

10 Hz, and two kills of one node and one of both, by default; for ten minutes, and as many kills as fit::

    SISOCK_SERIES_SECONDS=600 .venv/bin/pytest -s compose/tests/test_one_series.py
"""

import io
import json
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import requests
from sisock import connection, logs
from sisock_testing import Process, Stack, wait_until
from sisock_testing.ocs import Ocs, install
from sisock_testing.stack import Reactor, free_port

SECONDS = float(os.environ.get("SISOCK_SERIES_SECONDS", "0"))
"""For at least so long kills go on."""

SAME_S = 2e-6
TOPIC = "observatory.fake1.feeds.false_temperatures"
LIVE, FILED = "fake_feed::channel_00", f"g3_reader::{TOPIC}.channel_00"
Times = npt.NDArray[np.float64]

pytestmark = [pytest.mark.peer, pytest.mark.timeout(180 + 2 * SECONDS)]


class Recorder:
    """Hears what the agent publishes, beside everybody else."""

    def __init__(self, reactor: Reactor, stack: Stack) -> None:
        self._reactor = reactor
        self._samples: dict[float, float] = {}
        self.here = False
        self._connection = connection.Connection(
            reactor.reactor, stack.stranger(), self, logs.get("recorder"), open_port=True
        )
        reactor.reactor.callFromThread(lambda: self._connection.run().addErrback(lambda _: None))
        wait_until(lambda: self.here, what="the recorder hears")

    async def joined(self, session: Any, _details: Any) -> None:
        await session.subscribe(self._hear, TOPIC)
        self.here = True

    def lost(self) -> None:
        self.here = False

    def _hear(self, message: Any, *_: Any) -> None:
        block = message[0]["temps"]
        self._samples.update(zip(block["timestamps"], block["data"]["channel_00"], strict=True))

    def samples(self) -> tuple[Times, Times]:
        """Times and values that were published until now."""
        heard = sorted(dict(self._samples).items())
        return np.array([t for t, _ in heard]), np.array([value for _, value in heard])

    def newest(self) -> float:
        return max(list(self._samples), default=0.0)

    def close(self) -> None:
        self._reactor.wait(self._connection.stop)


class Site:
    """Agent, aggregator, scanner, reader, data-feed and bridge beside a router."""

    def __init__(self, stack: Stack, ocs: Ocs, data: Path) -> None:
        self.stack, self.ocs = stack, ocs
        ports = [str(free_port()), str(free_port())]
        self.url, self.other_url = (f"http://127.0.0.1:{port}" for port in ports)
        index = {"SQL_FILE": str(data / "index.sqlite"), "DATA_DIRECTORY": str(data / "g3")}
        (data / "g3").mkdir()
        stack.start_module("sisock_g3_file_scanner", SCAN_INTERVAL="0", **index)
        stack.start_module("sisock_g3_reader", **index)
        for n, port in enumerate(ports):
            stack.start(f"http-{n}", [sys.executable, "-m", "sisock_http"], PORT=port)
        self.feed = self.start_feed()
        names = ("registry", "fake1", "aggregator")
        with ThreadPoolExecutor() as pool:
            self.agents = dict(zip(names, pool.map(ocs.start_agent, names), strict=True))
        wait_until(self.ready, 60, "the bridges are ready")

    def ready(self) -> bool:
        """Whether both bridges answer."""
        try:
            return all(requests.get(f"{url}/readyz", timeout=5).ok for url in (self.url, self.other_url))
        except requests.ConnectionError:
            return False

    def start_feed(self) -> Process:
        self.feed = self.stack.start(
            "fake_feed", [sys.executable, "-m", "sisock_data_feed"],
            TARGET="fake1", FEED="false_temperatures", NAME="fake_feed", DESCRIPTION="real OCS",
        )  # fmt: skip
        return self.feed

    def kill(self, name: str) -> None:
        process = self.feed if name == "feed" else self.agents[name]
        process.kill()
        process.popen.wait()

    def revive(self, name: str) -> None:
        if name == "feed":
            self.start_feed()
        else:
            self.agents[name] = self.ocs.start_agent(name)

    def data(
        self, field: str, start: float, end: float, *, url: str = "", **more: str
    ) -> tuple[Times, Times, set[str]]:
        """Times, values, and which nodes were asked; of one bridge, or of the other."""
        asked = {"field": field, "as": "x", "start": repr(start), "end": repr(end), "format": "npz", **more}
        reply = requests.get(f"{url or self.url}/api/v1/data", params=asked, timeout=20)
        assert reply.status_code == 200, reply.text
        columns = np.load(io.BytesIO(reply.content))
        return columns["x/time"], columns["x"], set(json.loads(reply.headers.get("sisock-nodes", "[]")))

    def sources(self) -> dict[str, str]:
        """What each field says that it measures."""
        known = requests.get(f"{self.url}/api/v1/fields", params={"search": "channel_00"}, timeout=10).json()
        return {entry["field"]: entry["source"] for entry in known}

    def until(self, field: str) -> float:
        """Time of the last sample that one node has."""
        now = time.time()
        return float(max(self.data(field, now - 60, now + 10, join="no")[0], default=0.0))

    def stop(self) -> None:
        for agent in self.agents.values():
            agent.kill()
            agent.popen.wait()


@pytest.fixture
def site(sisock_processes: None, tmp_path: Path, pytestconfig: pytest.Config) -> Iterator[Site]:
    stack = Stack(tmp_path)
    try:
        stack.start_hub()
        ocs = Ocs(stack, install(pytestconfig.rootpath / ".venvs", ["so3g"]))
        fake = ["--mode", "acq", "--num-channels", "2", "--sample-rate", "10", "--frame-length", "1"]
        aggregator = ["--data-dir", str(tmp_path / "g3"), "--initial-state", "record", "--time-per-file", "5"]
        ocs.write_site(
            registry=("RegistryAgent", []),
            fake1=("FakeDataAgent", fake),
            aggregator=("AggregatorAgent", aggregator),
        )
        site = Site(stack, ocs, tmp_path)
        yield site
        site.stop()
    finally:
        stack.stop()


@pytest.fixture
def recorder(site: Site, sisock_reactor: Reactor) -> Iterator[Recorder]:
    recorder = Recorder(sisock_reactor, site.stack)
    yield recorder
    recorder.close()


def unmatched(t: Times, among: Times) -> Times:
    """Those times that no sample among the others has."""
    nearest = np.minimum(among.searchsorted(t - SAME_S), len(among) - 1)
    return t[np.abs(among[nearest] - t) > SAME_S] if len(among) else t


def test_each_published_sample_is_there_once_through_kills_and_rotation(
    site: Site, recorder: Recorder, tmp_path: Path
) -> None:
    def later(seconds: float, what: str) -> None:
        """Wait until samples of so much later are published and both nodes have caught up."""
        t = recorder.newest() + seconds
        wait_until(lambda: recorder.newest() > t, 60 + seconds, f"the agent publishes ({what})")
        for field in (LIVE, FILED):
            wait_until(lambda f=field: site.until(f) > t, 60, f"{field} catches up ({what})", step_s=0.3)

    def drill(*names: str) -> tuple[float, float]:
        """Kill, let a second of samples go by, revive; when that was."""
        begin = recorder.newest()
        for name in names:
            site.kill(name)
        wait_until(lambda: recorder.newest() > begin + 1, 30, "the agent goes on publishing")
        for name in names:
            site.revive(name)
        later(1, f"after {' and '.join(names)}")
        return begin, recorder.newest()

    wait_until(lambda: all(len(site.data(f, 1, time.time())[0]) for f in (LIVE, FILED)), 60, "both begin")
    wait_until(
        lambda: site.sources() == dict.fromkeys((LIVE, FILED), f"{TOPIC}.channel_00"), 60,
        "both say the same source",
    )  # fmt: skip
    later(1, "at first")
    begin = float(recorder.samples()[0][10])
    over = time.monotonic() + SECONDS
    apart, together = [], []
    while True:
        apart += [drill("feed"), drill("aggregator")]
        together.append(drill("feed", "aggregator"))
        if time.monotonic() > over:
            break

    wait_until(lambda: site.data(FILED, time.time() - 1, time.time())[2] == {"fake_feed"}, 20, "live alone")

    newest = recorder.newest()
    wait_until(lambda: site.until(LIVE) >= newest, 20, "the live node has all")
    # A file has its times in ticks: what lies on a bound may be on either side of it.
    begin, end = begin - SAME_S, newest - SAME_S
    heard = recorder.samples()
    published, values = (column[(heard[0] >= begin) & (heard[0] < end)] for column in heard)
    alone = {field: site.data(field, begin, end, join="no")[0] for field in (LIVE, FILED)}
    for field in (LIVE, FILED):
        t, got, nodes = site.data(field, begin, end)
        assert nodes == {"fake_feed", "g3_reader"}
        missing = unmatched(published, t)
        files = len(list((tmp_path / "g3").rglob("*.g3")))
        print(
            f"\n{field}: published {len(published)}, live alone {len(alone[LIVE])}, archive alone "
            f"{len(alone[FILED])}, joined {len(t)}, in neither {len(missing)}; "
            f"{len(apart)} kills of one, {len(together)} of both, {files} files"
        )
        assert float(np.diff(t).min()) > 0.01, "a sample is there twice"
        assert not len(unmatched(t, published)), "a sample was never published"
        had = np.isin(published, missing, invert=True)
        assert got.tolist() == values[had].tolist()
        assert unmatched(missing, alone[LIVE]).tolist() == missing.tolist()
        assert unmatched(missing, alone[FILED]).tolist() == missing.tolist()
        # What neither has was published while both were dead, or was on its way to disk in both.
        assert all(any(a - 3 <= sample <= b for a, b in together) for sample in missing)
        assert len(alone[LIVE]) < len(t) > len(alone[FILED])
    for most in ("100", "100000"):
        one, other = (
            site.data(LIVE, begin, end, url=url, max_points=most) for url in (site.url, site.other_url)
        )
        assert (one[0].tolist(), one[1].tolist()) == (other[0].tolist(), other[1].tolist())
