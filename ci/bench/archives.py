"""Five years of radiometer and APEX files: cold and warm queries, spikes, memory.

Both archives are written by the services' own seeded generators, one sample a minute or 60.48 s, with
one spike a year of a single sample planted. The servers answer through the router, as for anybody.
"""

import datetime as dt
import statistics
import sys
import tempfile
import time
from pathlib import Path

import psutil
from sisock.testing import Stack
from sisock.testing.stack import Peer, Reactor
from sisock_apex_weather import synthetic as apex
from sisock_radiometer import synthetic as radiometer

FIRST = dt.date(2017, 1, 1)
YEARS = 5
DAYS = 5 * 365 + 1
START = dt.datetime.combine(FIRST, dt.time(), dt.UTC).timestamp()
END = START + DAYS * 86400
SPIKES = {100: 900.0, 500: 901.0, 900: -902.0, 1300: -901.0, 1700: 905.0}
"""Day and value of each planted sample; the least and the greatest are the archive's extremes."""


def plant(files: list[Path], line: int) -> None:
    """Put each spike into the file of its day."""
    for day, value in SPIKES.items():
        lines = files[day].read_text().splitlines(keepends=True)
        columns = lines[line].split()
        lines[line] = " ".join([columns[0], str(value), *columns[2:]]) + "\n"
        files[day].write_text("".join(lines))


def measure(stack: Stack, peer: Peer, module: str, node: str, field: str, directory: Path) -> None:
    """Print one row a query."""
    process = stack.start_module(module, DATA_DIRECTORY=str(directory), MAX_POINTS="1000")
    peer.wait_for_node(node)
    day = START + 1000 * 86400

    def timed(start: float, end: float) -> tuple[float, int, float, float]:
        begun = time.perf_counter()
        series, problems = peer.get_data(node, [field], start, end)
        took = (time.perf_counter() - begun) * 1e3
        if problems:
            raise RuntimeError(problems)
        values = series[field].values
        return took, len(values), values.min(), values.max()

    def row(what: str, took: float, points: int, spikes: str = "") -> None:
        rss = psutil.Process(process.pid).memory_info().rss / 2**20
        print(f"| {node} | {what} | {took:.0f} ms | {points} | {spikes} | {rss:.0f} MiB |", flush=True)

    took, points, *_ = timed(day, day + 86400)
    row("one day, the first query after the start", took, points)
    warm = [timed(day, day + 86400) for _ in range(50)]
    row("one day, warm (median of 50)", statistics.median(w[0] for w in warm), warm[0][1])
    for what in ("five years, cold", "five years, again"):
        took, points, low, high = timed(START, END)
        kept = (low, high) == (min(SPIKES.values()), max(SPIKES.values()))
        row(what, took, points, "kept" if kept else "LOST")
    process.stop()


def main() -> None:
    root = Path(tempfile.mkdtemp(prefix="sisock-bench-"))
    sys.stderr.write("writing five years of files\n")
    radiometer.write(root / "radiometer", FIRST, DAYS)
    apex.write(root / "apex", START, DAYS, names=("windspeed",))
    days = [FIRST + dt.timedelta(days=i) for i in range(DAYS)]
    plant([root / "radiometer" / "PWV" / radiometer.file_name(day) for day in days], 700)
    plant(sorted((root / "apex" / "targets").glob("*_windspeed_*")), 700)
    stack = Stack(root)
    reactor = Reactor()
    try:
        stack.start_hub()
        peer = Peer(reactor, stack.config(WAMP_USER="simonsobs"))
        print("| node | query | time | points | both extremes | RSS |")
        print("|---|---|---|---|---|---|")
        measure(stack, peer, "sisock_radiometer", "ucsc_radiometer", "pwv", root / "radiometer")
        measure(stack, peer, "sisock_apex_weather", "apex_weather", "windspeed", root / "apex")
        peer.close()
    finally:
        stack.stop()
        reactor.stop()


if __name__ == "__main__":
    main()
