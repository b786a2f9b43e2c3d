"""What watch costs: one live node of 20,000 fields, 300 of them with limits, a sample a second each.

``SISOCK_BENCH_FIELDS`` (20000), ``SISOCK_BENCH_LIMITED`` (300), ``SISOCK_BENCH_SECONDS`` (60). watch runs in
an environment of its own dependencies alone, as its image has them, or in that of ``SISOCK_BENCH_PYTHON``.
"""

import os
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import requests
import sisock
from sisock import uris
from sisock.errors import NodeError
from sisock_testing.stack import Peer, Reactor, Stack, free_port, wait_until

ROOT = Path(__file__).parents[2]
OURS = [file.parent for top in ("libs", "services") for file in sorted((ROOT / top).glob("*/pyproject.toml"))]
FIELDS = int(os.environ.get("SISOCK_BENCH_FIELDS", "20000"))
LIMITED = int(os.environ.get("SISOCK_BENCH_LIMITED", "300"))
SECONDS = float(os.environ.get("SISOCK_BENCH_SECONDS", "60"))
ASKED = 50
LISTED = 6


class Many(sisock.DataNode):
    """So many fields, a hundred a timeline."""

    name, description, live = "many", "Many fields.", True

    def fields(self, _start, _end):
        """See `sisock.DataNode`."""
        limits = sisock.Bounds(alarm_high=2.0)
        for number in range(FIELDS):
            limited = {"limits": limits} if number < LIMITED else {}
            yield sisock.Field(f"f{number}", timeline=f"t{number // 100}", interval=1.0, **limited)

    def read(self, names, start, end, _limits):
        """See `sisock.DataNode`."""
        t = np.arange(np.ceil(max(start, time.time() - 3600)), min(end, time.time()))
        values = np.sin(t)
        for name in names:
            yield sisock.Series(name, t, values, f"t{int(name[1:]) // 100}")

    async def joined(self, session):
        """See `sisock.DataNode`."""
        session.every(1.0, time.time)
        await session.serve("anew", lambda: session.publish_updated(time.time(), fields_changed=True))


def as_deployed(directory: Path, package: str) -> str:
    """A Python that has what the package's image has, and nothing else."""
    given = os.environ.get("SISOCK_BENCH_PYTHON")
    if given:
        return given
    environ = {**os.environ, "UV_PROJECT_ENVIRONMENT": str(directory)}
    words = ["sync", "--quiet", "--frozen", "--package", package, "--no-dev", "--no-editable"]
    # What uv built of them earlier may be of another day.
    words += [f"--reinstall-package=sisock-{one.name.removeprefix('sisock-')}" for one in OURS]
    subprocess.run(
        [ROOT / ".bootstrap/bin/uv", *words, "--compile-bytecode"], cwd=ROOT, env=environ, check=True
    )
    return str(directory / "bin/python")


def timed(call: Callable[[], Any]) -> str:
    """Median and slowest of some calls."""
    taken = []
    for _ in range(ASKED):
        began = time.perf_counter()
        call()
        taken.append(time.perf_counter() - began)
    return f"median {sorted(taken)[ASKED // 2] * 1e3:.1f} ms, slowest {max(taken) * 1e3:.1f} ms"


def list_anew(peer: Peer) -> None:
    """Have watch list the many fields, and list its own, as often as in half an hour."""
    for _ in range(LISTED):
        peer.call(uris.procedure("many", "anew"))
        time.sleep(5)
        peer.get_fields("watch")
        time.sleep(5)


def main() -> None:
    top = Path(tempfile.mkdtemp())
    python = as_deployed(top / "venv", "sisock-watch")
    stack, reactor = Stack(top), Reactor()
    try:
        stack.start_hub()
        stack.start("many", [sys.executable, __file__])
        own = tomllib.loads((ROOT / "services/watch/pyproject.toml").read_text())["tool"]["sisock"]
        settings = {"STATE_DB": "watch.sqlite", **own["container"]["environment"]}
        process = stack.start("watch", [python, "-m", "sisock_watch"], **settings)
        port = free_port()
        stack.start("http", [sys.executable, "-m", "sisock_http"], PORT=str(port))
        peer = Peer(reactor, stack.config(WAMP_USER="simonsobs"))
        watch = psutil.Process(process.pid)
        peer.wait_for_node("watch")
        empty = watch.memory_info().rss

        def fresh() -> bool:
            try:
                return peer.call(uris.WATCH_STATE, most=1)["counts"]["fresh"] >= FIELDS
            except NodeError:
                return False

        began = time.time()
        wait_until(fresh, 300, "all fields are fresh", 1.0)
        rows = [("all fields are fresh after", f"{time.time() - began:.0f} s")]
        time.sleep(15)
        before, began = watch.cpu_times(), time.monotonic()
        time.sleep(SECONDS)
        after = watch.cpu_times()
        used = after.user + after.system - before.user - before.system
        rows.append(("CPU", f"{100 * used / (time.monotonic() - began):.1f} % of a core"))
        url = f"http://127.0.0.1:{port}/api/v1/state"
        session = requests.Session()
        asked = iter(range(10**6))
        over_wamp = timed(lambda: peer.call(uris.WATCH_STATE, search=f"f{next(asked)}5"))
        rows.append(("a filtered state over WAMP", over_wamp))
        over_http = timed(lambda: session.get(url, params={"search": f"f{next(asked)}5"}, timeout=20).json())
        rows.append(("GET /api/v1/state, filtered", over_http))
        memory, private = watch.memory_info().rss, watch.memory_full_info().uss
        rows.append(("memory", f"{memory / 1e6:.0f} MB, of which its own {private / 1e6:.0f} MB"))
        rows.append(("more than when it began", f"{(memory - empty) / 1e6:.0f} MB"))
        list_anew(peer)
        memory, private = watch.memory_info().rss, watch.memory_full_info().uss
        rows.append(("memory, later", f"{memory / 1e6:.0f} MB, of which its own {private / 1e6:.0f} MB"))
        print(f"{FIELDS} fields, {LIMITED} with limits; load {os.getloadavg()[0]:.1f}\n")
        print("| what | measured |\n|---|---|")
        for row in rows:
            print(f"| {' | '.join(row)} |")
        peer.close()
    finally:
        stack.stop()
        reactor.stop()


if __name__ == "__main__":
    sisock.run(lambda _config: Many(), sisock.NodeConfig)
