"""A small observatory: router, hub, archives, a live feed, watch and bridge; and who looks at it."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
import requests
from autobahn.wamp.exception import TransportLost
from autobahn.wamp.types import PublishOptions
from sisock import logs
from sisock.connection import Connection
from sisock_g3.testing.mariadb import MariaDb
from sisock_testing import Process, Stack, wait_until
from sisock_testing.stack import Peer, Reactor, free_port
from sisock_weather.config import bundled

FAKETIME = Path(f"/usr/lib/{os.uname().machine}-linux-gnu/faketime/libfaketimeMT.so.1")
TOPIC = "observatory.drill.feeds.counter"
DAY = "field=apex_archive::apex_radiometer&start=2017-07-14&end=2017-07-15&format=json"
RATE_HZ = 10.0
ASK_S = 0.1


def lasting(seconds: float) -> None:
    """How long a fault, or a time between two looks, goes on; nobody is waited for."""
    threading.Event().wait(seconds)


class Publisher:
    """An agent: counts aloud, ten times a second, and remembers what the router took."""

    def __init__(self, reactor: Reactor, stack: Stack) -> None:
        self.taken: list[tuple[float, float, float]] = []  # when the router had it, stamp, value
        self.ahead_s = 0.0
        self._session: Any = None
        self._count = 0.0
        self._stop = threading.Event()
        self._reactor = reactor
        self._connection = Connection(
            reactor.reactor, stack.stranger(), self, logs.get("agent"), open_port=True
        )
        reactor.reactor.callFromThread(lambda: self._connection.run().addErrback(lambda _: None))
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    async def joined(self, session: Any, _details: Any) -> None:
        self._session = session

    def lost(self) -> None:
        self._session = None

    def _run(self) -> None:
        while not self._stop.wait(1 / RATE_HZ):
            self._reactor.reactor.callFromThread(self._publish)

    def _publish(self) -> None:
        if self._session is None:
            return
        self._count += 1
        count, t = self._count, time.time() + self.ahead_s
        blocks = {"n": {"block_name": "n", "timestamps": [t], "data": {"count": [count]}}}
        feed = {"agent_address": "observatory.drill", "feed_name": "counter", "address": TOPIC, "agg_params": {},
                "record": True, "session_id": "1", "agent_class": "Drill"}  # fmt: skip
        try:
            told = self._session.publish(TOPIC, (blocks, feed), options=PublishOptions(acknowledge=True))
        except TransportLost:  # the router went just now
            return
        told.addCallbacks(lambda _: self.taken.append((time.time(), t, count)), lambda _: None)

    def close(self) -> None:
        self._stop.set()
        self._thread.join(5)
        self._reactor.wait(self._connection.stop)


class Asker:
    """Somebody with a panel: asks the bridge again and again, and notes what came of it."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.answers: list[tuple[float, bool, str]] = []  # when it was asked, whether that went well, why not
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(ASK_S):
            self.answers.append((time.time(), *self.ask(self._url, DAY, 1440)))

    @staticmethod
    def ask(url: str, query: str, rows: int) -> tuple[bool, str]:
        """Whether a query brings at least so many rows, and why not."""
        try:
            reply = requests.get(f"{url}/api/v1/data?{query}", timeout=15)
        except requests.RequestException as error:
            return False, type(error).__name__
        if not reply.ok:
            return False, str(reply.status_code)
        found = len(reply.json())
        return found >= rows, "" if found >= rows else reply.headers.get("Sisock-Notices", f"{found} rows")[
            :80
        ]

    def close(self) -> None:
        self._stop.set()
        self._thread.join(20)


class Site:
    """All of it, every process kept alive as Docker's ``restart: always`` does.

    Parameters
    ----------
    reactor : Reactor
        Where the agent and the one who counts run; sites may follow each other in it.
    full : bool
        With MariaDB and an archive of .g3 files, too.
    disk_mb : int
        Room of the disk for what feed and watch store.
    own_clock : bool
        Whether its processes see a clock of their own, which can be put ahead or back: that of the host.
    """

    def __init__(
        self, reactor: Reactor, *, full: bool = True, disk_mb: int = 8, own_clock: bool = False
    ) -> None:
        self.reactor = reactor
        self.full = full
        self.mariadb: MariaDb | None = None
        self.asker: Any = None
        self.remarks: list[str] = []
        """What else was measured, for the end of the table."""
        self.missed: set[float] = set()
        """Counts that the feed never had, as was told already."""
        self.agent: Any = None
        self.peer: Any = None
        self.folder = Path(tempfile.mkdtemp(prefix="sisock-drills-"))
        self.stack = Stack(self.folder)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.small = self.folder / "small"  # a disk of its own, which may be full
        self.small.mkdir()
        self.weather = self.folder / "weather"
        shutil.copytree(bundled(), self.weather)
        mount = ["mount", "-t", "tmpfs", "-o", f"size={disk_mb}m", "drill", str(self.small)]
        self._offset = self.folder / "offset"
        self._environ: dict[str, str] = {}
        if own_clock:
            self.put_clock(0)
            self._environ = {
                "LD_PRELOAD": str(FAKETIME),
                "FAKETIME_TIMESTAMP_FILE": str(self._offset),
                "FAKETIME_CACHE_DURATION": "1",
                # As the kernel has it: what is put is the wall clock alone.
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            }
        self.on_small = os.geteuid() == 0 and subprocess.run(mount, check=False).returncode == 0

    def begin(self) -> None:
        """Start everything, and wait until it is well."""
        self.stack.start_hub(restart=True, **self._environ)
        self.start("weather", "sisock_weather", DATA_DIRECTORY=str(self.weather))
        self.start(
            "feed", "sisock_data_feed", TARGET="drill", FEED="counter", NAME="drill", DESCRIPTION="drill",
            STATE_DIRECTORY=str(self.small / "feed"),
        )  # fmt: skip
        self.start("watch", "sisock_watch", STATE_DB=str(self.small / "watch.sqlite"))
        self.start("http", "sisock_http", PORT=str(self.port), QUERY_DEADLINE="3")
        if self.full:
            self._start_g3()
        self.peer = Peer(self.reactor, self.stack.config(WAMP_USER="simonsobs"))
        feed = self.stack.processes["feed"]
        wait_until(lambda: "feed.subscribed" in feed.text(), what="the feed is heard")
        self.agent = Publisher(self.reactor, self.stack)
        wait_until(lambda: self.live_age_s() < 2, 90, "the feed is live")
        wait_until(lambda: Asker.ask(self.url, DAY, 1440)[0], 60, "the archive answers")
        if self.full:
            wait_until(self.g3_answers, 60, "the archive of .g3 files answers")
        self.asker = Asker(self.url)

    def start(self, name: str, module: str, **environ: str) -> Process:
        """Start one of ours, and again whenever it ends."""
        command = [sys.executable, "-m", module]
        return self.stack.start(name, command, restart=True, **self._environ, **environ)

    def put_clock(self, ahead_s: float) -> None:
        """Put the host's clock, which the agent goes by, too."""
        self._offset.write_text(f"{ahead_s:+g}")
        if self.agent is not None:
            self.agent.ahead_s = ahead_s

    def _start_g3(self) -> None:
        archive = self.folder / "g3"
        archive.mkdir()
        self.write_g3(archive, 1_500_000_000)
        self.mariadb = MariaDb(self.folder / "mariadb")
        self.mariadb.start()
        environ = dict(self.mariadb.fresh())
        self.start(
            "scanner", "sisock_g3_file_scanner", DATA_DIRECTORY=str(archive), SCAN_INTERVAL="1", **environ
        )
        self.start("reader", "sisock_g3_reader", DATA_DIRECTORY=str(archive), CACHE_MB="1", **environ)

    @staticmethod
    def write_g3(archive: Path, first: int, fields: Sequence[str] = ("one",)) -> None:
        """Lay a file of ten minutes in an archive."""
        import numpy as np  # noqa: PLC0415
        from sisock_g3.testing import Writer  # noqa: PLC0415

        writer = Writer(archive / f"{first}.g3")
        feed = writer.feed("observatory.old.feeds.temps")
        for i in range(10):
            t = first + 60.0 * i + np.arange(60.0)
            writer.data(feed, t, temps={name: np.arange(60.0) + i for name in fields})
        writer.close()

    def g3_answers(self) -> bool:
        """Whether the archive of .g3 files has all of its samples."""
        query = "field=g3_reader::observatory.old.feeds.temps.one&start=1500000000&end=1500000600&format=json"
        return Asker.ask(self.url, query, 600)[0]

    def live_age_s(self) -> float:
        """How old the newest sample of the live feed is, as the bridge sees it."""
        try:
            span = f"start={time.time() - 20:.3f}&end={time.time() + 7200:.3f}"
            reply = requests.get(f"{self.url}/api/v1/data?field=drill::count&{span}&format=json", timeout=15)
            rows = reply.json() if reply.ok else []
        except requests.RequestException:
            return float("inf")
        stamps = [row["time"] / 1e3 for row in rows if row["time"] / 1e3 < time.time() + 1]
        return time.time() - max(stamps) if stamps else float("inf")

    def states(self) -> bool:
        """Whether somebody says how the fields are."""
        try:
            return bool(requests.get(f"{self.url}/api/v1/state?most=1", timeout=15).json().get("watch"))
        except (requests.RequestException, ValueError):
            return False

    def process(self, kind: str) -> psutil.Process:
        """A process by its name here, or by words of its command among the hub's."""
        if kind in self.stack.processes:
            return psutil.Process(self.stack.processes[kind].pid)
        parent = psutil.Process(self.stack.processes["hub"].pid)
        return next(p for p in parent.children(recursive=True) if kind in " ".join(p.cmdline()))

    def served(self, begin: float) -> set[float]:
        """Counts that the live feed has since a moment."""
        # Whoever counts was cut off, too.
        wait_until(lambda: "drill" in self.peer.consumer.nodes, what="the counter has the router again")
        series, problems = self.peer.get_data("drill", ["count"], begin, time.time() + 7200)
        if problems:
            raise RuntimeError(problems)
        return set(series["count"].values.tolist())

    def close(self) -> None:
        """End all of it, however far it came."""
        for part in (self.asker, self.agent, self.peer):
            with contextlib.suppress(Exception):
                if part is not None:
                    part.close()
        for process in self.stack.processes.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGCONT)
        self.stack.stop()
        if self.mariadb is not None:
            self.mariadb.stop()
        if self.on_small:
            subprocess.run(["umount", "-l", str(self.small)], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)


@contextlib.contextmanager
def reactor() -> Iterator[Reactor]:
    """Twisted's reactor, which a process starts once."""
    one = Reactor()
    try:
        yield one
    finally:
        one.stop()


@contextlib.contextmanager
def running(one: Reactor, **options: Any) -> Iterator[Site]:
    """A site, as `Site` is told to make it, and its end."""
    site = Site(one, **options)
    try:
        site.begin()
        yield site
    finally:
        site.close()


Fault = Callable[[Site], contextlib.AbstractContextManager[None]]
"""What is done, and undone."""
