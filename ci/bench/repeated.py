"""One panel that many people look at: CPU of the bridge for an answer that it has, from socket to socket.

A live field (a sample a second, the last ten minutes), asked again and again with ends that differ by
milliseconds, plain and compressed. *Floor*: Twisted with an empty route that sends as many bytes; *empty
route*: the bridge's own ``/healthz``.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

import requests
from sisock_testing import Stack, wait_until
from sisock_testing.stack import free_port

from bench import load

FIELDS = 12
SECONDS = 4
CLIENTS = 8
SPAN_MS = 600_000
ANSWER_BYTES = 600 * 36


def query(fields: int) -> bytes:
    """What Grafana sends for a panel of some fields, the last ten minutes."""
    targets = [{"target": f"live::channel_{n:02d}", "type": "timeserie", "refId": "A"} for n in range(fields)]
    text = json.dumps({"range": {"from": "FROM", "to": "TO"}, "targets": targets, "maxDataPoints": 1000})
    return text.replace('"FROM"', load.AGO % SPAN_MS).replace('"TO"', load.AGO % 0).encode()


def knows(port: int) -> bool:
    """Whether the bridge knows the node's fields."""
    try:
        nodes = requests.get(f"http://127.0.0.1:{port}/api/v1/status", timeout=5).json()["nodes"]
    except requests.RequestException:
        return False
    return any(node["fields"] >= FIELDS for node in nodes)


def main() -> None:
    stack = Stack(Path(tempfile.mkdtemp(prefix="sisock-bench-")))
    port, empty_port = free_port(), free_port()
    here = str(Path(__file__).parents[1])
    bridge = [sys.executable, "-m", "sisock_http"]
    gzip = {"Accept-Encoding": "gzip"}
    try:
        stack.start_hub()
        live = stack.start("live", [sys.executable, "-m", "bench.live", str(FIELDS)], PYTHONPATH=here)
        http = stack.start("http", bridge, PORT=str(port))
        bridges = {"": (port, http)}
        if before := os.environ.get("SISOCK_BENCH_BEFORE"):
            old_port = free_port()
            old = stack.start("before", bridge, PORT=str(old_port), PYTHONPATH=before)
            bridges["before: "] = (old_port, old)
        empty_command = [sys.executable, "-m", "bench.empty", str(empty_port), str(ANSWER_BYTES)]
        empty = stack.start("empty", empty_command, PYTHONPATH=here)
        for one, _ in bridges.values():
            wait_until(lambda one=one: knows(one), what="the bridge knows the node")  # type: ignore[misc]
        print("| asked | replies/s | median | p99 | CPU of a reply | the data node's | load |")
        print("|---|---|---|---|---|---|---|", flush=True)

        def show(what: str, at: int, path: str, body: bytes, server: int, **more: object) -> None:
            got = load.post(at, path, body, CLIENTS, SECONDS, servers=(server, live.pid), **more)
            mine, node = got.cpu_ms
            print(
                f"| {what} | {got.per_second:.0f} | {got.median_ms:.1f} ms | {got.p99_ms:.1f} ms "
                f"| {mine:.3f} ms | {node:.3f} ms | {os.getloadavg()[0]:.1f} |",
                flush=True,
            )

        for _ in range(2):
            show("floor", empty_port, "/query", query(1), empty.pid)
            for name, (at, process) in bridges.items():
                show(f"{name}empty route", at, "/healthz", b"", process.pid, method="GET")
                show(f"{name}a field", at, "/query", query(1), process.pid)
                show(f"{name}a field, compressed", at, "/query", query(1), process.pid, headers=gzip)
                show(f"{name}{FIELDS} fields", at, "/query", query(FIELDS), process.pid)
    finally:
        stack.stop()


if __name__ == "__main__":
    main()
