"""A stack of many nodes: how soon all are listed, also after the router died, and what it costs.

``SISOCK_BENCH_NODES`` (500) nodes of 20 fields in ten processes, and one node of 20,000 fields; router,
hub and bridge as a site has them, each started again when it ends.
"""

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import psutil
import requests
from sisock_testing import Process, Stack, wait_until
from sisock_testing.stack import free_port

PROCESSES = 10
FIELDS = 20
MANY_FIELDS = 20_000
KILLS = 3


def ready(port: int, nodes: int) -> bool:
    """Whether the bridge lists all of them and has asked each for its fields."""
    try:
        if requests.get(f"http://127.0.0.1:{port}/readyz", timeout=5).status_code != 200:
            return False
        return len(requests.get(f"http://127.0.0.1:{port}/api/v1/nodes", timeout=5).json()) >= nodes
    except requests.RequestException:
        return False


def family(process: Process) -> list[psutil.Process]:
    """A process and those below it."""
    first = psutil.Process(process.pid)
    return [first, *first.children(recursive=True)]


def cost(processes: list[psutil.Process]) -> str:
    """CPU seconds and memory of some processes, each."""
    shown = []
    for one in processes:
        times, memory = one.cpu_times(), one.memory_full_info()
        title = " ".join(one.cmdline())[:40]
        shown.append(f"{title}: {times.user + times.system:.1f} s, {memory.pss / 1e6:.0f} MB")
    return "; ".join(shown)


def median_ms(url: str, times: int = 20) -> float:
    """Median of some answers, in ms."""
    took = []
    for _ in range(times):
        begun = time.perf_counter()
        requests.get(url, timeout=30).raise_for_status()
        took.append(time.perf_counter() - begun)
    return statistics.median(took) * 1e3


def main() -> None:
    nodes = int(os.environ.get("SISOCK_BENCH_NODES", "500"))
    each = nodes // PROCESSES
    stack = Stack(Path(tempfile.mkdtemp(prefix="sisock-bench-")))
    port = free_port()
    try:
        hub = stack.start_hub(restart=True)
        http = stack.start("http", [sys.executable, "-m", "sisock_http"], restart=True, PORT=str(port))
        swarm = [sys.executable, "-m", "bench.swarm"]
        here = str(Path(__file__).parents[1])
        begun = time.monotonic()
        for number in range(PROCESSES):
            stack.start(f"swarm{number}", [*swarm, str(number), str(each), str(FIELDS)], PYTHONPATH=here)
        stack.start("large", [*swarm, "99", "1", str(MANY_FIELDS)], PYTHONPATH=here)
        total = each * PROCESSES + 1
        wait_until(lambda: ready(port, total), 180, "all nodes are listed", step_s=0.1)
        print(f"{total} nodes, {each * PROCESSES * FIELDS + MANY_FIELDS} fields")
        print(f"all started at once: ready after {time.monotonic() - begun:.1f} s", flush=True)
        print("cost so far:", cost([*family(hub), *family(http)]), flush=True)
        for _ in range(KILLS):
            time.sleep(2)
            killed = time.monotonic()
            hub.kill()
            wait_until(lambda: not ready(port, total), 20, "the bridge knows", step_s=0.02)
            wait_until(lambda: ready(port, total), 120, "all are listed again", step_s=0.05)
            load = os.getloadavg()[0]
            print(
                f"router killed: ready after {time.monotonic() - killed:.1f} s (load {load:.1f})", flush=True
            )
        print("cost since then:", cost([*family(hub), *family(http)]), flush=True)
        for _ in range(KILLS):
            lines = hub.text().count("hub.ready")
            killed = time.monotonic()
            next(one for one in family(hub) if "[hub]" in " ".join(one.cmdline())).kill()
            wait_until(lambda n=lines: hub.text().count("hub.ready") > n, 60, "the hub is back", step_s=0.02)  # type: ignore[misc]
            wait_until(lambda: ready(port, total), 60, "all are listed again", step_s=0.05)
            took, load = time.monotonic() - killed, os.getloadavg()[0]
            print(f"hub killed: all listed after {took:.1f} s (load {load:.1f})", flush=True)
        base = f"http://127.0.0.1:{port}"
        for what in ("/search?target=many_07_012", "/api/v1/nodes", "/api/v1/fields?search=many_07_012"):
            print(f"GET {what}: {median_ms(base + what):.1f} ms")
    finally:
        stack.stop()


if __name__ == "__main__":
    main()
