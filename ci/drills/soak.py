"""Soak: ``python -m drills.soak [--minutes M]``, from ``ci/``: ten times the usual load, with joins and leaves.

Every ten seconds it notes of each process its memory, descriptors and threads, and of queries how long they took.
The figures go to ``build/soak.csv`` and, drawn, to ``build/soak.png``; what grows from the second quarter to the
last is told.
"""

import argparse
import contextlib
import csv
import json
import random
import statistics
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import psutil
import requests
from sisock_testing import SERVERS

from drills.site import DAY, Site, lasting, reactor, running

BUILD = Path(__file__).parents[2] / "build"
USUAL_HZ = 5.0
"""Queries a second of a site with a few people looking."""

TIMES = 10
LOOKERS = 5
LOOK_S = 10.0
PARTS = {
    "router": "RouterController",
    "hub": "sisock-hub [hub]",
    "http": "http",
    "weather": "weather",
    "feed": "feed",
    "watch": "watch",
}
GROWTH = 1.15


class Lookers:
    """People with panels: so many queries a second in all, as far as the machine can."""

    def __init__(self, site: Site) -> None:
        self.took: list[float] = []
        self.failed = self.asked = 0
        self._site = site
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(LOOKERS)]
        for thread in self._threads:
            thread.start()

    def _run(self) -> None:
        session = requests.Session()
        pause_s = LOOKERS / (USUAL_HZ * TIMES)
        chance = random.Random(threading.get_ident())
        while not self._stop.is_set():
            began = time.monotonic()
            query = DAY
            if chance.random() < 0.5:
                start = 1499990400 + chance.randrange(86400)
                query = (
                    f"field=apex_archive::apex_radiometer&start={start}&end={start + 86400}&max_points=500"
                )
            elif chance.random() < 0.5:
                query = f"field=drill::count&start={time.time() - 60:.0f}&end={time.time():.0f}"
            try:
                ok = session.get(f"{self._site.url}/api/v1/data?{query}", timeout=15).ok
            except requests.RequestException:
                ok = False
            took = time.monotonic() - began
            self.asked += 1
            self.failed += not ok
            self.took.append(took)
            self._stop.wait(max(0.0, pause_s - took))

    def close(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(20)


def look(site: Site, lookers: Lookers, began: float) -> dict[str, float]:
    """One row of figures."""
    row: dict[str, float] = {"minute": (time.monotonic() - began) / 60}
    for name, kind in PARTS.items():
        with contextlib.suppress(psutil.Error, StopIteration):
            process = site.process(kind)
            row[f"{name}_mb"] = process.memory_info().rss / 1e6
            row[f"{name}_fds"] = process.num_fds()
            row[f"{name}_threads"] = process.num_threads()
    took, lookers.took = lookers.took, []
    if len(took) > 1:
        row["median_ms"] = statistics.median(took) * 1e3
        row["p99_ms"] = statistics.quantiles(took, n=100)[98] * 1e3
        row["queries"] = len(took)
    return row


def grown(rows: list[dict[str, float]]) -> list[str]:
    """What was more in the last quarter than in the second one."""
    second, last = rows[len(rows) // 4 : len(rows) // 2], rows[-max(1, len(rows) // 4) :]
    found = []
    for key in rows[0]:
        if key.endswith(("_mb", "_fds", "_threads")):
            before, after = (
                statistics.median(row[key] for row in part if key in row) for part in (second, last)
            )
            if after > before * GROWTH and after - before > 3:
                found.append(f"{key}: {before:.0f} -> {after:.0f}")
    return found


def said(site: Site) -> list[str]:
    """What processes warned of, and how often."""
    lines = (
        (name, json.loads(line))
        for name, process in site.stack.processes.items()
        if name != "guest"
        for line in process.text().splitlines()
        if line.startswith("{")
    )
    counts = Counter(
        f"{name} {line['event']}" for name, line in lines if line["level"] in ("warning", "error")
    )
    return [f"{what} {count} times" for what, count in sorted(counts.items())]


def draw(rows: list[dict[str, float]], file: Path) -> None:
    """A plot for each kind of figure."""
    import matplotlib as mpl  # noqa: PLC0415

    mpl.use("agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    kinds = {"memory, MB": "_mb", "descriptors": "_fds", "threads": "_threads", "queries, ms": "_ms"}
    figure, axes = plt.subplots(len(kinds), 1, figsize=(9, 9), sharex=True, layout="constrained")
    for axis, (title, ending) in zip(axes, kinds.items(), strict=True):
        for key in [key for key in rows[-1] if key.endswith(ending)]:
            axis.plot(
                [row["minute"] for row in rows],
                [row.get(key) for row in rows],
                label=key.removesuffix(ending),
            )
        axis.set_ylabel(title)
        axis.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    axes[-1].set_xlabel("minutes")
    figure.savefig(file)


def main() -> None:
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    minutes = parser.parse_args().minutes
    BUILD.mkdir(exist_ok=True)
    rows: list[dict[str, Any]] = []
    with reactor() as one, running(one, full=False, disk_mb=512) as site:
        lookers, began = Lookers(site), time.monotonic()
        joins = 0
        while time.monotonic() - began < minutes * 60:
            # A node joins, is listed, and leaves.
            guest = site.stack.start("guest", [sys.executable, str(SERVERS / "clockwork.py")])
            joins += 1
            lasting(LOOK_S)
            guest.kill() if joins % 2 else guest.stop()
            rows.append(look(site, lookers, began))
        lookers.close()
        told = said(site)
    with (BUILD / "soak.csv").open("w", newline="") as out:
        writer = csv.DictWriter(out, sorted({key for row in rows for key in row}))
        writer.writeheader()
        writer.writerows(rows)
    draw(rows, BUILD / "soak.png")
    first, last = rows[len(rows) // 4], rows[-1]
    print(
        f"{minutes:g} min, {lookers.asked} queries ({lookers.asked / minutes / 60:.0f}/s), {lookers.failed} failed, {joins} joins and leaves"
    )
    print("| | after a quarter | at the end |\n|---|---|---|")
    for key in sorted(last):
        if key in first and key != "minute":
            print(f"| {key} | {first[key]:.0f} | {last[key]:.0f} |")
    print("said, beside what is usual: " + ("; ".join(told) or "nothing"))
    found = grown(rows)
    print("grown: " + ("; ".join(found) or "nothing"))
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
