"""Five years of radiometer and APEX files: cold and warm queries, spikes, memory.

Both archives are written by the services' own seeded generators, a file a day, one sample a minute or
each 60.48 s, with a spike of a single sample planted every 30 days. The servers answer through the
router, as for anybody. All quantities of APEX have the same samples: their files are links to one.
"""

import argparse
import datetime as dt
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psutil
from sisock_apex_weather import synthetic as apex
from sisock_apex_weather.archive import UNITS
from sisock_radiometer import synthetic as radiometer
from sisock_testing import Stack
from sisock_testing.stack import Peer, Reactor

FIRST = dt.date(2017, 1, 1)
START = dt.datetime.combine(FIRST, dt.time(), dt.UTC).timestamp()
DAYS = 5 * 365 + 1
DAY_S = 86400
EVERY_DAYS = 30
WARM = 50


def spikes_of(days: int) -> dict[int, float]:
    """A spike every 30 days, up and down in turn, each further out than the one before."""
    return {day: (-1.0) ** i * (900.0 + i) for i, day in enumerate(range(7, days, EVERY_DAYS))}


class Measured:
    """One server on the router, and what it answers."""

    def __init__(
        self, stack: Stack, peer: Peer, module: str, node: str, directory: Path, max_points: int
    ) -> None:
        self.peer, self.node = peer, node
        self.files = sum(1 for path in directory.rglob("*") if path.is_file())
        self.process = stack.start_module(module, DATA_DIRECTORY=str(directory), MAX_POINTS=str(max_points))
        peer.wait_for_node(node)

    def ask(self, fields: Sequence[str], start: float, end: float, **limits: float) -> tuple[float, dict]:
        """Milliseconds, and the series."""
        begun = time.perf_counter()
        series, problems = self.peer.get_data(self.node, list(fields), start, end, **limits)
        took_ms = (time.perf_counter() - begun) * 1e3
        if problems:
            raise RuntimeError(problems)
        return took_ms, series

    def row(self, what: str, took_ms: float, series: dict, spikes: dict[int, float]) -> None:
        """Print what a query took and gave, and the server's memory after it."""
        lengths = [len(s.values) for s in series.values()]
        kept = [sum(spike in set(s.values.tolist()) for spike in spikes.values()) for s in series.values()]
        found = f"{min(kept)} of {len(spikes)}" if spikes else ""
        rss = psutil.Process(self.process.pid).memory_info().rss / 2**20
        status = Path(f"/proc/{self.process.pid}/status").read_text().split()
        most = int(status[status.index("VmHWM:") + 1]) / 2**10
        print(
            f"| {self.node} | {self.files} | {what} | {took_ms:.0f} ms | {max(lengths)} | {found} "
            f"| {rss:.0f} | {most:.0f} |",
            flush=True,
        )


def measure(server: Measured, fields: Sequence[str], spikes: dict[int, float], days: int) -> None:
    """Print one row a query."""
    one = fields[:1]
    middle = START + days // 2 * DAY_S
    end = START + days * DAY_S
    server.row("one day, first query after the start", *server.ask(one, middle, middle + DAY_S), {})
    warm = [server.ask(one, middle, middle + DAY_S) for _ in range(WARM)]
    median = statistics.median(took_ms for took_ms, _ in warm)
    server.row(f"one day, warm, median of {WARM}", median, warm[0][1], {})
    server.row(f"one day, warm, slowest of {WARM}", max(took_ms for took_ms, _ in warm), warm[0][1], {})
    server.row("all, cold", *server.ask(one, START, end), spikes)
    server.row("all, again", *server.ask(one, START, end), spikes)
    server.row("all, `min_stride` one day", *server.ask(one, START, end, min_stride=DAY_S), spikes)
    if len(fields) > 1:
        server.row(f"all, {len(fields)} fields at once", *server.ask(fields, START, end), spikes)
    code = server.process.stop()
    if code:
        raise RuntimeError(f"{server.node} ended with {code}")


def write(root: Path, days: int) -> None:
    """Both archives; the APEX quantities share their files' content."""
    sys.stderr.write(f"writing {days} days of files to {root}\n")
    radiometer.write(root / "radiometer", FIRST, days, spikes_of(days))
    apex.write(root / "apex", START, days, names=("windspeed",), spikes=spikes_of(days))
    for path in list((root / "apex").rglob("*_windspeed_*")):
        for name in UNITS.keys() - {"windspeed"}:
            os.link(path, path.with_name(path.name.replace("windspeed", name)))


def main(arguments: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=DAYS)
    parser.add_argument("--max-points", type=int, default=1000)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="sisock-bench-") as directory:
        root = Path(directory)
        write(root, options.days)
        spikes = spikes_of(options.days)
        stack = Stack(root)
        reactor = Reactor()
        try:
            stack.start_hub()
            peer = Peer(reactor, stack.config(WAMP_USER="simonsobs"))
            print("| node | files | query | time | points | spikes kept | RSS MiB | most MiB |")
            print("|---|---|---|---|---|---|---|---|")
            for module, node, folder, fields in (
                ("sisock_radiometer", "ucsc_radiometer", "radiometer", ["pwv"]),
                ("sisock_apex_weather", "apex_weather", "apex", sorted(UNITS)),
            ):
                server = Measured(stack, peer, module, node, root / folder, options.max_points)
                measure(server, fields, spikes, options.days)
            peer.close()
        finally:
            stack.stop()
            reactor.stop()


if __name__ == "__main__":
    main(sys.argv[1:])
