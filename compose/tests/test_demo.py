"""`make demo`'s own script: it comes up, answers, and leaves nothing behind."""

import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import requests
from sisock_ci.services import services
from sisock_testing import wait_until
from sisock_testing.stack import free_port

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "compose" / "demo"
DAY_S = 86400
NODES = {service.demo_node for service in services(ROOT) if service.demo_node}
QUERY = {
    "range": {"from": "2017-07-14T00:00:00Z", "to": "2017-07-15T00:00:00Z"},
    "interval": "1m",
    "maxDataPoints": 1000,
    "targets": [{"target": "apex_archive::apex_radiometer", "type": "timeserie"}],
}

pytestmark = pytest.mark.peer


def one_of_each(url: str) -> bool:
    """Whether one field of each node has samples within the last day, or within the bundled sample's."""
    targets = requests.post(f"{url}search", json={}, timeout=10).json()
    # Of an archive that ended long ago watch has no states.
    targets = [target for target in targets if not target.startswith("watch::apex_archive")]
    first = {target.split("::")[0]: target for target in reversed(targets)}
    body = {"range": {"from": 0, "to": (time.time() + 60) * 1000}, "maxDataPoints": 100}
    body["targets"] = [{"target": target, "type": "timeserie"} for target in first.values()]
    replies = requests.post(f"{url}query", json=body, timeout=20).json()
    return set(first) == NODES and all(reply["datapoints"] for reply in replies)


def joined(url: str, span_s: float) -> tuple[list[str], list[float]]:
    """Nodes that were asked for the live feed's last while, and the times of its samples."""
    now = time.time()
    body = {
        "range": {"from": (now - span_s) * 1000, "to": now * 1000},
        "maxDataPoints": 2000,
        "targets": [{"target": "demo_feed::channel_01_t", "type": "timeserie"}],
    }
    [reply] = requests.post(f"{url}query", json=body, timeout=20).json()
    nodes = reply.get("meta", {}).get("custom", {}).get("nodes", [])
    return nodes, [t / 1000 for _, t in reply["datapoints"]]


def spans_two_days(url: str) -> bool:
    nodes, times = joined(url, 2 * DAY_S)
    return set(nodes) == {"demo_feed", "g3_reader"} and times[-1] - times[0] > 1.95 * DAY_S


def units(url: str) -> dict[str, set[str | None]]:
    """Units of numbers of each node, as the bridge tells them."""
    found: dict[str, set[str | None]] = {}
    for field in requests.get(f"{url}api/v1/fields", timeout=10).json():
        if field["type"] == "number":
            found.setdefault(field["node"], set()).add(field["units"])
    return found


def all_expected_are_there(url: str) -> bool:
    """Whether nothing that the demo's site file names is missing, and its words reach its fields."""
    reply = requests.get(f"{url}api/v1/state", timeout=10).json()
    # Until all nodes have told what they have, something is.
    if any("expected by" in one["why"] for one in reply["fields"]):
        return False
    told = {one["field"]: (one["label"], one["units"]) for one in reply["fields"] if one["state"] == "fresh"}
    return told.get("demo_feed::channel_01_t") == ("100 mK stage", "K") and told.get(
        "demo_feed::channel_02_t"
    ) == ("Thermometer 02", "K")


def test_demo_comes_up_answers_and_stops_on_ctrl_c(tmp_path: Path) -> None:
    ports = {name: str(free_port()) for name in ("PORT", "CROSSBAR_TLS_PORT", "CROSSBAR_OCS_PORT")}
    log = tmp_path / "demo.log"
    environ = {**os.environ, **ports, "SISOCK_DEMO_STATE": str(tmp_path / "state")}
    with log.open("w") as out:
        demo = subprocess.Popen(
            [sys.executable, DEMO], stdout=out, stderr=out, env=environ, start_new_session=True
        )
    url = f"http://127.0.0.1:{ports['PORT']}/"
    family: list[psutil.Process] = []
    try:
        wait_until(
            lambda: f"\nready: {url}\n" in log.read_text() or demo.poll() is not None, 90, "the demo is ready"
        )
        reply = requests.post(f"{url}query", json=QUERY, timeout=10).json()
        wait_until(lambda: one_of_each(url), 30, "every kind of data node answers with samples")
        assert 900 < len(reply[0]["datapoints"]) <= 1000
        wait_until(lambda: all_expected_are_there(url), 60, "the site's file fits the demo")
        told = units(url)
        assert (told["g3_reader"], told["demo_feed"]) == ({"K", "mbar"}, {"K"})
        wait_until(lambda: spans_two_days(url), 60, "the live feed and its past are one series")
        _, times = joined(url, 2 * DAY_S)
        gaps = [b - a for a, b in itertools.pairwise(times)]
        assert min(gaps) > 0
        assert max(gaps) < 600
        wait_until(lambda: joined(url, 5)[0] == ["demo_feed"], 90, "what the live node has is its alone")
        family = psutil.Process(demo.pid).children(recursive=True)
        assert len(family) >= 3
        os.killpg(demo.pid, signal.SIGINT)
        assert demo.wait(20) == 0
        _, alive = psutil.wait_procs(family, 10)
        assert alive == []
    finally:
        # The runner gives each process a session of its own: a failed test must end them one by one.
        left = psutil.Process(demo.pid).children(recursive=True) if demo.poll() is None else family
        for process in [process for process in left if process.is_running()]:
            process.kill()
        if demo.poll() is None:
            demo.kill()
        demo.wait(10)


def test_a_taken_port_is_said_in_a_sentence(tmp_path: Path) -> None:
    environ = {**os.environ, "PORT": "abc", "SISOCK_DEMO_STATE": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, DEMO], env=environ, capture_output=True, text=True, timeout=30, check=False
    )
    assert (ended.returncode, ended.stderr.strip()) == (2, "PORT='abc' is not a port number (1 to 65535)")
