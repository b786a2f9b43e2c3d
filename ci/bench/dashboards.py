"""Many people with the same dashboards of live fields: latencies at a fixed rate, and what 8 clients get.

Each of 50, 100 and 200 people asks for 12 panels, the last ten minutes each, every 5 s; a panel's latency
counts from when it should have been asked for. Then 8 clients ask one after the other. Bridges are measured
by turns: ours, one that keeps nothing (``KEPT_BYTES=0``), and one of another checkout if
``SISOCK_BENCH_BEFORE`` names folders of packages as ``PYTHONPATH`` does.
"""

import asyncio
import json
import os
import random
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
import requests
from sisock_testing import Process, Stack, wait_until
from sisock_testing.stack import free_port

PANELS = 12
PERIOD_S = 5.0
SPAN_S = 600
PEOPLE = (50, 100, 200)
SECONDS = 8.0
CLIENTS = 8
ROUNDS = int(os.environ.get("SISOCK_BENCH_ROUNDS", "2"))


def body(panel: int) -> bytes:
    """What Grafana sends for a panel that is refreshed now."""
    now = round(time.time() * 1000)
    targets = [{"target": f"live::channel_{panel:02d}", "type": "timeserie", "refId": "A"}]
    asked = {"range": {"from": now - SPAN_S * 1000, "to": now}, "targets": targets, "maxDataPoints": 1000}
    return json.dumps(asked).encode()


class Connections:
    """Connections to a bridge that are kept and used again."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self.refused = 0

    async def post(self, content: bytes) -> bytes:
        """Post to ``/query``; nothing if it is refused, which is counted."""
        reader, writer = (
            self._free.pop() if self._free else await asyncio.open_connection("127.0.0.1", self._port)
        )
        head = b"POST /query HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(content)
        writer.write(head + content)
        told = await reader.readuntil(b"\r\n\r\n")
        lower = told.lower()
        at = lower.index(b"content-length:")
        answer = await reader.readexactly(int(lower[at + 15 : lower.index(b"\r\n", at)]))
        self._free.append((reader, writer))
        if not told.startswith(b"HTTP/1.1 200"):
            self.refused += 1
            return b""
        return answer

    def close(self) -> None:
        """Close those that are free."""
        for _, writer in self._free:
            writer.close()


async def at_a_rate(port: int, people: int) -> tuple[list[float], int]:
    """Latencies, ms, of people who refresh their dashboards for a while, and how many panels were refused."""
    connections = Connections(port)
    latencies: list[float] = []

    async def panel(number: int, due: float) -> None:
        answer = await connections.post(body(number))
        if answer:
            latencies.append((time.monotonic() - due) * 1e3)

    async def person(begins: float, ends: float) -> None:
        due = begins
        while due < ends:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            await asyncio.gather(*(panel(number, due) for number in range(PANELS)))
            due += PERIOD_S

    now = time.monotonic()
    starts = [now + random.uniform(0, PERIOD_S) for _ in range(people)]
    await asyncio.gather(*(person(begins, now + SECONDS) for begins in starts))
    connections.close()
    return latencies, connections.refused


async def one_after_the_other(port: int) -> float:
    """Replies per second to clients who ask as fast as they are answered."""
    connections = Connections(port)
    begun, count = time.monotonic(), 0

    async def client(number: int) -> None:
        nonlocal count
        while time.monotonic() < begun + SECONDS / 2:
            count += bool(await connections.post(body(number % PANELS)))

    await asyncio.gather(*(client(number) for number in range(CLIENTS)))
    connections.close()
    return count / (time.monotonic() - begun)


def cpu_s(process: Process) -> float:
    """CPU seconds of a process so far."""
    times = psutil.Process(process.pid).cpu_times()
    return times.user + times.system


def knows(port: int) -> bool:
    """Whether the bridge knows the node's fields."""
    try:
        nodes = requests.get(f"http://127.0.0.1:{port}/api/v1/status", timeout=5).json()["nodes"]
    except requests.RequestException:
        return False
    return any(node["fields"] >= PANELS for node in nodes)


def main() -> None:
    stack = Stack(Path(tempfile.mkdtemp(prefix="sisock-bench-")))
    ways = {"kept": {}, "nothing kept": {"KEPT_BYTES": "0"}}
    if before := os.environ.get("SISOCK_BENCH_BEFORE"):
        ways["before"] = {"PYTHONPATH": before}
    try:
        stack.start_hub()
        here = str(Path(__file__).parents[1])
        stack.start("live", [sys.executable, "-m", "bench.live", str(PANELS)], PYTHONPATH=here)
        bridges = {}
        for number, (way, environ) in enumerate(ways.items()):
            port = free_port()
            command = [sys.executable, "-m", "sisock_http"]
            bridges[way] = port, stack.start(f"http{number}", command, PORT=str(port), **environ)
        for way, (port, _) in bridges.items():
            wait_until(lambda port=port: knows(port), what=f"the bridge ({way}) knows the node")  # type: ignore[misc]
        print("| bridge | panels/s | p50 | p95 | p99 | refused | bridge's CPU | load |")
        print("|---|---|---|---|---|---|---|---|")
        for _ in range(ROUNDS):
            for people in PEOPLE:
                for way, (port, process) in bridges.items():
                    used = cpu_s(process)
                    latencies, refused = asyncio.run(at_a_rate(port, people))
                    found = np.percentile(latencies, [50, 95, 99])
                    share = (cpu_s(process) - used) / SECONDS
                    shown = " | ".join(f"{ms:.0f} ms" for ms in found)
                    rate, load = people * PANELS / PERIOD_S, os.getloadavg()[0]
                    print(
                        f"| {way} | {rate:.0f} | {shown} | {refused} | {share:.2f} | {load:.1f} |",
                        flush=True,
                    )
            for way, (port, process) in bridges.items():
                used, begun = cpu_s(process), time.monotonic()
                rate = asyncio.run(one_after_the_other(port))
                share = (cpu_s(process) - used) / (time.monotonic() - begun)
                load = os.getloadavg()[0]
                print(
                    f"| {way} | {CLIENTS} clients: {rate:.0f} | | | | | {share:.2f} | {load:.1f} |",
                    flush=True,
                )
    finally:
        stack.stop()


if __name__ == "__main__":
    main()
