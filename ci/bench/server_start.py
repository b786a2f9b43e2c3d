"""What a data server costs until it is listed: CPU, seconds, and the memory that it then has (PSS).

The weather server, in an environment of its own dependencies alone, as its image has them, or by turns in
those of ``SISOCK_BENCH_PYTHON``: interpreters with colons between.
"""

import os
import statistics
import tempfile
import time
from pathlib import Path

import psutil
from sisock_testing.stack import Stack, wait_until

from bench.watching import as_deployed

RUNS = 5


def one_start(stack: Stack, python: str) -> tuple[float, float, float]:
    """Start a server and stop it: its CPU and the seconds until it was listed, its PSS in MB."""
    healthy = stack.directory / "healthy"
    environ = {"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1", "HEALTH_FILE": str(healthy)}
    began = time.monotonic()
    server = stack.start("weather", [python, "-m", "sisock_weather"], **environ)
    wait_until(healthy.exists, what="it is listed", step_s=0.002)
    took = time.monotonic() - began
    process = psutil.Process(server.pid)
    times, memory = process.cpu_times(), process.memory_full_info()
    server.stop()
    return times.user + times.system, took, memory.pss / 1e6


def main() -> None:
    top = Path(tempfile.mkdtemp(prefix="sisock-bench-"))
    given = os.environ.get("SISOCK_BENCH_PYTHON", "")
    pythons = given.split(":") if given else [as_deployed(top / "venv", "sisock-weather")]
    stack = Stack(top)
    try:
        stack.start_hub()
        found: dict[str, list[tuple[float, float, float]]] = {python: [] for python in pythons}
        for _ in range(RUNS):
            for python in pythons:
                found[python].append(one_start(stack, python))
        print(f"medians of {RUNS} starts each; load {os.getloadavg()[0]:.1f}\n")
        print("| environment | CPU | until listed | PSS |\n|---|---|---|---|")
        for python, runs in found.items():
            cpu, took, pss = (statistics.median(column) for column in zip(*runs, strict=True))
            print(f"| {python} | {cpu:.2f} s | {took:.2f} s | {pss:.1f} MB |")
    finally:
        stack.stop()


if __name__ == "__main__":
    main()
