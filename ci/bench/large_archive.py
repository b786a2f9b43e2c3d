"""A larger archive of real files: 7 days of 500 fields at 1 Hz, some 3 GB, made here and removed again.

Indexing on SQLite and MariaDB and with two processes, first and repeated answers of a field over an hour, a
day and all of it, eight clients, and the memory of a reader in a process of its own. ``SISOCK_BENCH_DAYS``
and ``SISOCK_BENCH_PROVIDERS`` (each of ten fields) make it smaller.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import structlog
from sisock_g3.testing import MariaDb, Writer
from sisock_g3_file_scanner import jobs

from bench.g3 import DAY, T0, drop_from_page_cache, our_scan

FIELDS = 10
FRAME_S = 300
FILE_S = 3600

READER = """
import resource, statistics, sys, threading, time
import structlog
from sisock import Limits
from sisock.config import load
from sisock_g3_reader.config import Config
from sisock_g3_reader.node import G3Reader
import os

t0, days, providers = float(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
node = G3Reader(load(Config, os.environ), structlog.get_logger())
end = t0 + days * 86400

def name(k):
    return f"observatory.agent{k % providers}.feeds.temps.ch{k // providers % 10}"

def ask(k, start, limits):
    begun = time.perf_counter()
    [found] = node.read([name(k)], start, end, limits)
    return (time.perf_counter() - begun) * 1e3, len(found.t)

for label, span, limits in (
    ("an hour, all samples", 3600, Limits()),
    ("a day, all samples", 86400, Limits()),
    ("all of it, 1000 points", days * 86400, Limits(1000)),
):
    first = [ask(k, end - span, limits) for k in range(7)]
    again = [ask(k, end - span, limits) for k in range(7)]
    print(f"| {label} | {statistics.median(t for t, _ in first):.1f} ms | "
          f"{statistics.median(t for t, _ in again):.1f} ms | {first[0][1]} |", flush=True)

count, stop = [0] * 8, time.monotonic() + 5.0

def client(number):
    k = number
    while time.monotonic() < stop:
        ask(k, end - 86400, Limits(1000))
        count[number] += 1
        k += 8

threads = [threading.Thread(target=client, args=(n,)) for n in range(8)]
[t.start() for t in threads]
[t.join() for t in threads]
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(f"| 8 clients, a day at 1000 points, by turns all fields | {sum(count) / 5:.0f}/s | | |")
print(f"| most memory | {peak:.0f} MiB | | |")
"""


def write(top: Path, days: int, providers: int) -> None:
    """Files of an hour, each with all providers."""
    rng = np.random.default_rng(1)
    steps = np.arange(FRAME_S)
    for first in range(T0, T0 + days * DAY, FILE_S):
        writer = Writer(top / str(first)[:5] / f"{first}.g3")
        feeds = [writer.feed(f"observatory.agent{p}.feeds.temps") for p in range(providers)]
        for begin in range(first, first + FILE_S, FRAME_S):
            noise = rng.normal(size=(FIELDS, FRAME_S))
            for p, feed in enumerate(feeds):
                writer.data(
                    feed, begin + steps + 0.001 * p, temps={f"ch{i}": noise[i] + p for i in range(FIELDS)}
                )
        writer.close()


def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    days = int(os.environ.get("SISOCK_BENCH_DAYS", "7"))
    providers = int(os.environ.get("SISOCK_BENCH_PROVIDERS", "50"))
    with tempfile.TemporaryDirectory(prefix="sisock-bench-") as name:
        directory = Path(name)
        if shutil.disk_usage(directory).free < days * providers * 16e6:
            sys.exit("not enough room for the archive")
        mariadb = MariaDb(directory / "mariadb")
        mariadb.start()
        try:
            top = directory / "archive"
            begun = time.monotonic()
            write(top, days, providers)
            size = sum(path.stat().st_size for path in top.rglob("*.g3"))
            samples = days * DAY * providers * FIELDS
            print(
                f"{days} days x {providers * FIELDS} fields x 1 Hz: {size / 1e9:.2f} GB, "
                f"{samples / 1e6:.0f} million samples, written in {time.monotonic() - begun:.0f} s"
            )
            jobs.WORTH_PROCESSES_BYTES = 0
            print("\n| index | processes | s | MB/s | million samples/s | load |")
            print("|---|---|---|---|---|---|", flush=True)
            indexes = {
                "SQLite": {"SQL_FILE": str(directory / "one.sqlite")},
                "SQLite, two": {"SQL_FILE": str(directory / "two.sqlite")},
                "MariaDB": dict(mariadb.fresh("large")),
            }
            for label, environ in indexes.items():
                processes = 2 if "two" in label else 1
                begun = time.monotonic()
                our_scan(environ, top, processes=processes)
                took = time.monotonic() - begun
                print(
                    f"| {label.partition(',')[0]} | {processes} | {took:.1f} | {size / took / 1e6:.0f} "
                    f"| {samples / took / 1e6:.1f} | {os.getloadavg()[0]:.1f} |",
                    flush=True,
                )
            for label in ("SQLite", "MariaDB"):
                drop_from_page_cache(top)
                print(f"\n| {label} | first | again | samples |\n|---|---|---|---|", flush=True)
                told = subprocess.run(
                    [sys.executable, "-c", READER, str(T0), str(days), str(providers)],
                    env={**os.environ, **indexes[label], "DATA_DIRECTORY": str(top)},
                    check=True, capture_output=True, text=True,
                )  # fmt: skip
                print(told.stdout, flush=True)
        finally:
            mariadb.stop()


if __name__ == "__main__":
    main()
