"""CPU of all processes for a reply of all 20,160 points, beside the predecessor's way and the floor.

Each question has a range of its own, and nothing is kept (``KEPT_BYTES=0``), but for the row that says so.
*Floor*: the same answer encoded from the same columns and sent over loopback. *Predecessor's way*:
`bench.old_way`.
"""

import json
import multiprocessing
import os
import sys
import tempfile
from pathlib import Path

import psutil
from sisock_testing import Process, Stack, wait_until
from sisock_testing.stack import free_port

from bench import load
from bench.query import FIRST, LAST, floor, query

SECONDS = 4
ROUNDS = 2
PACKAGES = Path(__file__).parents[1]


def family_s(process_id: int) -> float:
    """CPU seconds of a process and those below it."""
    first = psutil.Process(process_id)
    return sum(load.cpu_s(one.pid) for one in (first, *first.children(recursive=True)))


def old_query() -> bytes:
    """What `query` asks for, of the old node."""
    asked = json.loads(query(1, None, distinct=False))
    asked["targets"][0]["target"] = "old::apex_radiometer"
    asked["range"] = {"from": FIRST * 1000, "to": LAST * 1000}
    return json.dumps(asked).encode()


def main() -> None:
    stack = Stack(Path(tempfile.mkdtemp(prefix="sisock-bench-")))
    ports = {name: free_port() for name in ("floor", "asked", "kept", "old")}
    bridge = [sys.executable, "-m", "sisock_http"]
    here = str(PACKAGES)
    plain = query(1, None, distinct=False)
    base = multiprocessing.Process(target=floor, args=(ports["floor"], {plain: 1}), daemon=True)
    base.start()
    try:
        hub = stack.start_hub()
        weather = stack.start_module("sisock_weather")
        asked = stack.start("asked", bridge, PORT=str(ports["asked"]), KEPT_BYTES="0")
        kept = stack.start("kept", bridge, PORT=str(ports["kept"]))
        ways: dict[str, tuple[str, bytes, list[Process]]] = {
            "all asked": ("asked", query(1, None, distinct=True), [asked, weather]),
            "kept": ("kept", query(1, None, distinct=True), [kept, weather]),
        }
        old_node = stack.start("old", [sys.executable, "-m", "bench.old_way", "node"], PYTHONPATH=here)
        old = stack.start(
            "old_http",
            [sys.executable, "-m", "bench.old_way", "http"],
            PYTHONPATH=here,
            PORT=str(ports["old"]),
        )
        ways["predecessor's way"] = ("old", old_query(), [old, old_node])
        for process in (asked, kept):
            wait_until(lambda p=process: p.text().count("node.online") >= 2, what="both nodes are online")  # type: ignore[misc]
        wait_until(lambda: "listening" in old.text(), what="the old bridge listens")
        print("| way | CPU of all | bridge | node | router | replies/s, one at a time | load |")
        print("|---|---|---|---|---|---|---|", flush=True)
        for _ in range(ROUNDS):
            got = load.post(ports["floor"], "/query", plain, 1, SECONDS, servers=[base.pid or 0])
            print(f"| floor | {got.cpu_ms[0]:.2f} ms | | | | {got.per_second:.0f} | {_load()} |", flush=True)
            for way, (name, body, processes) in ways.items():
                servers = [*(one.pid for one in processes), hub.pid]
                got = load.post(ports[name], "/query", body, 1, SECONDS, servers=servers, used_s=family_s)
                each = " | ".join(f"{one:.2f}" for one in got.cpu_ms)
                print(
                    f"| {way} | {sum(got.cpu_ms):.2f} ms | {each} | {got.per_second:.0f} | {_load()} |",
                    flush=True,
                )
    finally:
        base.terminate()
        base.join()
        stack.stop()


def _load() -> str:
    return f"{os.getloadavg()[0]:.1f}"


if __name__ == "__main__":
    main()
