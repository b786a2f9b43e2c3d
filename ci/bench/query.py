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
from pathlib import Path

import numpy as np
import orjson
from sisock.testing import Stack, wait_until
from sisock.testing.stack import free_port
from sisock_weather.archive import parse
from sisock_weather.config import bundled

from bench import load

FIELDS = ["apex_radiometer", "apex_humidity", "apex_pressure", "apex_temperature", "apex_windspeed"]
RANGE = {"from": "2017-07-14T00:00:00Z", "to": "2017-07-28T00:00:00Z"}
FIRST, LAST = 1499990400.0, 1501200000.0
SECONDS = 3.0
PREDECESSOR = {(1, 1): 1000 / 46, (1, 8): 42.0, (5, 1): 1000 / 73, (5, 8): 18.0}  # replies a second


def query(count: int, max_points: int | None) -> bytes:
    targets = [{"target": f"apex_archive::{f}", "type": "timeserie"} for f in FIELDS[:count]]
    body = {"range": RANGE, "targets": targets, **({"maxDataPoints": max_points} if max_points else {})}
    return load.post("/query", json.dumps(body).encode())


def floor(port: int, counts: dict[bytes, int]) -> None:
    """Serve the same answers straight from the columns, a thread a connection."""
    import threading

    columns = {}
    for name in FIELDS:
        file = parse((bundled() / f"{name}.dat").read_bytes())
        inside = (file.t >= FIRST) & (file.t < LAST)
        columns[name] = np.column_stack([file.values[inside], file.t[inside] * 1e3])

    def serve(connection: socket.socket) -> None:
        pending = b""
        while got := connection.recv(65536):
            pending += got
            for request, count in counts.items():
                if pending == request:
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
    requests = {query(count, None): count for count in (1, 5)}
    server = multiprocessing.Process(target=floor, args=(floor_port, requests), daemon=True)
    server.start()
    try:
        stack.start_hub()
        stack.start_module("sisock_weather")
        http = stack.start("http", [sys.executable, "-m", "sisock_http"], PORT=str(port))
        wait_until(lambda: "node.online" in http.text(), what="the weather server is online")
        print("| fields | points | at a time | median | p95 | replies/s | of the floor | x predecessor |")
        print("|---|---|---|---|---|---|---|---|")
        for count in (1, 5):
            for at_a_time in (1, 8):
                base = load.run(floor_port, query(count, None), at_a_time, SECONDS)
                for most in (None, 1000):
                    got = load.run(port, query(count, most), at_a_time, SECONDS)
                    ours = got.per_second / PREDECESSOR[count, at_a_time]
                    shown = "all" if most is None else str(most)
                    share = f"{got.per_second / base.per_second:.2f}" if most is None else ""
                    print(
                        f"| {count} | {shown} | {at_a_time} | {got.median_ms:.1f} ms | {got.p95_ms:.1f} ms "
                        f"| {got.per_second:.0f} | {share} | {ours:.1f} |",
                        flush=True,
                    )
    finally:
        server.terminate()
        server.join()
        stack.stop()


if __name__ == "__main__":
    main()
