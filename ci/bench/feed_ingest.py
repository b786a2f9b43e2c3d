"""Ingest of a live feed: samples a second, what a query takes meanwhile, and memory over time.

A publisher sends messages as OCS does, of 200 channels, through the router's open port to one
data-feed process; Grafana's query for one channel goes on all the while. The process is on one core
by nature; its share of that core is measured, and its memory over ten times a short BUFFER_TIME.
"""

import json
import os
import statistics
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import psutil
from sisock_testing import Stack, wait_until
from sisock_testing.stack import Peer, Reactor, free_port

CHANNELS = 200
BUFFER_TIME_S = 10
BUFFERS = 10
RUNS = ((300, 5), (600, 5), (300, 100))
"""Samples of each channel, and messages, a second; memory is watched in the first run."""

QUERY_INTERVAL_S = 0.1


def query(port: int, field: str) -> float:
    """Ask as Grafana does; seconds until the whole answer was there."""
    now = time.time()
    body = {
        "range": {"from": (now - BUFFER_TIME_S) * 1000, "to": now * 1000},
        "targets": [{"target": f"ingest::{field}", "type": "timeserie"}],
        "maxDataPoints": 1000,
    }
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/query", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    begun = time.perf_counter()
    with urllib.request.urlopen(request, timeout=10) as reply:
        answer = json.load(reply)
    took = time.perf_counter() - begun
    if not answer or len(answer[0]["datapoints"]) < 100:
        raise RuntimeError(f"the answer is too short: {str(answer)[:200]}")
    return took


class Rows:
    """Counts the rows that a channel has been served with, and those missing between them."""

    def __init__(self, peer: Peer, field: str, rate_hz: float, start: float) -> None:
        self._peer, self._field, self._rate_hz = peer, field, rate_hz
        self._end = start
        self._times: list[float] = []

    def count_until(self, end: float) -> None:
        """Ask for what came since the last time."""
        series, problems = self._peer.get_data("ingest", [self._field], self._end, end)
        if problems:
            raise RuntimeError(problems)
        self._times += series[self._field].t.tolist()
        self._end = end

    @property
    def there(self) -> int:
        """Rows that were served."""
        return len(self._times)

    @property
    def per_second(self) -> float:
        """Rows a second, by their own times."""
        return (len(self._times) - 1) / (self._times[-1] - self._times[0])

    @property
    def missing(self) -> int:
        """Rows that were published between the first and the last one and not served."""
        return round((self._times[-1] - self._times[0]) * self._rate_hz) + 1 - len(self._times)


def measure(stack: Stack, peer: Peer, port: int, rate_hz: int, messages: int, seconds: float) -> None:
    """Print the rows of one rate."""
    state = f"state-{rate_hz}-{messages}"
    pid = stack.start_module(
        "sisock_data_feed",
        TARGET="ingest", NAME="ingest", DESCRIPTION="bench", BUFFER_TIME=str(BUFFER_TIME_S),
        STATE_DIRECTORY=state,
    ).pid  # fmt: skip
    peer.wait_for_node("ingest")
    publisher = stack.start_module(
        "sisock_data_feed.synthetic",
        TARGET="ingest", CHANNELS=str(CHANNELS), SAMPLE_INTERVAL=str(1 / rate_hz),
        MESSAGE_INTERVAL=str(1 / messages),
    )  # fmt: skip
    wait_until(lambda: peer.get_fields("ingest"), 20, "the first samples")
    field = next(f.name for f in peer.get_fields("ingest") if f.name.startswith("channel_"))
    process = psutil.Process(pid)
    time.sleep(BUFFER_TIME_S)
    begun, cpu = time.time(), sum(process.cpu_times()[:2])
    took: list[float] = []
    rows = Rows(peer, field, rate_hz, begun - 1)
    memory = [process.memory_info().rss / 2**20]
    while time.time() < begun + seconds:
        next_count = time.time() + BUFFER_TIME_S / 2
        while time.time() < next_count:
            took.append(query(port, field))
            time.sleep(QUERY_INTERVAL_S)
        rows.count_until(time.time() - 1)
        memory.append(process.memory_info().rss / 2**20)
    elapsed = time.time() - begun
    cpu = (sum(process.cpu_times()[:2]) - cpu) / elapsed
    p50, p95 = statistics.median(took) * 1e3, statistics.quantiles(took, n=20)[-1] * 1e3
    disk = sum(f.stat().st_size for f in (stack.directory / state).iterdir()) / 2**20
    row = [
        f"{rows.per_second * CHANNELS:,.0f}", f"{messages}", f"{rows.missing} of {rows.there}", f"{cpu:.0%}",
        f"{p50:.0f} ms", f"{p95:.0f} ms", *(f"{m:.0f}" for m in (memory[0], max(memory), memory[-1], disk)),
    ]  # fmt: skip
    print(f"| {' | '.join(row)} |", flush=True)
    sys.stderr.write(f"RSS every {BUFFER_TIME_S / 2:g} s: {' '.join(f'{m:.0f}' for m in memory)}\n")
    publisher.stop()


def main() -> None:
    root = Path(tempfile.mkdtemp(prefix="sisock-bench-"))
    stack, reactor = Stack(root), Reactor()
    try:
        stack.start_hub()
        peer = Peer(reactor, stack.config(WAMP_USER="simonsobs"))
        port = free_port()
        stack.start_module("sisock_http", PORT=str(port))
        print(f"{CHANNELS} channels, BUFFER_TIME={BUFFER_TIME_S}, {os.cpu_count()} cores\n")
        print(
            "| samples/s | messages/s | rows missing | share of one core | /query p50 | p95 "
            "| RSS MiB, first | most | last | disk MiB |"
        )
        print("|---|---|---|---|---|---|---|---|---|---|")
        for run, (rate_hz, messages) in enumerate(RUNS):
            seconds = BUFFERS * BUFFER_TIME_S if run == 0 else 2 * BUFFER_TIME_S
            measure(stack, peer, port, rate_hz, messages, seconds)
        peer.close()
    finally:
        stack.stop()
        reactor.stop()


if __name__ == "__main__":
    main()
