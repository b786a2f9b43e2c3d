"""/query of a 20,160-point field, and of five fields at once, against a floor and the predecessor.

The floor encodes the same answer from the same columns and sends it over loopback: no router, no
data node, no protocol. The predecessor's figures were measured on its own running stack on a
machine of this kind; they cannot be measured again here.
"""

import json
import multiprocessing
import socket
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np
import orjson
from sisock_testing import Stack, wait_until
from sisock_testing.stack import free_port
from sisock_weather.archive import parse
from sisock_weather.config import bundled

from bench import load

FIELDS = ["apex_radiometer", "apex_humidity", "apex_pressure", "apex_temperature", "apex_windspeed"]
FIRST, LAST = 1499990400.0, 1501200000.0
SECONDS = 4
PREDECESSOR = {(1, 1): 1000 / 46, (1, 8): 42.0, (5, 1): 1000 / 73, (5, 8): 18.0}  # replies a second


def query(count: int, max_points: int | None, *, distinct: bool) -> bytes:
    """Body of a query; a distinct one starts up to a minute before the first sample, each elsewhere."""
    targets = [{"target": f"apex_archive::{f}", "type": "timeserie"} for f in FIELDS[:count]]
    limit = {"maxDataPoints": max_points} if max_points else {}
    start = "14999903COUNTER" if distinct else FIRST * 1000
    text = json.dumps({"range": {"from": start, "to": LAST * 1000}, "targets": targets, **limit})
    return text.replace('"14999903COUNTER"', "14999903COUNTER").encode()


def _receive(connection: socket.socket) -> bytes:
    try:
        return connection.recv(65536)
    except ConnectionResetError:
        return b""


def floor(port: int, counts: dict[bytes, int]) -> None:
    """Serve the same answers straight from the columns, a thread a connection."""
    columns = {}
    for name in FIELDS:
        file = parse((bundled() / f"{name}.dat").read_bytes())
        inside = (file.t >= FIRST) & (file.t < LAST)
        columns[name] = np.column_stack([file.values[inside], file.t[inside] * 1e3])

    def serve(connection: socket.socket) -> None:
        pending = b""
        while got := _receive(connection):
            pending += got
            for request, count in counts.items():
                if pending.endswith(b"\r\n\r\n" + request):
                    pending = b""
                    answer = [
                        {"target": f"apex_archive::{f}", "datapoints": columns[f]} for f in FIELDS[:count]
                    ]
                    body = orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY)
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    listener = socket.create_server(("127.0.0.1", port))
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()


def main() -> None:
    stack = Stack(Path(tempfile.mkdtemp(prefix="sisock-bench-")))
    port, floor_port = free_port(), free_port()
    requests = {query(count, None, distinct=False): count for count in (1, 5)}
    server = multiprocessing.Process(target=floor, args=(floor_port, requests), daemon=True)
    server.start()
    try:
        stack.start_hub()
        stack.start_module("sisock_weather")
        http = stack.start("http", [sys.executable, "-m", "sisock_http"], PORT=str(port))
        wait_until(lambda: "node.online" in http.text(), what="the weather server is online")
        columns = "fields", "points", "at a time", "queries", "median", "p99", "replies/s", "of the floor"
        print(f"| {' | '.join((*columns, 'x predecessor'))} |")
        print("|---|---|---|---|---|---|---|---|---|")
        for (count, at_a_time), predecessor in PREDECESSOR.items():
            plain = query(count, None, distinct=False)
            base = load.post(floor_port, "/query", plain, at_a_time, SECONDS)
            for most in (None, 1000):
                for distinct in (True, False) if at_a_time > 1 else (True,):
                    got = load.post(port, "/query", query(count, most, distinct=distinct), at_a_time, SECONDS)
                    share = f"{got.per_second / base.per_second:.2f}" if most is None else ""
                    print(
                        f"| {count} | {most or 'all'} | {at_a_time} | {'distinct' if distinct else 'same'} "
                        f"| {got.median_ms:.1f} ms | {got.p99_ms:.1f} ms | {got.per_second:.0f} | {share} "
                        f"| {got.per_second / predecessor:.1f} |",
                        flush=True,
                    )
    finally:
        server.terminate()
        server.join()
        stack.stop()


if __name__ == "__main__":
    main()
