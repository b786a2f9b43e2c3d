"""Beside InfluxDB 1.x itself: the same samples in both, the same statements asked of both by turns.

Debian's influxd, and our router, scanner, reader, data-feed and bridge, all at once on this machine. An
archive: a feed of 12 fields, a sample a second for three days, and one of 4 fields, a sample in ten seconds
for a year. Live: 12 fields, a sample a second, of which the last fifty minutes are there when it begins.
Whatever is compared is a ratio of this one run: above 1 we are ahead.
"""

import asyncio
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import psutil
from sisock import connection, logs
from sisock_data_feed.synthetic import message, temperatures
from sisock_data_feed.topics import Address
from sisock_g3.testing import Writer
from sisock_testing import Process, Stack, wait_until
from sisock_testing.influx import Influx
from sisock_testing.stack import Reactor, free_port

from bench.beside import Side, by_turns, per_second, until_answered

DAY_S = 86_400
FIELDS = 12
ARCHIVE, LIVE = "observatory.archive", "observatory.live"
HISTORY_S = 3000
ROUNDS = 25
FRAMES_AT_ONCE = 20
SETTLED_S = 20.0


@dataclass(frozen=True)
class Feed:
    """Columns of a feed of the archive."""

    name: str
    step_s: int
    seconds: int
    fields: int
    frame_s: int
    file_s: int

    def frames(self, end: int) -> Iterator[tuple[npt.NDArray[np.float64], dict[str, Any]]]:
        """Times and columns of each frame."""
        rng = np.random.default_rng(self.fields)
        for begin in range(end - self.seconds, end, self.frame_s):
            t = np.arange(begin, begin + self.frame_s, self.step_s, dtype=np.float64)
            noise = rng.normal(0, 0.01, (self.fields, len(t)))
            columns = {f"ch{n:02d}": 4 + n + np.sin(t / 5000) + noise[n] for n in range(self.fields)}
            yield t, columns


FAST = Feed("fast", 1, 3 * DAY_S, 12, 300, 3600)
SLOW = Feed("slow", 10, 365 * DAY_S, 4, 3000, DAY_S)


class LiveFeed:
    """Publishes as an OCS agent does, and writes the same to InfluxDB: first what was, then each second."""

    def __init__(self, reactor: Reactor, stack: Stack, influx: Influx) -> None:
        self._reactor, self._influx = reactor, influx
        self._address = Address("live", "temperatures")
        self._session: Any = None
        self._done = 0.0
        self._over = threading.Event()
        self._connection = connection.Connection(
            reactor.reactor, stack.stranger(), self, logs.get("live"), open_port=True
        )
        reactor.reactor.callFromThread(lambda: self._connection.run().addErrback(lambda _: None))
        wait_until(lambda: self._session, what="the open port lets us in")

    async def joined(self, session: Any, _details: Any) -> None:
        """As `sisock.connection.Owner`."""
        self._session = session

    def lost(self) -> None:
        """As `sisock.connection.Owner`."""
        self._session = None

    def begin(self) -> None:
        """Publish what was, and go on."""
        now = float(int(time.time()))
        for begin in np.arange(now - HISTORY_S, now, 60.0):
            self._publish(np.arange(begin, begin + 60.0))
            time.sleep(0.05)
        threading.Thread(target=self._go_on, daemon=True).start()

    def _go_on(self) -> None:
        while not self._over.wait(max(0.0, self._done + 1.0 - time.time())):
            self._publish(np.array([self._done + 1.0]))

    def _publish(self, t: npt.NDArray[np.float64]) -> None:
        told = message(self._address, t, FIELDS, "1")
        self._reactor.reactor.callFromThread(lambda: self._session.publish(str(self._address), told))
        columns = {f"Channel_{n:02d}_T": temperatures(t, n) for n in range(1, FIELDS + 1)}
        self._influx.write(lines(LIVE, "temperatures", t, columns))
        self._done = float(t[-1])

    def stop(self) -> None:
        """End."""
        self._over.set()
        self._reactor.wait(self._connection.stop)


def lines(measurement: str, feed: str, t: npt.NDArray[np.float64], columns: dict[str, Any]) -> bytes:
    """The line protocol, a line for each time."""
    names = list(columns)
    rows = np.column_stack([columns[name] for name in names]).tolist()
    return "\n".join(
        f"{measurement},feed={feed} "
        + ",".join(f"{name}={value!r}" for name, value in zip(names, row, strict=True))
        + f" {round(at)}000000000"
        for at, row in zip(t.tolist(), rows, strict=True)
    ).encode()


def cpu_s(pid: int) -> float:
    """CPU seconds of a process so far."""
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


def size_mb(*directories: Path) -> float:
    """What files take."""
    return sum(p.stat().st_size for top in directories for p in top.rglob("*") if p.is_file()) / 2**20


def fill_archive(top: Path, end: int) -> float:
    """Write what OCS's aggregator would have; millions of values."""
    values = 0
    for feed in (FAST, SLOW):
        writer, begun = None, 0.0
        for t, columns in feed.frames(end):
            if writer is None or t[0] >= begun + feed.file_s:
                if writer is not None:
                    writer.close()
                begun = float(t[0])
                writer = Writer(top / feed.name / f"{int(begun)}.g3")
                provider = writer.feed(f"{ARCHIVE}.feeds.{feed.name}")
            writer.data(provider, t, block=columns)
            values += len(t) * len(columns)
        if writer is not None:
            writer.close()
    return values / 1e6


def fill_influx(influx: Influx, end: int) -> tuple[float, float]:
    """Write the same to InfluxDB; seconds that it took to take it, and its CPU seconds."""
    before, wall = cpu_s(influx.process.pid), 0.0
    for feed in (FAST, SLOW):
        some: list[bytes] = []
        for n, (t, columns) in enumerate(feed.frames(end), 1):
            some.append(lines(ARCHIVE, feed.name, t, columns))
            if n % FRAMES_AT_ONCE == 0 or t[-1] + feed.step_s >= end:
                began = time.perf_counter()
                influx.write(b"\n".join(some))
                wall += time.perf_counter() - began
                some = []
    return wall, cpu_s(influx.process.pid) - before


def fill_index(top: Path, index: dict[str, str], stack: Stack) -> tuple[float, float]:
    """Have the scanner index the files; seconds and CPU seconds."""
    began = time.perf_counter()
    process = psutil.Popen(
        [sys.executable, "-m", "sisock_g3_file_scanner", "--once"],
        env={**stack.environ(), "DATA_DIRECTORY": str(top), **index},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    used = 0.0
    while process.poll() is None:
        try:
            used = cpu_s(process.pid)
        except psutil.Error:
            break
        time.sleep(0.02)
    if process.wait():
        raise RuntimeError("the scanner failed")
    return time.perf_counter() - began, used


def row(what: str, ours: float, theirs: float, *, unit: str, more_is_better: bool = False) -> None:
    """A line of the table."""
    ratio = ours / theirs if more_is_better else theirs / ours
    print(f"| {what} | {ours:.4g} {unit} | {theirs:.4g} {unit} | {ratio:.2f} |", flush=True)


def rounded(t: float) -> int:
    return round(t * 1000)


def panel(measurement: str, feed: str, what: str, start: float, end: float, width: str) -> str:
    """What Grafana sends for a panel."""
    where = f"(\"feed\"::tag = '{feed}') AND time >= {rounded(start)}ms and time <= {rounded(end)}ms"
    return f'SELECT {what} FROM "{measurement}" WHERE {where} GROUP BY time({width}) fill(null)'


def short(n: int) -> str:
    """The last ten minutes of a live field."""
    now, what = time.time(), f'mean("Channel_{n % FIELDS + 1:02d}_T")'
    return panel(LIVE, "temperatures", what, now - 600, now, "1s")


def last(n: int) -> str:
    """The last value of a live field."""
    now = time.time()
    return (
        f'SELECT last("Channel_{n % FIELDS + 1:02d}_T") FROM "{LIVE}" '
        f"WHERE time >= {rounded(now - 3600)}ms and time <= {rounded(now)}ms"
    )


def questions(end: int) -> dict[str, tuple[Callable[[], str], int]]:
    """Statements of the archive, another one each time: by what they are of, and how often to ask."""
    rng = np.random.default_rng(1)

    def shifted(feed: Feed, what: str, span_s: float, width: str) -> Callable[[], str]:
        return lambda: panel(
            ARCHIVE,
            feed.name,
            what,
            end - span_s - (shift := float(rng.uniform(0, 3600))),
            end - shift,
            width,
        )

    twelve = ", ".join(f'mean("ch{n:02d}")' for n in range(FIELDS))
    return {
        "1 field, 1 h, 5 s bins": (shifted(FAST, 'mean("ch00")', 3600, "5s"), ROUNDS),
        "1 field, 3 d, 5 min bins": (shifted(FAST, 'mean("ch00")', 2.9 * DAY_S, "5m"), ROUNDS),
        "1 field, 30 d, 30 min bins": (shifted(SLOW, 'mean("ch00")', 30 * DAY_S, "30m"), ROUNDS),
        "1 field, 1 y, 12 h bins": (shifted(SLOW, 'mean("ch00")', 364 * DAY_S, "12h"), 9),
        "min, mean, max, 3 d, 5 min bins": (
            shifted(FAST, 'min("ch00"), mean("ch00"), max("ch00")', 2.9 * DAY_S, "5m"),
            ROUNDS,
        ),
        "12 fields, 3 d, 5 min bins": (shifted(FAST, twelve, 2.9 * DAY_S, "5m"), 9),
        "12 fields, 1 h, 5 s bins": (shifted(FAST, twelve, 3600, "5s"), ROUNDS),
    }


def started(measure: Callable[[], float]) -> float:
    """Median seconds of three starts."""
    return statistics.median(measure() for _ in range(3))


class Ours:
    """Our processes."""

    def __init__(self, stack: Stack, index: dict[str, str], top: Path) -> None:
        self._stack = stack
        self._settings = {**index, "DATA_DIRECTORY": str(top)}
        self.port = free_port()
        self.reader = stack.start_module("sisock_g3_reader", **self._settings)
        self.feed = stack.start(
            "feed", [sys.executable, "-m", "sisock_data_feed"],
            TARGET="live", FEED="temperatures", NAME="live_feed", DESCRIPTION="bench",
        )  # fmt: skip
        self.bridge = self._start_bridge()

    def _start_bridge(self) -> Process:
        return self._stack.start("http", [sys.executable, "-m", "sisock_http"], PORT=str(self.port))

    def restart(self) -> None:
        """Bridge and reader, anew."""
        self.bridge.stop()
        self.reader.stop()
        self.reader = self._stack.start_module("sisock_g3_reader", **self._settings)
        self.bridge = self._start_bridge()


class Bench:
    """Both sides, filled."""

    def __init__(self) -> None:
        self.top = Path(tempfile.mkdtemp(prefix="sisock-bench-"))
        for name in ("influx", "index"):
            (self.top / name).mkdir()
        self.end = int(time.time()) // 300 * 300 - 300
        self.stack, self.reactor = Stack(self.top), Reactor()
        self.influx = Influx(self.top / "influx")
        self.live: LiveFeed | None = None

    def fill(self) -> None:
        """Write all samples to both, and start everything."""
        self.influx.create()
        self.stack.start_hub()
        index = {"SQL_FILE": str(self.top / "index" / "index.sqlite")}
        values = fill_archive(self.top / "g3", self.end)
        took, used = fill_index(self.top / "g3", index, self.stack)
        their_took, their_used = fill_influx(self.influx, self.end)
        print("| | sisock | InfluxDB 1.6.7 | ratio |\n|---|---|---|---|", flush=True)
        row(f"ingest of {values:.1f} million values: CPU", used, their_used, unit="s")
        row("ingest: time", took, their_took, unit="s")
        self.ours = ours = Ours(self.stack, index, self.top / "g3")
        self.sides = [
            Side(
                "sisock",
                ours.port,
                "/influx/query",
                lambda: [ours.bridge.pid, ours.reader.pid, ours.feed.pid],
            ),
            Side("InfluxDB", self.influx.port, "/query", lambda: [self.influx.process.pid]),
        ]
        self.live = LiveFeed(self.reactor, self.stack, self.influx)
        wait_until(lambda: "feed.subscribed" in ours.feed.text(), 30, "the feed is heard")
        self.live.begin()
        for text in (last(0), *(make() for make, _ in questions(self.end).values())):
            for side in self.sides:
                until_answered(side, text, time.perf_counter())

    def ask(self) -> None:
        """Ask both by turns."""
        for what, (make, rounds) in questions(self.end).items():
            row(what, *asyncio.run(by_turns(self.sides, make, rounds)), unit="ms")
        row("last value", *asyncio.run(by_turns(self.sides, lambda: last(0), 300)), unit="ms")
        row("last 10 minutes", *asyncio.run(by_turns(self.sides, lambda: short(0), 300)), unit="ms")
        make = questions(self.end)["1 field, 3 d, 5 min bins"][0]
        rates: dict[str, Callable[[int], str]] = {
            "8 clients: last value": last,
            "8 clients: last 10 minutes, 12 panels": short,
            "8 clients: 1 field, 3 d, 5 min bins": lambda _n: make(),
        }
        for what, way in rates.items():
            found = [asyncio.run(per_second(side, way)) for side in (*self.sides, *self.sides)]
            row(what, (found[0] + found[2]) / 2, (found[1] + found[3]) / 2, unit="/s", more_is_better=True)

    def weigh(self) -> None:
        """Memory after all that, what is on disk, and how soon there is an answer after a start."""
        row("memory after all this", *(side.memory_mb for side in self.sides), unit="MB")
        if self.live is not None:
            self.live.stop()
        data, wal = self.top / "influx" / "data", self.top / "influx" / "wal"
        # It writes to its final files what was left alone for a while.
        before = -1.0
        while (now := size_mb(data, wal)) != before:
            before = now
            time.sleep(SETTLED_S)
        row("disk: index", size_mb(self.top / "index"), now, unit="MB")
        row("disk: index and .g3", size_mb(self.top / "index", self.top / "g3"), now, unit="MB")
        text = questions(self.end)["1 field, 3 d, 5 min bins"][0]()

        def our_start() -> float:
            begin = time.perf_counter()
            self.ours.restart()
            return until_answered(self.sides[0], text, begin)

        def their_start() -> float:
            begin = time.perf_counter()
            self.influx.restart()
            return until_answered(self.sides[1], text, begin)

        row("first answer after a start", started(our_start), started(their_start), unit="s")

    def stop(self) -> None:
        """End everything."""
        self.stack.stop()
        self.influx.stop()


def main() -> None:
    bench = Bench()
    try:
        bench.fill()
        bench.ask()
        bench.weigh()
    finally:
        bench.stop()


if __name__ == "__main__":
    main()
