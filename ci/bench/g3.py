"""The archive of .g3 files: indexing, one field over a day, ten years at 1000 points, and memory.

Files are written with so3g's own writer from a fixed seed; so3g's own scanner and archive are measured
beside ours in the same run. Ten years would not fit as files: their last day is real, of the rest the
index and the summaries are filled with what the samples of those days (drawn here) would have given.
"""

import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import structlog
from sisock import Limits, wire
from sisock.config import load
from sisock_g3 import summary
from sisock_g3.config import SqlConfig
from sisock_g3.database import Database
from sisock_g3.file_content import RECORD, FieldContent, FileContent, ProviderContent
from sisock_g3.index.files import ReadFile, Seen
from sisock_g3.index.writing import Index
from sisock_g3.tables import prepare
from sisock_g3.testing import MariaDb, Writer
from sisock_g3_file_scanner import jobs
from sisock_g3_file_scanner.scan import Scanner
from sisock_g3_reader.config import Config
from sisock_g3_reader.node import G3Reader
from sisock_testing import Peer, Stack
from sisock_testing.stack import Reactor
from so3g import hk
from so3g.spt3g import core

T0 = 1_600_041_600  # a midnight
DAY = 86_400
PROVIDERS, FIELDS = 8, 8
FIELD = "observatory.agent3.feeds.temps.ch2"


def write_day(top: Path, first: int, frame_s: int = 60, hours: int = 24) -> None:
    """One day of 8 providers with 8 fields of 1 Hz, a file an hour."""
    rng = np.random.default_rng(first)
    for hour in range(hours):
        writer = Writer(top / str(first)[:5] / f"{first + hour * 3600}.g3")
        feeds = [writer.feed(f"observatory.agent{p}.feeds.temps") for p in range(PROVIDERS)]
        for begin in range(first + hour * 3600, first + (hour + 1) * 3600, frame_s):
            for p, feed in enumerate(feeds):
                t = begin + np.arange(frame_s) + 0.01 * p
                writer.data(feed, t, temps={f"ch{i}": rng.normal(size=frame_s) for i in range(FIELDS)})
        writer.close()


def timed(work: Callable[[], Any], times: int = 5) -> float:
    """Median seconds."""
    taken = []
    for _ in range(times):
        begin = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken)


def drop_from_page_cache(top: Path) -> None:
    os.sync()
    for path in top.rglob("*.g3"):
        descriptor = os.open(path, os.O_RDONLY)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


def so3g_scan(top: Path) -> Any:
    core.set_log_level(core.G3LogLevel.LOG_ERROR)
    scanner = hk.HKArchiveScanner()
    for path in sorted(top.rglob("*.g3")):
        scanner.process_file(str(path))
    return scanner


def our_scan(environ: dict[str, str], top: Path, **options: Any) -> None:
    database = Database(load(SqlConfig, environ))
    prepare(database)
    Scanner(database, top, structlog.get_logger(), **options).scan()
    database.close()


def fresh_files(directory: Path) -> Iterator[dict[str, str]]:
    number = 0
    while True:
        number += 1
        yield {"SQL_FILE": str(directory / f"index-{number}.sqlite")}


def indexing(directory: Path, top: Path, mariadb: MariaDb) -> None:
    files = fresh_files(directory)
    reference = timed(lambda: so3g_scan(top), 3)
    print(
        f"\nIndexing a day (8 providers x 8 fields x 1 Hz, frames of 60 s): so3g {reference * 1e3:.0f} ms\n"
    )
    print("| index | summaries | median | x so3g |")
    print("|---|---|---|---|")
    for name, make in (("SQLite", lambda: next(files)), ("MariaDB", lambda: dict(mariadb.fresh()))):
        for summaries in (False, True):
            taken = []
            for _ in range(5):
                database = Database(load(SqlConfig, make()))
                prepare(database)
                scanner = Scanner(database, top, structlog.get_logger(), summaries=summaries)
                taken.append(timed(scanner.scan, 1))
                database.close()
            median = statistics.median(taken)
            which = "yes" if summaries else "no"
            print(f"| {name} | {which} | {median * 1e3:.0f} ms | {reference / median:.1f} |", flush=True)


def two_processes(directory: Path) -> None:
    top = directory / "ten-days"
    for day in range(10):
        write_day(top, T0 + day * DAY)
    files = fresh_files(directory)
    jobs.WORTH_PROCESSES_BYTES = 0
    taken = {n: timed(lambda n=n: our_scan(next(files), top, processes=n), 3) for n in (1, 2)}
    size = sum(path.stat().st_size for path in top.rglob("*.g3")) / 1e6
    halves = [directory / half for half in ("first-half", "second-half")]
    for half in halves:
        half.mkdir()
    for i, path in enumerate(sorted(top.rglob("*.g3"))):
        (halves[i % 2] / path.name).symlink_to(path)
    best = timed(lambda: in_two([(next(files), half) for half in halves]), 3)
    print(
        f"\nTen such days ({size:.0f} MB) with summaries: {taken[1]:.2f} s in one process, "
        f"{taken[2]:.2f} s in two ({taken[1] / taken[2]:.2f} times as fast, their start included). Two "
        f"scanners that share nothing, of half each: {best:.2f} s ({taken[1] / best:.2f} times)."
    )


def in_two(scans: list[tuple[dict[str, str], Path]]) -> None:
    """Scan each in a process of its own: the most that the machine gives."""
    processes = [multiprocessing.get_context("fork").Process(target=our_scan, args=scan) for scan in scans]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0


def one_field(directory: Path, top: Path) -> None:
    environ = {"SQL_FILE": str(directory / "day.sqlite")}
    our_scan(environ, top)
    archive = so3g_scan(top).finalize()
    stack, reactor = Stack(directory), Reactor()
    stack.start_hub()
    stack.start_module("sisock_g3_reader", **environ)
    peer = Peer(reactor, stack.config(WAMP_USER="simonsobs"))
    peer.wait_for_node("g3_reader")

    def ours_wamp() -> None:
        series, _ = peer.get_data("g3_reader", [FIELD], T0, T0 + DAY)
        assert len(series[FIELD].t) == DAY

    def ours_node(node: G3Reader) -> None:
        [found] = node.read([FIELD], T0, T0 + DAY, Limits())
        assert len(found.t) == DAY

    def cold(work: Callable[[], Any]) -> float:
        taken = []
        for _ in range(5):
            drop_from_page_cache(top)
            taken.append(timed(work, 1))
        return statistics.median(taken)

    def fresh_node() -> None:
        node = G3Reader(load(Config, environ), structlog.get_logger())
        ours_node(node)
        node.close()

    warm_node = G3Reader(load(Config, environ), structlog.get_logger())
    ours_wamp()
    ours_node(warm_node)
    reference = timed(lambda: archive.get_data([FIELD], T0, T0 + DAY))
    reference_cold = cold(lambda: archive.get_data([FIELD], T0, T0 + DAY))
    print("\nOne field over that day, 86,400 samples:\n")
    print("| | ours | so3g, scanned | ratio |")
    print("|---|---|---|---|")
    for name, mine, theirs in (
        ("get_data over the router, columns kept", timed(ours_wamp), reference),
        ("`read`, columns kept", timed(lambda: ours_node(warm_node)), reference),
        ("`read`, nothing kept, files in the page cache", timed(fresh_node), reference),
        ("`read`, nothing kept, files dropped from the page cache", cold(fresh_node), reference_cold),
    ):
        print(f"| {name} | {mine * 1e3:.1f} ms | {theirs * 1e3:.0f} ms | {theirs / mine:.1f} |")
    peer.close()
    stack.stop()
    reactor.stop()


def ten_years(directory: Path, environ: dict[str, str], label: str) -> None:
    """Ranges that end with a real day; what lies before is simulated, a file each four hours."""
    top = directory / f"last-{label}"
    write_day(top, T0)
    database = Database(load(SqlConfig, environ))
    prepare(database)
    years = 10 * 365
    planted = simulate(database, years)
    Scanner(database, top, structlog.get_logger()).look_again(
        [
            Seen(str(p.parent), p.name, p.stat().st_size, p.stat().st_mtime_ns)
            for p in sorted(top.rglob("*.g3"))
        ]
    )
    database.close()
    print(f"\nOne field at 1000 points ({label}), the range ending with the last day:\n")
    print("| range | warm | cold | points | planted spikes in the reply |")
    print("|---|---|---|---|---|")
    end = T0 + DAY
    for name, days in (("1 day", 1), ("30 days", 30), ("1 year", 365), ("10 years", years)):
        begin = end - days * DAY
        limits = Limits(max_points=1000)

        def ask(node: G3Reader, begin: int = begin, limits: Limits = limits) -> Any:
            [table] = wire.tabulate(
                node.read([FIELD], begin, end, limits), [FIELD], begin, end, limits, own_times=True
            )
            return table

        node = G3Reader(load(Config, environ), structlog.get_logger())
        found = ask(node)
        warm = timed(lambda ask=ask, node=node: ask(node), 15)
        cold = []
        for _ in range(5):
            drop_from_page_cache(top)
            fresh = G3Reader(load(Config, environ), structlog.get_logger())
            cold.append(timed(lambda ask=ask, fresh=fresh: ask(fresh), 1))
            fresh.close()
        wanted = [t for t in planted if begin <= t < end]
        kept = sum(t in set(found.t[found.columns[FIELD] == 1e3].tolist()) for t in wanted)
        print(
            f"| {name} | {warm * 1e3:.1f} ms | {statistics.median(cold) * 1e3:.1f} ms "
            f"| {len(found.t)} | {kept} of {len(wanted)} |",
            flush=True,
        )
        node.close()


def simulate(database: Database, days: int) -> list[float]:
    """Fill the index with all days but the last; gives the times of one-sample spikes."""
    index = Index(database)
    rng = np.random.default_rng(7)
    description, field = FIELD.rsplit(".", 1)
    hours = 4
    n = hours * 3600
    spikes = set(range(30, days - 1, 60))  # never two in one drawn bin
    planted = []
    batch = []
    for day in range(days - 1):
        first = T0 - (days - 1 - day) * DAY
        for part in range(24 // hours):
            begin = first + part * n
            values = rng.normal(size=n)
            if day in spikes and part == 2:
                at = int(rng.integers(n))
                values[at] = 1e3
                planted.append(float(begin + at))
            ticks = (begin + np.arange(n)) * summary.SECOND
            bins = summary.summarize(ticks, values[None, :], summary.FINEST_WIDTH)[0]
            records = np.zeros(n // 300, dtype=RECORD)
            records["n"], records["t0"], records["t1"] = 300, ticks[::300], ticks[299::300]
            fields = {field: FieldContent("number", int(ticks[0]), int(ticks[-1]), n, bins)}
            providers = {description: ProviderContent([3], records, fields)}
            seen = Seen(f"/simulated/{first}", f"{begin}.g3", 1, 1)
            batch.append(
                ReadFile(seen, FileContent(0, 1, 1, 1, {}, providers), 0, None, None, reported=False)
            )
        if len(batch) >= 600:
            index.write(batch)
            batch = []
    index.write(batch)
    return planted


MEMORY = """
import os, sys, numpy as np, structlog
from sisock import Limits, wire
from sisock.config import load
from sisock_g3_reader.config import Config
from sisock_g3_reader.node import G3Reader
first, days = int(sys.argv[1]), int(sys.argv[2])
config = load(Config, os.environ)
node = G3Reader(config, structlog.get_logger())
rng = np.random.default_rng(1)
names = [field.name for field in node.fields(first, first + days * 86400)]
for _ in range(1000):
    begin = first + rng.uniform(0, days * 86400)
    length = float(np.exp(rng.uniform(np.log(600), np.log(3 * 86400))))
    limits = Limits(max_points=1000) if rng.random() < 0.5 else Limits()
    list(node.read([str(rng.choice(names))], begin, begin + length, limits))
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(int(status["VmRSS"].split()[0]) / 1024, int(status["VmHWM"].split()[0]) / 1024)
"""


def memory(directory: Path) -> None:
    top, days, cache_mb = directory / "large", 57, 128
    for day in range(days):
        write_day(top, T0 + day * DAY, frame_s=300)
    environ = {"SQL_FILE": str(directory / "large.sqlite")}
    our_scan(environ, top)
    decoded = days * DAY * PROVIDERS * FIELDS * 16 / 1e9
    told = subprocess.run(
        [sys.executable, "-c", MEMORY, str(T0), str(days)],
        env={**os.environ, **environ, "CACHE_MB": str(cache_mb)},
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    print(
        f"\nThe reader after 1,000 random queries over an archive that decodes to {decoded:.1f} GB, with "
        f"CACHE_MB={cache_mb}: RSS {float(told[0]):.0f} MiB (most ever {float(told[1]):.0f} MiB)."
    )


def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    with tempfile.TemporaryDirectory(prefix="sisock-bench-") as name:
        directory = Path(name)
        mariadb = MariaDb(directory / "mariadb")
        mariadb.start()
        try:
            top = directory / "day"
            write_day(top, T0)
            indexing(directory, top, mariadb)
            one_field(directory, top)
            ten_years(directory, {"SQL_FILE": str(directory / "years.sqlite")}, "SQLite")
            ten_years(directory, dict(mariadb.fresh("years")), "MariaDB")
            two_processes(directory)
            memory(directory)
        finally:
            mariadb.stop()


if __name__ == "__main__":
    main()
